"""Settings of a hosted server: defaults, words, and that nothing of a visitor stays."""

import numpy as np
import pytest

from decor_core.embedding import Embedder, EmbeddingSpec
from decor_core.errors import SettingsError
from decor_core.features import _Store
from decor_core.hosting import VARIABLES, Hosting, hosting, read_hosting
from pages.parts import shelf


def test_at_home_is_the_default():
    assert read_hosting({}) == Hosting()
    assert not hosting().hosted


@pytest.mark.parametrize("word", ["1", "true", "Yes", " on "])
def test_hosted_narrows_every_limit(word):
    hosted, home = read_hosting({"DECOR_HOSTED": word}), Hosting()
    assert hosted.hosted
    for name in VARIABLES:
        if isinstance(getattr(home, name), int) and name not in ("hosted", "forget_minutes"):
            assert getattr(hosted, name) < getattr(home, name), name


def test_each_has_its_variable():
    values = {variable: "7" for variable in VARIABLES.values()} | {"DECOR_HOSTED": "0"}
    read = read_hosting(values)
    assert {getattr(read, name) for name in VARIABLES if name != "hosted"} == {7, "7"}
    assert read.picture_limits.max_pixels == 7_000_000
    assert read.picture_limits.max_bytes == 7 * 2**20


@pytest.mark.parametrize(
    ("variable", "text"),
    [("DECOR_HOSTED", "maybe"), ("DECOR_SESSIONS", "many"), ("DECOR_SESSIONS", "0"),
     ("DECOR_SESSIONS", "-3"), ("DECOR_UPLOAD_MB", "1.5")],
)  # fmt: skip
def test_a_setting_without_sense_is_named(variable, text):
    with pytest.raises(SettingsError, match=f"{variable} is “{text}”"):
        read_hosting({variable: text})


def test_a_space_may_be_shown_in_its_page():
    assert read_hosting({"SPACE_ID": "me/decor"}).frame_ancestors == "https://huggingface.co"
    other = {"SPACE_ID": "me/decor", "DECOR_FRAME_ANCESTORS": "https://museum.example"}
    assert read_hosting(other).frame_ancestors == "https://museum.example"


def test_the_environment_counts_as_it_is_now(monkeypatch):
    monkeypatch.setenv("DECOR_SESSIONS", "3")
    assert hosting().sessions == 3
    monkeypatch.delenv("DECOR_SESSIONS")
    assert hosting().sessions == Hosting().sessions


def test_hosted_keeps_no_runs_even_with_a_home(monkeypatch, tmp_path):
    monkeypatch.setenv("DECOR_HOME", str(tmp_path))
    assert shelf.may_keep()
    monkeypatch.setenv("DECOR_HOSTED", "1")
    assert not shelf.may_keep()


def test_hosted_writes_no_vectors(monkeypatch, tmp_path):
    embedder = Embedder(EmbeddingSpec(views=1))
    monkeypatch.setenv("DECOR_HOSTED", "1")
    store = _Store(tmp_path, embedder)
    store.put("a", np.zeros(embedder.dimensions, np.float32))
    assert store.get("a") is None
    assert not list(tmp_path.iterdir())
