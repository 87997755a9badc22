"""The command ``check``: everything that is wrong with a data set."""

import argparse
from typing import Any

from decor_core.cli.inputs import read_pictures
from decor_core.cli.terminal import print_json, progress_bar, quietly
from decor_core.data.findings import OBSTACLES, printable

# Heavy modules are imported by the function that needs them.


def check(options: argparse.Namespace) -> int:
    """Print the whole report; 0 if the data set can be trained on, else 2."""
    catalog = read_pictures(options)
    report = catalog.report
    if not options.no_model:
        report = report.with_findings(_label_findings(catalog, options))
    if options.json:
        print_json(
            {"levels": [level.name for level in catalog.taxonomy.levels], **report.to_json()}
        )
    else:
        _print_report(report)
    return 0 if report.usable else 2


def _label_findings(catalog: Any, options: argparse.Namespace) -> Any:
    """What the other pictures say against the label of one, and which are unlike all others."""
    from decor_core.features.embedder import EmbeddingSpec
    from decor_core.features.embeddings import embed_catalog
    from decor_core.training.label_issues import find_label_issues, label_findings

    with quietly():
        embeddings = embed_catalog(
            catalog,
            EmbeddingSpec(),
            cache=options.bottleneck_dir,
            progress=progress_bar("Looking at pictures"),
        )
    level = catalog.taxonomy.name
    return label_findings(find_label_issues(embeddings, level), embeddings.table, level)


def _print_report(report: Any) -> None:
    """All that was found, and the verdict last, where it is seen."""
    print(report.to_text())
    aside = len(report.set_aside)
    if aside:
        print(f"{aside} {'file was' if aside == 1 else 'files were'} set aside.")
    if not report.counts_by_kind:
        print("Nothing is wrong with it.")
    print("It can be trained on." if report.usable else f"It cannot be trained on:{_why(report)}")


def _why(report: Any) -> str:
    """The reasons: a single one to go on with, several in lines of their own."""
    reasons = [
        f"“{printable(entry.file)}”: {printable(entry.message)}"
        for entry in report.findings
        if entry.kind in OBSTACLES
    ]
    return " ".join(["", *reasons]) if len(reasons) == 1 else "\n  ".join(["", *reasons])
