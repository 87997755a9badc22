"""What lies behind a test accuracy: confusions, recalls, mistakes, confidence, more pictures."""

import time

import pandas as pd
import streamlit as st

from decor_app import session_keys as keys
from decor_app.charts.bars import recall_bars
from decor_app.charts.curves import learning_curve_chart
from decor_app.charts.heatmaps import confusion_matrix
from decor_app.charts.reliability import reliability_diagram
from decor_app.components.progress import progress_words
from decor_app.evaluation.results import SMALL_TEST
from decor_app.format import between, escape_markdown, percent, percent_exact, told_apart
from decor_app.jobs.job import Job
from decor_app.jobs.train_tasks import LearningCurveTask
from decor_app.state.jobs import BEFOREHAND, CURVE, ask_about, found, job_for, stop
from decor_app.state.thumbnails import thumbnails
from decor_core.model.evaluation import SMALL_CLASS, Evaluation
from decor_core.model.training_data import TrainingData
from decor_core.runs.run import Run
from decor_core.training.search import CurvePoint

_TEST, _ALL = "The test pictures", "All pictures, cross-validated"


def show_details(run: Run, ask: bool = True) -> None:
    """Everything there is to see of how a run was judged, a tab for each question.

    With ``ask``, further jobs may be started about it.
    """
    evaluation = _evaluation(run)
    if evaluation is None:
        return
    views = {
        "What was taken for what": lambda: _show_confusions(run, evaluation),
        "Class by class": lambda: _show_recalls(run, evaluation),
        "Is it honest?": lambda: _show_reliability(evaluation),
    }
    if ask:
        views["Would more pictures help?"] = lambda: _show_learning_curve(run)
    # Only the open tab is drawn: making a chart takes longer than all the rest of the page.
    tabs = st.tabs(list(views), key=keys.DETAILS, on_change="rerun")
    for tab, show in zip(tabs, views.values(), strict=True):
        if tab.open:
            with tab:
                show()


def _evaluation(run: Run) -> Evaluation | None:
    """The judgement that the details show: asked for where there are two."""
    judged = run.cross_validation.get(run.level)
    if judged is None or run.evaluation is None:
        return judged or run.evaluation
    chosen = st.segmented_control(
        "Judged by", [_TEST, _ALL], default=_ALL, required=True, key=keys.JUDGED_BY.of(run.id)
    )
    return judged if chosen == _ALL else run.evaluation


def _show_confusions(run: Run, evaluation: Evaluation) -> None:
    left, right = st.columns([7, 5], gap="large")
    with left:
        st.caption(
            "Rows are what the pictures show, columns what the model called them. "
            + ("Click a cell to see which." if evaluation is run.evaluation else "")
        )
        clicked = confusion_matrix(evaluation, key=keys.CELLS.of(f"{run.id}-{evaluation.n}"))
    with right:
        if evaluation is not run.evaluation:
            st.caption("The list of pictures is kept for the test pictures only.")
        elif clicked:
            _show_cell(run, *clicked)
        else:
            _show_mistakes(run)


def _show_cell(run: Run, truth: str, answer: str) -> None:
    answers = run.answers
    chosen = answers[(answers["truth"] == truth) & (answers["answer"] == answer)]
    verb = "recognised" if truth == answer else f"called {escape_markdown(answer)}"
    st.markdown(f"**{escape_markdown(truth)}, {verb}**: {len(chosen)}")
    if len(chosen):
        _files(run, chosen.sort_values("probability", ascending=False), "probability")


def _show_mistakes(run: Run) -> None:
    answers = run.answers
    wrong = answers[answers["truth"] != answers["answer"]]
    if not len(wrong):
        st.markdown("**No mistakes** among the test pictures.")
        unsure = answers.nsmallest(5, "probability")
        st.caption("These were the least sure:")
        _files(run, unsure, "answer", "probability")
        return
    st.markdown("**Most confident mistakes**")
    surest = wrong.nlargest(10, "probability")
    _files(run, surest, "truth", "answer", "probability")


