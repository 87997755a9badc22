"""Wrong answers put right: pictures with the labels that people gave them, which always train."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from decor_core.data.split import CORRECTION, NEAR_CORRECTION, alike_classes
from decor_core.datasets.dataset import Dataset, begin_dataset, edited
from decor_core.datasets.editing import checked_label
from decor_core.datasets.store import DatasetStore
from decor_core.errors import DataError
from decor_core.features.embeddings import Embeddings

# A copy, saved anew, mirrored or cropped: its vector is that near (cosine) to that of the picture,
# and by so much nearer than to any other. Of the decor photos' copies the rule finds 94 to 100 %,
# of those at a quality of 40 three quarters, of those at half the size a tenth; it takes 1 of 285
# photos for a copy of another.
_ALIKE, _AHEAD = 0.95, 0.03


def corrections_id(store: DatasetStore, title: str, levels: Sequence[str]) -> str:
    """The id of the set of corrections that is called so and has these levels; "" if none is."""
    wanted = title, tuple(levels)
    return next((one.id for one in store.list() if (one.title, one.levels) == wanted), "")


def correct(
    store: DatasetStore,
    title: str,
    levels: Sequence[str],
    pictures: Sequence[tuple[str, bytes]],
    label: str,
    parent: str = "",
) -> Dataset:
    """Put pictures, name and content, with their right label into the set of that title.

    It is made if there is none yet with these ``levels`` of labels, finest first; ``parent`` is
    what the label belongs to where there are two. DataError if none of them can be used.
    """
    if len(levels) > 1 and not parent.strip():
        raise DataError(f"Say also which {levels[1]} “{label}” belongs to.")
    with store.locked():  # else two servers, or tabs, each make a set of their first correction
        if set_id := corrections_id(store, title, levels):
            return edited(store.get(set_id), lambda now: now.add(pictures, label, parent)[0])
        labels = dict(zip(levels, (checked_label(label), parent), strict=False))
        return begin_dataset(store.begin(title), title, levels, pictures, labels)


def with_corrections(base: Embeddings, corrections: Embeddings) -> Embeddings:
    """``base`` joined with the corrections, which are never held out for validation or test.

    A picture of the base that was corrected has the new label; a near duplicate of a
    correction is never held out either, but in a class of which all pictures are alike: none
    would be left to test with. DataError as for ``joined``.
    """
    table = base.table if "batch" in base.table else base.table.assign(batch=0)
    corrected = corrections.table.assign(batch=CORRECTION)
    columns = [name for name in table if name in corrected]
    base = replace(base, table=table[columns])
    data = base.joined(replace(corrections, table=corrected[columns]))
    is_correction = (data.table["batch"] == CORRECTION).to_numpy()
    groups = data.table["group"].to_numpy()
    others = ~is_correction
    copied = _copied(data.vectors[is_correction], data.vectors[others], groups[others])
    level = data.taxonomy.name
    alike = data.table[level].isin(alike_classes(data.table[others], level)).to_numpy()
    is_near = others & np.isin(groups, list(copied)) & ~alike
    batches = np.where(is_near, NEAR_CORRECTION, data.table["batch"])
    return replace(data, table=data.table.assign(batch=batches))


def _copied(corrections: np.ndarray, base: np.ndarray, groups: np.ndarray) -> set[str]:
    """Of the ``groups`` [n] of the base pictures, [n, d], those that corrections [m, d] copy."""
    if not len(base):
        return set()
    a, b = (v / np.linalg.norm(v, axis=1, keepdims=True).clip(1e-12) for v in (corrections, base))
    similarity = a @ b.T
    nearest = groups[similarity.argmax(axis=1)]
    others = np.where(nearest[:, None] == groups, -1, similarity).max(axis=1)
    best = similarity.max(axis=1)
    return set(nearest[(best >= _ALIKE) & (best - others >= _AHEAD)])
