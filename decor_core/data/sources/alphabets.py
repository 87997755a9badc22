"""What texts in a language are made of: how many bits each of its letters is worth.

A letter that is there once in a thousand takes ten bits. The fewer bits a reading of some bytes
takes, the more probable it is. Shares are round numbers: alphabets differ by far more.
"""

import math
import re
from functools import cache, lru_cache

from decor_core.data.sources.common_han import COMMON_HAN

# Letters of alphabets that are not Latin, the commonest first.
_ALPHABETS = {
    "Russian": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
    "Ukrainian": "оанивіетрслкудмпязьбгйчхцюжїєщшфґ'",
    "Bulgarian": "аиоетнрсвлкдпмзгуъчбцйхщжяшюфь",
    "Greek": "αοιετσνηυρπκμλςάίόέγδωήθύχφβξώζψϊϋΐΰ",
    "Hebrew": "יוהלמארתבשנםדקעחפפגצטכזסןךץף",
    "Arabic": "اليمنرتوبةدسعفحهكجقأشطصخإىضزثذغءئآظؤ",
    "Persian": "اینردهمتوسبشکزگفقلخجعپحآصطچضغظذثئژء",
    "Thai": "านรอกเงมยลวดทตสปะ่้ีิแบัหคพจ์ขไชถผใซโุูำึืธศโณฟภ็ฉฐฝญษๆฎฮฬฏฆฤฑฒ๊ฌฃ๋ฅฦๅ",
}
# Of Latin alphabets the letters with marks, the commonest first; how many in a hundred are such.
_MARKED = {
    "German": ("üäößéë", 2),
    "French": ("éèàêçâîôûëùïœ", 4),
    "Spanish": ("óáíéñúü", 2.5),
    "Portuguese": ("ãçáéíóêõâúôàü", 4),
    "Italian": ("àèùòìé", 1),
    "Swedish": ("äåöé", 4),
    "Danish": ("øåæéö", 3),
    "Icelandic": ("íðáóöéþæúý", 10),
    "Polish": ("łąężśćóńź", 7),
    "Czech": ("áíěéčřžýšůúňóťď", 12),
    "Slovak": ("áíéčžýšúľťôňďäóŕĺ", 9),
    "Hungarian": ("áéöóőíüúű", 10),
    "Romanian": ("ăţşâîșț", 5),
    "Croatian": ("čšžćđ", 3.5),
    "Turkish": ("ıüşçöğâîû", 10),
    "Lithuanian": ("ėšžįųčąęū", 7),
    "Latvian": ("āīēšūņļžķčģ", 9),
    "Estonian": ("äõüöšž", 5),
    "Vietnamese": (
        "đàáạảãâầấậẩẫăằắặẳẵèéẹẻẽêềếệểễìíịỉĩòóọỏõôồốộổỗơờớợởỡùúụủũưừứựửữỳýỵỷỹ",
        25,
    ),
}
ALPHABETIC = frozenset(_ALPHABETS) - {"Hebrew", "Arabic", "Persian", "Thai"} | frozenset(_MARKED)
LANGUAGES = (*_ALPHABETS, *_MARKED, *COMMON_HAN, "Korean")

# Bits against languages that fewer people write.
RARITY = {
    **dict.fromkeys(("Czech", "Hungarian", "Danish", "Swedish", "Italian"), 0.5),
    **dict.fromkeys(("Romanian", "Ukrainian", "Greek", "Hebrew", "Arabic", "Persian", "Thai"), 1),
    **dict.fromkeys(("Lithuanian", "Latvian"), 1.5),
    **dict.fromkeys(("Slovak", "Croatian", "Bulgarian"), 2),
    "Estonian": 3,
    "Icelandic": 4,
}
# Plain letters that are in foreign words only.
_FOREIGN = {
    "French": "kw",
    "Spanish": "kw",
    "Portuguese": "kwy",
    "Italian": "jkwxy",
    "Swedish": "qwz",
    "Danish": "cqwxz",
    "Icelandic": "cqwz",
    "Polish": "qvx",
    "Czech": "gqwx",
    "Slovak": "qwx",
    "Hungarian": "qwx",
    "Romanian": "kqwy",
    "Croatian": "qwxy",
    "Turkish": "qwx",
    "Lithuanian": "qwx",
    "Latvian": "qwxy",
    "Estonian": "cqwxyz",
    "Vietnamese": "fjwz",
}
# What no word of the language has.
_NEVER = {
    language: re.compile(pattern)
    for language, pattern in {
        "German": "^ß|[^aeiouyäöüß]ß",
        "French": "ç(?![aouâ])|^[èêëïûù]|[êâîû]$",
        "Spanish": "ñ(?![aeiouáéíóú])",
        "Portuguese": "ã(?![oe]|$)|[^çhln]ã$|õ(?!e)|ç(?![aouãõáóâ])",
        "Icelandic": "^ð",
        "Polish": "[ńśćź][aeiouyąęó]|^[ąęń]",
        "Czech": "^[ěůý]|rě|[ďťň][eiěí]|[aeiouyáéíóúůý]ě|ů[aeiouy]",
        "Slovak": "[ďťňľ][eií]|^[ýĺŕ]",
        "Hungarian": "[őűöü][áóú]|[aáoóuú][őű]",
        "Romanian": "ă[oaeăi]|â$",
        "Croatian": "đ$",
        "Turkish": "^ğ|[^aeıioöuüâ]ğ",
        "Lithuanian": "[ąęųū]{2}|^[ėų]",
        "Latvian": "[āēīū]{2}",
        "Estonian": "õ$",
        "Vietnamese": "[ăắằẳẵặ](?![cmnpt])",
        "Greek": "ς(?!$)|σ$|[βγδζθφψξ]σ",
        "Russian": "^[ьъы]|[ьъ][аоуыэьъ]|[аеёиоуыэюя]ь",
        "Ukrainian": "^[ьи]|[аеєиіїоуюя]ь",
        "Bulgarian": "^ь|ь(?!о)|ъ$|ъ[аеиоуюяъ]",
        "Hebrew": "[ךםןףץ](?!$)",
        "Arabic": "^[ءئؤةى]|[ةى](?!$)",
        "Persian": "^[ءئ]|[ةى]",
        "Thai": "^[ะัาำิีึืุู็่้๊๋์]|[เแโใไ]([ะัาำิีึืุู็่้๊๋์]|$)|[่้๊๋]{2}",
    }.items()
}

