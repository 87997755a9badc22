"""Session keys: all in one module, each once, typed, and usable as the key of a widget."""

import ast
from pathlib import Path

import pytest
from serving import TIMEOUT
from streamlit.testing.v1 import AppTest

from decor_app import session_keys
from decor_app.session_keys import SessionKey

ROOT = Path(__file__).parents[2]
MODULES = sorted([*ROOT.glob("decor_app/**/*.py"), *ROOT.glob("pages/*.py")])
KEYS = {name: key for name, key in vars(session_keys).items() if isinstance(key, SessionKey)}
_ALLOWED = ("session_keys.py", "streamlit_internals.py")
_LAYOUT = ("container", "expander")  # whose keys are classes for style.css


def _faults(source: str) -> list[str]:
    """Where session state is used by a key that session_keys.py does not have."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "session_state":
            found.append(f"{node.lineno}: st.session_state")
        if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") in _LAYOUT:
            continue
        found += [
            f"{node.lineno}: key={ast.unparse(word.value)}"
            for word in node.keywords
            if word.arg == "key" and isinstance(word.value, (ast.Constant, ast.JoinedStr))
        ]
    return found


@pytest.mark.parametrize(
    "source",
    ["st.session_state.x", "st.session_state['x']", "st.button('x', key='x')", "b(key=f'x{y}')"],
)
def test_a_key_of_its_own_is_found(source):
    assert _faults(source)


def test_every_key_is_in_one_module():
    ours = [path for path in MODULES if path.name not in _ALLOWED]
    faults = {path.name: found for path in ours if (found := _faults(path.read_text("utf-8")))}
    assert len(ours) > 50 and not faults


def test_every_key_is_its_name_in_lower_case():
    assert len(KEYS) > 90
    assert list(KEYS.values()) == [name.lower() for name in KEYS]


def test_every_key_is_used():
    used = "\n".join(path.read_text("utf-8") for path in MODULES)
    assert not {name for name in KEYS if f"keys.{name}" not in used and name not in _FILTERS}


_FILTERS = {name for name, key in vars(session_keys).items() if key in session_keys.FILTERS}


def _page() -> None:
    import streamlit as st

    from decor_app.session_keys import SessionKey

    steps, notes = SessionKey[int]("steps", 3), SessionKey[str]("note")
    st.write(f"default {steps.value}, {notes.get('none')}")
    steps.value += 1
    notes.of("a").value = "of a"
    assert notes.of("a").setdefault("other") == "of a"
    st.slider("Steps", 0, 9, key=steps)
    st.write(f"written {steps.value}, {notes.of('a').value}")
    notes.of("a").clear()
    st.write(f"cleared {notes.of('a').get('none')}")
    st.write(notes.value)


def test_an_entry_is_read_written_removed_and_drawn_by_a_widget():
    page = AppTest.from_function(_page, default_timeout=TIMEOUT).run()
    words = [one.value for one in page.markdown]
    assert words == ["default 3, none", "written 4, of a", "cleared none"]
    assert len(page.exception) == 1  # it has neither an entry nor a default
    assert page.slider(key="steps").value == 4
