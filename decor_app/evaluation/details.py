"""Details of an evaluation: confusion matrix, classes, calibration, learning curve."""

import pandas as pd
import streamlit as st

from decor_app import session_keys as keys
from decor_app.charts.bars import recall_bars
from decor_app.charts.curves import learning_curve_chart
from decor_app.charts.heatmaps import confusion_matrix
from decor_app.charts.reliability import reliability_diagram
from decor_app.components.progress import watch_job
from decor_app.evaluation.summary import SMALL_TEST
from decor_app.format import between, disambiguate, escape_markdown, percent, percent_exact
from decor_app.jobs.job import Job
from decor_app.jobs.train_tasks import LearningCurveTask
from decor_app.state.jobs import CURVE, ask_about, job_for
from decor_app.state.thumbnails import thumbnails
from decor_app.state.workspace import workspace
from decor_core.model.evaluation import SMALL_CLASS, Evaluation
from decor_core.model.training_data import TrainingData
from decor_core.runs.run import Run
from decor_core.training.search import CurvePoint

_TEST, _ALL = "The test pictures", "All pictures, cross-validated"
_MAX_MISTAKES, _MAX_UNSURE = 10, 5


def show_details(run: Run, ask: bool = True) -> None:
    """How a run was evaluated, a tab for each view; with ``ask`` jobs about it can be started."""
    cross_validation = run.cross_validation.get(run.level)
    evaluation = cross_validation or run.evaluation
    if evaluation is None:
        return
    if cross_validation and run.evaluation:
        chosen = st.segmented_control(
            "Evaluated on",
            [_TEST, _ALL],
            default=_ALL,
            required=True,
            key=keys.EVALUATED_ON.of(run.id),
        )
        evaluation = cross_validation if chosen == _ALL else run.evaluation
    views = {
        "Confusion matrix": lambda: _show_confusion(run, evaluation),
        "Per class": lambda: _show_classes(run, evaluation),
        "Calibration": lambda: _show_calibration(evaluation),
    }
    if ask:
        views["Learning curve"] = lambda: _show_learning_curve(run)
    # Only the open tab is drawn: a chart costs more than the rest of the page.
    tabs = st.tabs(list(views), key=keys.DETAILS, on_change="rerun")
    for tab, show in zip(tabs, views.values(), strict=True):
        if tab.open:
            with tab:
                show()


def _show_confusion(run: Run, evaluation: Evaluation) -> None:
    on_test = evaluation is run.evaluation
    is_listed = on_test and len(run.predictions) > 0
    left, right = st.columns([7, 5], gap="large")
    with left:
        st.caption(
            "Confusion matrix: rows are true classes, columns predicted classes."
            + (" Click a cell to see which." if is_listed else "")
        )
        cell = confusion_matrix(evaluation, key=keys.CELLS.of(f"{run.id}-{evaluation.n}"))
    with right:
        if not on_test:
            st.caption("The list of pictures is kept for the test pictures only.")
        elif not is_listed:
            st.caption(
                "The list of test pictures stays with the run: it does not travel with the model."
            )
        elif cell:
            _show_cell(run, *cell)
        else:
            _show_mistakes(run)


def _show_cell(run: Run, truth: str, answer: str) -> None:
    predictions = run.predictions
    rows = predictions[(predictions["truth"] == truth) & (predictions["answer"] == answer)]
    verb = "recognized" if truth == answer else f"called {escape_markdown(answer)}"
    st.markdown(f"**{escape_markdown(truth)}, {verb}**: {len(rows)}")
    if len(rows):
        _show_pictures(run, rows.sort_values("probability", ascending=False), "probability")


def _show_mistakes(run: Run) -> None:
    predictions = run.predictions
    wrong = predictions[predictions["truth"] != predictions["answer"]]
    if len(wrong):
        st.markdown("**Most confident mistakes**")
        surest = wrong.nlargest(_MAX_MISTAKES, "probability")
        _show_pictures(run, surest, "truth", "answer", "probability")
    else:
        st.markdown("**No mistakes** among the test pictures.")
        st.caption("These were the least sure:")
        unsure = predictions.nsmallest(_MAX_UNSURE, "probability")
        _show_pictures(run, unsure, "answer", "probability")


