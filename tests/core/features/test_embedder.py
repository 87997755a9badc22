"""Picture → vector → file and back: same twice, cached by content, damage noticed."""

import json
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from decor_core.data.catalog import open_dataset
from decor_core.errors import BackboneError, BundleError, DataError, TrainingError
from decor_core.features import copies_choice
from decor_core.features import embedder as embedder_module
from decor_core.features.catalog_embeddings import _VectorCache, embed_catalog
from decor_core.features.embedder import Block, EmbeddingSpec, ImageEmbedder
from decor_core.features.embeddings import Embeddings
from decor_core.images.augment import Augmentation, distort
from decor_core.images.views import VIEWS

SPEC = EmbeddingSpec(views=1)


@pytest.fixture(scope="module")
def embedder():
    return ImageEmbedder(EmbeddingSpec(views=2))


@pytest.fixture
def few(tmp_path, ornament):
    """A catalog of four pictures in two class folders."""
    for number, name in enumerate(("red/0", "red/1", "blue/2", "blue/3")):
        path = tmp_path / "few" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        ornament(number, name.partition("/")[0]).save(path)
    return open_dataset(tmp_path / "few")


@pytest.fixture
def counted(monkeypatch):
    """Every picture that is embedded, not read from the cache."""
    seen = []
    embed = ImageEmbedder.embed

    def spy(self, picture):
        seen.append(picture.size)
        return embed(self, picture)

    monkeypatch.setattr(ImageEmbedder, "embed", spy)
    return seen


def _likeness(one, other):
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


# Vectors


def test_vector_is_the_same_twice_and_finite(embedder, ornament):
    one, again = embedder.embed(ornament(1)), embedder.embed(ornament(1))
    assert one.dtype == np.float32 and one.shape == (embedder.dimensions,)
    assert np.isfinite(one).all()
    np.testing.assert_array_equal(one, again)


def test_threads_take_turns_but_for_the_network(ornament, monkeypatch):
    monkeypatch.setattr(embedder_module.os, "cpu_count", lambda: 4)
    embedder, find, lock = (
        ImageEmbedder(EmbeddingSpec()),
        embedder_module.region_square,
        threading.Lock(),
    )
    pictures = [ornament(seed, "navy", 90) for seed in range(8)]
    alone = [embedder.embed(picture) for picture in pictures]
    inside, most = 0, 0

    def counted(picture, region):
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.02)
        with lock:
            inside -= 1
        return find(picture, region)

    monkeypatch.setattr(embedder_module, "region_square", counted)
    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(embedder.embed, pictures))
    assert most == 2
    np.testing.assert_array_equal(together, alone)


def test_blocks_cover_all_columns_once(embedder):
    edges = [(block.start, block.stop) for block in embedder.blocks]
    assert edges[0][0] == 0 and edges[-1][1] == embedder.dimensions
    assert all(left[1] == right[0] for left, right in zip(edges, edges[1:], strict=False))
    assert [block.name for block in embedder.blocks[-2:]] == ["stage 7", "colours"]


def test_every_block_has_its_length(embedder, ornament):
    vector = embedder.embed(ornament(1))
    for block in embedder.blocks[:-1]:  # mean and deviation of length 1, averaged over views
        assert 0.9 <= np.linalg.norm(vector[block.columns]) / np.sqrt(2) <= 1.001
    assert np.linalg.norm(vector[embedder.blocks[-1].columns]) == pytest.approx(1, abs=1e-5)


def test_mirrored_and_padded_pictures_stay_alike_others_do_not(embedder, ornament):
    picture = ornament(1, side=160)
    vector = embedder.embed(picture)
    mirrored = _likeness(vector, embedder.embed(ImageOps.mirror(picture)))
    padded = _likeness(vector, embedder.embed(ImageOps.expand(picture, 60, "white")))
    other = _likeness(vector, embedder.embed(ornament(2, "seagreen", side=160)))
    assert mirrored > 0.99
    assert padded > 0.98
    assert other < min(mirrored, padded) - 0.1


