"""Several runs side by side: their curves, what differs in their settings, who is better."""

from collections.abc import Mapping, Sequence
from dataclasses import fields

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from decor_app.charts.curves import overlaid_curves
from decor_app.format import escape_markdown, percent_exact
from decor_core.model.evaluation import Evaluation
from decor_core.model.training_config import TrainingConfig
from decor_core.runs.comparison import compare
from decor_core.runs.run import Run

_MAX_RUNS = 7  # as many colors as there are to tell them apart
_SETTING_WIDTH = 152  # pixels, as the longest takes
_LABELS = {"data": "Data", "taxonomy": "Taxonomy", "pictures": "Pictures"} | {
    one.name: one.metadata["label"] for one in fields(TrainingConfig)
}


def show_comparison(runs: Sequence[Run]) -> None:
    """All that there is to say of two or more runs together."""
    if len(runs) > _MAX_RUNS:
        st.info(f"The first {_MAX_RUNS} of the {len(runs)} runs are compared.")
        runs = runs[:_MAX_RUNS]
    comparison = compare(runs)
    st.header("Is the difference more than chance?", anchor=False)
    for pair in comparison.pairs:
        st.markdown(f"- {escape_markdown(pair.verdict)}")
    st.caption(
        "McNemar's exact test on the pictures that both runs were tested on and neither had seen."
    )
    with_curves = [run for run in runs if run.events]
    if with_curves:
        st.header("Curves", anchor=False)
    for is_fine_tuned in (False, True):  # steps and epochs do not compare
        if same := [run for run in with_curves if run.bundle.is_fine_tuned == is_fine_tuned]:
            overlaid_curves(same, run_titles(same))
    st.header("Settings", anchor=False)
    st.dataframe(
        _settings_table(runs, comparison.settings),
        height="content",
        column_config={"_index": st.column_config.Column("Setting", width=_SETTING_WIDTH)},
        alt="Settings, differences in bold",
    )
    st.caption("Settings that differ are marked and come first.")


def run_titles(runs: Sequence[Run]) -> list[str]:
    """Titles, told apart by ids where they are alike."""
    titles = [run.title for run in runs]
    return [
        run.title if titles.count(run.title) == 1 else f"{run.title} · {run.id[:4]}" for run in runs
    ]


def _settings_table(runs: Sequence[Run], differing: Mapping[str, tuple]) -> Styler:
    """A row for each setting that any of the runs has, a column for each run."""
    settings = [run.settings for run in runs]
    used = [name for name in _LABELS if any(one.get(name) is not None for one in settings)]
    order = sorted(used, key=lambda name: name not in differing)
    table = pd.DataFrame(
        {
            title: [_in_words(one.get(name)) for name in order]
            for title, one in zip(run_titles(runs), settings, strict=True)
        },
        index=[_LABELS[name] for name in order],
    )
    table.loc["Test accuracy"] = [describe_accuracy(run.evaluation) for run in runs]
    marked = {_LABELS[name] for name in order if name in differing}
    style = "font-weight: 700; background-color: rgba(230, 178, 60, 0.25)"
    return table.style.apply(lambda row: [style if row.name in marked else ""] * len(row), axis=1)


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def describe_accuracy(evaluation: Evaluation | None) -> str:
    """E.g. “96.8 % (89–99), N=63”, with the 95 % interval."""
    if evaluation is None:
        return "–"
    low, high = (f"{bound * 100:.0f}" for bound in evaluation.ci95)
    return f"{percent_exact(evaluation.accuracy)} ({low}–{high}), N={evaluation.n}"
