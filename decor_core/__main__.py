"""Thin command line: ``python -m decor_core prepare | retrain | label``."""

import argparse
import csv
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from .backbone import DEFAULT, load_backbone
from .errors import DecorError

# Heavy modules are imported by the command that needs them: labelling must stay light.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 1 for unreadable pictures, 2 for errors."""
    options = _parser().parse_args(_with_underscores(arguments))
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


def _with_underscores(arguments: Sequence[str] | None) -> list[str]:
    """``--learning-rate`` and ``--learning_rate`` are the same flag."""
    found = []
    for argument in sys.argv[1:] if arguments is None else arguments:
        if argument.startswith("--"):
            name, equals, value = argument.partition("=")
            argument = "--" + name[2:].replace("-", "_") + equals + value
        found.append(argument)
    return found


# --- the flags


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    def _get_help_string(self, action: argparse.Action) -> str:
        if action.default in (None, False, [], "") or action.required:
            return action.help
        return super()._get_help_string(action)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m decor_core",
        description="Prepare pictures, retrain a classifier on them, and label new ones.",
        epilog="Dashes and underscores in flags are the same. “COMMAND --help” tells more.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_prepare(commands)
    _add_retrain(commands)
    _add_evaluate(commands)
    _add_label(commands)
    return parser


def _command(commands: Any, run: Callable[[argparse.Namespace], int], text: str) -> Any:
    name = run.__name__.strip("_")
    command = commands.add_parser(
        name, help=text, description=text, formatter_class=_Help, allow_abbrev=False
    )
    command.set_defaults(run=run)
    return command


def _add_source(command: Any, *, folders: bool = True) -> None:
    group = command.add_argument_group("pictures")
    if folders:
        group.add_argument(
            "--image_dir", type=Path, metavar="DIR", help="folder (or zip) of class folders"
        )
    group.add_argument("--csv", type=Path, metavar="FILE", help="table of pictures and labels")
    group.add_argument(
        "--images", type=Path, metavar="DIR_OR_ZIP", help="the pictures that --csv names"
    )
    group.add_argument(
        "--types",
        type=_list,
        default=["product"],
        metavar="TYPE[,TYPE]",
        help="which types of picture to take, e.g. product,pattern",
    )
    command.add_argument("--json", action="store_true", help="print nothing but JSON on stdout")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, not {text!r}")
    return int(text)


def _count(text: str) -> int:
    return 0 if text == "0" else _positive(text)


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _add_prepare(commands: Any) -> None:
    command = _command(
        commands,
        _prepare,
        "Check the pictures, convert them to JPEG, sort them into class folders.",
    )
    _add_source(command)
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    command.add_argument("--taxonomy", metavar="NAME", help="labels to sort by: style or country")


def _add_training(command: Any) -> None:
    add = command.add_argument_group("training").add_argument
    add("--taxonomy", metavar="NAME", help="labels to learn: style or country")
    add("--head", default="softmax", help="softmax (gradient descent) or lda (closed form)")
    add("--how_many_training_steps", type=int, default=500, metavar="N", help="steps to take")
    add("--learning_rate", type=float, default=0.01, metavar="RATE", help="size of a step")
    add("--train_batch_size", type=int, default=100, metavar="N", help="pictures in a step")
    add("--weight_decay", type=float, default=0.0, metavar="RATE", help="pull towards zero")
    add("--seed", type=int, default=0, metavar="N", help="seed of the split and of the batches")
    add("--architecture", default=DEFAULT, metavar="NAME", help="the network that looks")
    add("--views", type=_positive, default=None, metavar="N", help="views of a picture to average")
    add("--model_dir", type=Path, metavar="DIR", help="where converted networks are kept")
    add("--bottleneck_dir", type=Path, metavar="DIR", help="where picture vectors are cached")
    add = command.add_argument_group("distorted copies to train on").add_argument
    add("--flip_left_right", action="store_true", help="mirror half of the copies")
    add("--random_crop", type=float, default=0, metavar="PERCENT", help="margin to crop at random")
    add("--random_scale", type=float, default=0, metavar="PERCENT", help="how much to scale up")
    add("--random_brightness", type=float, default=0, metavar="PERCENT", help="how much to vary")
    add("--copies", type=_count, metavar="N", help="of each picture: 1, or 4 with a flag of these")


