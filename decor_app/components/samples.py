"""The drawn sample pictures that ship."""

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import streamlit as st

from decor_app.state.images import ImageFile
from decor_core.errors import PictureError
from decor_core.images.decode import load_picture
from decor_core.images.encode import encode_webp
from decor_core.shipped import MODELS

SAMPLES = MODELS / "samples"


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
    def id(self) -> str:
        """Its name in the address of a page."""
        return self.path.stem

    def data(self) -> bytes:
        """Its file; PictureError where that cannot be read."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise PictureError(f"The sample cannot be read ({error.strerror}).") from error

    def image_file(self) -> ImageFile:
        """To be classified; PictureError where it cannot be read."""
        return ImageFile(self.title, self.data(), self.alt)


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


def sample_thumb(sample: Sample, side: int) -> bytes:
    """A WebP of ``side`` pixels at most; empty while the sample cannot be read."""
    with suppress(PictureError):
        return _thumb(sample, side)
    return b""


@lru_cache(maxsize=64)
def _thumb(sample: Sample, side: int) -> bytes:
    return encode_webp(load_picture(sample.data(), max_side=side))
