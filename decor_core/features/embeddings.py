"""The vectors of a whole data set with its labels: made from a catalog, cached, saved, loaded."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pandas as pd

from decor_core.config import cache_directory, is_hosted
from decor_core.data.catalog import UNTYPED, Catalog
from decor_core.data.quality_checks import MEASURES
from decor_core.data.scan import ShouldStop
from decor_core.errors import BundleError, DamagedFile, DataError, Stopped, damaged_file
from decor_core.features.backbones import MODELS, OwnNetwork, network_to_carry, restorable
from decor_core.features.embedder import Block, EmbeddingSpec, ImageEmbedder, read_spec
from decor_core.features.region_choice import RegionChoice
from decor_core.features.vectors import LazyVectors
from decor_core.features.worn_copies import CopiesChoice, choose_copies, sample_rows
from decor_core.images.augment import Augmentation, distort
from decor_core.images.decode import DECODER_VERSION, load_picture
from decor_core.io import json_as, read_arrays, read_json, replacing_file
from decor_core.parallel import map_in_order
from decor_core.taxonomy import Taxonomy

SHIPPED = MODELS / "embeddings" / "decor.npz"
_FORMAT = "decor-embeddings/1"
# Numbers in vectors that are more than this stay in half precision in memory (15,000 pictures),
# and are saved as they are: they hardly compress, which takes long.
_MANY_NUMBERS = 1 << 26
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Embeddings:
    """Vectors [n, d] of n pictures, float32, and what is known of each picture.

    ``table`` has a row for each: file, key (SHA-256 of its content), group (near duplicates
    share one), type, and a column for each level of ``taxonomy``. ``copies`` [n, k, d] are
    vectors of k distorted copies of each picture, to train on beside it; k may be 0. Very many
    are LazyVectors, which read as arrays. ``copies_choice`` says why k is what it is, where the
    data told.
    ``region_choice`` tells why the pictures are read as the spec says, where the data told.
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
        """The network that made them, which a model trained on them brings along; None if named.

        BackboneError where it is not here.
        """
        return network_to_carry(self.spec.architecture)

    def target(self, level: str) -> tuple[Taxonomy, np.ndarray]:
        """The taxonomy of ``level`` and the class [n] of each picture in it.

        Only labels that have pictures count.
        """
        taxonomy = self.taxonomy.level(level).restricted(set(self.table[level]))
        return taxonomy, pd.Categorical(self.table[level], taxonomy.labels).codes.astype(np.int64)

    def of_types(self, *types: str) -> "Embeddings":
        """The pictures of these types only, e.g. ``"product"``; DataError if there are none."""
        chosen = self.table["type"].isin(types).to_numpy()
        if not chosen.any():
            known = ", ".join(sorted(set(self.table["type"])))
            raise DataError(
                f"There are no pictures of type “{', '.join(types)}” here; choose from: {known}."
            )
        return self.rows(chosen)

    def rows(self, chosen: np.ndarray) -> "Embeddings":
        """The pictures that a mask or an index array chooses."""
        return replace(
            self,
            table=self.table.iloc[chosen].reset_index(drop=True),
            vectors=self.vectors[chosen],
            copies=self.copies[chosen],
        )

    def at_level(self, name: str) -> "Embeddings":
        """The same pictures with the labels of that level, and coarser ones, only."""
        taxonomy = self.taxonomy.level(name)
        finer = {level.name for level in self.taxonomy.levels}
        finer -= {level.name for level in taxonomy.levels}
        return replace(self, taxonomy=taxonomy, table=self.table.drop(columns=list(finer)))

    def without_vectors(self) -> "Embeddings":
        """What is known of the pictures, without what takes the memory."""
        return replace(self, vectors=self.vectors[:0].copy(), copies=self.copies[:0].copy())

    def without_copies(self) -> "Embeddings":
        """The pictures alone."""
        return replace(self, copies=self.copies[:, :0])

    def joined(self, other: "Embeddings") -> "Embeddings":
        """These pictures and those of ``other``; one that is in both has the label it has there.

        DataError where they were not made alike, or do not have the same levels of labels.
        """
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
        """Write one npz file, vectors in half precision."""
        header = {
            "format": _FORMAT,
            "spec": self.spec,
            "digest": self.digest,
            "blocks": self.blocks,
            "taxonomy": self.taxonomy,
            "table": self.table.to_dict(orient="list"),
        }
        save = np.savez if _are_many(self.vectors, self.copies) else np.savez_compressed
        with replacing_file(Path(path)) as partial, partial.open("wb") as file:
            save(
                file,
                header=np.array(msgspec.json.encode(header).decode()),
                vectors=self.vectors.astype(np.float16),
                copies=self.copies.astype(np.float16),
            )

    @classmethod
    def load(cls, path: str | Path = SHIPPED) -> "Embeddings":
        """Read what ``save`` wrote; BundleError if it is missing or damaged."""
        path = Path(path)
        damage = f"The picture vectors in “{path}” cannot be read"
        with restorable(path), damaged_file(BundleError, damage, "make them again"):
            arrays = read_arrays(path)
            content = read_json(str(arrays["header"]).encode("utf-8", "replace"), dict[str, Any])
            if content.get("format") != _FORMAT:
                raise DamagedFile(f"its format is {content.get('format')!r}, not {_FORMAT!r}")
            return _from_header(json_as(content, _Header), arrays["vectors"], arrays["copies"])


