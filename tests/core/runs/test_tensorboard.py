"""Curves for TensorBoard."""

import pytest

from decor_core.runs.tensorboard import tensorboard_command, write_summaries


def test_curves_of_a_kept_run_are_what_tensorboard_reads(training, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    write_summaries(training.events, tmp_path / "curves")
    found = accumulator.EventAccumulator(str(tmp_path / "curves" / "train")).Reload()
    assert [event.step for event in found.Tensors("accuracy")] == [10, 20, 30, 40, 50, 60]


def test_command_to_start_tensorboard(tmp_path, monkeypatch):
    monkeypatch.setenv("DECOR_HOME", str(tmp_path))
    assert tensorboard_command(tmp_path / "my curves") == (
        f"tensorboard --logdir '{tmp_path}/my curves'"
    )
    assert tensorboard_command() == f"tensorboard --logdir {tmp_path}/summaries"
