"""Annotations of objects in pictures (COCO, YOLO and others): named, as they are no classes."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from decor_core.data.sources.source import Source
from decor_core.errors import PictureError
from decor_core.images.formats import has_picture_ending
from decor_core.images.limits import LIMITS

_BEGINNING = 2**16  # bytes of a JSON or text file that are looked at
_MAX_READ = 10
_COCO_NAME = re.compile(r"(^|[/_.-])(instances_\w+|_annotations\.coco)\.json$", re.IGNORECASE)
_YOLO_LINE = re.compile(rb"\s*\d+(\s+-?[\d.]+(e-?\d+)?){4,}\s*", re.IGNORECASE)
_COCO_KEYS = (b'"images"', b'"annotations"', b'"categories"')
_WAY_OUT = (
    "Decor learns one class for each whole picture: export the set as a classification set (in "
    "Roboflow, CVAT or Label Studio, with a folder for each class), or cut the objects out into "
    "class folders."
)


def annotation_format(source: Source) -> str:
    """A sentence that names the format of the annotations beside pictures; "" if there are none."""
    formats = (("COCO", _coco), ("YOLO", _yolo), ("Pascal VOC", _voc), ("LabelMe", _labelme))
    for name, find in formats:
        if file := find(source):
            return (
                f"This is a {name} data set: “{file}” tells of objects in the pictures. {_WAY_OUT}"
            )
    return ""


def _coco(source: Source) -> str:
    """A JSON file that speaks of images, annotations and categories."""
    pictures = _stems(source)
    lists = [n for n in _ending(source, ".json") if PurePosixPath(n).stem not in pictures]
    for file in lists[:_MAX_READ]:
        if _COCO_NAME.search(file):
            return file
        text = _beginning(source, file, LIMITS.max_bytes)
        if sum(key in text for key in _COCO_KEYS) > 1 and _COCO_KEYS[1] in text:
            return file
    return ""


def _yolo(source: Source) -> str:
    """A text of numbers for most pictures, called like them."""
    pictures = _stems(source)
    texts = [name for name in _ending(source, ".txt") if PurePosixPath(name).stem in pictures]
    if not texts:
        return ""
    lines = [line for name in texts[:_MAX_READ] for line in _beginning(source, name).splitlines()]
    return texts[0] if lines and all(map(_YOLO_LINE.fullmatch, lines)) else ""


def _voc(source: Source) -> str:
    """An XML file called like a picture, of an annotation."""
    return _called_like_picture(source, ".xml", b"<annotation")


def _labelme(source: Source) -> str:
    """A JSON file called like a picture, of shapes in it."""
    return _called_like_picture(source, ".json", b'"shapes"')


def _called_like_picture(source: Source, ending: str, word: bytes) -> str:
    """A file of that ending and a picture's name, with the word in it; "" if there is none."""
    pictures = _stems(source)
    named = [name for name in _ending(source, ending) if PurePosixPath(name).stem in pictures]
    return next((n for n in named[:_MAX_READ] if word in _beginning(source, n)), "")


def _stems(source: Source) -> set[str]:
    return {PurePosixPath(name).stem for name in source.names if has_picture_ending(name)}


def _ending(source: Source, ending: str) -> Iterable[str]:
    return [name for name in source.names if name.lower().endswith(ending)]


def _beginning(source: Source, file: str, most: int = _BEGINNING) -> bytes:
    try:
        return source.read(file, most)
    except PictureError:
        return b""
