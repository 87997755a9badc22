"""The command ``label``: what pictures show."""

import csv
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decor_core.cli.bulk import (
    PLACES,
    OutputFlags,
    list_pictures,
    places_of,
    print_skipped,
    write_rows,
)
from decor_core.cli.options import (
    COUNT,
    FOLDER,
    PLACE,
    Command,
    as_json,
    completed_files,
    flag,
    options,
)
from decor_core.cli.outputs import check_writable
from decor_core.cli.terminal import load_network, print_json_list, progress_bar
from decor_core.errors import PictureError
from decor_core.io import unique_name
from decor_core.text import pluralize

if TYPE_CHECKING:
    from PIL.Image import Image

    from decor_core.bulk.sources import Picture
    from decor_core.model.predictor import ImagePredictor, Labeled, Prediction

_MANY = 20  # pictures from which on a bar shows how far it is


@dataclass(frozen=True)
class LabelFlags:
    """With which model, and what of its answers is shown."""

    bundle: Path | None = flag("Model; by default the shipped one.", metavar="DIR")
    taxonomy: str | None = flag("Labels to tell, e.g. style or country.")
    top: int = flag("Labels to print of each picture.", default=5, type=COUNT)
    explain: Path | None = flag(
        "Also write each picture as a PNG that shows what speaks for its verdict (orange) and "
        "against it (violet).",
        metavar="DIR",
        type=FOLDER,
    )
    csv: bool = flag("Print nothing but CSV on stdout.", default=False)


@click.command(
    "label",
    cls=Command,
    examples=(
        "photo.jpg folder_of_photos",
        "photos.zip --bundle my_model --explain explained",
        "photos --taxonomy country --out answers.parquet",
    ),
)
@click.argument("files", nargs=-1, type=PLACE, metavar=PLACES, shell_complete=completed_files)
@click.option("--image", "images", multiple=True, type=PLACE, metavar="FILE_DIR_ZIP_OR_URL",
              shell_complete=completed_files,
              help="Pictures, one or several; folders and archives are searched for "
              "pictures, also inside.")  # fmt: skip
@options("flags", LabelFlags)
@options("output", OutputFlags)
@as_json
def command(
    files: tuple[str, ...],
    images: tuple[str, ...],
    flags: LabelFlags,
    output: OutputFlags,
    as_json: bool,
) -> int:
    """Tell what pictures show, best guess first.

    What in folders and archives is no picture is left out and named on stderr. Exit code 1: some
    pictures could not be read.
    """
    from decor_core.model.bundle import DEFAULT_BUNDLE, load_bundle
    from decor_core.model.predictor import ImagePredictor
    from decor_core.parallel import map_in_order

    if as_json and flags.csv:
        raise click.UsageError("Expected either --json or --csv, not both.")
    if output.out and (flags.csv or flags.explain):
        raise click.UsageError("--out goes neither with --csv nor with --explain.")
    places = places_of(images, files, output)
    bundle = load_bundle(flags.bundle or DEFAULT_BUNDLE)
    load_network(bundle.embedding.architecture)
    predictor = ImagePredictor(bundle)
    level = predictor.bundle.taxonomy.level(flags.taxonomy or predictor.bundle.taxonomy.name)
    if output.out:
        from decor_core.bulk.rows import PredictionRows

        maker = PredictionRows(predictor, level.name, flags.top)
        return write_rows(places, maker, output, as_json=as_json)
    listing = list_pictures(places)
    if flags.explain:
        check_writable(flags.explain)
    results = _Results(listing.count, flags)
    for_people = partial(print_predictions, known=pluralize(len(level.labels), "label"))
    write = print_json_list if as_json else print_csv if flags.csv else for_people
    write(map(results.add, map_in_order(partial(_label_one, predictor, flags), listing)))
    print_skipped("Noted on reading", results.notes)
    return int(results.errors > 0)


def _label_one(
    predictor: "ImagePredictor", flags: LabelFlags, picture: "Picture"
) -> tuple["Labeled", "Image | None"]:
    """The answer for a picture and, if it is to be explained, the picture painted over."""
    from decor_core.bulk.sources import read_picture
    from decor_core.model.predictor import Labeled

    try:
        content = read_picture(picture)
    except PictureError as error:
        return Labeled(picture.file, error=str(error)), None
    answer = predictor.label_one(picture.file, content, flags.taxonomy)
    if not (flags.explain and answer.prediction):
        return answer, None
    return answer, _explained(predictor, content, answer.prediction)


class _Results:
    """Makes the result of each of ``count`` pictures, and keeps what is to be said of them all."""

    def __init__(self, count: int, flags: LabelFlags) -> None:
        from decor_core.bulk.sources import SkippedFiles

        self.notes = SkippedFiles()
        self.errors = 0
        self._done, self._count, self._flags = 0, count, flags
        made = flags.explain.iterdir() if flags.explain else ()
        self._taken = {path.name.casefold() for path in made}
        # Where answers appear on the terminal, they show how far it is.
        shown = count > _MANY and not sys.stdout.isatty()
        self._progress = progress_bar("Labelling") if shown else None

    def add(self, found: tuple["Labeled", "Image | None"]) -> dict[str, Any]:
        """What is to be printed of a picture, as JSON; its explanation is saved."""
        labeled, painted = found
        result = labeled.to_json(self._flags.top)
        if painted and self._flags.explain:
            name = unique_name(Path(labeled.file).stem, self._taken, ".png")
            painted.save(self._flags.explain / name)
            result["explanation"] = str(self._flags.explain / name)
        if labeled.notes:
            self.notes.add(labeled.file, " ".join(labeled.notes))
        self.errors += "error" in result
        self._done += 1
        if self._progress:
            self._progress(self._done, self._count)
        return result


def print_csv(results: Iterable[dict[str, Any]]) -> None:
    """Write results to stdout as CSV, a row for each picture and label."""
    from decor_core.data.tables.csv_escape import escape_cell

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["file", "verdict", "label", "probability", "error"])
    for result in results:
        if "error" in result:
            writer.writerow([escape_cell(result["file"]), "", "", "", result["error"]])
        for score in result.get("scores", ()):
            row = [result["file"], result["verdict"], score["label"], f"{score['probability']:.6f}"]
            writer.writerow([*map(escape_cell, row), ""])


def print_predictions(results: Iterable[dict[str, Any]], known: str) -> None:
    """Write results to stdout for people; ``known`` says what the model knows, e.g. “7 labels”."""
    for result in results:
        words = ""
        match result.get("decision"):
            case "unknown":
                words = f": none of the {known} it knows; looks most like"
            case "ambiguous" | "undecided":
                words = f": unsure; of the {known} it knows, looks most like"
        print(result["file"] + words)
        if "error" in result:
            print(f"  {result['error']}")
        for score in result.get("scores", ()):
            print(f"  {score['probability']:7.2%}  {score['label']}")
        if "explanation" in result:
            print(f"  why: {result['explanation']}")


def _explained(predictor: "ImagePredictor", content: bytes, prediction: "Prediction") -> "Image":
    """The picture with what speaks for its likeliest label painted over it."""
    from decor_core.images.decode import load_picture
    from decor_core.model.explain import explain
    from decor_core.model.overlay import overlay

    picture = load_picture(content, max_side=predictor.embedder.working_side)
    explanation = explain(predictor, picture, prediction.taxonomy)
    attribution = explanation.attribution(prediction.scores[0].label)
    return overlay(picture, attribution, explanation.scale)
