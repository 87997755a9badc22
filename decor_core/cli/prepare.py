"""The command ``prepare``: checked pictures as JPEG in class folders."""

from pathlib import Path

import click

from decor_core.cli.options import PATH, Command, as_json, options
from decor_core.cli.outputs import check_writable
from decor_core.cli.pictures import PictureFlags, pictures_argument
from decor_core.cli.terminal import print_json, progress_bar


@click.command("prepare", cls=Command, examples=("my_pictures.zip --out prepared",))
@options("pictures", PictureFlags, "Pictures")
@pictures_argument
@click.option("--out", type=PATH, required=True, metavar="DIR", help="Folder to write.")
@click.option("--taxonomy", metavar="NAME", help="Labels to sort by, e.g. style or country.")
@as_json
def command(pictures: PictureFlags, out: Path, taxonomy: str | None, as_json: bool) -> None:
    """Check pictures, convert them to JPEG, sort into class folders."""
    from decor_core.data.export import check_replaceable, prepare

    check_replaceable(out)
    check_writable(out.parent)
    catalog = pictures.catalog()
    level = taxonomy or catalog.taxonomy.name
    counts = prepare(catalog, out, level, progress_bar("Writing"))
    if as_json:
        print_json({"folder": str(out), **catalog.report.to_json()})
        return
    print(catalog.report.to_text())
    print(f"\nWrote {sum(counts.values())} pictures to {out}:")
    for label, count in counts.items():
        print(f"  {label}: {count}")
