"""One answer on the page: what it is, how sure, why, and what it is like."""

from collections.abc import Sequence

import streamlit as st

from decor_app import session_keys as keys
from decor_app.charts.bars import score_bars
from decor_app.classify.corrections import show_correction
from decor_app.classify.evidence import show_picture
from decor_app.classify.known_pictures import known_pictures
from decor_app.classify.similar import show_known, show_likeness
from decor_app.components.flags import flag
from decor_app.format import escape_markdown, percent, sureness, verdict_words
from decor_app.state.models import predictor
from decor_app.state.pictures import Seen
from decor_core.model.classifier import SURE, Prediction
from decor_core.taxonomy import Taxonomy

STRANGE = 0.5


def thresholds() -> tuple[float, float]:
    """From which probability an answer is sure, and above which novelty it is none of the known."""
    return keys.SURE_FROM.get(SURE * 100) / 100, keys.UNKNOWN_ABOVE.get(STRANGE * 100) / 100


def threshold_settings() -> None:
    """Let people set both thresholds; they show in the button that opens them."""
    sure, _ = thresholds()
    with st.popover(f"Sure from {sure:.0%}", icon=":material/tune:"):
        st.slider(
            "Sure from a probability of",
            50, 99, round(SURE * 100),
            key=keys.SURE_FROM,
            format="%d %%",
            persist_state="session",
            help="Below it, the two likeliest are named if they reach it together.",
        )  # fmt: skip
        st.slider(
            "Unknown above a novelty of",
            5, 99, round(STRANGE * 100),
            key=keys.UNKNOWN_ABOVE,
            format="%d %%",
            persist_state="session",
            help="At 50\u00a0%, two in a hundred pictures of known kinds are called unknown. Lower "
            "is stricter.",
        )  # fmt: skip


def show_one(seen: Seen, prediction: Prediction, trained: Taxonomy) -> None:
    """The picture, beside it what it is taken for, how surely, why, and what it is like."""
    verdict, known = prediction.decision(*thresholds()), known_pictures(predictor())
    with st.container(border=True, key="answer"):
        with st.container(key="answer-picture", gap="small"):
            show_picture(seen, prediction)
        with st.container(key="answer-verdict", gap="xxsmall"):
            st.header(verdict_words(verdict, prediction.taxonomy), anchor=False)
            st.markdown(sureness(prediction, verdict), help=_judged_by(prediction))
            _origin(prediction, trained, verdict.labels)
        with st.container(key="answer-bars"):
            score_bars(prediction.scores)
            show_correction(seen)
        with st.container(key="answer-like", gap="xsmall"):
            show_likeness(seen, prediction, verdict, known)
        with st.container(key="answer-known", gap="xsmall"):
            show_known(seen, known)


def _judged_by(prediction: Prediction) -> str:
    sure, strange = thresholds()
    return (
        f"The probability is calibrated: of answers given with {percent(sure)}, about that share "
        f"is right. Novelty is {percent(prediction.novelty)}; above {percent(strange)} a picture "
        "is none of the known."
    )


def show_refused(refused: Sequence[Seen]) -> None:
    """Files that are no pictures, each with its reason."""
    if len(refused) <= 3:
        for seen in refused:
            st.warning(
                f"**{escape_markdown(seen.name)}**: {escape_markdown(seen.error)}",
                icon=":material/broken_image:",
            )
        return
    with st.expander(f"{len(refused)} files could not be read", icon=":material/broken_image:"):
        st.markdown(
            "\n".join(
                f"- **{escape_markdown(seen.name)}**: {escape_markdown(seen.error)}"
                for seen in refused
            )
        )


def _origin(prediction: Prediction, trained: Taxonomy, labels: Sequence[str]) -> None:
    """What the verdict belongs to, one taxonomy up or down, with the flags of its countries."""
    level = trained.level(prediction.taxonomy)
    if not labels:
        return
    if level.coarser:
        homes = list(dict.fromkeys(level.parent_of(label) for label in labels))
        _with_flags(homes, f"From {' or '.join(map(escape_markdown, homes))}")
    elif level is not trained:
        finer = next(t for t in trained.levels if t.coarser is level)
        members = [name for name in finer.labels if finer.parent_of(name) in labels]
        _with_flags(labels, f"Home of {escape_markdown(', '.join(members))}")


def _with_flags(countries: Sequence[str], words: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        flags = "".join(map(flag, countries))
        if flags:
            st.html(flags, width="content")
        st.caption(words, width="stretch")
