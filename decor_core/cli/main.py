"""The commands by name, and what their errors come to: a line on stderr and an exit code."""

import importlib
import logging
import os
import shutil
import sys
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path

import click
from click.shell_completion import shell_complete

from decor_core import __version__
from decor_core.cli.options import Group
from decor_core.errors import DecorError

_COMPLETE = "_DECOR_COMPLETE"

# What the list of commands says of each. Each is the module of its name, which is imported when it
# is wanted, and its function imports what is heavy: to label a picture must stay quick.
COMMANDS = {
    "check": "Tell what is wrong with a data set, before it is trained on.",
    "prepare": "Check pictures, convert them to JPEG, sort into class folders.",
    "train": "Train a classifier on your pictures and test it.",
    "retrain": "The same: its name in TensorFlow for Poets.",
    "evaluate": "Evaluate settings by repeated cross-validation.",
    "sweep": "Find the best settings by cross-validation.",
    "label": "Tell what pictures show, best guess first.",
    "embed": "Write the vectors of pictures, to train on.",
    "suggest": "Tell which pictures to label next, and propose labels.",
    "runs": "List, show, compare, rename, note, delete, restore kept runs.",
    "networks": "List the networks that may look at the pictures.",
    "export": "Write a model in one of several formats.",
    "import": "Keep a model that was exported as a run.",
    "app": "Open the app in the browser.",
    "serve": "Answer over HTTP: pictures in, labels out.",
}
# Modules of other names than their commands.
_MODULES = {"import": "import_", "retrain": "train"}


class _Commands(Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = _MODULES.get(cmd_name, cmd_name)
        return importlib.import_module(f"decor_core.cli.{module}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda flag: flag.replace("-", "_"),
    },
    examples=(
        "label photo.jpg",
        "train my_pictures --out my_model",
        "label photo.jpg --bundle my_model",
        "app",
    ),
    epilog="Dashes and underscores in flags are the same. “COMMAND --help” tells more.",
)
@click.version_option(__version__, prog_name="decor", message="%(prog)s %(version)s")
def commands() -> None:
    """Prepare pictures, retrain a classifier on them, and label new ones."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code.

    0: done, 1: some pictures could not be read, 2: wrong usage or an error, 130: interrupted.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    warnings.filterwarnings("ignore", "Image size .* exceeds limit")  # images/limits.py says it
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's errors only
    as_module = Path(sys.argv[0]).parent.name == "decor_core"
    name = "python -m decor_core" if as_module else "decor"
    if asked := os.environ.get(_COMPLETE):  # by the shell, see docs/reference/command-line.md
        return shell_complete(commands, {}, "decor", _COMPLETE, asked)
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        with commands.make_context(name, list(arguments)) as context:
            code = commands.invoke(context)
        sys.stdout.flush()  # here, where it is known what to do if nobody reads it
        return code or 0
    except click.exceptions.Exit as ended:  # after --help
        return ended.exit_code
    except click.ClickException as error:
        message = _fitted(f"Error: {error.format_message()}").removeprefix("Error: ")
        error.format_message = lambda: message
        error.show()
        return error.exit_code
    except DecorError as error:
        return _failed(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # `| head` has had enough
        return 0
    except OSError as error:
        place = f"“{error.filename}”: " if error.filename else ""
        return _failed(f"{place}{error.strerror or error}.")
    except KeyboardInterrupt:
        print("decor: interrupted", file=sys.stderr)
        return 130


def _failed(message: str) -> int:
    print(_fitted(f"decor: {message}"), file=sys.stderr)
    return 2


def _fitted(message: str) -> str:
    """In lines as wide as the terminal, words whole; as it is where nobody reads it on one."""
    if not sys.stderr.isatty():
        return message
    width = shutil.get_terminal_size().columns
    return textwrap.fill(message, width, break_long_words=False, break_on_hyphens=False)
