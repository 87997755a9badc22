"""Draws the sample pictures and writes samples.json: ``python models/samples/draw.py``.

Each is an own drawing; no photograph went into it. Needs Pillow and NumPy only. The same
command draws the app's mark. Names after the command draw only these samples.
"""

import argparse
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from drawing import (  # noqa: E402
    gorodets,
    gzhel,
    iznik,
    kaszubskie,
    khokhloma,
    mark,
    neglyubka,
    wycinanki,
)

ASSETS = HERE.parents[1] / "decor_app" / "assets"
QUALITIES = range(88, 60, -3)
LARGEST = 90_000  # bytes of one picture


@dataclass(frozen=True)
class Sample:
    """One picture: its file's stem, style label, title, description, and what draws it."""

    name: str
    style: str
    title: str
    alt: str
    draw: Callable[[], Image.Image]

    @property
    def file(self) -> str:
        """Name of the picture's file."""
        return f"{self.name}.jpg"


SAMPLES = (
    Sample(
        "gzhel-vase",
        "Gzhel",
        "Gzhel vase",
        "A white porcelain vase painted with cobalt blue roses.",
        gzhel.vase,
    ),
    Sample(
        "gzhel-plate",
        "Gzhel",
        "Gzhel plate",
        "A white plate with a bouquet of cobalt blue flowers and a netted rim.",
        gzhel.platter,
    ),
    Sample(
        "khokhloma-bowl",
        "Khokhloma",
        "Khokhloma bowl",
        "A black lacquered bowl with red and gold flowers and berries, gold inside.",
        khokhloma.bowl,
    ),
    Sample(
        "khokhloma-jar",
        "Khokhloma",
        "Khokhloma jar",
        "A black jar with a domed lid, covered in red and gold flowers, berries and grass.",
        khokhloma.jar,
    ),
    Sample(
        "gorodets-board",
        "Gorodets",
        "Gorodets cutting board",
        "A wooden board with a black horse between garlands of bright roses.",
        gorodets.board,
    ),
    Sample(
        "gorodets-box",
        "Gorodets",
        "Gorodets box",
        "A round lidded wooden box painted with roses, buds and green leaves.",
        gorodets.round_box,
    ),
    Sample(
        "wycinanki-roosters",
        "Wycinanki łowickie",
        "Łowicz cut-out with roosters",
        "A round paper cut-out with two colourful roosters at a flowering tree.",
        wycinanki.rosette_card,
    ),
    Sample(
        "wycinanki-cushion",
        "Wycinanki łowickie",
        "Łowicz cushion",
        "A black cushion covered with layered flowers in full colour.",
        wycinanki.black_pillow,
    ),
    Sample(
        "iznik-plate",
        "Iznik",
        "Iznik plate",
        "A white plate with red tulips and carnations in a cobalt rim.",
        iznik.spray_plate,
    ),
    Sample(
        "iznik-tile",
        "Iznik",
        "Iznik tiles",
        "A tile panel with cobalt medallions and red carnations.",
        iznik.tile,
    ),
    Sample(
        "neglyubka-towel",
        "Neglyubka",
        "Neglyubka towel",
        "A linen towel woven with bands of red and black rhombs.",
        neglyubka.towel,
    ),
    Sample(
        "neglyubka-towels",
        "Neglyubka",
        "Pair of Neglyubka towels",
        "Two towels with red and black woven bands hanging from a rod.",
        neglyubka.towel_pair,
    ),
    Sample(
        "kaszubskie-cushion",
        "Wzory kaszubskie",
        "Kashubian cushion",
        "A white cushion embroidered with blue tulips, daisies and pomegranates.",
        kaszubskie.white_pillow,
    ),
    Sample(
        "kaszubskie-mug",
        "Wzory kaszubskie",
        "Kashubian mug",
        "A white mug with a pomegranate between flowering branches.",
        kaszubskie.mug,
    ),
)


def draw(names: list[str], folder: Path = HERE, assets: Path = ASSETS) -> None:
    """Draw the samples in ``names`` (none: all, with samples.json and the mark)."""
    folder.mkdir(parents=True, exist_ok=True)
    for sample in SAMPLES:
        if not names or sample.name in names:
            (folder / sample.file).write_bytes(_jpeg(sample.draw()))
    if not names:
        _write_list(folder / "samples.json")
        _save_mark(assets)


def _jpeg(picture: Image.Image) -> bytes:
    """The picture at the best of `QUALITIES` that keeps it within `LARGEST` bytes."""
    for quality in QUALITIES:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
        if file.tell() <= LARGEST:
            break
    return file.getvalue()


def _write_list(path: Path) -> None:
    fields = ("file", "style", "title", "alt")
    rows = [{field: getattr(sample, field) for field in fields} for sample in SAMPLES]
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _save_mark(assets: Path) -> None:
    assets.mkdir(parents=True, exist_ok=True)
    mark.rosette(256).save(assets / "logo.png", optimize=True)
    mark.rosette(64).save(assets / "icon.png", optimize=True)


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Draw the sample pictures and the app's mark.")
    names = [sample.name for sample in SAMPLES]
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"draw only these: {', '.join(names)}"
    )
    chosen = parser.parse_args(arguments).names
    unknown = sorted(set(chosen) - set(names))
    if unknown:
        parser.error(f"no sample is called {', '.join(unknown)}; choose from {', '.join(names)}")
    draw(chosen)


if __name__ == "__main__":
    main()