def _show_pictures(run: Run, rows: pd.DataFrame, *columns: str) -> None:
    """The pictures by name, and to be seen where they are at hand."""
    thumbnail = thumbnails(TrainingData.of(run.bundle))
    seen = list(map(thumbnail, rows["file"], rows["key"]))
    table = rows[["file", *columns]].assign(
        file=disambiguate(list(rows["file"])), probability=rows["probability"] * 100
    )
    if any(seen):
        table.insert(0, "seen", seen)
    st.dataframe(
        table,
        hide_index=True,
        row_height=64 if any(seen) else None,
        column_config={
            "seen": st.column_config.ImageColumn("Preview", width="small"),
            "file": st.column_config.TextColumn("Picture", width=104),
            "truth": st.column_config.TextColumn("Truth", width=118),
            "answer": st.column_config.TextColumn("Answer", width=118),
            "probability": st.column_config.ProgressColumn(
                "Confidence", min_value=0, max_value=100, format="%.0f %%", width=70
            ),
        },
        alt="Pictures with the model's answers",
    )


def _show_classes(run: Run, evaluation: Evaluation) -> None:
    pictures = run.bundle.training.get("pictures_per_class", {})
    st.caption(
        "Recall: how many of each class were recognized. The thin line is the 95\u00a0% interval, "
        "where the true rate likely lies."
    )
    recall_bars(evaluation, pictures)
    few = [label for label in evaluation.labels if pictures.get(label, 0) < SMALL_CLASS]
    if few:
        names = ", ".join(f"{escape_markdown(label)} ({pictures.get(label, 0)})" for label in few)
        st.caption(
            f"Pale: fewer than {SMALL_CLASS} pictures in all, so little is known of how well it is "
            f"recognized: {names}."
        )
    st.caption(
        f"Mean over the classes (balanced accuracy): {percent_exact(evaluation.balanced_accuracy)},"
        f" likely between {between(evaluation.balanced_ci95)}."
    )


def _show_calibration(evaluation: Evaluation) -> None:
    left, right = st.columns([7, 5], gap="large")
    with left:
        reliability_diagram(evaluation)
    with right:
        st.markdown(
            "Whether confidence can be believed: of the answers given with about 80\u00a0%, "
            "80\u00a0% should be right. Then the dots lie on the dashed line. Below it the model "
            "is too sure of itself, above it too modest."
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
        watch_job(CURVE, run.id, draw=_draw_points)
        return
    points = workspace().learning_curves.get(run.id) or _points(job)
    if points:
        learning_curve_chart(points)
        st.caption(_describe_learning_curve(points))
        return
    if job and job.message:
        st.error(escape_markdown(job.message), icon=":material/error:")
    st.markdown(
        "Would more pictures help? These settings are trained on ever more of the pictures. If the "
        "curve still climbs at the end, more would make the model better."
    )
    st.button(
        "Draw the learning curve",
        icon=":material/show_chart:",
        on_click=lambda: ask_about(CURVE, run, LearningCurveTask),
    )


def _draw_points(job: Job) -> None:
    if points := _points(job):
        learning_curve_chart(points)


def _points(job: Job | None) -> list[CurvePoint]:
    """Those of the curve that are there already."""
    return [] if job is None or job.task.prepares else job.partial_results


def _describe_learning_curve(points: list[CurvePoint]) -> str:
    last = points[-1]
    right = last.accuracy
    text = (
        f"{percent(right.value)} with {last.pictures} pictures to learn from (likely between "
        f"{between(right.ci95)}; {right.n} tested, five-fold). The band is the 95\u00a0% interval."
    )
    if len(points) < 2:
        return text
    before = points[-2]
    if right.value > before.accuracy.ci95[1]:
        return f"{text} It still climbs: more pictures would help."
    return f"{text} With {before.pictures} it was {percent(before.accuracy.value)} already."
