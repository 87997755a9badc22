"""The command ``runs``: kept runs listed, shown, compared, renamed, noted, deleted, restored."""

from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from decor_core.cli.options import Group, as_json
from decor_core.cli.terminal import (
    accuracy_line,
    print_evaluation,
    print_json,
    print_mistakes,
    print_table,
)
from decor_core.errors import RunError
from decor_core.model.training_config import STEPWISE

if TYPE_CHECKING:
    from decor_core.model.evaluation import Evaluation
    from decor_core.runs.run import Run
    from decor_core.runs.store import DiskRuns


def _known_runs(ctx: click.Context, argument: click.Parameter, begun: str) -> list[CompletionItem]:
    return [CompletionItem(r.id, help=r.title) for r in _store().list() if r.id.startswith(begun)]


_run = click.argument("name", metavar="RUN", shell_complete=_known_runs)


@click.group(
    "runs",
    cls=Group,
    examples=(
        "list",
        'compare 3fa1 "My model"',
    ),
)
def command() -> None:
    """List, show, compare, rename, note, delete, restore kept runs.

    RUN is the id of a run, or its beginning, or its title.
    """


@command.command("list", examples=("--json",))
@as_json
def list_runs(as_json: bool) -> None:
    """All runs: kept ones, newest first, then the models that ship."""
    store = _store()
    found = store.list()
    if as_json:
        print_json([summary(store, run) for run in found])
        return
    header = ("id", "title", "data", "learns", "head", "steps", "rate", "test accuracy",
              "cross-validated", "seconds")  # fmt: skip
    print_table(header, [_row(run) for run in found])


@command.command("show", examples=("3fa1",))
@_run
@as_json
def show(name: str, as_json: bool) -> None:
    """One run: settings, accuracy of each class, mistakes, its model."""
    store = _store()
    run = store.find(name)
    if as_json:
        predictions = run.predictions.to_dict(orient="records")
        events = [vars(event) for event in run.events]
        print_json({**summary(store, run), "answers": predictions, "events": events})
        return
    print(f"{run.title} ({run.id}), {run.created}" + (f"\n{run.note}" if run.note else ""))
    print_table(("setting", "value"), [(k, _value(v)) for k, v in run.settings.items()])
    print(f"model: {store.model_folder(run)}")
    for level, evaluation in run.cross_validation.items():
        print_evaluation(f"{level}, cross-validated", evaluation)
    if run.evaluation:
        print_evaluation("test", run.evaluation)
    print_mistakes(run.predictions)
    print(accuracy_line(run.evaluation))


@command.command("compare", examples=('3fa1 "My model"',))
@click.argument("names", nargs=-1, required=True, metavar="RUN...", shell_complete=_known_runs)
@as_json
def compare_runs(names: tuple[str, ...], as_json: bool) -> None:
    """Runs side by side: what differs, and whether that is chance."""
    from decor_core.runs.comparison import compare

    store = _store()
    chosen = [store.find(name) for name in names]
    if len({run.id for run in chosen}) < 2:
        raise RunError("Expected at least two different runs to compare.")
    found = compare(chosen)
    if as_json:
        pairs = [vars(pair) for pair in found.pairs]
        ids = [run.id for run in chosen]
        print_json({"runs": ids, "settings": found.settings, "pairs": pairs})
        return
    rows = [(name, *map(_value, values)) for name, values in found.settings.items()]
    rows.append(("test accuracy", *(_accuracy(run.evaluation) for run in chosen)))
    print_table(("", *(f"{run.title} ({run.id})" for run in chosen)), rows)
    for pair in found.pairs:
        print(pair.verdict)


@command.command("rename", examples=('3fa1 "Tiles, brighter"',))
@_run
@click.argument("title")
@as_json
def rename(name: str, title: str, as_json: bool) -> None:
    """Give a run another title."""
    store = _store()
    run = store.rename(store.find(name).id, title)
    print_run(store, run, as_json, f"The run {run.id} is called “{run.title}” now.")


@command.command("note", examples=('3fa1 "The one for the museum."',))
@_run
@click.argument("text")
@as_json
def note(name: str, text: str, as_json: bool) -> None:
    """Write a note to a run."""
    store = _store()
    run = store.note(store.find(name).id, text)
    print_run(store, run, as_json, f"The note to “{run.title}” is kept.")


@command.command("delete", examples=("3fa1",))
@_run
@as_json
def delete(name: str, as_json: bool) -> None:
    """Remove a run; “restore” brings the last one back."""
    store = _store()
    run = store.delete(store.find(name).id)
    back = f"“runs restore {run.id}” brings it back until another is deleted."
    print_run(store, run, as_json, f"Deleted “{run.title}”; {back}")


@command.command("restore", examples=("3fa1",))
@_run
@as_json
def restore(name: str, as_json: bool) -> None:
    """Bring back the run that was deleted last."""
    store = _store()
    run = store.restore(name)
    print_run(store, run, as_json, f"“{run.title}” is back.")


def print_run(store: "DiskRuns", run: "Run", as_json: bool, text: str) -> None:
    """Write what became of a run: ``text`` for people, all of it as JSON."""
    if as_json:
        print_json(summary(store, run))
    else:
        print(text)


def summary(store: "DiskRuns", run: "Run") -> dict[str, Any]:
    """What JSON tells of a run."""
    levels = run.cross_validation.items()
    return {
        "id": run.id,
        "title": run.title,
        "note": run.note,
        "created": run.created,
        "settings": run.settings,
        "seconds": run.seconds,
        "stopped": run.stopped,
        "read_only": run.read_only,
        "model": str(store.model_folder(run)),
        "evaluation": run.evaluation and run.evaluation.to_json(),
        "cross_validation": {name: evaluation.to_json() for name, evaluation in levels},
    }


def _store() -> "DiskRuns":
    from decor_core.runs.store import DiskRuns

    return DiskRuns()


def _row(run: "Run") -> tuple[str, ...]:
    config = run.config
    by_steps = config.head == STEPWISE
    return (
        run.id,
        run.title,
        run.data or "–",
        run.level,
        config.head,
        f"{config.steps}" + (" (stopped)" if run.stopped else "") if by_steps else "–",
        f"{config.learning_rate:g}" if by_steps else "–",
        _accuracy(run.evaluation),
        _accuracy(run.cross_validation.get(run.level)),
        "–" if run.seconds is None else f"{run.seconds:.1f}",
    )


def _accuracy(evaluation: "Evaluation | None") -> str:
    if evaluation is None:
        return "–"
    low, high = evaluation.ci95
    return f"{evaluation.accuracy:.1%} (N={evaluation.n}, {low:.1%}–{high:.1%})"


def _value(value: Any) -> str:
    return "–" if value in (None, "") else f"{value:g}" if isinstance(value, float) else str(value)
