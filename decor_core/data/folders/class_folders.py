"""Class folders → one row for each picture."""

from collections.abc import Sequence
from dataclasses import replace

from decor_core.data.findings import Finding
from decor_core.data.folders.layout import FolderLayout, named, read_folders
from decor_core.data.folders.tree import folder_of
from decor_core.data.listing import Listing, Row, label_text, with_valid_labels
from decor_core.data.tables.table import TABLE_ENDINGS
from decor_core.errors import DataError
from decor_core.images.formats import has_picture_ending, is_picture_name
from decor_core.taxonomy import DECOR

# Files that “prepare” and a downloaded data set have beside their class folders.
PREPARED_FILES = {"report.json", "pictures.csv"}
_THE_FOLDERS = "the folders"


def list_class_folders(
    names: Sequence[str], folders: Sequence[str] = (), classes_from: str = ""
) -> Listing:
    """Pictures labeled by a folder that they lie in, or by ``classes_from``: see layout.

    ``folders`` are those without any file. What is in no class is reported, as is what was assumed.
    DataError if there are no class folders.
    """
    layout = read_folders(names, classes_from)
    rows, refused = with_valid_labels(Row(n, "", (label,)) for n, label in layout.labels.items())
    if not rows:
        raise DataError(_why_not(layout))
    findings = [Finding("assumed", _THE_FOLDERS, text) for text in layout.assumed]
    findings += [
        Finding("unlisted" if has_picture_ending(name) else "ignored", name, why, set_aside=True)
        for name, why in layout.left_out.items()
    ]
    findings += _other_files(names)
    labels = {row.labels[0] for row in rows}
    for label in sorted(_folders_beside_classes(layout, names, folders) - labels - {""}):
        findings.append(Finding("empty class", label, "There is no picture in this folder."))
    levels: tuple[str, ...] = ("class",)
    if labels <= set(DECOR.labels):
        levels = ("style", "country")
        rows = [replace(r, labels=(r.labels[0], DECOR.parent_of(r.labels[0]))) for r in rows]
    elif labels <= set(DECOR.level("country").labels):
        levels = ("country",)
    return Listing(levels, tuple(rows), (*findings, *refused), layout.read_as)


def _other_files(names: Sequence[str]) -> list[Finding]:
    """Findings on the files that are no pictures by their names, but for those at the top."""
    own = PREPARED_FILES if set(names) >= PREPARED_FILES else ()
    findings = []
    for name in names:
        if is_picture_name(name):
            continue
        if name.lower().endswith(TABLE_ENDINGS) and name not in own:
            message = "The folders tell the classes; this table was not read."
        elif folder_of(name):
            message = "Its ending is not that of a picture."
        else:
            continue
        findings.append(Finding("ignored", name, message, set_aside=True))
    return findings


def _folders_beside_classes(
    layout: FolderLayout, names: Sequence[str], empty: Sequence[str]
) -> set[str]:
    """The labels of folders that lie where class folders do, with pictures or not."""
    places = {folder[:at] for folder, at in layout.class_at.items()}
    known = set(layout.roles)
    found = set()
    for folder in {*map(folder_of, names), *(tuple(name.split("/")) for name in empty)}:
        for depth in range(len(folder)):
            inside = folder[: depth + 1]
            if folder[:depth] in places and inside not in known:
                found.add(label_text(folder[depth]))
    return found


def _why_not(layout: FolderLayout) -> str:
    """Why there are no class folders, and what can be done."""
    expected = "expected one folder for each class, named like the class, with its pictures in it"
    if layout.classes_from:
        return f"There are no classes to be had from “{layout.classes_from}” here: {expected}."
    why = f"There are no pictures in class folders here; {expected}."
    if passed := sorted({folder[-1] for folder in layout.roles}):
        why = (
            f"There are no class folders here: {named(passed)} "
            f"{'is' if len(passed) == 1 else 'are'} called like parts of a data set, or like any "
            f"folder of pictures; {expected}."
        )
        if len(passed) > 1:
            why += " If they are the classes, say --classes_from folder."
    if layout.question:
        why += f" {layout.question} If so, say --classes_from name."
    return why
