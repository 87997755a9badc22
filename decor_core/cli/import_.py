"""The command ``import``: an exported model as a run."""

from pathlib import Path

import click

from decor_core.cli.options import PATH, Command, as_json
from decor_core.cli.runs import print_run
from decor_core.cli.terminal import load_network, suppress_startup_logs
from decor_core.errors import MissingNetwork


@click.command(
    "import",
    cls=Command,
    examples=(
        "my-model-bundle.zip",
        "my-model-bundle.zip --title Tiles",
    ),
)
@click.argument("file", type=PATH)
@click.option("--title", metavar="NAME", help="What to call it here.")
@as_json
def command(file: Path, title: str | None, as_json: bool) -> None:
    """Keep a model that was exported as a run.

    FILE is a zip that “export --format bundle” wrote.
    """
    from decor_core.runs.import_run import import_run
    from decor_core.runs.run import check_title
    from decor_core.runs.store import DiskRuns

    if title is not None:  # before the work, not after it
        title = check_title(title)
    try:
        with suppress_startup_logs():
            run = import_run(file)
    except MissingNetwork as missing:
        load_network(missing.name)
        run = import_run(file)
    store = DiskRuns()
    run = store.save(run.titled(store.free_title(title or run.title)))
    print_run(store, run, as_json, f"Kept “{run.title}” as run {run.id}.")
