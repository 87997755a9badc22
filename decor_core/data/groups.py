"""Groups: pictures so alike that a split holds them together, as near duplicates and videos are."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from decor_core.data.bursts import bursts
from decor_core.images.duplicates import near_duplicates

# Measured on the fingerprints: pictures of one scene under different labels have a median
# similarity of 0.5, those of products, flowers and ornament at most 0.24.
_SCENE = 0.4
_MEASURED = 500  # pictures to measure that on
_PARTNERED = 0.2  # share of the pictures of one scene that have a near duplicate, at least
_MIN_STEPS = 8  # fewer do not tell whether neighbors are more alike than others
_MIN_SIMILARITY = 0.5  # of neighbors in a video


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


def group_duplicates(
    keys: Sequence[str], pairs: Sequence[tuple[int, int]], batches: Sequence[int] | None = None
) -> list[str]:
    """For each key the name of its group: all that a chain of ``pairs`` leads to share one.

    The name is the smallest key among those that came first. Groups of earlier ``batches`` (0 is
    the first) stay what they were: what comes later joins one of them, or makes its own.
    """
    came = [0] * len(keys) if batches is None else [int(batch) for batch in batches]
    alike: list[list[int]] = [[] for _ in keys]
    for i, j in pairs:
        alike[i].append(j)
        alike[j].append(i)
    groups: dict[int, str] = {}
    for start in sorted(range(len(keys)), key=came.__getitem__):
        if start in groups:
            continue
        # By way of what came at once; SciPy's connected_components takes 11 MB to import.
        chain, seen = [start], {start}
        for i in chain:  # grows while it is walked along
            new = {j for j in alike[i] if came[j] == came[start]} - seen
            seen |= new
            chain += new
        earlier = [groups[j] for i in chain for j in alike[i] if came[j] < came[start]]
        name = min(earlier) if earlier else min(keys[i] for i in chain)
        groups |= dict.fromkeys(chain, name)
    return [groups[i] for i in range(len(keys))]


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
    if len(order) <= _MIN_STEPS:
        return np.zeros(max(len(order) - 1, 0), bool)
    chosen = np.linspace(0, len(order) - 1, min(len(order), _MEASURED)).astype(int)
    sample = np.stack([fingerprints[order[i]] for i in chosen])
    is_far = np.subtract.outer(chosen, chosen) >= len(order) // 4
    usual = float(np.percentile(_likeness(sample, sample)[is_far], 95))
    steps = np.array([
        float(_likeness(fingerprints[a][None], fingerprints[b][None])[0, 0])
        for a, b in zip(order, order[1:], strict=False)
    ])  # fmt: skip
    linked = steps > max(usual, _MIN_SIMILARITY)
    return linked if linked.mean() > 0.5 else np.zeros(len(steps), bool)


def _likeness(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of fingerprints [n, 16, 16, 4] and [m, 16, 16, 4], mirrored or not: [n, m]."""
    flat = a.reshape(len(a), -1)
    return np.maximum(flat @ b.reshape(len(b), -1).T, flat @ b[:, :, ::-1].reshape(len(b), -1).T)
