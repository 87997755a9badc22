"""Which pictures were taken one after the other, as file names and the camera's clock tell it."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath

import numpy as np

from decor_core.images.duplicates import group_duplicates, near_duplicates

# What labeling tools put before and behind a name: Label Studio, Roboflow.
_ADDED = re.compile(r"^(?=\d*[a-f])[0-9a-f]{8}-|_(?:jpe?g|png)\.rf\.[0-9a-f]+$", re.IGNORECASE)
_MOMENT = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_.:]?([01]\d)[-_.:]?([0-3]\d)[-_. T]*(?:at )?"
    r"([0-2]\d)[-_.:]?([0-5]\d)[-_.:]?([0-5]\d)(?:[-_.,]?(\d{1,6}))?(?!\d)"
)
_NUMBER = re.compile(r"\d+(?!.*\d)")
_LONG_PAUSE = 5  # times the usual step to the next picture: a longer one ends a burst
_SHORT_SECONDS = 2.0  # so short a pause never does
# Measured on the fingerprints: pictures of one scene under different labels have a median
# likeness of 0.5, those of products, flowers and ornament at most 0.24.
_SCENE = 0.4
_MEASURED = 500  # pictures to measure that on
_PARTNERED = 0.2  # share of the pictures of one scene that have a near duplicate, at least
_LEAST_STEPS = 8  # fewer do not tell whether neighbors are more alike than others
_LEAST_LIKENESS = 0.5  # of neighbors in a video


def bursts(files: Sequence[str], taken: Sequence[str]) -> list[list[int]]:
    """Indices of the pictures in bursts, each in the order in which it was taken.

    A burst is what lies close in time, or is numbered on in one folder; a picture of which neither
    is told makes one of its own. ``taken`` are times as in ``Opened``, "" where it is unknown.
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


def group_pictures(
    keys: Sequence[str],
    fingerprints: Sequence[np.ndarray],
    labels: Sequence[str],
    files: Sequence[str],
    taken: Sequence[str],
    batches: Sequence[int] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> tuple[list[str], list[tuple[int, int]]]:
    """The group of each picture, and the pairs of near duplicates.

    Near duplicates share a group, and so do neighbors in a video or in a burst before one scene.
    ``progress`` is as in images.duplicates.near_duplicates.
    """
    pairs = near_duplicates(fingerprints, progress)
    neighbors = _alike_neighbors(fingerprints, labels, files, taken, pairs)
    return group_duplicates(keys, [*pairs, *neighbors], batches), pairs


def _alike_neighbors(
    fingerprints: Sequence[np.ndarray],
    labels: Sequence[str],
    files: Sequence[str],
    taken: Sequence[str],
    pairs: Sequence[tuple[int, int]],
) -> list[tuple[int, int]]:
    """Pictures of one label, next to each other in a burst, that are too alike to be held apart.

    In a data set of one scene these are all, in a video those much more alike than pictures far
    from each other are.
    """
    scene = _is_one_scene(fingerprints, labels, pairs)
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, label in enumerate(labels):
        rows_of[label].append(row)
    found = []
    for rows in rows_of.values():
        for burst in bursts([files[row] for row in rows], [taken[row] for row in rows]):
            order = [rows[i] for i in burst]
            linked = np.ones(len(order) - 1, bool) if scene else _video_steps(fingerprints, order)
            found += [(order[i], order[i + 1]) for i in np.flatnonzero(linked)]
    return found


def _is_one_scene(
    fingerprints: Sequence[np.ndarray], labels: Sequence[str], pairs: Sequence[tuple[int, int]]
) -> bool:
    """Whether pictures of different labels are alike, and many have a near duplicate."""
    partnered = {row for i, j in pairs if labels[i] == labels[j] for row in (i, j)}
    if len(partnered) < max(_PARTNERED * len(labels), 1):
        return False
    chosen = np.unique(np.linspace(0, len(labels) - 1, _MEASURED).astype(int))
    names = np.array([labels[i] for i in chosen])
    prints = np.stack([fingerprints[i] for i in chosen])
    across = _likeness(prints, prints)[names[:, None] != names]
    return len(across) > 0 and float(np.median(across)) >= _SCENE


def _video_steps(fingerprints: Sequence[np.ndarray], order: Sequence[int]) -> np.ndarray:
    """Mask [n − 1] of the steps on which a video goes on; none where it is no video."""
    if len(order) <= _LEAST_STEPS:
        return np.zeros(max(len(order) - 1, 0), bool)
    chosen = np.linspace(0, len(order) - 1, min(len(order), _MEASURED)).astype(int)
    sample = np.stack([fingerprints[order[i]] for i in chosen])
    is_far = np.subtract.outer(chosen, chosen) >= len(order) // 4
    usual = float(np.percentile(_likeness(sample, sample)[is_far], 95))
    steps = np.array([
        float(_likeness(fingerprints[a][None], fingerprints[b][None])[0, 0])
        for a, b in zip(order, order[1:], strict=False)
    ])  # fmt: skip
    linked = steps > max(usual, _LEAST_LIKENESS)
    return linked if linked.mean() > 0.5 else np.zeros(len(steps), bool)


def _likeness(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of fingerprints [n, 16, 16, 4] and [m, 16, 16, 4], mirrored or not: [n, m]."""
    flat = a.reshape(len(a), -1)
    return np.maximum(flat @ b.reshape(len(b), -1).T, flat @ b[:, :, ::-1].reshape(len(b), -1).T)
