"""Settings of a hosted server: defaults, words, and that nothing of a visitor stays."""

import pytest

from decor_core.catalog import read_catalog
from decor_core.embedding import EmbeddingSpec
from decor_core.errors import SettingsError
from decor_core.features import embed_catalog
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


@pytest.mark.parametrize("hosted", [False, True])
def test_hosted_writes_no_vectors_into_the_common_cache(monkeypatch, tmp_path, painted, hosted):
    monkeypatch.setenv("DECOR_HOSTED", "1" if hosted else "")
    monkeypatch.setenv("DECOR_CACHE", str(tmp_path / "common"))
    catalog = read_catalog(image_dir=painted)
    embed_catalog(catalog, EmbeddingSpec(views=1))
    assert bool(list(tmp_path.rglob("*.npy"))) != hosted
    embed_catalog(catalog, EmbeddingSpec(views=1), cache=tmp_path / "own")
    assert list((tmp_path / "own").rglob("*.npy"))
