"""Drawn samples to click, for who has no picture at hand."""

import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.image_grid import Tile, image_grid
from decor_app.components.samples import Sample, sample_thumb, samples
from decor_app.state.images import Analyzed, UnreadableFile, analyze
from decor_core.errors import PictureError

_SIDE = 144


def sample_instead_of(images: list[Analyzed]) -> list[Analyzed]:
    """The images; a sample where there are none yet, or where one was clicked since."""
    if images and keys.SAMPLE_WANTED.value:
        count = len(images)
        st.button(
            "Back to your picture" if count == 1 else f"Back to your {count} pictures",
            icon=":material/arrow_back:",
            on_click=leave_sample,
        )
        images = []
    by_id = {sample.id: sample for sample in samples()}
    chosen = keys.SAMPLE.value or st.query_params.get("sample", "")
    sample = None if images else by_id.get(chosen, next(iter(samples()), None))
    if sample and keys.SAMPLE.value and "sample" not in st.query_params:
        st.query_params["sample"] = sample.id  # another page has wiped the address
    if by_id:
        st.caption("Nothing at hand? Try a drawn sample of the styles that ship:")
        image_grid(
            [Tile(one.id, sample_thumb(one, _SIDE), one.title) for one in by_id.values()],
            "Samples",
            "samples",
            current=sample.id if sample else "",
            on_open=_choose_sample,
            compact=True,
        )
    return images or [_analyze_sample(sample)]


def _analyze_sample(sample: Sample | None) -> Analyzed:
    if sample is None:
        return UnreadableFile("The samples", "They cannot be read just now; choose a file.")
    try:
        return analyze(sample.image_file())
    except PictureError:
        return UnreadableFile(sample.title, "The sample cannot be read just now; choose a file.")


def _choose_sample(sample_id: str) -> None:
    keys.SAMPLE.value = st.query_params["sample"] = sample_id
    keys.SAMPLE_WANTED.value = True
    keys.OPENED.clear()


def leave_sample() -> None:
    """Own pictures take the place of the sample."""
    keys.SAMPLE_WANTED.value = False
    st.query_params.pop("sample", None)
