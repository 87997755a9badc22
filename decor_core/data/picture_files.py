"""Which files of a folder or archive are pictures, and why the others are not."""

from collections.abc import Callable, Container, Iterator
from functools import partial

from decor_core.data.findings import NO_ROW, Finding
from decor_core.data.sources.clutter import is_documentation
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


def other_files(source: Source, told: Container[str]) -> Iterator[Finding]:
    """A finding on each file that is neither ``told`` of nor a text on the data set.

    It may be a picture all the same, by its first bytes, which no row of the table names.
    """
    for name in source.names:
        if name in told or is_documentation(name):
            continue
        if reason := why_no_picture(name, partial(source.read, name)):
            yield Finding("ignored", name, reason, set_aside=True)
        else:
            yield Finding("unlisted", name, NO_ROW, set_aside=True)


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
