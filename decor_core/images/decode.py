"""Bytes or path → upright RGB picture."""

import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from decor_core.errors import PictureError, UnsupportedPicture, kind_of
from decor_core.images import tiff
from decor_core.images.damage import DAMAGED_HEADER, decoder_errors
from decor_core.images.formats import HEAD_BYTES, is_heif, is_tga, sniff
from decor_core.images.limits import LIMITS, Limits, check_size, read_within
from decor_core.images.profiles import profile_of, to_srgb

DECODER_VERSION = 2  # counts the changes after which a file is another picture than before

_LONGEST_MOMENT = 30  # letters
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")
_NO_MEMORY = "There is too little memory here to decode the picture; save it smaller, or try later."


@dataclass(frozen=True)
class DecodedPicture:
    """A picture and what its file is: (width, height) upright, and a value of PICTURE_ENDINGS.

    ``taken`` is when, by the camera's clock, as EXIF writes it ("2026:11:28 17:30:05.12"), or "".
    ``pages`` are those of a TIFF, ``frames`` those of an animation; the picture is the first.
    ``assumed`` tells, a sentence each, what the file does not say and was taken for granted.
    """

    picture: Image.Image
    size: tuple[int, int]
    format: str
    taken: str = ""
    pages: int = 1
    frames: int = 1
    assumed: tuple[str, ...] = ()

    @property
    def left_out(self) -> str:
        """A sentence on what is in the file besides the picture, or ""."""
        for count, noun in ((self.pages, "pages"), (self.frames, "frames")):
            if count > 1:
                return f"It has {count} {noun}; the first is taken."
        return ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out or assumed, a sentence each."""
        return tuple(filter(None, (self.left_out, *self.assumed)))


def load_picture(
    source: bytes | str | Path, limits: Limits = LIMITS, max_side: int | None = None
) -> Image.Image:
    """The picture in ``source``, a path or the bytes of a file, upright, in mode RGB and sRGB.

    Transparency is laid on white; with ``max_side`` a larger one is scaled down to it (pixels).
    PictureError for what is none, damaged, or beyond the limits: see ``open_picture``.
    """
    source = Path(source) if isinstance(source, str) else source
    return open_picture(source, limits, max_side).picture


def open_picture(
    source: bytes | Path, limits: Limits = LIMITS, max_side: int | None = None
) -> DecodedPicture:
    """The picture in ``source`` as upright sRGB, mode RGB, transparency laid on white.

    The content decides the format, not the file's ending; of an animation the first frame
    counts. With ``max_side`` a larger picture is scaled down to it, which makes the decoding
    of photographs several times faster. Safe to call from several threads. Raises
    PictureError, whose one sentence does not name the file, for everything that is no
    picture (NotAPicture), is of a kind that cannot be read here (UnsupportedPicture), is
    damaged, or is beyond ``limits``; both limits are checked before decoding.
    """
    data = read_within(source, limits)
    if max_side is not None and not (isinstance(max_side, Integral) and max_side > 0):
        raise PictureError(f"Expected max_side in pixels, 1 or more, but got {kind_of(max_side)}.")
    try:
        return _decode(data, limits, max_side)
    except MemoryError as error:
        raise PictureError(_NO_MEMORY) from error


def _decode(data: bytes, limits: Limits, max_side: int | None) -> DecodedPicture:
    picture = _open(data, limits)
    check_size(picture.size, limits)
    size, pages, frames = picture.size, 1, 1
    profile, colors_assumed = profile_of(picture, data)
    if picture.format == "TIFF":
        pages = _pages(data)
    elif picture.format in ("GIF", "PNG", "WEBP", "AVIF"):
        frames = _frames(picture, data)
    if max_side is not None:
        _decode_small(picture, max_side, data)
    with decoder_errors(data):
        picture.load()
    upright, turned = _upright(picture, data)
    size = (size[1], size[0]) if turned else size
    shallow, range_assumed = _eight_bit(upright, data)
    assumed = tuple(filter(None, (colors_assumed, range_assumed)))
    rgb = _plain_rgb(shallow, profile, max_side, data)
    # An MPO is a JPEG with more of them behind it.
    format_ = "JPEG" if picture.format == "MPO" else str(picture.format)
    return DecodedPicture(rgb, size, format_, _taken(picture, data), pages, frames, assumed)


def _decode_small(picture: Image.Image, max_side: int, data: bytes) -> None:
    """Let JPEG, which alone can, decode at a fraction; a good filter does the last third.

    A photograph takes a quarter of the time, and its answer moves by less than a tenth of a point.
    """
    share = 1.5 * max_side / max(picture.size)
    width, height = (max(round(side * share), 1) for side in picture.size)
    with decoder_errors(data):
        picture.draft(None, (width, height))


def content_hash(data: bytes) -> str:
    """SHA-256 of ``data`` in hexadecimal: the identity of a file, whatever its name."""
    return hashlib.sha256(data).hexdigest()


def _open(data: bytes, limits: Limits) -> Image.Image:
    """The picture with its header read and its pixels not yet decoded."""
    _raise_limit_of_pillow(limits)
    head = data[:HEAD_BYTES]
    if problem := sniff(head):
        raise problem
    formats = _FORMATS
    if is_heif(head):
        _register_heif()
        formats = ("HEIF",)
    elif is_tga(head):
        formats = ("TGA",)
    if tiff.is_tiff(data):
        tiff.check_kind(tiff.first_page(data))
    with decoder_errors(data, DAMAGED_HEADER):
        try:
            return Image.open(io.BytesIO(data), formats=formats)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            bomb = error
    most = min(limits.max_pixels, Image.MAX_IMAGE_PIXELS or limits.max_pixels)
    raise PictureError(
        f"The picture has more pixels than the {most / 1e6:g} million allowed; save it smaller."
    ) from bomb


def _raise_limit_of_pillow(limits: Limits) -> None:
    """Let Pillow, which has a limit of its own for the whole process, read what ``limits`` allow.

    The usual ones are below it: a program that uses Decor may have set it lower, and keeps that.
    """
    own = Image.MAX_IMAGE_PIXELS
    if own is not None and limits.max_pixels > max(own, LIMITS.max_pixels):
        Image.MAX_IMAGE_PIXELS = limits.max_pixels


@lru_cache(maxsize=1)
def _register_heif() -> None:
    """Teach Pillow HEIC, on the first such picture only: the import costs memory and time."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise UnsupportedPicture(
            "The picture is HEIC, which needs the package pillow-heif here; save it as JPEG."
        ) from error
    register_heif_opener()


