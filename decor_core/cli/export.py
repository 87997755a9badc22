"""The command ``export``: a model in another format, to take along."""

from pathlib import Path

import click

from decor_core.cli.options import PATH, Command, as_json, completed
from decor_core.cli.outputs import check_new_file
from decor_core.cli.terminal import load_network, print_json, suppress_startup_logs
from decor_core.export.formats import FORMATS, export_model, export_name
from decor_core.text import format_bytes

_HELP = """Write a model in one of several formats.

RUN_OR_DIR is a run (its id, or the beginning of it, or its title) or a model folder.

\b
Formats:
""" + "\n".join(f"  {one.name:<12} {one.label}" for one in FORMATS.values())


@click.command(
    "export",
    cls=Command,
    help=_HELP,
    examples=(
        "my_model --format tflite --out model.zip",
        '"My model"',
    ),
)
@click.argument("model", metavar="RUN_OR_DIR")
@click.option("--format", "format_name", default="bundle", show_default=True, metavar="NAME",
              shell_complete=completed(FORMATS), help="One of the formats above.")  # fmt: skip
@click.option("--out", type=PATH, metavar="FILE",
              help="File to write, a new one; by default named after the model.")  # fmt: skip
@as_json
def command(model: str, format_name: str, out: Path | None, as_json: bool) -> None:
    from decor_core.model.bundle import load_bundle
    from decor_core.runs.store import DiskRuns

    folder = Path(model)
    bundle = load_bundle(folder) if folder.is_dir() else DiskRuns().find(model).bundle
    out = out or Path(export_name(bundle, format_name))
    check_new_file(out)
    if format_name in FORMATS and not FORMATS[format_name].is_light:
        load_network(bundle.embedding.architecture)
    with suppress_startup_logs():
        export_model(bundle, format_name, out)
    size = out.stat().st_size
    if as_json:
        print_json({"file": str(out), "format": format_name, "bytes": size})
    else:
        print(f"Wrote {out} ({format_bytes(size)})")
