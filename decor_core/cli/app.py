"""The command ``app``: the pages in the browser."""

import os
import subprocess
import sys

import click

from decor_core.cli.options import PORT, Command
from decor_core.config import beside
from decor_core.errors import require_package


@click.command(
    "app",
    cls=Command,
    examples=(
        "",
        "--hosted --port 8080",
    ),
)
@click.option(
    "--port", type=PORT, default=8501, show_default=True, metavar="N", help="Where it listens."
)
@click.option("--hosted", is_flag=True, help="As a public server: nothing of its visitors is kept.")
@click.option("--headless", is_flag=True, help="Open no browser.")
def command(port: int, hosted: bool, headless: bool) -> int:
    """Open the app in the browser.

    Ctrl-C ends it. Settings of the server are environment variables; see “Host the app” in the
    documentation.
    """
    for package in ("decor_app", "streamlit", "fastapi"):
        require_package("The app", package, "app")
    arguments = ["--server.port", str(port), "--server.headless", str(headless or hosted)]
    environment = {**os.environ, **({"DECOR_HOSTED": "1"} if hosted else {})}
    script = str(beside("decor_app", "app.py"))
    run = [sys.executable, "-m", "streamlit", "run", script, *arguments]
    if os.name != "nt":
        os.execve(sys.executable, run, environment)  # signals are the server's own then
    return subprocess.call(run, env=environment)
