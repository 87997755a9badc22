"""The picture with what speaks for a label and against it, place by place."""

import html
import io

import numpy as np
import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from decor_app import session_keys as keys
from decor_app.format import escape_markdown
from decor_app.state.pictures import Seen, evidence_of, preview_of
from decor_core.images.encode import encode_jpeg
from decor_core.model.classifier import Prediction
from decor_core.model.overlay import overlay

_MOST = 7


@st.fragment
def show_picture(seen: Seen, prediction: Prediction) -> None:
    """The picture and, unless that is switched off, the evidence for a label of choice over it."""
    place, preview = st.container(gap="xsmall"), preview_of(seen)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        shown = st.toggle("Show why", value=True, key=keys.SHOW_EVIDENCE, persist_state="session")
        opacity = st.slider(
            "Opacity",
            5,
            100,
            45,
            5,
            key=keys.OPACITY,
            format="%d %%",
            disabled=not shown,
            persist_state="session",
        )
    if not shown:
        _show(place, seen, preview, seen.described)
        return
    label = _label(seen, prediction)
    evidence = evidence_of(seen, prediction.taxonomy)
    if evidence is None:
        _show(place, seen, preview, seen.described)
        return
    heat = evidence.attribution(label)
    painted = _painted(preview, heat, evidence.scale, opacity / 100)
    words = f"Coloured by what speaks for {label} and against it: {_where(heat)}."
    _show(place, seen, painted, f"{seen.described} {words}", legend=label)


def _show(
    place: DeltaGenerator, seen: Seen, picture: bytes, described: str, legend: str = ""
) -> None:
    with place:
        st.image(picture, width="stretch", alt=described)
        if legend:
            name = html.escape(legend)
            st.html(
                f'<div class="decor-legend"><span>against {name}</span>'
                f'<span class="decor-ramp"></span><span>for it</span></div>'
            )
        st.caption(escape_markdown(seen.name))


def _label(seen: Seen, prediction: Prediction) -> str:
    labels = [score.label for score in prediction.scores[:_MOST]]
    return st.pills(
        "What speaks for …",
        labels,
        default=labels[0],
        format_func=escape_markdown,
        required=True,
        help="Colours each place of the picture by what it adds to the score of this label rather "
        "than to its rivals'. All places together make up each score exactly.",
        key=keys.EVIDENCE_LABEL.of(f"{seen.digest[:12]}-{prediction.taxonomy}-{labels[0]}"),
    )


def _painted(preview: bytes, heat: np.ndarray, scale: float, opacity: float) -> bytes:
    with Image.open(io.BytesIO(preview)) as picture:
        return encode_jpeg(overlay(picture.convert("RGB"), heat, scale, opacity))


def _where(heat: np.ndarray) -> str:
    """Where most of what speaks for a label is, for those who do not see it."""
    positive = heat.clip(min=0)
    if positive.sum() < 0.1 * abs(heat).sum():
        return "hardly anything speaks for it"
    shares = positive / positive.sum()
    down, across = (
        float(shares.sum(axis=1 - axis) @ np.linspace(0, 1, heat.shape[axis])) for axis in (0, 1)
    )
    names = (_third(down, "upper", "lower"), _third(across, "left", "right"))
    place = " ".join(name for name in names if name)
    return f"what speaks for it lies mostly in the {place or 'middle'}"


def _third(place: float, low: str, high: str) -> str:
    return low if place < 0.4 else high if place > 0.6 else ""
