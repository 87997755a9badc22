"""Text: in words for people, safe to print, and as it is compared."""

import re
import unicodedata

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def pluralize(count: int, noun: str) -> str:
    """“1 picture”, “2 pictures” …"""
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"


def size_in_words(size: int) -> str:
    """Bytes as people say them."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def printable(text: str) -> str:
    """Text that is safe to show in a terminal: names may hold control and direction characters."""
    return _UNSAFE.sub("�", text)


def normal(text: str) -> str:
    """Text as it is compared: composed letters (NFC), no blanks around it."""
    return unicodedata.normalize("NFC", text).strip()
