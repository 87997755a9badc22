"""The command ``label``: what pictures show."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from decor_core.cli.options import COUNT, PATH, Command, as_json, flag, options
from decor_core.cli.terminal import (
    print_answers,
    print_csv,
    print_json_list,
    progress_bar,
    quietly,
)
from decor_core.errors import DecorError, PictureError
from decor_core.io import unique_name

if TYPE_CHECKING:
    from PIL.Image import Image

    from decor_core.data.sources.source import Source
    from decor_core.model.predictor import ImagePredictor, Labeled, Prediction

_Read = Callable[[], Path | bytes]
_MANY = 20  # pictures from which on a bar shows how far it is
_NAMED = 5  # files for each reason


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
@click.argument("files", nargs=-1, type=PATH, metavar="[FILE_DIR_OR_ZIP]...")
@click.option("--image", "images", multiple=True, type=PATH, metavar="FILE_DIR_OR_ZIP",
              help="Pictures, one or several; folders and archives are searched for "
              "pictures, also inside.")  # fmt: skip
@options("flags", LabelFlags)
@as_json
def command(
    files: tuple[Path, ...], images: tuple[Path, ...], flags: LabelFlags, as_json: bool
) -> int:
    """Tell what pictures show, best guess first.

    What in folders and archives is no picture is left out and named on stderr. Exit code 1: some
    pictures could not be read.
    """
    from decor_core.data.findings import pluralize
    from decor_core.model.predictor import CONFIDENCE_THRESHOLD, DEFAULT_BUNDLE, load_predictor
    from decor_core.parallel import map_in_order

    if as_json and flags.csv:
        raise click.UsageError("Expected either --json or --csv, not both.")
    if not (images or files):
        raise click.UsageError("Expected --image with a picture or a folder of pictures.")
    with quietly():
        predictor = load_predictor(flags.bundle or DEFAULT_BUNDLE)
    found = _find_pictures([*images, *files])
    _print_by_reason(f"{pluralize(len(found.left_out), 'file')} left out", found.left_out)
    if not found.pictures:
        raise DecorError(
            "There is no picture in the folders or archives given; expected at least one file."
        )
    level = predictor.bundle.taxonomy.level(flags.taxonomy or predictor.bundle.taxonomy.name)
    if flags.explain:
        flags.explain.mkdir(parents=True, exist_ok=True)
    told = _Told(len(found.pictures), flags)
    known = pluralize(len(level.labels), "label")
    for_people = partial(print_answers, known=known, confident=CONFIDENCE_THRESHOLD)
    write = print_json_list if as_json else print_csv if flags.csv else for_people
    write(map(told.row, map_in_order(partial(_look, predictor, flags), found.pictures)))
    _print_by_reason("Noted on reading", told.notes)
    return int(told.errors > 0)


def _look(
    predictor: "ImagePredictor", flags: LabelFlags, picture: tuple[str, "_Read"]
) -> tuple["Labeled", "Image | None"]:
    """The answer for a picture and, if it is to be explained, the picture painted over."""
    from decor_core.model.predictor import Labeled

    name, read = picture
    try:
        source = read()
    except PictureError as error:
        return Labeled(name, error=str(error)), None
    answer = predictor.label_one(name, source, flags.taxonomy)
    if not (flags.explain and answer.prediction):
        return answer, None
    return answer, _explained(predictor, source, answer.prediction)


class _Told:
    """What is said of each of ``count`` pictures, one after the other, and kept of them all."""

    def __init__(self, count: int, flags: LabelFlags) -> None:
        self.notes: dict[str, str] = {}
        self.errors = 0
        self._done, self._count, self._flags = 0, count, flags
        made = flags.explain.iterdir() if flags.explain else ()
        self._taken = {path.name.casefold() for path in made}
        # Where answers appear on the terminal, they show how far it is.
        shown = count > _MANY and not sys.stdout.isatty()
        self._progress = progress_bar("Labelling") if shown else None

    def row(self, found: tuple["Labeled", "Image | None"]) -> dict[str, Any]:
        """An answer to be written; its explanation is."""
        answer, painted = found
        row = answer.to_json(self._flags.top)
        if painted and self._flags.explain:
            name = unique_name(Path(answer.file).stem, self._taken, ".png")
            painted.save(self._flags.explain / name)
            row["explanation"] = str(self._flags.explain / name)
        if answer.notes:
            self.notes[answer.file] = " ".join(answer.notes)
        self.errors += "error" in row
        self._done += 1
        if self._progress:
            self._progress(self._done, self._count)
        return row


@dataclass
class _Found:
    """Pictures, each with its name and what reads it, and files left out, with the reason."""

    pictures: list[tuple[str, _Read]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def _find_pictures(places: Sequence[Path]) -> _Found:
    """Files as given; a folder or archive stands for all pictures in it, in sorted order."""
    from decor_core.data.sources.source import Source, open_source

    found = _Found()
    for place in places:
        if _is_archive(place):
            _add_all(found, open_source(place), place)
        elif not place.is_dir():
            found.pictures.append((str(place), partial(Path, place)))
        else:
            # Not open_source: links are followed, and there may be any number of files.
            below = (path for path in place.rglob("*") if not path.name.startswith("."))
            below = sorted(path for path in below if path.is_file())
            archives = dict.fromkeys(filter(_is_archive, below))
            files = [(p.relative_to(place).as_posix(), p) for p in below if p not in archives]
            _add_all(found, Source(place, files), place)
            for path in archives:
                try:
                    _add_all(found, open_source(path), path)
                except DecorError as error:
                    found.left_out[str(path)] = str(error)
    return found


def _is_archive(path: Path) -> bool:
    from decor_core.data.sources.archives import archive_kind, is_archive_name

    if not (is_archive_name(path.name) and path.is_file()):
        return False
    with path.open("rb") as file:  # “face.001” may be a picture
        return bool(archive_kind(file))


def _add_all(found: _Found, source: "Source", place: Path) -> None:
    from decor_core.data.picture_files import split_pictures

    pictures, others = split_pictures(source)
    for name in pictures:
        file = source.files[name]
        read = partial(Path, file) if isinstance(file, Path) else partial(source.read, name)
        path = file if isinstance(file, Path) else place / name
        found.pictures.append((str(path), read))
    found.left_out |= {str(place / name): reason for name, reason in others.items()}


def _print_by_reason(title: str, reasons: Mapping[str, str]) -> None:
    """Write to stderr what was to be said of files: each reason once, with the first names."""
    from decor_core.data.findings import printable

    by_reason: dict[str, list[str]] = {}
    for file, reason in reasons.items():
        by_reason.setdefault(reason, []).append(printable(file))
    if reasons:
        print(f"{title}:", file=sys.stderr)
    for reason, files in by_reason.items():
        more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
        print(f"  {', '.join(files[:_NAMED])}{more}: {printable(reason)}", file=sys.stderr)


def _explained(
    predictor: "ImagePredictor", source: Path | bytes, prediction: "Prediction"
) -> "Image":
    """The picture with what speaks for its likeliest label painted over it."""
    from decor_core.images.decode import load_picture
    from decor_core.model.explain import explain
    from decor_core.model.overlay import overlay

    picture = load_picture(source, max_side=predictor.embedder.working_side)
    explanation = explain(predictor, picture, prediction.taxonomy)
    attribution = explanation.attribution(prediction.scores[0].label)
    return overlay(picture, attribution, explanation.scale)