@dataclass(frozen=True)
class _Header:
    """What a file of vectors says of them, in JSON."""

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


def _are_many(vectors: np.ndarray, copies: np.ndarray) -> bool:
    return math.prod(vectors.shape) + math.prod(copies.shape) > _MANY_NUMBERS


def in_memory(vectors: np.ndarray, copies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in single precision, or as they are where they are very many in half precision."""
    if vectors.dtype == copies.dtype == np.float16 and _are_many(vectors, copies):
        return cast(np.ndarray, LazyVectors(vectors)), cast(np.ndarray, LazyVectors(copies))
    return vectors.astype(np.float32, copy=False), copies.astype(np.float32, copy=False)


def embed_catalog(
    catalog: Catalog,
    spec: EmbeddingSpec,
    *,
    augmentation: Augmentation | None = None,
    only_worthwhile: bool = False,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    should_stop: ShouldStop | None = None,
) -> Embeddings:
    """Embed every picture of ``catalog``, and its distorted copies if an augmentation is given.

    With ``only_worthwhile`` copies are made only where they are worth their time, as
    ``choose_copies`` tells; ``copies_choice`` of the embeddings says which.
    What was embedded before comes from the ``cache`` folder: pictures are known by content. On a
    server for strangers nothing is cached but in a folder that is named here; OSError where that
    cannot be made.
    Stopped if ``should_stop`` says so; what was embedded by then stays in the cache.
    """
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)  # whoever names it wants to know
    if not len(catalog.table):
        raise DataError("There is no usable picture in the data set; see the report.")
    embedder = ImageEmbedder(spec)
    # On a server for strangers nothing of what they bring gets into the common cache.
    may_keep = cache is not None or not is_hosted()
    store = _Store(cache or cache_directory() / "vectors", embedder, may_keep)
    # Pictures that vectors are joined with were not measured, and JSON knows no NaN.
    table = catalog.table.drop(columns=list(MEASURES.values()), errors="ignore")
    augmentation = augmentation or Augmentation(copies=0)
    looking = _Looking(catalog, embedder, store, augmentation, progress, should_stop)
    level, copies, choice = catalog.taxonomy.name, range(augmentation.copies), None
    pictures = list(zip(table["file"], table["key"], strict=True))
    sample = sample_rows(table, level) if only_worthwhile and copies else np.arange(0)
    looking.total = len(pictures) * (2 if len(sample) else 1) + len(sample)
    if len(sample):
        vectors = looking.at(pictures, [_ITSELF])
        looking.forget_known_round()
        worn = looking.at([pictures[row] for row in sample], copies)
        _, classes = np.unique(table[level], return_inverse=True)
        choice = choose_copies(vectors[:, 0], classes, embedder.blocks, sample, worn)
        more = looking.at(pictures, copies) if choice.copies else vectors[:, :0]
    else:
        vectors = looking.at(pictures, [_ITSELF, *copies])
        more = vectors[:, 1:]
    return Embeddings(
        spec, embedder.digest, embedder.blocks, catalog.taxonomy, table,
        *in_memory(vectors[:, 0], more), choice,
    )  # fmt: skip


_ITSELF = -1  # instead of the number of a copy


@dataclass
class _Looking:
    """Looks at pictures of a catalog, and keeps what it saw in a store; ``total`` counts them.

    One that is looked at several times, or rather copies of it, counts each time.
    """

    catalog: Catalog
    embedder: ImageEmbedder
    store: "_Store"
    augmentation: Augmentation
    progress: Callable[[int, int], None] | None
    should_stop: ShouldStop | None
    total: int = 0
    _done: int = 0
    _new: int = 0

    def at(self, pictures: Sequence[tuple[str, str]], versions: Sequence[int]) -> np.ndarray:
        """Vectors [n, k, d] of n files and keys, for each as it is (_ITSELF) or of copies of it."""
        shape = len(pictures), len(versions), self.embedder.dimensions
        found = np.empty(shape, np.float16 if math.prod(shape) > _MANY_NUMBERS else np.float32)
        looked = map_in_order(partial(self._at_one, versions), pictures)
        for number, (vectors, is_new) in enumerate(looked):
            found[number] = vectors
            self._done += 1
            self._new += is_new
            # Of several rounds the first may come from the store, and says nothing of the pace.
            tells = is_new or len(pictures) == self.total or self._done == self.total
            if self.progress and tells:
                self.progress(self._done, self.total)
        return found

    def forget_known_round(self) -> None:
        """Count from here on, if all that was looked at so far came from the store."""
        if not self._new:
            self.total, self._done = self.total - self._done, 0

    def _at_one(self, versions: Sequence[int], picture: tuple[str, str]) -> tuple[np.ndarray, bool]:
        """Vectors [k, d] of a picture, and whether any of them is new."""
        if self.should_stop and self.should_stop():
            raise Stopped("Looking at the pictures was stopped.")
        file, key = picture
        tag = self.augmentation.tag
        names = [key if i == _ITSELF else f"{key}-{tag}-{i}" for i in versions]
        vectors = [self.store.get(name) for name in names]
        if all(vector is not None for vector in vectors):
            return np.stack([vector for vector in vectors if vector is not None]), False
        upright = load_picture(self.catalog.read(file), max_side=self.embedder.working_side)
        made = []
        for name, i, vector in zip(names, versions, vectors, strict=True):
            if vector is None:
                seen = upright if i == _ITSELF else distort(upright, self.augmentation, key, i)
                vector = self.embedder.embed(seen)
                self.store.put(name, vector)
            made.append(vector)
        return np.stack(made), True


class _Store:
    """Vectors on disk, one small file each, under a folder that names spec and weights.

    Where it is not ``usable`` nothing is kept, nor looked for. A disk that is full or may not be
    written costs time, not the work.
    """

    def __init__(self, root: Path, embedder: ImageEmbedder, usable: bool) -> None:
        spec = embedder.spec
        made_by = f"{embedder.digest}-v{spec.version}-decoder{DECODER_VERSION}"
        name = f"{spec.architecture}-{made_by}-{spec.views}"
        name += f"-{spec.region}" * (spec.region != "object")  # as older vectors do not say
        self._folder = root / name
        self._dimensions = embedder.dimensions
        self._closed = not usable
        self._full = False

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.npy"

    def get(self, name: str) -> np.ndarray | None:
        if self._closed:
            return None
        try:
            vector = np.load(self._path(name), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None  # not there, or torn by a crash: it is made again
        return vector if vector.shape == (self._dimensions,) else None

    def put(self, name: str, vector: np.ndarray) -> None:
        if self._closed or self._full:
            return
        try:
            with replacing_file(self._path(name)) as partial, partial.open("wb") as file:
                np.save(file, vector)
        except OSError as error:
            if not self._full:
                _log.warning("Vectors cannot be kept in “%s” (%s): they are made anew each time.",
                             self._folder, error.strerror or error)  # fmt: skip
            self._full = True
