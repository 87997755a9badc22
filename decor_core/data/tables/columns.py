"""Which columns of a table hold the names of pictures and their labels: by what is in them."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from decor_core.data.folders.names import is_part
from decor_core.data.tables.files_by_name import FilesByName
from decor_core.data.tables.label_cells import (
    FLAG_WORDS,
    one_hot_columns,
    one_hot_labels,
    without_missing,
)
from decor_core.errors import DataError
from decor_core.images.formats import has_picture_ending
from decor_core.io import unique_name
from decor_core.text import normal

_MAX_LABELS = 500
_RARE = 0.9  # of the rows have one value: a flag that is rarely set
_FILE_NAMES = re.compile(
    r"files?|(file|image|img|picture|photo)[ _-]?(names?|paths?|ids?|files?)|images?|pictures?|"
    r"photos?|paths?|datei(name)?|bild|plik|zdj[eę]cie|файл|фото|изображение|dosya|resim",
    re.IGNORECASE,
)
_LABEL_NAMES = re.compile(
    r"(.*[ _-])?(labels?|class(es)?|categor(y|ies)|species|breed|target|choice)"
    r"([ _-]?(name|id|text))?|styles?|klasse|kategorie|klasa|kategoria|"
    r"класс|категория|стиль|sınıf|kategori",
    re.IGNORECASE,
)
_NO_LABEL_NAMES = re.compile(
    r"(.*[ _-])?(ids?|uuid|hash|code|no|nr|number|index|url|path|date|time|timestamp)|"
    r"split|subset|fold|(created|updated|modified)[ _-]?(at|on|by)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[\d.,+-]*")
_DECOR = ("file", "decor", "country")
_DECOR_TYPES = {"product", "pattern"}
_SUGGESTED = {"file", "label", "next", "proposal"}  # what “suggest” writes


@dataclass(frozen=True)
class Columns:
    """Names of the columns that hold the file, the label, and where there are such, a coarser
    label and the type of the picture. Where ``file`` or ``label`` is "", it is to be found."""

    file: str = ""
    label: str = ""
    coarser: str = ""
    type: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns that hold labels, finest first."""
        return (self.label, self.coarser) if self.coarser else (self.label,)

    @property
    def is_decor(self) -> bool:
        """Whether this is the layout of the decor data, whose codes can be checked."""
        return tuple(name.lower() for name in (self.file, *self.labels)) == _DECOR

    def found_in(self, table: pd.DataFrame) -> "Columns":
        """These columns spelled as in the table; DataError if one is not there."""
        spelled = {name.casefold(): name for name in table.columns}
        named = {f: normal(v) for f, v in vars(self).items() if v}
        lacking = [name for name in named.values() if name.casefold() not in spelled]
        if lacking or len({name.casefold() for name in named.values()}) < len(named):
            why = (
                f"has no column “{lacking[0]}”" if lacking else "needs one column for each purpose"
            )
            raise DataError(f"The table {why}; it has: {', '.join(table.columns)}.")
        return Columns(**{f: spelled[name.casefold()] for f, name in named.items()})


@dataclass(frozen=True)
class ColumnGuess:
    """The likeliest ``columns``; ``rivals`` are all that may as well hold the labels, if several.

    Of columns ``file`` or ``label`` is "" where none seems to hold them.
    """

    columns: Columns
    rivals: tuple[str, ...] = ()

    @property
    def is_clear(self) -> bool:
        return bool(self.columns.file and self.columns.label) and not self.rivals


