"""Pictures without classes, kept in the folder of the data set that labels make of them.

Beside the pictures lie ``heap.json``, which lists them, and ``labels.jsonl``, the log of their
labels. When it is finished, those that have a class are a data set; the log stays, and more can
be labeled later.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import pandas as pd

from decor_core.data.catalog import Catalog
from decor_core.data.checks import check_table
from decor_core.data.findings import BY_TABLE, UNCLASSED, DatasetReport, Finding
from decor_core.data.groups import group_pictures
from decor_core.data.scan import near_duplicate_findings
from decor_core.data.split import alike_classes
from decor_core.datasets.dataset import Dataset, catalog_of, create_dataset, load_dataset, now
from decor_core.datasets.label_log import LabelLog
from decor_core.datasets.label_steps import NONE, SKIP, Known, Label
from decor_core.datasets.storage import HEAD, LABEL_LOG, UNLABELED_SET, fingerprints, read_thumb
from decor_core.errors import DamagedFile, DataError, damaged_file, unwritable
from decor_core.io import locked, read_json, unique_name, write_file
from decor_core.text import pluralize

_FORMAT = "decor-heap/1"
_ID_DIGITS = 16
# What is found anew once the pictures have classes.
_BY_LABELS = BY_TABLE | {"near duplicate", "near conflict"}


@dataclass(frozen=True)
class UnlabeledSetFile:
    """An unlabeled set as its file holds it; ``level`` is what its classes are called together."""

    format: str
    title: str
    level: str
    table: dict[str, list[Any]]
    entries: tuple[Finding, ...]
    came: str


@dataclass(frozen=True, eq=False)
class UnlabeledSet:
    """The pictures in ``folder``; ``catalog`` has "" for the class of each.

    ``came`` is when they were brought (UTC, ISO 8601).
    """

    folder: Path
    title: str
    catalog: Catalog
    came: str

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def level(self) -> str:
        """What the classes are called together."""
        return self.catalog.taxonomy.name

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """A short name of each picture: the first digits of its content hash."""
        short = tuple(key[:_ID_DIGITS] for key in self.catalog.table["key"])
        return short if len(set(short)) == len(short) else tuple(self.catalog.table["key"])

    @cached_property
    def _file_of(self) -> dict[str, tuple[str, str]]:
        table = self.catalog.table
        files = zip(table["file"], table["key"], strict=True)
        return dict(zip(self.ids, files, strict=True))

    def file_of(self, one: str) -> str:
        """The file of a picture; DataError if there is no such picture."""
        return self._found(one)[0]

    def thumb(self, one: str) -> bytes:
        """A small WebP of a picture; empty if it is gone."""
        return read_thumb(self.folder, self._found(one)[1])

    def _found(self, one: str) -> tuple[str, str]:
        if one not in self._file_of:
            raise DataError(f"There is no picture “{one}” here (any more).")
        return self._file_of[one]

    def log(self) -> LabelLog:
        """The log of the labels."""
        return LabelLog(self.folder / LABEL_LOG, self.ids)

    def retitled(self, title: str) -> "UnlabeledSet":
        """The same unlabeled set under another title; DataError if it is empty."""
        if not title.strip():
            raise DataError("A data set needs a name; type at least one letter.")
        with unwritable(DataError, self.folder), locked(self.folder):
            changed = replace(load_unlabeled_set(self.folder), title=title.strip())
            _write(changed)
        return changed


def create_unlabeled_set(
    folder: Path, title: str, catalog: Catalog, labels: Mapping[str, str] | None = None
) -> UnlabeledSet:
    """An unlabeled set of ``catalog``, whose pictures ``keep_picture`` has put into ``folder``.

    ``labels`` are those that some files have already.
    """
    level = catalog.taxonomy.name
    table = catalog.table.assign(**{level: ""}, batch=catalog.table.get("batch", 0))
    report = catalog.report.without(*_BY_LABELS)
    fingerprints(folder, list(table["key"]))  # kept for when it is finished
    unlabeled = UnlabeledSet(folder, title, catalog_of(folder, table, (level,), report), now())
    _write(unlabeled)
    _note_known(unlabeled, catalog, labels or {})
    return unlabeled


def add_pictures(
    unlabeled: UnlabeledSet, catalog: Catalog, labels: Mapping[str, str] | None = None
) -> UnlabeledSet:
    """The unlabeled set with those pictures of ``catalog`` that it lacks, after its own.

    ``keep_picture`` has put them into its folder. ``labels`` are those that some files have
    already; pictures that were there before keep theirs.
    """
    with unwritable(DataError, unlabeled.folder), locked(unlabeled.folder):
        before = load_unlabeled_set(unlabeled.folder)
        table = before.catalog.table
        new = catalog.table[~catalog.table["key"].isin(table["key"])]
        if new.empty:
            return before
        taken = {file.casefold() for file in table["file"]}
        paths = list(map(PurePosixPath, new["file"]))
        files = [unique_name(str(one.with_suffix("")), taken, one.suffix) for one in paths]
        new = new.assign(**{unlabeled.level: "", "batch": int(table["batch"].max()) + 1})
        rows = new.assign(file=files).reindex(columns=list(table))
        added = catalog_of(
            unlabeled.folder,
            pd.concat([table, rows], ignore_index=True),
            (unlabeled.level,),
            before.catalog.report.with_findings(catalog.report.without(*_BY_LABELS).findings),
        )
        after = replace(before, catalog=added)
        _write(after)
        _note_known(after, replace(catalog, table=new), labels or {})
    return after


def unlabeled_set_of(dataset: Dataset) -> UnlabeledSet:
    """The set to label more pictures of a data set in, which has its pictures and their labels.

    That from which it was labeled, if it was, with what was added to the data set since.
    """
    labels = dict(zip(dataset.table["file"], dataset.table[dataset.level], strict=True))
    if not (dataset.folder / UNLABELED_SET).exists():
        return create_unlabeled_set(dataset.folder, dataset.title, dataset.catalog, labels)
    return add_pictures(load_unlabeled_set(dataset.folder), dataset.catalog, labels)


def _note_known(unlabeled: UnlabeledSet, catalog: Catalog, labels: Mapping[str, str]) -> None:
    """Write down the ``labels`` that files of ``catalog`` have from elsewhere."""
    files = zip(catalog.table["file"], catalog.table["key"], strict=True)
    id_of = dict(zip(unlabeled.catalog.table["key"], unlabeled.ids, strict=True))
    known = {id_of[key]: labels[file] for file, key in files if file in labels}
    if known:
        unlabeled.log().append([Known(labels=known)])


def load_unlabeled_set(folder: Path) -> UnlabeledSet:
    """The unlabeled set in ``folder``; DataError if it is damaged, or there is none."""
    with damaged_file(DataError, f"The pictures in “{folder}” cannot be read"):
        content = read_json(folder / UNLABELED_SET, UnlabeledSetFile)
        if content.format != _FORMAT:
            raise DamagedFile(f"its format is {content.format!r}, not {_FORMAT!r}")
        lengths = {len(column) for column in content.table.values()}
        if not {"file", "key", content.level} <= content.table.keys() or len(lengths) != 1:
            raise DamagedFile("its columns have not one value for each picture")
    table, report = pd.DataFrame(content.table), DatasetReport(content.entries, {})
    catalog = catalog_of(folder, table, (content.level,), report)
    return UnlabeledSet(folder, content.title, catalog, content.came)


def _write(unlabeled: UnlabeledSet) -> None:
    table = unlabeled.catalog.table
    content = UnlabeledSetFile(
        _FORMAT,
        unlabeled.title,
        unlabeled.level,
        {str(name): list(table[name]) for name in table},
        unlabeled.catalog.report.findings,
        unlabeled.came,
    )
    with unwritable(DataError, unlabeled.folder):
        write_file(unlabeled.folder / UNLABELED_SET, msgspec.json.encode(content))


def left_out(unlabeled: UnlabeledSet, log: LabelLog) -> str:
    """Which pictures have no class, and so are not in the data set; "" where all have one."""
    answers = log.labels
    counts = Counter(answers.get(one, "") for one in unlabeled.ids)
    said = [(counts[""], "not labeled"), (counts[SKIP], "skipped"), (counts[NONE], "none of these")]
    parts = [f"{n:,} {what}" for n, what in said if n]
    if not parts:
        return ""
    count = sum(n for n, _ in said)
    return f"{pluralize(count, 'picture')} left out: {', '.join(parts)}."


def labeled_catalog(unlabeled: UnlabeledSet, log: LabelLog) -> Catalog:
    """The pictures that have a class, as a catalog; DataError if there are none."""
    answers = log.labels
    given = [answers.get(one, "") for one in unlabeled.ids]
    rows = [row for row, label in enumerate(given) if label not in (NONE, SKIP, "")]
    if not rows:
        raise DataError("No picture has a class yet; label some first.")
    labels = [given[row] for row in rows]
    table = unlabeled.catalog.table.iloc[rows].assign(**{unlabeled.level: labels})
    table = table.reset_index(drop=True)
    groups, pairs = _grouped(unlabeled.folder, table, labels)
    table = table.assign(group=groups)
    files, alike = list(table["file"]), alike_classes(table, unlabeled.level)
    here = set(unlabeled.catalog.table["file"])
    known = unlabeled.catalog.report.findings
    found = [
        *(one for one in known if one.kind not in UNCLASSED or one.file not in here),
        *near_duplicate_findings(files, labels, pairs, alike),
        *check_table(table, (unlabeled.level,)),
    ]
    if words := left_out(unlabeled, log):
        found.insert(0, Finding("assumed", "the labels", f"{words} Go on labeling to add them."))
    return catalog_of(unlabeled.folder, table, (unlabeled.level,), DatasetReport(tuple(found), {}))


def labeled_dataset(unlabeled: UnlabeledSet, log: LabelLog) -> Dataset:
    """As ``finish``, but not kept: to be written elsewhere."""
    return Dataset(unlabeled.folder, unlabeled.title, 0, labeled_catalog(unlabeled, log))


def label_table(unlabeled: UnlabeledSet, log: LabelLog) -> pd.DataFrame:
    """All pictures with the columns file, label ("" for none) and note, why there is none."""
    answers = log.labels
    given = [answers.get(one, "") for one in unlabeled.ids]
    notes = {NONE: "none of these", SKIP: "skipped", "": "not labeled"}
    return pd.DataFrame(
        {
            "file": list(unlabeled.catalog.table["file"]),
            "label": ["" if label in notes else label for label in given],
            "note": [notes.get(label, "") for label in given],
        }
    )


def _grouped(
    folder: Path, table: pd.DataFrame, labels: list[str]
) -> tuple[list[str], list[tuple[int, int]]]:
    keys = list(table["key"])
    prints = fingerprints(folder, keys)
    files, taken, batches = (list(table[name]) for name in ("file", "taken", "batch"))
    return group_pictures(keys, prints, labels, files, taken, batches)


def finish(unlabeled: UnlabeledSet, log: LabelLog) -> Dataset:
    """The pictures that have a class as a data set, in the same folder.

    Where it was finished before, it is an edit of that: pictures that were added there stay.
    """
    catalog = labeled_catalog(unlabeled, log)
    if not (unlabeled.folder / HEAD).exists():
        return create_dataset(unlabeled.folder, unlabeled.title, catalog)
    return load_dataset(unlabeled.folder).with_labeled(
        catalog, frozenset(unlabeled.catalog.table["key"])
    )


def take_over_edits(unlabeled: UnlabeledSet, log: LabelLog, dataset: Dataset) -> None:
    """Note in the log what was relabeled or dropped in the data set since it was finished.

    It is one step, which can be undone. What was dropped is skipped.
    """
    table, answers = dataset.table, log.labels
    now = dict(zip(table["key"], table[dataset.level], strict=True))
    changes: dict[str, str] = {}
    for one, key in zip(unlabeled.ids, unlabeled.catalog.table["key"], strict=True):
        given = answers.get(one, "")
        wanted = now.get(key, SKIP if given not in (NONE, SKIP, "") else given)
        if wanted != given:
            changes[one] = wanted
    if changes:
        log.append([Label(labels=changes)])
