"""Which pictures were taken one after the other, as file names and the camera's clock tell it."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath

import numpy as np

# What labeling tools put before and behind a name: Label Studio, Roboflow.
_ADDED = re.compile(r"^(?=\d*[a-f])[0-9a-f]{8}-|_(?:jpe?g|png)\.rf\.[0-9a-f]+$", re.IGNORECASE)
_MOMENT = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_.:]?([01]\d)[-_.:]?([0-3]\d)[-_. T]*(?:at )?"
    r"([0-2]\d)[-_.:]?([0-5]\d)[-_.:]?([0-5]\d)(?:[-_.,]?(\d{1,6}))?(?!\d)"
)
_NUMBER = re.compile(r"\d+(?!.*\d)")
_LONG_PAUSE = 5  # times the usual step to the next picture: a longer one ends a burst
_SHORT_SECONDS = 2.0  # so short a pause never does


def bursts(files: Sequence[str], taken: Sequence[str]) -> list[list[int]]:
    """Indices of the pictures in bursts, each in the order in which it was taken.

    A burst is what lies close in time, or is numbered on in one folder; a picture of which neither
    is known makes one of its own. ``taken`` are times as in ``DecodedPicture``, or "".
    """
    series: dict[str, list[tuple[float, int, str, int]]] = defaultdict(list)
    for row, (file, when) in enumerate(zip(files, taken, strict=True)):
        path = PurePosixPath(file)
        stem = _ADDED.sub("", path.stem)
        seconds = _seconds(when)
        if seconds is None and (seconds := _seconds(stem)) is not None:
            stem = _MOMENT.sub("", stem, count=1)
        digits = _NUMBER.search(stem)
        number = int(digits[0][-15:]) if digits else 0
        if seconds is not None:
            series["clock"].append((seconds, number, file, row))
        elif digits:
            name = f"{path.parent}/{stem[: digits.start()]}#{stem[digits.end() :]}"
            series[name].append((number, 0, file, row))
        else:
            series[f"alone {row}"].append((0, 0, file, row))
    return [
        burst
        for name, members in series.items()
        for burst in _runs(sorted(members), _SHORT_SECONDS if name == "clock" else 1)
    ]


def _runs(members: list[tuple[float, int, str, int]], shortest: float) -> Iterator[list[int]]:
    """The rows of a series, cut wherever a step is much longer than usual."""
    steps = np.diff([position for position, *_ in members])
    limit = max(shortest, _LONG_PAUSE * float(np.median(steps))) if len(steps) else 0
    run = [members[0][-1]]
    for step, (*_, row) in zip(steps, members[1:], strict=True):
        if step > limit:
            yield run
            run = []
        run.append(row)
    yield run


def _seconds(text: str) -> float | None:
    """The first moment in a text, in seconds since 1970; None where there is none."""
    moment = _MOMENT.search(text)
    if not moment:
        return None
    *parts, fraction = moment.groups()
    try:
        year, month, day, hour, minute, second = map(int, parts)
        at = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None  # there is no such day
    return at.timestamp() + float(f"0.{fraction or 0}")