def guess_columns(
    table: pd.DataFrame, names: Sequence[str], known: Columns | None = None, title: str = ""
) -> ColumnGuess:
    """The columns of the table that most likely hold the picture files ``names`` and their labels.

    Those that are ``known`` stay; ``title`` is the name of the table among the files. Known
    layouts come first; else the file column is the one whose values are the names of files. The
    label is the one column of a name for labels, or else of few values which are words; a coarser
    label is one that the label always determines.
    """
    known = known.found_in(table) if known else Columns()
    spelled = {name.lower(): name for name in table.columns}
    kind = known.type or spelled.get("type", "")
    if set(_DECOR) <= set(spelled) and not (known.file or known.label):
        file, label, coarser = (spelled[name] for name in _DECOR)
        return ColumnGuess(Columns(file, label, known.coarser or coarser, kind))
    if {"file", "class"} <= set(spelled) and not (known.file or known.label):
        return ColumnGuess(Columns(spelled["file"], spelled["class"], known.coarser, kind))
    if set(spelled) >= _SUGGESTED and not (known.file or known.label):
        return ColumnGuess(Columns(spelled["file"], spelled["label"], known.coarser, kind))
    file = known.file or _file_column(table, names, title)
    table = table.apply(without_missing)
    taken = {file, known.coarser, known.type}
    candidates = _label_columns(table, [name for name in table.columns if name not in taken])
    label, rivals = (known.label, ()) if known.label else _label_of(table, candidates)
    coarser = known.coarser
    if label and not (known.label or coarser or rivals):
        coarser = _coarser_of(table, label, candidates)
    if not known.type and (kind in (label, coarser, file) or kind in rivals):
        kind = ""
    return ColumnGuess(Columns(file, label, coarser, kind), rivals)


def resolve_columns(
    table: pd.DataFrame, names: Sequence[str], known: Columns | None = None, title: str = ""
) -> Columns:
    """The columns where they are named or clear; DataError that says what to name where not."""
    if known and known.file and known.label:
        return known.found_in(table)
    if table.empty:
        raise DataError("The table has no row below the names of its columns.")
    guess = guess_columns(table, names, known, title)
    if guess.rivals:
        raise DataError(
            f"Several columns of the table may hold the labels: {', '.join(guess.rivals)}; please "
            f"say which one does, such as --label_column {guess.rivals[0]}."
        )
    if guess.is_clear:
        return guess.columns
    has = f"it has: {', '.join(table.columns)}"
    if several := one_hot_columns(table, least=0):
        raise DataError(
            f"The columns {', '.join(several)} hold yes or no, and many rows have not exactly one "
            "yes: pictures of several labels each. A picture has one label here; please name one "
            f"column with --label_column; {has}."
        )
    raise DataError(
        "The table must have the columns file, decor, country (and type), or file, class, or "
        "else one column with the names of the picture files and one with their labels: "
        f"please say which they are, with --file_column and --label_column; {has}."
    )


def _file_column(table: pd.DataFrame, names: Sequence[str], title: str) -> str:
    """The column whose cells name the most pictures, rather as they are written; "" if none."""
    files, ranks = FilesByName(names, title), {}
    for name in table.columns:
        cells = [cell for cell in table[name] if cell]
        found, as_written = files.count(dict.fromkeys(cells))
        like_names = sum(map(has_picture_ending, cells)) / max(len(cells), 1)
        share = max(found / max(len(cells), 1), found / max(len(names), 1))
        if share >= 0.5 or like_names >= 0.5:
            ranks[name] = (
                *(share >= 0.5, 2 * as_written >= found, like_names >= 0.5),
                *(round(share, 1), is_file_name(name)),
            )
    return max(ranks, key=lambda name: ranks[name], default="")


def names_pictures(table: pd.DataFrame, names: Sequence[str], title: str = "") -> int:
    """How many of the picture files ``names`` the table names."""
    file = _file_column(table, names, title)
    return FilesByName(names, title).count(table[file])[0] if file else 0


def is_file_name(name: str) -> bool:
    """Whether a column of that name says that it names files."""
    return bool(_FILE_NAMES.fullmatch(name))


# Labels


def is_label_name(name: str) -> bool:
    """Whether a column of that name says that it holds labels."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return apart.lower() == "decor" or bool(_LABEL_NAMES.fullmatch(apart))


def _label_columns(table: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Of the columns ``names`` those that may hold labels."""
    flags = one_hot_columns(table)
    names = [name for name in names if name not in flags]
    found = [name for name in names if _may_be_labels(table[name])]
    telling = [
        name for name in found
        if is_label_name(name) or not (_is_flag(table[name]) or _NO_LABEL_NAMES.fullmatch(name))
    ]  # fmt: skip
    if telling or found:
        return telling or found
    rest = [name for name in names if _has_few_values(table[name])]
    # Whatever is in it, so that what is wrong with the labels is told and not that there are none.
    named = [name for name in names if is_label_name(name)]
    return next((found for found in (rest, named) if len(found) == 1), [])


