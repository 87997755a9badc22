"""What decoders raise, as errors for people."""

from collections.abc import Iterator
from contextlib import contextmanager

from decor_core.errors import PictureError, UnsupportedPicture
from decor_core.images.formats import EXPORT, rare_jpeg

DAMAGED_HEADER = "The picture's header is damaged; please save or download it again."
DAMAGED = (
    "The picture is damaged or incomplete and cannot be decoded; please save or download it again."
)


@contextmanager
def decoder_errors(data: bytes, damaged: str = DAMAGED) -> Iterator[None]:
    """Raise PictureError, ``damaged`` or what is not supported, for every error in the block.

    Damaged or hostile ``data`` make decoders raise nearly anything. To be put around their calls
    alone, as bugs of Decor's own must not be told as damage. MemoryError stays what it is.
    """
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        reason = rare_jpeg(data)
        if not reason and ("nsupported" in str(error) or "not supported" in str(error)):
            reason = str(error)
        if not reason:
            raise PictureError(damaged) from error
        raise UnsupportedPicture(
            f"This kind of picture is not supported here ({reason}); {EXPORT}."
        ) from error
