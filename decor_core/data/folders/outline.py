"""The folders of a data set as lines of a tree, each with its pictures and what it is taken for."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from decor_core.data.folders.layout import FolderLayout, possible_layouts
from decor_core.data.folders.tree import LEFT_OUT as NOT_READ
from decor_core.data.folders.tree import PART, FolderTree, Path

_MAX_FOLDERS = 10  # in one folder
_MAX_LINES = 60
CLASS, AROUND, INSIDE, LEFT_OUT = "class", "around", "inside", "left out"


@dataclass(frozen=True)
class FolderLine:
    """A folder at a depth with the number of pictures in it and below.

    ``role`` is CLASS, AROUND (classes lie in it), PART (of a data set), INSIDE (a class) or
    LEFT_OUT. Where ``more`` is not 0, the line stands for so many folders that are not shown.
    """

    depth: int
    name: str
    pictures: int
    role: str
    more: int = 0


@dataclass(frozen=True)
class FolderOutline:
    """One way of reading the folders, to be shown: see FolderLayout; ``left_out`` by reason."""

    classes_from: str
    read_as: str
    question: str
    assumed: tuple[str, ...]
    counts: Mapping[str, int]
    left_out: Mapping[str, int]
    lines: tuple[FolderLine, ...]


def possible_outlines(names: Sequence[str]) -> tuple[FolderOutline, ...]:
    """The guess, and the other ways of reading the folders that give two classes or more."""
    tree = FolderTree(names)
    return tuple(
        FolderOutline(
            layout.classes_from,
            layout.read_as,
            layout.question,
            layout.assumed,
            layout.counts,
            Counter(layout.left_out.values()),
            tuple(islice(_lines(tree, layout), _MAX_LINES)),
        )
        for layout in possible_layouts(tree)
    )


def _lines(tree: FolderTree, layout: FolderLayout, folder: Path = ()) -> Iterator[FolderLine]:
    names = tree.children.get(folder, [])
    for name in names[:_MAX_FOLDERS]:
        inside = (*folder, name)
        role = _role(layout, inside)
        yield FolderLine(len(folder), name, tree.below[inside], role)
        yield from _lines(tree, layout, inside)
    if rest := names[_MAX_FOLDERS:]:
        count = sum(tree.below[(*folder, name)] for name in rest)
        role = _role(layout, (*folder, rest[0]))
        yield FolderLine(len(folder), "", count, role, len(rest))


def _role(layout: FolderLayout, folder: Path) -> str:
    """What a folder is taken for, by the pictures below it."""
    places = {
        at - len(folder) + 1
        for inside, at in layout.class_at.items()
        if inside[: len(folder)] == folder
    }
    role = layout.roles.get(folder, "")
    if role in NOT_READ or not places:
        return LEFT_OUT
    if role == PART:
        return PART
    if 0 in places:
        return CLASS
    return AROUND if max(places) > 0 else INSIDE
