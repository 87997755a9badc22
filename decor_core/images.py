"""Bytes or path → upright RGB picture, and its foreground; all limits are here."""

import hashlib
import io
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from .errors import PictureError


@dataclass(frozen=True)
class Limits:
    """What a picture may be: bytes on disk, pixels when decoded, and pixels on its short side."""

    max_bytes: int = 32 * 2**20
    max_pixels: int = 64_000_000
    min_side: int = 8


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


def load_picture(
    source: bytes | Path, limits: Limits = LIMITS, max_side: int | None = None
) -> Image.Image:
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
    try:
        if max_side is not None:
            # JPEG alone can decode at a fraction; a good filter does the last halving.
            picture.draft(None, (2 * max_side, 2 * max_side))
        return _plain_rgb(_upright(picture), max_side)
    except _DECODER_ERRORS as error:
        raise PictureError(
            "The picture is damaged or incomplete and cannot be decoded; "
            "please save or download it again."
        ) from error


def picture_format(data: bytes) -> str:
    """What the content is, as one of the values of PICTURE_ENDINGS; PictureError if nothing."""
    name = _open(data).format
    return "JPEG" if name == "MPO" else name  # MPO: a JPEG with further JPEGs behind it


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


def _upright(picture: Image.Image) -> Image.Image:
    """The decoded picture turned as its EXIF says."""
    picture.load()
    try:
        return ImageOps.exif_transpose(picture)
    except _DECODER_ERRORS:
        return picture  # its pixels are good: a damaged note beside them is no reason to refuse


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
    """Grey of 16 or more bits per pixel scaled to 0–255, where Pillow would clip it."""
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
    """The picture with its embedded colour profile applied, if there is one that fits."""
    transform = _srgb_transform(profile, picture.mode) if profile else None
    return ImageCms.applyTransform(picture, transform) if transform else picture


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


# Foreground. The picture is looked at small, in YCbCr, where a soft shadow on a plain background
# changes brightness only; the tolerances were set by eye on product photographs.
_WORK_SIDE = 96
_TOLERANCE = (18, 8, 8)
_PLAIN_BORDER = 0.6  # share of the border that must have one colour to count as background
_LEAST_OBJECT = 0.02  # a smaller remainder means that the background guess was wrong
_RECTANGLE = 0.97  # share of its box that a padded photograph fills, and an object does not
_MOST_LAYERS = 3
_MARGIN = 0.04


def foreground_mask(picture: Image.Image) -> np.ndarray:
    """True on the object, bool [height, width]; all True where there is no plain background.

    Background is what has the border's colour and is connected to the border. Padding around
    a rectangular photograph is taken off first, then the photograph inside is looked at again.
    """
    small = picture.copy()
    small.thumbnail((_WORK_SIDE, _WORK_SIDE), Image.Resampling.BOX)
    colours = np.asarray(small.convert("YCbCr"), np.int16)
    mask = np.ones(colours.shape[:2], bool)
    box = np.s_[:, :]
    for _ in range(_MOST_LAYERS):
        background = _background(colours[box])
        mask[box] &= ~background
        if mask.mean() < _LEAST_OBJECT:
            mask[:] = True
            break
        box = _span(mask)
        if not background.any() or mask[box].mean() < _RECTANGLE:
            break
        box = _drop_seam(mask, box)
    return np.asarray(Image.fromarray(mask).resize(picture.size, Image.Resampling.NEAREST))


def object_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Left, upper, right, lower of the True part of ``mask`` with a small margin, for a crop.

    ``mask`` is bool [height, width]; the box stays inside it, and is all of it if none is True.
    """
    height, width = mask.shape
    if not mask.any():
        return 0, 0, width, height
    rows, columns = _span(mask)
    margin = round(_MARGIN * max(rows.stop - rows.start, columns.stop - columns.start))
    return (
        max(columns.start - margin, 0),
        max(rows.start - margin, 0),
        min(columns.stop + margin, width),
        min(rows.stop + margin, height),
    )


def _span(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the bounding box of a mask that is True somewhere."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _drop_seam(mask: np.ndarray, box: tuple[slice, slice]) -> tuple[slice, slice]:
    """Clears the outermost pixels of the box, which scaling down has mixed with the padding."""
    inner = tuple(slice(side.start + 1, side.stop - 1) for side in box)
    kept = mask[inner].copy()
    mask[:] = False
    mask[inner] = kept
    return inner


def _background(colours: np.ndarray) -> np.ndarray:
    """Where the plain colour of the border [h, w, 3] reaches from the border: bool [h, w]."""
    border = np.ones(colours.shape[:2], bool)
    border[1:-1, 1:-1] = False
    plain = np.median(colours[border], axis=0)
    alike = (np.abs(colours - plain) <= _TOLERANCE).all(axis=2)
    if alike[border].mean() < _PLAIN_BORDER:
        return np.zeros_like(border)
    return _connected(border & alike, alike)


def _connected(seed: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """All ``allowed`` pixels that four-connected steps over allowed pixels reach from ``seed``."""
    reached, before = seed, -1
    while (count := int(reached.sum())) > before:
        before = count
        reached = _along_rows(_along_rows(reached, allowed).T, allowed.T).T
    return reached


def _along_rows(seed: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Whole horizontal runs of ``allowed`` pixels that hold a pixel of ``seed``."""
    height, width = allowed.shape
    # Every blocked pixel and every row start a new run, so equal numbers mean the same run.
    runs = np.cumsum(~allowed, axis=1) + (width + 1) * np.arange(height)[:, None]
    hit = np.zeros((width + 1) * height, bool)
    hit[runs[seed]] = True
    return allowed & hit[runs]