@pytest.mark.parametrize("size", [(8, 8), (8, 1200), (1200, 9), (511, 8)])
@pytest.mark.parametrize("kind", ["flat", "noise", "speck"])
def test_odd_pictures_get_finite_vectors(embedder, size, kind):
    pixels = np.full((size[1], size[0], 3), 250, np.uint8)
    if kind == "noise":
        pixels = np.random.default_rng(0).integers(0, 256, pixels.shape, np.uint8)
    if kind == "speck":
        pixels[size[1] // 2, size[0] // 2] = 0
    assert np.isfinite(embedder.embed(Image.fromarray(pixels))).all()


@pytest.mark.parametrize("views", [0, len(VIEWS) + 1])
def test_views_out_of_range_are_refused(views):
    with pytest.raises(BackboneError, match=f"views must be 1 to {len(VIEWS)}, not {views}"):
        ImageEmbedder(EmbeddingSpec(views=views))


def test_vectors_of_another_version_are_refused():
    with pytest.raises(BackboneError, match="version 99.*retrain the model, or update"):
        ImageEmbedder(EmbeddingSpec(version=99))


# A whole set


def test_table_and_vectors_go_together(embeddings):
    taxonomy, classes = embeddings.target("style")
    assert taxonomy.labels == ("Gzhel", "Khokhloma", "Iznik")
    assert [taxonomy.labels[c] for c in classes] == embeddings.table["style"].tolist()
    countries, coarse = embeddings.target("country")
    assert countries.labels == ("Russia", "Turkey")
    assert [countries.labels[c] for c in coarse] == embeddings.table["country"].tolist()
    assert embeddings.copies.shape == (36, 0, embeddings.vectors.shape[1])


def test_target_has_only_labels_with_pictures(embeddings):
    chosen = embeddings.rows((embeddings.table["style"] == "Iznik").to_numpy())
    taxonomy, classes = chosen.target("style")
    assert taxonomy.labels == ("Iznik",) and set(classes) == {0}


def test_rows_by_mask_and_by_index_agree(embeddings):
    mask = np.arange(36) % 5 == 2
    one, other = embeddings.rows(mask), embeddings.rows(np.flatnonzero(mask))
    assert one.table.equals(other.table)
    np.testing.assert_array_equal(one.vectors, other.vectors)
    assert one.table.index.tolist() == list(range(7))


def test_of_types(embeddings):
    assert len(embeddings.of_types("product").table) == 36
    with pytest.raises(DataError, match="no pictures of type “pattern”.*choose from: product"):
        embeddings.of_types("pattern")


# Cache


def test_second_run_embeds_nothing_and_gives_the_same(few, tmp_path, counted):
    first = embed_catalog(few, SPEC, cache=tmp_path / "cache")
    assert len(counted) == 4
    told = []
    again = embed_catalog(
        few, SPEC, cache=tmp_path / "cache", progress=lambda done, total: told.append((done, total))
    )
    assert len(counted) == 4
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    np.testing.assert_array_equal(first.vectors, again.vectors)


def test_cache_knows_pictures_by_content_and_by_spec(few, tmp_path, counted):
    cache = tmp_path / "cache"
    embed_catalog(few, SPEC, cache=cache)
    (tmp_path / "few").rename(tmp_path / "moved")
    embed_catalog(open_dataset(tmp_path / "moved"), SPEC, cache=cache)
    assert len(counted) == 4
    embed_catalog(open_dataset(tmp_path / "moved"), EmbeddingSpec(views=2), cache=cache)
    assert len(counted) == 8


def test_copies_are_made_only_where_they_are_worthwhile(few, tmp_path, counted, monkeypatch):
    """Of all pictures where those of two tell so; pictures that are known are not seen again."""
    augmentation = Augmentation(flip=True, degrade=True, background=True, copies=2)
    monkeypatch.setattr(copies_choice, "SAMPLE", 2)
    cache = tmp_path / "cache"
    plain = embed_catalog(few, SPEC, cache=cache)

    def embed(threshold):
        monkeypatch.setattr(copies_choice, "WORTHWHILE", threshold)
        counted.clear()
        return embed_catalog(
            few, SPEC, augmentation=augmentation, only_worthwhile=True, cache=cache
        )

    without = embed(1e9)
    assert len(counted) == 4 and without.copies.shape == (4, 0, plain.vectors.shape[1])
    assert (
        without.copies_choice.copies == 0 and "No distorted copies" in without.copies_choice.reason
    )
    with_all = embed(0)
    assert len(counted) == 4 and with_all.copies_choice.copies == 2
    np.testing.assert_array_equal(with_all.vectors, plain.vectors)
    asked = embed_catalog(few, SPEC, augmentation=augmentation)
    assert asked.copies_choice is None
    np.testing.assert_array_equal(with_all.copies, asked.copies)


def test_copies_are_worthwhile_where_they_lie_as_far_as_another_of_the_class():
    blocks = [Block(f"stage {i}", 2 * i, 2 * i + 2) for i in range(5)]
    rng = np.random.default_rng(0)
    classes = np.arange(100) % 2
    pictures = rng.normal(5 * classes[:, None], 1, (100, 10))
    rows = np.arange(40)
    for distance in (0.4, 1.2):
        moved = rng.normal(0, distance * np.sqrt(2), (40, 3, 10))
        moved[:, :, 4:] *= 99  # the late stages do not count
        copies = pictures[rows, None] + moved
        choice = copies_choice.choose_copies(pictures, classes, blocks, rows, copies)
        assert choice.distance == pytest.approx(distance, rel=0.1)
        assert choice.copies == (3 if distance > 1 else 0)


def test_few_pictures_get_copies_unasked_and_samples_are_spread_over_the_classes(embeddings):
    table = embeddings.table
    assert len(copies_choice.rows_to_try(table, "style")) == 0
    many = pd.concat([table.assign(key=table["key"].map(lambda key, i=i: f"{i}{key}"))
                      for i in range(3)], ignore_index=True)  # fmt: skip
    rows = copies_choice.rows_to_try(many, "style")
    assert len(set(rows)) == 40
    assert many["style"].iloc[rows].value_counts().tolist() == [14, 13, 13]


@pytest.mark.parametrize("damage", [
    lambda file: file.write_bytes(file.read_bytes()[:100]),
    lambda file: file.write_bytes(b""),
    lambda file: np.save(file, np.zeros(3, np.float32)),
    lambda file: np.save(file, np.array([{}], object), allow_pickle=True),
])  # fmt: skip
def test_torn_cache_file_is_made_again(few, tmp_path, counted, damage):
    cache = tmp_path / "cache"
    first = embed_catalog(few, SPEC, cache=cache)
    damage(sorted(cache.rglob("*.npy"))[0])
    again = embed_catalog(few, SPEC, cache=cache)
    assert len(counted) == 5
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert not list(cache.rglob("*.partial"))


def test_one_vector_may_be_stored_by_many_threads_at_once(tmp_path, embedder):
    store = _VectorCache(tmp_path, embedder, usable=True)
    vector = np.ones(embedder.dimensions, np.float32)
    failed = []

    def put():
        try:
            for _ in range(30):
                store.put("same", vector)
        except OSError as error:
            failed.append(error)

    threads = [threading.Thread(target=put) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    np.testing.assert_array_equal(store.get("same"), vector)


def test_no_pictures_is_an_error(few, tmp_path):
    with pytest.raises(DataError, match="no usable picture"):
        embed_catalog(replace(few, table=few.table.iloc[:0]), SPEC, cache=tmp_path)


# Distorted copies


def test_copies_differ_from_the_picture_and_are_cached(few, tmp_path, counted):
    augmentation = Augmentation(flip=True, crop=20, brightness=30, copies=2)
    found = embed_catalog(few, SPEC, augmentation=augmentation, cache=tmp_path / "cache")
    assert found.copies.shape == (4, 2, found.vectors.shape[1])
    assert len(counted) == 12
    differences = np.abs(found.copies - found.vectors[:, None]).max(axis=2)
    assert (differences.max(axis=1) > 0.01).all()  # one may happen to lose its white margin only
    again = embed_catalog(few, SPEC, augmentation=augmentation, cache=tmp_path / "cache")
    assert len(counted) == 12
    np.testing.assert_array_equal(found.copies, again.copies)


def test_distortions_are_seeded_by_content_and_number(ornament):
    augmentation = Augmentation(flip=True, crop=20, scale=20, brightness=30)
    picture, key = ornament(1, side=100), "0123456789abcdef"
    one, again = (np.asarray(distort(picture, augmentation, key, 0)) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    other = np.asarray(distort(picture, augmentation, key, 1))
    assert one.shape != other.shape or (one != other).any()


def test_crop_and_brightness_stay_within_their_percentages(ornament):
    picture = Image.new("RGB", (100, 100), (100, 100, 100))
    for copy in range(20):
        small = distort(picture, Augmentation(crop=25, brightness=10), "ff" * 8, copy)
        assert small.size == (80, 80)
        assert 90 <= small.getpixel((0, 0))[0] <= 110


@pytest.mark.parametrize("settings", [{"crop": -1}, {"scale": 101}, {"brightness": float("nan")}])
def test_distortions_out_of_range_are_refused(settings):
    with pytest.raises(TrainingError, match="is a percentage, 0 to 100"):
        Augmentation(**settings)


# File


def test_saved_and_loaded_it_is_the_same_to_half_precision(embeddings, tmp_path):
    embeddings.save(tmp_path / "new" / "set.npz")
    again = Embeddings.load(tmp_path / "new" / "set.npz")
    assert (again.spec, again.digest, again.blocks) == (
        embeddings.spec, embeddings.digest, embeddings.blocks
    )  # fmt: skip
    assert again.taxonomy == embeddings.taxonomy
    assert again.table.to_dict("list") == embeddings.table.to_dict("list")
    assert again.vectors.dtype == np.float32
    np.testing.assert_allclose(again.vectors, embeddings.vectors, atol=1e-3)
    assert again.copies.shape == embeddings.copies.shape
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["set.npz"]


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(BundleError, match="absent.npz.*make them again"):
        Embeddings.load(tmp_path / "absent.npz")


def test_damaged_file_is_an_error_wherever_the_damage_is(embeddings, tmp_path):
    path = tmp_path / "set.npz"
    embeddings.rows(np.arange(3)).save(path)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    damaged = [whole[: random.integers(len(whole))] for _ in range(10)]
    for place in random.integers(len(whole), size=150):
        damaged.append(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
    refused = 0
    for content in damaged:
        path.write_bytes(content)
        try:
            Embeddings.load(path)  # a few bytes mean nothing: names and dates of members
        except BundleError:
            refused += 1
    assert refused > 0.9 * len(damaged)


@pytest.mark.parametrize("change", [
    {"format": "decor-embeddings/99"},
    {"spec": {"unknown": 1}},
    {"taxonomy": {"name": "x", "labels": ["a", "a"], "coarser": None, "parents": []}},
    {"table": {"file": ["a"], "key": ["b", "c"]}},
])  # fmt: skip
def test_wrong_header_is_an_error(embeddings, tmp_path, change):
    path = tmp_path / "set.npz"
    embeddings.save(path)
    with np.load(path) as arrays:
        content = dict(arrays)
    header = json.loads(str(content["header"])) | change
    np.savez(path, **{**content, "header": np.array(json.dumps(header))})
    with pytest.raises(BundleError):
        Embeddings.load(path)


def test_vectors_without_types_are_those_of_products(embeddings, tmp_path):
    path = tmp_path / "set.npz"
    replace(embeddings, table=embeddings.table.drop(columns="type")).save(path)
    assert set(Embeddings.load(path).of_types("product").table["type"]) == {"product"}


@pytest.mark.parametrize("column", ["file", "key", "group", "style"])
def test_a_column_that_is_missing_is_named(embeddings, tmp_path, column):
    path = tmp_path / "set.npz"
    replace(embeddings, table=embeddings.table.drop(columns=column)).save(path)
    with pytest.raises(BundleError, match=f"its column “{column}” does not hold"):
        Embeddings.load(path)


def test_pickles_are_refused(tmp_path):
    np.savez(tmp_path / "set.npz", header=np.array([{}], object), vectors=[1], copies=[1])
    with pytest.raises(BundleError, match="allow_pickle"):
        Embeddings.load(tmp_path / "set.npz")


def test_a_header_that_is_no_python_is_damage_too(embeddings, tmp_path):
    embeddings.save(tmp_path / "set.npz")
    with zipfile.ZipFile(tmp_path / "set.npz") as old:
        members = {name: old.read(name) for name in old.namelist()}
    members["vectors.npy"] = members["vectors.npy"].replace(b"'<f2'", b"',f2'")
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as new:
        for name, content in members.items():
            new.writestr(name, content)
    with pytest.raises(BundleError, match="make them again"):
        Embeddings.load(tmp_path / "set.npz")
