"""The camera: one photo, or a live picture that is classified again and again."""

import base64
import binascii

import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.samples import leave_sample
from decor_app.page import asset
from decor_app.state.pictures import Picture, Seen, look_at

_MODES = ("One photo", "Live")


def photo() -> Seen | None:
    """What the camera sees, looked at; None before there is a picture."""
    mode = st.segmented_control(
        "Camera", _MODES, default=_MODES[0], required=True, key=keys.CAMERA_MODE,
        label_visibility="collapsed",
    )  # fmt: skip
    if mode == _MODES[1]:
        return _live_picture()
    taken = st.camera_input("Take a photo", key=keys.PHOTO, on_change=leave_sample)
    return look_at(Picture("Your photo", taken.getvalue())) if taken else None


def _live_picture() -> Seen | None:
    found = _live()(key=keys.LIVE, default={"frame": None}, on_frame_change=leave_sample)
    data = _decoded(found.frame)
    return look_at(Picture("Live picture", data)) if data else None


def _decoded(frame: object) -> bytes | None:
    """The bytes of a data URI; what a browser sends is not to be trusted."""
    if not isinstance(frame, str) or not frame.startswith("data:image/jpeg;base64,"):
        return None
    try:
        return base64.b64decode(frame.partition(",")[2], validate=True)
    except binascii.Error:
        return None


@st.cache_resource(show_spinner=False)
def _live():
    return st.components.v2.component(
        "decor-live", html=asset("live.html"), css=asset("live.css"), js=asset("live.js")
    )
