"""The command ``sweep``: many settings tried by cross-validation, the best one marked."""

import argparse
import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from decor_core.cli.inputs import read_vectors
from decor_core.cli.terminal import print_json, progress_bar


def sweep(options: argparse.Namespace) -> int:
    """Try the settings and print how each did; interrupted, what was done until then."""
    from decor_core.model.training_config import TrainingConfig
    from decor_core.training.search import best, grid, random_candidates, search

    base = TrainingConfig(
        batch_size=options.train_batch_size,
        weight_decay=options.weight_decay,
        testing_percentage=options.testing_percentage,
        seed=options.seed,
    )
    space = options.steps, options.rates, options.heads
    if options.random:
        candidates = random_candidates(options.random, *space, seed=options.seed)
    else:
        candidates = grid(*space)
    for candidate in candidates:
        candidate.config(base)  # what is out of range is told before the work
    embeddings = read_vectors(options)
    with _stopped_by_interrupt() as should_stop:
        results = search(
            embeddings,
            candidates,
            options.taxonomy or embeddings.taxonomy.name,
            base=base,
            n_folds=options.folds,
            on_result=None if options.json else lambda result: print(_line(result), flush=True),
            progress=progress_bar("Trying"),
            should_stop=should_stop,
        )
    chosen = best(results)
    if options.json:
        print_json(_told(results, chosen, candidates, options))
        return 0
    if len(results) < len(candidates):
        print(f"Stopped: {len(results)} of {len(candidates)} settings were tried.")
    if chosen:
        print(f"Best: {_line(chosen)}, the simplest within one standard error of the most accurate")
    return 0


@contextmanager
def _stopped_by_interrupt() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C asks to stop, the second one ends everything."""
    asked = threading.Event()

    def interrupt(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _line(result: Any) -> str:
    settings = result.candidate.head
    if result.candidate.steps:
        settings += f", {result.candidate.steps} steps at {result.candidate.learning_rate:g}"
    if result.diverged:
        return f"{settings}: diverged"
    return f"{settings}: {result.accuracy:.1%} ± {result.standard_error:.1%}"


def _told(
    results: list[Any], chosen: Any, candidates: list[Any], options: argparse.Namespace
) -> dict[str, Any]:
    return {
        "folds": len(results[0].folds) if results else options.folds,
        "seed": options.seed,
        "tried": len(results),
        "candidates": len(candidates),
        "results": [{**_row(result), "best": result is chosen} for result in results],
        "best": chosen and _row(chosen),
    }


def _row(result: Any) -> dict[str, Any]:
    accuracies = [None if math.isnan(accuracy) else accuracy for accuracy in result.folds]
    return {
        **vars(result.candidate),
        "accuracy": None if result.diverged else result.accuracy,
        "standard_error": None if result.diverged else result.standard_error,
        "folds": accuracies,
        "diverged": result.diverged,
    }
