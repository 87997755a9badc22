"""The flags of the command line."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from decor_core.cli.run_options import RUN_COMMANDS
from decor_core.features.backbones import DEFAULT

Command = Callable[[argparse.Namespace], int]


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    def _get_help_string(self, action: argparse.Action) -> str:
        if action.default in (None, False, [], "") or action.required:
            return action.help
        if isinstance(action.default, list):
            return f"{action.help} (default: {','.join(map(str, action.default))})"
        return super()._get_help_string(action)


def parse(arguments: Sequence[str] | None, commands: Mapping[str, Command]) -> argparse.Namespace:
    """The flags of one command line; ``run`` of the result is its entry of ``commands``.

    Dashes and underscores in flags are the same.
    """
    parser = argparse.ArgumentParser(
        prog="python -m decor_core",
        description="Prepare pictures, retrain a classifier on them, and label new ones.",
        epilog="Dashes and underscores in flags are the same. “COMMAND --help” tells more.",
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (text, add) in _COMMANDS.items():
        command = subparsers.add_parser(
            name, help=text, description=text, formatter_class=_Help, allow_abbrev=False
        )
        command.set_defaults(run=commands[name])
        add(command)
    options = parser.parse_args(_with_underscores(arguments))
    _settle_head(options)
    return options


def _add_source(command: argparse.ArgumentParser, *, vectors: bool = False) -> None:
    group = command.add_argument_group("pictures")
    add = group.add_argument
    add("--image_dir", type=Path, metavar="DIR_OR_ZIP",
        help="class folders, or pictures with a CSV that lists them")  # fmt: skip
    add("--csv", type=Path, metavar="FILE", help="table of pictures and labels")
    add("--images", type=Path, metavar="DIR_OR_ZIP", help="the pictures that --csv names")
    add("--data_set", metavar="NAME", help="instead, a data set that the app keeps, by its name")
    add("--file_column", metavar="NAME", help="column of the CSV with the files; else guessed")
    add("--label_column", metavar="NAME", help="column with the labels; else guessed")
    add("--coarser_column", metavar="NAME", help="column with coarser labels, if any")
    add("--type_column", metavar="NAME", help="column that --types goes by, if any")
    if vectors:
        group.add_argument(
            "--embeddings",
            type=Path,
            metavar="FILE",
            help="instead of pictures, their vectors, e.g. models/embeddings/decor.npz",
        )
    group.add_argument(
        "--types",
        type=_list,
        default=["product"],
        metavar="TYPE[,TYPE]",
        help="which types of picture to take, e.g. product,pattern; all if there are no products",
    )
    command.add_argument("--json", action="store_true", help="print nothing but JSON on stdout")


def _add_check(command: argparse.ArgumentParser) -> None:
    _add_source(command)
    command.add_argument("--no_model", action="store_true",
                         help="leave out what wants a look at every picture: labels that may be "
                         "wrong, and outliers")  # fmt: skip
    command.add_argument("--bottleneck_dir", type=Path, metavar="DIR",
                         help="where picture vectors are cached")  # fmt: skip


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, not {text!r}")
    return int(text)


def _count(text: str) -> int:
    return 0 if text == "0" else _positive(text)


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _add_prepare(command: argparse.ArgumentParser) -> None:
    _add_source(command)
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    command.add_argument("--taxonomy", metavar="NAME", help="labels to sort by: style or country")


# Only gradient descent has these: to name one is to ask for it.
_DESCENT = (
    ("how_many_training_steps", int, "N", 500, "steps to take"),
    ("learning_rate", float, "RATE", 0.01, "size of a step"),
    ("train_batch_size", int, "N", 100, "pictures in a step"),
    ("weight_decay", float, "RATE", 0.0, "pull towards zero"),
)


def _settle_head(options: argparse.Namespace) -> None:
    """Fill in the head, and what gradient descent wants, where the command line is silent."""
    if not hasattr(options, "head"):
        return
    asked = any(getattr(options, name) is not None for name, *_ in _DESCENT)
    if asked and options.head in ("auto", "logistic", "lda"):
        print(
            f"decor: --head {options.head} knows no steps, rate, batches or decay: they are "
            "ignored; leave --head out to train by gradient descent.",
            file=sys.stderr,
        )
    asked = asked or getattr(options, "summaries_dir", None)  # nothing else has curves
    options.head = options.head or ("softmax" if asked else "auto")
    for name, _, _, default, _ in _DESCENT:
        if getattr(options, name) is None:
            setattr(options, name, default)


def _add_training(command: argparse.ArgumentParser) -> None:
    add = command.add_argument_group("training").add_argument
    add("--taxonomy", metavar="NAME", help="labels to learn: style or country")
    add("--head", help="auto (the better of the next two for your pictures; the default), "
        "logistic, lda, or softmax (by gradient descent; the default if one of the next four "
        "flags is given)")  # fmt: skip
    for name, kind, metavar, default, text in _DESCENT:
        add(f"--{name}", type=kind, metavar=metavar, help=f"{text} (default: {default})")
    _add_looking(command)


def _add_looking(command: argparse.ArgumentParser) -> None:
    add = command.add_argument_group("looking at pictures").add_argument
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


def _add_retrain(command: argparse.ArgumentParser) -> None:
    _add_source(command, vectors=True)
    _add_training(command)
    add = command.add_argument_group("testing and watching").add_argument
    add("--testing_percentage", type=float, default=10, metavar="PERCENT", help="kept for the test")
    add("--validation_percentage", type=float, default=10, metavar="PERCENT",
        help="kept for watching")  # fmt: skip
    add("--eval_step_interval", type=int, default=10, metavar="N", help="steps between reports")
    add("--summaries_dir", type=Path, metavar="DIR", help="write curves for TensorBoard")
    add("--print_misclassified_test_images", action="store_true", help="list the test's mistakes")
    add = command.add_argument_group("results").add_argument
    add("--title", metavar="NAME", help="what to call the model")
    add("--save", action="store_true", help="keep it as a run: see the command runs")
    add("--bundle", type=Path, metavar="DIR", help="folder to keep the model in")
    add("--output_labels", type=Path, metavar="FILE", help="also write the labels, one a line")
    add("--output_graph", type=Path, metavar="FILE", help="also write a frozen TensorFlow graph")


_FOLDS = {
    "type": _positive,
    "metavar": "N",
    "help": "parts to hold out in turn (default: 5, or fewer where the pictures are)",
}


def _add_evaluate(command: argparse.ArgumentParser) -> None:
    _add_source(command, vectors=True)
    _add_training(command)
    command.add_argument("--folds", **_FOLDS)
    command.add_argument(
        "--repeats", type=_positive, default=5, help="times to shuffle and do it again"
    )


def _numbers(kind: type) -> Callable[[str], list[float]]:
    def parse(text: str) -> list[float]:
        try:
            return [kind(part) for part in _list(text)]
        except ValueError:
            expected = "whole numbers" if kind is int else "numbers"
            raise argparse.ArgumentTypeError(
                f"expected {expected} with commas between, not {text!r}"
            ) from None

    return parse


def _add_sweep(command: argparse.ArgumentParser) -> None:
    _add_source(command, vectors=True)
    add = command.add_argument_group("what to try").add_argument
    add("--how_many_training_steps", type=_numbers(int), default=[100, 500, 2000], metavar="N,N…",
        dest="steps", help="steps to take")  # fmt: skip
    add("--learning_rate", type=_numbers(float), default=[0.003, 0.01, 0.03, 0.1], dest="rates",
        metavar="RATE,RATE…", help="sizes of a step")  # fmt: skip
    add("--head", type=_list, default=["softmax"], dest="heads", metavar="HEAD,HEAD…",
        help="softmax, logistic, lda or auto")  # fmt: skip
    add("--random", type=_positive, metavar="N",
        help="not a grid, but N settings at random between the least and the largest")  # fmt: skip
    add("--folds", **_FOLDS)
    add = command.add_argument_group("training").add_argument
    add("--taxonomy", metavar="NAME", help="labels to learn: style or country")
    add("--train_batch_size", type=int, default=100, metavar="N", help="pictures in a step")
    add("--weight_decay", type=float, default=0.0, metavar="RATE", help="pull towards zero")
    add("--testing_percentage", type=float, default=10, metavar="PERCENT",
        help="kept for a later test; the sweep does not see them")  # fmt: skip
    _add_looking(command)


def _add_label(command: argparse.ArgumentParser) -> None:
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
    command.add_argument(
        "--explain",
        type=Path,
        metavar="DIR",
        help="also write each picture as a PNG that shows what speaks for its verdict (orange) "
        "and against it (violet)",
    )
    output = command.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print nothing but JSON on stdout")
    output.add_argument("--csv", action="store_true", help="print nothing but CSV on stdout")


def _with_underscores(arguments: Sequence[str] | None) -> list[str]:
    """``--learning-rate`` and ``--learning_rate`` are the same flag."""
    found = []
    for argument in sys.argv[1:] if arguments is None else arguments:
        if argument.startswith("--"):
            name, equals, value = argument.partition("=")
            argument = "--" + name[2:].replace("-", "_") + equals + value
        found.append(argument)
    return found


_COMMANDS = {
    "check": (
        "Tell what is wrong with a data set, before it is trained on: exit code 2 if it cannot be.",
        _add_check,
    ),
    "prepare": (
        "Check the pictures, convert them to JPEG, sort them into class folders.",
        _add_prepare,
    ),
    "retrain": ("Train a classifier on your pictures and test it.", _add_retrain),
    "evaluate": ("Judge a recipe by repeated cross-validation.", _add_evaluate),
    "sweep": ("Find the best settings by cross-validation; Ctrl-C keeps what is done.", _add_sweep),
    "label": ("Tell what pictures show, best guess first.", _add_label),
    **RUN_COMMANDS,
}