def _add_retrain(commands: Any) -> None:
    command = _command(commands, _retrain, "Train a classifier on your pictures and test it.")
    _add_source(command)
    _add_training(command)
    add = command.add_argument_group("testing and watching").add_argument
    add("--testing_percentage", type=float, default=10, metavar="PERCENT", help="kept for the test")
    add("--validation_percentage", type=float, default=10, metavar="PERCENT",
        help="kept for watching")  # fmt: skip
    add("--eval_step_interval", type=int, default=10, metavar="N", help="steps between reports")
    add("--summaries_dir", type=Path, metavar="DIR", help="write curves for TensorBoard")
    add("--print_misclassified_test_images", action="store_true", help="list the test's mistakes")
    add = command.add_argument_group("results").add_argument
    add("--bundle", type=Path, metavar="DIR", help="folder to keep the model in")
    add("--output_labels", type=Path, metavar="FILE", help="also write the labels, one a line")
    add("--output_graph", type=Path, metavar="FILE", help="also write a frozen TensorFlow graph")


def _add_evaluate(commands: Any) -> None:
    command = _command(commands, _evaluate, "Judge a recipe by repeated cross-validation.")
    _add_source(command)
    _add_training(command)
    command.add_argument("--folds", type=_positive, default=5, help="parts to hold out in turn")
    command.add_argument(
        "--repeats", type=_positive, default=5, help="times to shuffle and do it again"
    )


def _add_label(commands: Any) -> None:
    command = _command(commands, _label, "Tell what pictures show, best guess first.")
    command.add_argument(
        "--image",
        type=Path,
        nargs="+",
        action="extend",
        required=True,
        metavar="FILE_OR_DIR",
        help="pictures; folders are searched recursively",
    )
    command.add_argument("--bundle", type=Path, metavar="DIR", help="model; by default the shipped")
    command.add_argument("--top", type=_positive, default=5, metavar="N", help="labels to print")
    command.add_argument("--taxonomy", metavar="NAME", help="style or country")
    output = command.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print nothing but JSON on stdout")
    output.add_argument("--csv", action="store_true", help="print nothing but CSV on stdout")


# --- the commands


def _prepare(options: argparse.Namespace) -> int:
    from .dataset import prepare

    catalog = _catalog(options)
    taxonomy = options.taxonomy or catalog.taxonomy.name
    prepared = prepare(catalog, options.out, taxonomy, _bar("Writing", options))
    if options.json:
        _print_json({"folder": str(prepared.folder), **catalog.report.to_json()})
        return 0
    print(catalog.report.to_text())
    print(f"\nWrote {sum(prepared.counts.values())} pictures to {prepared.folder}:")
    for label, count in prepared.counts.items():
        print(f"  {label}: {count}")
    return 0


def _retrain(options: argparse.Namespace) -> int:
    from .bundle import check_replaceable, save_bundle
    from .workflow import train

    config = _config(options)
    if options.bundle:
        check_replaceable(options.bundle)  # before the work, not after it
    embeddings = _embeddings(options)
    level = options.taxonomy or embeddings.taxonomy.name
    title = options.bundle.name if options.bundle else "My model"
    with _Watch(options, config.steps) as watch:
        training = train(embeddings, config, level, title=title, on_event=watch)
    bundle = training.bundle
    if options.bundle:
        save_bundle(bundle, options.bundle)
    if options.output_labels:
        _write_labels(bundle.taxonomy.labels, options.output_labels)
    if options.output_graph:
        from .export import export_graph

        with _quietly():
            export_graph(bundle, options.output_graph)
    mistakes = training.answers[training.answers["truth"] != training.answers["answer"]]
    if options.json:
        _print_json(_training_json(training, options, mistakes))
        return 0
    if options.print_misclassified_test_images:
        for row in mistakes.itertuples():
            print(f"{row.file}: {row.answer} ({row.probability:.0%}), but it is {row.truth}")
    if options.bundle:
        print(f"The model is in {options.bundle}")
    print(_accuracy_line(bundle.evaluation))
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from .workflow import cross_validate

    embeddings = _embeddings(options)
    found = cross_validate(
        embeddings,
        _config(options),
        options.taxonomy or embeddings.taxonomy.name,
        n_folds=options.folds,
        repeats=options.repeats,
        progress=_bar("Cross-validating", options),
    )
    if options.json:
        judged = {name: evaluation.to_json() for name, evaluation in found.items()}
        _print_json({"n": len(embeddings.table), **judged})
        return 0
    print(f"{options.repeats} × {options.folds} folds of {len(embeddings.table)} pictures")
    for name, evaluation in found.items():
        low, high = evaluation.ci95
        print(
            f"  {name}: {evaluation.accuracy:.1%} (95 % interval {low:.1%}–{high:.1%}), "
            f"balanced {evaluation.balanced_accuracy:.1%}, "
            f"calibration error {evaluation.calibration_error:.3f}"
        )
    return 0


