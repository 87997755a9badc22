"""The command ``networks``: what may look at the pictures, and what is at hand."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import click

from decor_core.cli.options import FOLDER, Command, as_json
from decor_core.cli.terminal import load_network, print_json, print_table, suppress_startup_logs

_SECONDS = 2.0  # of measuring each network


@click.command(
    "networks",
    cls=Command,
    examples=(
        "",
        "--speed",
        "--fetch resnet50 --fetch my_network.tflite",
    ),
)
@click.option(
    "--fetch", multiple=True, metavar="NAME_OR_FILE",
    help="Download and convert this network, or read this file, now; may be given several times.",
)  # fmt: skip
@click.option("--speed", is_flag=True, help="Measure on this machine how many pictures a second "
              "those at hand look at, one view of each on one core.")  # fmt: skip
@click.option("--model_dir", type=FOLDER, metavar="DIR", help="Where converted networks are kept.")
@as_json
def command(fetch: tuple[str, ...], speed: bool, model_dir: Path | None, as_json: bool) -> int:
    """List the networks that may look at the pictures.

    --architecture takes each of them, or a file of one's own: .tflite, .keras, or the folder of a
    SavedModel. Accuracy is the published share of the pictures of ImageNet's validation set whose
    class came first, with the network's own classifier; weights are without it, in single
    precision. What is not at hand is downloaded, or comes as a package, when it is first used.
    """
    if model_dir:
        os.environ["DECOR_BACKBONES"] = str(model_dir)
    from decor_core.cli.training_flags import network_named
    from decor_core.features.known_networks import SOURCES

    for text in fetch:
        load_network(network_named(text))
    if model_dir and not model_dir.exists():
        print(
            f"decor: there is no folder “{model_dir}”; --fetch makes it for what it converts.",
            file=sys.stderr,
        )
    rows = _networks()
    for row in rows:
        if speed:
            row["pictures_per_second"] = _speed(row["name"]) if row["at_hand"] else None
    if as_json:
        print_json(rows)
        return 0
    header = ["network", "pixels", "weights", "accuracy", "published by", "at hand"]
    print_table([*header, *["pictures/s"] * speed], [_line(row, speed) for row in rows])
    print()
    for source, address in SOURCES.items():
        print(f"{source}: {address}")
    return 0


def _networks() -> list[dict[str, Any]]:
    """A row for each, those that a name gives first."""
    from decor_core.features.backbones import is_at_hand
    from decor_core.features.known_networks import KNOWN, SOURCES
    from decor_core.features.own_networks import kept_networks

    rows = [
        {
            "name": known.name,
            "side": known.side,
            "megabytes": known.megabytes,
            "accuracy": known.accuracy,
            "source": known.source,
            "published_at": SOURCES[known.source],
            "at_hand": is_at_hand(known.name),
        }
        for known in KNOWN.values()
    ]
    return rows + [
        {
            "name": own.name,
            "title": own.title,
            "side": own.side,
            "megabytes": round(own.size / 1e6, 1),
            "accuracy": None,
            "source": None,
            "published_at": None,
            "at_hand": True,
        }
        for own in kept_networks()
    ]


def _line(row: dict[str, Any], speed: bool) -> list[str]:
    name = f"{row['name']} ({row['title']})" if "title" in row else row["name"]
    accuracy = f"{row['accuracy']:.1f} %" if row["accuracy"] else "unknown"
    line = [
        name,
        str(row["side"]),
        f"{row['megabytes']:g} MB",
        accuracy,
        row["source"] or "",
        "yes",
    ]
    if not row["at_hand"]:
        line[-1] = "no"
    if speed:
        measured = row["pictures_per_second"]
        line.append(f"{measured:.1f}" if measured else "")
    return line


def _speed(name: str) -> float:
    """Pictures a second, one view each, on one core: the best of a few tries."""
    import numpy as np

    from decor_core.features.backbones import load_backbone

    with suppress_startup_logs():
        network = load_backbone(name)
        side = network.spec.side
        pixels = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
        network.stage_maps(pixels)  # the first time is slower
    took, ends = [], time.perf_counter() + _SECONDS
    while time.perf_counter() < ends:
        begun = time.perf_counter()
        network.stage_maps(pixels)
        took.append(time.perf_counter() - begun)
    return 1 / min(took)
