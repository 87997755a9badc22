"""The pictures of a data set in a grid: filter, pick, relabel, drop."""

from collections import defaultdict

import pandas as pd
import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.class_picker import chosen_label, label_box
from decor_app.components.image_grid import PAGE, Tile, show_tiles
from decor_app.datasets.enlarged import enlarge
from decor_app.datasets.fixes import GROUPS
from decor_app.format import pluralize, told_apart
from decor_app.jobs.dataset_tasks import PredictTask
from decor_app.state.dataset_jobs import ANSWER, forget, read, reading, watch
from decor_app.state.datasets import edit, parts_of
from decor_app.state.models import predictor
from decor_app.state.selection import pick, picked
from decor_app.state.workspace import workspace
from decor_core.data.findings import KINDS
from decor_core.datasets.dataset import Dataset

Answers = dict[str, tuple[str, float]]
_PARTS = {"train": "Training", "validation": "Validation", "test": "Test"}
_RIGHT, _WRONG = "Right", "Wrong"


def show_pictures(dataset: Dataset) -> None:
    """Every picture, or those that the filters leave, to pick from."""
    answers = answers_of(dataset)
    rows = _filtered(dataset, answers)
    show_grid(dataset, rows, answers)


def show_grid(dataset: Dataset, rows: pd.DataFrame, answers: Answers) -> None:
    """These pictures of the set, a page at a time, and what can be done with those picked."""
    if not len(rows):
        st.info("No picture is like that.", icon=":material/filter_alt_off:")
        return
    bar = st.container(key="picks_bar")
    problems = _problems(dataset)
    page = _page(len(rows))
    here = rows.iloc[page * PAGE : (page + 1) * PAGE]
    names = told_apart(list(here["file"]))
    shown = here[["file", "key", dataset.level]].itertuples(index=False)
    tiles = [
        Tile(file, name, label, dataset.thumb(key), problems.get(file, ""))
        for name, (file, key, label) in zip(names, shown, strict=True)
    ]
    opened = show_tiles(tiles, f"Pictures of {dataset.title}")
    _pager(page, len(rows))
    with bar:
        _show_bar(dataset, list(rows["file"]))
    if opened:
        enlarge(dataset, opened, answers.get(dataset.key_of(opened)))


# What is shown


def _filtered(dataset: Dataset, answers: Answers) -> pd.DataFrame:
    table, problems, parts = dataset.table, _problems(dataset), parts_of(dataset)
    labels = table[dataset.level]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="filters"):
        chosen = st.multiselect(
            dataset.level.capitalize(),
            list(dataset.counts),
            placeholder="All",
            key=keys.FILTER_LABEL,
            persist_state="session",
        )
        kinds = sorted(set(table["type"]))
        kind = _choice("Type", kinds, keys.FILTER_TYPE) if len(kinds) > 1 else None
        problem = _choice("Problem", sorted(set(problems.values())), keys.FILTER_PROBLEM)
        part = _choice("Part", list(_PARTS), keys.FILTER_PART, _PARTS) if parts else None
        verdict = _choice("Model", [_RIGHT, _WRONG], keys.FILTER_VERDICT) if answers else None
        words = st.text_input(
            "Name", key=keys.FILTER_NAME, placeholder="Any part of it", persist_state="session"
        )
    if not answers:
        _offer_answers(dataset)
    wanted = pd.Series(True, index=table.index)
    if chosen:
        wanted &= labels.isin(chosen)
    if kind:
        wanted &= table["type"] == kind
    if problem:
        wanted &= table["file"].map(problems).eq(problem)
    if part:
        wanted &= table["key"].map(parts).eq(part)
    if verdict:
        said = table["key"].map(lambda key: answers.get(key, ("",))[0])
        wanted &= (said != "") & (said.eq(labels) == (verdict == _RIGHT))
    if words:
        wanted &= table["file"].str.contains(words, case=False, regex=False)
    return table[wanted]


