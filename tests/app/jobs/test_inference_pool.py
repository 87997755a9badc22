"""The process that looks at pictures, with a real child: answers, errors, death and its end."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from serving import until

from decor_app.jobs import inference_pool
from decor_app.jobs.image_analysis import AnalyzeTask, ImageAnalysis
from decor_app.jobs.inference_pool import InferencePool
from decor_core.errors import BundleError
from decor_core.images.limits import LIMITS
from decor_core.model.bundle import Bundle
from decor_core.model.events import never_stop
from decor_core.model.predictor import ImagePredictor

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

ROOT = Path(__file__).parents[3]


def analyze(bundle: Bundle, picture: bytes) -> ImageAnalysis:
    """What this process sees."""
    return AnalyzeTask(bundle, picture).run(lambda event: None, never_stop)


@pytest.fixture(scope="module")
def pool():
    running = InferencePool(1)
    yield running
    running.close()


@pytest.fixture
def picture(encoded, ornament):
    return lambda number=1: encoded(ornament(number, side=200))


def test_it_sees_what_this_process_sees(pool, training, picture):
    ours = analyze(training.bundle, picture())
    theirs = pool.analyze_image(training.bundle, picture(), LIMITS)
    np.testing.assert_allclose(theirs.vector, ours.vector, atol=1e-6)
    np.testing.assert_allclose(theirs.evidence.maps, ours.evidence.maps, atol=1e-4)
    assert replace(theirs, vector=None, evidence=None) == replace(ours, vector=None, evidence=None)
    assert pool.analyze_image(training.bundle, picture(), LIMITS, deep=False).evidence is None


def test_what_is_no_picture_gets_its_reason(pool, training, picture):
    assert "expected a picture" in pool.analyze_image(training.bundle, b"", LIMITS).error
    small = replace(LIMITS, max_pixels=100)
    assert "pixels" in pool.analyze_image(training.bundle, picture(), small).error


class _Unreadable:
    def __reduce__(self):
        return int, ("no number",)  # fails where it is unpickled


def test_a_child_that_cannot_read_what_is_asked_ends_and_is_replaced(pool, training, picture):
    (child,) = pool.process_ids
    assert "could not look" in pool.analyze_image(training.bundle, _Unreadable(), LIMITS).error
    assert not pool.analyze_image(training.bundle, picture(), LIMITS).error
    assert child not in pool.process_ids


def test_a_model_that_does_not_fit_says_why(pool, training, picture):
    other = replace(training.bundle, backbone_digest="other")
    with pytest.raises(BundleError, match="another version"):
        pool.check(other)
    with pytest.raises(BundleError, match="another version"):
        pool.analyze_image(other, picture(), LIMITS)
    vector = pool.check(training.bundle)
    np.testing.assert_allclose(vector, ImagePredictor(training.bundle).embed_blank(), atol=1e-6)


def test_everybody_gets_his_own_answer(pool, training, picture):
    files = [picture(number) for number in range(12)]
    expected = [analyze(training.bundle, data).vector for data in files]
    with ThreadPoolExecutor(12) as visitors:
        found = visitors.map(lambda data: pool.analyze_image(training.bundle, data, LIMITS), files)
        for sight, vector in zip(found, expected, strict=True):
            np.testing.assert_allclose(sight.vector, vector, atol=1e-6)


def test_after_its_death_the_next_picture_is_looked_at_all_the_same(pool, training, picture):
    pool.check(training.bundle)
    (before,) = pool.process_ids
    os.kill(before, signal.SIGKILL)
    assert pool.analyze_image(training.bundle, picture(), LIMITS).vector is not None
    assert before not in pool.process_ids


def test_a_picture_that_kills_its_process_costs_its_own_answer_only(training, picture):
    pool, killed = InferencePool(1), []

    def kill():
        while len(killed) < 2:
            for process in set(pool.process_ids) - set(killed):
                killed.append(process)
                os.kill(process, signal.SIGKILL)
            time.sleep(0.001)

    killer = threading.Thread(target=kill)
    killer.start()
    analysis = pool.analyze_image(training.bundle, picture(), LIMITS)
    killer.join()
    assert "could not look at it" in analysis.error
    assert pool.analyze_image(training.bundle, picture(), LIMITS).vector is not None
    pool.close()


def test_a_second_process_is_there_while_two_pictures_come_at_once(training, picture, monkeypatch):
    monkeypatch.setattr(inference_pool, "_IDLE_SECONDS", 0.5)
    started = []
    new = inference_pool.Worker
    monkeypatch.setattr(inference_pool, "Worker", lambda *args: started.append(1) or new(*args))
    pool = InferencePool(2)
    pool.analyze_image(training.bundle, picture(), LIMITS)
    (first,) = pool.process_ids
    os.kill(first, signal.SIGSTOP)  # it takes its time
    with ThreadPoolExecutor(2) as visitors:
        looks = [
            visitors.submit(pool.analyze_image, training.bundle, picture(), LIMITS)
            for _ in range(2)
        ]
        wait(looks, return_when=FIRST_COMPLETED)  # whichever did not get the first process
        assert len(started) == 2
        os.kill(first, signal.SIGCONT)
        assert all(look.result().vector is not None for look in looks)
    until(lambda: pool.process_ids == [first], "the end of the second, which is idle")
    pool.close()
    assert pool.process_ids == []


def test_one_that_hangs_is_ended(training, picture, monkeypatch):
    pool = InferencePool(1)
    pool.check(training.bundle)
    (hung,) = pool.process_ids
    os.kill(hung, signal.SIGSTOP)
    monkeypatch.setattr(inference_pool, "_MAX_SECONDS_PER_PICTURE", 0.2)
    with pytest.raises(BundleError, match="try again"):
        pool.check(training.bundle)
    with pytest.raises(OSError):
        os.kill(hung, 0)
    pool.close()


def test_it_ends_with_the_process_that_asked(training, tmp_path):
    code = f"""
        import os, sys
        sys.path.insert(0, {str(ROOT)!r})
        from decor_app.jobs.inference_pool import InferencePool
        from decor_core.model.bundle import DEFAULT_BUNDLE, load_bundle
        pool = InferencePool()
        pool.check(load_bundle())
        print(*pool.process_ids, flush=True)
        os.kill(os.getpid(), 9)
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE)
    until(lambda: _has_ended(int(run.stdout)), "its end without its parent")


def _has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_it_loads_no_pandas():
    code = "import sys, decor_app.jobs.inference_pool; print('pandas' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert run.stdout.strip() == "False"
