"""What corrections have taught the model in use, and the way back where they stand no more."""

from dataclasses import dataclass

import streamlit as st

from decor_app.state.datasets import find_dataset
from decor_app.state.models import predictor, use_model, use_shipped_model
from decor_app.state.workspace import workspace
from decor_core.datasets.dataset import Dataset
from decor_core.model.bundle import Bundle
from decor_core.model.evaluation import Evaluation
from decor_core.model.training_data import TrainingData


@dataclass(frozen=True, eq=False)
class Lesson:
    """What was to be learned: ``version`` of the corrections, and how the model before was judged.

    ``model`` is its title, ``before`` it itself (None: the one that ships), ``earlier`` what had
    taught it. ``taught`` are the corrections in the set ``set_id``, each a picture's key and label.
    """

    version: str
    model: str
    judged: Evaluation | None
    set_id: str
    taught: frozenset[tuple[str, str]]
    before: Bundle | None
    earlier: "Lesson | None"


def show_taken_back() -> None:
    """Say where the model in use learned corrections that stand no more; a way back."""
    lesson = lesson_in_use()
    count = len(lesson.taught - standing_in(lesson.set_id)) if lesson else 0
    if count == 0:
        return
    what = "a correction" if count == 1 else f"{count} corrections"
    with st.container(border=True, key="taken_back", gap="small"):
        st.warning(
            f"The model that answers still knows {what} that you took back or changed.",
            icon=":material/history:",
        )
        st.button("Back to the model before", icon=":material/undo:", on_click=_go_back)


def standing_in(set_id: str) -> frozenset[tuple[str, str]]:
    """The corrections of a set as they are now."""
    found = find_dataset(set_id)
    if found is None:
        return frozenset()
    return frozenset(zip(found.table["key"], found.table[found.level], strict=True))


def lesson_in_use() -> Lesson | None:
    """What taught the model in use, where that was in this session."""
    session = workspace().model and workspace().model.bundle
    training_data, lesson = (
        session and TrainingData.of(session),
        workspace().correction_trainings.get(""),
    )
    while training_data and lesson:
        same = lesson.set_id in (training_data.corrections, training_data.set_id)
        if (
            same
            and lesson.before is not session
            and training_data.taught in (0, len(lesson.taught))
        ):
            return lesson
        lesson = lesson.earlier
    return None


def _go_back() -> None:
    """Let the latest model answer that knows no correction but those that stand."""
    lesson = lesson_in_use()
    if lesson is None:
        return
    standing = standing_in(lesson.set_id)
    while lesson.earlier and not lesson.earlier.taught <= standing:
        lesson = lesson.earlier
    session = workspace()
    session.correction_trainings[""] = session.correction_trainings[lesson.set_id] = lesson.earlier
    if lesson.before:
        use_model(lesson.before)
    else:
        use_shipped_model()


def is_learned(now: Dataset) -> bool:
    """Whether the model in use has learned these very corrections."""
    training_data, lesson = (
        TrainingData.of(predictor().bundle),
        workspace().correction_trainings.get(now.id),
    )
    knows = training_data is not None and now.id in (
        training_data.corrections,
        training_data.set_id,
    )
    return bool(knows and lesson and lesson.version == now.version)
