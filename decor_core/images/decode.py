"""Bytes or path → upright RGB picture; all limits are here."""

import hashlib
import io
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from decor_core.errors import PictureError


@dataclass(frozen=True)
class Limits:
    """What a picture may be: bytes on disk, pixels when decoded, and pixels on its sides.

    A side beyond the longest would cost decoders far more memory than its pixels need.
    """

    max_bytes: int = 32 * 2**20
    max_pixels: int = 64_000_000
    min_side: int = 8
    max_side: int = 32_768


LIMITS = Limits()

# What a name claims by its ending; the content decides.
PICTURE_ENDINGS = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "JPEG"),
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    **dict.fromkeys((".heic", ".heif"), "HEIF"),
    ".png": "PNG",
    ".webp": "WEBP",
    ".gif": "GIF",
    ".bmp": "BMP",
    ".avif": "AVIF",
}

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_KNOWN = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC"
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_SIGNATURES = (b"\xff\xd8", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*")
_LONGEST_MOMENT = 30  # letters
_DAMAGED_HEADER = "The picture's header is damaged; please save or download it again."

# Damaged or hostile bytes make the decoders raise nearly anything; only those calls are guarded.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class Opened:
    """A picture and what its file is: (width, height) upright, and a value of PICTURE_ENDINGS.

    ``taken`` is when, by the camera's clock, as EXIF writes it ("2026:11:28 17:30:05.12"), or "".
    """

    picture: Image.Image
    size: tuple[int, int]
    format: str
    taken: str = ""


def load_picture(
    source: bytes | Path, limits: Limits = LIMITS, max_side: int | None = None
) -> Image.Image:
    """The picture in ``source``: see ``open_picture``."""
    return open_picture(source, limits, max_side).picture


def open_picture(
    source: bytes | Path, limits: Limits = LIMITS, max_side: int | None = None
) -> Opened:
    """The picture in ``source`` as upright sRGB, mode RGB, transparency laid on white.

    The content decides the format, not the file's ending; of an animation the first frame
    counts. With ``max_side`` a larger picture is scaled down to it, which makes the decoding
    of photographs several times faster. Safe to call from several threads. Raises
    PictureError, whose one sentence does not name the file, for everything that is no
    picture, is damaged, or is beyond ``limits``; both limits are checked before decoding.
    """
    data = _read(source, limits)
    picture = _open(data)
    _check_size(picture.size, limits)
    size = picture.size
    try:
        if max_side is not None:
            _decode_small(picture, max_side)
        upright, turned = _upright(picture)
        size = (size[1], size[0]) if turned else size
        return Opened(_plain_rgb(upright, max_side), size, _kind(picture), _taken(picture))
    except _DECODER_ERRORS as error:
        raise PictureError(
            "The picture is damaged or incomplete and cannot be decoded; "
            "please save or download it again."
        ) from error


def _decode_small(picture: Image.Image, max_side: int) -> None:
    """Let JPEG, which alone can, decode at a fraction; a good filter does the last third.

    A photograph takes a quarter of the time, and its answer moves by less than a tenth of a point.
    """
    share = 1.5 * max_side / max(picture.size)
    width, height = (max(round(side * share), 1) for side in picture.size)
    picture.draft(None, (width, height))


def _kind(picture: Image.Image) -> str:
    format_ = str(picture.format)
    return "JPEG" if format_ == "MPO" else format_  # with further JPEGs behind it


def has_picture_ending(name: str) -> bool:
    """Whether a file is called like a picture."""
    return PurePosixPath(name).suffix.lower() in PICTURE_ENDINGS


def is_picture_name(name: str) -> bool:
    """Whether a file of that name may be a picture: it ends like one, or has no ending."""
    return not PurePosixPath(name).suffix or has_picture_ending(name)


def content_hash(data: bytes) -> str:
    """SHA-256 of ``data`` in hexadecimal: the identity of a file, whatever its name."""
    return hashlib.sha256(data).hexdigest()


def _read(source: bytes | Path, limits: Limits) -> bytes:
    """The bytes of ``source``, never more than the limit."""
    if isinstance(source, Path):
        source = _read_file(source, limits)
    if not source:
        raise PictureError(f"The file is empty (0 bytes); expected a picture: {_KNOWN}.")
    if len(source) > limits.max_bytes:
        raise _too_many_bytes(len(source), limits)
    return source


def _read_file(path: Path, limits: Limits) -> bytes:
    try:
        if not path.is_file():
            kind = "a folder" if path.is_dir() else "missing"
            raise PictureError(f"The file is {kind}; expected a picture: {_KNOWN}.")
        size = path.stat().st_size
        if size > limits.max_bytes:
            raise _too_many_bytes(size, limits)
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise PictureError(f"The file cannot be read ({reason}); check its permissions.") from error


def _too_many_bytes(size: int, limits: Limits) -> PictureError:
    return PictureError(
        f"The file has {size / 2**20:.1f} MiB, more than the {limits.max_bytes / 2**20:.3g} MiB "
        "allowed; save the picture smaller."
    )


def _open(data: bytes) -> Image.Image:
    """The picture with its header read and its pixels not yet decoded."""
    formats = _FORMATS
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        _register_heif()
        formats = (*_FORMATS, "HEIF")
    try:
        return Image.open(io.BytesIO(data), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(
            "The picture has far too many pixels; save it smaller, 4000 pixels wide at most."
        ) from error
    except UnidentifiedImageError as error:
        raise PictureError(_not_a_picture(data)) from error
    except _DECODER_ERRORS as error:
        raise PictureError(_DAMAGED_HEADER) from error


@lru_cache(maxsize=1)
def _register_heif() -> None:
    """Teach Pillow HEIC, on the first such picture only: the import costs memory and time."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise PictureError(
            "The picture is HEIC, which needs the package pillow-heif here; save it as JPEG."
        ) from error
    register_heif_opener()


def _not_a_picture(data: bytes) -> str:
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    brand = data[8:12]  # of the two families of formats that begin with a length
    if data.startswith(_SIGNATURES) or brand in (b"WEBP", b"avif", b"avis", *_HEIF_BRANDS):
        return _DAMAGED_HEADER
    if start.startswith(b"%pdf"):
        kind = "a PDF document"
    elif b"<svg" in start:
        kind = "an SVG drawing"
    elif start.startswith((b"<!doctype html", b"<html")):
        kind = "a web page"
    elif b"\0" not in start:
        kind = "a text file"
    else:
        kind = "not a picture of a known format"
    return f"The file is {kind}; expected a picture: {_KNOWN}."


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if width * height > limits.max_pixels:
        raise PictureError(
            f"The picture has {width} × {height} pixels, more than the "
            f"{limits.max_pixels / 1e6:g} million allowed; save it smaller."
        )
    if min(width, height) < limits.min_side:
        raise PictureError(
            f"The picture has {width} × {height} pixels; each side needs at least "
            f"{limits.min_side}."
        )
    if max(width, height) > limits.max_side:
        raise PictureError(
            f"The picture has {width} × {height} pixels; each side may have at most "
            f"{limits.max_side}."
        )


def _upright(picture: Image.Image) -> tuple[Image.Image, bool]:
    """The decoded picture turned as its EXIF says, and whether its sides changed places."""
    picture.load()
    try:
        turned = picture.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
        return ImageOps.exif_transpose(picture), turned
    except _DECODER_ERRORS:
        return picture, False  # a damaged note beside good pixels is no reason to refuse them


def _taken(picture: Image.Image) -> str:
    """When the picture was taken, "" where its EXIF does not say."""
    try:
        notes = picture.getexif().get_ifd(ExifTags.IFD.Exif)
    except _DECODER_ERRORS:
        return ""
    moment = str(notes.get(ExifTags.Base.DateTimeOriginal, "")).strip(" \0")
    fraction = str(notes.get(ExifTags.Base.SubsecTimeOriginal, "")).strip(" \0")
    return f"{moment}.{fraction}"[:_LONGEST_MOMENT].strip(".") if moment else ""


def _plain_rgb(picture: Image.Image, max_side: int | None) -> Image.Image:
    """Mode RGB in sRGB, transparency laid on white, long side at most ``max_side``."""
    profile = picture.info.get("icc_profile")
    if picture.mode == "CMYK":
        picture = _to_srgb(picture, profile)
    elif picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        picture = _to_eight_bit(picture)
    elif picture.has_transparency_data:
        picture = _on_white(picture)
    if max_side is not None:
        picture = picture.convert("RGB")
        picture.thumbnail((max_side, max_side), Image.Resampling.BICUBIC, reducing_gap=3.0)
    picture = _to_srgb(picture.convert("RGB"), profile)
    picture.info.clear()  # profile, EXIF and transparency are used up: saving must not repeat them
    return picture


def _to_eight_bit(picture: Image.Image) -> Image.Image:
    """Gray of 16 or more bits per pixel scaled to 0–255, where Pillow would clip it."""
    values = np.nan_to_num(np.asarray(picture, np.float64))
    if picture.mode.startswith("I;16"):
        white = 65535.0
    else:  # the file does not say what white is: the smallest customary one that fits
        peak = max(float(values.max()), 1e-9)
        white = next((white for white in (1.0, 255.0, 65535.0) if peak <= white), peak)
    return Image.fromarray((values.clip(0, white) * (255 / white) + 0.5).astype(np.uint8))


def _on_white(picture: Image.Image) -> Image.Image:
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture with its embedded color profile applied, if there is one that fits."""
    transform = _srgb_transform(profile, picture.mode) if profile else None
    return (transform and ImageCms.applyTransform(picture, transform)) or picture


@lru_cache(maxsize=16)
def _srgb_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From ``profile`` to sRGB; None where nothing is to do or the profile is unusable."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, *_DECODER_ERRORS):
        return None