def _label(options: argparse.Namespace) -> int:
    from .predictor import DEFAULT_BUNDLE, load_predictor

    with _quietly():
        predictor = load_predictor(options.bundle or DEFAULT_BUNDLE)
    files = _picture_files(options.image)
    progress = _bar("Labelling", options) if len(files) > 20 else lambda done, total: None
    answers = []
    for answer in predictor.label(files, options.taxonomy):
        answers.append(answer.to_json(options.top))
        progress(len(answers), len(files))
    if options.json:
        _print_json(answers)
    elif options.csv:
        _print_csv(answers)
    else:
        _print_answers(answers)
    return int(any("error" in answer for answer in answers))


# --- what the commands share


_CHATTER = (
    b"INFO: Created TensorFlow Lite",
    b"WARNING: All log messages before absl::InitializeLog()",
    b"I0000 ",
)


@contextmanager
def _quietly() -> Iterator[None]:
    """Leaves out of stderr what LiteRT and TensorFlow say of themselves when they start.

    They write it to the file descriptor, and have no setting against it. All else appears when
    the block ends. TF_CPP_MIN_LOG_LEVEL=0 shows everything at once.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            for line in said:
                if not line.startswith(_CHATTER):
                    os.write(2, line)


def _catalog(options: argparse.Namespace) -> Any:
    from .catalog import read_catalog

    catalog = read_catalog(
        image_dir=options.image_dir,
        csv=options.csv,
        images=options.images,
        types=options.types,
        progress=_bar("Reading", options),
    )
    return catalog


def _embeddings(options: argparse.Namespace) -> Any:
    from .embedding import EmbeddingSpec
    from .features import embed_catalog

    if options.model_dir:
        os.environ["DECOR_BACKBONES"] = str(options.model_dir)
    catalog = _catalog(options)
    if not options.json:
        for line in catalog.report.summary():
            print(line, file=sys.stderr)
    with _quietly():
        load_backbone(options.architecture)
        if options.head == "softmax":
            import tensorflow  # noqa: F401
    chosen = {"views": options.views} if options.views else {}
    return embed_catalog(
        catalog,
        EmbeddingSpec(architecture=options.architecture, **chosen),
        augmentation=_augmentation(options),
        cache=options.bottleneck_dir,
        progress=_bar("Looking at pictures", options),
    )


def _config(options: argparse.Namespace) -> Any:
    from .heads import TrainConfig

    settings = {
        "head": options.head,
        "steps": options.how_many_training_steps,
        "learning_rate": options.learning_rate,
        "batch_size": options.train_batch_size,
        "weight_decay": options.weight_decay,
        "seed": options.seed,
    }
    for name in ("testing_percentage", "validation_percentage", "eval_step_interval"):
        if hasattr(options, name):
            settings[name.replace("eval_step", "eval")] = getattr(options, name)
    return TrainConfig(**settings)


def _augmentation(options: argparse.Namespace) -> Any:
    """The standard distortions, or exactly those that flags ask for."""
    from .augmentation import STANDARD, Augmentation

    asked = {
        "flip": options.flip_left_right,
        "crop": options.random_crop,
        "scale": options.random_scale,
        "brightness": options.random_brightness,
    }
    augmentation = Augmentation(**asked) if any(asked.values()) else STANDARD
    copies = augmentation.copies if options.copies is None else options.copies
    return replace(augmentation, copies=copies, seed=options.seed)


def _training_json(training: Any, options: argparse.Namespace, mistakes: Any) -> dict[str, Any]:
    bundle, evaluation = training.bundle, training.bundle.evaluation
    return {
        "final_test_accuracy": evaluation.accuracy if evaluation else None,
        "test_n": evaluation.n if evaluation else 0,
        "test_ci95": list(evaluation.ci95) if evaluation else None,
        "head": options.head,
        "steps": options.how_many_training_steps,
        "learning_rate": options.learning_rate,
        "seed": options.seed,
        "taxonomy": bundle.taxonomy.name,
        "labels": list(bundle.taxonomy.labels),
        "bundle": str(options.bundle) if options.bundle else None,
        "evaluation": evaluation.to_json() if evaluation else None,
        "misclassified_test_images": mistakes.to_dict(orient="records"),
    }


def _accuracy_line(evaluation: Any) -> str:
    if evaluation is None:
        return "Final test accuracy unknown: no pictures were kept for testing."
    low, high = evaluation.ci95
    return (
        f"Final test accuracy = {evaluation.accuracy:.1%} (N={evaluation.n}), "
        f"95 % interval {low:.1%} to {high:.1%}"
    )


def _write_labels(labels: Sequence[str], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(labels) + "\n", encoding="utf-8")


def _picture_files(places: Sequence[Path]) -> list[Path]:
    """Files as given; a folder stands for all pictures below it, in sorted order."""
    found = []
    for place in places:
        found += _pictures_below(place) if place.is_dir() else [place]
    if not found:
        raise DecorError("There is no picture in the folders given; expected at least one file.")
    return found


def _pictures_below(folder: Path) -> list[Path]:
    from .images import is_picture_name

    below = (p for p in folder.rglob("*") if p.is_file())
    return sorted(p for p in below if is_picture_name(p.name) and not p.name.startswith("."))


def _print_json(data: Any) -> None:
    print(json.dumps(data, ensure_ascii=False, indent=1))


def _print_csv(answers: list[dict[str, Any]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["file", "verdict", "label", "probability", "error"])
    for answer in answers:
        if "error" in answer:
            writer.writerow([answer["file"], "", "", "", answer["error"]])
        for score in answer.get("scores", ()):
            row = [answer["file"], answer["verdict"], score["label"], f"{score['probability']:.6f}"]
            writer.writerow([*row, ""])


def _print_answers(answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        print(answer["file"])
        if "error" in answer:
            print(f"  {answer['error']}")
        for score in answer.get("scores", ()):
            print(f"  {score['probability']:7.2%}  {score['label']}")


def _bar(title: str, options: argparse.Namespace) -> Callable[[int, int], None]:
    """A progress bar on a terminal's stderr; silence elsewhere."""
    if not sys.stderr.isatty():
        return lambda done, total: None

    def show(done: int, total: int) -> None:
        filled = 30 * done // max(total, 1)
        end = "\n" if done == total else ""
        print(
            f"\r{title} [{'#' * filled:<30}] {done}/{total}", end=end, file=sys.stderr, flush=True
        )

    return show


