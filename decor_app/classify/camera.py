"""The camera: one photo, or a live picture that is classified again and again."""

import base64
import binascii

import streamlit as st
from streamlit.components.v2 import component

from decor_app import session_keys as keys
from decor_app.classify.sample_picker import leave_sample
from decor_app.page import asset
from decor_app.state.images import Analyzed, ImageFile, analyze

_MODES = ("One photo", "Live")


def camera_image() -> Analyzed | None:
    """What the camera sees; None before there is a picture."""
    mode = st.segmented_control(
        "Camera", _MODES, default=_MODES[0], required=True, key=keys.CAMERA_MODE,
        label_visibility="collapsed",
    )  # fmt: skip
    if mode == _MODES[0]:
        photo = st.camera_input("Take a photo", key=keys.PHOTO, on_change=leave_sample)
        return analyze(ImageFile("Your photo", photo.getvalue())) if photo else None
    live = _live_camera()(key=keys.LIVE, default={"frame": None}, on_frame_change=leave_sample)
    data = decoded_frame(live.frame)
    return analyze(ImageFile("Live picture", data)) if data else None


def decoded_frame(frame: object) -> bytes | None:
    """The bytes of a JPEG's data URI; None for anything else, which a browser may send, too."""
    if not isinstance(frame, str) or not frame.startswith("data:image/jpeg;base64,"):
        return None
    try:
        return base64.b64decode(frame.partition(",")[2], validate=True)
    except binascii.Error:
        return None


@st.cache_resource(show_spinner=False)
def _live_camera():
    return component(
        "decor-live-camera",
        html=asset("live_camera.html"),
        css=asset("live_camera.css"),
        js=asset("live_camera.js"),
    )
