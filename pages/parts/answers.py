"""Answers on the page: one picture at large, many as cards."""

from collections.abc import Sequence

import streamlit as st

from decor_core.predictor import Prediction
from decor_core.taxonomy import Taxonomy

from .charts import score_bars
from .resources import Seen
from .text import certainty, percent, plain


def show_one(seen: Seen, prediction: Prediction, trained: Taxonomy) -> None:
    """The picture, beside it what it is taken for and how surely."""
    with st.container(border=True, key="answer"):
        with st.container(key="answer-picture", gap="xsmall"):
            st.image(seen.preview, width="stretch", alt=seen.alt or f"Your picture {seen.name}")
            st.caption(plain(seen.name))
        with st.container(key="answer-verdict", gap="xxsmall"):
            st.header(_verdict(prediction), anchor=False)
            st.markdown(_how_sure(prediction))
            st.caption(_origin(prediction, trained))
        with st.container(key="answer-bars"):
            score_bars(prediction.scores)


def show_many(answers: Sequence[tuple[Seen, Prediction]]) -> None:
    """Cards side by side, as many as fit."""
    with st.container(key="cards"):
        for place, (seen, prediction) in enumerate(answers):
            with st.container(border=True, key=f"picture-{place}"):
                st.image(seen.preview, width="stretch", alt=seen.alt or f"Your picture {seen.name}")
                st.markdown(f"**{_verdict(prediction)}**")
                st.progress(prediction.confidence, text=_how_sure(prediction))
                st.caption(plain(seen.name))


def show_refused(refused: Sequence[Seen]) -> None:
    """Files that are no pictures, each with its reason."""
    for seen in refused:
        st.warning(f"**{plain(seen.name)}**: {plain(seen.error)}", icon=":material/broken_image:")


def _verdict(prediction: Prediction) -> str:
    if prediction.unknown:
        return "None of these"
    return plain(prediction.verdict)


def _how_sure(prediction: Prediction) -> str:
    if prediction.unknown:
        nearest = prediction.scores[0]
        return (
            f"Unlike everything this model has seen. {plain(nearest.label)} comes nearest, "
            f"with {percent(nearest.probability)}, but do not rely on it."
        )
    sure = f"**{percent(prediction.confidence)}**, {certainty(prediction.confidence)}"
    if prediction.confidence >= 0.5 or len(prediction.scores) < 2:
        return sure
    second = prediction.scores[1]
    return f"{sure}: it might as well be {plain(second.label)} ({percent(second.probability)})"


def _origin(prediction: Prediction, trained: Taxonomy) -> str:
    """What the verdict belongs to, one taxonomy up or down."""
    level = trained.level(prediction.taxonomy)
    if prediction.unknown:
        return ""
    if level.coarser:
        return f"From {plain(level.parent_of(prediction.verdict))}"
    if level is trained:
        return ""
    finer = next(t for t in trained.levels if t.coarser is level)
    members = [label for label in finer.labels if finer.parent_of(label) == prediction.verdict]
    return f"Home of {plain(', '.join(members))}"