def _choice(label: str, options: list, key: str, names: dict | None = None) -> str | None:
    return st.selectbox(
        label,
        options,
        index=None,
        placeholder="All",
        key=key,
        format_func=(names or {}).get if names else str,
        persist_state="session",
    )


def _problems(dataset: Dataset) -> dict[str, str]:
    """What is wrong with a file, by the heading of its kind; the gravest where it is several."""
    found = defaultdict(list)
    for finding in dataset.open_findings:
        if finding.kind in GROUPS and not finding.set_aside:
            found[finding.file].append(finding.kind)
    order = list(KINDS)
    return {file: KINDS[min(kinds, key=order.index)] for file, kinds in found.items()}


# What the model in use takes them for


def answers_of(dataset: Dataset) -> Answers:
    """Label and probability by key, where the model in use has been asked; else empty."""
    about = _about(dataset)
    job = reading(ANSWER, about)
    if job and job.status == "done":
        workspace().predictions[about] = job.result
        forget(ANSWER)
    return workspace().predictions.get(about, {})


def _offer_answers(dataset: Dataset) -> None:
    level = next(
        (level for level in predictor().bundle.taxonomy.levels
         if set(level.labels) & set(dataset.counts)),
        None,
    )  # fmt: skip
    about = _about(dataset)
    job = reading(ANSWER, about)
    if job and job.active:
        watch(ANSWER, about)
    elif level is not None:
        bundle = predictor().bundle
        st.button(
            "Ask the model which are right",
            icon=":material/fact_check:",
            type="tertiary",
            on_click=lambda: read(ANSWER, PredictTask(dataset.folder, bundle, level.name), about),
            help=f"“{bundle.title}” answers for every picture; then you can filter by it.",
        )


def _about(dataset: Dataset) -> str:
    bundle = predictor().bundle
    return f"{dataset.id} {bundle.title} {bundle.created}"


# Pages, and what is done with what is picked


def _page(total: int) -> int:
    last = (total - 1) // PAGE
    keys.GRID_PAGE.value = min(keys.GRID_PAGE.value, last)
    return keys.GRID_PAGE.value


def _pager(page: int, total: int) -> None:
    if total <= PAGE:
        return
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="center", key="pager"
    ):
        for words, step, icon in (
            ("Back", -1, ":material/chevron_left:"),
            ("On", 1, ":material/chevron_right:"),
        ):
            if step == 1:
                st.caption(
                    f"{page * PAGE + 1:,}–{min((page + 1) * PAGE, total):,} of {total:,}",
                    width="content",
                )
            st.button(
                words,
                icon=icon,
                disabled=not 0 <= (page + step) * PAGE < total,
                on_click=keys.GRID_PAGE.set,
                args=(page + step,),
                key=keys.TURN_PAGE.of(words),
            )


def _show_bar(dataset: Dataset, shown: list[str]) -> None:
    count = len(picked())
    if not count:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(
                f"{pluralize(len(shown), 'picture')}. Tick the ones to relabel or drop; Shift "
                "ticks a row of them. A click on a picture enlarges it.",
                width="stretch",
            )
            st.button("Tick all", on_click=pick, args=(shown,), type="tertiary")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.markdown(f"**{count:,} ticked**", width="content")
        label_box(dataset, keys.PICKED_LABEL, "They are")
        st.button("Relabel", type="primary", icon=":material/label:", on_click=_relabel_picked)
        st.button(
            "Drop",
            icon=":material/delete:",
            on_click=lambda: edit(lambda now: now.drop(picked())),
        )
        st.button("Tick all", on_click=pick, args=(shown,), type="tertiary",
                  disabled=count >= len(shown))  # fmt: skip
        st.button("Tick none", on_click=pick, args=((),), type="tertiary")


def _relabel_picked() -> None:
    label, parent = chosen_label(keys.PICKED_LABEL)
    if edit(lambda now: now.relabel(picked(), label, parent)):
        keys.PICKED_LABEL.value = None
