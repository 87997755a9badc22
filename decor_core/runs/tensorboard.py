"""Training curves for TensorBoard: in TensorFlow's own process only, never in the web server."""

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from decor_core.config import data_directory
from decor_core.errors import require_package
from decor_core.model.events import TrainEvent


def summaries_directory() -> Path:
    """Where the curves of the app's trainings are kept for TensorBoard, a folder for each."""
    return data_directory() / "summaries"


def tensorboard_command(folder: Path | None = None) -> str:
    """What to type in a shell to look at the curves in ``folder``."""
    return f"tensorboard --logdir {shlex.quote(str(folder or summaries_directory()))}"


def require_tensorflow() -> None:
    """DecorError where TensorFlow, which writes the curves, is not installed."""
    require_package("Writing curves for TensorBoard", "tensorflow", "train")


class Summaries:
    """Writes each TrainEvent that it is called with; a context manager. Loads TensorFlow.

    ``folder`` gets one folder for the training pictures and one for the validation pictures, so
    that TensorBoard draws the two curves in one chart.
    """

    def __init__(self, folder: Path) -> None:
        require_tensorflow()
        self._folder = folder
        self._writers: dict[str, Any] = {}

    def __enter__(self) -> "Summaries":
        return self

    def __call__(self, event: TrainEvent) -> None:
        import tensorflow as tf

        for part in ("train", "validation"):
            accuracy = getattr(event, f"{part}_accuracy")
            if accuracy is None:
                continue
            if part not in self._writers:
                self._writers[part] = tf.summary.create_file_writer(str(self._folder / part))
            with self._writers[part].as_default(step=event.step):
                tf.summary.scalar("accuracy", accuracy)
                tf.summary.scalar("cross_entropy", getattr(event, f"{part}_cross_entropy"))

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()


def write_summaries(events: Iterable[TrainEvent], folder: Path) -> None:
    """Write the curves of a run into ``folder``. Loads TensorFlow."""
    with Summaries(folder) as write:
        for event in events:
            write(event)
