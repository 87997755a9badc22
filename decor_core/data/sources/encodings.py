"""Bytes → text where nobody says in which encoding they are: by the letters that come out.

Each encoding is tried with each language that is written in it. The one wins in which what comes
out is the most probable: letters of one alphabet, common ones, in words as the language has them.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from decor_core.data.sources.alphabets import (
    ALPHABETIC,
    LANGUAGES,
    RARITY,
    east_asian_bits,
    letters_of,
    spelling_bits,
)

_WESTERN = (
    ("German", "French", "Spanish", "Portuguese", "Italian", "Swedish", "Danish", "Icelandic")
)  # fmt: skip
_CENTRAL = ("Polish", "Czech", "Slovak", "Hungarian", "Romanian", "Croatian", "German")
_CYRILLIC = ("Russian", "Ukrainian", "Bulgarian")
_BALTIC = ("Lithuanian", "Latvian", "Estonian", "German")


@dataclass(frozen=True)
class Encoding:
    """An encoding: what people call it and the languages it is for.

    ``rarity`` is how many bits speak against it before anything is read: of names in a zip, and of
    other texts. Zips made by Windows have the old letters of DOS, its texts have not.
    """

    title: str
    languages: tuple[str, ...]
    rarity: tuple[float, float]


ENCODINGS = {
    "cp437": Encoding("Western (DOS 437)", _WESTERN, (0, 9)),
    "cp850": Encoding("Western European (DOS 850)", _WESTERN, (1, 9)),
    "cp852": Encoding("Central European (DOS 852)", _CENTRAL, (2, 9)),
    "cp866": Encoding("Cyrillic (DOS 866)", _CYRILLIC, (1, 9)),
    "cp737": Encoding("Greek (DOS 737)", ("Greek",), (1, 9)),
    "cp857": Encoding("Turkish (DOS 857)", ("Turkish",), (3, 9)),
    "cp862": Encoding("Hebrew (DOS 862)", ("Hebrew",), (2, 9)),
    "cp720": Encoding("Arabic (DOS 720)", ("Arabic",), (2, 9)),
    "cp775": Encoding("Baltic (DOS 775)", _BALTIC, (3, 11)),
    "cp865": Encoding("Nordic (DOS 865)", ("Danish", "Swedish"), (3, 9)),
    "gb18030": Encoding("Chinese (GBK)", ("Simplified Chinese",), (0, 0)),
    "big5hkscs": Encoding("Chinese (Big5)", ("Traditional Chinese",), (1, 1)),
    "cp949": Encoding("Korean (CP949)", ("Korean",), (0, 0)),
    "cp932": Encoding("Japanese (Shift JIS)", ("Japanese",), (0, 0)),
    "euc_jp": Encoding("Japanese (EUC-JP)", ("Japanese",), (6, 6)),
    "cp874": Encoding("Thai (Windows-874)", ("Thai",), (1, 1)),
    "cp1252": Encoding("Western European (Windows-1252)", _WESTERN, (1, 0)),
    "cp1250": Encoding("Central European (Windows-1250)", _CENTRAL, (3, 2)),
    "cp1251": Encoding("Cyrillic (Windows-1251)", _CYRILLIC, (2, 0)),
    "cp1253": Encoding("Greek (Windows-1253)", ("Greek",), (2, 0)),
    "cp1254": Encoding("Turkish (Windows-1254)", ("Turkish",), (3, 2)),
    "cp1255": Encoding("Hebrew (Windows-1255)", ("Hebrew",), (2, 0)),
    "cp1256": Encoding("Arabic (Windows-1256)", ("Arabic", "Persian"), (2, 0)),
    "cp1257": Encoding("Baltic (Windows-1257)", _BALTIC, (4, 3)),
    "cp1258": Encoding("Vietnamese (Windows-1258)", ("Vietnamese",), (4, 2)),
    "koi8_u": Encoding("Cyrillic (KOI8)", _CYRILLIC, (4, 4)),
    "iso8859_2": Encoding("Central European (ISO 8859-2)", _CENTRAL, (5, 4)),
    "utf-8": Encoding("UTF-8", LANGUAGES, (-12, -12)),
}

_BOMS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1f]")
_BETWEEN_WORDS = re.compile(r"[\s_/.,;0-9-]+", re.ASCII)
_READ = 2**16  # bytes that are judged; more tell no more
_MAX_WORDS = 120
_SURE = 12  # bits
_BROKEN = 3  # characters that an encoding may fail at: names are cut off

# Bits. A plain letter; one that the language lacks; signs, by their category in Unicode.
_PLAIN, _STRANGE, _SIGN = 4.5, 13.0, 14.0
_SIGNS = {"So": 17.0, "Zs": 17.0, "Co": 25.0, "Cc": 25.0}
_PUNCTUATION = dict.fromkeys("’‘“”–—…«»„€°", 10.0) | {"\ufffd": 25.0}
_MIXED, _CAPITAL_INSIDE, _CAPITALS = 10.0, 6.0, 4.0
_INSIDE, _NAME_FOUND = 4.0, 30.0
_SIGN_INSIDE = re.compile(r"(?<=[^\W\d_])[^\w\0-\x7f’\u0e00-\u0e7f](?=[^\W\d_])")
_VOWELS = frozenset("aeiouyæøœıаеёиоуыэюяіїєъαεηιουω")


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
        lines = [line for line in data.splitlines() if not line.isascii()]
        encoding = likeliest(lines, expected=expected)
        return _decoded(data, encoding), ENCODINGS[encoding].title


def decode_names(names: Sequence[str | bytes], *, in_zip: bool = True) -> tuple[list[str], str]:
    """Names as text, and "" or the encoding that was guessed for those given as bytes.

    One archive was made by one tool, so its names are judged together; only those that are surely
    UTF-8 are taken for it one by one.
    """
    unclear = {name for name in names if isinstance(name, bytes) and not _surely_utf8(name)}
    encoding = likeliest(sorted(unclear), in_zip=in_zip) if unclear else "utf-8"
    decoded = [
        name if isinstance(name, str) else _decoded(name, encoding if name in unclear else "utf-8")
        for name in names
    ]
    return decoded, "" if encoding == "utf-8" else ENCODINGS[encoding].title


def _surely_utf8(name: bytes) -> bool:
    """Whether it is UTF-8 and has letters enough for that to be no chance.

    One of eight pairs of high bytes happens to be a letter of UTF-8, and one of 32 triples.
    """
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if any(unicodedata.category(letter) in ("Co", "Cn") for letter in text):
        return False
    bits = sum(5 if len(letter.encode()) > 2 else 3 for letter in text if not letter.isascii())
    return bits >= _SURE


def _decoded(data: bytes, encoding: str) -> str:
    return unicodedata.normalize("NFC", data.decode(encoding, "replace"))


def likeliest(texts: Sequence[bytes], *, in_zip: bool = False, expected: Iterable[str] = ()) -> str:
    """The encoding in which all ``texts`` together make most sense.

    They are names ``in_zip``s, or else texts, in which some ``expected`` names may appear.
    """
    joined = b"\n".join(dict.fromkeys(texts))[:_READ]
    names = [name for name in set(expected) if not name.isascii()]
    best, least = "cp1252", float("inf")
    for name, encoding in ENCODINGS.items():
        text = _decoded(joined, name)
        if text.count("\ufffd") > (0 if name == "utf-8" else _BROKEN):
            continue
        words = list(dict.fromkeys(filter(None, _BETWEEN_WORDS.split(text))))
        words = sorted(words, key=str.isascii)[:_MAX_WORDS]
        found = _NAME_FOUND * sum(expected_name in text for expected_name in names)
        for language in encoding.languages:
            bits = encoding.rarity[not in_zip] + RARITY.get(language, 0) - found
            bits += sum(_word_bits(word, language) for word in words)
            if bits < least:
                best, least = name, bits
    return best


def _word_bits(word: str, language: str) -> float:
    """How many bits a word takes in a language."""
    small = word.replace("İ", "i").lower()  # whose own small letter is two characters
    bits = spelling_bits(small, language)
    if word.isascii():
        return bits + _PLAIN * len(word)
    bits += sum(_letter_bits(letter, language) for letter in small)
    bits += _INSIDE * len(_SIGN_INSIDE.findall(word))
    bits += _MIXED * (len(set(map(_script, filter(_is_letter, word)))) > 1)
    if language in ALPHABETIC:
        inside = sum(a.islower() and b.isupper() for a, b in zip(word, word[1:], strict=False))
        bits += _CAPITAL_INSIDE * inside + _rhythm_bits(small)
        bits += _CAPITALS if len(word) > 1 and word.isupper() else word[0].isupper()
    return bits


def _letter_bits(letter: str, language: str) -> float:
    if letter.isascii():
        return _PLAIN
    known = letters_of(language).get(letter) or east_asian_bits(letter, language)
    if known is not None:
        return known
    if _is_letter(letter):
        return _STRANGE if letters_of(language) else _STRANGE + 5
    if letter in _PUNCTUATION:
        return _PUNCTUATION[letter]
    return _SIGNS.get(unicodedata.category(letter), _SIGN)


def _is_letter(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LM"  # marks are letters, too, as Thai vowels


def _script(letter: str) -> str:
    """The alphabet of a letter, roughly: those of East Asia are one."""
    return unicodedata.name(letter, "?").split()[0] if ord(letter) < 0x2E80 else "Asian"


def _rhythm_bits(word: str) -> float:
    """How many bits speak against a word without vowels, or with many of a kind in a row."""
    plain = unicodedata.normalize("NFD", word)
    kinds = "".join("v" if c in _VOWELS else "c" for c in plain if c.isalpha() and c != "ь")
    lacking = 5.0 * (len(kinds) > 2 and "v" not in kinds)
    return lacking + 2.5 * sum(len(run) - 1 for run in re.findall(r"c{3}c+|vv+(?=v)", kinds))
