"""Object or frame: what is read of pictures is told by the data, in words, and travels."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from PIL import ImageOps

from decor_core.__main__ import main
from decor_core.data.catalog import open_dataset
from decor_core.features.embedder import AUTO, Block, EmbeddingSpec
from decor_core.features.embeddings import Embeddings
from decor_core.features.region_choice import RegionChoice
from decor_core.model.bundle import load_bundle
from decor_core.model.training_config import TrainingConfig
from decor_core.taxonomy import Taxonomy
from decor_core.training import region as regions
from decor_core.training.image_classifier import ImageClassifier
from decor_core.training.region import choose_region, embed_pictures, sample_rows
from decor_core.training.train import train

SPEC = EmbeddingSpec(views=1, region=AUTO)


MATS = {"red": (150, 40, 40), "green": (40, 140, 60), "blue": (50, 60, 160)}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory, ornament):
    """Class folders of 8 pictures each: what tells them apart is the mat, not the ornament."""
    root = tmp_path_factory.mktemp("scenes")
    for place, (label, mat) in enumerate(MATS.items()):
        (root / label).mkdir()
        for number in range(place, 24, len(MATS)):
            color = tuple(np.random.default_rng(number).integers(0, 256, 3).tolist())
            picture = ImageOps.expand(ornament(number, color, 60), 15, mat)
            picture.save(root / label / f"{number:02}.png")
    return root


@pytest.fixture(scope="module")
def few_are_enough():
    """As if 12 pictures were enough to choose by."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regions, "_MIN_SAMPLED", 12)
        yield


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("vectors")


def table_of(*counts, group=None):
    """A data set of so many pictures of the classes “a”, “b”, …"""
    labels = [label for label, count in zip("abcdefgh", counts, strict=False) for _ in range(count)]
    keys = [f"{number:04}" for number in range(len(labels))]
    groups = keys if group is None else [key[:-group] for key in keys]
    return pd.DataFrame({"kind": labels, "key": keys, "group": groups, "file": keys})


def made(table, spreads):
    """Vectors for ``choose_region``: the less spread, the better they tell the classes apart."""
    taxonomy = Taxonomy("kind", tuple(sorted(set(table["kind"]))))
    codes = pd.Categorical(table["kind"]).codes

    def embed(rows, spec):
        random = np.random.default_rng(len(spec.region))
        noise = random.normal(0, spreads[spec.region], (len(table), 8))
        vectors = (np.eye(8)[codes] + noise)[rows].astype(np.float32)
        rows = table.iloc[rows].reset_index(drop=True)
        return Embeddings(
            spec, "digest", (Block("all", 0, 8),), taxonomy, rows, vectors, vectors[:, None][:, :0]
        )

    return embed


@pytest.mark.parametrize(("object_spread", "frame_spread", "region", "told"), [
    (1.2, 0.3, "frame", "Read: the whole frame, at most 320 pixels long. By "),
    (0.3, 1.2, "object", "Read: the object, at most 176 pixels long. By "),
    (0.6, 0.6, "object", "By cross-validation on 80 of the 200 pictures it "),
    (0.6, 0.56, "object", ", which is not clearly better."),
])  # fmt: skip
def test_the_frame_is_read_where_it_is_better_by_more_than_chance(
    object_spread, frame_spread, region, told
):
    table = table_of(100, 60, 40)
    embed = made(table, {"object": object_spread, "frame": frame_spread})
    choice = choose_region(sample_rows(table, "kind"), len(table), "kind", SPEC, embed)
    assert choice.region == region and told in choice.reason
    of = {candidate.region: candidate for candidate in choice.candidates}
    assert set(of) == {"object", "frame"}
    assert f" gets {of[region].accuracy:.1%} right and gives the right label " in choice.reason


def test_too_few_pictures_tell_nothing_and_cost_nothing():
    table = table_of(30, 30)
    choice = choose_region(sample_rows(table, "kind"), 60, "kind", SPEC, made(table, {}))
    assert choice == RegionChoice("object", choice.reason) and "too few" in choice.reason


