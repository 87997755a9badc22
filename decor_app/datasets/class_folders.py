"""Which folders are the classes: the guess as a tree with counts, and other ways to choose from."""

from collections.abc import Sequence

import streamlit as st

from decor_app import session_keys as keys
from decor_app.format import escape_markdown
from decor_core.data.folders.layout import BY_NAME
from decor_core.data.folders.outline import (
    AROUND,
    CLASS,
    INSIDE,
    LEFT_OUT,
    FolderLine,
    FolderOutline,
)
from decor_core.data.folders.tree import PART
from decor_core.text import listed, pluralize

ONE_CLASS = "All pictures are of one class"
UNLABELED = "None yet: I label them here, by keys, and the model helps"
_NAMED = 4
_MAX_CLASSES = 12
_ROLES = {
    CLASS: ":green-badge[class]",
    PART: ":gray-badge[part of the set]",
    AROUND: ":gray-badge[around classes]",
    INSIDE: ":gray-badge[in a class]",
    LEFT_OUT: ":orange-badge[left out]",
}


def choose_outline(outlines: Sequence[FolderOutline], *, loose: bool) -> FolderOutline | str:
    """The way of reading the folders that is chosen, or UNLABELED.

    Where pictures are ``loose``, that all are of one class can be chosen as well: ONE_CLASS.
    """
    read = [one for one in outlines if one.counts]
    choices: list[FolderOutline | str] = [*read, UNLABELED]
    if loose or len(outlines[0].counts) < 2:
        # File names that tell classes are the better guess, then that there are none yet.
        by_name = [one for one in read if one.classes_from == BY_NAME]
        choices = [*by_name, UNLABELED, *(one for one in read if one not in by_name)]
    if loose:
        choices.append(ONE_CLASS)
    number = st.radio(
        "What are the classes?",
        range(len(choices)),
        format_func=lambda i: _describe_choice(choices[i]),
        key=keys.INGEST_CLASSES_FROM,
    )
    return choices[number]


def _describe_choice(outline: FolderOutline | str) -> str:
    """The name of a choice; no two alike, as the widget knows them by it."""
    if isinstance(outline, str):
        return outline
    names = listed([escape_markdown(name) for name in outline.counts], _NAMED)
    if outline.classes_from == BY_NAME:
        return f"The file names: {names}"
    if len(outline.counts) == 1:
        return f"All pictures are of the class {names}"
    level = outline.classes_from.partition(":")[2]
    return f"Folders on level {level}: {names}" if level else f"Folders: {names}"


def describe_outline(outline: FolderOutline) -> str:
    """In Markdown, how the folders are read, and how many classes that gives."""
    pictures = pluralize(sum(outline.counts.values()), "picture")
    classes = pluralize(len(outline.counts), "class")
    return f"**{pictures} in {classes}.** {escape_markdown(outline.read_as)}"


def show_tree(outline: FolderOutline) -> None:
    """The folders with the pictures in each and what it is taken for; what is left out and why."""
    if outline.classes_from == BY_NAME:
        shown = list(outline.counts.items())[:_MAX_CLASSES]
        lines = [f"- **{escape_markdown(name)}** {n:,} {_ROLES[CLASS]}" for name, n in shown]
        if rest := len(outline.counts) - len(shown):
            lines.append(f"- {rest} more classes")
    else:
        lines = map(_line, outline.lines)
    st.markdown("\n".join(lines))
    sentences = [
        f"{pluralize(n, 'picture')} left out: {why}" for why, n in outline.left_out.items()
    ]
    sentences += [] if outline.question else outline.assumed
    for sentence in sentences:
        st.caption(escape_markdown(sentence))


def _line(line: FolderLine) -> str:
    name = f"{line.more} more folders" if line.more else f"**{escape_markdown(line.name)}**"
    return f"{'  ' * line.depth}- {name} {line.pictures:,} {_ROLES[line.role]}"
