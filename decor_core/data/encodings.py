"""Bytes → text where nobody says in which encoding they are: by the letters that come out."""

import re
from collections.abc import Iterable, Sequence

# Encodings by what people call them, each with the letters that it is mostly there for.
_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґў"
_RARE = "ёіїєґў"
_CENTRAL = "ąćęłńóśźżáčďéěíňřšťúůýžőűăâîşţđöüäß"
_WESTERN = "äöüßéèàçñåæøêôûáíóúãõëïœ"
_TURKISH = "ışğçöüâî"
ENCODINGS = {
    "cp1252": ("Western European (Windows-1252)", _WESTERN),
    "cp1250": ("Central European (Windows-1250)", _CENTRAL),
    "cp1251": ("Cyrillic (Windows-1251)", _CYRILLIC),
    "cp1254": ("Turkish (Windows-1254)", _TURKISH),
    "shift_jis": ("Japanese (Shift JIS)", ""),
    "cp437": ("Western (DOS 437)", _WESTERN),
    "cp866": ("Cyrillic (DOS 866)", _CYRILLIC),
    "cp852": ("Central European (DOS 852)", _CENTRAL),
    "cp857": ("Turkish (DOS 857)", _TURKISH),
}
TEXTS = ("cp1252", "cp1250", "cp1251", "cp1254", "shift_jis")  # what spreadsheets write
ZIP_NAMES = ("cp437", "cp866", "cp852", "cp857", "cp1252", "cp1250", "cp1251", "shift_jis")

_BOMS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_WORD = re.compile(r"\w+")
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1f]")
_ASIAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


def decode(data: bytes, expected: Iterable[str] = ()) -> tuple[str, str]:
    """The text in ``data``, and "" or what it was taken for, where that was a guess.

    A byte order mark decides, then UTF-8 where it fits, then zeros in every other byte (UTF-16),
    then the encoding in which most ``expected`` names appear, or whose letters make most sense.
    UnicodeError where it is no text at all.
    """
    for bom, encoding in _BOMS.items():
        if data.startswith(bom):
            return data.decode(encoding), ""
    if b"\0" in data:
        wide = "utf-16-le" if data[1::2].count(0) >= data[::2].count(0) else "utf-16-be"
        if data.count(0) < len(data) / 4:
            raise UnicodeError("zeros in it")
        text = data.decode(wide)
        if _CONTROL.search(text):
            raise UnicodeError("control characters in it")
        return text, "UTF-16"
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        encoding = likeliest([data], TEXTS, expected)
        return data.decode(encoding, "replace"), ENCODINGS[encoding][0]


def likeliest(texts: Sequence[bytes], among: Sequence[str], expected: Iterable[str] = ()) -> str:
    """Of the encodings ``among``, the one in which all ``texts`` together make most sense."""
    names = [name for name in set(expected) if not name.isascii()]
    joined = b"\n".join(texts)

    def sense(encoding: str) -> float:
        text = joined.decode(encoding, "replace")
        return _sense(text, ENCODINGS[encoding][1]) + 20 * sum(name in text for name in names)

    return max(among, key=sense)  # the first among equals


def _sense(text: str, usual: str) -> float:
    """How much text looks like words: its usual letters count for, other signs against it."""
    total = -3.0 * text.count("\ufffd")
    for word in _WORD.findall(text):
        if word.isascii():
            continue
        folded = word.lower()
        cyrillic = sum("\u0400" <= letter <= "\u04ff" for letter in folded)
        letters = sum(letter.isalpha() for letter in folded)
        if 0 < max(cyrillic, len(_ASIAN.findall(folded))) < letters:
            total -= len(word)  # no word mixes alphabets
            continue
        if any(a.islower() and b.isupper() for a, b in zip(word, word[1:], strict=False)):
            total -= 1  # nor small and capital letters like this
        marked = sum(not letter.isascii() for letter in folded)
        crowded = not cyrillic and 2 * marked > len(word)  # Latin words are mostly plain letters
        for letter in folded:
            if not letter.isascii():
                total += _worth(letter, usual) * (0.5 if crowded else 1)
    signs = sum(1 for sign in text if ord(sign) > 127 and not sign.isalnum())
    return total - signs


def _worth(letter: str, usual: str) -> float:
    if _ASIAN.match(letter):
        return 4  # of two bytes, in words without plain letters
    return -0.5 if letter not in usual else 0.7 if letter in _RARE else 1
