"""The engine on this machine: rows of pictures, on all cores, to an output."""

from collections.abc import Generator, Iterable
from functools import partial

from decor_core.bulk.output import Output
from decor_core.bulk.rows import Row, RowMaker, row_of
from decor_core.bulk.sources import Picture, read_picture
from decor_core.errors import DecorError, PictureError
from decor_core.parallel import map_in_order

_READERS = 16  # threads that wait for what comes through the network


def run(
    pictures: Iterable[Picture], maker: RowMaker, output: Output, *, is_remote: bool = False
) -> Generator[int, None, None]:
    """Make a row of each picture that ``output`` has none of, and finish it.

    Yields how many are done by now. What is done when it is interrupted, fails, or is closed, is
    kept. Pictures that are ``is_remote`` are fetched ahead.
    """
    output.begin()
    todo = (picture for picture in pictures if not output.done.claim(picture.file))
    if is_remote:
        rows = map_in_order(partial(_row, maker), map_in_order(_read, todo, threads=_READERS))
    else:
        rows = map_in_order(lambda picture: _row(maker, _read(picture)), todo)
    try:
        for count, row in enumerate(rows, 1):
            output.add(row)
            yield count
        output.finish()
    except BaseException:
        output.stop()
        raise


def _read(picture: Picture) -> tuple[str, bytes | DecorError]:
    try:
        return picture.file, read_picture(picture)
    except DecorError as error:
        return picture.file, error


def _row(maker: RowMaker, read: tuple[str, bytes | DecorError]) -> Row:
    """The row of what was read; what keeps all from being read is raised here, in its turn."""
    file, content = read
    if isinstance(content, DecorError) and not isinstance(content, PictureError):
        raise content
    return row_of(maker, file, content)
