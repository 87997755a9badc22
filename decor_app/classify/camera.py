"""The camera: one photo, or a live picture that is classified again and again."""

import streamlit as st

from decor_app import session_keys as keys
from decor_app.classify.sample_picker import leave_sample
from decor_app.components.burst_camera import decoded_frame
from decor_app.page import browser_component
from decor_app.state.images import Analyzed, ImageFile, analyze

_MODES = ("One photo", "Live")


def camera_image() -> Analyzed | None:
    """The picture of the camera; None before there is one."""
    mode = st.segmented_control(
        "Camera", _MODES, default=_MODES[0], required=True, key=keys.CAMERA_MODE,
        label_visibility="collapsed",
    )  # fmt: skip
    if mode == _MODES[0]:
        photo = st.camera_input("Take a photo", key=keys.PHOTO, on_change=leave_sample)
        return analyze(ImageFile("Your photo", photo.getvalue())) if photo else None
    live = browser_component("live_camera")(
        key=keys.LIVE, default={"frame": None}, on_frame_change=leave_sample
    )
    data = decoded_frame(live.frame)
    return analyze(ImageFile("Live picture", data)) if data else None
