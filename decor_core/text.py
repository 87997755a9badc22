"""Text: in words for people, safe to print, and as it is compared."""

import re
import unicodedata
from collections.abc import Sequence

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def pluralize(count: int, noun: str) -> str:
    """“1 picture”, “2 pictures” …"""
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"


def quoted_list(names: Sequence[str], most: int) -> str:
    """“a”, “b” and “c”; where there are more than ``most`` + 1, the first and how many more."""
    quoted = [f"“{name}”" for name in names]
    if len(quoted) > most + 1:
        quoted[most:] = [f"{len(quoted) - most} more"]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def size_in_words(size: float) -> str:
    """Bytes as people say them. (humanize, which the app has, is no dependency of the core.)"""
    for unit, name in ((2**30, "GiB"), (2**20, "MiB")):
        if size >= unit:
            return f"{size / unit:.1f}".removesuffix(".0") + f" {name}"
    return f"{size / 2**10:.0f} KiB"


def printable(text: str) -> str:
    """Text that is safe to show in a terminal: names may hold control and direction characters."""
    return _UNSAFE.sub("�", text)


def normal(text: str) -> str:
    """Text as it is compared: composed letters (NFC), no blanks around it."""
    return unicodedata.normalize("NFC", text).strip()
