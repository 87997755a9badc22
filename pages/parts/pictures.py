"""The pictures of a session: looked at once, remembered for a while."""

import io
from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st
from PIL import Image

from decor_core.errors import PictureError
from decor_core.images import content_hash, load_picture
from decor_core.palette import palette
from decor_core.predictor import Predictor

from .resources import predictor

MAX_PICTURES = 200
_KEPT = MAX_PICTURES + 50
_PREVIEW_SIDE = 512
_THUMB_SIDE = 160


@dataclass(frozen=True)
class Picture:
    """A file to be classified; ``alt`` describes it where somebody wrote that down."""

    name: str
    data: bytes
    alt: str = ""


@dataclass(frozen=True)
class Seen:
    """What stays of a picture: vector [d], colours in words, a WebP preview and a small one.

    Or, in ``error``, why it cannot be read.
    """

    name: str
    digest: str
    alt: str = ""
    vector: np.ndarray | None = None
    colours: str = ""
    preview: bytes = b""
    thumb: bytes = b""
    error: str = ""

    @property
    def described(self) -> str:
        return self.alt or f"Your picture {self.name}"


def look_at(picture: Picture) -> Seen:
    """Embed ``picture``, or remember it: switching taxonomy or model costs nothing."""
    digest = content_hash(picture.data)
    seen = remember(digest) or _look(predictor(), picture, digest)
    seen = replace(seen, name=picture.name, alt=picture.alt)
    memory = _memory()
    memory[_key(digest)] = seen
    while len(memory) > _KEPT:
        memory.popitem(last=False)
    return seen


def remember(digest: str) -> Seen | None:
    """The picture with this content hash, if this session has looked at it lately."""
    memory = _memory()
    if _key(digest) not in memory:
        return None
    memory.move_to_end(_key(digest))
    return memory[_key(digest)]


def refused(name: str, reason: str) -> Seen:
    """A file that is no picture at all, with the reason in one sentence."""
    return Seen(name, digest="", error=reason)


def _memory() -> OrderedDict[tuple, Seen]:
    """The latest pictures of this session; bounded, so that its memory is."""
    return st.session_state.setdefault("seen", OrderedDict())


def network_key() -> tuple:
    """What the vectors of pictures depend on, apart from the pictures."""
    bundle = predictor().bundle
    return bundle.embedding, bundle.backbone_digest


def _key(digest: str) -> tuple:
    return digest, *network_key()


def _look(model: Predictor, picture: Picture, digest: str) -> Seen:
    try:
        upright = load_picture(picture.data, max_side=model.embedder.working_side)
    except PictureError as error:
        return Seen(picture.name, digest, error=str(error))
    look = model.embedder.look(upright)
    return Seen(
        picture.name,
        digest,
        vector=look.vector(),
        colours=str(palette(look)),
        preview=_webp(upright, _PREVIEW_SIDE),
        thumb=_webp(upright, _THUMB_SIDE),
    )


def _webp(upright: Image.Image, side: int) -> bytes:
    small = upright.copy()
    small.thumbnail((side, side))
    packed = io.BytesIO()
    small.save(packed, "WEBP", quality=82)
    return packed.getvalue()
