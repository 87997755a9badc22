"""Answers that are put right, a model that learns from them, and its new answers beside the old."""

import html
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from decor_core.errors import DecorError
from decor_core.jobs.job import Job
from decor_core.jobs.requests import TrainRequest, WholeRequest
from decor_core.learning.evaluation import Evaluation
from decor_core.models.bundle import Bundle
from decor_core.models.material import Material
from decor_core.models.predictor import Judge
from decor_core.pictures.images import content_hash
from decor_core.runs.run import Run, run_of_bundle
from decor_core.sets.corrections import correct
from decor_core.sets.picture_set import PictureSet
from decor_core.taxonomy import Taxonomy

from .frame import RETRAIN
from .labels import chosen_label, taxonomy_box
from .materials import picture_set
from .picks import thumb_uri
from .pictures import Seen, network_key, original
from .progress import progress_words, watch_judging
from .resources import (
    in_use,
    predictor,
    trainer,
    training_data,
    use_model,
    use_shipped_model,
)
from .room import check_room
from .sets import store, summaries, tell, where_kept, zipped
from .shelf import entries
from .text import between, percent, percent_exact, plain
from .work import JUDGE, LEARN, job_for, run_of, stop, submit_on
from .workspace import workspace

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


@dataclass(frozen=True, eq=False)
class Lesson:
    """What was to be learned: ``version`` of the corrections, and how the model before was judged.

    ``model`` is its title, ``before`` it itself (None: the one that ships), ``earlier`` what had
    taught it. ``taught`` are the corrections in the set ``set_id``, each a picture's key and label.
    """

    version: str
    model: str
    judged: Evaluation | None
    set_id: str
    taught: frozenset[tuple[str, str]]
    before: Bundle | None
    earlier: "Lesson | None"


# Putting right


def show_correction(seen: Seen) -> None:
    """Beneath an answer: what it is instead."""
    said = what_was_said().get(seen.digest)
    words = f"You said: {plain(said)}" if said else "That's wrong: it is …"
    with st.popover(words, icon=":material/check:" if said else ":material/edit:"):
        _form([seen], f"right-{seen.digest[:12]}")


def show_corrections_of(chosen: Sequence[Seen]) -> None:
    """What several pictures are instead of what they were called."""
    pictures = "1 picture" if len(chosen) == 1 else f"{len(chosen)} pictures"
    with st.container(border=True, key="correct-many"):
        st.markdown(f"**{pictures} chosen.** That's wrong: it is …")
        _form(chosen, "right-many")


def _form(chosen: Sequence[Seen], key: str) -> None:
    taxonomy_box(_labels(), key, "It is …")
    st.button(
        "Remember",
        key=f"{key}-remember",
        icon=":material/bookmark_added:",
        on_click=_remember,
        args=(chosen, key),
    )
    st.caption(f"A click later the model learns from it. {where_kept()}")


def _remember(chosen: Sequence[Seen], key: str) -> None:
    label, parent = chosen_label(key)
    if not label:
        st.toast("Choose what it is, or type a new name.", icon=":material/edit:")
        return
    known, mine = _labels(), workspace()
    if known.coarser and label in known.labels:
        parent = known.parent_of(label)
    now = corrections()
    folder = now.folder if now else store().begin(_title())
    pictures = [(seen.name, original(seen)) for seen in chosen]
    try:
        check_room(sum(len(data) for _, data in pictures), store().root)
        made = correct(folder, _title(), _levels(), pictures, label, parent)
    except DecorError as error:
        tell(error)
        return
    for seen, (_, data) in zip(chosen, pictures, strict=True):
        mine.corrected[seen.digest] = _corrected(seen, content_hash(data), label, made)
    for name in ("chosen_many", key, f"{key}_parent"):
        st.session_state.pop(name, None)
    st.session_state.many_drawn = st.session_state.get("many_drawn", 0) + 1  # nothing is picked
    trainer().warm(training_data())  # it will be wanted soon


def _corrected(seen: Seen, key: str, label: str, made: PictureSet) -> Corrected:
    best = predictor().predict(seen.vector[None])[0].scores[0]
    label = made.table.loc[made.table["key"] == key, made.level].iloc[0]  # as it is kept
    before = best.label, best.probability
    return Corrected(seen.name, key, seen.thumb, seen.vector, network_key(), label, before)


def what_was_said() -> dict[str, str]:
    """The right label of each picture, by its digest, that was corrected in this session."""
    valid = _valid()
    return {digest: one.label for digest, one in workspace().corrected.items() if one in valid}


def _valid() -> list[Corrected]:
    """The corrections of this session that stand."""
    now = corrections()
    if now is None:
        return []
    labels = dict(zip(now.table["key"], now.table[now.level], strict=True))
    return [one for one in workspace().corrected.values() if labels.get(one.key) == one.label]


# The set of corrections to what the model in use learned from


