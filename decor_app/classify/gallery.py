"""Many answers: a gallery grouped by verdict or a table, to sort, filter, open and download."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from decor_app import session_keys as keys
from decor_app.classify.answer import STRANGE, thresholds
from decor_app.classify.corrections import show_corrections_of, what_was_said
from decor_app.classify.uploads import speed
from decor_app.format import escape_markdown, percent, told_apart, verdict_words
from decor_app.state.pictures import Seen
from decor_core.model.classifier import Labelled, Prediction, Verdict
from decor_core.model.results_table import answer_rows, to_csv, to_json
from decor_core.taxonomy import Taxonomy

_ORDERS: dict[str, Callable[["Answer"], object]] = {
    "Least sure first": lambda answer: answer.prediction.confidence,
    "Surest first": lambda answer: -answer.prediction.confidence,
    "Strangest first": lambda answer: -answer.prediction.novelty,
    "Name": lambda answer: answer.seen.name.lower(),
}
_FILTERS: dict[str, tuple[str, ...]] = {
    "All": ("sure", "torn", "undecided", "unknown"),
    "Sure": ("sure",),
    "In doubt": ("torn", "undecided"),
    "Unknown": ("unknown",),
}


@dataclass(frozen=True)
class Answer:
    """A picture with its prediction and what is said of it."""

    seen: Seen
    prediction: Prediction
    verdict: Verdict

    @property
    def words(self) -> str:
        return verdict_words(self.verdict, self.prediction.taxonomy)


def show_many(
    seen: Sequence[Seen], predictions: Sequence[Prediction], trained: Taxonomy, failed: list[Seen]
) -> None:
    """All answers, with the files that have none named in the downloads."""
    answers = [
        Answer(one, prediction, prediction.decision(*thresholds()))
        for one, prediction in zip(seen, predictions, strict=True)
    ]
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        _summary(answers, failed)
        _downloads(answers, failed, trained)
    shown, view = _controls(answers)
    _show_chosen(answers)
    if not shown:
        st.info("No picture is like that.", icon=":material/filter_alt_off:")
    elif view == "Table":
        _table(shown, trained)
    else:
        st.caption(
            "Choose those whose answer is wrong."
            if keys.CHOOSING.value
            else "Choose a picture to see why."
        )
        with st.container(key="gallery"):
            _gallery(shown)


def _summary(answers: list[Answer], failed: list[Seen]) -> None:
    counts = {
        name: sum(a.verdict.kind in kinds for a in answers) for name, kinds in _FILTERS.items()
    }
    words = [f"**{len(answers)} pictures**", f"{counts['Sure']} sure"]
    words += [f"{counts['In doubt']} in doubt"] if counts["In doubt"] else []
    words += [f"{counts['Unknown']} unknown"] if counts["Unknown"] else []
    words += [f"{len(failed)} unreadable"] if failed else []
    if rate := speed():
        words.append(f"{rate:.0f} pictures a second")
    st.markdown(" · ".join(words), width="content")


def _downloads(answers: list[Answer], failed: list[Seen], trained: Taxonomy) -> None:
    labelled = [Labelled(a.seen.name, a.prediction) for a in answers]
    labelled += [Labelled(one.name, error=one.error) for one in failed]
    rows = answer_rows(labelled, trained, *thresholds())
    with st.container(horizontal=True, gap="small", width="content"):
        for kind, write in (("csv", to_csv), ("json", to_json)):
            st.download_button(
                kind.upper(),
                write(rows),
                f"decor.{kind}",
                f"text/{kind}" if kind == "csv" else "application/json",
                icon=":material/download:",
                on_click="ignore",
                help=f"All answers as {kind.upper()}",
            )


def _controls(answers: list[Answer]) -> tuple[list[Answer], str]:
    """The answers that are wanted, in the order that is wanted, and how to show them."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        view = st.segmented_control(
            "View", ("Gallery", "Table"), default="Gallery", required=True, key=keys.MANY_VIEW,
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        wanted = st.segmented_control(
            "Show", list(_FILTERS), default="All", required=True, key=keys.MANY_FILTER,
            label_visibility="collapsed",
        )  # fmt: skip
        order = st.selectbox(
            "Sort", list(_ORDERS), key=keys.MANY_ORDER, width=148, label_visibility="collapsed"
        )
        st.toggle(
            "Correct several",
            key=keys.CHOOSING,
            on_change=keys.CHOSEN.clear,
            help="Choose pictures, and say once what they all are.",
        )
    shown = [answer for answer in answers if answer.verdict.kind in _FILTERS[wanted]]
    return sorted(shown, key=_ORDERS[order]), view