class _Watch:
    """Follows a training: a line every tenth report, and curves for TensorBoard if wanted."""

    def __init__(self, options: argparse.Namespace, steps: int) -> None:
        self._options = options
        self._steps = steps
        self._writers: dict[str, Any] = {}

    def __enter__(self) -> "_Watch":
        return self

    def __call__(self, event: Any) -> None:
        if self._options.summaries_dir:
            self._summarise(event)
        interval = self._options.eval_step_interval
        if not self._options.json and (
            event.step % (10 * interval) == 0 or event.step == self._steps
        ):
            print(_progress_line(event))

    def _summarise(self, event: Any) -> None:
        import tensorflow as tf

        for part in ("train", "validation"):
            accuracy = getattr(event, f"{part}_accuracy")
            if accuracy is None:
                continue
            if part not in self._writers:
                folder = str(self._options.summaries_dir / part)
                self._writers[part] = tf.summary.create_file_writer(folder)
            with self._writers[part].as_default(step=event.step):
                tf.summary.scalar("accuracy", accuracy)
                tf.summary.scalar("cross_entropy", getattr(event, f"{part}_cross_entropy"))

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()


def _progress_line(event: Any) -> str:
    line = (
        f"Step {event.step}: train accuracy = {event.train_accuracy:.1%}, "
        f"cross entropy = {event.train_cross_entropy:.4f}"
    )
    if event.validation_accuracy is None:
        return line
    return (
        f"{line}; validation accuracy = {event.validation_accuracy:.1%}, "
        f"cross entropy = {event.validation_cross_entropy:.4f}"
    )


if __name__ == "__main__":
    sys.exit(main())
