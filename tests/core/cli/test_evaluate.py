"""The command evaluate."""

import json
import re

import numpy as np
from scenes import fixed_camera

from decor_core.cli.terminal import print_evaluation
from decor_core.features.embeddings import SHIPPED
from decor_core.model.evaluation import evaluate


def test_evaluate_judges_style_and_country(run, painted):
    options = ("evaluate", "--image_dir", painted, "--views", 1, "--head", "lda",
               "--folds", 3, "--repeats", 2)  # fmt: skip
    told = json.loads(run(*options, "--json")[1])
    assert told["n"] == 36
    assert told["style"]["accuracy"] >= 0.9 and told["country"]["accuracy"] >= 0.9
    code, out, _ = run(*options)
    assert code == 0
    assert out.startswith("2 × 3 folds, head lda\nstyle: ")
    assert "of 36 right (95 % interval " in out and "\ncountry: " in out


def test_evaluate_tells_every_class_with_n_and_interval(run, painted):
    code, out, _ = run(
        "evaluate", "--image_dir", painted, "--views", 1, "--folds", 3, "--repeats", 1
    )
    assert code == 0
    for label in ("Gzhel", "Khokhloma", "Iznik"):
        (line,) = [line for line in out.splitlines() if line.split()[:1] == [label]]
        assert re.search(r"[\d.]+% of +12 \([\d.]+%–100.0%\)  few pictures", line)
    assert "confidence → right: " in out


def test_evaluate_makes_do_with_few_pictures(run, tmp_path, ornament, encoded):
    for number in range(4):
        folder = tmp_path / ["Eggs", "Plates"][number % 2]
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.png").write_bytes(encoded(ornament(number)))
    options = ("evaluate", "--image_dir", tmp_path, "--views", 1, "--repeats", 1, "--head", "lda")
    code, out, err = run(*options)
    assert code == 0 and out.startswith("1 × 4 folds") and "only 4 folds" in err
    assert "from 2 to 4" in run(*options, "--folds", 5)[2]


def test_evaluate_gives_an_interval_for_everything(run, painted):
    options = ("--views", 1, "--folds", 3, "--repeats", 1, "--json")
    told = json.loads(run("evaluate", "--image_dir", painted, *options)[1])
    style = told["style"]
    for name in ("ci95", "balanced_ci95", "ece_ci95"):
        low, high = style[name]
        assert 0 <= low <= high <= 1
    for row, ends in zip(style["confusion"], style["confusion_ci95"], strict=True):
        for count, (low, high) in zip(row, ends, strict=True):
            assert low <= count / sum(row) <= high


def test_shipped_vectors_are_judged_without_pictures(run, refused, painted):
    code, out, _ = run(
        "evaluate", "--embeddings", SHIPPED, "--head", "lda", "--folds", 3, "--repeats", 1, "--json"
    )
    told = json.loads(out)
    assert code == 0 and told["n"] == 285
    assert told["style"]["accuracy"] > 0.93 and told["country"]["accuracy"] > 0.95
    told = refused("evaluate", "--embeddings", SHIPPED, "--types", "spoon")
    assert "spoon" in told and "pattern, product" in told
    assert "not both" in refused("retrain", "--embeddings", SHIPPED, "--image_dir", painted)


def test_no_part_of_the_confidences_is_said_to_be_empty(capsys):
    probs = np.full((3, 20, 2), [0.98, 0.02])
    probs[0, 0] = [0.55, 0.45]  # in one of three repeats: a third of a picture
    print_evaluation("style", evaluate(probs, np.arange(20) % 2, ("Eggs", "Plates")))
    out = capsys.readouterr().out
    assert "55% → 100% (N=0.3); 98% → 49% (N=19.7)" in out


def test_evaluate_says_what_a_test_before_one_scene_is_worth(run, tmp_path):
    code, out, err = run("evaluate", "--image_dir", fixed_camera(tmp_path, 6), "--views", 1,
                         "--repeats", 1, "--head", "lda")  # fmt: skip
    assert code == 0 and "1 × 5 folds" in out
    assert "These pictures are nearly alike (one scene)" in err
