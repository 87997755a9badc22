"""What the command line shows: progress, results as text or JSON, and nothing else."""

import json
import os
import signal
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from decor_core.native_logging import is_startup_message, is_verbose

if TYPE_CHECKING:
    from pandas import DataFrame

    from decor_core.model.evaluation import Evaluation


@contextmanager
def suppress_startup_logs() -> Iterator[None]:
    """Leaves out of stderr what LiteRT and TensorFlow say of themselves when they start.

    All else appears when the block ends. TF_CPP_MIN_LOG_LEVEL=0 shows everything at once.
    """
    if is_verbose():
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            captured.seek(0)
            for line in captured:
                if not is_startup_message(line):
                    os.write(2, line)


@contextmanager
def stopped_by_interrupt() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C asks to stop, the second one ends everything."""
    asked = threading.Event()

    def interrupt(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def print_json(data: Any) -> None:
    """Write ``data`` to stdout as JSON."""
    print(json.dumps(data, ensure_ascii=False, indent=1))


def print_json_list(items: Iterable[Any]) -> None:
    """Write a list to stdout as ``print_json`` does, each item as soon as it comes."""
    before = "[\n"
    for item in items:
        lines = json.dumps(item, ensure_ascii=False, indent=1)
        print(before + textwrap.indent(lines, " "), end="")
        before = ",\n"
    print("[]" if before == "[\n" else "\n]")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write rows of texts in columns."""
    lines = [tuple(map(str, row)) for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())


def mistakes(predictions: "DataFrame") -> "DataFrame":
    """The rows of a training's predictions that are wrong."""
    return predictions[predictions["truth"] != predictions["answer"]]


def print_mistakes(predictions: "DataFrame") -> None:
    """Write the test pictures that were not recognized."""
    for row in mistakes(predictions).itertuples():
        print(f"{row.file}: {row.answer} ({row.probability:.0%}), but it is {row.truth}")


def progress_bar(
    title: str, *, before: int = 0, delay: float = 0, of_bytes: bool = False
) -> Callable[[int, int | None], None]:
    """A progress bar on a terminal's stderr, to be called with (done, total); silence elsewhere.

    ``before`` were done in an earlier run, and say nothing of the pace. It appears after ``delay``
    seconds, and is closed with the command, so that an error stands in a line of its own. One
    ``of_bytes`` is seen in a block of ``suppress_startup_logs``, too.
    """
    if not sys.stderr.isatty():
        return lambda done, total: None
    from tqdm import tqdm

    context, file, units = click.get_current_context(), sys.stderr, {}
    if of_bytes:
        file, units = os.fdopen(os.dup(2), "w"), {"unit": "B", "unit_scale": True}
        context.call_on_close(file.close)  # after the bar, which is closed first
    bar = tqdm(desc=title, file=file, initial=before, delay=delay, **units)
    context.call_on_close(bar.close)

    def show(done: int, total: int | None) -> None:
        bar.total = total
        bar.update(done - bar.n)
        if done == total:
            bar.close()

    return show


def load_network(name: str) -> None:
    """Have the network called ``name`` in memory; a download is told, and shows its progress.

    It stays loaded, and what it says when it starts is left out.
    """
    from decor_core.features.backbones import is_at_hand, load_backbone, provide_network
    from decor_core.features.known_networks import known_network

    known = known_network(name)
    if known and not is_at_hand(name):
        print(
            f"decor: {known.name} ({known.megabytes:g} MB) is fetched and converted once; this may "
            "take minutes.",
            file=sys.stderr,
        )
    progress = progress_bar("Downloading", delay=0.5, of_bytes=True)
    with suppress_startup_logs():
        provide_network(name, progress)
        load_backbone(name)


def print_evaluation(name: str, evaluation: "Evaluation") -> None:
    """Write an evaluation for people: every rate with N and its interval."""
    from decor_core.model.evaluation import SMALL_CLASS

    print(
        f"{name}: {evaluation.accuracy:.1%} of {evaluation.n} right "
        f"(95 % interval {_between(evaluation.ci95)}), "
        f"balanced {evaluation.balanced_accuracy:.1%} ({_between(evaluation.balanced_ci95)}), "
        f"calibration error {evaluation.ece:.3f} "
        f"({evaluation.ece_ci95[0]:.3f}–{evaluation.ece_ci95[1]:.3f})"
    )
    figures = evaluation.to_json()
    width = max(map(len, evaluation.labels))
    for row, counts in zip(figures["classes"], evaluation.confusion, strict=True):
        few = "  few pictures" if row["n"] < SMALL_CLASS else ""
        confused = [
            f"{label} {count / counts.sum():.0%}"
            for label, count in zip(evaluation.labels, counts, strict=True)
            if label != row["label"] and count >= 0.005 * counts.sum()
        ]
        print(
            f"  {row['label']:<{width}}  {row['recall']:6.1%} of {row['n']:>4} "
            f"({_between(row['recall_ci95'])}){few}"
            + (f"; else {', '.join(confused)}" if confused else "")
        )
    print("  confidence → right: " + "; ".join(
        f"{part.confidence:.0%} → {part.accuracy:.0%} (N={_mean_count(part.count)})"
        for part in evaluation.reliability
        if _mean_count(part.count) != "0.0"
    ))  # fmt: skip


def _mean_count(count: float) -> str:
    """A mean over repeats, which need not be whole."""
    return f"{count:.0f}" if abs(count - round(count)) < 0.001 else f"{count:.1f}"


def _between(interval: Sequence[float]) -> str:
    return f"{interval[0]:.1%}–{interval[1]:.1%}"


def accuracy_line(evaluation: "Evaluation | None") -> str:
    """The last line of ``train`` for people."""
    if evaluation is None:
        return "Final test accuracy unknown: no pictures were kept for testing."
    low, high = evaluation.ci95
    return (
        f"Final test accuracy = {evaluation.accuracy:.1%} (N={evaluation.n}), "
        f"95 % interval {low:.1%} to {high:.1%}"
    )
