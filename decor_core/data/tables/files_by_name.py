"""Names as tables write them → the picture files that are meant."""

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from decor_core.data.folders.names import part_of
from decor_core.text import pluralize

_LABEL_STUDIO = re.compile(r"[0-9a-f]{8}-(?=.)")  # what it puts before the name of an upload
_NUMBER = re.compile(r"\d{1,18}")


def _without_prefix(path: PurePosixPath) -> str:
    return _LABEL_STUDIO.sub("", path.stem.casefold().replace(" ", "_"), count=1)


def _has_prefix(path: PurePosixPath) -> bool:
    return bool(_LABEL_STUDIO.match(path.name.casefold()))


def _number(path: PurePosixPath) -> str:
    return str(int(path.stem)) if _NUMBER.fullmatch(path.stem) else ""


# What a name is looked up by, after its whole path; the last two need to be said.
_FORMS: tuple[Callable[[PurePosixPath], str], ...] = (
    lambda path: path.name,
    lambda path: path.name.casefold(),
    lambda path: path.stem.casefold(),  # a list without endings, or before pictures changed
    _without_prefix,
    _number,
)
_SAID = {
    _without_prefix: "without the eight letters and digits that Label Studio puts before a name",
    _number: "by number, as spreadsheets drop zeros at the front",
}


class FilesByName:
    """Finds the file that a table means: by its whole path, the end of it, its name, or nearly so.

    Names are relative to the folder of the table, ``table`` being its own name there.
    """

    def __init__(self, names: Iterable[str], table: str = "") -> None:
        self._names = set()
        self._by_form = tuple((form, defaultdict(list)) for form in _FORMS)
        self._folder = posixpath.dirname(table)
        self._part = part_of(PurePosixPath(table).stem)  # train.csv tells of train/1.jpg
        self._loose: dict[Callable, list[tuple[str, str]]] = defaultdict(list)
        for name in names:
            self._names.add(name)
            path = PurePosixPath(name)
            for form, files in self._by_form:
                files[form(path)].append(name)

    def find(self, wanted: str) -> list[str]:
        """The files that may be meant; it is clear if it is one."""
        return self._find(wanted)[0]

    def find_noted(self, wanted: str) -> list[str]:
        """The same; how they were found is kept for ``assumed``."""
        found, form = self._find(wanted)
        if len(found) == 1 and form and form in _SAID:
            self._loose[form].append((wanted, found[0]))
        return found

    def assumed(self) -> list[str]:
        """In sentences, which names were matched otherwise than as they are written."""
        return [
            f"{pluralize(len(pairs), 'name')} of the table {'was' if len(pairs) == 1 else 'were'} "
            f"matched {_SAID[form]}: “{pairs[0][0]}” is {pairs[0][1]}."
            for form, pairs in self._loose.items()
        ]

    def count(self, cells: Iterable[str]) -> tuple[int, int]:
        """How many different files the ``cells`` name, and how many of them as they are written."""
        found = {}
        for cell in cells:
            files, form = self._find(cell)
            if files:
                found[files[0]] = form in _SAID
        return len(found), Counter(found.values())[False]

    def _find(self, wanted: str) -> tuple[list[str], Callable | None]:
        wanted = wanted.replace("\\", "/")
        for written in dict.fromkeys((wanted, _path_in_address(wanted))):
            for path in (posixpath.normpath(posixpath.join(self._folder, written)), written):
                if path in self._names:
                    return [path], None
        path = PurePosixPath(written)
        for form, files in self._by_form:
            key = form(path)
            found = files.get(key, []) if key else []
            if form is _without_prefix:  # two different prefixes are two pictures
                found = [n for n in found if _has_prefix(PurePosixPath(n)) != _has_prefix(path)]
            if found:
                return self._nearest(found, written), form
        return [], None

    def _nearest(self, found: list[str], wanted: str) -> list[str]:
        """Of several files, those of the same folders, else in the table's, else of its part."""
        if len(found) == 1:
            return found
        choices = (
            lambda name: f"/{wanted}".endswith(f"/{name}") or f"/{name}".endswith(f"/{wanted}"),
            lambda name: self._folder and name.startswith(f"{self._folder}/"),
            lambda name: self._part is not None and part_of(posixpath.dirname(name)) == self._part,
        )
        for choice in choices:
            nearer = [name for name in found if choice(name)]
            if len(nearer) == 1:
                return nearer
            found = nearer or found
        return found


def _path_in_address(wanted: str) -> str:
    """The path in an address, in whose query Label Studio may hold it (``d=``)."""
    with suppress(ValueError):  # urlsplit knows that it is no address
        parts = urlsplit(wanted)
        if parts.query:
            wanted = parse_qs(parts.query).get("d", [parts.path])[0] or wanted
    return unquote(wanted)
