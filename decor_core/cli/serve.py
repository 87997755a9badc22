"""The command ``serve``: the HTTP API without the app."""

import os
import subprocess
import sys
from pathlib import Path

import click

from decor_core.cli.options import PORT, Command
from decor_core.errors import require_package

_NEEDED = (
    "decor_app", "fastapi", "uvicorn", "python_multipart", "limits", "fastapi_offline",
    "prometheus_client",
)  # fmt: skip


@click.command(
    "serve",
    cls=Command,
    examples=(
        "",
        "--model my_model --host 0.0.0.0 --port 80 --hosted",
    ),
)
@click.option("--model", "models", multiple=True, metavar="[NAME=]DIR",
              help="Model to answer with, once or several times; the first is the default one. "
              "Without it the shipped one answers.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS",
              help="Where it listens; 0.0.0.0 is everywhere.")  # fmt: skip
@click.option("--port", type=PORT, default=8000, show_default=True,
              metavar="N", help="Where it listens.")  # fmt: skip
@click.option("--hosted", is_flag=True, help="As a public server: with the limits of a small one.")
def command(models: tuple[str, ...], host: str, port: int, hosted: bool) -> int:
    """Answer over HTTP: pictures in, labels out.

    Ctrl-C ends it. Settings of the server are environment variables; see “Use the HTTP API” in
    the documentation.
    """
    for package in _NEEDED:
        require_package("The API", package, "serve")
    for place in models:
        _have_network(place)
    environment = {**os.environ, **({"DECOR_HOSTED": "1"} if hosted else {})}
    run = [sys.executable, "-m", "decor_app.api", host, str(port), *models]
    if os.name != "nt":
        os.execve(sys.executable, run, environment)  # signals are the server's own then
    return subprocess.call(run, env=environment)


def _have_network(place: str) -> None:
    """Fetch the network of a model, [NAME=]DIR, that is not here: the server would in silence."""
    from decor_core.cli.terminal import load_network
    from decor_core.features.backbones import is_at_hand
    from decor_core.model.bundle import is_bundle, load_bundle

    folder = Path(place if Path(place).exists() else place.partition("=")[2])
    if is_bundle(folder):  # else the server says what is wrong
        bundle = load_bundle(folder)
        if not is_at_hand(bundle.embedding.architecture):
            load_network(bundle.embedding.architecture)
