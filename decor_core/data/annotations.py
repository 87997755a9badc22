"""Annotations of objects in pictures, COCO, YOLO, Pascal VOC: named, as they are not classes."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from decor_core.data.sources import Source
from decor_core.errors import PictureError
from decor_core.images.decode import has_picture_ending

_BEGINNING = 2**16  # bytes of a JSON or text file that are looked at
_YOLO_LINE = re.compile(rb"\s*\d+(\s+-?[\d.]+(e-?\d+)?){4,}\s*", re.IGNORECASE)
_COCO_KEYS = (b'"images"', b'"annotations"', b'"categories"')
_WAY_OUT = (
    "Decor learns one class for each whole picture: export the set as a classification set (in "
    "Roboflow, CVAT or Label Studio, with a folder for each class), or cut the objects out into "
    "class folders."
)


def annotation_format(source: Source) -> str:
    """A sentence that names the format of the annotations beside pictures; "" if there are none."""
    formats = (("COCO", _coco), ("YOLO", _yolo), ("Pascal VOC", _voc))
    for name, find in formats:
        if file := find(source):
            return (
                f"This is a {name} data set: “{file}” tells of objects in the pictures. {_WAY_OUT}"
            )
    return ""


def _coco(source: Source) -> str:
    """A JSON file that speaks of images, annotations and categories."""
    for file in _ending(source, ".json"):
        try:
            text = source.read(file)
        except PictureError:
            continue
        if sum(key in text for key in _COCO_KEYS) > 1 and _COCO_KEYS[1] in text:
            return file
    return ""


def _yolo(source: Source) -> str:
    """A text of numbers for most pictures, called like them."""
    pictures = {PurePosixPath(n).stem for n in source.names if has_picture_ending(n)}
    texts = [name for name in _ending(source, ".txt") if PurePosixPath(name).stem in pictures]
    if not texts:
        return ""
    lines = [line for name in texts[:5] for line in _beginning(source, name).splitlines()]
    return texts[0] if lines and all(map(_YOLO_LINE.fullmatch, lines)) else ""


def _voc(source: Source) -> str:
    """An XML file called like a picture, of an annotation."""
    pictures = {PurePosixPath(n).stem for n in source.names if has_picture_ending(n)}
    for file in _ending(source, ".xml"):
        if PurePosixPath(file).stem in pictures and b"<annotation" in _beginning(source, file):
            return file
    return ""


def _ending(source: Source, ending: str) -> Iterable[str]:
    return [name for name in source.names if name.lower().endswith(ending)]


def _beginning(source: Source, file: str) -> bytes:
    try:
        return source.read(file, _BEGINNING)
    except PictureError:
        return b""
