"""The table of runs, to tick those to look at or to compare."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from decor_app import session_keys as keys
from decor_app.format import duration, head_name
from decor_app.runs.comparison import describe_accuracy, run_titles
from decor_app.state.models import in_use
from decor_app.state.runs import RunEntry
from decor_core.model.training_config import STEPWISE
from decor_core.text import pluralize

# Pixels: together they fit into a window of 1280. Notes come last, and may stand beyond its edge.
_RATE = 152
_WIDTHS = {
    "Name": 148,
    "Where": 112,
    "Data": 94,
    "Taxonomy": 76,
    "Head": 68,
    "Fine-tuned": 72,
    "Steps": 50,
    "Rate": 50,
    "Took": 50,
}
_OF_SOME = "Fine-tuned", "Steps", "Rate"


def choose_runs(entries: Sequence[RunEntry]) -> list[RunEntry]:
    """Draw the table and return what is ticked in it."""
    titles = run_titles([entry.run for entry in entries])
    rows = pd.DataFrame([_row(*pair) for pair in zip(entries, titles, strict=True)])
    said_of_none = [name for name in _OF_SOME if (rows[name] == "–").all()]
    rows = rows.drop(columns=said_of_none)
    if not rows["Note"].any():
        rows = rows.drop(columns="Note")
    state = st.dataframe(
        rows,
        # Named after the ids in it: another row moves the others, and ticks go by place.
        key=keys.RUNS.of("-".join(entry.run.id[:6] for entry in entries)),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            **{name: st.column_config.Column(width=width) for name, width in _WIDTHS.items()},
            "Fine-tuned": st.column_config.TextColumn(
                width=_WIDTHS["Fine-tuned"],
                help="Of how many stages the network learned from the pictures, too.",
            ),
            "Rate": st.column_config.TextColumn(width=_WIDTHS["Rate"], help="Learning rate"),
            "Test accuracy": st.column_config.TextColumn(
                width=_RATE,
                help="Share of right answers on the pictures kept back as a test, with its "
                "95\u00a0% interval and the number of pictures.",
            ),
            "Cross-validation": st.column_config.TextColumn(
                width=_RATE, help="Every picture tested once, by a model that has not seen it."
            ),
            "Trained": st.column_config.DatetimeColumn(format="D MMM, HH:mm", width=100),
        },
        alt="Runs with their settings and accuracies",
    )
    return [entries[row] for row in state.selection.rows if row < len(entries)]


def _row(entry: RunEntry, title: str) -> dict[str, object]:
    run, config = entry.run, entry.run.config
    stepwise = config.head == STEPWISE
    return {
        "Name": ("● " if in_use(run) else "") + title,
        "Where": entry.where,
        "Data": run.data or "–",
        "Taxonomy": run.level,
        "Head": head_name(config.head),
        "Fine-tuned": pluralize(config.fine_tune, "stage") if run.bundle.is_fine_tuned else "–",
        "Steps": str(config.steps) if stepwise else "–",
        "Rate": f"{config.learning_rate:g}" if stepwise else "–",
        "Test accuracy": describe_accuracy(run.evaluation),
        "Cross-validation": describe_accuracy(run.cross_validation.get(run.level)),
        "Took": "–" if run.seconds is None else duration(run.seconds),
        "Trained": pd.Timestamp(run.created),
        "Note": run.note,
    }
