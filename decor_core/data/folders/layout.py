"""Which folder of a picture is its class: decided by evidence over the whole tree, or told.

The rule:

1. Folders called like parts of a data set (train, test, fold_0) or like a pile of pictures (images)
   are passed over wherever they are, around classes or inside of them; masks beside pictures and
   a repository's own pictures are left out, and so are pictures to be labeled (unlabeled).
2. Of the levels that remain the outermost is the class, unless it lies around the classes. It does
   where it is a single folder; where names on a level further in say more of what is shown (by
   ``names.Rank``: words before numbers, series, dates, variants); or where most names
   in it recur in several of its folders. Years in ash and oak, too, recur, but say less than
   “ash” and “oak”: those stay the classes.
3. Few pictures in no class folder are left out, with a word, and change nothing.

What remains open is asked in the app and said on the command line.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from decor_core.data.folders.name_labels import labels_in_names, seem_to_be_classes
from decor_core.data.folders.names import Rank, are_portions, is_part, part_stem, rank
from decor_core.data.folders.tree import (
    ASIDE,
    COLLECTION,
    LEFT_OUT,
    MASKS,
    PART,
    TO_LABEL,
    FolderTree,
    Path,
    folder_of,
    is_text_name,
    roles_of,
)
from decor_core.data.listing import label_text
from decor_core.errors import DataError
from decor_core.text import quoted_list

BY_NAME, BY_FOLDER, BY_PARENT = "name", "folder", "parent"
_LEVEL = re.compile(r"folder:(\d+)")
_NAMED = 4
_NO_CLASS = "It lies in no class folder."


@dataclass(frozen=True)
class FolderLayout:
    """Which folder of each picture is its class.

    ``classes_from`` is what was told, "" for a guess. ``read_as`` is a sentence for people;
    ``assumed`` are more, on what was decided without being told. ``class_at`` gives for a folder
    the place in it of the class folder, counted from the outside; ``labels`` are by file, as are
    the reasons why others are ``left_out``. ``roles`` are as in tree.py. ``question`` is what
    only people know, "" where nothing is open.
    """

    classes_from: str
    read_as: str
    labels: Mapping[str, str]
    left_out: Mapping[str, str]
    class_at: Mapping[Path, int] = field(default_factory=dict)
    roles: Mapping[Path, str] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()
    question: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many pictures each class has."""
        return dict(sorted(Counter(self.labels.values()).items()))


def check_classes_from(text: str) -> str:
    """What says where the classes are, as it is kept; DataError where it is nothing of the kind."""
    text = text.strip().lower()
    if text == "file_name":
        return BY_NAME
    level = _LEVEL.fullmatch(text)
    if text in ("", BY_NAME, BY_FOLDER, BY_PARENT) or (level and int(level[1]) > 0):
        return text
    raise DataError(
        f"Classes cannot be taken from “{text}”; expected “folder” (the one that a picture lies "
        "in), “parent” (the one around that), “folder:2” (the second from the outside, or another "
        "number from 1 on), or “name” (the file's name without its number)."
    )


def read_folders(names: Sequence[str], classes_from: str = "") -> FolderLayout:
    """How the folders of the files ``names`` tell the classes: guessed, or as is told.

    ``classes_from`` is "" for a guess, else as ``check_classes_from`` has it; DataError if not.
    No labels where there are no class folders; ``question`` then says what may be meant.
    """
    tree, classes_from = FolderTree(names), check_classes_from(classes_from)
    if classes_from == BY_NAME:
        return _by_names(tree)
    if classes_from:
        return _by_level(tree, classes_from)
    return _Guess(tree).layout()


def possible_layouts(tree: FolderTree) -> list[FolderLayout]:
    """All ways of reading the folders that give two classes or more, the guess before them."""
    depth = max(map(len, tree.direct), default=0)
    others = [_by_level(tree, f"folder:{level}") for level in range(1, depth + 1)]
    if seem_to_be_classes(labels_in_names(tree.pictures), len(tree.pictures)):
        others.append(_by_names(tree))
    layouts = [_Guess(tree).layout()]
    for other in others:
        if len(other.counts) > 1 and all(other.labels != known.labels for known in layouts):
            layouts.append(other)
    return layouts


def _by_names(tree: FolderTree) -> FolderLayout:
    pictures = tree.may_be_pictures
    labels = labels_in_names(pictures)
    left_out = dict.fromkeys(set(pictures) - set(labels), "Its name tells no class.")
    read_as = "Read by file names: what stands before or after the number is the class."
    return FolderLayout(BY_NAME, read_as, labels, left_out)


