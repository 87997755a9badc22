"""The command ``evaluate``: repeated cross-validation of a recipe."""

import sys

import click

from decor_core.cli.options import COUNT, Command, as_json, options
from decor_core.cli.pictures import VectorFlags, pictures_argument
from decor_core.cli.terminal import print_evaluation, print_json, progress_bar
from decor_core.cli.training_flags import FINE_TUNING, folds, resolve_head, taxonomy, training_flags
from decor_core.model.training_config import TrainingConfig
from decor_core.text import printable


@click.command(
    "evaluate",
    cls=Command,
    examples=(
        "my_pictures",
        "my_pictures --head lda --folds 10 --repeats 1",
    ),
)
@options("pictures", VectorFlags, "Pictures")
@pictures_argument
@training_flags(
    leave_out=("testing_percentage", "validation_percentage", "eval_interval", *FINE_TUNING)
)
@taxonomy
@folds
@click.option("--repeats", type=COUNT, default=5, show_default=True, metavar="N",
              help="Times to shuffle and do it again.")  # fmt: skip
@as_json
def command(
    pictures: VectorFlags,
    config: TrainingConfig,
    taxonomy: str | None,
    folds: int | None,
    repeats: int,
    as_json: bool,
) -> None:
    """Evaluate settings by repeated cross-validation.

    Without --head it is softmax where you name a setting that only that has, else auto.
    """
    from decor_core.data.checks import describe_same_scene
    from decor_core.data.split import alike_classes
    from decor_core.training.train import FOLDS, cross_validate, default_folds

    config = resolve_head(config)
    embeddings = pictures.load(config, taxonomy, quiet=as_json)
    level = taxonomy or embeddings.taxonomy.name
    n_folds = folds or default_folds(embeddings, level)
    if n_folds < FOLDS and not folds:
        print(
            f"decor: only {n_folds} folds: there are no more different pictures to hold out",
            file=sys.stderr,
        )
    found = cross_validate(
        embeddings,
        config,
        level,
        n_folds=n_folds,
        repeats=repeats,
        progress=progress_bar("Cross-validating"),
    )
    alike = alike_classes(embeddings.table, level)
    if words := describe_same_scene(alike, embeddings.table[level].nunique()):
        print(f"decor: {printable(words)}", file=sys.stderr)
    if as_json:
        levels = {name: evaluation.to_json() for name, evaluation in found.items()}
        print_json({"n": len(embeddings.table), **levels})
        return
    print(f"{repeats} × {n_folds} folds, head {config.head}")
    for name, evaluation in found.items():
        print_evaluation(name, evaluation)