@pytest.mark.parametrize("counts", [(900, 300, 40), (100,) * 8, (2000, 3, 90)])
def test_a_sample_is_small_and_has_every_class_that_can_be_told(counts):
    table = table_of(*counts)
    rows = sample_rows(table, "kind")
    assert len(rows) == 200 == len(set(rows))
    chosen = table.iloc[rows]["kind"].value_counts()
    able = [label for label, n in zip("abcdefgh", counts, strict=False) if n >= 4]
    assert sorted(chosen.index) == able and chosen.min() >= min(40, 200 // len(able))
    # The same pictures in another order, and with others beside them, are nearly the same sample.
    again = table.sample(frac=1, random_state=1).reset_index(drop=True)
    assert set(again.iloc[sample_rows(again, "kind")]["key"]) == set(table.iloc[rows]["key"])


def test_of_near_duplicates_one_is_in_the_sample():
    table = table_of(400, 400, group=1)  # ten to a group
    groups = table.iloc[sample_rows(table, "kind")]["group"]
    assert groups.is_unique and len(groups) == 80


@pytest.fixture(scope="module")
def read_scenes(scenes, cache, few_are_enough):
    """The scenes as vectors, and how far it was in between: done, total."""
    counted = []
    found = embed_pictures(
        open_dataset(scenes), SPEC, cache=cache, progress=lambda *counts: counted.append(counts)
    )
    return found, counted


def test_where_only_the_frame_tells_it_is_read(read_scenes):
    found, counted = read_scenes
    assert found.spec == replace(SPEC, region="frame") and found.region_choice.region == "frame"
    assert counted == [(done, 48) for done in range(1, 49)]  # 24, and 12 of them twice
    bundle = train(found, TrainingConfig(), found.taxonomy.name).bundle
    assert bundle.embedding.region == bundle.training["region"] == "frame"
    assert bundle.training["region_choice"] == asdict(found.region_choice)


def test_what_is_said_is_read_and_nothing_is_compared(scenes, cache, read_scenes):
    found = embed_pictures(open_dataset(scenes), replace(SPEC, region="frame"), cache=cache)
    assert found.spec.region == "frame" and found.region_choice is None
    np.testing.assert_array_equal(found.vectors, read_scenes[0].vectors)
    bundle = train(found, TrainingConfig(), found.taxonomy.name).bundle
    reason = bundle.training["region_choice"]["reason"]
    assert reason == "Read: the whole frame, at most 320 pixels long."


def test_the_command_line_says_what_is_read(scenes, cache, read_scenes, tmp_path, capfd):
    place = tmp_path / "model"
    command = ["retrain", "--image_dir", str(scenes), "--views", "1", "--copies", "0", "--json"]
    command += ["--bottleneck_dir", str(cache)]
    assert main([*command, "--bundle", str(place)]) == 0
    out, err = capfd.readouterr()
    told = json.loads(out)["region_choice"]
    assert told["region"] == load_bundle(place).embedding.region == "frame"
    assert told["reason"] == read_scenes[0].region_choice.reason and told["reason"] in err
    assert main(["check", *command[1:3], *command[-2:]]) == 0  # of two views: looked at anew
    assert "Read: the whole frame" in capfd.readouterr().err
    assert main([*command, "--region", "corner"]) == 2
    assert "choose auto, object or frame" in capfd.readouterr().err


def test_the_estimator_reads_what_tells_the_images_apart(scenes, few_are_enough):
    files = sorted(scenes.glob("*/*.png"))
    labels = [file.parent.name for file in files]
    model = ImageClassifier("lda", views=1, copies=0).fit(files, labels)
    assert model.bundle_.embedding.region == "frame" and model.score(files[:6], labels[:6]) == 1
    assert ImageClassifier(region="object").get_params()["region"] == "object"
