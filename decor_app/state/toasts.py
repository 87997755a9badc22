"""Toasts: what was done, or why it was not.

Streamlit draws what a callback in a fragment shows over the first elements of the page, which are
its styles. So such a toast waits until the fragment, or the page, is drawn.
"""

from typing import Literal, NamedTuple

import streamlit as st

from decor_app import session_keys as keys
from decor_app.hosting.streamlit_internals import is_callback_of_fragment

_Duration = Literal["short", "long"]


class Toast(NamedTuple):
    """A toast that is to be shown; ``words`` are Markdown."""

    words: str
    icon: str
    duration: _Duration


def toast(words: str, *, icon: str, duration: _Duration = "short") -> None:
    """Show ``words``, in Markdown, for some seconds."""
    if is_callback_of_fragment():
        keys.WAITING_TOASTS.value += (Toast(words, icon, duration),)
    else:
        st.toast(words, icon=icon, duration=duration)


def show_waiting_toasts() -> None:
    """Show the toasts of a callback: each page begins with it, and each fragment that has any."""
    while waiting := keys.WAITING_TOASTS.value:
        st.toast(waiting[0].words, icon=waiting[0].icon, duration=waiting[0].duration)
        keys.WAITING_TOASTS.value = waiting[1:]