def _pages(data: bytes) -> int:
    """How many pages a TIFF has, as far as it is sound."""
    pages = 0
    try:
        for _ in tiff.tags_by_page(data):
            pages += 1
    except PictureError:
        pass
    return pages


def _frames(picture: Image.Image, data: bytes) -> int:
    """How many frames an animation has; damage behind the first is no reason to refuse it."""
    try:
        with decoder_errors(data):
            return getattr(picture, "n_frames", 1)
    except PictureError:
        return 1


def _upright(picture: Image.Image, data: bytes) -> tuple[Image.Image, bool]:
    """The decoded picture turned as its EXIF says, and whether its sides changed places."""
    try:
        with decoder_errors(data):
            orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
            if orientation == 1:  # else all pixels would be copied
                return picture, False
            return ImageOps.exif_transpose(picture), orientation in (5, 6, 7, 8)
    except PictureError:
        return picture, False  # a damaged note beside good pixels is no reason to refuse them


def _taken(picture: Image.Image, data: bytes) -> str:
    """When the picture was taken, "" where its EXIF does not say."""
    try:
        with decoder_errors(data):
            notes = picture.getexif().get_ifd(ExifTags.IFD.Exif)
            moment = str(notes.get(ExifTags.Base.DateTimeOriginal, "")).strip(" \0")
            fraction = str(notes.get(ExifTags.Base.SubsecTimeOriginal, "")).strip(" \0")
    except PictureError:
        return ""
    return f"{moment}.{fraction}"[:_LONGEST_MOMENT].strip(".") if moment else ""


def _eight_bit(picture: Image.Image, data: bytes) -> tuple[Image.Image, str]:
    """Gray of more than 8 bits per pixel scaled to mode L, where Pillow would clip it; all else as
    it is. And what had to be assumed of its range, or ""."""
    is_deep = picture.mode in ("I", "F") or picture.mode.startswith("I;16")
    if tiff.is_tiff(data):
        tags = tiff.first_page(data)
        tiff.check_levels(picture, tags)
        return tiff.gray_levels(picture, tags) if is_deep else (picture, "")
    if not is_deep:
        return picture, ""
    values = np.asarray(picture, np.float64)
    white = 1.0 if picture.mode == "F" else 65535.0  # as Pillow reads PNG and PPM
    levels = (np.nan_to_num(values).clip(0, white) * (255 / white) + 0.5).astype(np.uint8)
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        levels[values == clear] = 255
    return Image.fromarray(levels), ""


def _plain_rgb(
    picture: Image.Image, profile: bytes | None, max_side: int | None, data: bytes
) -> Image.Image:
    """Mode RGB in sRGB, transparency laid on white, long side at most ``max_side``."""
    if picture.mode == "CMYK":
        picture, profile = to_srgb(picture, profile), None
    with decoder_errors(data):  # a damaged palette or transparency shows only here
        rgba = picture.convert("RGBA") if picture.has_transparency_data else None
        if rgba is None and picture.mode != "L":
            picture = picture.convert("L" if picture.mode == "1" else "RGB")
    if rgba is not None:
        picture = _on_white(picture, rgba)
    if max_side is not None:
        picture.thumbnail((max_side, max_side), Image.Resampling.BICUBIC, reducing_gap=3.0)
    picture = to_srgb(picture, profile)
    picture.info.clear()  # profile, EXIF and transparency are used up: saving must not repeat them
    return picture


def _on_white(picture: Image.Image, rgba: Image.Image) -> Image.Image:
    """``rgba``, the picture in that mode, laid on white; its colors alone where all would vanish.

    Mode L if the picture is gray, else RGB.
    """
    mode = "L" if picture.mode in ("L", "LA", "La") else "RGB"
    if rgba.getchannel("A").getextrema() == (0, 0):
        colors = picture if picture.mode == "RGBa" else rgba
        opaque = Image.merge("RGB", colors.split()[:3])
        if np.ptp(np.asarray(opaque), (0, 1)).any():  # else nothing was drawn
            return opaque.convert(mode)
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert(mode)
