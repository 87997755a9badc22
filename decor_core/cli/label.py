"""The command ``label``: what pictures show."""

import sys
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
    print_reasons,
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
from decor_core.cli.terminal import (
    load_network,
    print_answers,
    print_csv,
    print_json_list,
    progress_bar,
)
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
    from decor_core.model.bundle import load_bundle
    from decor_core.model.predictor import CONFIDENCE_THRESHOLD, DEFAULT_BUNDLE, ImagePredictor
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
        from decor_core.bulk.answers import AnswerRows

        maker = AnswerRows(predictor, level.name, flags.top)
        return write_rows(places, maker, output, as_json=as_json)
    listing = list_pictures(places)
    if flags.explain:
        check_writable(flags.explain)
    rows = _AnswerTable(listing.count, flags)
    known = pluralize(len(level.labels), "label")
    for_people = partial(print_answers, known=known, confident=CONFIDENCE_THRESHOLD)
    write = print_json_list if as_json else print_csv if flags.csv else for_people
    write(map(rows.row_of, map_in_order(partial(_label_one, predictor, flags), listing)))
    print_reasons("Noted on reading", rows.notes)
    return int(rows.errors > 0)


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


class _AnswerTable:
    """What is said of each of ``count`` pictures, one after the other, and kept of them all."""

    def __init__(self, count: int, flags: LabelFlags) -> None:
        from decor_core.bulk.sources import Reasons

        self.notes = Reasons()
        self.errors = 0
        self._done, self._count, self._flags = 0, count, flags
        made = flags.explain.iterdir() if flags.explain else ()
        self._taken = {path.name.casefold() for path in made}
        # Where answers appear on the terminal, they show how far it is.
        shown = count > _MANY and not sys.stdout.isatty()
        self._progress = progress_bar("Labelling") if shown else None

    def row_of(self, found: tuple["Labeled", "Image | None"]) -> dict[str, Any]:
        """An answer to be written; its explanation is."""
        answer, painted = found
        row = answer.to_json(self._flags.top)
        if painted and self._flags.explain:
            name = unique_name(Path(answer.file).stem, self._taken, ".png")
            painted.save(self._flags.explain / name)
            row["explanation"] = str(self._flags.explain / name)
        if answer.notes:
            self.notes.add(answer.file, " ".join(answer.notes))
        self.errors += "error" in row
        self._done += 1
        if self._progress:
            self._progress(self._done, self._count)
        return row


def _explained(predictor: "ImagePredictor", content: bytes, prediction: "Prediction") -> "Image":
    """The picture with what speaks for its likeliest label painted over it."""
    from decor_core.images.decode import load_picture
    from decor_core.model.explain import explain
    from decor_core.model.overlay import overlay

    picture = load_picture(content, max_side=predictor.embedder.working_side)
    explanation = explain(predictor, picture, prediction.taxonomy)
    attribution = explanation.attribution(prediction.scores[0].label)
    return overlay(picture, attribution, explanation.scale)
