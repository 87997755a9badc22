"""What a picture can be: labels, and the coarser labels they roll up to."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from decor_core.errors import DataError


@dataclass(frozen=True)
class Taxonomy:
    """Named labels, each with its place in an optional coarser taxonomy.

    ``parents[i]`` is the index in ``coarser.labels`` of the label that ``labels[i]`` belongs to.
    """

    name: str
    labels: tuple[str, ...]
    coarser: "Taxonomy | None" = None
    parents: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.labels)) != len(self.labels):
            raise DataError(f"The labels of taxonomy “{self.name}” must differ from each other.")
        if self.coarser is not None and len(self.parents) != len(self.labels):
            raise DataError(
                f"Taxonomy “{self.name}” has {len(self.labels)} labels but "
                f"{len(self.parents)} parents; expected one parent for each label."
            )
        known = range(len(self.coarser.labels) if self.coarser else 0)
        if not all(parent in known for parent in self.parents):
            raise DataError(f"Labels of “{self.name}” belong to none that is coarser.")

    @classmethod
    def from_pairs(cls, name: str, coarser_name: str, parent_of: Mapping[str, str]) -> "Taxonomy":
        """Taxonomy of the keys of ``parent_of``, with its values as the coarser labels."""
        coarse = tuple(dict.fromkeys(parent_of.values()))
        parents = tuple(coarse.index(parent) for parent in parent_of.values())
        return cls(name, tuple(parent_of), cls(coarser_name, coarse), parents)

    @property
    def levels(self) -> tuple["Taxonomy", ...]:
        """This taxonomy and all coarser ones, finest first."""
        return (self, *(self.coarser.levels if self.coarser else ()))

    @property
    def level_names(self) -> tuple[str, ...]:
        return tuple(level.name for level in self.levels)

    def level(self, name: str) -> "Taxonomy":
        """The level called ``name``; DataError names the levels there are."""
        for level in self.levels:
            if level.name == name:
                return level
        known = " and ".join(self.level_names)
        raise DataError(f"There is no taxonomy “{name}” here; choose from: {known}.")

    def restricted(self, labels: Collection[str]) -> "Taxonomy":
        """This taxonomy with only those of its labels that are in ``labels``, and their parents."""
        kept = [i for i, label in enumerate(self.labels) if label in labels]
        names = tuple(self.labels[i] for i in kept)
        if self.coarser is None:
            return Taxonomy(self.name, names)
        coarser = self.coarser.restricted({self.parent_of(name) for name in names})
        parents = tuple(coarser.labels.index(self.parent_of(name)) for name in names)
        return Taxonomy(self.name, names, coarser, parents)

    def joined(self, other: "Taxonomy") -> "Taxonomy":
        """This taxonomy and the labels that only ``other``, of the same levels, has."""
        if self.coarser is None or other.coarser is None:
            return Taxonomy(self.name, tuple(dict.fromkeys((*self.labels, *other.labels))))
        parents = {label: other.parent_of(label) for label in other.labels}
        parents = {label: self.parent_of(label) for label in self.labels} | {
            label: parent for label, parent in parents.items() if label not in self.labels
        }
        return Taxonomy.from_pairs(self.name, self.coarser.name, parents)

    def roll_up(self, probabilities: np.ndarray, name: str) -> np.ndarray:
        """Probabilities [n, labels] summed to those of the level ``name`` [n, its labels]."""
        target = self.level(name)
        if target is self or self.coarser is None:
            return probabilities
        coarse = np.zeros((len(probabilities), len(self.coarser.labels)), probabilities.dtype)
        np.add.at(coarse.T, list(self.parents), probabilities.T)
        return self.coarser.roll_up(coarse, name)

    def parent_of(self, label: str) -> str:
        """The coarser label that ``label`` belongs to."""
        coarser = self.coarser.labels if self.coarser else ()
        return coarser[self.parents[self.labels.index(label)]]


DECOR = Taxonomy.from_pairs(
    "style",
    "country",
    {
        "Gzhel": "Russia",
        "Khokhloma": "Russia",
        "Gorodets": "Russia",
        "Wycinanki łowickie": "Poland",
        "Iznik": "Turkey",
        "Neglyubka": "Belarus",
        "Wzory kaszubskie": "Poland",
    },
)
