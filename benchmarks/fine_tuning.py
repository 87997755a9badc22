"""Linear against fine-tuned: the same pictures, the same folds, time and memory.

    python benchmarks/fine_tuning.py --decor DIR --flowers DIR --stamps DIR --other_shops DIR

Each fold runs in a process of its own and is written to --out as soon as it is done; a fold that
is there is not run again. Prints one table of what there is. ``decor`` holds decor.csv and images;
``flowers`` and ``stamps`` are class folders; ``other_shops`` are asked of a model of all of decor,
their folders named as its labels. Both models learn from the same pictures: of those that are not
held out, nine tenths, the others are the validation part.

    --stages 3 --epochs 5 --rate 0.0003     settings of the fine-tuning
    --table         only print what is there
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

_FOLDS = 5
_SETS = "flowers", "decor", "stamps", "other_shops"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in _SETS:
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--out", type=Path, default=Path("fine_tuning.jsonl"))
    parser.add_argument("--stages", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rate", type=float, default=0.0003)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fold", help="run this one, e.g. flowers:0, in this process")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if options.fold:
        name, fold = options.fold.split(":")
        print(json.dumps(measure(options, name, int(fold))))
        return
    done = {f"{row['set']}:{row['fold']}" for row in _rows(options.out)}
    for job in () if options.table else _jobs(options):
        if job in done:
            continue
        command = [sys.executable, __file__, *sys.argv[1:], "--fold", job]
        found = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if found.returncode:
            print(f"{job} failed", file=sys.stderr)
            continue
        with options.out.open("a") as file:
            file.write(found.stdout.splitlines()[-1] + "\n")
        print(f"{time.strftime('%H:%M')} {job} done", file=sys.stderr)
    print_table(_rows(options.out))


def _jobs(options: argparse.Namespace) -> Iterator[str]:
    """Folds of all sets in turn, so that each has some when time is up."""
    for fold in range(_FOLDS):
        for name in _SETS:
            if name == "other_shops":
                if not fold and options.decor and options.other_shops:
                    yield "other_shops:0"
            elif getattr(options, name):
                yield f"{name}:{fold}"


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def measure(options: argparse.Namespace, name: str, fold: int) -> dict[str, Any]:
    """Which held-out pictures of a fold each model has right, and what it took."""
    import tensorflow as tf

    from decor_core.data.catalog import open_dataset
    from decor_core.data.split import assign_folds
    from decor_core.features.catalog_embeddings import embed_catalog
    from decor_core.model.predictor import VectorPredictor
    from decor_core.model.training_config import TrainingConfig
    from decor_core.training.fine_tuning import fine_tune
    from decor_core.training.region import embed
    from decor_core.training.train import train

    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    config = TrainingConfig(
        testing_percentage=0,
        fine_tune=options.stages,
        fine_tune_epochs=options.epochs,
        fine_tune_rate=options.rate,
        fine_tune_minutes=1000,
    )
    if name in ("decor", "other_shops"):
        folder = options.decor
        catalog = open_dataset(folder / "images", csv=folder / "decor.csv", types=("product",))
    else:
        catalog = open_dataset(getattr(options, name))
    level = "style" if "style" in catalog.table else catalog.taxonomy.name
    embeddings = embed(catalog, config)
    if name == "other_shops":
        held_out = np.zeros(len(catalog.table), bool)
    else:
        held_out = assign_folds(embeddings.table, level, _FOLDS, config.seed) == fold
    known = embeddings.rows(~held_out)
    linear = train(known, config, level)
    started, cpu = time.monotonic(), time.process_time()
    found = fine_tune(
        known, catalog.read, config, level, linear=linear,
        on_event=lambda event: print(event, file=sys.stderr, flush=True),
    )  # fmt: skip
    seconds, cpu = time.monotonic() - started, time.process_time() - cpu
    tuned = found.fine_tuned or linear
    right = []
    for bundle in (linear.bundle, tuned.bundle):
        asked = open_dataset(options.other_shops) if name == "other_shops" else catalog
        if name != "other_shops":
            asked = replace(asked, table=asked.table[held_out].reset_index(drop=True))
        vectors = embed_catalog(asked, bundle.embedding)
        truth = vectors.table[vectors.taxonomy.name if name == "other_shops" else level]
        predictions = VectorPredictor(bundle).predict(vectors.vectors)
        right.append([
            [best.label.casefold() == label.casefold(), best.probability, one.unknown]
            for one, label in zip(predictions, truth, strict=True)
            for best in one.scores[:1]
        ])  # fmt: skip
    return {
        "set": name, "fold": fold, "trained": len(known.table), "verdict": found.verdict,
        "linear": right[0], "tuned": right[1], "cpu": cpu, "seconds": seconds,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "epochs": [event.validation_cross_entropy for event in found.events],
        "fine_tuned": tuned.bundle.training.get("fine_tuned"),
        "settings": [options.stages, options.epochs, options.rate],
    }  # fmt: skip


def print_table(rows: list[dict[str, Any]]) -> None:
    from decor_core.model.evaluation import mcnemar, wilson

    def share(right: np.ndarray) -> str:
        low, high = wilson(float(right.sum()), len(right))
        return f"{right.mean():.1%} ({low:.1%}–{high:.1%})"

    heads = (
        *("set", "folds", "pictures", "linear", "fine-tuned"),
        *("only linear right / only fine-tuned", "p", "confidence less share right"),
        *("called unknown", "CPU seconds a fold", "memory, MiB"),
    )
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name in _SETS:
        chosen = [row for row in rows if row["set"] == name]
        if not chosen:
            continue
        linear, tuned = (
            np.concatenate([np.array(row[kind], float) for row in chosen])
            for kind in ("linear", "tuned")
        )
        ours, theirs = tuned[:, 0] == 1, linear[:, 0] == 1
        only_linear, only_tuned = int((theirs & ~ours).sum()), int((ours & ~theirs).sum())
        gaps = [f"{one[:, 1].mean() - one[:, 0].mean():+.3f}" for one in (linear, tuned)]
        unknown = [f"{one[:, 2].mean():.1%}" for one in (linear, tuned)]
        cells = (
            *(name, len(chosen), len(ours), share(theirs), share(ours)),
            *(f"{only_linear} / {only_tuned}", f"{mcnemar(only_linear, only_tuned):.2g}"),
            *(" / ".join(gaps), " / ".join(unknown)),
            f"{np.mean([row['cpu'] for row in chosen]):.0f}",
            f"{max(row['mib'] for row in chosen):.0f}",
        )
        print(f"| {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    main()
