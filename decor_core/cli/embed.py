"""The command ``embed``: vectors of pictures, to train on."""

from dataclasses import dataclass, replace
from pathlib import Path

import click

from decor_core.cli.bulk import PLACES, OutputFlags, places_of, write_rows
from decor_core.cli.options import PLACE, Command, as_json, completed_files, flag, options
from decor_core.cli.terminal import load_network, suppress_startup_logs
from decor_core.cli.training_flags import network_named


@dataclass(frozen=True)
class SpecFlags:
    """How pictures become vectors."""

    bundle: Path | None = flag(
        "Model whose vectors are wanted; by default the shipped one.", metavar="DIR"
    )
    region: str | None = flag(
        "Part of the picture that is read, instead of the model's.",
        choices=("object", "frame"),
        type=click.Choice(["object", "frame"]),
    )
    architecture: str | None = flag(
        "Network, by name, file or model, instead of the model's.", metavar="NAME_OR_FILE"
    )


@click.command("embed", cls=Command, examples=("photos --out vectors.parquet",))
@click.argument("files", nargs=-1, type=PLACE, metavar=PLACES, shell_complete=completed_files)
@options("spec_flags", SpecFlags)
@options("output", OutputFlags)
@as_json
def command(
    files: tuple[str, ...], spec_flags: SpecFlags, output: OutputFlags, as_json: bool
) -> int:
    """Write the vectors of pictures, to train on.

    Columns: file, key (SHA-256 of the content), width, height, vector (float16), notes, error. How
    the vectors were made is in the metadata. Exit code 1: some pictures could not be read.
    """
    from decor_core.bulk.rows import VectorRows
    from decor_core.model.bundle import DEFAULT_BUNDLE, load_bundle
    from decor_core.model.networks import network_of

    places = places_of((), files, output)
    if not output.out:
        raise click.UsageError("Expected --out with a .parquet file or a folder.")
    bundle = load_bundle(spec_flags.bundle or DEFAULT_BUNDLE)
    named = spec_flags.architecture
    architecture = network_named(named) if named else network_of(bundle)
    region = spec_flags.region or bundle.embedding.region
    load_network(architecture)
    with suppress_startup_logs():
        maker = VectorRows(replace(bundle.embedding, region=region, architecture=architecture))
    return write_rows(places, maker, output, as_json=as_json)
