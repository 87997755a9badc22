"""Files of a tab whose server began anew, or left it to another one: told, and never half used."""

import pytest
from app_pages import opened, sound
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.testing.v1 import AppTest

from decor_app.state.workspace import Workspace

_GONE = "brought before the connection to the server was lost"


@pytest.fixture
def lose(monkeypatch):
    """Let the server have no file any more."""
    return lambda: monkeypatch.setattr(MemoryUploadedFileManager, "get_files", lambda *_, **__: [])


def _said(test: AppTest) -> str:
    return "\n".join(one.value for one in [*test.info, *test.error, *test.toast])


@pytest.mark.parametrize("page", ["classify", "data", "runs"])
def test_an_upload_that_is_gone_is_told(page, lose, tmp_path, monkeypatch, ornament, encoded):
    monkeypatch.setenv("DECOR_HOME", str(tmp_path))
    test = opened(page, workspace=Workspace("me"))
    lose()
    name = {"runs": "model.zip"}.get(page, "picture.png")
    test.file_uploader[0].set_value([(name, encoded(ornament(1)), "application/octet-stream")])
    assert _GONE in _said(sound(test.run()))
    assert not (tmp_path / "datasets").exists()


def test_pictures_to_add_that_are_gone_are_not_added(
    lose, tmp_path, monkeypatch, ornament, encoded
):
    monkeypatch.setenv("DECOR_HOME", str(tmp_path))
    test = opened("data", workspace=Workspace("me"), way_in="Single pictures")
    test.file_uploader[0].set_value([("picture.png", encoded(ornament(1)), "image/png")])
    test.run()
    lose()
    assert _GONE in _said(sound(next(b for b in test.button if b.label == "Add").click().run()))
    assert not test.file_uploader[0].value
