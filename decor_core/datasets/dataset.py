"""Pictures of one's own with their labels, kept in a folder: edited in steps that can be undone.

Pictures that were dropped stay on the disk until the set goes: what is undone finds them again.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import pandas as pd

from decor_core.data.catalog import Catalog, taxonomy_of
from decor_core.data.checks import check_table
from decor_core.data.findings import BY_MODEL, BY_TABLE, DatasetReport, Finding
from decor_core.data.sources import normal
from decor_core.datasets.add_images import append_images, describe_change, keep_all, pluralize
from decor_core.datasets.labels import checked_label, labelled, row_labels
from decor_core.datasets.storage import (
    State,
    read_aside,
    read_head,
    read_state,
    read_thumb,
    state_file,
    stored_images,
    write_head,
    write_state,
)
from decor_core.errors import DataError, damaged_file

KEPT_ASIDE = ("unreadable", "unlisted")  # findings about files that can be fetched again


@dataclass(frozen=True, eq=False)
class Dataset:
    """One state of the data set in ``folder``; each edit gives the next, already on the disk.

    ``catalog`` is what can be trained on, with a column batch: 0 for what came first, more for
    what was added later. Its report says what was found. ``dismissed`` are findings, by kind and
    file, that somebody let stand. ``step`` says what the last edit did, ``changed`` when.
    ``checked`` is the version in which a model has looked for what may be mislabelled.
    """

    folder: Path
    title: str
    number: int
    catalog: Catalog
    dismissed: frozenset[tuple[str, str]] = frozenset()
    step: str = ""
    changed: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    checked: str = ""

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def table(self) -> pd.DataFrame:
        return self.catalog.table

    @property
    def level(self) -> str:
        """Name of the finest level of labels."""
        return self.catalog.taxonomy.name

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits that differ when pictures or labels do, and only then."""
        levels = [level.name for level in self.catalog.taxonomy.levels]
        rows = sorted(self.table[["key", "type", *levels]].itertuples(index=False, name=None))
        return blake2b(json.dumps([levels, rows]).encode(), digest_size=6).hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """How many pictures each label of the finest level has, in the taxonomy's order."""
        counts = self.table[self.level].value_counts()
        return {label: int(counts[label]) for label in self.catalog.taxonomy.labels}

    @cached_property
    def open_findings(self) -> tuple[Finding, ...]:
        """What the report says that was neither mended, nor dropped, nor let stand since."""
        return tuple(
            entry
            for entry in self.catalog.report.findings
            if (entry.kind, entry.file) not in self.dismissed and entry.is_open(self.label_of)
        )

    @property
    def open_report(self) -> DatasetReport:
        """The report without what was mended, dropped or dismissed since."""
        return replace(self.catalog.report, findings=self.open_findings)

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the levels of labels, the finest first."""
        return tuple(level.name for level in self.catalog.taxonomy.levels)

    def label_of(self, file: str) -> str:
        """The label of a picture, "" if there is no such picture in the set."""
        return self._label_of.get(file, "")

    def key_of(self, file: str) -> str:
        """The content hash of a picture, "" if there is no such picture in the set."""
        return self._key_of.get(file, "")

    @cached_property
    def _key_of(self) -> dict[str, str]:
        return dict(zip(self.table["file"], self.table["key"], strict=True))

    @cached_property
    def _label_of(self) -> dict[str, str]:
        return dict(zip(self.table["file"], self.table[self.level], strict=True))

    def thumb(self, key: str) -> bytes:
        """A small WebP of the picture with that content hash; empty if it is gone."""
        return read_thumb(self.folder, key)

    # --- edits

    def relabel(self, files: Collection[str], label: str, parent: str = "") -> "Dataset":
        """Give pictures another label, which may be new.

        Where there are two levels, a new label belongs to ``parent``, or else to what most of
        these pictures belonged to. DataError if the label is empty or no picture is there.
        """
        chosen = self._chosen(files)
        step = f"{pluralize(chosen.sum())} relabelled as “{checked_label(label)}”"
        labels = self._row_labels(label, parent, chosen)
        return self._next(step, labelled(self.table, chosen, labels))

    def relabel_each(self, labels: Mapping[str, str]) -> "Dataset":
        """Give each of these files the label that goes with it, in one step."""
        table = self.table
        for label in dict.fromkeys(labels.values()):
            chosen = self._chosen([file for file, wanted in labels.items() if wanted == label])
            values = self._row_labels(label, "", chosen)
            table = labelled(table, chosen, values)
        return self._next(f"{pluralize(len(labels))} relabelled", table)

    def rename(self, label: str, name: str, parent: str = "") -> "Dataset":
        """Call a label of any level otherwise; two labels of one name become one.

        A new name of the finest level belongs to ``parent``, or else to what the old one did.
        """
        level = next((one for one in self.levels if (self.table[one] == label).any()), None)
        if level is None:
            raise DataError(f"There is no class “{label}” (any more).")
        name, chosen = checked_label(name), self.table[level] == label
        if level == self.level:
            labels = self._row_labels(name, parent, chosen)
            table = labelled(self.table, chosen, labels)
        else:
            table = self.table.assign(**{level: self.table[level].mask(chosen, name)})
        entries = tuple(
            replace(entry, suggestion=name) if entry.suggestion == label else entry
            for entry in self.catalog.report.findings
        )
        return self._next(f"“{label}” is “{name}” now", table, entries=entries)

    def drop(self, files: Collection[str]) -> "Dataset":
        """Leave pictures out. DataError if nothing would be left."""
        chosen = self._chosen(files)
        if chosen.all():
            raise DataError("These are all pictures of the data set; delete the set instead.")
        return self._next(f"{pluralize(chosen.sum())} dropped", self.table[~chosen])

    def drop_label(self, label: str) -> "Dataset":
        """Leave a whole class out."""
        return self.drop(self.table["file"][self.table[self.level] == label])

    def dismiss(self, entries: Collection[Finding]) -> "Dataset":
        """Let findings stand: they are not shown again."""
        more = {(entry.kind, entry.file) for entry in entries}
        step = "1 finding kept as it is" if len(more) == 1 else f"{len(more)} findings kept as is"
        return self._next(step, self.table, dismissed=self.dismissed | more)

    def add(
        self, pictures: Sequence[tuple[str, bytes]], label: str, parent: str = ""
    ) -> tuple["Dataset", tuple[Finding, ...]]:
        """Take pictures, name and content, in under ``label``; say which ones cannot be read.

        A picture that is there already gets the label. Where there are two levels, all pictures of
        a new label belong to ``parent``, or else to what most of those belonged to that were there
        already. DataError if none of them can be used, or if nothing tells the parent.
        """
        table, step, near, refused = self._with(pictures, checked_label(label), parent)
        entries = (*self.catalog.report.findings, *near)
        return self._next(step, table, entries=entries), refused

    def accept_rejected(self, files: Sequence[str], label: str, parent: str = "") -> "Dataset":
        """Take files that were set aside in under ``label``; DataError as for ``add``."""
        pictures = [(file, read_aside(self.folder, file)) for file in files]
        table, step, near, refused = self._with(pictures, checked_label(label), parent)
        taken = set(files) - {entry.file for entry in refused}
        entries = self.catalog.report.findings
        left = [e for e in entries if not (e.kind in KEPT_ASIDE and e.file in taken)]
        return self._next(step, table, entries=(*left, *near))

    def _with(
        self, pictures: Sequence[tuple[str, bytes]], label: str, parent: str
    ) -> tuple[pd.DataFrame, str, list[Finding], tuple[Finding, ...]]:
        """The table with further pictures, what was done, which of them are nearly the same as
        others, and which ones cannot be read."""
        came, refused = keep_all(self.folder, pictures)
        again = self.table["key"].isin(came)
        labels = self._row_labels(label, parent, again)
        table = labelled(self.table, again, labels) if again.any() else self.table
        new = {key: told for key, told in came.items() if key not in set(self.table["key"])}
        table, near = append_images(self.folder, table, new, labels)
        step = describe_change(
            len(new), label, self.table.loc[again, self.level].value_counts().to_dict()
        )
        return table, step, near, refused

    def with_model_findings(self, entries: Sequence[Finding]) -> "Dataset":
        """The set with what a model finds in this state, in place of what one found before.

        Edits that were made meanwhile stay; of pictures that they relabelled or dropped nothing
        is said.
        """
        now = load_dataset(self.folder)
        report = now.catalog.report
        kept = [entry for entry in report.findings if entry.kind not in BY_MODEL]
        kept += [e for e in entries if now.label_of(e.file) == self.label_of(e.file)]
        catalog = replace(now.catalog, report=replace(report, findings=tuple(kept)))
        return _written(replace(now, catalog=catalog, checked=self.version))

    @property
    def can_undo(self) -> bool:
        return state_file(self.folder, self.number - 1).exists()

    def undo(self) -> "Dataset":
        """The state before the last edit; DataError if it is not known (any more)."""
        if not self.can_undo:
            raise DataError("There is nothing to undo (any more).")
        write_head(self.folder, self.title, self.number - 1)
        return load_dataset(self.folder)

    def retitled(self, title: str) -> "Dataset":
        """The same set under another title; DataError if it is empty."""
        if not normal(title):
            raise DataError("A data set needs a name; type at least one letter.")
        write_head(self.folder, normal(title), self.number)
        return replace(self, title=normal(title))

    # --- how

    def _row_labels(self, label: str, parent: str, chosen: pd.Series) -> dict[str, str]:
        """The value of each level for the pictures ``chosen`` and others that get ``label``."""
        return row_labels(self.catalog.taxonomy, label, parent, self.table[chosen])

    def _chosen(self, files: Collection[str]) -> pd.Series:
        chosen = self.table["file"].isin(set(files))
        if not chosen.any():
            raise DataError("None of these pictures is in the data set (any more).")
        return chosen

    def _next(
        self,
        step: str,
        table: pd.DataFrame,
        dismissed: frozenset | None = None,
        entries: tuple[Finding, ...] | None = None,
    ) -> "Dataset":
        report, table = self.catalog.report, table.reset_index(drop=True)
        entries = report.findings if entries is None else entries
        told = [entry for entry in entries if entry.kind not in BY_TABLE]
        report = replace(report, findings=(*told, *check_table(table, self.levels)))
        catalog = _catalog(self.folder, table, self.levels, report)
        dismissed = self.dismissed if dismissed is None else dismissed
        return _written(
            replace(
                Dataset(self.folder, self.title, self.number + 1, catalog, dismissed, step),
                checked=self.checked,
            )
        )


def create_dataset(folder: Path, title: str, catalog: Catalog) -> Dataset:
    """The first state of a set whose pictures ``keep_picture`` has put into ``folder``."""
    table = catalog.table.assign(batch=0)
    levels = tuple(level.name for level in catalog.taxonomy.levels)
    return _written(Dataset(folder, title, 0, _catalog(folder, table, levels, catalog.report)))


def load_dataset(folder: Path, number: int | None = None) -> Dataset:
    """The set in ``folder`` as it stands, or its state ``number``; DataError if it is damaged."""
    with damaged_file(DataError, f"The data set in “{folder}” is damaged"):
        title, current = read_head(folder)
        number = current if number is None else number
        state = read_state(folder, number)
    report = DatasetReport(state.entries, {}, state.left_out)
    catalog = _catalog(folder, pd.DataFrame(state.table), state.levels, report)
    dismissed = frozenset(state.settled)
    return Dataset(
        folder, title, number, catalog, dismissed, state.step, state.changed, state.checked
    )


def _written(dataset: Dataset) -> Dataset:
    report = dataset.catalog.report
    state = State(
        table=dataset.table.to_dict(orient="list"),
        levels=tuple(level.name for level in dataset.catalog.taxonomy.levels),
        entries=report.findings,
        left_out=dict(report.left_out),
        settled=sorted(dataset.dismissed),
        step=dataset.step,
        changed=dataset.changed,
        checked=dataset.checked,
    )
    write_state(dataset.folder, dataset.number, state)
    write_head(dataset.folder, dataset.title, dataset.number)
    return dataset


def _catalog(
    folder: Path, table: pd.DataFrame, levels: tuple[str, ...], report: DatasetReport
) -> Catalog:
    taxonomy = taxonomy_of(table, levels)
    counts = table[taxonomy.name].value_counts()
    report = replace(report, counts={label: int(counts[label]) for label in taxonomy.labels})
    keys = dict(zip(table["file"], table["key"], strict=True))
    return Catalog(table, taxonomy, report, stored_images(folder, keys))
