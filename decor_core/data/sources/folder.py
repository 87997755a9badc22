"""A folder → its files by name, within limits; links that lead out of it are left out."""

import os
from dataclasses import replace
from pathlib import Path

from decor_core.data.findings import Finding
from decor_core.data.sources.archives import Contents, SourceLimits, readable_names
from decor_core.data.sources.clutter import is_clutter
from decor_core.errors import DataError


def read_folder(root: Path, name: str, limits: SourceLimits) -> Contents:
    """All regular files below a folder, called ``name`` in messages.

    Links lead nowhere outside of it, and folders that are links are not entered: they may run in
    circles. DataError where there are more files than the ``limits`` allow.
    """
    found, within = Contents(), root.resolve()

    def note(kind: str, file: str, message: str) -> None:
        found.notes.append(Finding(kind, file, message, set_aside=True))

    def walk(folder: Path, prefix: str) -> None:
        try:
            with os.scandir(folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            reason = error.strerror or "unknown reason"
            note("unreadable", prefix.rstrip("/") or name, f"The folder cannot be read ({reason}).")
            return
        for entry in ordered:
            inside, path = prefix + entry.name, Path(entry.path)
            if is_clutter(entry.name, entry.is_dir(follow_symlinks=False)):
                continue
            if entry.is_symlink() and (problem := _why_not_followed(path, within)):
                note("ignored", inside, problem)
            elif entry.is_dir():
                found.folders.append(inside)
                walk(path, f"{inside}/")
            elif entry.is_file():
                found.files.append((inside, path))
                if len(found.files) > limits.max_files:
                    raise DataError(
                        f"“{name}” holds more than {limits.max_files:,} files, which is the most "
                        "that are allowed; please choose a folder with fewer."
                    )

    walk(root, "")
    return _with_readable_names(found)


def _with_readable_names(found: Contents) -> Contents:
    """The same, with the letters that names most likely mean which are not in UTF-8."""
    unclear = {
        part: os.fsencode(part)
        for one in (*(file for file, _ in found.files), *found.folders,
                    *(note.file for note in found.notes))
        for part in one.split("/")
        if any("\ud800" <= letter <= "\udfff" for letter in part)  # bytes that Python escaped
    }  # fmt: skip
    decoded, on_names = readable_names(list(unclear.values()))
    readable = dict(zip(unclear, decoded, strict=True))

    def named(path: str) -> str:
        return "/".join(readable.get(part, part) for part in path.split("/"))

    return Contents(
        [(named(file), path) for file, path in found.files],
        list(map(named, found.folders)),
        [*on_names, *(replace(note, file=named(note.file)) for note in found.notes)],
    )


def _why_not_followed(link: Path, root: Path) -> str:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: links in a circle
        return "It is a link that leads nowhere."
    if target.is_dir():
        return "It is a link to a folder; such links are not followed."
    if not target.is_relative_to(root) or not target.is_file():
        return "It is a link to a place outside of the folder; it is not followed."
    return ""
