"""Which files of a folder or archive are pictures, and why the others are not."""

from decor_core.data.sources.source import Source
from decor_core.errors import NotAPicture, PictureError
from decor_core.images.formats import HEAD_BYTES, has_picture_ending, is_picture_name, sniff


def split_pictures(source: Source) -> tuple[list[str], dict[str, str]]:
    """The names of all that may be a picture, and of the other files each with the reason.

    What is called like neither is told by its first bytes; no picture is decoded.
    """
    pictures, others = [], {note.file: note.message for note in source.notes if note.set_aside}
    for name in source.names:
        if not is_picture_name(name):
            others[name] = "Its ending is not that of a picture."
        elif reason := _why_no_picture(source, name):
            others[name] = reason
        else:
            pictures.append(name)
    return pictures, others


def _why_no_picture(source: Source, name: str) -> str:
    if has_picture_ending(name):
        return ""
    try:
        problem = sniff(source.read(name, HEAD_BYTES - 1))
    except PictureError:
        return ""  # it is told where the picture is read
    return str(problem) if isinstance(problem, NotAPicture) else ""
