"""CSV bytes, however they were written → a table; which of its columns hold files and labels."""

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from decor_core.data.csv_escape import plain_cell
from decor_core.data.encodings import decode
from decor_core.data.sources import normal
from decor_core.errors import DataError

TABLE_ENDINGS = (".csv", ".tsv")
_SEPARATORS = (",", ";", "\t", "|")
_MOST_CELL = 2**20
_MOST_LABELS = 500
_FILE_NAMES = re.compile(
    r"files?|file[ _-]?names?|images?|pictures?|photos?|paths?|datei(name)?|bild|plik|zdj[eę]cie|"
    r"файл|фото|изображение|dosya|resim",
    re.IGNORECASE,
)
_LABEL_NAMES = re.compile(
    r"labels?|class(es)?|categor(y|ies)|styles?|species|target|klasse|kategorie|klasa|kategoria|"
    r"класс|категория|стиль|sınıf|kategori",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[\d.,+-]*")
# Words for the parts of a data set, which are no classes.
PARTS = {"train", "training", "val", "valid", "validation", "dev", "test", "testing"}
_DECOR = ("file", "decor", "country")


@dataclass(frozen=True)
class Columns:
    """Names of the columns that hold the file, the label, and where there are such, a coarser
    label and the type of the picture."""

    file: str
    label: str
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
            raise DataError(f"The CSV {why}; it has: {', '.join(table.columns)}.")
        return Columns(**{f: spelled[name.casefold()] for f, name in named.items()})


def read_table(data: bytes, names: Sequence[str] = ()) -> pd.DataFrame:
    """The CSV in ``data`` as texts without blanks around them, "" where a cell is empty.

    Tolerates a byte order mark, semicolons, tabs, any line ends and most encodings; file ``names``
    help to find the encoding. The index is the number of the row as spreadsheets count, the header
    being row 1. ``attrs["assumed"]`` lists in sentences what had to be guessed. DataError if it is
    no table.
    """
    try:
        text, encoding = decode(data, (PurePosixPath(name).stem for name in names))
    except UnicodeError as error:
        raise DataError("The CSV is no text; please save the table as CSV in UTF-8.") from error
    header, rows = _parse(text)
    width = len(header)
    cells = [[normal(cell) for cell in (row + [""] * width)[:width]] for row in rows.values()]
    table = pd.DataFrame(cells, index=list(rows), columns=header, dtype=object).map(plain_cell)
    if not all(header):
        table = table.loc[:, [bool(name) for name in header]]
    assumed = []
    if encoding:
        assumed.append(f"It is not in UTF-8; it was read as {encoding}. Please check the letters.")
    longer = [number for number, row in rows.items() if any(map(str.strip, row[width:]))]
    if longer:
        more = f" and {len(longer) - 1} more" if len(longer) > 1 else ""
        assumed.append(
            f"Row {longer[0]}{more} has more cells than there are columns; what is beyond was not "
            "read. Texts with the separator in them need quotes."
        )
    table.attrs["assumed"] = assumed
    return table


def _parse(text: str) -> tuple[list[str], dict[int, list[str]]]:
    """The names of the columns, and the cells of each row that is not empty, by its number."""
    first = text.partition("\n")[0].strip().lower()
    if first[:4] == "sep=" and len(first) == 5:  # Excel's own way to say it
        separator, text = first[4], text.partition("\n")[2]
    else:
        separator = max(_SEPARATORS, key=lambda separator: _width(text, separator))
    csv.field_size_limit(_MOST_CELL)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise DataError(f"The CSV is no table ({error}); please save it again as CSV.") from error
    header = [plain_cell(normal(name)) for name in lines[0]] if lines else []
    named = [name.casefold() for name in header if name]
    if not named:
        raise DataError("The CSV is no table: its first line must name the columns.")
    twice = [name for name, count in Counter(named).items() if count > 1]
    if twice:
        raise DataError(
            f"The CSV has two columns of one name, “{twice[0]}”; please rename one of them."
        )
    return header, {i: row for i, row in enumerate(lines[1:], 2) if any(map(str.strip, row))}


def _width(text: str, separator: str) -> int:
    """How many columns the first row has with a separator."""
    try:
        return len(next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), []))
    except csv.Error:
        return 0


