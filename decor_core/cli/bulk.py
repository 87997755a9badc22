"""Where ``label`` and ``embed`` write their rows, and what they say while they do."""

import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from decor_core.cli.options import COUNT, PLACE, flag
from decor_core.cli.terminal import print_json, progress_bar
from decor_core.errors import DecorError
from decor_core.text import pluralize

if TYPE_CHECKING:
    from decor_core.bulk.output import Output
    from decor_core.bulk.rows import RowMaker
    from decor_core.bulk.sources import PictureIndex, SkippedFiles

PLACES = "[FILE_DIR_ZIP_OR_URL]..."


@dataclass(frozen=True)
class OutputFlags:
    """Where rows are written."""

    out: str | None = flag(
        "Write a row for each picture as it comes: a .parquet, .jsonl or .csv, or a folder of "
        "Parquet files (with a slash at the end); on this machine or in an object store.",
        metavar="FILE_OR_DIR",
        type=PLACE,
    )
    resume: bool = flag("Go on with what was interrupted.", default=False)
    engine: str = flag(
        "On this machine, or on a cluster by Ray.", default="local", choices=("local", "ray"),
        type=click.Choice(["local", "ray"]),
    )  # fmt: skip
    address: str | None = flag(
        "Ray cluster, e.g. 10.0.0.1:6379, or auto on one of its machines; by default that of "
        "$RAY_ADDRESS, else this machine.",
        metavar="HOST:PORT",
    )
    workers: int | None = flag(
        "Processes of Ray that look at pictures; by default one for each core.", type=COUNT
    )


def places_of(images: Sequence[str], files: Sequence[str], flags: OutputFlags) -> list[str]:
    """The places given with --image and without; UsageError where there is none."""
    if not (images or files):
        raise click.UsageError("Expected a picture, or a folder, archive or URL of pictures.")
    if flags.resume and not flags.out:
        raise click.UsageError("--resume goes with --out.")
    if flags.engine != "local" and not flags.out:
        raise click.UsageError("--engine goes with --out.")
    if flags.engine == "local" and (flags.address or flags.workers):
        raise click.UsageError("--address and --workers go with --engine ray.")
    return [*images, *files]


def list_pictures(places: Sequence[str]) -> "PictureIndex":
    """All pictures of the places; what is left out is told. DecorError where there is none."""
    from decor_core.bulk.sources import PictureIndex

    show = progress_bar("Looking for pictures", delay=1)
    listing = PictureIndex(places, lambda count: show(count, None))
    show(listing.count, listing.count)
    print_skipped(f"{pluralize(listing.left_out.count, 'file')} left out", listing.left_out)
    if not listing.count:
        raise DecorError(
            "There is no picture in the folders or archives given; expected at least one file."
        )
    return listing


def print_skipped(title: str, reasons: "SkippedFiles") -> None:
    """Write to stderr what was to be said of files: each reason once, with the first names."""
    if reasons.count:
        print(f"{title}:", *reasons.lines(), sep="\n  ", file=sys.stderr)


def write_rows(
    places: Sequence[str], maker: "RowMaker", flags: OutputFlags, *, as_json: bool
) -> int:
    """Write a row for each picture of the places, and print how many; the exit code."""
    from decor_core.bulk import cluster, local
    from decor_core.bulk.output import Output
    from decor_core.bulk.places import scheme_of

    assert flags.out
    output = Output(flags.out, maker, places, resume=flags.resume)
    if output.is_finished:
        words = (
            f"{output.place} is complete, and is not added to; a folder would be. For other "
            "pictures give --out another name."
        )
        print(words, file=sys.stderr if as_json else sys.stdout)
        if as_json:
            print_json({"out": output.place})
        return 0
    listing = list_pictures(places)
    # Before the bar, so that it is said when that is closed.
    click.get_current_context().call_on_close(partial(_say_what_is_kept, output, listing.count))
    before = len(output.done)
    show = progress_bar("Writing rows", before=before)
    if flags.engine == "ray":
        here = not all(map(scheme_of, places))
        run = partial(cluster.run, address=flags.address, workers=flags.workers, only_here=here)
    else:
        run = partial(local.run, is_remote=any(map(scheme_of, places)))
    with closing(run(listing, maker, output)) as counts:
        for count in counts:
            show(before + count, listing.count)
    if output.done.left:
        rows = pluralize(output.done.left, "row")
        print(f"{rows} of pictures that are no longer there were kept.", file=sys.stderr)
    if as_json:
        print_json({"out": output.place, "pictures": output.rows, "errors": output.errors})
        return int(output.errors > 0)
    failed = f", {output.errors:,} of them could not be read" if output.errors else ""
    print(f"{output.place}: {pluralize(output.rows, 'picture')}{failed}")
    return int(output.errors > 0)


def _say_what_is_kept(output: "Output", count: int) -> None:
    """Tell on stderr how to go on with an output that was not finished."""
    if output.rows and not output.is_finished:
        print(
            f"{output.rows:,} of {count:,} rows are kept in “{output.kept_in}”; the same command "
            "with --resume goes on.",
            file=sys.stderr,
        )
