"""The command sweep."""

import json
import re
import signal

from decor_core.cli import sweep
from decor_core.cli.main import main


def test_sweep_tries_all_and_marks_the_best(run, painted):
    options = ("sweep", "--image_dir", painted, "--views", 1, "--folds", 3,
               "--how_many_training_steps", "5,20", "--learning_rate", "0.1,0.2",
               "--head", "softmax,lda")  # fmt: skip
    code, out, _ = run(*options, "--json")
    told = json.loads(out)
    assert code == 0 and told["tried"] == told["candidates"] == 5
    assert sum(result["best"] for result in told["results"]) == 1
    best = next(result for result in told["results"] if result["best"])
    assert best["accuracy"] == told["best"]["accuracy"] >= 0.9
    assert len(best["folds"]) == 3 and best["diverged"] is False
    code, out, _ = run(*options)
    assert code == 0 and len(out.splitlines()) == 6
    assert re.search(r"^softmax, 20 steps at 0.2: \d+\.\d% ± \d+\.\d%$", out, re.M)
    assert out.splitlines()[-1].startswith("Best: ")


def test_sweep_at_random_is_seeded(run, painted):
    options = ("sweep", "--image_dir", painted, "--views", 1, "--folds", 3, "--random", 2,
               "--how_many_training_steps", "5,20", "--json")  # fmt: skip
    first, again = (json.loads(run(*options)[1])["results"] for _ in range(2))
    other = json.loads(run(*options, "--seed", 1)[1])["results"]
    settings = [
        [(r["steps"], r["learning_rate"]) for r in found] for found in (first, again, other)
    ]
    assert settings[0] == settings[1] != settings[2] and len(settings[0]) == 2


def test_interrupted_sweep_keeps_what_is_done(run, painted, monkeypatch):
    line, presses, before = sweep._line, iter([True]), signal.getsignal(signal.SIGINT)

    def interrupting(result):
        if next(presses, False):
            signal.raise_signal(signal.SIGINT)
        return line(result)

    monkeypatch.setattr(sweep, "_line", interrupting)
    code, out, _ = run("sweep", "--image_dir", painted, "--views", 1, "--folds", 3,
                       "--how_many_training_steps", "5", "--learning_rate", "0.1,0.2")  # fmt: skip
    assert code == 0 and "Stopped: 1 of 2 settings were tried." in out
    assert signal.getsignal(signal.SIGINT) is before


def test_errors_of_sweep_are_one_line_and_early(refused, painted, capfd):
    told = refused("sweep", "--image_dir", painted, "--learning_rate", "0.1,99")
    assert "learning rate must lie between" in told
    assert "no head “forest”" in refused("sweep", "--image_dir", painted, "--head", "forest")
    assert main(["sweep", "--image_dir", "x", "--how_many_training_steps", "5,many"]) == 2
    assert "expected whole numbers with commas between" in capfd.readouterr().err
