"""The picture under a map of what in it speaks for a class and against it."""

import html

import numpy as np
import streamlit as st

from decor_app import session_keys as keys
from decor_app.format import escape_markdown
from decor_app.state.images import AnalyzedImage, attribution, preview
from decor_core.model.overlay import overlay_url
from decor_core.model.predictor import Prediction

_MAX_LABELS = 7


@st.fragment
def show_attribution_map(image: AnalyzedImage, prediction: Prediction) -> None:
    """The picture and, unless that is switched off, the attribution map of a class over it."""
    place = st.container(gap="xsmall")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        wanted = st.toggle(
            "Attribution map", value=True, key=keys.SHOW_ATTRIBUTION, persist_state="session"
        )
        opacity = st.slider(
            "Opacity",
            5,
            100,
            45,
            5,
            key=keys.OPACITY,
            format="%d %%",
            disabled=not wanted,
            persist_state="session",
            width=110,
        )
    file, described, legend = preview(image), image.described, ""
    if wanted and (explanation := attribution(image, prediction.taxonomy)):
        label = _choose_label(image, prediction)
        heat = explanation.attribution(label)
        file = overlay_url(file, heat, explanation.scale, opacity / 100)
        name = html.escape(label)
        described += f" Colored by what speaks for {label} and against it: {where(heat)}."
        legend = (
            f'<div class="decor-legend"><span>against {name}</span>'
            '<span class="decor-ramp"></span><span>for it</span></div>'
        )
    with place:
        st.image(file, width="stretch", alt=described)
        if legend:
            st.html(legend)
        st.caption(escape_markdown(image.name))


def _choose_label(image: AnalyzedImage, prediction: Prediction) -> str:
    labels = [score.label for score in prediction.scores[:_MAX_LABELS]]
    return st.pills(
        "What speaks for and against …",
        labels,
        default=labels[0],
        format_func=escape_markdown,
        required=True,
        help="Colors each place of the picture by what it adds to the score of this class rather "
        "than to its rivals'. All places together make up each score exactly.",
        key=keys.ATTRIBUTION_LABEL.of(f"{image.digest[:12]}-{prediction.taxonomy}-{labels[0]}"),
    )


def where(heat: np.ndarray) -> str:
    """The places of most evidence for a class, for those who do not see the map [h, w]."""
    positive = heat.clip(min=0)
    if positive.sum() < 0.1 * abs(heat).sum():
        return "hardly anything speaks for it"
    shares = positive / positive.sum()
    down, across = (
        float(shares.sum(axis=1 - axis) @ np.linspace(0, 1, heat.shape[axis])) for axis in (0, 1)
    )
    names = (_third(down, "upper", "lower"), _third(across, "left", "right"))
    return f"what speaks for it lies mostly in the {' '.join(filter(None, names)) or 'middle'}"


def _third(place: float, low: str, high: str) -> str:
    return low if place < 0.4 else high if place > 0.6 else ""
