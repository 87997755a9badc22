"""The widget of a training's setting, made of what TrainingConfig says of it."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import streamlit as st

from decor_app import session_keys as keys
from decor_app.session_keys import SessionKey
from decor_core.model.training_config import TrainingConfig

SETTINGS = {one.name: one for one in fields(TrainingConfig)}


def setting_widget(
    name: str,
    *,
    key: SessionKey = keys.SETTING,
    choices: Sequence[str] = (),
    slider: tuple[float, float, float] | None = None,
    **options: Any,
) -> None:
    """Draw the widget of the field ``name``; what it shows is the entry ``key.of(name)``.

    Label, help, kind and range come from the field, except for ``choices`` that it does not list
    and a ``slider`` of another range.
    A setting that the chosen head does not know is disabled.
    """
    setting = SETTINGS[name]
    about, label = setting.metadata, setting.metadata["label"]
    head = keys.SETTING.of("head").get("")
    options = {
        "key": key.of(name),
        "help": about["help"],
        "disabled": bool(head) and head not in about["heads"],
        "persist_state": "session",
        **options,
    }
    if choices:
        st.selectbox(label, choices, **options)
    elif about["choices"]:
        st.segmented_control(label, about["choices"], required=True, **options)
    elif about["options"]:
        st.select_slider(label, about["options"], format_func="{:g}".format, **options)
    elif slider := slider or about["slider"]:
        low, high, step = slider
        st.slider(label, low, high, step=step, **options)
    elif setting.type is bool:
        st.toggle(label, **options)
    else:
        st.number_input(label, about["min"], about["max"], **options)
