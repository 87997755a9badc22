"""A small data set to try things out on: crops of drawn samples, and faults for a report."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from PIL import Image

from ..pictures.images import content_hash, load_picture
from ..vision.augmentation import Augmentation, distort

_CROPS = Augmentation(flip=True, crop=18, scale=45, brightness=12, copies=5)
_SIDE = 360


def write_example(path: Path, samples: Mapping[str, str], folder: Path) -> None:
    """Write a zip of class folders; ``samples`` are pictures of ``folder`` and their classes.

    Each becomes five crops. One of them lies in the wrong class folder, one is there twice, one is
    tiny, one broken, one has the name of another format.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for file, label in samples.items():
            for name, data in _crops((folder / file).read_bytes(), PurePosixPath(file).stem):
                archive.writestr(f"Example/{label}/{name}.jpg", data)
        for name, data in _faults(samples, folder):
            archive.writestr(f"Example/{name}", data)


def _crops(data: bytes, stem: str) -> list[tuple[str, bytes]]:
    picture, key = load_picture(data), content_hash(data)
    return [
        (f"{stem}-{number}", _jpeg(distort(picture, _CROPS, key, number), _SIDE))
        for number in range(_CROPS.copies)
    ]


def _faults(samples: Mapping[str, str], folder: Path) -> list[tuple[str, bytes]]:
    labels = list(dict.fromkeys(samples.values()))
    first, second = list(samples)[:2]
    third = next(file for file, label in samples.items() if label == labels[1])
    data = [(folder / file).read_bytes() for file in (first, second, third)]
    whole = [load_picture(one) for one in data]
    return [
        (f"{labels[2]}/strayed.jpg", _jpeg(whole[0], _SIDE)),
        (f"{labels[0]}/once-more.jpg", _crops(data[1], "")[0][1]),
        (f"{labels[1]}/tiny.jpg", _jpeg(whole[2], 40)),
        (f"{labels[1]}/broken.jpg", data[2][: len(data[2]) // 3]),
        (f"{labels[0]}/really-a-jpeg.png", _jpeg(whole[1], _SIDE)),
    ]


def _jpeg(picture: Image.Image, side: int) -> bytes:
    small = picture.copy()
    small.thumbnail((side, side))
    packed = io.BytesIO()
    small.save(packed, "JPEG", quality=85)
    return packed.getvalue()