def _choose(digest: str) -> None:
    """Choose a picture, or no longer."""
    keys.CHOSEN.value ^= {digest}


def _show_chosen(answers: list[Answer]) -> None:
    """What is to be done with those that are chosen."""
    chosen = [answer.seen for answer in answers if answer.seen.digest in keys.CHOSEN.value]
    if chosen and keys.CHOOSING.value:
        show_corrections_of(chosen)


def _gallery(answers: list[Answer]) -> None:
    said = what_was_said()
    named = told_apart([answer.seen.name for answer in answers])
    names = {id(answer): name for answer, name in zip(answers, named, strict=True)}
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(answer.words, []).append(answer)
    place = 0
    for words, members in groups.items():  # in the order of their first members
        st.header(f"{words} :gray[({len(members)})]", anchor=False)
        with st.container(key=f"cards-{place}"):
            for answer in members:
                _card(
                    answer, names[id(answer)], keys.CARD.of(place), said.get(answer.seen.digest, "")
                )
                place += 1


def _card(answer: Answer, name: str, key: str, said: str) -> None:
    seen, choosing = answer.seen, keys.CHOOSING.value
    chosen = choosing and seen.digest in keys.CHOSEN.value
    words = f"You said: {escape_markdown(said)}" if said else percent(answer.prediction.confidence)
    st.button(
        f"{escape_markdown(name)}  \n{words}",
        key=key,
        icon=":material/check_circle:" if chosen else None,
        type="primary" if chosen else "secondary",
        on_click=_choose if choosing else open_answer,
        args=[seen.digest],
        width="stretch",
    )
    uri = base64.b64encode(seen.thumb).decode()
    st.html(f"<style>.st-key-{key} button{{--thumb:url(data:image/webp;base64,{uri})}}</style>")


def open_answer(digest: str) -> None:
    """Show one of the many at large."""
    keys.OPENED.value = digest


def close_answer() -> None:
    """Back to all of them."""
    keys.OPENED.clear()


def _table(answers: list[Answer], trained: Taxonomy) -> None:
    table = pd.DataFrame([_line(answer, trained) for answer in answers])
    picked = st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        row_height=56,
        height=min(56 * len(table) + 42, 620),
        on_select="rerun",
        selection_mode="multi-row" if keys.CHOOSING.value else "single-row",
        key=keys.MANY_TABLE.of(f"{keys.CHOOSING.value:d}-{keys.MANY_DRAWN.value}"),
        column_config={
            "Picture": st.column_config.ImageColumn(width=64),
            "Confidence": st.column_config.ProgressColumn(
                min_value=0, max_value=1, format="percent"
            ),
            "Novelty": st.column_config.NumberColumn(
                format="percent", help=f"Above {STRANGE:.0%} it is none of the known."
            ),
        },
        alt="Answers for all pictures",
    )
    rows = picked.selection.rows
    if keys.CHOOSING.value:
        picks = frozenset(answers[row].seen.digest for row in rows if row < len(answers))
        if picks != keys.CHOSEN.value:
            keys.CHOSEN.value = picks
            st.rerun()
    elif rows and rows[0] < len(answers):
        chosen = answers[rows[0]].seen
        st.button(
            f"Show why: {escape_markdown(chosen.name)}",
            on_click=open_answer,
            args=[chosen.digest],
            type="primary",
        )
    else:
        st.caption("Select a row to see why.")


def _line(answer: Answer, trained: Taxonomy) -> dict[str, object]:
    prediction = answer.prediction
    level = trained.level(prediction.taxonomy)
    best = prediction.scores[0].label
    line: dict[str, object] = {
        "Picture": "data:image/webp;base64," + base64.b64encode(answer.seen.thumb).decode(),
        "Verdict": answer.verdict.kind.capitalize(),
        level.name.capitalize(): best,
        "Confidence": prediction.confidence,
    }
    if level.coarser:
        line[level.coarser.name.capitalize()] = level.parent_of(best)
    if len(prediction.scores) > 1:
        line["Runner-up"] = prediction.scores[1].label
    return line | {"Novelty": prediction.novelty, "File": answer.seen.name}
