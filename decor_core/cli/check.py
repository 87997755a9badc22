"""The command ``check``: everything that is wrong with a data set."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from decor_core.cli.options import FOLDER, Command, as_json, options
from decor_core.cli.pictures import PictureFlags, pictures_argument, print_choices
from decor_core.cli.terminal import print_json, progress_bar, suppress_startup_logs
from decor_core.text import printable

if TYPE_CHECKING:
    from decor_core.data.catalog import Catalog
    from decor_core.data.findings import DatasetReport


@click.command(
    "check",
    cls=Command,
    examples=(
        "my_pictures.zip",
        "--csv labels.csv --images pictures --json",
    ),
)
@options("pictures", PictureFlags, "Pictures")
@pictures_argument
@click.option("--no_model", is_flag=True, help="Leave out what wants a look at every picture: "
              "labels that may be wrong, and outliers.")  # fmt: skip
@click.option(
    "--bottleneck_dir", type=FOLDER, metavar="DIR", help="Where picture vectors are cached."
)
@as_json
def command(
    pictures: PictureFlags, no_model: bool, bottleneck_dir: Path | None, as_json: bool
) -> int:
    """Tell what is wrong with a data set, before it is trained on.

    Exit code 2: it cannot be trained on.
    """
    catalog = pictures.catalog()
    report = catalog.report if no_model else _with_model_findings(catalog, bottleneck_dir)
    if as_json:
        levels = [level.name for level in catalog.taxonomy.levels]
        print_json({"levels": levels, **report.to_json()})
    else:
        _print_report(report)
    return 0 if report.usable else 2


def _with_model_findings(catalog: "Catalog", cache: Path | None) -> "DatasetReport":
    """The report, and what the other pictures say of each: wrong labels, outliers."""
    from decor_core.data.quality_checks import is_blank
    from decor_core.features.backbones import load_backbone
    from decor_core.model.training_config import TrainingConfig
    from decor_core.training.label_issues import find_label_issues, label_findings
    from decor_core.training.region import embed

    config = TrainingConfig(copies=0)
    with suppress_startup_logs():
        load_backbone(config.architecture)
    embeddings = embed(catalog, config, cache=cache, progress=progress_bar("Embedding"))
    print_choices(embeddings)
    level = catalog.taxonomy.name
    issues = find_label_issues(embeddings, level, blank=is_blank(catalog.table))
    return catalog.report.with_findings(label_findings(issues, embeddings.table, level))


def _print_report(report: "DatasetReport") -> None:
    """All that was found, and the verdict last, where it is seen."""
    from decor_core.data.findings import BLOCKERS

    print(report.to_text())
    aside = len(report.set_aside)
    if aside:
        print(f"{aside} {'file was' if aside == 1 else 'files were'} set aside.")
    if not report.counts_by_kind:
        print("Nothing is wrong with it.")
    if report.usable:
        print("It can be trained on.")
        return
    reasons = [
        f"“{printable(finding.file)}”: {printable(finding.message)}"
        for finding in report.findings
        if finding.kind in BLOCKERS
    ]
    # A single one to go on with, several in lines of their own.
    print(("\n  " if len(reasons) > 1 else " ").join(["It cannot be trained on:", *reasons]))
