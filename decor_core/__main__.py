"""Thin command line: ``python -m decor_core prepare | retrain | evaluate | label | …``."""

import argparse
import itertools
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from decor_core.cli.check import check
from decor_core.cli.inputs import data_name, material_of, read_pictures, read_vectors, train_config
from decor_core.cli.options import parse
from decor_core.cli.runs import export, import_, runs
from decor_core.cli.sweep import sweep
from decor_core.cli.terminal import (
    Watch,
    accuracy_line,
    print_answers,
    print_csv,
    print_evaluation,
    print_json,
    progress_bar,
    quietly,
)
from decor_core.errors import DecorError

# Heavy modules are imported by the command that needs them: labelling must stay light.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 1 for unreadable pictures, 2 for errors."""
    options = parse(arguments, COMMANDS)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's errors only
    try:
        return options.run(options)
    except DecorError as error:
        print(f"decor: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # `| head` has had enough
        return 0
    except OSError as error:
        place = f"“{error.filename}”: " if error.filename else ""
        print(f"decor: {place}{error.strerror or error}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("decor: interrupted", file=sys.stderr)
        return 130


def _prepare(options: argparse.Namespace) -> int:
    from decor_core.data.export import prepare

    catalog = read_pictures(options)
    taxonomy = options.taxonomy or catalog.taxonomy.name
    prepared = prepare(catalog, options.out, taxonomy, progress_bar("Writing"))
    if options.json:
        print_json({"folder": str(prepared.folder), **catalog.report.to_json()})
        return 0
    print(catalog.report.to_text())
    print(f"\nWrote {sum(prepared.counts.values())} pictures to {prepared.folder}:")
    for label, count in prepared.counts.items():
        print(f"  {label}: {count}")
    return 0


def _retrain(options: argparse.Namespace) -> int:
    from decor_core.export.formats import write_labels
    from decor_core.model.bundle import check_replaceable, save_bundle
    from decor_core.training.train import train

    config = train_config(options)
    if options.bundle:
        check_replaceable(options.bundle)  # before the work, not after it
    embeddings = read_vectors(options)
    level = options.taxonomy or embeddings.taxonomy.name
    title = options.title or (options.bundle.name if options.bundle else "My model")
    started = time.monotonic()
    with Watch(options, config.steps) as watch:
        training = train(embeddings, config, level, title=title, on_event=watch)
    training_data, seconds = material_of(options, embeddings), time.monotonic() - started
    kept = _keep(training, options, seconds, training_data) if options.save else None
    bundle = training.bundle
    if options.bundle:
        save_bundle(bundle, options.bundle)
    if options.output_labels:
        write_labels(bundle, options.output_labels)
    if options.output_graph:
        from decor_core.export.frozen_graph import export_graph

        with quietly():
            export_graph(bundle, options.output_graph)
    mistakes = training.answers[training.answers["truth"] != training.answers["answer"]]
    if options.json:
        told = _training_json(training, options, mistakes)
        print_json({**told, "run": kept})
        return 0
    if options.print_misclassified_test_images:
        for row in mistakes.itertuples():
            print(f"{row.file}: {row.answer} ({row.probability:.0%}), but it is {row.truth}")
    print(bundle.training["choice"]["reason"])
    if options.bundle:
        print(f"The model is in {options.bundle}")
    if kept:
        print(f"Kept as run {kept}; “runs list” shows all")
    print(accuracy_line(bundle.evaluation))
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from decor_core.training.train import FOLDS, cross_validate, usual_folds

    embeddings = read_vectors(options)
    n_folds = options.folds or usual_folds(embeddings)
    if n_folds < FOLDS and not options.folds:
        print(
            f"decor: only {n_folds} folds: there are no more different pictures to hold out",
            file=sys.stderr,
        )
    found = cross_validate(
        embeddings,
        train_config(options),
        options.taxonomy or embeddings.taxonomy.name,
        n_folds=n_folds,
        repeats=options.repeats,
        progress=progress_bar("Cross-validating"),
    )
    if options.json:
        judged = {name: evaluation.to_json() for name, evaluation in found.items()}
        print_json({"n": len(embeddings.table), **judged})
        return 0
    print(f"{options.repeats} × {n_folds} folds, head {options.head}")
    for name, evaluation in found.items():
        print_evaluation(name, evaluation)
    return 0


def _label(options: argparse.Namespace) -> int:
    from decor_core.model.classifier import DEFAULT_BUNDLE, load_predictor

    with quietly():
        predictor = load_predictor(options.bundle or DEFAULT_BUNDLE)
    files = _picture_files(options.image)
    progress = progress_bar("Labelling") if len(files) > 20 else lambda done, total: None
    answers = []
    for answer in predictor.label(files, options.taxonomy):
        answers.append(answer.to_json(options.top))
        if options.explain and answer.prediction:
            place = _explain(predictor, answer, options)
            answers[-1]["explanation"] = str(place)
        progress(len(answers), len(files))
    if options.json:
        print_json(answers)
    elif options.csv:
        print_csv(answers)
    else:
        print_answers(answers)
    return int(any("error" in answer for answer in answers))


def _explain(predictor: Any, answer: Any, options: argparse.Namespace) -> Path:
    """Write the evidence for the likeliest label of a picture; the file that was written."""
    from decor_core.images.decode import load_picture
    from decor_core.model.explain import explain
    from decor_core.model.overlay import paint

    picture = load_picture(Path(answer.file), max_side=predictor.embedder.working_side)
    evidence = explain(predictor, picture, options.taxonomy)
    heat = evidence.attribution(answer.prediction.scores[0].label)
    options.explain.mkdir(parents=True, exist_ok=True)
    place = _unused(options.explain, Path(answer.file).stem)
    paint(picture, heat, evidence.strongest).save(place)
    return place


def _unused(folder: Path, stem: str) -> Path:
    """A name for a PNG that no other picture of that name, or earlier call, has taken."""
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    return next(place for name in names if not (place := folder / f"{name}.png").exists())


def _keep(training: Any, options: argparse.Namespace, seconds: float, training_data: Any) -> str:
    """Keep a training as a run; its id."""
    from decor_core.runs.run import run_of_training
    from decor_core.runs.store import DiskRuns

    name = training_data.name if training_data else data_name(options)
    told = training_data and training_data.to_json()
    return DiskRuns().save(run_of_training(training, name, seconds, told)).id


def _training_json(training: Any, options: argparse.Namespace, mistakes: Any) -> dict[str, Any]:
    bundle, evaluation = training.bundle, training.bundle.evaluation
    return {
        "final_test_accuracy": evaluation.accuracy if evaluation else None,
        "test_n": evaluation.n if evaluation else 0,
        "test_ci95": list(evaluation.ci95) if evaluation else None,
        "head": bundle.training["head"],
        "choice": bundle.training["choice"],
        "steps": options.how_many_training_steps,
        "learning_rate": options.learning_rate,
        "seed": options.seed,
        "taxonomy": bundle.taxonomy.name,
        "labels": list(bundle.taxonomy.labels),
        "bundle": str(options.bundle) if options.bundle else None,
        "evaluation": evaluation.to_json() if evaluation else None,
        "misclassified_test_images": mistakes.to_dict(orient="records"),
    }


def _picture_files(places: Sequence[Path]) -> list[Path]:
    """Files as given; a folder stands for all pictures below it, in sorted order."""
    found = []
    for place in places:
        found += _pictures_below(place) if place.is_dir() else [place]
    if not found:
        raise DecorError("There is no picture in the folders given; expected at least one file.")
    return found


def _pictures_below(folder: Path) -> list[Path]:
    from decor_core.images.decode import is_picture_name

    below = (p for p in folder.rglob("*") if p.is_file())
    return sorted(p for p in below if is_picture_name(p.name) and not p.name.startswith("."))


COMMANDS = {
    "check": check,
    "prepare": _prepare,
    "retrain": _retrain,
    "evaluate": _evaluate,
    "sweep": sweep,
    "label": _label,
    "runs": runs,
    "export": export,
    "import": import_,
}

if __name__ == "__main__":
    sys.exit(main())
