"""What the description of the API allows is answered as it says, and what it forbids is refused.

Schemathesis makes the requests and checks the answers: no fault of the server, statuses, headers,
types and bodies as described, nothing without a key. A longer run, of a server that runs:

    st --config-file tests/api/schemathesis.toml run http://127.0.0.1:8000/api/v1/openapi.json
"""

import subprocess
import sys
from pathlib import Path

import pytest
from serving import wait_for

pytest.importorskip("schemathesis")
_RUN = "from schemathesis.cli import schemathesis; schemathesis()"
_SETTINGS = Path(__file__).with_name("schemathesis.toml")


def test_answers_are_as_described(serve_here, tmp_path):
    with serve_here(DECOR_API_KEYS="heron") as port:
        wait_for(f"http://127.0.0.1:{port}/api/v1/ready")
        done = subprocess.run(
            [
                *(sys.executable, "-c", _RUN, "--config-file", str(_SETTINGS)),
                *("run", f"http://127.0.0.1:{port}/api/v1/openapi.json"),
                *("--max-examples", "4", "--seed", "1", "--no-color"),
                *("--suppress-health-check", "all"),
            ],
            cwd=tmp_path,  # it keeps what it finds where it runs
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stdout
    assert "5 selected / 5 total" in done.stdout
