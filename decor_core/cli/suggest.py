"""The command ``suggest``: which pictures to label next, and labels for the others."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decor_core.cli.bulk import PLACES, list_pictures, print_skipped
from decor_core.cli.options import (
    COUNT,
    PATH,
    PLACE,
    SEED,
    Command,
    as_json,
    completed_files,
    flag,
    options,
)
from decor_core.cli.outputs import check_new_file
from decor_core.cli.terminal import print_json, progress_bar, suppress_startup_logs
from decor_core.errors import DataError, DecorError
from decor_core.text import printable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from decor_core.features.embedder import Block
    from decor_core.training.active_learning import Proposals

_COLUMNS = ["file", "label", "next", "proposal", "probability"]
_TEXTS = ["file", "label", "proposal"]
_ENDINGS = ".csv", ".txt", ""


@dataclass(frozen=True)
class SuggestFlags:
    """What is known, and what is wanted."""

    labels: Path | None = flag(
        "Table of files and labels as far as they are known, such as this command writes.",
        metavar="FILE",
        type=PATH,
    )
    file_column: str | None = flag("Column with the files; else guessed.")
    label_column: str | None = flag("Column with the labels; else guessed.")
    embeddings: Path | None = flag(
        "Instead of pictures, their vectors as “embed” writes them.",
        metavar="FILE_OR_DIR",
        type=PATH,
    )
    count: int = flag("How many pictures to ask for.", default=20, type=COUNT)
    out: Path | None = flag("Write the table here, not to the screen.", metavar="FILE", type=PATH)
    random: bool = flag("Ask for pictures at random instead.", default=False)
    seed: int = flag("Seed of what is random.", default=0, type=SEED)


@click.command(
    "suggest",
    cls=Command,
    examples=("heap --out pictures.csv", "heap --labels pictures.csv --out more.csv"),
)
@click.argument("files", nargs=-1, type=PLACE, metavar=PLACES, shell_complete=completed_files)
@options("flags", SuggestFlags)
@as_json
def command(files: tuple[str, ...], flags: SuggestFlags, as_json: bool) -> int:
    """Tell which pictures to label next, and propose labels.

    Writes a CSV of all pictures with the columns file, label (as far as known), next (1 is the
    one to label first), proposal and probability. Fill in labels, give the table back with
    --labels, and train on it with “train --csv” when it is enough.

    Exit code 1: some pictures could not be read.
    """
    from decor_core.data.tables.csv_escape import escape_cell
    from decor_core.training.active_learning import ActiveLearner, require_clustering

    if bool(files) == bool(flags.embeddings):
        raise click.UsageError("Expected either pictures or --embeddings.")
    if flags.labels and not flags.labels.is_file():
        raise DecorError(f"There is no table “{flags.labels}”; expected a CSV of files and labels.")
    if flags.out:
        check_new_file(flags.out)
        if flags.out.suffix.lower() not in _ENDINGS:
            raise DecorError(f"“{flags.out}” is to be a CSV; give --out a name that ends in .csv.")
    if not flags.random:
        require_clustering()
    names, vectors, blocks, errors = (
        _vectors_of_parquet(flags.embeddings) if flags.embeddings else _embedded(files)
    )
    labels = _known_labels(names, flags)
    learner = ActiveLearner(vectors, blocks, random_state=flags.seed)
    proposals = learner.propose(labels)
    chosen = learner.next_rows(
        flags.count, proposals, leave_out=list(labels), at_random=flags.random
    )
    table = _table(names, labels, proposals, chosen)
    if as_json:
        records = table.astype(object).where(table.notna(), "").to_dict("records")
        pictures = [{name: cell for name, cell in row.items() if cell != ""} for row in records]
        print_json(_summary(proposals, labels) | {"pictures": pictures})
    else:
        print(_describe_progress(proposals, labels, len(names)), file=sys.stderr)
    if flags.out or not as_json:
        table[_TEXTS] = table[_TEXTS].map(escape_cell)
        place = flags.out or sys.stdout
        table.to_csv(place, index=False, float_format="%.6f", lineterminator="\n")
    return int(errors)


def _embedded(
    places: Sequence[str],
) -> tuple[list[str], "np.ndarray", tuple["Block", ...], bool]:
    """Names and vectors of pictures, and whether some could not be read, which is told."""
    import numpy as np

    from decor_core.bulk.rows import VectorRows, row_of
    from decor_core.bulk.sources import Picture, SkippedFiles, read_picture
    from decor_core.errors import PictureError
    from decor_core.model.bundle import load_bundle
    from decor_core.model.predictor import shared_embedder
    from decor_core.parallel import map_in_order

    with suppress_startup_logs():
        spec = load_bundle().embedding
        maker = VectorRows(spec)
    listing = list_pictures(places)

    def embed(picture: Picture) -> dict[str, Any]:
        try:
            return row_of(maker, picture.file, read_picture(picture))
        except PictureError as error:
            return row_of(maker, picture.file, error)

    show, unread, rows = progress_bar("Embedding"), SkippedFiles(), []
    for done, row in enumerate(map_in_order(embed, listing), 1):
        show(done, listing.count)
        if "error" in row:
            unread.add(row["file"], row["error"])
        else:
            rows.append(row)
    print_skipped("Could not be read", unread)
    if not rows:
        raise DecorError("None of the pictures could be read; expected at least two.")
    vectors = np.array([row["vector"] for row in rows], np.float32)
    blocks = shared_embedder(spec).blocks
    return [row["file"] for row in rows], vectors, tuple(blocks), unread.count > 0


def _vectors_of_parquet(place: Path) -> tuple[list[str], "np.ndarray", tuple["Block", ...], bool]:
    """As ``_embedded``, of the Parquet files that “embed” writes."""
    import numpy as np

    from decor_core.features.parquet_vectors import ParquetVectors

    parquet = ParquetVectors(place)
    pictures = parquet.pictures()
    readable = pictures[pictures["error"] == ""]
    vectors, _ = parquet.vectors(readable.index.to_numpy(), progress_bar("Reading"))
    blocks = parquet.embedder.blocks
    found = np.asarray(vectors, np.float32)
    return readable["file"].tolist(), found, tuple(blocks), len(readable) < len(pictures)


def _known_labels(names: Sequence[str], flags: SuggestFlags) -> dict[int, str]:
    """The labels of the table by row; what it was taken for, and what is wrong, is told."""
    from decor_core.data.catalog import list_table
    from decor_core.data.findings import UNCLASSED
    from decor_core.data.tables.columns import Columns

    if not flags.labels:
        return {}
    named = flags.file_column or "", flags.label_column or ""
    columns = Columns(*named, "", "") if any(named) else None
    try:
        listing = list_table(flags.labels, names, columns)
    except DataError as error:
        raise DataError(f"{error} Fill in at least one label, or leave --labels out.") from error
    for finding in listing.findings:
        if finding.kind not in UNCLASSED:  # what this command is for
            print(f"{printable(finding.file)}: {printable(finding.message)}", file=sys.stderr)
    row_of = {name: row for row, name in enumerate(names)}
    return {row_of[row.file]: row.labels[0] for row in listing.rows}


def _table(
    names: Sequence[str],
    labels: dict[int, str],
    proposals: "Proposals | None",
    chosen: "np.ndarray",
) -> "pd.DataFrame":
    """What is to be labeled first, then the other proposals, the surest first, then the labeled."""
    import pandas as pd

    known = [labels.get(row, "") for row in range(len(names))]
    table = pd.DataFrame({"file": names, "label": known})
    table["next"] = pd.Series(range(1, len(chosen) + 1), index=chosen, dtype="Int64")
    table["proposal"] = "" if proposals is None else proposals.proposed
    table["probability"] = None if proposals is None else proposals.confidence
    table.loc[table["label"] != "", ["proposal", "probability"]] = "", None
    order = table.assign(labeled=table["label"] != "", sure=-table["probability"].astype(float))
    return table.loc[order.sort_values(["labeled", "next", "sure", "file"]).index, _COLUMNS]


def _summary(proposals: "Proposals | None", labels: dict[int, str]) -> dict[str, Any]:
    if proposals is None:
        return {"labels": len(labels)}
    right = proposals.accuracy
    return {
        "labels": len(labels),
        "right_out_of_fold": right.k,
        "judged_out_of_fold": right.n,
        "estimated_accuracy": proposals.estimated_accuracy,
    }


def _describe_progress(proposals: "Proposals | None", labels: dict[int, str], n: int) -> str:
    """How far it is, in a sentence or two."""
    if proposals is None:
        return (
            f"{len(labels)} of {n} pictures have a label; proposals come with three pictures each "
            "of two classes."
        )
    right, (low, high) = proposals.accuracy, proposals.accuracy.ci95
    words = (
        f"{len(labels)} of {n} pictures have a label; judged by the others, {right.k} of {right.n} "
        f"get it (95 % interval {low:.0%} to {high:.0%})."
    )
    if proposals.estimated_accuracy is not None:
        words += f" About {proposals.estimated_accuracy:.0%} of the proposals should be right."
    return words
