"""The pictures of a catalog → their vectors, which are cached by content."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from decor_core.config import cache_directory, is_hosted
from decor_core.data.catalog import Catalog
from decor_core.data.quality_checks import MEASURES
from decor_core.data.scan import ShouldStop
from decor_core.errors import DataError, Stopped
from decor_core.features.copies_choice import choose_copies, rows_to_try
from decor_core.features.embedder import EmbeddingSpec, ImageEmbedder
from decor_core.features.embeddings import Embeddings, are_many, in_memory
from decor_core.images.augment import Augmentation, distort
from decor_core.images.decode import DECODER_VERSION, load_picture
from decor_core.io import replacing_file
from decor_core.parallel import map_in_order

_log = logging.getLogger(__name__)


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
    public server nothing is cached but in a folder that is named here; OSError where that
    cannot be made.
    Stopped if ``should_stop`` says so; what was embedded by then stays in the cache.
    """
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)  # whoever names it wants to know
    if not len(catalog.table):
        raise DataError("There is no usable picture in the data set; see the report.")
    embedder = ImageEmbedder(spec)
    # On a public server vectors of visitors' pictures are not kept in the common cache.
    may_keep = cache is not None or not is_hosted()
    vector_cache = _VectorCache(cache or cache_directory() / "vectors", embedder, may_keep)
    # Pictures that vectors are joined with were not measured, and JSON knows no NaN.
    table = catalog.table.drop(columns=list(MEASURES.values()), errors="ignore")
    augmentation = augmentation or Augmentation(copies=0)
    run = _CatalogEmbedder(catalog, embedder, vector_cache, augmentation, progress, should_stop)
    level, copies, choice = catalog.taxonomy.name, range(augmentation.copies), None
    pictures = list(zip(table["file"], table["key"], strict=True))
    sample = rows_to_try(table, level) if only_worthwhile and copies else np.arange(0)
    run.total = len(pictures) * (2 if len(sample) else 1) + len(sample)
    if len(sample):
        vectors = run.embed(pictures, [_ORIGINAL])
        run.forget_cached_round()
        tried = run.embed([pictures[row] for row in sample], copies)
        _, classes = np.unique(table[level], return_inverse=True)
        choice = choose_copies(vectors[:, 0], classes, embedder.blocks, sample, tried)
        more = run.embed(pictures, copies) if choice.copies else vectors[:, :0]
    else:
        vectors = run.embed(pictures, [_ORIGINAL, *copies])
        more = vectors[:, 1:]
    return Embeddings(
        spec, embedder.digest, embedder.blocks, catalog.taxonomy, table,
        *in_memory(vectors[:, 0], more), choice,
    )  # fmt: skip


_ORIGINAL = -1  # instead of the number of a copy


@dataclass
class _CatalogEmbedder:
    """Embeds pictures of a catalog by way of a cache; ``total`` counts them, for the progress.

    One that is embedded several times, or rather copies of it, counts each time.
    """

    catalog: Catalog
    embedder: ImageEmbedder
    cache: "_VectorCache"
    augmentation: Augmentation
    progress: Callable[[int, int], None] | None
    should_stop: ShouldStop | None
    total: int = 0
    _done: int = 0
    _new: int = 0

    def embed(self, pictures: Sequence[tuple[str, str]], versions: Sequence[int]) -> np.ndarray:
        """Vectors [n, k, d] of n files and keys, each as it is (_ORIGINAL) or copies of it."""
        shape = len(pictures), len(versions), self.embedder.dimensions
        found = np.empty(shape, np.float16 if are_many(shape) else np.float32)
        embedded = map_in_order(partial(self._embed_one, versions), pictures)
        for number, (vectors, is_new) in enumerate(embedded):
            found[number] = vectors
            self._done += 1
            self._new += is_new
            # Of several rounds the first may come from the cache, and says nothing of the pace.
            tells = is_new or len(pictures) == self.total or self._done == self.total
            if self.progress and tells:
                self.progress(self._done, self.total)
        return found

    def forget_cached_round(self) -> None:
        """Count from here on, if all that was embedded so far came from the cache."""
        if not self._new:
            self.total, self._done = self.total - self._done, 0

    def _embed_one(
        self, versions: Sequence[int], picture: tuple[str, str]
    ) -> tuple[np.ndarray, bool]:
        """Vectors [k, d] of a picture, and whether any of them is new."""
        if self.should_stop and self.should_stop():
            raise Stopped("Looking at the pictures was stopped.")
        file, key = picture
        tag = self.augmentation.tag
        names = [key if i == _ORIGINAL else f"{key}-{tag}-{i}" for i in versions]
        vectors = [self.cache.get(name) for name in names]
        if all(vector is not None for vector in vectors):
            return np.stack([vector for vector in vectors if vector is not None]), False
        upright = load_picture(self.catalog.read(file), max_side=self.embedder.working_side)
        made = []
        for name, i, vector in zip(names, versions, vectors, strict=True):
            if vector is None:
                version = upright if i == _ORIGINAL else distort(upright, self.augmentation, key, i)
                vector = self.embedder.embed(version)
                self.cache.put(name, vector)
            made.append(vector)
        return np.stack(made), True


class _VectorCache:
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
