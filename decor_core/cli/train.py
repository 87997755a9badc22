"""The command ``train``, also called ``retrain``: a model of one's own pictures, tested."""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decor_core.cli.options import FOLDER, Command, as_json, flag, options
from decor_core.cli.outputs import check_new_file, check_writable
from decor_core.cli.pictures import VectorFlags, pictures_argument
from decor_core.cli.terminal import (
    accuracy_line,
    mistakes,
    print_json,
    print_mistakes,
    progress_bar,
    stopped_by_interrupt,
    suppress_startup_logs,
)
from decor_core.cli.training_flags import resolve_head, taxonomy, training_flags
from decor_core.errors import DecorError, require_package
from decor_core.model.training_config import TrainingConfig
from decor_core.text import printable

if TYPE_CHECKING:
    from decor_core.data.catalog import Catalog
    from decor_core.features.embeddings import Embeddings
    from decor_core.model.bundle import Bundle
    from decor_core.model.events import TrainEvent
    from decor_core.model.training_data import TrainingData
    from decor_core.training.fine_tuning import FineTuning
    from decor_core.training.train import Training

# What fine-tuning goes through, by the name that it reports.
_PROGRESS = {"pictures": "Looking again", "epochs": "Fine-tuning", "vectors": "Embedding again"}


@dataclass(frozen=True)
class ResultFlags:
    """What is written of a training, and shown while it runs."""

    title: str | None = flag("What to call the model.")
    save: bool = flag("Keep it as a run: see the command runs.", default=False)
    bundle: Path | None = flag("Folder to keep the model in.", metavar="DIR", also=("--out",))
    output_labels: Path | None = flag(
        "Also write the labels, one a line; earlier ones are replaced.", metavar="FILE"
    )
    output_graph: Path | None = flag(
        "Also write a frozen TensorFlow graph; an earlier one is replaced.", metavar="FILE"
    )
    summaries_dir: Path | None = flag(
        "Write curves for TensorBoard (--head softmax only).", metavar="DIR", type=FOLDER
    )
    print_misclassified_test_images: bool = flag("List the test's mistakes.", default=False)


@click.command(
    "train",
    cls=Command,
    examples=(
        "my_pictures --out my_model",
        "my_pictures --learning_rate 0.03 --save",
        "--csv labels.csv --images photos --save",
        "my_pictures --out my_model --fine_tune",
    ),
)
@options("pictures", VectorFlags, "Pictures")
@pictures_argument
@training_flags()
@taxonomy
@options("results", ResultFlags, "Results")
@as_json
def command(
    pictures: VectorFlags,
    config: TrainingConfig,
    taxonomy: str | None,
    results: ResultFlags,
    as_json: bool,
) -> None:
    """Train a classifier on your pictures and test it.

    Without --head it is softmax where you name a setting that only that has, else auto.
    """
    from decor_core.data.split import check_shares
    from decor_core.runs.run import check_title
    from decor_core.runs.tensorboard import require_tensorflow
    from decor_core.training.train import train

    wants_curves = results.summaries_dir is not None and not config.fine_tune
    config = resolve_head(config, wants_curves=wants_curves)
    if results.title is not None:
        check_title(results.title)
    _check_outputs(results)
    check_shares(config.testing_percentage, config.validation_percentage)
    if results.output_graph:
        require_package("A frozen graph", "tensorflow", "train")
    if results.summaries_dir:
        require_tensorflow()
        check_writable(results.summaries_dir)
    catalog = _pictures_to_fine_tune(pictures, config) if config.fine_tune else None
    embeddings = pictures.load(config, taxonomy, quiet=as_json, catalog=catalog)
    if config.quick and not embeddings.copies.shape[1]:
        print("Quick: no distorted copies, and nothing is chosen.", file=sys.stderr)
    level = taxonomy or embeddings.taxonomy.name
    title = results.title or (results.bundle.name if results.bundle else "My model")
    started = time.monotonic()
    with _watching(config, results.summaries_dir, quiet=as_json) as on_event:
        if catalog:
            tuning = _fine_tune(embeddings, catalog, config, level, title, on_event)
            training = tuning.kept
        else:
            tuning = None
            training = train(embeddings, config, level, title=title, on_event=on_event)
    seconds = time.monotonic() - started
    data = pictures.training_data(config, embeddings) or pictures.name
    run_id = _keep(training, data, seconds) if results.save else None
    bundle, evaluation = training.bundle, training.bundle.evaluation
    _write_files(bundle, results)
    if as_json:
        bundle_folder = results.bundle and str(results.bundle)
        results_json = {**_to_json(training, config), "bundle": bundle_folder, "run": run_id}
        print_json(results_json | {"fine_tuning": tuning and tuning.to_json()})
        return
    if results.print_misclassified_test_images:
        print_mistakes(training.predictions)
    print(tuning.verdict if tuning else bundle.training["choice"]["reason"])
    if results.bundle:
        print(f"The model is in {results.bundle}")
    if run_id:
        print(f"Kept as run {run_id}; “runs list” shows all")
    if words := _same_scene(bundle):
        print(printable(words))
    print(accuracy_line(evaluation))


def _check_outputs(results: ResultFlags) -> None:
    """DecorError where results would replace what no training has written, or cannot be written."""
    from decor_core.model.bundle import check_replaceable
    from decor_core.runs.store import runs_directory

    if results.bundle:
        check_replaceable(results.bundle)
        check_writable(results.bundle.parent)
    if results.save:
        check_writable(runs_directory())
    for path, flag_name, is_ours in (
        (results.output_labels, "--output_labels", _are_labels),
        (results.output_graph, "--output_graph", _is_graph),
    ):
        if path and not (path.is_file() and is_ours(path.read_bytes())):
            check_new_file(path, flag_name)


