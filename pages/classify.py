"""Classify: pictures in, answers at once."""

import numpy as np
import streamlit as st

from pages.parts import answers, resources, samples
from pages.parts.frame import open_page
from pages.parts.resources import (
    Picture,
    Seen,
    look_at,
    predictor,
    remember,
    use_shipped_model,
    uses_own_model,
)
from pages.parts.text import plain


def main() -> None:
    open_page(
        "Which decor is it?",
        "Seven traditional styles from four countries, told apart by their ornament.",
    )
    left, right = st.columns([5, 7], gap="large")
    with left:
        seen = _chosen()
    with right:
        taxonomy = _taxonomy()
        _answer(seen, taxonomy)


def _chosen() -> list[Seen]:
    """What to classify: uploads, a photo or, before anything is chosen, a sample."""
    upload, camera = st.tabs(["Files", "Camera"], key="source", on_change="rerun")
    with upload:
        seen = _uploads()
    with camera:
        # Only when open: merely to draw the widget asks for the camera.
        photo = _photo() if camera.open else None
    seen = [photo] if photo else seen
    if st.session_state.get("sample_wanted"):
        seen = []
    st.caption("Nothing at hand? Try a drawn sample:")
    sample = None if seen else samples.chosen_sample()
    samples.sample_tiles(sample)
    return seen or [look_at(sample.picture())]


def _uploads() -> list[Seen]:
    files = st.file_uploader(
        "Upload images", accept_multiple_files=True, key="uploads", on_change=_forget_uploads
    )
    if len(files) > resources.MAX_PICTURES:
        st.info(
            f"These are {len(files)} pictures; the first {resources.MAX_PICTURES} are classified."
        )
    if not files:
        # The drop zone comes back empty from another page; what was in it is still known.
        kept = (remember(digest) for digest in st.session_state.get("kept", []))
        return [seen for seen in kept if seen]
    seen = _look_at_files(files[: resources.MAX_PICTURES])
    st.session_state.kept = [one.digest for one in seen]
    return seen


def _look_at_files(files: list) -> list[Seen]:
    bar = st.progress(0.0) if len(files) > 3 else None
    seen = []
    for place, file in enumerate(files):
        if bar:
            bar.progress(place / len(files), f"Looking at picture {place + 1} of {len(files)} …")
        seen.append(look_at(Picture(file.name, file.getvalue())))
    if bar:
        bar.empty()
    return seen


def _photo() -> Seen | None:
    photo = st.camera_input("Take a photo", key="photo", on_change=_leave_sample)
    return look_at(Picture("Your photo", photo.getvalue())) if photo else None


def _forget_uploads() -> None:
    st.session_state.kept = []
    _leave_sample()


def _leave_sample() -> None:
    st.session_state.sample_wanted = False


def _taxonomy() -> str:
    """The chosen taxonomy, and which model answers."""
    names = [level.name for level in predictor().bundle.taxonomy.levels]
    with st.container(
        horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"
    ):
        chosen = st.segmented_control(
            "Taxonomy",
            names,
            default=_linked_taxonomy(names),
            format_func=str.capitalize,
            required=True,
            key=f"taxonomy-{'-'.join(names)}",
            persist_state="session",
        )
        _model_note()
    # Written here, as the binding of the widget would write what it shows: “Country”.
    st.query_params["taxonomy"] = chosen
    if len(names) == 1:
        st.caption(f"This model was trained on {plain(names[0])} alone and cannot tell more.")
    return chosen


def _linked_taxonomy(names: list[str]) -> str:
    asked = st.query_params.get("taxonomy", "").lower()
    return asked if asked in names else names[0]


def _model_note() -> None:
    if not uses_own_model():
        st.caption("Answered by the shipped model", width="content")
        return
    with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
        title = plain(predictor().bundle.title)
        st.badge(f"Answered by {title}", color="red", icon=":material/person:")
        st.button("Back to the shipped model", on_click=use_shipped_model, type="tertiary")


def _answer(seen: list[Seen], taxonomy: str) -> None:
    model = predictor()
    readable = [one for one in seen if not one.error]
    answers.show_refused([one for one in seen if one.error])
    if not readable:
        return
    predictions = model.predict(np.stack([one.vector for one in readable]), taxonomy)
    if len(readable) == 1:
        answers.show_one(readable[0], predictions[0], model.bundle.taxonomy)
    else:
        answers.show_many(list(zip(readable, predictions, strict=True)))


main()
