"""Several runs side by side: their curves, what differs in their settings, who is better."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from decor_app.charts.curves import overlaid_curves
from decor_app.format import between, escape_markdown, percent_exact
from decor_core.runs.comparison import compare
from decor_core.runs.run import Run

_MOST = 7  # as many colours as there are to tell them apart
_SETTINGS = {
    "data": "Data",
    "taxonomy": "Taxonomy",
    "pictures": "Pictures",
    "architecture": "Network",
    "views": "Views",
    "head": "Head",
    "steps": "Steps",
    "learning_rate": "Learning rate",
    "batch_size": "Batch size",
    "weight_decay": "Weight decay",
    "testing_percentage": "Test, %",
    "validation_percentage": "Validation, %",
    "seed": "Seed",
}


def show_comparison(runs: Sequence[Run]) -> None:
    """All that there is to say of two or more runs together."""
    if len(runs) > _MOST:
        st.info(f"The first {_MOST} of the {len(runs)} runs are compared.")
        runs = runs[:_MOST]
    comparison = compare(runs)
    st.subheader("Is the difference more than chance?", anchor=False)
    for pair in comparison.pairs:
        st.markdown(f"- {escape_markdown(pair.verdict)}")
    st.caption(
        "McNemar's exact test on the pictures that both runs were tested on and neither had seen."
    )
    with_curves = [run for run in runs if run.events]
    if with_curves:
        st.subheader("Curves", anchor=False)
        overlaid_curves(with_curves, run_titles(with_curves))
    st.subheader("Settings", anchor=False)
    st.dataframe(
        _settings_table(runs, comparison.settings),
        height="content",
        alt="Settings, differences in bold",
    )
    st.caption("Settings that differ are marked and come first.")


def run_titles(runs: Sequence[Run]) -> list[str]:
    """Titles, told apart by ids where they are alike."""
    titles = [run.title for run in runs]
    return [
        run.title if titles.count(run.title) == 1 else f"{run.title} · {run.id[:4]}" for run in runs
    ]


def _settings_table(runs: Sequence[Run], differing: dict[str, tuple]) -> pd.DataFrame:
    differing = {name: values for name, values in differing.items() if name in _SETTINGS}
    order = [*differing, *(name for name in _SETTINGS if name not in differing)]
    table = pd.DataFrame(
        {
            title: [_written(run.settings.get(name)) for name in order]
            for title, run in zip(run_titles(runs), runs, strict=True)
        },
        index=[_SETTINGS[name] for name in order],
    )
    table.loc["Test accuracy"] = [_accuracy(run) for run in runs]
    marked = {_SETTINGS[name] for name in differing}
    style = "font-weight: 700; background-color: rgba(230, 178, 60, 0.25)"
    return table.style.apply(lambda row: [style if row.name in marked else ""] * len(row), axis=1)


def _written(value: object) -> str:
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _accuracy(run: Run) -> str:
    if run.evaluation is None:
        return "–"
    share, interval = run.evaluation.accuracy, run.evaluation.ci95
    return f"{percent_exact(share)} (N={run.evaluation.n}, likely between {between(interval)})"
