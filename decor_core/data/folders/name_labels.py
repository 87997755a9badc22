"""Classes that the names of picture files tell: cat.0.jpg, dog_12.jpg, ash-001.png."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from decor_core.data.listing import label_text

_NUMBER_BEHIND = re.compile(r"[\s._\-]+[(\[#]?\d+[)\]]?$|[\s._\-]*[(\[#]\d+[)\]]?$")
_NUMBER_BEFORE = re.compile(r"^[(\[#]?\d+[)\]]?[\s._\-]+")
_AT_THE_END = re.compile(r"\d+$")
_LETTERS = re.compile(r"[^\W\d_]")
_SEPARATORS = " ._-"
# What cameras, phones and programs call pictures.
_NO_CLASSES = re.compile(
    r"(img|dscn?|dcim|dscf|pict?|p|mvimg|pxl|gopr|vid|frame|image|picture|photo|foto|bild|scan|"
    r"screenshot|file|untitled|unnamed|download|sample|test|train|val|x|n|"
    r"whatsapp[ _-]image.*|screenshot.*|photo[ _-].*|image[ _-].*|obraz|imagen|kép|"
    r"снимок|изображение)",
    re.IGNORECASE,
)


def labels_in_names(names: Iterable[str]) -> dict[str, str]:
    """The label that each file's name tells before or after a number; files without are left out.

    A name without a number counts where another with one tells the same: ``cat.jpg`` beside
    ``cat.1.jpg``.
    """
    found, whole = {}, {}
    for name in names:
        stem = PurePosixPath(name).stem
        label = _without_numbers(stem)
        if _LETTERS.search(label):
            (whole if label == stem else found)[name] = label_text(label)
    known = set(found.values())
    return found | {name: label for name, label in whole.items() if label in known}


def _without_numbers(stem: str) -> str:
    label, before = stem, ""
    while label != before:
        before = label
        label = _NUMBER_BEHIND.sub("", _NUMBER_BEFORE.sub("", label))
    if label == stem:
        label = _AT_THE_END.sub("", stem)
    return label.strip(_SEPARATORS)


def seem_to_be_classes(labels: Mapping[str, str], pictures: int) -> bool:
    """Whether such labels are worth a question: two or more, each of several pictures, together of
    a third of all, and not what cameras call their pictures."""
    counts = Counter(labels.values())
    good = {
        label: count
        for label, count in counts.items()
        if count > 1 and not _NO_CLASSES.fullmatch(label) and not re.search(r"\d", label)
    }
    return len(good) > 1 and 3 * sum(good.values()) >= pictures