# How often the parts of Korean syllables are there, in percent, in Unicode's order.
_SYLLABLE = (
    (12, 1, 8, 7, 1.5, 8, 6, 6, 0.5, 10, 1, 15, 8, 0.5, 3, 1.5, 3, 3, 8),
    (18, 4, 2, 0.1, 9, 5, 5, 0.5, 10, 2, 1, 2, 2, 10, 1, 0.3, 1.5, 1.5, 9, 1, 17),
    (55, 6, 0.2, 0.1, 12, 0.1, 0.2, 0.5, 8, 0.3, 0.1, 0.1, 0.02, 0.02, 0.02, 0.1, 5, 2, 0.2, 1.5)
    + (1, 8, 0.5, 0.3, 0.2, 0.5, 0.5, 0.3),
)
# The set in which a character's place tells whether it is common, and the last common first byte.
_CHINESE = {"Simplified Chinese": ("gb2312", 0xD7), "Traditional Chinese": ("big5", 0xC6)}
_KANJI = ("euc_jp", 0xCF)
_COMMON, _USUAL, _RARE, _UNKNOWN = 9.5, 11.8, 15.5, 20.0  # bits of a Han character
_KANA, _NARROW_KANA, _HANJA = 6.5, 10.0, 18.0


@cache
def letters_of(language: str) -> dict[str, float]:
    """How many bits each letter takes; of a Latin alphabet, those with marks; else none."""
    letters, percent = _MARKED.get(language, (_ALPHABETS.get(language, ""), 100))
    weights = [math.exp(-3.3 * rank / len(letters)) for rank in range(len(letters))]
    return {
        letter: -math.log2(percent / 100 * weight / sum(weights))
        for letter, weight in zip(letters, weights, strict=True)
    }


@lru_cache(65536)
def east_asian_bits(letter: str, language: str) -> float | None:
    """How many bits a letter of a Chinese, Japanese or Korean text takes; None if it is none."""
    code = ord(letter)
    han = 0x3400 <= code < 0xA000
    if letter in COMMON_HAN.get(language, ""):
        return _COMMON
    if language in _CHINESE:
        return _han_bits(letter, *_CHINESE[language]) if han else None
    if language == "Japanese":
        if 0x3040 <= code < 0x3100:
            return _KANA
        if 0xFF66 <= code < 0xFFA0:
            return _NARROW_KANA
        return _han_bits(letter, *_KANJI) if han else None
    if language == "Korean" and 0xAC00 <= code < 0xD7A4:
        syllable = code - 0xAC00
        parts = (syllable // 588, syllable % 588 // 28, syllable % 28)
        shares = [weights[i] / sum(weights) for weights, i in zip(_SYLLABLE, parts, strict=True)]
        return -math.log2(math.prod(shares))
    return _HANJA if language == "Korean" and han else None


def _han_bits(letter: str, character_set: str, last_common: int) -> float:
    try:
        code = letter.encode(character_set)
    except UnicodeError:
        return _UNKNOWN
    return _UNKNOWN if len(code) > 2 else _USUAL if code[0] <= last_common else _RARE


def spelling_bits(word: str, language: str) -> float:
    """How many bits the spelling of a word in small letters speaks against the language."""
    bits = 3.0 * len(set(_FOREIGN.get(language, "")) & set(word))
    if language in _NEVER and not word.isascii():
        bits += 6 * len(_NEVER[language].findall(word))
    return bits
