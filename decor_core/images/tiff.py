"""TIFF, of which Pillow decodes some kinds wrongly: which are right, their pages, their range."""

import io
from collections.abc import Iterator
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from decor_core.errors import PictureError, UnsupportedPicture
from decor_core.images.damage import DAMAGED_HEADER, decoder_errors

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2 as Tags

_SUBFILE_TYPE, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 258, 259, 262
_SAMPLES, _PLANES, _PREDICTOR, _SUB_IFDS, _INK_SET = 277, 284, 317, 330, 332
_SAMPLE_FORMAT, _SUBSAMPLING, _DNG_VERSION = 339, 530, 50706
_RANGES = ((340, 341), (280, 281))  # SMin/SMaxSampleValue, Min/MaxSampleValue
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_INVERTED_GRAY, _GRAY, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB = 0, 1, 2, 3, 5, 6, 8
# Of each photometric interpretation, sample format and depth: how many channels are decoded
# rightly, where they lie together and where each lies in a plane of its own.
_TOGETHER = {
    **{(_GRAY, _UNSIGNED, bits): {1} for bits in (1, 2, 4, 12, 16)},
    **{(_INVERTED_GRAY, _UNSIGNED, bits): {1} for bits in (1, 2, 4, 8, 16)},
    **{(_PALETTE, _UNSIGNED, bits): {1} for bits in (1, 2, 4, 8)},
    **{(_GRAY, _SIGNED, bits): {1} for bits in (16, 32)},
    (_GRAY, _UNSIGNED, 8): {1, 2},
    (_GRAY, _FLOAT, 32): {1},
    (_INVERTED_GRAY, _FLOAT, 32): {1},
    (_RGB, _UNSIGNED, 8): {3, 4},
    (_RGB, _UNSIGNED, 16): {3, 4},
    (_CMYK, _UNSIGNED, 8): {4, 5, 6},
    (_CMYK, _UNSIGNED, 16): {4},
    (_YCBCR, _UNSIGNED, 8): {3},
    (_LAB, _UNSIGNED, 8): {3},
}
_IN_PLANES = {
    (_RGB, _UNSIGNED, 8): {3, 4},
    (_RGB, _UNSIGNED, 16): {3, 4},  # unless they are uncompressed
    (_CMYK, _UNSIGNED, 8): {4},
}
_SWAPPED = {(_SIGNED, 16), (_SIGNED, 32), (_FLOAT, 32)}  # big-endian ones, when compressed
_JPEG, _PREDICTABLE = {6, 7}, {5, 8, 32946, 34925, 50000}  # LZW, deflate, LZMA, Zstandard
_COMPRESSIONS = {1, 2, 3, 4, 32773, *_JPEG, *_PREDICTABLE}
_NAMES = {
    **{6: "JPEG", 7: "JPEG", 34712: "JPEG 2000", 33003: "JPEG 2000", 33005: "JPEG 2000"},
    **{34887: "LERC", 34933: "PNG", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL"},
}
_SPACES = {_INVERTED_GRAY: "gray", _GRAY: "gray", _RGB: "RGB", _PALETTE: "palette", _CMYK: "CMYK",
           _YCBCR: "YCbCr", _LAB: "Lab"}  # fmt: skip


def is_tiff(data: bytes) -> bool:
    return data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"))


def tags_by_page(data: bytes) -> Iterator["Tags"]:
    """The tags of each page, without smaller copies and masks of pages; they change as it goes on.

    PictureError where the bytes are damaged.
    """
    from PIL.TiffImagePlugin import ImageFileDirectory_v2  # 3 ms that no JPEG need wait

    head = data[: 16 if data[2:4] in (b"+\0", b"\0+") else 8]  # of a BigTIFF it is longer
    with decoder_errors(data, DAMAGED_HEADER):
        tags = ImageFileDirectory_v2(head)
    stream, seen = io.BytesIO(data), set()
    bytes_read = 0
    while (at := tags.next) and at not in seen and bytes_read <= len(data):
        seen.add(at)
        with decoder_errors(data, DAMAGED_HEADER):
            stream.seek(at)
            tags.load(stream)
        bytes_read += stream.tell() - at  # pages that lie over each other could be many
        is_torn, is_copy = tags.next == at, _one(tags, _SUBFILE_TYPE, 0) & 0b101
        if len(seen) == 1 or not (is_torn or is_copy):
            yield tags


def first_page(data: bytes) -> "Tags":
    """The tags of the first page; PictureError where the bytes are damaged."""
    for tags in tags_by_page(data):
        return tags
    raise PictureError(DAMAGED_HEADER)


def check_kind(tags: "Tags") -> None:
    """UnsupportedPicture unless the first page is of a kind that Pillow decodes rightly."""
    if _DNG_VERSION in tags or (_one(tags, _SUBFILE_TYPE, 0) & 1 and _SUB_IFDS in tags):
        raise UnsupportedPicture(
            "The file is a raw photograph of a camera, of which only a small preview could be "
            "read here; develop it with the camera's program and export it as JPEG."
        )
    if reason := _reason_against(tags):
        raise _unsupported(reason)


def check_levels(picture: Image.Image, tags: "Tags") -> None:
    """UnsupportedPicture where colors of 16 bits use 12 of them: of those Pillow keeps the upper 8,
    so that 16 levels are left."""
    if _all(tags, _BITS, 1)[0] == 16 and picture.mode.startswith("RGB"):
        peak = max(high for _, high in picture.getextrema()[:3])  # pyright: ignore
        if 0 < peak <= 15:
            raise _unsupported("16-bit colors of which 12 bits are used")


def _unsupported(reason: str) -> UnsupportedPicture:
    return UnsupportedPicture(
        f"This kind of TIFF is not supported here ({reason}); save it as 8-bit RGB TIFF, PNG or "
        "JPEG."
    )


def _reason_against(tags: "Tags") -> str:
    """What of a picture is beyond Pillow, "" if nothing is."""
    depths, formats = _all(tags, _BITS, 1), _all(tags, _SAMPLE_FORMAT, _UNSIGNED)
    samples, bits, format_ = _one(tags, _SAMPLES, 1), depths[0], formats[0]
    photometric, compression = _one(tags, _PHOTOMETRIC, _GRAY), _one(tags, _COMPRESSION, 1)
    in_planes = samples > 1 and _one(tags, _PLANES, 1) == 2
    kind = (photometric, format_, bits)
    if compression not in _COMPRESSIONS or (compression in _JPEG and bits != 8):
        return f"compressed by {_NAMES.get(compression, f'method {compression}')}"
    if _one(tags, _PREDICTOR, 1) != 1 and compression not in {1, *_PREDICTABLE}:
        return "a predictor with this compression"
    if len(set(depths)) > 1 or len(set(formats)) > 1:
        return "channels of different depths"
    unpacked_deep_planes = in_planes and bits == 16 and compression == 1
    if unpacked_deep_planes or samples not in (_IN_PLANES if in_planes else _TOGETHER).get(
        kind, ()
    ):
        number = {_SIGNED: " signed", _FLOAT: " floating-point"}.get(format_, "")
        channels = "1 channel" if samples == 1 else f"{samples} channels"
        planes = " in separate planes" if in_planes else ""
        space = _SPACES.get(photometric, f"color space {photometric}")
        return f"{channels} of {bits}{number} bits{planes}, {space}"
    if (format_, bits) in _SWAPPED and compression != 1 and tags.prefix == b"MM":
        return f"compressed numbers of {bits} bits, the highest byte first"
    if kind == (_RGB, _UNSIGNED, 16) and _told_range(tags)[1] not in (None, 65535):
        return "16-bit colors of which only a part is used"
    if photometric == _CMYK and _one(tags, _INK_SET, 1) != 1:
        return "inks other than CMYK"
    if photometric == _YCBCR and compression not in _JPEG:
        return "" if _all(tags, _SUBSAMPLING, 2) == (1, 1) else "subsampled YCbCr"
    return ""


def _all(tags: "Tags", tag: int, default: int, kind: type = int) -> tuple:
    """All numbers of a tag, which has one or as many as there are channels; PictureError if none.

    A damaged tag may be of any type, and Pillow decodes it only here.
    """
    with decoder_errors(b"", DAMAGED_HEADER):
        value = tags.get(tag, default)
    values = value if isinstance(value, tuple) else (value,)
    if not values or not all(isinstance(value, kind) for value in values):
        raise PictureError(DAMAGED_HEADER)
    return values


def _one(tags: "Tags", tag: int, default: int) -> int:
    return _all(tags, tag, default)[0]


def _told_range(tags: "Tags") -> tuple[float | None, float | None]:
    """What the tags say is black and white, None where they do not."""
    for low, high in _RANGES:
        if high in tags:
            lowest = float(min(_all(tags, low, 0, Real))) if low in tags else None
            return lowest, float(max(_all(tags, high, 0, Real)))
    return None, None


def gray_levels(picture: Image.Image, tags: "Tags") -> tuple[Image.Image, str]:
    """A picture of one deep channel, scaled to mode L, and what had to be assumed for it, or "".

    What is white is told by the tags, else by the depth of unsigned numbers, else by the data.
    """
    kind, bits = _all(tags, _SAMPLE_FORMAT, _UNSIGNED)[0], _all(tags, _BITS, 1)[0]
    values = np.nan_to_num(np.asarray(picture, np.float64), nan=0, posinf=0, neginf=0)
    lowest, peak = float(values.min()), float(values.max())
    black, white = _told_range(tags)
    assumed = ""
    is_known = white is not None and peak <= white < np.inf and white > (black or 0)
    if black is None or black > lowest:
        black = 0.0
    if white is None or not is_known or white <= black:
        black, white = min(lowest, 0.0), _likely_white(peak, kind, bits)
        if black < 0 or white != (1 if kind == _FLOAT else 2**bits - 1):
            assumed = f"The file does not say which value is white; {white:g} was taken"
            assumed += f", and {black:g} for black." if black else "."
    levels = (values - black).clip(0) * (255 / (white - black))
    if _one(tags, _PHOTOMETRIC, _GRAY) == _INVERTED_GRAY:
        levels = 255 - levels
    return Image.fromarray((levels + 0.5).clip(0, 255).astype(np.uint8)), assumed


def _likely_white(peak: float, kind: int, bits: int) -> float:
    if kind == _UNSIGNED and bits <= 16:
        # Cameras and microscopes write 12 bits into 16; a picture of all 16 is never so dark.
        return 4095 if 255 < peak <= 4095 and bits == 16 else 2**bits - 1
    for customary in (1, 255):
        if peak <= customary:
            return customary
    return 65535 if 32767 < peak <= 65535 else peak
