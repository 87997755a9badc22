"""Wrong predictions and their right classes, and the data set that they make."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.class_picker import class_picker, picked_class
from decor_app.format import escape_markdown
from decor_app.state.corrections import Correction
from decor_app.state.datasets import find_dataset, store, toast_error, where_kept
from decor_app.state.disk_quota import check_disk_quota
from decor_app.state.images import AnalyzedImage, network_key, original_file
from decor_app.state.models import predictor
from decor_app.state.processes import warm_training_process
from decor_app.state.selection import pick
from decor_app.state.toasts import toast
from decor_app.state.workspace import workspace
from decor_core.datasets.corrections import correct, corrections_id
from decor_core.datasets.dataset import Dataset
from decor_core.errors import DecorError
from decor_core.images.decode import content_hash
from decor_core.model.training_data import TrainingData
from decor_core.taxonomy import Taxonomy
from decor_core.text import pluralize

# The forms


def show_correction(image: AnalyzedImage, dataset: Dataset | None) -> None:
    """Beneath a prediction: the right class, if it is another."""
    label = corrected_labels(dataset).get(image.digest)
    words = f"Corrected: {escape_markdown(label)}" if label else "Wrong? Correct it"
    with st.popover(words, icon=":material/check:" if label else ":material/edit:"):
        _show_form([image], keys.CORRECT_ONE.of(image.digest[:12]), dataset)


def show_correction_of(images: Sequence[AnalyzedImage], dataset: Dataset | None) -> None:
    """The right class of all that are picked."""
    with st.container(border=True, key="correct-many"):
        st.markdown(f"**{pluralize(len(images), 'picture')} picked.** Wrong? Correct them:")
        _show_form(images, keys.CORRECT_MANY, dataset)


def _show_form(
    images: Sequence[AnalyzedImage], key: keys.SessionKey[str | None], dataset: Dataset | None
) -> None:
    class_picker(_known_labels(dataset), key, "Correct class")
    # Not in the button's arguments: Streamlit keeps those of every button that there ever was.
    keys.TO_CORRECT.value = images
    st.button(
        "Save correction",
        key=keys.SAVE_CORRECTION.of(key),
        icon=":material/bookmark_added:",
        on_click=_save,
        args=(key,),
    )
    after = (
        "It can be added to the data set that the model learned from."
        if predictor().bundle.is_fine_tuned  # which no correction alone trains again
        else "Afterwards the model can be trained with it."
    )
    st.caption(f"{after} {where_kept()}")


def _save(key: keys.SessionKey[str | None]) -> None:
    images, (label, parent) = keys.TO_CORRECT.value, picked_class(key)
    if not label:
        toast("Choose the correct class, or type a new name.", icon=":material/edit:")
        return
    dataset = corrections_dataset()
    known = _known_labels(dataset)
    if known.coarser and label in known.labels:
        parent = known.parent_of(label)
    files = [(image.name, original_file(image)) for image in images]
    session, network = workspace(), network_key()
    before = predictor().predict(np.stack([image.vector for image in images]))
    try:
        check_disk_quota(sum(len(data) for _, data in files), store().root)
        dataset = correct(store(), _title(), _levels(), files, label, parent)
    except DecorError as error:
        toast_error(error)
        return
    labels = _labels_of(dataset)  # as they are kept
    for image, (_, data), prediction in zip(images, files, before, strict=True):
        best, stored = prediction.scores[0], content_hash(data)
        session.corrected[image.digest] = Correction(
            image.name,
            stored,
            image.thumb,
            image.vector,
            network,
            labels[stored],
            (best.label, best.probability),
        )
    for entry in (key, key.of("parent")):
        entry.clear()
    pick((), keys.MANY_PICKED)
    warm_training_process()  # it will be wanted soon


# What was corrected


def corrected_labels(dataset: Dataset | None) -> dict[str, str]:
    """The right label of each image, by its digest, that was corrected in this session."""
    return {digest: one.label for digest, one in _active(dataset).items()}


def active_corrections(dataset: Dataset) -> list[Correction]:
    """The corrections of this session that were not undone or changed since."""
    return list(_active(dataset).values())


def _active(dataset: Dataset | None) -> dict[str, Correction]:
    corrected = workspace().corrected
    labels = _labels_of(dataset) if dataset and corrected else {}
    return {digest: one for digest, one in corrected.items() if labels.get(one.key) == one.label}


def corrections_dataset() -> Dataset | None:
    """The corrections to the model in use, and to others that learned from the same pictures."""
    return find_dataset(corrections_id(store(), _title(), _levels()))


def _labels_of(dataset: Dataset) -> dict[str, str]:
    return dict(zip(dataset.table["key"], dataset.table[dataset.level], strict=True))


def _title() -> str:
    bundle = predictor().bundle
    training_data = TrainingData.of(bundle)
    if training_data is None:
        return f"Corrections to {bundle.title}"[:80]
    return f"Corrections to {training_data.title}"[:80] if training_data.set_id else "Corrections"


def _levels() -> tuple[str, ...]:
    return tuple(level.name for level in predictor().bundle.taxonomy.levels)


def _known_labels(dataset: Dataset | None) -> Taxonomy:
    """The labels of the model in use, and those that corrections have brought."""
    taxonomy = predictor().bundle.taxonomy
    return taxonomy.joined(dataset.catalog.taxonomy) if dataset else taxonomy
