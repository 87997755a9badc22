"""The commands about kept runs: list, show, compare, rename, note, delete, restore, carry."""

import argparse
from pathlib import Path
from typing import Any

from decor_core.cli.terminal import (
    accuracy_line,
    print_evaluation,
    print_json,
    print_table,
    quietly,
)
from decor_core.errors import RunError

# Heavy modules are imported by the command that needs them: labelling must stay light.


def runs(options: argparse.Namespace) -> int:
    """``runs list | show | compare | rename | note | delete | restore``."""
    from decor_core.runs.store import DiskRuns

    return _ACTIONS[options.action](DiskRuns(), options)


def _list(store: Any, options: argparse.Namespace) -> int:
    found = store.list()
    if options.json:
        print_json([_summary(store, run) for run in found])
        return 0
    header = ("id", "title", "data", "learns", "head", "steps", "rate", "test accuracy",
              "cross-validated", "seconds")  # fmt: skip
    print_table(header, [_row(run) for run in found])
    return 0


def _row(run: Any) -> tuple[str, ...]:
    config = run.config
    by_steps = config.head == "softmax"
    return (
        run.id,
        run.title,
        run.data or "–",
        run.level,
        config.head,
        f"{config.steps}" + (" (stopped)" if run.stopped else "") if by_steps else "–",
        f"{config.learning_rate:g}" if by_steps else "–",
        _figure(run.evaluation),
        _figure(run.cross_validation.get(run.level)),
        "–" if run.seconds is None else f"{run.seconds:.1f}",
    )


def _figure(evaluation: Any) -> str:
    if evaluation is None:
        return "–"
    low, high = evaluation.ci95
    return f"{evaluation.accuracy:.1%} (N={evaluation.n}, {low:.1%}–{high:.1%})"


def _summary(store: Any, run: Any) -> dict[str, Any]:
    judged = run.cross_validation.items()
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
        "cross_validation": {name: evaluation.to_json() for name, evaluation in judged},
    }


def _show(store: Any, options: argparse.Namespace) -> int:
    run = store.find(options.name)
    if options.json:
        answers = run.answers.to_dict(orient="records")
        events = [vars(event) for event in run.events]
        print_json({**_summary(store, run), "answers": answers, "events": events})
        return 0
    print(f"{run.title} ({run.id}), {run.created}" + (f"\n{run.note}" if run.note else ""))
    print_table(("setting", "value"), [(k, _value(v)) for k, v in run.settings.items()])
    print(f"model: {store.model_folder(run)}")
    for name, evaluation in {**run.cross_validation, "test": run.evaluation}.items():
        if evaluation:
            print_evaluation(f"{name}, cross-validated" if name != "test" else name, evaluation)
    for row in run.answers[run.answers["truth"] != run.answers["answer"]].itertuples():
        print(f"{row.file}: {row.answer} ({row.probability:.0%}), but it is {row.truth}")
    print(accuracy_line(run.evaluation))
    return 0


def _value(value: Any) -> str:
    return "–" if value in (None, "") else f"{value:g}" if isinstance(value, float) else str(value)


def _compare(store: Any, options: argparse.Namespace) -> int:
    from decor_core.runs.comparison import compare

    chosen = [store.find(name) for name in options.names]
    if len({run.id for run in chosen}) < 2:
        raise RunError("Expected at least two different runs to compare.")
    found = compare(chosen)
    if options.json:
        pairs = [vars(pair) for pair in found.pairs]
        ids = [run.id for run in chosen]
        print_json({"runs": ids, "settings": found.settings, "pairs": pairs})
        return 0
    rows = [(name, *map(_value, values)) for name, values in found.settings.items()]
    rows.append(("test accuracy", *(_figure(run.evaluation) for run in chosen)))
    print_table(("", *(f"{run.title} ({run.id})" for run in chosen)), rows)
    for pair in found.pairs:
        print(pair.verdict)
    return 0


def _rename(store: Any, options: argparse.Namespace) -> int:
    run = store.rename(store.find(options.name).id, options.text)
    return _told(store, run, options, f"The run {run.id} is called “{run.title}” now.")


def _note(store: Any, options: argparse.Namespace) -> int:
    run = store.note(store.find(options.name).id, options.text)
    return _told(store, run, options, f"The note to “{run.title}” is kept.")


def _delete(store: Any, options: argparse.Namespace) -> int:
    run = store.delete(store.find(options.name).id)
    back = f"“runs restore {run.id}” brings it back until another is deleted."
    return _told(store, run, options, f"Deleted “{run.title}”; {back}")


def _restore(store: Any, options: argparse.Namespace) -> int:
    run = store.restore(options.name)
    return _told(store, run, options, f"“{run.title}” is back.")


def _told(store: Any, run: Any, options: argparse.Namespace, text: str) -> int:
    if options.json:
        print_json(_summary(store, run))
    else:
        print(text)
    return 0


_ACTIONS = {
    "list": _list,
    "show": _show,
    "compare": _compare,
    "rename": _rename,
    "note": _note,
    "delete": _delete,
    "restore": _restore,
}


def export(options: argparse.Namespace) -> int:
    """``export``: a run or a model folder as a zip."""
    from decor_core.export.formats import export_model, export_name
    from decor_core.model.bundle import load_bundle
    from decor_core.runs.store import DiskRuns

    folder = Path(options.model)
    bundle = load_bundle(folder) if folder.is_dir() else DiskRuns().find(options.model).bundle
    out = options.out or Path(export_name(bundle, options.format))
    with quietly():
        export_model(bundle, options.format, out)
    if options.json:
        print_json({"file": str(out), "format": options.format, "bytes": out.stat().st_size})
    else:
        print(f"Wrote {out} ({out.stat().st_size / 2**20:.1f} MiB)")
    return 0


def import_(options: argparse.Namespace) -> int:
    """``import``: an exported model as a run."""
    from decor_core.runs.import_run import import_run
    from decor_core.runs.store import DiskRuns

    with quietly():
        run = import_run(options.file)
    store = DiskRuns()
    run = store.save(run.titled(store.free_title((options.title or run.title).strip())))
    return _told(store, run, options, f"Kept “{run.title}” as run {run.id}.")
