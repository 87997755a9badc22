"""What a program gives as images, in whatever form → files for the one decoder."""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from decor_core.errors import DataError, PictureError, UnsupportedPicture, kind_of
from decor_core.images.limits import LIMITS, read_within

# A path, the bytes of an image file, a PIL image, or an array [h, w, 3] of 0–255.
ImageLike = str | PathLike[str] | bytes | bytearray | memoryview | Image.Image | np.ndarray

_AS_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_CHANNELS = (1, 2, 3, 4)  # of gray, with alpha, of colors, with alpha


def list_images(images: Any) -> Iterable[ImageLike]:
    """The images of a list, an iterator, an array [n, …], a column, or a table of one column.

    DataError for a single image, and for a table of several columns.
    """
    if _is_single(images):
        raise DataError("Expected a list of images, but got a single one; put it into a list.")
    shape = getattr(images, "shape", ())
    if len(shape) == 2:
        if shape[1] != 1:
            raise DataError(
                f"Expected one column of images, but the table has {shape[1]}; choose one."
            )
        images = np.asarray(images)[:, 0]
    try:
        return iter(images)  # of a column the values, whatever its index
    except TypeError as error:
        raise DataError(f"Expected a list of images, but got {kind_of(images)}.") from error


def _is_single(images: Any) -> bool:
    if not isinstance(images, np.ndarray):
        kinds = str | PathLike | bytes | bytearray | memoryview | Image.Image
        return isinstance(images, kinds) or _is_open_file(images)
    is_numbers = images.dtype.kind in "biuf"
    return is_numbers and (images.ndim == 2 or (images.ndim == 3 and images.shape[2] in _CHANNELS))


def _is_open_file(value: Any) -> bool:
    return hasattr(value, "read") and hasattr(value, "seek")


@contextmanager
def name_image_in_errors(number: int, image: Any) -> Iterator[None]:
    """An error about an image names the place in its list, from 0, and its path."""
    try:
        yield
    except PictureError as error:
        path = f", “{image}”" if isinstance(image, str | PathLike) else ""
        raise type(error)(f"Image {number}{path}: {error}") from error


def encoded(image: ImageLike) -> bytes:
    """An image as a file, so that all go through the one decoder; PictureError where it is none."""
    if isinstance(image, str | PathLike):
        return read_within(Path(image), LIMITS)
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image)
    if isinstance(image, np.ndarray):
        image = _from_array(image)
    if not isinstance(image, Image.Image):
        hint = "; give what it reads, as bytes" if _is_open_file(image) else ""
        raise PictureError(
            f"Expected a path, bytes, a PIL image or an array, but got {kind_of(image)}{hint}."
        )
    buffer = io.BytesIO()
    kind = "TIFF" if image.mode == "CMYK" else "PNG"
    try:
        upright = ImageOps.exif_transpose(image)
        if kind == "PNG" and upright.mode not in _AS_PNG:
            if upright.mode in ("I", "F"):
                raise ValueError("it does not say what is white")
            upright = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
        upright.save(buffer, kind, exif=upright.getexif(), compress_level=1)
    except ValueError as error:
        raise UnsupportedPicture(
            f"An image of mode {image.mode} cannot be read ({error}); convert it to RGB."
        ) from error
    except OSError as error:
        raise PictureError(f"The picture is damaged or incomplete ({error}).") from error
    return buffer.getvalue()


def _from_array(array: np.ndarray) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim and not array.size:
        raise PictureError("Expected an array of pixels, but it is empty.")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in _CHANNELS):
        shape = " × ".join(map(str, array.shape)) or "a single number"
        raise PictureError(f"Expected an array [height, width, 3], but got {shape}.")
    is_deep = array.dtype == np.uint16 and array.ndim == 2
    if array.dtype.kind in "iu" and not is_deep and ((array >= 0) & (array <= 255)).all():
        array = array.astype(np.uint8)
    if array.dtype not in (np.uint8, np.bool_) and not is_deep:
        raise PictureError(
            f"Expected an array of whole numbers from 0 to 255, but its type is {array.dtype}; "
            "shares from 0 to 1 become such by (array * 255).astype('uint8')."
        )
    return Image.fromarray(array)
