"""Classify: pictures in, answers at once."""

import numpy as np
import streamlit as st

from decor_app import session_keys as keys
from decor_app.classify import answer as answers
from decor_app.classify import gallery
from decor_app.classify.relearning import show_bar
from decor_app.classify.uploads import uploads
from decor_app.components import samples
from decor_app.components.camera import photo
from decor_app.components.samples import leave_sample
from decor_app.format import escape_markdown, pluralize
from decor_app.page import open_page
from decor_app.state.jobs import collect
from decor_app.state.models import predictor, shipped_bundle, use_shipped_model, uses_own_model
from decor_app.state.pictures import Seen, look_at, refused
from decor_app.state.workspace import workspace
from decor_core.errors import PictureError
from decor_core.model.training_data import TrainingData

_NAMED = 6  # classes in the headline
_SEVEN = "Seven traditional styles from four countries, told apart by their ornament."


def main() -> None:
    collect()
    open_page(*_headline())
    left, right = st.columns([5, 7], gap="large")
    with left:
        seen = _chosen()
    with right:
        taxonomy = _taxonomy()
        show_bar()
        _answer(seen, taxonomy)


def _headline() -> tuple[str, str]:
    if not _learned_from_own():
        return "Which decor is it?", _decor_words()
    labels = predictor().bundle.taxonomy.labels
    *most, last = labels
    named = f"{', '.join(most)} and {last}"
    if len(labels) > _NAMED:
        named = f"{', '.join(labels[:_NAMED])} …"
    return (
        "Which is it?",
        f"A model of yours tells {len(labels)} classes apart: {escape_markdown(named)}.",
    )


def _decor_words() -> str:
    """What is told apart, where the model has learned from the photos that ship."""
    if not uses_own_model():  # without loading it: should that fail, the page has a head at least
        return _SEVEN
    taxonomy = predictor().bundle.taxonomy
    taught = [name for name in taxonomy.labels if name not in _shipped_names()]
    if not taught:
        return _SEVEN
    kinds = pluralize(len(taxonomy.labels), taxonomy.name)
    if taxonomy.coarser:
        kinds += f" from {pluralize(len(taxonomy.coarser.labels), taxonomy.coarser.name)}"
    named = ", ".join(taught[:_NAMED]) + (" …" if len(taught) > _NAMED else "")
    return f"{kinds}, told apart by their ornament; {escape_markdown(named)} by your corrections."


def _shipped_names() -> set[str]:
    return {name for level in shipped_bundle().taxonomy.levels for name in level.labels}


def _learned_from_own() -> bool:
    """Whether the model in use learned from other pictures than those that ship."""
    own = workspace().model
    training_data = own and TrainingData.of(own.bundle)
    return own is not None and (training_data is None or bool(training_data.set_id))


def _chosen() -> list[Seen]:
    """What to classify: uploads, a photo or, before anything is chosen, a sample."""
    files, camera = st.tabs(["Files", "Camera"], key=keys.SOURCE, on_change="rerun")
    with files:
        seen = uploads()
    with camera:
        # Only when open: merely to draw the widget asks for the camera.
        taken = photo() if camera.open else None
    seen = [taken] if taken else seen
    if seen and keys.SAMPLE_WANTED.value:
        _way_back(len(seen))
        seen = []
    if samples.samples():
        st.caption("Nothing at hand? Try a drawn sample of the styles that ship:")
    sample = None if seen else samples.chosen_sample()
    if sample and keys.SAMPLE.value and "sample" not in st.query_params:
        st.query_params["sample"] = sample.path.stem  # another page has wiped the address
    samples.sample_tiles(sample)
    return seen or [_look_at_sample(sample)]


def _look_at_sample(sample: samples.Sample | None) -> Seen:
    if sample is None:
        return refused("The samples", "They cannot be read just now; choose a file.")
    try:
        return look_at(sample.picture())
    except PictureError:
        return refused(sample.title, "The sample cannot be read just now; choose a file.")


def _way_back(count: int) -> None:
    """From a sample to one's own pictures, which are still there."""
    st.button(
        "Back to your picture" if count == 1 else f"Back to your {count} pictures",
        icon=":material/arrow_back:",
        on_click=leave_sample,
    )


def _taxonomy() -> str:
    """The chosen taxonomy, which model answers, and when an answer counts as sure."""
    names = [level.name for level in predictor().bundle.taxonomy.levels]
    alone = len(names) == 1
    with st.container(
        horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"
    ):
        if alone and _learned_from_own():
            chosen = names[0]
        else:
            chosen = st.segmented_control(
                "Taxonomy",
                names,
                default=_linked_taxonomy(names),
                format_func=str.capitalize,
                required=True,
                key=keys.TAXONOMY.of("-".join(names)),
                persist_state="session",
            )
        _model_note()
        answers.threshold_settings()
    # Written here, as the binding of the widget would write what it shows: “Country”.
    st.query_params["taxonomy"] = chosen
    if alone and not _learned_from_own():
        st.caption(
            f"This model was trained on {escape_markdown(names[0])} alone and cannot tell more."
        )
    return chosen


def _linked_taxonomy(names: list[str]) -> str:
    asked = st.query_params.get("taxonomy", "").lower()
    return asked if asked in names else names[0]


def _model_note() -> None:
    if not uses_own_model():
        st.caption("Answered by the shipped model", width="content")
        return
    with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
        title = escape_markdown(predictor().bundle.title)
        st.badge(f"Answered by {title}", color="red", icon=":material/person:")
        st.button("Back to the shipped model", on_click=use_shipped_model, type="tertiary")


def _answer(seen: list[Seen], taxonomy: str) -> None:
    model = predictor()
    readable = [one for one in seen if not one.error]
    failed = [one for one in seen if one.error]
    answers.show_refused(failed)
    if not readable:
        return
    predictions = model.predict(np.stack([one.vector for one in readable]), taxonomy)
    trained = model.bundle.taxonomy
    opened = next((i for i, one in enumerate(readable) if one.digest == keys.OPENED.value), None)
    if len(readable) == 1:
        answers.show_one(readable[0], predictions[0], trained)
    elif opened is not None:
        st.button(
            f"All {len(readable)} pictures",
            on_click=gallery.close_answer,
            icon=":material/arrow_back:",
        )
        answers.show_one(readable[opened], predictions[opened], trained)
    else:
        gallery.show_many(readable, predictions, trained, failed)


main()