# Which column is which


def guess_columns(table: pd.DataFrame, names: Sequence[str]) -> Columns | None:
    """The columns of the table that most likely hold the picture files ``names`` and their labels.

    Known layouts first; else the file column is the one whose values are the names of files, and
    the label the column of few values; a coarser label is one that the label determines. None if
    there are no such columns.
    """
    spelled = {name.lower(): name for name in table.columns}
    kind = spelled.get("type", "")
    if set(_DECOR) <= set(spelled):
        file, label, coarser = (spelled[name] for name in _DECOR)
        return Columns(file, label, coarser, kind)
    if {"file", "class"} <= set(spelled):
        return Columns(spelled["file"], spelled["class"], type=kind)
    file = _file_column(table, names)
    if not file:
        return None
    candidates = [
        name for name in table.columns
        if name not in (file, kind) and _may_be_labels(table[name], len(table))
    ]  # fmt: skip
    if not candidates:
        return None
    label = max(candidates, key=lambda name: _label_rank(table[name]))
    rest = [name for name in candidates if name != label]
    finer = [name for name in rest if _determines(table[name], table[label])]
    if finer and not is_label_name(label):
        label = min(finer, key=lambda name: table[name].nunique())
    coarser = [name for name in rest if name != label and _determines(table[label], table[name])]
    coarsest = max(coarser, key=lambda name: _label_rank(table[name]), default="")
    return Columns(file, label, coarsest, kind)


def _file_column(table: pd.DataFrame, names: Sequence[str]) -> str:
    known = {form for name in names for form in _forms(name)}

    def share(name: str) -> float:
        cells = [cell for cell in table[name] if cell]
        return sum(bool(_forms(cell) & known) for cell in cells) / max(len(cells), 1)

    shares = {name: share(name) for name in table.columns}
    best = max(shares.values(), default=0)
    if best < 0.5:
        return ""
    good = [name for name, value in shares.items() if value > best - 0.05]
    return next((name for name in good if _FILE_NAMES.fullmatch(name)), good[0])


def _forms(file: str) -> set[str]:
    """The last part of a path, with and without its ending."""
    path = PurePosixPath(file.replace("\\", "/").casefold())
    return {path.name, path.stem} - {""}


def _may_be_labels(cells: pd.Series, rows: int) -> bool:
    """Few values, which are words or stand under a name for labels, and not the parts of a set."""
    values = set(cells) - {""}
    few = 2 <= len(values) <= min(_MOST_LABELS, max(2, rows // 2))
    words = is_label_name(str(cells.name)) or not all(map(_NUMBER.fullmatch, values))
    return few and words and not {value.lower() for value in values} <= PARTS


def is_label_name(name: str) -> bool:
    """Whether a column of that name says that it holds labels."""
    return name.lower() == "decor" or bool(_LABEL_NAMES.fullmatch(name))


def _label_rank(cells: pd.Series) -> tuple[bool, int]:
    """Columns called like labels go first, then the finer ones."""
    return is_label_name(str(cells.name)), cells.nunique()


def _determines(fine: pd.Series, coarse: pd.Series) -> bool:
    """Whether rows of one fine label nearly always have one and the same coarse label."""
    if not 2 <= coarse.nunique() < fine.nunique():
        return False
    usual = most_common(fine, coarse)
    return sum(usual.get(f) == c for f, c in zip(fine, coarse, strict=True)) >= 0.9 * len(fine)


def most_common(keys: pd.Series, values: pd.Series) -> Mapping[str, str]:
    """For each key the value it most often goes with, the first in order among equals."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for key, value in zip(keys, values, strict=True):
        if value:
            seen[key][value] += 1
    return {key: min(c, key=lambda value: (-c[value], value)) for key, c in seen.items()}