def _by_level(tree: FolderTree, classes_from: str) -> FolderLayout:
    class_at = {}
    for folder in tree.direct:
        at = {BY_FOLDER: len(folder) - 1, BY_PARENT: len(folder) - 2}.get(classes_from)
        if at is None:
            at = int(classes_from.partition(":")[2]) - 1
        if 0 <= at < len(folder):
            class_at[folder] = at
    which = {BY_FOLDER: "folder that a picture lies in", BY_PARENT: "folder around a picture's own"}
    level = f"folder on level {classes_from.partition(':')[2]}"
    read_as = f"Read as told: the {which.get(classes_from, level)} is its class."
    return FolderLayout(classes_from, read_as, *_labels(tree, class_at, {}), class_at)


def _labels(
    tree: FolderTree, class_at: Mapping[Path, int], reasons: Mapping[Path, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """The labels of files, and why others that may be pictures have none."""
    labels, left_out = {}, {}
    texts = {folder: label_text(folder[at]) for folder, at in class_at.items()}
    for name in tree.may_be_pictures:
        folder = folder_of(name)
        if folder in texts:
            labels[name] = texts[folder]
        elif not is_text_name(name):
            left_out[name] = reasons.get(folder, _NO_CLASS)
    return labels, left_out


class _Guess:
    """The class folders by evidence, and what was assumed on the way."""

    def __init__(self, tree: FolderTree) -> None:
        self.tree = tree
        self.roles = roles_of(tree)
        self.assumed: list[str] = []
        self.question = ""
        self.around: list[str] = []  # folders on the levels around the classes
        self.variants: list[str] = []  # those of them where the same classes recur
        self.inside: set[str] = set()
        self.kept = {
            folder: places
            for folder in tree.direct
            if (places := self._kept_places(folder)) is not None
        }
        self.counts: Counter[Path] = Counter()
        for folder, places in self.kept.items():
            self.counts[tuple(folder[i] for i in places)] += tree.direct[folder]
        self.level = 0
        while self._is_around():
            self.level += 1

    def _kept_places(self, folder: Path) -> list[int] | None:
        """Which of the folders may be the class; None where the pictures are left out."""
        roles = [self.roles.get(folder[: i + 1], "") for i in range(len(folder))]
        if not set(LEFT_OUT).isdisjoint(roles):
            return None
        return [i for i, role in enumerate(roles) if not role]

    def _is_around(self) -> bool:
        """Whether the level that is looked at lies around the classes; notes why, and doubts."""
        here = {path[self.level] for path in self.counts if len(path) > self.level}
        inside: dict[str, set[str]] = defaultdict(set)
        for path in self.counts:
            if len(path) > self.level + 1:
                inside[path[self.level]].add(path[self.level + 1])
        if not inside or not self._reaches(self.level + 1):
            return False
        if len(here) == 1:
            self.around += here
            return True
        often = Counter(name for names in inside.values() for name in names)
        recurring = sum(count > 1 for count in often.values())
        most_recur = 2 * recurring > len(often)
        outer, inner = rank(inside), self._least_rank_below()
        around = outer > inner and (recurring > 0 or outer >= Rank.DATE)
        around = around or (most_recur and outer == inner == Rank.CLASS and len(inside) > 1)
        categories = MASKS in self.roles.values() and all("good" in n for n in inside.values())
        around = around or categories  # of MVTec AD
        unclear = outer == inner or (around and outer <= Rank.NUMBER)
        if categories or (most_recur and unclear and len(often) <= len(inside)):
            inner_ones = f"{named(often)}, which are folders in them"
            self.question = f"Are {named(inside)} the classes, or are {inner_ones}?"
        if around:
            self.around += sorted(here)
            self.variants += sorted(here)
        else:
            self.inside = set(often)
        return around

    def _reaches(self, level: int) -> bool:
        """Whether nearly all pictures that lie as deep as the current level lie on ``level``.

        A single folder around all may hold a few more of its own, such as pictures of the whole.
        """
        deeper = sum(n for path, n in self.counts.items() if len(path) > level)
        others = sum(n for path, n in self.counts.items() if self.level < len(path) <= level)
        single = len({path[self.level] for path in self.counts if len(path) > self.level}) == 1
        return others <= max(1, deeper // (3 if single else 5))

    def _least_rank_below(self) -> Rank:
        ranks, level = [], self.level + 1
        while names := {path[level] for path in self.counts if len(path) > level}:
            if not self._reaches(level):
                break
            ranks.append(rank(names))
            level += 1
        return min(ranks)

    # What came of it

    def layout(self) -> FolderLayout:
        class_at = {
            folder: places[self.level]
            for folder, places in self.kept.items()
            if len(places) > self.level
        }
        labels, left_out = _labels(self.tree, class_at, self._reasons(class_at))
        self._judge(labels)
        return FolderLayout(
            "", self._read_as(labels), labels, left_out, class_at, self.roles,
            tuple(self.assumed), self.question,
        )  # fmt: skip

    def _reasons(self, class_at: Mapping[Path, int]) -> dict[Path, str]:
        reasons = {}
        for folder in set(self.tree.direct) - set(class_at):
            roles = [(self.roles.get(folder[: i + 1]), name) for i, name in enumerate(folder)]
            for role, text in (
                (MASKS, "It lies in “{}”, among masks."),
                (TO_LABEL, "It lies in “{}”, among pictures that are to be labeled."),
                (ASIDE, "It lies in “{}”, beside the class folders."),
                (PART, "It lies in “{}”, a part of the data set, and in no class folder."),
                (COLLECTION, "It lies in “{}” and in no class folder."),
            ):
                if found := [name for its, name in roles if its == role]:
                    reasons[folder] = text.format(found[0])
                    break
        return reasons

    def _folders(self, role: str) -> list[str]:
        return sorted({folder[-1] for folder, its in self.roles.items() if its == role})

    def _judge(self, labels: Mapping[str, str]) -> None:
        """Say what was assumed, and what is open."""
        classes, parts = set(labels.values()), self._folders(PART)
        if parts and classes:
            names = ", ".join(f"“{name}”" for name in parts)
            text = (
                f"Taken for parts of the data set, not for classes: {names}. Their pictures are "
                "taken together, and split anew."
            )
            loose = [f for f, places in self.kept.items() if len(places) <= self.level]
            if any(self.roles.get(folder) == PART for folder in loose):
                text += (
                    " Those in no class folder are left out; if these are classes after all, say "
                    "--classes_from folder."
                )
            self.assumed.append(text)
        if self.variants:
            self.assumed.append(
                f"The same folders lie in {named(self.variants)}; those are taken for variants or "
                "sources of the classes. If they show the same things, bring one of them only, or "
                "the test flatters."
            )
        if masks := self._folders(MASKS):
            self.assumed.append(f"Taken for masks, and left out: {named(masks)}.")
        if classes and (unlabeled := self._folders(TO_LABEL)):
            self.assumed.append(
                f"Taken for pictures that are to be labeled, not for a class: {named(unlabeled)}. "
                "If it is a class, say --classes_from folder."
            )
        if self.inside:
            self.assumed.append(
                f"Pictures in folders within a class belong to it: {named(self.inside)}."
            )
        if hidden := [name for name in classes if name.startswith(".")]:
            self.assumed.append(
                "Folders whose names begin with a dot are hidden as a rule; taken for classes all "
                f"the same: {named(hidden)}."
            )
        found = labels_in_names(self.tree.pictures) if len(classes) < 2 else {}
        if seem_to_be_classes(found, len(self.tree.pictures)):
            self.question = f"Do the file names tell the classes: {named(set(found.values()))}?"
        elif called_so := self._classes_called_like_parts(classes):
            self.question = (
                f"Are {named(called_so)} classes? Parts of data sets are called like this, too."
            )
        if self.question and classes:
            self.assumed.append(
                f"{self.question} Taken for classes: {named(classes)}. For the folders on another "
                "level say --classes_from folder:N, counted from the outside, for the file names "
                "--classes_from name."
            )

    def _classes_called_like_parts(self, classes: Collection[str]) -> list[str]:
        stems = Counter(filter(None, map(part_stem, classes)))
        if classes and are_portions(classes):
            return sorted(classes)
        return sorted(name for name in classes if is_part(name) or stems[part_stem(name)] > 1)

    def _read_as(self, labels: Mapping[str, str]) -> str:
        if not labels:
            return "Read as pictures without class folders."
        parts, masks = self._folders(PART), self._folders(MASKS)
        if masks and parts and "good" in set(labels.values()):
            return f"Read as MVTec AD: class folders in {named(parts)}, without {named(masks)}."
        if parts:
            folds = [name for name in parts if re.search(r"fold|split|\d", name.lower())]
            kind = "fold" if len(folds) == len(parts) else "part"
            kind += "s" * (len(parts) > 1)
            return f"Read as class folders in the {kind} {named(parts)} of a data set."
        if self.variants:
            return f"Read as class folders in variants or sources, {named(self.variants)}."
        if self.around and set(self.tree.with_code) & {(), (self.around[0],)}:
            return f"Read as a repository: class folders in “{self.around[-1]}”."
        if self.around:
            return f"Read as class folders (ImageFolder) in “{self.around[-1]}”."
        return "Read as class folders (ImageFolder)."


def named(names: Iterable[str]) -> str:
    """“a”, “b” and “c”; of many the first, and how many more."""
    return quoted_list(sorted(names), _NAMED)
