"""Training data of a model, to be named and found again: pictures, copies, corrections."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from decor_core.errors import DamagedFile, TrainingError
from decor_core.features.embedder import EmbeddingSpec
from decor_core.images.augment import STANDARD, Augmentation
from decor_core.io import json_as
from decor_core.model.bundle import Bundle
from decor_core.text import pluralize

MAX_COPIES = 6
_SHIPPED = "Decor photos"
# What models are said to be trained on that do not tell more of it.
_SHIPPED_BEFORE = ("decor", "decor, no copies", "Decor products")


@dataclass(frozen=True)
class TrainingData:
    """Training pictures, and the spec of their vectors.

    ``set_id`` is the data set, "" for the photos whose vectors ship, ``title`` and ``version``
    are those it had; ``augmentation`` distorts the copies that learn along (None: there are none).
    ``corrections`` is the set of corrections, ``taught`` how many of them there were. With
    ``only_worthwhile`` there are copies only where the data tell that they are worth their time;
    whether they were, ``augmentation`` says in the end.
    """

    set_id: str = ""
    title: str = _SHIPPED
    version: str = ""
    spec: EmbeddingSpec = field(default_factory=EmbeddingSpec)
    augmentation: Augmentation | None = STANDARD
    corrections: str = ""
    taught: int = 0
    only_worthwhile: bool = field(default=False, compare=False)

    @property
    def name(self) -> str:
        """In a few words, e.g. “Tiles (3f2a91), 2 copies, 3 corrections”."""
        words = f"{self.title} ({self.version[:6]})" if self.version else self.title
        if self.augmentation != STANDARD:
            words += f", {_copies(self.augmentation)}"
        if self.taught:
            words += f", {pluralize(self.taught, 'correction')}"
        return words

    def with_copies(self, count: int) -> "TrainingData":
        """The same with the number of copies that there are of each picture."""
        return self if count else replace(self, augmentation=None)

    def to_json(self) -> dict[str, Any]:
        """For the manifest of a model; its network and views are there already."""
        settings = asdict(self)
        del settings["spec"], settings["only_worthwhile"]
        return settings

    @classmethod
    def of(cls, bundle: Bundle) -> "TrainingData | None":
        """The training data that a model names; None where it is not known or makes no sense."""
        stored = bundle.training.get("material")
        if stored is None:
            shipped = bundle.training.get("data") in _SHIPPED_BEFORE
            copies = None if bundle.training.get("data") == _SHIPPED_BEFORE[1] else STANDARD
            return cls(spec=bundle.embedding, augmentation=copies) if shipped else None
        try:
            found = json_as(stored, cls, only_known=True)
        except (DamagedFile, TrainingError):
            return None
        copies = found.augmentation.copies if found.augmentation else 0
        if not 0 <= copies <= MAX_COPIES or not stored.keys() >= found.to_json().keys():
            return None
        return replace(found, spec=bundle.embedding)


def _copies(augmentation: Augmentation | None) -> str:
    if augmentation is None or not augmentation.copies:
        return "no copies"
    count = f"{augmentation.copies} {'copy' if augmentation.copies == 1 else 'copies'}"
    if augmentation.degrade or augmentation.background:
        return count
    parts = ["flip"] * augmentation.flip
    for name in ("crop", "scale", "brightness"):
        share = getattr(augmentation, name)
        parts += [f"{name} {share:g} %"] if share else []
    return f"{count} ({', '.join(parts) or 'as they are'})"
