"""Feature maps of a middle stage, and vectors, of pictures and distorted copies of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from decor_core.errors import Stopped
from decor_core.features.embedder import ImageEmbedder
from decor_core.features.embeddings import Embeddings
from decor_core.images.augment import Augmentation, distort
from decor_core.images.decode import load_picture
from decor_core.images.views import VIEWS, cut, region_square
from decor_core.model.events import ShouldStop, never_stop
from decor_core.parallel import map_in_order

Read = Callable[[str], bytes]
OnCount = Callable[[int], None]


@dataclass(frozen=True)
class IntermediateFeatures:
    """Maps of the stage before the trained ones, of n pictures in k versions and v views each.

    ``maps`` [n, k, v, h, w, c] are in half precision. ``weights`` say for each resolution (h, w)
    of the stages that follow how much each of its cells counts when they are pooled:
    [n, k, v, h, w]. Version 0 is the picture itself, the others are distorted copies of it.
    """

    maps: np.ndarray
    weights: dict[tuple[int, ...], np.ndarray]

    def batch(self, rows: np.ndarray, versions: np.ndarray) -> tuple[Any, list[Any]]:
        """Maps [b, v, h, w, c], and weights [b, v, h, w] of each resolution, of b pictures."""
        return self.maps[rows, versions], [one[rows, versions] for one in self.weights.values()]


@dataclass(frozen=True)
class PictureVersions:
    """The pictures of ``embeddings``, and distorted copies of them.

    ``read`` gives the bytes of a file by its name in the table.
    """

    embeddings: Embeddings
    read: Read
    augmentation: Augmentation

    def maps(
        self,
        embedder: ImageEmbedder,
        rows: np.ndarray,
        counts: np.ndarray,
        stages: int,
        progress: OnCount = lambda done: None,
        should_stop: ShouldStop = never_stop,
    ) -> IntermediateFeatures:
        """Maps before the last ``stages``, of the pictures ``rows`` [n] in ``counts`` [n] versions.

        Versions beyond a picture's count are zero. ``progress`` is called with how many pictures
        are done; Stopped where ``should_stop`` says so.
        """
        *_, middle = embedder.shapes[:-stages]
        resolutions = list(dict.fromkeys(shape[:2] for shape in embedder.shapes[-stages:]))
        shape = len(rows), counts.max(), embedder.spec.views
        maps = np.zeros((*shape, *middle), np.float16)
        weights = {size: np.zeros((*shape, *size), np.float32) for size in resolutions}

        def read_maps(i: int) -> None:
            if should_stop():
                raise Stopped("Looking at the pictures was stopped.")
            for version, picture in enumerate(self._versions(rows[i], counts[i])):
                for view, seen in enumerate(embedder.feature_maps(picture).views):
                    maps[i, version, view] = seen.stages[-stages - 1]
                    for one in seen.weights[-stages:]:
                        weights[one.shape][i, version, view] = one

        for done, _ in enumerate(map_in_order(read_maps, range(len(rows))), start=1):
            progress(done)
        return IntermediateFeatures(maps, weights)

    def vectors(
        self,
        embedder: ImageEmbedder,
        rows: np.ndarray,
        copies: int = 0,
        progress: OnCount = lambda done: None,
    ) -> np.ndarray:
        """Vectors [n, 1 + copies, d] of the pictures ``rows`` [n] and of copies of them."""
        found = np.empty((len(rows), 1 + copies, embedder.dimensions), np.float32)

        def embed_one(i: int) -> None:
            for version, picture in enumerate(self._versions(rows[i], 1 + copies)):
                found[i, version] = embedder.embed(picture)

        for done, _ in enumerate(map_in_order(embed_one, range(len(rows))), start=1):
            progress(done)
        return found

    def view_pixels(self, row: int, side: int) -> list[np.ndarray]:
        """Pixels [side, side, 3] of each view of a picture, as the network takes them."""
        spec = self.embeddings.spec
        square, _, _ = region_square(self._picture(row), spec.region)
        return [np.asarray(cut(square, view, side)) for view in VIEWS[: spec.views]]

    def _picture(self, row: int) -> Image.Image:
        file = self.embeddings.table["file"].iloc[row]
        return load_picture(self.read(file), max_side=ImageEmbedder.working_side)

    def _versions(self, row: int, count: int) -> Iterator[Image.Image]:
        """A picture, then distorted copies of it."""
        picture, key = self._picture(row), self.embeddings.table["key"].iloc[row]
        yield picture
        for copy in range(count - 1):
            yield distort(picture, self.augmentation, key, copy)
