"""How well wrong labels are found: labels of the decor products swapped at random.

    python benchmarks/label_issues.py [--strangers FOLDER_OF_PHOTOGRAPHS] [--seeds N]

The folder's photographs are mixed in, five at a time and under random labels, to see how many are
called outliers.
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pandas as pd

from decor_core.features.embedder import ImageEmbedder
from decor_core.features.embeddings import Embeddings
from decor_core.images.decode import load_picture
from decor_core.training.label_issues import find_label_issues


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strangers", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    shipped = Embeddings.load()
    for types in (("product",), ("pattern",), ("product", "pattern")):
        known = shipped.of_types(*types)
        print(f"{' and '.join(types)}: {len(known.table)} pictures")
        for share in (0.0, 0.05, 0.1, 0.2):
            print("  " + _swapped(known, share, options.seeds if share else 1))
    if options.strangers:
        print(_mixed_in(shipped.of_types("product"), options.strangers, options.seeds))


def _swapped(known: Embeddings, share: float, seeds: int) -> str:
    found = right = suggested = swapped = outliers = 0
    started = time.monotonic()
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        table = known.table.copy()
        chosen = rng.choice(len(table), round(share * len(table)), replace=False)
        labels = known.taxonomy.labels
        for row in chosen:
            others = [label for label in labels if label != table.at[row, "style"]]
            table.at[row, "style"] = rng.choice(others)
        issues = find_label_issues(replace(known, table=table), "style")
        is_bad = np.isin(issues.mislabeled, chosen)
        is_true = known.table["style"].to_numpy()[issues.mislabeled] == issues.suggested
        found += len(is_bad)
        right += is_bad.sum()
        suggested += (is_true & is_bad).sum()
        swapped += len(chosen)
        outliers += len(issues.outliers)
    each = (time.monotonic() - started) / seeds
    if not swapped:
        return f"clean: {found} listed, {outliers} outliers, {each:.1f} s"
    return (
        f"{share:.0%} swapped, {seeds} seeds: precision {right / max(found, 1):.1%}, recall "
        f"{right / swapped:.1%}, suggestion right {suggested / max(right, 1):.1%}, "
        f"{outliers / seeds:.1f} outliers, {each:.1f} s"
    )


def _mixed_in(known: Embeddings, folder: Path, seeds: int) -> str:
    embedder = ImageEmbedder(known.spec)
    photographs = np.stack(
        [embedder.embed(load_picture(path, max_side=512)) for path in sorted(folder.iterdir())]
    ).astype(np.float32)
    caught = false = 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        chosen = rng.choice(len(photographs), 5, replace=False)
        names = [f"stranger {i}" for i in chosen]
        more = pd.DataFrame({column: names for column in ("file", "key", "group")})
        more["style"] = rng.choice(known.taxonomy.labels, 5)
        mixed = replace(
            known,
            table=pd.concat([known.table, more], ignore_index=True),
            vectors=np.concatenate([known.vectors, photographs[chosen]]),
            copies=np.concatenate([known.copies, known.copies[:5]]),
        )
        is_stranger = find_label_issues(mixed, "style").outliers >= len(known.table)
        caught += is_stranger.sum()
        false += (~is_stranger).sum()
    return (
        f"{len(photographs)} photographs, 5 at a time, {seeds} seeds: {caught / (5 * seeds):.0%} "
        f"called outliers, and {false / seeds:.1f} of the {len(known.table)} products"
    )


if __name__ == "__main__":
    main()
