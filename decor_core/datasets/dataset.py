"""A data set that is kept in a folder and edited in steps that can be undone.

Pictures that were dropped stay on the disk until the set goes: what is undone finds them again.
"""

import json
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import pandas as pd

from decor_core.data.catalog import Catalog, label_counts, taxonomy_of
from decor_core.data.checks import check_table
from decor_core.data.findings import BY_MODEL, BY_TABLE, UNCLASSED, DatasetReport, Finding
from decor_core.datasets.editing import (
    append_images,
    checked_label,
    describe_change,
    labels_by_level,
    store_images,
    with_labels,
)
from decor_core.datasets.storage import (
    HEAD,
    Head,
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
from decor_core.errors import ChangedMeanwhile, DataError, damaged_file, unwritable
from decor_core.io import locked
from decor_core.text import normal, pluralize

KEPT_ASIDE = ("unreadable", *UNCLASSED)  # findings about files that can be fetched again


@dataclass(frozen=True, eq=False)
class Dataset:
    """One state of the data set in ``folder``; each edit gives the next, already on the disk.

    An edit of a state that is not the one on the disk (any more) raises ChangedMeanwhile.
    ``catalog`` is what can be trained on, with a column batch: 0 for what came first, more for
    what was added later. Its report says what was found. ``dismissed`` are findings, by kind and
    file, that somebody let stand. ``step`` says what the last edit did, ``changed`` when (UTC, ISO
    8601). ``checked`` is the version in which a model has looked for what may be mislabeled,
    ``revision`` what the disk calls this state.
    """

    folder: Path
    title: str
    number: int
    catalog: Catalog
    dismissed: frozenset[tuple[str, str]] = frozenset()
    step: str = ""
    changed: str = ""
    checked: str = ""
    revision: str = ""

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

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the levels of labels, the finest first."""
        return self.catalog.taxonomy.level_names

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits that differ when pictures or labels do, and only then."""
        columns = ["key", "type", *self.levels]
        rows = sorted(self.table[columns].itertuples(index=False, name=None))
        return blake2b(json.dumps([self.levels, rows]).encode(), digest_size=6).hexdigest()

    @property
    def counts(self) -> Mapping[str, int]:
        """How many pictures each label of the finest level has, in the taxonomy's order."""
        return self.catalog.report.counts

    @cached_property
    def open_findings(self) -> tuple[Finding, ...]:
        """What the report says that was neither put right nor dismissed since."""
        return tuple(
            finding
            for finding in self.catalog.report.findings
            if (finding.kind, finding.file) not in self.dismissed and finding.is_open(self.label_of)
        )

    @property
    def unclassed(self) -> list[str]:
        """Files set aside as they have no class, neither by a table nor by a folder."""
        found = [one for kind in UNCLASSED for one in self.catalog.report.of(kind)]
        return [finding.file for finding in found if finding.set_aside]

    @property
    def open_report(self) -> DatasetReport:
        """The report with the open findings alone."""
        return replace(self.catalog.report, findings=self.open_findings)

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

    # Edits

    def relabel(self, files: Collection[str], label: str, parent: str = "") -> "Dataset":
        """Give pictures another label, which may be new.

        Where there are two levels, a new label belongs to ``parent``, or else to what most of
        these pictures belonged to. DataError if the label is empty or no picture is there.
        """
        chosen = self._chosen(files)
        labels = self._labels(label, parent, chosen)
        step = f"{pluralize(int(chosen.sum()), 'picture')} relabeled as “{labels[self.level]}”"
        return self._next(step, with_labels(self.table, chosen, labels))

    def relabel_each(self, labels: Mapping[str, str]) -> "Dataset":
        """Give each of these files the label that goes with it, in one step."""
        table = self.table
        for label in dict.fromkeys(labels.values()):
            chosen = self._chosen([file for file, wanted in labels.items() if wanted == label])
            table = with_labels(table, chosen, self._labels(label, "", chosen))
        return self._next(f"{pluralize(len(labels), 'picture')} relabeled", table)

    def rename(self, label: str, name: str, parent: str = "") -> "Dataset":
        """Call a label of any level otherwise; two labels of one name become one.

        A new name of the finest level belongs to ``parent``, or else to what the old one did.
        """
        level = next((one for one in self.levels if (self.table[one] == label).any()), None)
        if level is None:
            raise DataError(f"There is no class “{label}” (any more).")
        name, chosen = checked_label(name), self.table[level] == label
        labels = self._labels(name, parent, chosen) if level == self.level else {level: name}
        findings = [
            replace(finding, suggestion=name) if finding.suggestion == label else finding
            for finding in self.catalog.report.findings
        ]
        table = with_labels(self.table, chosen, labels)
        return self._next(f"“{label}” is “{name}” now", table, findings)

    def drop(self, files: Collection[str]) -> "Dataset":
        """Leave pictures out. DataError if nothing would be left."""
        chosen = self._chosen(files)
        if chosen.all():
            raise DataError("These are all pictures of the data set; delete the set instead.")
        return self._next(f"{pluralize(int(chosen.sum()), 'picture')} dropped", self.table[~chosen])

    def drop_label(self, label: str) -> "Dataset":
        """Leave a whole class out."""
        return self.drop(self.table["file"][self.table[self.level] == label])

    def dismiss(self, findings: Collection[Finding]) -> "Dataset":
        """Let findings stand: they are not shown again."""
        more = {(finding.kind, finding.file) for finding in findings}
        step = "1 finding kept as it is" if len(more) == 1 else f"{len(more)} findings kept as is"
        return replace(self, dismissed=self.dismissed | more)._next(step, self.table)

    def add(
        self,
        pictures: Sequence[tuple[str, bytes]],
        label: str,
        parent: str = "",
        solves: Collection[str] = (),
    ) -> tuple["Dataset", tuple[Finding, ...]]:
        """Take pictures, name and content, in under ``label``; say which ones cannot be read.

        A picture that is there already gets the label. Where there are two levels, all pictures of
        a new label belong to ``parent``, or else to what most of those belonged to that were there
        already. Findings of the kinds ``solves`` about what could be taken in are over. DataError
        if none of them can be used, or if nothing tells the parent.
        """
        label = checked_label(label)
        images, refused = store_images(self.folder, pictures)
        known = self.table["key"].isin([image.key for image in images])
        labels = self._labels(label, parent, known)
        keys = set(self.table["key"])
        table, near = append_images(
            self.folder,
            with_labels(self.table, known, labels),
            [image for image in images if image.key not in keys],
            labels,
        )
        again = dict(Counter(self.table.loc[known, self.level]).most_common())
        step = describe_change(len(table) - len(self.table), label, again)
        taken = {name for name, _ in pictures} - {finding.file for finding in refused}
        findings = [f for f in self.catalog.report.findings
                    if not (f.kind in solves and f.file in taken)]  # fmt: skip
        return self._next(step, table, [*findings, *near]), refused

    def accept_rejected(self, files: Sequence[str], label: str, parent: str = "") -> "Dataset":
        """Take files that were set aside in under ``label``; DataError as for ``add``."""
        pictures = [(file, read_aside(self.folder, file)) for file in files]
        return self.add(pictures, label, parent, solves=KEPT_ASIDE)[0]

    def with_labeled(self, catalog: Catalog, keys: Collection[str]) -> "Dataset":
        """The pictures of ``catalog``, which were labeled on, in place of those with these keys.

        Findings are those of the catalog; of pictures that were added here they stay.
        """
        own = self.table[~self.table["key"].isin(set(keys))]
        files = set(own["file"])
        findings = [f for f in self.catalog.report.findings if f.file in files]
        labeled = catalog.table
        if (taken := labeled["file"].isin(files)).any():  # of one name, but another picture
            labeled = labeled.assign(
                file=labeled["file"].mask(taken, labeled["key"] + "-" + labeled["file"])
            )
        table = pd.concat([labeled, own], ignore_index=True) if len(own) else labeled
        step = f"{pluralize(len(labeled), 'picture')} labeled"
        return self._next(step, table, [*catalog.report.findings, *findings])

    def with_model_findings(self, findings: Sequence[Finding]) -> "Dataset":
        """The set with what a model finds in this state, in place of what one found before.

        Edits that were made meanwhile stay; of pictures that they relabeled or dropped nothing
        is said.
        """
        with _changing(self.folder) as head:
            now = load_dataset(self.folder)
            report = now.catalog.report.without(*BY_MODEL).with_findings(
                finding for finding in findings
                if now.label_of(finding.file) == self.label_of(finding.file)
            )  # fmt: skip
            catalog = replace(now.catalog, report=report)
            return _written(replace(now, catalog=catalog, checked=self.version), head)

    @property
    def can_undo(self) -> bool:
        return state_file(self.folder, self.number - 1).exists()

    def undo(self) -> "Dataset":
        """The state before the last edit; DataError if it is not known (any more)."""
        if not self.can_undo:
            raise DataError("There is nothing to undo (any more).")
        with _changing(self.folder) as head:
            self._check_unchanged(head)
            before = replace(head, number=self.number - 1, revision=_new_revision())
            write_head(self.folder, before)
            return load_dataset(self.folder)

    def retitled(self, title: str) -> "Dataset":
        """The same set under another title; DataError if it is empty."""
        if not normal(title):
            raise DataError("A data set needs a name; type at least one letter.")
        with _changing(self.folder) as head:
            write_head(self.folder, replace(head, title=normal(title)))
        return replace(self, title=normal(title))

    def _chosen(self, files: Collection[str]) -> pd.Series:
        chosen = self.table["file"].isin(set(files))
        if not chosen.any():
            raise DataError("None of these pictures is in the data set (any more).")
        return chosen

    def _labels(self, label: str, parent: str, chosen: pd.Series) -> dict[str, str]:
        """The label at each level of the pictures ``chosen`` and others that get ``label``."""
        return labels_by_level(self.catalog.taxonomy, label, parent, self.table[chosen])

    def _next(
        self, step: str, table: pd.DataFrame, findings: Sequence[Finding] | None = None
    ) -> "Dataset":
        """The state after an edit: what the table alone tells is found anew."""
        report, table = self.catalog.report, table.reset_index(drop=True)
        if findings is not None:
            report = replace(report, findings=tuple(findings))
        report = report.without(*BY_TABLE).with_findings(check_table(table, self.levels))
        catalog = catalog_of(self.folder, table, self.levels, report)
        after = replace(self, number=self.number + 1, catalog=catalog, step=step, changed=now())
        with _changing(self.folder) as head:
            self._check_unchanged(head)
            return _written(after, head)

    def _check_unchanged(self, head: Head) -> None:
        if (head.number, head.revision) != (self.number, self.revision):
            raise ChangedMeanwhile(
                f"“{head.title}” was changed meanwhile, by somebody else or in another tab; look "
                "at it as it is now, then try again."
            )


def create_dataset(folder: Path, title: str, catalog: Catalog) -> Dataset:
    """The first state of a set whose pictures ``keep_picture`` has put into ``folder``."""
    table, levels = catalog.table.assign(batch=0), catalog.taxonomy.level_names
    catalog = catalog_of(folder, table, levels, catalog.report)
    return _written(Dataset(folder, title, 0, catalog, changed=now()), Head(title, 0))


def begin_dataset(
    folder: Path,
    title: str,
    levels: Sequence[str],
    pictures: Sequence[tuple[str, bytes]],
    labels: Mapping[str, str],
) -> Dataset:
    """A new set in ``folder`` of pictures, name and content, with those ``labels`` by level.

    DataError if none of them can be used.
    """
    images, refused = store_images(folder, pictures)
    table, near = append_images(folder, pd.DataFrame(columns=["file"]), images, labels)
    findings = (*refused, *near, *check_table(table, levels))
    report = DatasetReport(findings, {})
    return create_dataset(folder, title, catalog_of(folder, table, levels, report))


def load_dataset(folder: Path, number: int | None = None) -> Dataset:
    """The set in ``folder`` as it stands, or its state ``number``; DataError if it is damaged."""
    with damaged_file(DataError, f"The data set in “{folder}” is damaged"):
        head = read_head(folder)
        number = head.number if number is None else number
        state = read_state(folder, number)
    report = DatasetReport(state.entries, {}, state.left_out, state.read_as)
    catalog = catalog_of(folder, pd.DataFrame(state.table), state.levels, report)
    dismissed = frozenset(state.settled)
    return Dataset(
        folder,
        head.title,
        number,
        catalog,
        dismissed,
        state.step,
        state.changed,
        state.checked,
        head.revision,
    )


def edited(dataset: Dataset, change: Callable[[Dataset], Dataset]) -> Dataset:
    """What ``change`` makes of the set; of the set as it is then, where that changed meanwhile."""
    try:
        return change(dataset)
    except ChangedMeanwhile:
        return change(load_dataset(dataset.folder))


@contextmanager
def _changing(folder: Path) -> Iterator[Head]:
    """The head of the set in ``folder``, which nobody else changes in the block."""
    with unwritable(DataError, folder), locked(folder.parent):
        if not (folder / HEAD).exists():
            raise DataError(f"There is no data set “{folder.name}” (any more): it was deleted.")
        with damaged_file(DataError, f"The data set in “{folder}” is damaged"):
            head = read_head(folder)
        yield head


def _new_revision() -> str:
    return secrets.token_hex(4)


def _written(dataset: Dataset, head: Head) -> Dataset:
    """Write a state, in place of that of ``head``."""
    report = dataset.catalog.report
    state = State(
        table={str(name): list(dataset.table[name]) for name in dataset.table},
        levels=dataset.levels,
        entries=report.findings,
        left_out=dict(report.left_out),
        read_as=report.read_as,
        settled=sorted(dataset.dismissed),
        step=dataset.step,
        changed=dataset.changed,
        checked=dataset.checked,
    )
    write_state(dataset.folder, dataset.number, state)
    head = replace(head, number=dataset.number, revision=_new_revision())
    write_head(dataset.folder, head)
    return replace(dataset, title=head.title, revision=head.revision)


def catalog_of(
    folder: Path, table: pd.DataFrame, levels: Sequence[str], report: DatasetReport
) -> Catalog:
    """The catalog of pictures that are kept in ``folder``; counts in the report are made anew."""
    taxonomy = taxonomy_of(table, levels)
    report = replace(report, counts=label_counts(table, taxonomy))
    keys = dict(zip(table["file"], table["key"], strict=True))
    return Catalog(table, taxonomy, report, stored_images(folder, keys))


def now() -> str:
    """The time as data sets keep it: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
