"""A small data set to try things out on: crops of drawn samples, and faults for a report."""

import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from decor_core.images.augment import Augmentation, distort
from decor_core.images.decode import content_hash, load_picture
from decor_core.images.encode import encode_jpeg

_CROPS = Augmentation(flip=True, crop=18, scale=45, brightness=12, copies=5)
_SIDE = 360


Sample = tuple[str, str, bytes]  # file name, class, content


def write_example(path: Path, samples: Sequence[Sample]) -> None:
    """Write a zip of class folders: five crops of each of ``samples``, of three classes or more.

    One of them lies in the wrong class folder, one is there twice, one is tiny, one broken, one has
    the name of another format. PictureError where a sample is damaged.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for file, label, data in samples:
            for name, crop in _crops(data, PurePosixPath(file).stem):
                archive.writestr(f"Example/{label}/{name}.jpg", crop)
        for name, data in _faults(samples):
            archive.writestr(f"Example/{name}", data)


def _crops(data: bytes, stem: str) -> list[tuple[str, bytes]]:
    picture, key = load_picture(data), content_hash(data)
    return [
        (f"{stem}-{number}", encode_jpeg(distort(picture, _CROPS, key, number), _SIDE))
        for number in range(_CROPS.copies)
    ]


def _faults(samples: Sequence[Sample]) -> list[tuple[str, bytes]]:
    labels = list(dict.fromkeys(label for _, label, _ in samples))
    third = next(data for _, label, data in samples if label == labels[1])
    data = [samples[0][2], samples[1][2], third]
    whole = [load_picture(one) for one in data]
    return [
        (f"{labels[2]}/strayed.jpg", encode_jpeg(whole[0], _SIDE)),
        (f"{labels[0]}/once-more.jpg", _crops(data[1], "")[0][1]),
        (f"{labels[1]}/tiny.jpg", encode_jpeg(whole[2], 40)),
        (f"{labels[1]}/broken.jpg", data[2][: len(data[2]) // 3]),
        (f"{labels[0]}/really-a-jpeg.png", encode_jpeg(whole[1], _SIDE)),
    ]