def add_one_hot_label(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a column of labels where it has one column of yes and no for each label.

    ``attrs["assumed"]`` tells so, and ``attrs["gaps"]`` by row why one has no label.
    """
    flags = one_hot_columns(table)
    others = [c for c in table.columns if c not in flags and _may_be_labels(table[c])]
    if not flags or any(map(is_label_name, others)) or (others and len(flags) == 2):
        return table
    name = unique_name("label", {column.casefold() for column in table.columns})
    labels, gaps = one_hot_labels(table, flags)
    note = f"The columns {', '.join(flags)} say yes or no; the one that says yes is the label."
    table[name] = labels
    table.attrs["assumed"].append(note)
    table.attrs["gaps"] = gaps
    return table


def _values(cells: pd.Series) -> Counter[str]:
    return Counter(cell for cell in cells if cell)


def _has_few_values(cells: pd.Series) -> bool:
    values = _values(cells)
    rows = values.total()
    most = rows - 1 if is_label_name(str(cells.name)) else rows // (2 if rows < 12 else 3)
    parts = all(is_part(value) or value.lower() == "unassigned" for value in values)
    return 2 <= len(values) <= min(_MAX_LABELS, max(2, most)) and not parts


def _may_be_labels(cells: pd.Series) -> bool:
    """Few values, which are words or stand under a name for labels, and not the parts of a set."""
    named = is_label_name(str(cells.name))
    return _has_few_values(cells) and (named or not _is_number(cells))


def _is_flag(cells: pd.Series) -> bool:
    """Whether the values are yes and no, or nearly always the same."""
    values = _values(cells)
    usual = max(values.values()) >= _RARE * values.total()
    return len(values) == 2 and ({v.casefold() for v in values} <= FLAG_WORDS or usual)


def _label_of(table: pd.DataFrame, candidates: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The likeliest label of the ``candidates``, and all that may be meant if it is not clear."""
    named = [name for name in candidates if is_label_name(name)]
    ours = [c for c in candidates if c.lower() == "type" and set(_values(table[c])) <= _DECOR_TYPES]
    pool = named or [name for name in candidates if name not in ours] or list(candidates)
    if not pool:
        return "", ()
    # Words before numbers, then the finer ones.
    pool.sort(key=lambda name: (_is_number(table[name]), -table[name].nunique()))
    if named:  # what a label of words says again in numbers, or in fewer of them
        rivals = [name for name in pool[1:] if not _determines(table[pool[0]], table[name])]
        return pool[0], (pool[0], *rivals) if rivals else ()
    in_order = all(_determines(table[f], table[c]) for f, c in pairwise(pool))
    return pool[0], () if in_order else tuple(c for c in table.columns if c in pool)


def _is_number(cells: pd.Series) -> bool:
    return all(map(_NUMBER.fullmatch, _values(cells)))


def _coarser_of(table: pd.DataFrame, label: str, candidates: Sequence[str]) -> str:
    """The finest column of fewer values that every row with a label has, and as the label says."""
    labeled = table[table[label] != ""]
    coarser = [
        name for name in candidates
        if labeled[name].nunique() < labeled[label].nunique()
        and all(labeled[name])
        and _determines(labeled[label], labeled[name])
    ]  # fmt: skip
    return max(coarser, key=lambda name: table[name].nunique(), default="")


def _determines(fine: pd.Series, coarse: pd.Series) -> bool:
    """Whether all rows of one fine label have one and the same coarse label, of two or more."""
    pairs = {(f, c) for f, c in zip(fine, coarse, strict=True) if f and c}
    return len({c for _, c in pairs}) > 1 and len(pairs) == len({f for f, _ in pairs})


def most_common(keys: pd.Series, values: pd.Series) -> Mapping[str, str]:
    """For each key the value it most often goes with, the first in order among equals."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for key, value in zip(keys, values, strict=True):
        if value:
            seen[key][value] += 1
    return {key: min(c, key=lambda value: (-c[value], value)) for key, c in seen.items()}
