"""Where things are kept: by variable, else where the system keeps such things."""

import sys
from pathlib import Path

import pytest

from decor_core.config import cache_directory, data_directory


@pytest.mark.parametrize(
    "directory, own, common, usual",
    [(data_directory, "DECOR_HOME", "XDG_DATA_HOME", ".local/share"),
     (cache_directory, "DECOR_CACHE", "XDG_CACHE_HOME", ".cache")],
)  # fmt: skip
def test_variables_say_where_things_are_kept(directory, own, common, usual, monkeypatch, tmp_path):
    monkeypatch.setenv(own, str(tmp_path / "own"))
    assert directory() == tmp_path / "own"
    monkeypatch.delenv(own)
    monkeypatch.setenv(common, str(tmp_path / "common"))
    if sys.platform != "win32":
        assert directory() == tmp_path / "common" / "decor"
    monkeypatch.delenv(common)
    assert directory().parts.count("decor") == 1  # no folder of an author around it
    if sys.platform == "linux":
        assert directory() == Path.home() / usual / "decor"
