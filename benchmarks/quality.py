"""False alarms among quality findings, the share of spoilt pictures that are found, and the cost.

    python benchmarks/quality.py FOLDER ...

Each folder of pictures is a data set of its own; its labels do not matter. Of each, up to 60
pictures are spoilt in every way, always in the same ones.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pandas as pd
from PIL import Image, ImageFilter

from decor_core.data.findings import Finding
from decor_core.data.quality_checks import check_quality, quality_columns
from decor_core.images.decode import load_picture, open_picture
from decor_core.images.duplicates import fingerprint
from decor_core.images.formats import has_picture_ending
from decor_core.images.quality import Thresholds, measure_quality

_SIDE = 1024  # as pictures are scanned
_SPOILT = 60
_ONE_BY_ONE = Thresholds(common=2)

Fault = Callable[[Image.Image], Image.Image]


def _exposed(stops: float) -> Fault:
    """So many stops more light, in sRGB, clipped as a camera does."""
    linear = np.arange(256) / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear * 2**stops, 0, 1)
    levels = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    table = [round(255 * level) for level in levels] * 3
    return lambda picture: picture.point(table)


def _contrast(share: float) -> Fault:
    return lambda picture: picture.point(lambda level: 128 + (level - 128) * share)


def _defocused(share: float) -> Fault:
    """A Gaussian whose deviation is that share of the long side."""
    return lambda picture: picture.filter(ImageFilter.GaussianBlur(share * max(picture.size)))


def _moved(share: float) -> Fault:
    """Moved aslant by that share of the long side while it was taken."""

    def move(picture: Image.Image) -> Image.Image:
        length = max(2, round(share * max(picture.size)))
        levels = np.asarray(picture, np.float32)
        height, width, _ = levels.shape
        padded = np.pad(levels, ((0, length), (0, length), (0, 0)), mode="edge")
        total = np.zeros_like(levels)
        for step in range(length):
            down, right = round(step * 0.5), round(step * 0.87)
            total += padded[down : down + height, right : right + width]
        return Image.fromarray((total / length).astype(np.uint8))

    return move


FAULTS: dict[str, Fault] = {
    **{f"underexposed by {stops} stops": _exposed(-stops) for stops in (2, 3, 4)},
    **{f"overexposed by {stops} stops": _exposed(stops) for stops in (2, 3, 4)},
    **{f"contrast of {share:.0%}": _contrast(share) for share in (0.3, 0.2, 0.1)},
    **{f"defocused by {share:.1%}": _defocused(share) for share in (0.005, 0.01, 0.02, 0.04)},
    **{f"moved by {share:.0%}": _moved(share) for share in (0.02, 0.04, 0.08)},
}


def found(pictures: Sequence[Image.Image], sizes: Sequence[tuple[int, int]]) -> list[Finding]:
    """What is told of pictures with these (width, height), one by one however many."""
    table = pd.DataFrame(
        {
            "file": list(map(str, range(len(pictures)))),
            "width": [width for width, _ in sizes],
            "height": [height for _, height in sizes],
            **quality_columns([measure_quality(picture) for picture in pictures]),
        }
    )
    return check_quality(table, _ONE_BY_ONE)


def milliseconds(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return 1000 * (time.thread_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    folders = parser.parse_args().folders
    spoilt: dict[str, Counter[str]] = {name: Counter() for name in FAULTS}
    tried, scanning, measuring = 0, 0.0, 0.0
    for folder in folders:
        files = sorted(path for path in folder.rglob("*") if has_picture_ending(path.name))
        pictures, sizes = [], []
        for file in files:
            opened = open_picture(file, max_side=_SIDE)
            small = opened.picture.copy()
            small.thumbnail((512, 512), Image.Resampling.BOX)
            pictures.append(small)
            sizes.append(opened.size)
        findings = found(pictures, sizes)
        told = Counter(finding.kind for finding in findings)
        print(f"{folder.name}: {len(files)} pictures, {len(findings)} told of {dict(told)}")
        for finding in findings:
            print(f"    {files[int(finding.file)].relative_to(folder)}: {finding.message}")
        chosen = np.random.default_rng(0).permutation(len(files))[:_SPOILT]
        tried += len(chosen)
        for name, fault in FAULTS.items():
            spoilt[name] += Counter(
                finding.kind
                for place in chosen
                for finding in found([fault(pictures[place])], [(400, 400)])
            )
        for place in chosen:
            picture = load_picture(files[place], max_side=_SIDE)
            scanning += milliseconds(lambda: load_picture(files[place], max_side=_SIDE))  # noqa: B023
            scanning += milliseconds(lambda: fingerprint(picture))  # noqa: B023
            measuring += milliseconds(lambda: measure_quality(picture))  # noqa: B023
    print(f"\nof {tried} spoilt ones are told, in percent:")
    for name, kinds in spoilt.items():
        print(f"    {name}: { ({kind: round(100 * n / tried) for kind, n in kinds.items()}) }")
    print(
        f"\ncomputing of a scan: {scanning / tried:.1f} ms to open and fingerprint a picture, "
        f"{measuring / tried:.1f} ms to measure it, {1 + measuring / scanning:.2f} times as long"
    )


if __name__ == "__main__":
    main()