def _files(run: Run, rows: pd.DataFrame, *columns: str) -> None:
    """The pictures by name, and to be seen where they are at hand."""
    thumbnail = thumbnails(TrainingData.of(run.bundle))
    seen = list(map(thumbnail, rows["file"], rows["key"]))
    table = rows[["file", *columns]].assign(
        file=told_apart(list(rows["file"])),
        probability=rows["probability"] * 100,
    )
    if any(seen):
        table.insert(0, "seen", seen)
    st.dataframe(
        table,
        hide_index=True,
        row_height=64 if any(seen) else None,
        column_config={
            "seen": st.column_config.ImageColumn("", width="small"),
            "file": st.column_config.TextColumn("Picture", width=104),
            "truth": st.column_config.TextColumn("Truth", width=118),
            "answer": st.column_config.TextColumn("Answer", width=118),
            "probability": st.column_config.ProgressColumn(
                "How sure", min_value=0, max_value=100, format="%.0f %%", width=70
            ),
        },
        alt="Pictures with the model's answers",
    )


def _show_recalls(run: Run, evaluation: Evaluation) -> None:
    pictures = run.bundle.training.get("pictures_per_class", {})
    few = [label for label in evaluation.labels if pictures.get(label, 0) < SMALL_CLASS]
    st.caption(
        "How many of each class were recognised. The thin line is the 95\u00a0% interval: where "
        "the true rate likely lies."
    )
    recall_bars(evaluation, pictures)
    if few:
        names = ", ".join(f"{escape_markdown(label)} ({pictures.get(label, 0)})" for label in few)
        st.caption(
            f"Pale: fewer than {SMALL_CLASS} pictures in all, so little is known of "
            f"how well it is recognised: {names}."
        )
    st.caption(
        f"Mean over the classes (balanced accuracy): "
        f"{percent_exact(evaluation.balanced_accuracy)}, likely between "
        f"{between(evaluation.balanced_ci95)}."
    )


def _show_reliability(evaluation: Evaluation) -> None:
    left, right = st.columns([7, 5], gap="large")
    with left:
        reliability_diagram(evaluation)
    with right:
        st.markdown(
            "Of the answers given with a confidence of about 80\u00a0%, 80\u00a0% should be right: "
            "then the "
            "dots lie on the dashed line. Below it the model is too sure of itself, above it too "
            "modest."
        )
        st.markdown(
            f"Mean distance from the line: **{percent_exact(evaluation.ece)}**, "
            f"likely between {between(evaluation.ece_ci95)}."
        )
        if evaluation.n < SMALL_TEST:
            st.caption(
                f"{evaluation.n} pictures are too few to tell: a dot may stand for one or two of "
                "them. Cross-validate for a diagram over all pictures."
            )


def _show_learning_curve(run: Run) -> None:
    job = job_for(CURVE, run.id)
    if job and job.active:
        _watch_curve(run.id)
        return
    points = found(CURVE, run.id) or _points(job)
    if points:
        learning_curve_chart(points)
        st.caption(_curve_words(points))
        return
    if job and job.message:
        st.error(escape_markdown(job.message), icon=":material/error:")
    st.markdown(
        "A learning curve trains these settings on ever more of the pictures. If it still climbs "
        "at the end, more pictures would make the model better."
    )
    st.button("Draw the learning curve", icon=":material/show_chart:", on_click=_ask, args=(run,))


@st.fragment(run_every=0.5)
def _watch_curve(run_id: str) -> None:
    job = job_for(CURVE, run_id)
    if job is None or not job.active:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(job.progress(time.monotonic()), text=progress_words(job))
        st.button("Stop", key=keys.STOP.of(CURVE), on_click=stop, args=(CURVE,))
    points = _points(job)
    if points:
        learning_curve_chart(points)


def _points(job: Job | None) -> list[CurvePoint]:
    """Those of the curve that are there already."""
    if job is None or job.task.kind in BEFOREHAND:
        return []
    return job.task.news(job.events)


def _ask(run: Run) -> None:
    ask_about(CURVE, run, LearningCurveTask)


def _curve_words(points: list[CurvePoint]) -> str:
    last = points[-1]
    text = (
        f"{percent(last.accuracy)} with {last.pictures} pictures to learn from (likely between "
        f"{between(last.ci95)}; {last.n} judged, five-fold). The band is the 95\u00a0% interval."
    )
    if len(points) < 2:
        return text
    before = points[-2]
    if last.accuracy > before.ci95[1]:
        return f"{text} It still climbs: more pictures would help."
    return f"{text} With {before.pictures} it was {percent(before.accuracy)} already."
