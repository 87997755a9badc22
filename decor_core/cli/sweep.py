"""The command ``sweep``: many settings tried by cross-validation, the best one marked."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from decor_core.cli.options import COUNT, Command, as_json, flag, options
from decor_core.cli.pictures import VectorFlags, pictures_argument
from decor_core.cli.terminal import print_json, progress_bar, stopped_by_interrupt
from decor_core.cli.training_flags import FINE_TUNING, folds, taxonomy, training_flags
from decor_core.model.training_config import STEPWISE, TrainingConfig

if TYPE_CHECKING:
    from decor_core.training.search import SearchResult


@dataclass(frozen=True)
class SearchFlags:
    """The values to try, each with each."""

    heads: tuple[str, ...] = flag(
        "Heads: softmax, ensemble, logistic, lda or auto.", default=(STEPWISE,), flag="head"
    )
    steps: tuple[int, ...] = flag(
        "Training steps.", default=(100, 500, 2000), flag="how_many_training_steps"
    )
    rates: tuple[float, ...] = flag(
        "Learning rates.", default=(0.003, 0.01, 0.03, 0.1), flag="learning_rate"
    )
    random: int | None = flag(
        "Not a grid, but N settings at random between the least and the largest.", type=COUNT
    )


@click.command(
    "sweep",
    cls=Command,
    examples=(
        "my_pictures",
        "my_pictures --head lda,logistic,ensemble",
        "my_pictures --random 20 --testing_percentage 20",
    ),
)
@options("tried", SearchFlags, "What to try")
@options("pictures", VectorFlags, "Pictures")
@pictures_argument
@training_flags(
    leave_out=(
        *("head", "steps", "learning_rate", "validation_percentage", "eval_interval"),
        *FINE_TUNING,
    )
)
@taxonomy
@folds
@as_json
def command(
    tried: SearchFlags,
    pictures: VectorFlags,
    config: TrainingConfig,
    taxonomy: str | None,
    folds: int | None,
    as_json: bool,
) -> None:
    """Find the best settings by cross-validation.

    Ctrl-C keeps what is done. Pictures kept for a test (--testing_percentage) are not used.
    """
    from decor_core.training.search import best_result, grid, random_candidates, search

    space = tried.steps, tried.rates, tried.heads
    if tried.random:
        candidates = random_candidates(tried.random, *space, seed=config.seed)
    else:
        candidates = grid(*space)
    for candidate in candidates:
        candidate.config(config)  # what is out of range is told before the work
    embeddings = pictures.load(config, taxonomy, quiet=as_json)
    with stopped_by_interrupt() as should_stop:
        results = search(
            embeddings,
            candidates,
            taxonomy or embeddings.taxonomy.name,
            base=config,
            n_folds=folds,
            on_result=None if as_json else lambda result: print(_line(result), flush=True),
            progress=progress_bar("Trying"),
            should_stop=should_stop,
        )
    chosen = best_result(results)
    if as_json:
        print_json({
            "folds": len(results[0].folds) if results else folds,
            "seed": config.seed,
            "tried": len(results),
            "candidates": len(candidates),
            "results": [{**_row(result), "best": result is chosen} for result in results],
            "best": chosen and _row(chosen),
        })  # fmt: skip
        return
    if len(results) < len(candidates):
        print(f"Stopped: {len(results)} of {len(candidates)} settings were tried.")
    if chosen:
        print(f"Best: {_line(chosen)}, the simplest within one standard error of the most accurate")


def _line(result: "SearchResult") -> str:
    settings = result.candidate.head
    if result.candidate.steps:
        settings += f", {result.candidate.steps} steps at {result.candidate.learning_rate:g}"
    if result.diverged:
        return f"{settings}: diverged"
    return f"{settings}: {result.accuracy:.1%} ± {result.standard_error:.1%}"


def _row(result: "SearchResult") -> dict[str, Any]:
    accuracies = [None if math.isnan(accuracy) else accuracy for accuracy in result.folds]
    return {
        **vars(result.candidate),
        "accuracy": None if result.diverged else result.accuracy,
        "standard_error": None if result.diverged else result.standard_error,
        "folds": accuracies,
        "diverged": result.diverged,
    }
