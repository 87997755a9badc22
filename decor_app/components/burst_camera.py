"""A camera that records while a button is held, and gives all its frames at once."""

import base64
import binascii
from collections.abc import Callable, Sequence

from decor_app import session_keys as keys
from decor_app.page import browser_component

MAX_FRAMES = 100
_SIDE = 640  # pixels
_LETTERS = 5_500_000  # of all frames together; a browser may send 8 MB, see config.toml


def burst_camera(label: str, on_burst: Callable[[Sequence[bytes]], str]) -> None:
    """The camera's live picture, and a button to be held.

    ``label`` is the class that is recorded, "" if none is chosen. ``on_burst`` is called with the
    frames, JPEG files, before the page runs; what it gives is told to the person.
    """

    def received() -> None:
        sent = keys.BURST_CAMERA.value["burst"]
        frames = sent[:MAX_FRAMES] if isinstance(sent, list) else []
        keep_burst(list(filter(None, map(decoded_frame, frames))), on_burst)

    browser_component("burst_camera")(
        key=keys.BURST_CAMERA,
        data={
            "label": label,
            "most": MAX_FRAMES,
            "side": _SIDE,
            "letters": _LETTERS,
            "bursts": keys.BURSTS.value,
            "answer": keys.BURST_ANSWER.value,
        },
        on_burst_change=received,
    )


def keep_burst(shots: Sequence[bytes], on_burst: Callable[[Sequence[bytes]], str]) -> None:
    """Hand over what the camera took, and remember what is to be told of it."""
    keys.BURST_ANSWER.value = on_burst(shots) if shots else "The camera sent no picture; try again."
    keys.BURSTS.value += 1


def decoded_frame(frame: object) -> bytes | None:
    """The bytes of a JPEG's data URI; None for anything else, which a browser may send, too."""
    if not isinstance(frame, str) or not frame.startswith("data:image/jpeg;base64,"):
        return None
    try:
        return base64.b64decode(frame.partition(",")[2], validate=True)
    except binascii.Error:
        return None
