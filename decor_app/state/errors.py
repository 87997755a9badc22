"""Errors on a page: a toast that says why, or its end; runs that Streamlit ends for another."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import streamlit as st

from decor_app.format import escape_markdown
from decor_app.state.toasts import toast
from decor_core.errors import DecorError

T = TypeVar("T")


def toast_error(error: Exception | str) -> None:
    """Say what went wrong."""
    toast(escape_markdown(str(error)), icon=":material/error:", duration="long")


def attempt(change: Callable[[], object]) -> bool:
    """Do ``change``; whether it went through: if not, a toast says why."""
    try:
        change()
    except DecorError as error:
        toast_error(error)
        return False
    return True


def or_end_page(load: Callable[[], T]) -> T:
    """The result of ``load``; on an error the page says why and ends."""
    try:
        return load()
    except DecorError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
        st.stop()


@contextmanager
def undo_if_interrupted(undo: Callable[[], object]) -> Iterator[None]:
    """Call ``undo`` where Streamlit ends this run of the page for another, as after a click.

    It does so by an exception that is no Exception, wherever its state is read.
    """
    try:
        yield
    except Exception:
        raise
    except BaseException:
        undo()
        raise
