"""The flags of the commands about kept runs: runs, export, import."""

import argparse
from pathlib import Path

_RUN = "id (or its beginning), or title"
_ACTIONS = {
    "list": "All runs: the kept ones, newest first, then the models that ship.",
    "show": "One run: settings, accuracy class by class, mistakes, where its model is.",
    "compare": "Runs side by side: settings that differ, and whether the difference is chance.",
    "rename": "Give a run another title.",
    "note": "Write a note to a run.",
    "delete": "Remove a run; “restore” brings the last one back.",
    "restore": "Bring back the run that was deleted last.",
}


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print nothing but JSON on stdout")


def _add_runs(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(required=True, metavar="ACTION", dest="action")
    for name, text in _ACTIONS.items():
        action = actions.add_parser(name, help=text, description=text, allow_abbrev=False)
        if name == "compare":
            action.add_argument("names", nargs="+", metavar="RUN", help=_RUN)
        elif name != "list":
            action.add_argument("name", metavar="RUN", help=_RUN)
        if name in ("rename", "note"):
            action.add_argument("text", metavar="TEXT", help="the new title or note")
        _add_json(action)


def _add_export(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("model", metavar="RUN_OR_DIR", help=f"a run ({_RUN}) or a model folder")
    add("--format", default="bundle", metavar="NAME", help="bundle (to import again), "
        "tflite, saved_model, keras, or graph (retrained_graph.pb)")  # fmt: skip
    add("--out", type=Path, metavar="FILE", help="zip to write; by default named after the model")
    _add_json(command)


def _add_import(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("file", type=Path, metavar="FILE", help="a zip that “export --format bundle” wrote")
    add("--title", metavar="NAME", help="what to call it here")
    _add_json(command)


RUN_COMMANDS = {
    "runs": ("List, show, compare, rename, annotate, delete and restore kept runs.", _add_runs),
    "export": ("Write a model as a zip, in one of several formats, with an example.", _add_export),
    "import": ("Keep a model that was exported as a run.", _add_import),
}
