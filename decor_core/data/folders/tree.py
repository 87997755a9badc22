"""The folders of a data set with the number of pictures in each, and the part each one plays."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from decor_core.data.folders.names import (
    is_beside_code,
    is_collection,
    is_ground_truth,
    is_part,
    is_to_label,
    may_be_masks,
    part_stem,
    tokenize,
)
from decor_core.images.formats import has_picture_ending, is_picture_name

Path = tuple[str, ...]  # the folders from the outside in, () for the root

# What a folder is that is no class. Pictures below the last three are left out.
PART, COLLECTION = "part", "collection"
LEFT_OUT = MASKS, ASIDE, TO_LABEL = "masks", "aside", "to label"

_CODE = re.compile(
    r"(readme|licen[cs]e|copying|makefile|dockerfile|requirements|setup|pyproject|citation)(\..*)?|"
    r".*\.(md|rst|py|ipynb|toml|ya?ml|r|sh|js|cff)",
    re.IGNORECASE,
)
_TEXTS = re.compile(
    r"readme|licen[cs]e|copying|notice|authors|makefile|dockerfile|version|changelog|citation",
    re.IGNORECASE,
)


class FolderTree:
    """Pictures counted by folder.

    ``direct`` are those in a folder itself, ``below`` those in it and its folders; ``children`` the
    names of the folders with pictures in a folder. ``pictures`` are those that count: of the files
    that ``may_be_pictures`` those without an ending do where no other in their folder has one.
    """

    def __init__(self, names: Iterable[str]) -> None:
        names = list(names)
        self.may_be_pictures = list(filter(is_picture_name, names))
        called_so = set(filter(has_picture_ending, self.may_be_pictures))
        folders = set(map(folder_of, called_so))
        self.pictures = [
            name
            for name in self.may_be_pictures
            if name in called_so
            or not (folder_of(name) in folders or is_text_name(name) or PurePosixPath(name).suffix)
        ]
        self.direct = Counter(map(folder_of, self.pictures))
        self.below: Counter[Path] = Counter()
        children: dict[Path, set[str]] = defaultdict(set)
        for folder, count in self.direct.items():
            for depth in range(len(folder) + 1):
                self.below[folder[:depth]] += count
                if depth:
                    children[folder[: depth - 1]].add(folder[depth - 1])
        self.children = {folder: sorted(found) for folder, found in children.items()}
        self.with_code = {
            folder_of(name) for name in names if _CODE.fullmatch(name.rpartition("/")[2])
        }


def is_text_name(name: str) -> bool:
    """Whether a file is called like the texts beside a data set that have no ending."""
    return bool(_TEXTS.fullmatch(name.rpartition("/")[2]))


def folder_of(name: str) -> Path:
    """The folders that a file lies in, from the outside in."""
    return tuple(name.split("/")[:-1])


def roles_of(tree: FolderTree) -> dict[Path, str]:
    """What each folder is that is not (around) a class: see PART and those beside it.

    Judged among its siblings: a name by itself is not enough for “valid” beside “invalid”, for
    “train” beside “bus” and “car”, nor for “masks”.
    """
    of_one_stem = {name for found in tree.children.values() for name in _of_one_stem(found)}
    roles: dict[Path, str] = {}
    for parent, names in tree.children.items():
        to_label = {n for n in names if is_to_label(n) and (*parent, n) not in tree.children}
        roles |= {(*parent, name): TO_LABEL for name in to_label}
        names = [name for name in names if name not in to_label]
        parts = {name for name in names if is_part(name) or name in of_one_stem}
        collections = {name for name in names if is_collection(name)} - parts
        parts -= _classes_called_like_parts(tree, parent, parts, set(names) - collections)
        masks = _masks(names, parts | collections)
        around = parts | (collections - masks)
        for name in names:
            folder = (*parent, name)
            if name in masks:
                roles[folder] = MASKS
            elif name in parts or _holds_the_same(tree, parent, name, around):
                roles[folder] = PART
            elif _is_aside(tree, parent, name, parts):
                roles[folder] = ASIDE
            elif name in collections:
                roles[folder] = COLLECTION
    return roles


def _of_one_stem(names: Collection[str]) -> set[str]:
    """Names that differ in the word for a part alone, as seg_train, seg_test; with seg_pred."""
    words: dict[Path, set[Path]] = defaultdict(set)
    for name in names:
        if stem := part_stem(name):
            words[stem].add(tokenize(name))
    stems = {stem for stem, found in words.items() if len(found) > 1}
    if len(stems) != 1:  # cats_train, cats_test, dogs_train: here the stems are the classes
        return set()
    (stem,) = stems
    return {n for n in names if tokenize(n)[: len(stem)] == stem or part_stem(n) == stem}


def _classes_called_like_parts(
    tree: FolderTree, parent: Path, parts: Collection[str], names: Collection[str]
) -> set[str]:
    """The one that is called like a part but is a class, going by those beside it."""
    if len(parts) != 1:
        return set()
    (name,) = parts
    others = [other for other in names if other != name and tree.direct[(*parent, other)]]
    if (*parent, name) in tree.children:
        return set()
    if tokenize(name) == ("train",) and len(others) > 1:  # the vehicle
        return {name}
    return {name} if any(tokenize(name)[0] in other.casefold() for other in others) else set()


def _masks(names: Collection[str], around: Collection[str]) -> set[str]:
    """Folders of masks. “masks” alone is not enough: beside it only pictures or parts may lie."""
    sure = {name for name in names if is_ground_truth(name)}
    likely = sure | {name for name in names if may_be_masks(name)}
    beside = set(names) - likely
    if beside and beside <= set(around):
        return likely
    return sure if beside else set()


def _holds_the_same(tree: FolderTree, parent: Path, name: str, around: Collection[str]) -> bool:
    """Whether most folders in it are called like those in the parts beside it."""
    inside = set(tree.children.get((*parent, name), ()))
    known = {c for other in around for c in tree.children.get((*parent, other), ())}
    return name not in around and bool(inside) and 2 * len(inside & known) > len(inside)


def _is_aside(tree: FolderTree, parent: Path, name: str, parts: Collection[str]) -> bool:
    """A repository's own pictures, or loose ones beside several parts that hold the classes."""
    folder = (*parent, name)
    few = 10 * tree.below[folder] <= tree.below[parent]
    if parent in tree.with_code and few and is_beside_code(name):
        return True
    holding = sum((*parent, part) in tree.children for part in parts)
    return holding > 1 and folder not in tree.children
