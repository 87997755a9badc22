"""The vectors of a whole data set with its labels: chosen from, joined, saved, loaded."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pandas as pd

from decor_core.data.catalog import UNTYPED
from decor_core.errors import (
    BundleError,
    DamagedFile,
    DataError,
    check_kind,
    checked_path,
    damaged_file,
    kind_of,
    unwritable,
)
from decor_core.features.copies_choice import CopiesChoice
from decor_core.features.embedder import Block, EmbeddingSpec, read_spec
from decor_core.features.own_networks import OWN, OwnNetwork, own_network_here
from decor_core.features.region_choice import RegionChoice
from decor_core.features.vectors import LazyVectors
from decor_core.io import json_as, read_arrays, read_json, replacing_file
from decor_core.shipped import MODELS, restorable
from decor_core.taxonomy import Taxonomy
from decor_core.text import pluralize

SHIPPED = MODELS / "embeddings" / "decor.npz"
_FORMAT = "decor-embeddings/1"
# Numbers in vectors that are more than this stay in half precision in memory (15,000 pictures),
# and are saved as they are: they hardly compress, which takes long.
_MANY_NUMBERS = 1 << 26


@dataclass(frozen=True)
class Embeddings:
    """Vectors [n, d] of n pictures, float32, and what is known of each picture.

    ``table`` has a row for each: file, key (SHA-256 of its content), group (near duplicates
    share one), type, and a column for each level of ``taxonomy``. ``copies`` [n, k, d] are
    vectors of k distorted copies of each picture, to train on beside it; k may be 0. Very many
    are LazyVectors, which read as arrays. ``copies_choice`` and
    ``region_choice`` give the reasons for k and for the region of the spec, where the data decided.
    """

    spec: EmbeddingSpec
    digest: str
    blocks: tuple[Block, ...]
    taxonomy: Taxonomy
    table: pd.DataFrame
    vectors: np.ndarray
    copies: np.ndarray
    copies_choice: CopiesChoice | None = None
    region_choice: RegionChoice | None = None

    @property
    def network(self) -> OwnNetwork | None:
        """The network without a public name that made them, stored in models trained on them.

        None for a named one; BackboneError where it is not here.
        """
        name = self.spec.architecture
        return own_network_here(name) if name.startswith(OWN) else None

    def target(self, level: str) -> tuple[Taxonomy, np.ndarray]:
        """The taxonomy of ``level`` and the class [n] of each picture in it.

        Only labels that have pictures count.
        """
        taxonomy = self.taxonomy.level(level).restricted(set(self.table[level]))
        return taxonomy, pd.Categorical(self.table[level], taxonomy.labels).codes.astype(np.int64)

    def of_types(self, *types: str) -> "Embeddings":
        """The pictures of these types only, e.g. ``"product"``; DataError if there are none."""
        for one in types:
            check_kind(one, str, "types of picture", DataError)
        chosen = self.table["type"].isin(types).to_numpy()
        if not chosen.any():
            known = ", ".join(sorted(set(self.table["type"])))
            raise DataError(
                f"There are no pictures of type “{', '.join(types)}” here; choose from: {known}."
            )
        return self.rows(chosen)

    def rows(self, chosen: np.ndarray) -> "Embeddings":
        """The pictures that a mask [n] or row numbers choose; DataError where it is neither."""
        n = len(self.table)
        expected = f"Expected a mask of {pluralize(n, 'picture')}, or row numbers below {n}"
        try:
            rows = np.arange(n)[chosen]
        except (IndexError, ValueError) as error:  # ValueError: lists of unlike length
            raise DataError(f"{expected}; {error}.") from error
        if np.ndim(rows) != 1:
            raise DataError(f"{expected}, but got {kind_of(chosen)}.")
        return replace(
            self,
            table=self.table.iloc[rows].reset_index(drop=True),
            vectors=self.vectors[rows],
            copies=self.copies[rows],
        )

    def at_level(self, name: str) -> "Embeddings":
        """The same pictures with the labels of that level, and coarser ones, only."""
        taxonomy = self.taxonomy.level(name)
        finer = {level.name for level in self.taxonomy.levels}
        finer -= {level.name for level in taxonomy.levels}
        return replace(self, taxonomy=taxonomy, table=self.table.drop(columns=list(finer)))

    def without_vectors(self) -> "Embeddings":
        """Everything known of the pictures but vectors and copies, which take the memory."""
        return replace(self, vectors=self.vectors[:0].copy(), copies=self.copies[:0].copy())

    def without_copies(self) -> "Embeddings":
        """The pictures alone."""
        return replace(self, copies=self.copies[:, :0])

    def joined(self, other: "Embeddings") -> "Embeddings":
        """These pictures and those of ``other``; one that is in both has the label it has there.

        DataError where they were not made alike, or do not have the same levels of labels.
        """
        check_kind(other, Embeddings, "Embeddings", DataError)
        levels = [level.name for level in self.taxonomy.levels]
        if (self.spec, self.digest, self.copies.shape[1], levels) != (
            other.spec,
            other.digest,
            other.copies.shape[1],
            [level.name for level in other.taxonomy.levels],
        ):
            raise DataError(
                "These pictures cannot be learnt from together: they were embedded otherwise, or "
                "have other kinds of labels."
            )
        mine = self.rows(~self.table["key"].isin(other.table["key"]).to_numpy())
        table = pd.concat([mine.table, other.table], ignore_index=True)
        return replace(
            self,
            taxonomy=self.taxonomy.joined(other.taxonomy),
            table=table,
            vectors=np.concatenate([mine.vectors, other.vectors]),
            copies=np.concatenate([mine.copies, other.copies]),
        )

    def save(self, path: str | Path) -> None:
        """Write one npz file, vectors in half precision; BundleError where the disk refuses."""
        path = checked_path(path, "a file to write", BundleError)
        header = {
            "format": _FORMAT,
            "spec": self.spec,
            "digest": self.digest,
            "blocks": self.blocks,
            "taxonomy": self.taxonomy,
            "table": self.table.to_dict(orient="list"),
        }
        save = np.savez if are_many(self.vectors.shape, self.copies.shape) else np.savez_compressed
        with (
            unwritable(BundleError, path),
            replacing_file(path) as partial,
            partial.open("wb") as file,
        ):
            save(
                file,
                header=np.array(msgspec.json.encode(header).decode()),
                vectors=self.vectors.astype(np.float16),
                copies=self.copies.astype(np.float16),
            )

    @classmethod
    def load(cls, path: str | Path = SHIPPED) -> "Embeddings":
        """Read what ``save`` wrote; BundleError if it is missing or damaged."""
        path = checked_path(path, "a file of vectors", BundleError)
        damage = f"The picture vectors in “{path}” cannot be read"
        advice = "make them again, as .npz by Decor or as Parquet by “embed”"
        with restorable(path), damaged_file(BundleError, damage, advice):
            arrays = read_arrays(path)
            content = read_json(str(arrays["header"]).encode("utf-8", "replace"), dict[str, Any])
            if content.get("format") != _FORMAT:
                raise DamagedFile(f"its format is {content.get('format')!r}, not {_FORMAT!r}")
            return _from_header(json_as(content, _Header), arrays["vectors"], arrays["copies"])


@dataclass(frozen=True)
class _Header:
    """JSON in a file of vectors."""

    spec: dict[str, Any]
    digest: str
    blocks: tuple[Block, ...]
    taxonomy: Taxonomy
    table: dict[str, list[Any]]


def _from_header(header: _Header, vectors: np.ndarray, copies: np.ndarray) -> Embeddings:
    """DamagedFile where the parts of a file do not fit each other.

    Pictures without a type are products, as in a catalog.
    """
    n, width = len(vectors), header.blocks[-1].stop if header.blocks else 0
    table = {"type": [UNTYPED] * n, **header.table}
    levels = [level.name for level in header.taxonomy.levels]
    for name in ("file", "key", "group", "type", *levels):
        if len(table.get(name, ())) != n or not all(isinstance(text, str) for text in table[name]):
            raise DamagedFile(f"its column “{name}” does not hold one text for each picture")
    if {array.dtype.kind for array in (vectors, copies)} != {"f"}:
        raise DamagedFile("its vectors are not numbers")
    if vectors.shape != (n, width) or copies.shape != (n, *copies.shape[1:2], width):
        raise DamagedFile(f"its vectors have shapes {vectors.shape} and {copies.shape}")
    return Embeddings(
        read_spec(header.spec),
        header.digest,
        header.blocks,
        header.taxonomy,
        pd.DataFrame(table),
        *in_memory(vectors, copies),
    )


def are_many(*shapes: tuple[int, ...]) -> bool:
    """Whether vectors of these shapes are kept in half precision."""
    return sum(map(math.prod, shapes)) > _MANY_NUMBERS


def in_memory(vectors: np.ndarray, copies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in single precision, or as they are where they are very many in half precision."""
    if vectors.dtype == copies.dtype == np.float16 and are_many(vectors.shape, copies.shape):
        return cast(np.ndarray, LazyVectors(vectors)), cast(np.ndarray, LazyVectors(copies))
    return vectors.astype(np.float32, copy=False), copies.astype(np.float32, copy=False)
