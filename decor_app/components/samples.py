"""The drawn sample pictures: a row of tiles to click."""

import base64
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from decor_app import session_keys as keys
from decor_app.state.pictures import Picture
from decor_core.errors import DecorError, PictureError
from decor_core.features.backbones import MODELS
from decor_core.images.decode import load_picture
from decor_core.images.encode import encode_webp

SAMPLES = MODELS / "samples"
_TILE_SIDE = 144


@dataclass(frozen=True)
class Sample:
    """A drawn picture: its file, the style it is drawn in, and its words."""

    file: str
    style: str
    title: str
    alt: str

    @property
    def path(self) -> Path:
        return SAMPLES / self.file

    @property
    def key(self) -> str:
        return keys.SAMPLE_TILE.of(self.path.stem)

    def data(self) -> bytes:
        """Its file; PictureError where that cannot be read."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise PictureError(f"The sample cannot be read ({error.strerror}).") from error

    def picture(self) -> Picture:
        return Picture(self.title, self.data(), self.alt)


class _Style(str):
    """HTML for Streamlit to take as it is: to unindent so much of it first takes milliseconds."""

    def _repr_html_(self) -> str:
        return str(self)


def samples() -> tuple[Sample, ...]:
    """All samples, in the order of samples.json; none while that cannot be read."""
    try:
        return _listed()
    except (OSError, ValueError, TypeError):
        return ()


@st.cache_data
def _listed() -> tuple[Sample, ...]:
    listed = json.loads((SAMPLES / "samples.json").read_text(encoding="utf-8"))
    return tuple(Sample(**entry) for entry in listed)


def sample_tiles(chosen: Sample | None) -> None:
    """Draw the tiles; a click on one makes it the chosen one."""
    st.html(_Style(_tile_style(chosen)))
    with st.container(key="samples"):
        for sample in samples():
            st.button(
                sample.title, key=sample.key, help=sample.title, on_click=_choose, args=[sample]
            )


def chosen_sample() -> Sample | None:
    """The sample clicked last, or in the address (``?sample=gzhel-vase``), or the first."""
    by_name = {sample.path.stem: sample for sample in samples()}
    asked = keys.SAMPLE.value or st.query_params.get("sample", "")
    return by_name.get(asked, next(iter(samples()), None))


def _choose(sample: Sample) -> None:
    keys.SAMPLE.value = st.query_params["sample"] = sample.path.stem
    keys.SAMPLE_WANTED.value = True
    keys.OPENED.clear()


def _tile_style(chosen: Sample | None) -> str:
    mark = (
        f".st-key-{chosen.key} button{{outline: 2.5px solid #c0282d; outline-offset: 2px}}"
        if chosen
        else ""
    )
    try:
        rules = _all_rules() if samples() else ""
    except DecorError:  # such a tile is bare; clicked, it says that it cannot be read
        rules = ""
        for sample in samples():
            with suppress(DecorError):
                rules += _tile_rule(sample)
    return f"<style>{rules}{mark}</style>"


@st.cache_resource(show_spinner=False)
def _all_rules() -> str:
    return "".join(map(_tile_rule, samples()))


def _tile_rule(sample: Sample) -> str:
    """A small version of a sample as the background of its button."""
    data = base64.b64encode(small(sample, _TILE_SIDE)).decode()
    return f".st-key-{sample.key} button {{background-image: url(data:image/webp;base64,{data})}}"


@st.cache_data
def small(sample: Sample, side: int) -> bytes:
    """A WebP of ``side`` pixels at most; PictureError where the sample cannot be read."""
    return encode_webp(load_picture(sample.data(), max_side=side))


def leave_sample() -> None:
    """Own pictures take the place of the sample."""
    keys.SAMPLE_WANTED.value = False
    st.query_params.pop("sample", None)