def _are_labels(content: bytes) -> bool:
    """Whether they may be labels, one a line: a table of files and labels is not."""
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError:
        return False
    return len(set(lines)) == len(lines) and not any(re.search("^$|[,;\t]", x) for x in lines)


def _is_graph(content: bytes) -> bool:
    return content.startswith(b"\n") and b"Placeholder" in content[:100]  # its first node


def _pictures_to_fine_tune(pictures: VectorFlags, config: TrainingConfig) -> "Catalog":
    """The pictures, after a look at what fine-tuning needs: before the work, not after it."""
    from decor_core.training.fine_tuner import check_settings

    with suppress_startup_logs():
        check_settings(config)
    if pictures.embeddings:
        raise DecorError("--fine_tune needs the pictures themselves, not their vectors.")
    return pictures.catalog()


def _fine_tune(
    embeddings: "Embeddings",
    catalog: "Catalog",
    config: TrainingConfig,
    level: str,
    title: str,
    on_event: Callable[["TrainEvent"], None],
) -> "FineTuning":
    """The linear and the fine-tuned model; Ctrl-C keeps the best epoch so far."""
    from decor_core.training.fine_tuning import fine_tune
    from decor_core.training.time_estimate import TimeEstimate

    def tell(estimate: TimeEstimate) -> None:
        print(f"Fine-tuning: {estimate}; Ctrl-C keeps the best so far.", file=sys.stderr)

    bars = {name: progress_bar(words) for name, words in _PROGRESS.items()}
    quiet = ExitStack()

    def show(what: str, done: int, total: int) -> None:
        if what in bars:
            bars[what](done, total)
        elif not done:  # TensorFlow tells of the conversion of the network
            quiet.enter_context(suppress_startup_logs())
        else:
            quiet.close()

    with suppress_startup_logs():  # here, as it speaks when it starts; it stays loaded
        import tensorflow  # noqa: F401
    with stopped_by_interrupt() as should_stop, quiet:
        return fine_tune(
            embeddings,
            catalog.read,
            config,
            level,
            title=title,
            on_estimate=tell,
            on_event=on_event,
            progress=show,
            should_stop=should_stop,
        )


@contextmanager
def _watching(
    config: TrainingConfig, summaries_dir: Path | None, *, quiet: bool
) -> Iterator[Callable[["TrainEvent"], None]]:
    """What to call with each event: prints every tenth, and writes all for TensorBoard.

    Of fine-tuning the events are epochs, all of which are printed.
    """
    from decor_core.runs.tensorboard import Summaries

    every, name = 10 * config.eval_interval, "Step"
    if config.fine_tune:
        every, name = 1, "Epoch"
    with Summaries(summaries_dir) if summaries_dir else nullcontext() as write:

        def on_event(event: "TrainEvent") -> None:
            if write:
                write(event)
            if not quiet and (event.step % every == 0 or event.step == config.steps):
                line = (
                    f"{name} {event.step}: train accuracy = {event.train_accuracy:.1%}, "
                    f"cross entropy = {event.train_cross_entropy:.4f}"
                )
                if event.validation_accuracy is not None:
                    line += (
                        f"; validation accuracy = {event.validation_accuracy:.1%}, "
                        f"cross entropy = {event.validation_cross_entropy:.4f}"
                    )
                print(line)

        yield on_event


def _keep(training: "Training", data: "TrainingData | str", seconds: float) -> str:
    """Keep a training as a run; its id."""
    from decor_core.runs.run import run_of_training
    from decor_core.runs.store import DiskRuns

    return DiskRuns().save(run_of_training(training, data, seconds)).id


def _write_files(bundle: "Bundle", results: ResultFlags) -> None:
    from decor_core.export.formats import write_labels
    from decor_core.model.bundle import save_bundle

    if results.bundle:
        save_bundle(bundle, results.bundle)
    if results.output_labels:
        write_labels(bundle, results.output_labels)
    if results.output_graph:
        with suppress_startup_logs():
            from decor_core.export.frozen_graph import export_graph  # loads TensorFlow

            export_graph(bundle, results.output_graph)


def _same_scene(bundle: "Bundle") -> str:
    """What the test is worth where the pictures are nearly alike, else ""."""
    from decor_core.data.checks import describe_same_scene

    return describe_same_scene(bundle.training["alike_classes"], len(bundle.taxonomy.labels))


def _to_json(training: "Training", config: TrainingConfig) -> dict[str, Any]:
    bundle, evaluation = training.bundle, training.bundle.evaluation
    return {
        "final_test_accuracy": evaluation.accuracy if evaluation else None,
        "test_n": evaluation.n if evaluation else 0,
        "test_ci95": list(evaluation.ci95) if evaluation else None,
        "warning": _same_scene(bundle) or None,
        "head": bundle.training["head"],
        "choice": bundle.training["choice"],
        "copies_choice": bundle.training["copies_choice"],
        "region_choice": bundle.training["region_choice"],
        "steps": config.steps,
        "learning_rate": config.learning_rate,
        "seed": config.seed,
        "taxonomy": bundle.taxonomy.name,
        "labels": list(bundle.taxonomy.labels),
        "evaluation": evaluation.to_json() if evaluation else None,
        "misclassified_test_images": mistakes(training.predictions).to_dict(orient="records"),
    }
