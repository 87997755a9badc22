"""Bytes → text where nobody says in which encoding they are: by the letters that come out."""

import re
from collections.abc import Iterable, Sequence

# Encodings by what people call them, each with the letters that it is mostly there for.
_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґў"
_RARE = "ёіїєґў"
_CENTRAL = "ąćęłńóśźżáčďéěíňřšťúůýžőűăâîşţđöüäß"
_WESTERN = "äöüßéèàçñåæøâêîôûáíóúãõëïœ"
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

    def plausibility(encoding: str) -> float:
        text = joined.decode(encoding, "replace")
        words = sum(_word_score(word, ENCODINGS[encoding][1]) for word in _WORD.findall(text))
        signs = sum(ord(sign) > 127 and not sign.isalnum() for sign in text)
        return words - signs - 3 * text.count("\ufffd") + 20 * sum(name in text for name in names)

    return max(among, key=plausibility)  # the first among equals


def _word_score(word: str, usual: str) -> float:
    """How much a word looks like one: its ``usual`` letters count for, others against it."""
    if word.isascii():
        return 0
    folded = word.replace("İ", "ı").lower()  # whose own small letter is two characters
    cyrillic = sum("\u0400" <= letter <= "\u04ff" for letter in folded)
    asian = len(_ASIAN.findall(folded))
    if 0 < max(cyrillic, asian) < sum(map(str.isalpha, folded)):
        return -len(word)  # no word mixes alphabets
    marked = [letter for letter in folded if not letter.isascii()]
    score = sum(_letter_score(letter, usual) for letter in marked)
    if not cyrillic and 2 * len(marked) > len(word):
        score /= 2  # Latin words are mostly plain letters
    if any(a.islower() and b.isupper() for a, b in zip(word, word[1:], strict=False)):
        score -= 1  # and have no capital after a small letter
    return score


def _letter_score(letter: str, usual: str) -> float:
    if _ASIAN.match(letter):
        return 4  # of two bytes, in words without plain letters
    if letter not in usual:
        return -0.5
    return 0.7 if letter in _RARE else 1