def corrections() -> PictureSet | None:
    """The corrections to the model in use, and to others that learned from the same pictures."""
    for one in summaries():
        if one.title == _title():
            found = picture_set(one.id)
            if found and tuple(level.name for level in found.catalog.taxonomy.levels) == _levels():
                return found
    return None


def _title() -> str:
    bundle = predictor().bundle
    material = Material.of(bundle)
    if material is None:
        return f"Corrections to {bundle.title}"[:80]
    return f"Corrections to {material.title}"[:80] if material.set_id else "Corrections"


def _levels() -> tuple[str, ...]:
    return tuple(level.name for level in predictor().bundle.taxonomy.levels)


def _labels() -> Taxonomy:
    """The labels of the model in use, and those that corrections have brought."""
    taxonomy, now = predictor().bundle.taxonomy, corrections()
    return taxonomy.joined(now.catalog.taxonomy) if now else taxonomy


# The bar


def show_bar() -> None:
    """How many corrections there are, and what can be done with them."""
    now, job = corrections(), job_for(LEARN)
    if job is None or not job.active:
        _show_taken_back()
    if now is None:
        return
    with st.container(border=True, key="corrections", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{_counted(now)}**", width="content")
            _buttons(now, job)
        if job and job.active:
            _watch()
        elif job and job.status == "failed":
            st.error(plain(job.message), icon=":material/error:")
        elif _is_learned(now):
            _show_learned(job)
        elif _can_learn(now) is None:
            _show_without_base(now)


def _counted(now: PictureSet) -> str:
    return f"{len(now.table)} correction{'s' * (len(now.table) > 1)}"


def _buttons(now: PictureSet, job: Job | None) -> None:
    learned = _is_learned(now)
    running = job is not None and job.active
    if _can_learn(now):
        st.button(
            "Learned" if learned else "Learn from them",
            type="secondary" if learned else "primary",
            icon=":material/check:" if learned else ":material/school:",
            disabled=running or learned,
            on_click=_learn,
            help="Trains the model that answers anew: what it learned from, and these pictures.",
        )
    st.button("Undo", icon=":material/undo:", on_click=_undo, disabled=running, key="undo_last")
    st.download_button(
        "Download as a data set",
        lambda: zipped(now),
        "corrections.zip",
        "application/zip",
        icon=":material/download:",
        on_click="ignore",
        key="download_corrections",
    )


def _undo() -> None:
    """Take the last correction back."""
    now = corrections()
    try:
        if now and now.can_undo:
            now.undo()
        elif now:
            store().discard(now.id)
    except DecorError as error:
        tell(error)


def _show_taken_back() -> None:
    """Say where the model in use learned corrections that stand no more; a way back."""
    lesson = _lesson_in_use()
    count = len(lesson.taught - _standing(lesson.set_id)) if lesson else 0
    if count == 0:
        return
    what = "a correction" if count == 1 else f"{count} corrections"
    with st.container(border=True, key="taken_back", gap="small"):
        st.warning(
            f"The model that answers still knows {what} that you took back or changed.",
            icon=":material/history:",
        )
        st.button("Back to the model before", icon=":material/undo:", on_click=_go_back)


def _standing(set_id: str) -> frozenset[tuple[str, str]]:
    """The corrections of a set as they are now."""
    found = picture_set(set_id)
    if found is None:
        return frozenset()
    return frozenset(zip(found.table["key"], found.table[found.level], strict=True))


def _lesson_in_use() -> Lesson | None:
    """What taught the model in use, where that was in this session."""
    mine = workspace().model and workspace().model.bundle
    material, lesson = mine and Material.of(mine), workspace().found.get((LEARN, ""))
    while material and lesson:
        same = lesson.set_id in (material.corrections, material.set_id)
        if same and lesson.before is not mine and material.taught in (0, len(lesson.taught)):
            return lesson
        lesson = lesson.earlier
    return None


def _go_back() -> None:
    """Let the latest model answer that knows no correction but those that stand."""
    lesson = _lesson_in_use()
    if lesson is None:
        return
    standing = _standing(lesson.set_id)
    while lesson.earlier and not lesson.earlier.taught <= standing:
        lesson = lesson.earlier
    mine = workspace()
    mine.found[LEARN, ""] = mine.found[LEARN, lesson.set_id] = lesson.earlier
    if lesson.before:
        use_model(lesson.before)
    else:
        use_shipped_model()


def _is_learned(now: PictureSet) -> bool:
    """Whether the model in use has learned these very corrections."""
    material, lesson = Material.of(predictor().bundle), workspace().found.get((LEARN, now.id))
    knows = material is not None and now.id in (material.corrections, material.set_id)
    return bool(knows and lesson and lesson.version == now.version)


# Learning


def _can_learn(now: PictureSet) -> Material | None:
    """What a model would learn from that knows better; None without what this one learned from."""
    material = Material.of(predictor().bundle)
    if material is None:
        return None
    base = picture_set(material.set_id)
    if material.set_id and base is None:
        return None
    if base:
        material = replace(material, title=base.title, version=base.version)
    if material.set_id == now.id:
        return material
    return replace(material, corrections=now.id, taught=len(now.table))


def _learn() -> None:
    now = corrections()
    if now:
        _train_on(_can_learn(now), now, predictor())


def _learn_alone() -> None:
    """From the corrections and nothing else."""
    now = corrections()
    if now:
        spec = predictor().bundle.embedding
        _train_on(Material(now.id, now.title, now.version, spec), now, predictor())


def _train_on(material: Material, now: PictureSet, model: Judge) -> None:
    bundle = model.bundle
    level, config = bundle.taxonomy.name, run_of_bundle(bundle).config
    # A model that was judged by cross-validation had all pictures to learn from; so has the next.
    kind = TrainRequest if bundle.evaluation and material.corrections else WholeRequest
    title = f"{bundle.title.partition(' · ')[0]} · {_counted(now)}"
    submit_on(LEARN, material, level, lambda vectors: kind(vectors, config, level, title, material))
    judged = bundle.evaluation or bundle.cross_validation.get(level) or _judged_since(level)
    mine = workspace()
    before, taught = mine.model and mine.model.bundle, _standing(now.id)
    lesson = Lesson(now.version, bundle.title, judged, now.id, taught, before, _lesson_in_use())
    mine.found[LEARN, ""] = mine.found[LEARN, now.id] = lesson


def _judged_since(level: str) -> Evaluation | None:
    """How the model in use was judged after it had been taken into use."""
    run = next((entry.run for entry in entries() if in_use(entry.run)), None)
    return run and run.cross_validation.get(level)


@st.fragment(run_every=0.4)
def _watch() -> None:
    job = job_for(LEARN)
    if job is None or not job.active:
        st.rerun()
    st.progress(job.progress(time.monotonic()), text=progress_words(job))
    st.button("Stop", key="stop_learning", icon=":material/stop:", on_click=stop, args=(LEARN,))


def _show_without_base(now: PictureSet) -> None:
    st.caption(
        "The pictures that this model learned from are not here, so it cannot go on from where it "
        "stands."
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if len(now.counts) > 1:
            st.button("Train on the corrections alone", on_click=_learn_alone)
        else:
            st.caption("A second class among the corrections would do to train on them alone, or:")
        st.page_link(RETRAIN, label="Retrain", icon=":material/model_training:")


# What came of it


def _show_learned(job: Job | None) -> None:
    """The new answers beside the old ones, and whether the test went otherwise."""
    valid = [one for one in _valid() if one.network == network_key()]
    if valid:
        vectors = np.stack([one.vector for one in valid])
        answers = [answer.scores[0] for answer in predictor().predict(vectors)]
        items = [
            _item(one, best.label, best.probability)
            for one, best in zip(valid, answers, strict=True)
        ]
        st.html(f'<ul class="decor-corrected">{"".join(items[-_SHOWN:])}</ul>')
    run, now = job and run_of(job), corrections()
    run = run if run and in_use(run) else None
    lesson = workspace().found.get((LEARN, now.id)) if now else None
    judging = run and job_for(JUDGE, run.id)
    if judging and judging.active:
        st.caption("Now it is tested: each picture is asked of a model that has not seen it.")
        watch_judging(run.id)
    elif run and lesson:
        st.caption(_judgement(run, lesson))


def _item(one: Corrected, label: str, probability: float) -> str:
    right = "right" if label == one.label else "wrong"
    before = f"before: {html.escape(one.before[0])} {percent(one.before[1])}"
    now = f"now: <b>{html.escape(label)}</b> {percent(probability)}"
    name = html.escape(one.name)
    return (
        f'<li><img src="{thumb_uri(one.thumb)}" alt="{name}"><span>{name}<br>'
        f'<small>{before}</small> → <span class="decor-{right}">{now}</span></span></li>'
    )


def _judgement(run: Run, lesson: Lesson) -> str:
    """Whether the model is better or worse on pictures that it has not seen."""
    new = run.evaluation or run.cross_validation.get(run.level)
    if new is None:
        return "This model has not been tested."
    way = "Test accuracy" if run.evaluation else "Cross-validated accuracy"
    asked = f"{new.n} pictures were asked; corrections only teach."
    old, now = lesson.judged, percent_exact(new.accuracy)
    if old is None:
        return f"{way}: {now}, likely between {between(new.ci95)}. {asked}"
    before = percent_exact(old.accuracy)
    if before == now:
        return f"{way}: {now}, as before. {asked}"
    low, high = old.ci95
    chance = ", which may well be chance" if low <= new.accuracy <= high else ""
    return f"{way}: {before} before, {now} now{chance}. {asked}"
