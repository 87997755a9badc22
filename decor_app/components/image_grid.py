"""Images as tiles: a click opens one, a mark in the corner picks several."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from decor_app import session_keys as keys
from decor_app.format import thumb_uri
from decor_app.page import browser_component

PAGE = 60  # tiles of a data set at once


@dataclass(frozen=True)
class Tile:
    """An image in the grid: ``thumb`` is a WebP, ``title`` and ``caption`` stand below it.

    ``note`` says what is wrong with it, if anything is; those of a ``group`` stand below its name.
    """

    id: str
    thumb: bytes
    title: str
    caption: str = ""
    note: str = ""
    group: str = ""


def image_grid(
    tiles: Sequence[Tile],
    label: str,
    key: str,
    *,
    picked: keys.SessionKey[frozenset[str]] | None = None,
    current: str = "",
    on_open: Callable[[str], None] | None = None,
    compact: bool = False,
) -> str:
    """Draw tiles; the id of the one to be opened, "" if none is.

    ``picked`` is the session key with the picked ids, also those of other pages; without it
    ``current`` is marked. ``on_open`` is called with an id before the page runs. ``compact`` tiles
    are small, with words for screen readers only.
    """
    ids = [tile.id for tile in tiles]  # a browser can send anything
    chosen = picked.value if picked else frozenset()
    # Differs when other tiles are to be drawn, and not when something is picked.
    shown = [(tile.id, tile.title, tile.caption, tile.note, tile.group) for tile in tiles]
    token = hashlib.sha256(repr((keys.GRIDS_DRAWN.value, shown)).encode()).hexdigest()[:16]
    if keys.GRID_TOKEN.of(key).value != token:
        keys.GRID_TOKEN.of(key).value = token
        keys.PICKED_AT_FIRST.of(key).value = [one for one in ids if one in chosen]
    at_first = keys.PICKED_AT_FIRST.of(key).value
    component_key = keys.GRID.of(key).of(token)

    def opened() -> None:
        if on_open and (tile_id := component_key.value["opened"]) in ids:
            on_open(tile_id)

    state = browser_component("image_grid")(
        key=component_key,
        data={
            "token": token,
            "label": label,
            "pickable": picked is not None,
            "picked": at_first,
            "current": current,
            "compact": compact,
            "items": [_item(tile) for tile in tiles],
        },
        default={"picked": at_first},
        on_picked_change=lambda: None,  # the page reads what is picked when it is drawn
        on_opened_change=opened,
    )
    if picked:
        here = state.picked if isinstance(state.picked, list) else []
        picked.value = chosen.difference(ids) | {one for one in ids if one in here}
    return state.opened if state.opened in ids else ""


def _item(tile: Tile) -> dict[str, str]:
    return {
        "id": tile.id,
        "title": tile.title,
        "caption": tile.caption,
        "note": tile.note,
        "group": tile.group,
        "src": thumb_uri(tile.thumb),
    }
