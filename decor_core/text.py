"""Text: in words for people, safe to print, and as it is compared."""

import re
import unicodedata
from collections.abc import Sequence

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def plural(noun: str) -> str:
    """More than one of a noun: styles, countries, classes."""
    if noun.endswith("y"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"


def pluralize(count: int, noun: str) -> str:
    """E.g. “1 class”, “2,000 pictures”."""
    return f"{count:,} {noun if count == 1 else plural(noun)}"


def listed(items: Sequence[str], most: int) -> str:
    """E.g. “a, b and c”; where there are more than ``most`` + 1, the first and how many more."""
    shown = list(items)
    if len(shown) > most + 1:
        shown[most:] = [f"{len(shown) - most} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def quoted_list(names: Sequence[str], most: int) -> str:
    """The same of names in quotes."""
    return listed([f"“{name}”" for name in names], most)


def format_bytes(size: float) -> str:
    """A number of bytes, as “1.5 MiB”. (humanize, which the app has, is none of the core's.)"""
    for unit, name in ((2**30, "GiB"), (2**20, "MiB")):
        if size >= unit:
            return f"{size / unit:.1f}".removesuffix(".0") + f" {name}"
    return f"{size / 2**10:.0f} KiB" if size >= 2**10 else pluralize(int(size), "byte")


def printable(text: str) -> str:
    """Text that is safe to show in a terminal: names may hold control and direction characters."""
    return _UNSAFE.sub("�", text)


def normal(text: str) -> str:
    """Text as it is compared: composed letters (NFC), no blanks around it."""
    return unicodedata.normalize("NFC", text).strip()
