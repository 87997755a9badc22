"""The drawn sample pictures: a row of tiles to click."""

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from PIL import Image

from decor_core.vision.backbone import MODELS

from .pictures import Picture

_FOLDER = MODELS / "samples"
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
        return _FOLDER / self.file

    @property
    def key(self) -> str:
        return f"sample-{self.path.stem}"

    def picture(self) -> Picture:
        return Picture(self.title, self.path.read_bytes(), self.alt)


@st.cache_data
def samples() -> tuple[Sample, ...]:
    """All samples, in the order of samples.json."""
    listed = json.loads((_FOLDER / "samples.json").read_text(encoding="utf-8"))
    return tuple(Sample(**entry) for entry in listed)


def sample_tiles(chosen: Sample | None) -> None:
    """Draw the tiles; a click on one puts its file into ``st.session_state.sample``."""
    st.html(_tile_style(chosen))
    with st.container(key="samples"):
        for sample in samples():
            st.button(
                sample.title, key=sample.key, help=sample.title, on_click=_choose, args=[sample]
            )


def chosen_sample() -> Sample:
    """The sample clicked last, or in the address (``?sample=gzhel-vase``), or the first."""
    by_name = {sample.path.stem: sample for sample in samples()}
    asked = st.session_state.get("sample") or st.query_params.get("sample", "")
    return by_name.get(asked, samples()[0])


def _choose(sample: Sample) -> None:
    st.session_state.sample = st.query_params["sample"] = sample.path.stem
    st.session_state.sample_wanted = True
    st.session_state.pop("opened", None)


def _tile_style(chosen: Sample | None) -> str:
    mark = (
        f".st-key-{chosen.key} button{{outline: 2.5px solid #c0282d; outline-offset: 2px}}"
        if chosen
        else ""
    )
    return f"<style>{_tile_rules()}{mark}</style>"


@st.cache_resource(show_spinner=False)
def _tile_rules() -> str:
    return "".join(
        f".st-key-{sample.key} button {{background-image: url({_tile(sample.file)})}}"
        for sample in samples()
    )


@st.cache_data
def _tile(file: str) -> str:
    """A small version of a sample as a data URI."""
    packed = io.BytesIO()
    try:
        with Image.open(_FOLDER / file) as picture:
            picture.thumbnail((_TILE_SIDE, _TILE_SIDE))
            picture.save(packed, "WEBP", quality=80, method=1)
    except OSError:
        return ""  # it can still be clicked, and then says that it cannot be read
    return "data:image/webp;base64," + base64.b64encode(packed.getvalue()).decode()
