"""The command ``label``: what pictures show."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from decor_core.cli.options import COUNT, PATH, Command, as_json, flag, options
from decor_core.cli.terminal import print_answers, print_csv, print_json, progress_bar, quietly
from decor_core.errors import DecorError
from decor_core.io import unique_name

if TYPE_CHECKING:
    from decor_core.model.predictor import ImagePredictor, Prediction

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
    )
    csv: bool = flag("Print nothing but CSV on stdout.", default=False)


@click.command("label", cls=Command)
@click.argument("files", nargs=-1, type=PATH, metavar="[FILE_OR_DIR]...")
@click.option("--image", "images", multiple=True, type=PATH, metavar="FILE_OR_DIR",
              help="Pictures, one or several; folders are searched recursively.")  # fmt: skip
@options("flags", LabelFlags)
@as_json
def command(
    files: tuple[Path, ...], images: tuple[Path, ...], flags: LabelFlags, as_json: bool
) -> int:
    """Tell what pictures show, best guess first.

    Exit code 1: some could not be read.
    """
    from decor_core.model.predictor import DEFAULT_BUNDLE, load_predictor

    if as_json and flags.csv:
        raise click.UsageError("Expected either --json or --csv, not both.")
    if not (images or files):
        raise click.UsageError("Expected --image with a picture or a folder of pictures.")
    with quietly():
        predictor = load_predictor(flags.bundle or DEFAULT_BUNDLE)
    pictures = _picture_files([*images, *files])
    show_progress = progress_bar("Labelling") if len(pictures) > _MANY else None
    if flags.explain:
        flags.explain.mkdir(parents=True, exist_ok=True)
        taken = {path.name.casefold() for path in flags.explain.iterdir()}
    answers = []
    for answer in predictor.label(pictures, flags.taxonomy):
        row = answer.to_json(flags.top)
        if flags.explain and answer.prediction:
            path = flags.explain / unique_name(Path(answer.file).stem, taken, ".png")
            _write_explanation(predictor, Path(answer.file), answer.prediction, path)
            row["explanation"] = str(path)
        answers.append(row)
        if show_progress:
            show_progress(len(answers), len(pictures))
    write = print_json if as_json else print_csv if flags.csv else print_answers
    write(answers)
    return int(any("error" in answer for answer in answers))


def _picture_files(places: Sequence[Path]) -> list[Path]:
    """Files as given; a folder stands for all pictures below it, in sorted order."""
    from decor_core.images.decode import is_picture_name

    found: list[Path] = []
    for place in places:
        if not place.is_dir():
            found.append(place)
            continue
        below = sorted(path for path in place.rglob("*") if path.is_file())
        found += [p for p in below if is_picture_name(p.name) and not p.name.startswith(".")]
    if not found:
        raise DecorError("There is no picture in the folders given; expected at least one file.")
    return found


def _write_explanation(
    predictor: "ImagePredictor", file: Path, prediction: "Prediction", path: Path
) -> None:
    """Write the picture with what speaks for its likeliest label painted over it."""
    from decor_core.images.decode import load_picture
    from decor_core.model.explain import explain
    from decor_core.model.overlay import overlay

    picture = load_picture(file, max_side=predictor.embedder.working_side)
    explanation = explain(predictor, picture, prediction.taxonomy)
    attribution = explanation.attribution(prediction.scores[0].label)
    overlay(picture, attribution, explanation.scale).save(path)
