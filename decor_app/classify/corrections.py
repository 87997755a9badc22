"""Answers that are put right, and the data set that they make."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.class_picker import chosen_label, taxonomy_box
from decor_app.format import escape_markdown
from decor_app.state.datasets import find_dataset, store, summaries, toast_error, where_kept
from decor_app.state.disk_quota import check_disk_quota
from decor_app.state.models import predictor, warm_trainer
from decor_app.state.pictures import Seen, network_key, original
from decor_app.state.workspace import workspace
from decor_core.datasets.corrections import correct
from decor_core.datasets.dataset import Dataset
from decor_core.errors import DecorError
from decor_core.images.decode import content_hash
from decor_core.model.training_data import TrainingData
from decor_core.taxonomy import Taxonomy

_SHOWN = 12


@dataclass(frozen=True, eq=False)
class Corrected:
    """An answer that was put right: the picture, by ``key`` in the set, and what was said of it.

    ``before`` is the answer that was wrong, with its probability; ``vector`` [d] is the picture as
    the ``network`` sees it.
    """

    name: str
    key: str
    thumb: bytes
    vector: np.ndarray
    network: tuple
    label: str
    before: tuple[str, float]


# Putting right


def show_correction(seen: Seen) -> None:
    """Beneath an answer: what it is instead."""
    said = what_was_said().get(seen.digest)
    words = f"You said: {escape_markdown(said)}" if said else "That's wrong: it is …"
    with st.popover(words, icon=":material/check:" if said else ":material/edit:"):
        _form([seen], keys.CORRECT_ONE.of(seen.digest[:12]))


def show_corrections_of(chosen: Sequence[Seen]) -> None:
    """What several pictures are instead of what they were called."""
    pictures = "1 picture" if len(chosen) == 1 else f"{len(chosen)} pictures"
    with st.container(border=True, key="correct-many"):
        st.markdown(f"**{pictures} chosen.** That's wrong: it is …")
        _form(chosen, keys.CORRECT_MANY)


def _form(chosen: Sequence[Seen], key: keys.SessionKey[str | None]) -> None:
    taxonomy_box(_labels(), key, "It is …")
    # Not in the button's arguments: Streamlit keeps those of every button that there ever was.
    keys.PUT_RIGHT.value = chosen
    st.button(
        "Remember",
        key=keys.REMEMBER.of(key),
        icon=":material/bookmark_added:",
        on_click=_remember,
        args=(key,),
    )
    st.caption(f"A click later the model learns from it. {where_kept()}")


def _remember(key: keys.SessionKey[str | None]) -> None:
    chosen = keys.PUT_RIGHT.value
    label, parent = chosen_label(key)
    if not label:
        st.toast("Choose what it is, or type a new name.", icon=":material/edit:")
        return
    known, session = _labels(), workspace()
    if known.coarser and label in known.labels:
        parent = known.parent_of(label)
    now = corrections()
    folder = now.folder if now else store().begin(_title())
    pictures = [(seen.name, original(seen)) for seen in chosen]
    try:
        check_disk_quota(sum(len(data) for _, data in pictures), store().root)
        made = correct(folder, _title(), _levels(), pictures, label, parent)
    except DecorError as error:
        toast_error(error)
        return
    for seen, (_, data) in zip(chosen, pictures, strict=True):
        session.corrected[seen.digest] = _corrected(seen, content_hash(data), label, made)
    for entry in (keys.CHOSEN, key, key.of("parent")):
        entry.clear()
    keys.MANY_DRAWN.value += 1  # nothing is picked
    warm_trainer()  # it will be wanted soon


def _corrected(seen: Seen, key: str, label: str, made: Dataset) -> Corrected:
    best = predictor().predict(seen.vector[None])[0].scores[0]
    label = made.table.loc[made.table["key"] == key, made.level].iloc[0]  # as it is kept
    before = best.label, best.probability
    return Corrected(seen.name, key, seen.thumb, seen.vector, network_key(), label, before)


def what_was_said() -> dict[str, str]:
    """The right label of each picture, by its digest, that was corrected in this session."""
    valid = standing()
    return {digest: one.label for digest, one in workspace().corrected.items() if one in valid}


def standing() -> list[Corrected]:
    """The corrections of this session that stand."""
    now = corrections()
    if now is None:
        return []
    labels = dict(zip(now.table["key"], now.table[now.level], strict=True))
    return [one for one in workspace().corrected.values() if labels.get(one.key) == one.label]


# The set of corrections to what the model in use learned from


def corrections() -> Dataset | None:
    """The corrections to the model in use, and to others that learned from the same pictures."""
    for one in summaries():
        if one.title == _title():
            found = find_dataset(one.id)
            if found and tuple(level.name for level in found.catalog.taxonomy.levels) == _levels():
                return found
    return None


def _title() -> str:
    bundle = predictor().bundle
    training_data = TrainingData.of(bundle)
    if training_data is None:
        return f"Corrections to {bundle.title}"[:80]
    return f"Corrections to {training_data.title}"[:80] if training_data.set_id else "Corrections"


def _levels() -> tuple[str, ...]:
    return tuple(level.name for level in predictor().bundle.taxonomy.levels)


def _labels() -> Taxonomy:
    """The labels of the model in use, and those that corrections have brought."""
    taxonomy, now = predictor().bundle.taxonomy, corrections()
    return taxonomy.joined(now.catalog.taxonomy) if now else taxonomy
