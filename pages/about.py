"""About: the styles and how well each is known, by country, and the model card."""

from contextlib import suppress

import streamlit as st

from decor_app import session_keys as keys
from decor_app.charts.heatmaps import confusion_matrix
from decor_app.components.flags import flag
from decor_app.components.samples import Sample, samples, small
from decor_app.components.styles import STYLES, Style, how_well_known
from decor_app.format import between, escape_markdown, percent_exact
from decor_app.page import CLASSIFY, open_page
from decor_app.state.models import shipped_bundle
from decor_core.errors import PictureError
from decor_core.model.bundle import Bundle
from decor_core.model.evaluation import Evaluation
from decor_core.taxonomy import DECOR

DATA_URL = "https://www.kaggle.com/datasets/olgabelitskaya/traditional-decor-patterns"
NETWORK_URL = "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite"
_WIDTH = 112


def main() -> None:
    open_page(
        "About Decor",
        "Porcelain, lacquer, paper, linen: each workshop has its own hand. Decor looks at a photo "
        "and names the tradition, and lets you train the model that does so.",
    )
    bundle = shipped_bundle()
    judged = bundle.cross_validation
    st.header("Seven styles", anchor=False)
    with st.container(key="styles"):
        for style in STYLES:
            _show_style(style, judged.get("style"))
    if "country" in judged:
        st.header("Four countries", anchor=False)
        _show_countries(judged["country"])
    st.header("How well it does", anchor=False)
    _show_quality(bundle)
    st.header("Model card", anchor=False)
    with st.container(key="card"):
        for title, text in _card(bundle):
            with st.container(gap="xsmall"):
                st.subheader(title, anchor=False)
                st.markdown(text)


def _show_sample(sample: Sample) -> None:
    with suppress(PictureError):  # then without
        st.image(small(sample, 2 * _WIDTH), width=_WIDTH, alt=sample.alt)


def _show_style(style: Style, judged: Evaluation | None) -> None:
    sample = next((s for s in samples() if s.style == style.label), None)
    with st.container(horizontal=True, gap="medium", vertical_alignment="top", wrap=False):
        if sample:
            _show_sample(sample)
        with st.container(gap="xsmall"):
            native = "" if style.native == style.label else f" · {style.native}"
            st.subheader(f"{escape_markdown(style.label)}{native}", anchor=False)
            st.html(f"{flag(DECOR.parent_of(style.label))}<small>{style.home}</small>")
            st.markdown(style.look_for)
            if judged and style.label in judged.labels:
                st.caption(how_well_known(style.label, judged))
            if sample:
                st.page_link(
                    CLASSIFY,
                    label=f"Why {style.label}?",
                    icon=":material/search:",
                    query_params={"sample": sample.path.stem},
                )


def _show_countries(judged: Evaluation) -> None:
    with st.container(key="countries"):
        for country in judged.labels:
            members = [s.label for s in STYLES if DECOR.parent_of(s.label) == country]
            with st.container(gap="xsmall"):
                st.html(f"{flag(country)}<b>{country}</b>")
                st.markdown(escape_markdown(", ".join(members)))
                st.caption(how_well_known(country, judged))


def _show_quality(bundle: Bundle) -> None:
    if not bundle.cross_validation:
        st.info("This model has not been cross-validated.")
        return
    for place, (name, evaluation) in zip(
        st.columns(len(bundle.cross_validation), gap="large"),
        bundle.cross_validation.items(),
        strict=True,
    ):
        with place, st.container(gap="xsmall"):
            st.metric(f"Right {name}", percent_exact(evaluation.accuracy))
            st.caption(
                f"of {evaluation.n} product photos, each judged by a model that had not seen it; "
                f"the true rate is likely between {between(evaluation.ci95)}. Each {name} "
                f"counting alike: {percent_exact(evaluation.balanced_accuracy)} "
                f"({between(evaluation.balanced_ci95)})."
            )
    finest = next(iter(bundle.cross_validation.values()))
    with st.expander("What is taken for what", icon=":material/grid_on:"):
        st.caption(
            "Photos of each style (rows) by the answer they got (columns), on average over the "
            "repeats of the cross-validation."
        )
        confusion_matrix(finest, key=keys.SHIPPED_CELLS)


def _card(bundle: Bundle) -> list[tuple[str, str]]:
    """Sections of the model card (Mitchell et al., 2019), each a title and Markdown."""
    training = bundle.training
    per_class = training.get("pictures_per_class", {})
    counts = ", ".join(f"{escape_markdown(label)} {count}" for label, count in per_class.items())
    finest = next(iter(bundle.cross_validation.values()), None)
    calibration = (
        f" Probabilities miss the truth by {finest.ece * 100:.1f} points on average."
        if finest
        else ""
    )
    return [
        ("Meant for", _PURPOSE),
        ("Data", f"{_DATA} {training.get('training_pictures', '?')} photos: {counts}."),
        (
            "Method",
            f"[EfficientNet-Lite0]({NETWORK_URL}) by Google (Apache-2.0) looks, on LiteRT; its "
            "weights stay as they are. The mean and deviation of all its stages over the object, "
            "and a histogram of the object's colours, go into one linear head, so that each score "
            f"splits exactly over the places of the picture. {_recipe(training)}",
        ),
        ("Numbers", f"{_NUMBERS}{calibration}"),
        ("What it cannot do", _LIMITS),
        ("Your pictures", _PRIVACY),
    ]


def _recipe(training: dict) -> str:
    """How the head was trained, in a sentence."""
    if reason := (training.get("choice") or {}).get("reason"):
        return escape_markdown(reason)
    if training.get("head") == "softmax":
        return f"Softmax: {training['steps']} steps at {training['learning_rate']:g}."
    return f"Head: {escape_markdown(str(training.get('head', 'unknown')))}."


_PURPOSE = """
For curiosity, teaching and sorting: a first guess at the tradition of a decorated object. Not for
attribution, dating, pricing, or telling genuine from imitated.
"""
_DATA = f"""
[Traditional Decor Patterns]({DATA_URL}) by Olga Belitskaya. No licence is known for its photos, so
none of them is in here: only numbers computed from them. The sample pictures were drawn for this
app; no photograph went into them.
"""
_NUMBERS = """
Stratified five-fold cross-validation, repeated five times, near duplicates never on both sides.
Intervals are at 95\u00a0%. The recipe was chosen on the same photos: expect a point less on others.
"""
_LIMITS = """
- It knows these seven styles. Other traditions should come out as “none of the known”, but what
  is closely akin, such as Delft to Gzhel, was not tested.
- It learned from a few dozen shop photos of each style, and from only 12 of Neglyubka. Cluttered
  backgrounds cost it several points.
- 90\u00a0% means that about one such answer in ten is wrong.
"""
_PRIVACY = """
What you only classify stays in the server's memory while you use the page, and is never written to
disk. What you put right there, or bring to the Data page, is kept in a folder: on your own computer
until you delete it, on a server for many until you leave.
"""

main()
