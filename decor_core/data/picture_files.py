"""Which files of a folder or archive are pictures, and why the others are not."""

from collections.abc import Callable
from functools import partial

from decor_core.data.sources.source import Source
from decor_core.errors import NotAPicture, PictureError
from decor_core.images.formats import HEAD_BYTES, has_picture_ending, is_picture_name, sniff


def split_pictures(source: Source) -> tuple[list[str], dict[str, str]]:
    """The names of all that may be a picture, and of the other files each with the reason."""
    pictures, others = [], {note.file: note.message for note in source.notes if note.set_aside}
    for name in source.names:
        if reason := why_no_picture(name, partial(source.read, name)):
            others[name] = reason
        else:
            pictures.append(name)
    return pictures, others


def why_no_picture(name: str, read: Callable[[int], bytes]) -> str:
    """The reason that a file is left out, or "" for one that may be a picture.

    What is called like neither is told by its first bytes, which ``read`` gives, at most one more
    than it is asked for; no picture is decoded.
    """
    if not is_picture_name(name):
        return "Its ending is not that of a picture."
    if has_picture_ending(name):
        return ""
    try:
        problem = sniff(read(HEAD_BYTES - 1))
    except PictureError:
        return ""  # it is told where the picture is read
    return str(problem) if isinstance(problem, NotAPicture) else ""
