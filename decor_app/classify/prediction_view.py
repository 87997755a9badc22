"""One prediction on the page: the class, how sure, why, and what the picture is like."""

from collections.abc import Callable, Sequence

import streamlit as st

from decor_app.charts.bars import score_bars
from decor_app.classify.attribution_map import show_attribution_map
from decor_app.classify.corrections import show_correction
from decor_app.classify.decision import decide, decision_title, describe_confidence, thresholds
from decor_app.classify.similar_pictures import show_similar_pictures
from decor_app.components.flags import flag
from decor_app.format import escape_markdown, percent
from decor_app.state.images import AnalyzedImage, UnreadableFile
from decor_core.datasets.dataset import Dataset
from decor_core.model.predictor import Prediction
from decor_core.taxonomy import Taxonomy

_FEW = 3  # lines that stand by themselves


def show_prediction(
    image: AnalyzedImage, prediction: Prediction, trained: Taxonomy, corrections: Dataset | None
) -> None:
    """The picture, beside it what it is taken for, how surely, why, and what it is like."""
    decision = decide(prediction)
    confidence, novelty = thresholds()
    with st.container(border=True, key="answer"):
        with st.container(key="answer-picture", gap="small"):
            show_attribution_map(image, prediction)
        with st.container(key="answer-verdict", gap="xxsmall"):
            st.header(decision_title(decision, prediction.taxonomy), anchor=False)
            st.markdown(
                describe_confidence(prediction, decision),
                help="The probability is calibrated: of predictions with "
                f"{percent(confidence)}, about that share is right. Novelty is "
                f"{percent(prediction.novelty)}; above {percent(novelty)} a picture is unknown. "
                "What looks unlike the training pictures gets less confidence. A style that the "
                "model has not learned may still pass for one that it has.",
            )
            if not decision.maybe_none:
                _show_origin(prediction, trained, decision.labels)
        with st.container(key="answer-bars"):
            score_bars(prediction.scores)
            show_correction(image, corrections)
        show_similar_pictures(image, prediction, decision)


def _show_origin(prediction: Prediction, trained: Taxonomy, labels: Sequence[str]) -> None:
    """Show the classes one taxonomy up or down, with the flags of its countries."""
    level = trained.level(prediction.taxonomy)
    if level.coarser:
        countries = list(dict.fromkeys(map(level.parent_of, labels)))
        words = f"From {' or '.join(map(escape_markdown, countries))}"
    elif level is not trained:
        finer = next(one for one in trained.levels if one.coarser is level)
        members = [name for name in finer.labels if finer.parent_of(name) in labels]
        countries, words = labels, f"Home of {escape_markdown(', '.join(members))}"
    else:
        return
    if labels:
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            if flags := "".join(map(flag, countries)):
                st.html(flags, width="content")
            st.caption(words, width="stretch")


def show_unreadable(files: Sequence[UnreadableFile]) -> None:
    """Files that are no pictures, each with its reason."""
    reasons = [(file.name, file.error) for file in files]
    _show_by_file(reasons, st.warning, "files could not be read", ":material/broken_image:")


def show_notes(images: Sequence[AnalyzedImage]) -> None:
    """Show the notes on files: what was left out or assumed."""
    notes = [(image.name, " ".join(image.notes)) for image in images if image.notes]
    _show_by_file(notes, st.info, "files were read with an assumption", ":material/info:")


def _show_by_file(
    facts: Sequence[tuple[str, str]], show_one: Callable[..., object], title: str, icon: str
) -> None:
    """Show a line for each file; of many in a box that opens."""
    lines = [f"**{escape_markdown(n)}**: {escape_markdown(words)}" for n, words in facts]
    if len(lines) <= _FEW:
        for line in lines:
            show_one(line, icon=icon)
        return
    with st.expander(f"{len(lines)} {title}", icon=icon):
        st.markdown("\n".join(f"- {line}" for line in lines))
