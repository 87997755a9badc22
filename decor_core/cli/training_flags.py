"""The flags that say how to train, for train, evaluate and sweep: a TrainingConfig."""

import functools
import sys
from collections.abc import Callable, Collection
from dataclasses import fields, replace
from typing import Any

import click

from decor_core.cli.options import Option, options
from decor_core.cli.terminal import suppress_startup_logs
from decor_core.model.training_config import STEPWISE, TrainingConfig

# What was decided about vectors when they were made.
OF_VECTORS = tuple(one.name for one in fields(TrainingConfig) if one.metadata["of_vectors"])
# What a command has no use for that trains many models.
FINE_TUNING = tuple(one.name for one in fields(TrainingConfig) if one.name.startswith("fine_tune"))


def training_flags(leave_out: Collection[str] = ()) -> Callable[[Any], Any]:
    """Give a command the flags of a TrainingConfig, which it gets as ``config``.

    Whoever names a setting that only gradient descent has gets gradient descent, unless a head is
    named as well.
    """

    def decorate(command: Callable[..., Any]) -> Any:
        @functools.wraps(command)
        def with_network(*, config: TrainingConfig, **values: Any) -> Any:
            architecture = network_named(config.architecture)
            return command(config=replace(config, architecture=architecture), **values)

        return options("config", TrainingConfig, "Training", leave_out=leave_out)(with_network)

    return decorate


def network_named(text: str) -> str:
    """The name of the network that the command line means: a name, a file of one, or a model.

    What is assumed of a file is said on stderr.
    """
    from decor_core.model.networks import resolve_network

    with suppress_startup_logs():
        name, assumed = resolve_network(text)
    if assumed:
        print(f"decor: {assumed}", file=sys.stderr)
    return name


def resolve_head(config: TrainingConfig, *, wants_curves: bool = False) -> TrainingConfig:
    """The config with the head that the command line asks for; says what another one ignores."""
    descent = [one.name for one in fields(config) if one.metadata["heads"] == (STEPWISE,)]
    asked = any(_is_given(name) for name in descent)
    if not config.fine_tune:
        warn_ignored(FINE_TUNING[1:], "nothing is fine-tuned without --fine_tune")
    if not _is_given("head"):
        return replace(config, head=STEPWISE) if asked or wants_curves else config
    if asked and config.head != STEPWISE:
        print(
            f"decor: --head {config.head} knows no steps, rate, batches or decay: they are "
            "ignored; leave --head out to train by gradient descent.",
            file=sys.stderr,
        )
    return config


def warn_ignored(names: Collection[str], why: str) -> None:
    """Say on stderr which of these settings were given, and are ignored."""
    if given := [f"--{name}" for name in names if _is_given(name)]:
        print(f"decor: {why}; ignored: {', '.join(given)}.", file=sys.stderr)


def _is_given(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


taxonomy = click.option(
    "--taxonomy", cls=Option, section="Training", metavar="NAME",
    help="Labels to learn, e.g. style or country.",
)  # fmt: skip
folds = click.option(
    "--folds", type=click.IntRange(min=2), metavar="N",
    help="Parts to hold out in turn.  [default: 5, or fewer where the pictures are]",
)  # fmt: skip
