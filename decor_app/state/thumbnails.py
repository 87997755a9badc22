"""Small pictures of what a model learned from, as data URIs for tables and lists."""

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import streamlit as st

from decor_app.format import thumb_uri
from decor_app.state.datasets import find_dataset
from decor_core.datasets.storage import read_thumb
from decor_core.errors import PictureError
from decor_core.images.decode import load_picture
from decor_core.images.encode import encode_webp
from decor_core.model.training_data import TrainingData

_SIDE = 128
_kept_thumb = st.cache_data(show_spinner=False, max_entries=256, scope="session")(read_thumb)


def thumbnails(training_data: TrainingData | None) -> Callable[[str, str], str]:
    """A function of a file and its content hash: a thumbnail as a data URI, "" for none."""
    ids = [] if training_data is None else [training_data.set_id, training_data.corrections]
    folders = [dataset.folder for dataset in map(find_dataset, ids) if dataset]

    def find(file: str, key: str) -> str:
        kept = (thumb_uri(_kept_thumb(folder, key)) for folder in folders)
        return next(filter(None, kept), "") or shipped_thumbnail(file)

    return find


@lru_cache(maxsize=512)
def shipped_thumbnail(file: str) -> str:
    """A picture behind the shipped vectors, where $DECOR_PICTURES holds them."""
    folder = os.environ.get("DECOR_PICTURES")
    if not folder:
        return ""
    try:
        picture = load_picture(Path(folder) / file, max_side=_SIDE)
    except PictureError:
        return ""
    return thumb_uri(encode_webp(picture))
