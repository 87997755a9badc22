"""Blockers of a training, or of a good one."""

import streamlit as st

from decor_app.format import escape_markdown
from decor_app.page import DATA
from decor_app.state.training_vectors import TrainingSource
from decor_app.training.settings import ChosenTraining
from decor_core.data.split import different_pictures, needed
from decor_core.text import listed

_FEW = 5  # pictures of a class
_NAMED = 6  # classes


def show_blockers(chosen: ChosenTraining, source: TrainingSource) -> bool:
    """Say what is missing in the pictures; whether they can be trained on all the same."""
    reason = _blocker(chosen, source)
    few = [label for label, count in source.counts(chosen.level).items() if count < _FEW]
    if reason:
        st.error(escape_markdown(reason), icon=":material/error:")
    elif few:
        one = len(few) == 1
        classes, they = ("1 class has", "It") if one else (f"{len(few)} classes have", "They")
        st.warning(
            f"{classes} fewer than {_FEW} pictures: {escape_markdown(listed(few, _NAMED))}. "
            f"{they} can hardly be learned, or tested.",
            icon=":material/warning:",
        )
    if reason or few:
        st.page_link(DATA, label="See Data", icon=":material/photo_library:")
    return not reason


def _blocker(chosen: ChosenTraining, source: TrainingSource) -> str:
    """Why nothing can be trained; "" where it can."""
    if len(source.counts(chosen.level)) < 2:
        return "There is only one class; a model needs at least two to tell apart."
    need = needed(chosen.config.testing_percentage, chosen.config.validation_percentage)
    different = different_pictures(source.table, chosen.level, need)
    poor = [f"“{label}” has {count}" for label, count in different.items() if count < need]
    if not poor:
        return ""
    uses = "to train, to validate and to test" if need == 3 else "to train and to test"
    return f"Each class needs at least {need} different pictures, {uses}. {listed(poor, _NAMED)}."
