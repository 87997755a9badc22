"""A grid of pictures to pick from, page by page."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from decor_app import session_keys as keys
from decor_app.format import thumb_uri
from decor_app.page import asset
from decor_app.state.selection import picked

PAGE = 60


@dataclass(frozen=True)
class Tile:
    """A picture in the grid: ``thumb`` is a WebP, ``note`` says what is wrong with it, if it is."""

    file: str
    name: str
    label: str
    thumb: bytes
    note: str = ""


def show_tiles(tiles: Sequence[Tile], label: str) -> str:
    """Draw the grid, take over what is picked in it; the file to be opened, "" if none is."""
    here = [tile.file for tile in tiles]
    token = _token(tiles)
    if keys.GRID_TOKEN.value != token:
        keys.GRID_TOKEN.value = token
        keys.PICKED_AT_FIRST.value = [file for file in here if file in picked()]
    found = _grid()(
        key=keys.GRID.of(token),
        data={
            "token": token,
            "label": label,
            "picked": keys.PICKED_AT_FIRST.value,
            "items": [_item(tile) for tile in tiles],
        },
        default={"picked": keys.PICKED_AT_FIRST.value},
        on_picked_change=_nothing,
        on_opened_change=_nothing,
    )
    chosen = found.picked if isinstance(found.picked, list) else []
    keys.PICKED.value = (picked() - set(here)) | {file for file in chosen if file in here}
    return found.opened if found.opened in here else ""


def _nothing() -> None:
    """The page reads what has changed when it is drawn."""


def _token(tiles: Sequence[Tile]) -> str:
    """Differs when another grid is to be drawn, and not when something is picked in it."""
    shown = repr((keys.GRIDS_DRAWN.value, [(tile.file, tile.label, tile.note) for tile in tiles]))
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


def _item(tile: Tile) -> dict[str, str]:
    return {
        "file": tile.file,
        "name": tile.name,
        "label": tile.label,
        "note": tile.note,
        "src": thumb_uri(tile.thumb),
    }


@st.cache_resource(show_spinner=False)
def _grid():
    return st.components.v2.component(
        "decor-picks", html=asset("picks.html"), css=asset("picks.css"), js=asset("picks.js")
    )
