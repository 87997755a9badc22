"""Images and labels → a classifier: the whole of Decor as one scikit-learn estimator."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from PIL import Image

from decor_core.data.bursts import group_pictures
from decor_core.errors import DataError
from decor_core.features import worn_copies
from decor_core.features.backbones import DEFAULT
from decor_core.features.embedder import AUTO, EmbeddingSpec
from decor_core.features.embeddings import Embeddings
from decor_core.images.augment import Augmentation, distort
from decor_core.images.decode import content_hash, load_picture, open_picture
from decor_core.images.duplicates import fingerprint
from decor_core.model.bundle import DEFAULT_BUNDLE, load_bundle, save_bundle
from decor_core.model.estimator import Estimator
from decor_core.model.explain import Explanation, explain
from decor_core.model.predictor import ImagePredictor, Prediction, shared_embedder
from decor_core.model.training_config import TrainingConfig
from decor_core.parallel import map_in_order
from decor_core.taxonomy import Taxonomy
from decor_core.training.region import choose_region, sample_rows
from decor_core.training.train import train_on_all

# A path, the bytes of an image file, a PIL image, or an array [h, w, 3] of uint8.
ImageLike = str | Path | bytes | Image.Image | np.ndarray


@dataclass(eq=False, repr=False)
class ImageClassifier(Estimator):
    """Learns to tell images apart from few of each class, and knows what it does not know.

    A network's maps of the object, or of the whole frame, and its colors make a vector of each
    image, of which a VectorClassifier learns. The settings are those of TrainingConfig
    (``random_state`` is its ``seed``). Images are paths, bytes, PIL images, or arrays [h, w, 3] of
    uint8.

    Fitted: ``classes_`` [c]; ``bundle_``, the model with all that belongs to it.
    """

    head: str = "auto"
    _: KW_ONLY
    steps: int = 500
    learning_rate: float = 0.01
    batch_size: int = 100
    weight_decay: float = 0.0
    architecture: str = DEFAULT
    views: int = EmbeddingSpec.views
    region: str = AUTO
    copies: int | None = None
    quick: bool = False
    random_state: int = 0

    def fit(self, images: Sequence[ImageLike], y: Sequence[Any]) -> Self:
        """Train on images and their labels [n]; near duplicates are never held out apart.

        PictureError for an image that is none, DataError for fewer than two classes, TrainingError
        for settings out of range.
        """
        settings = self.get_params()
        config = TrainingConfig(seed=settings.pop("random_state"), **settings)
        labels = np.asarray(y)
        if len(images) != len(labels):
            raise DataError(
                f"Expected a label for each image, but there are {len(images)} images and "
                f"{len(labels)} labels."
            )
        classes, codes = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise DataError("Two classes are needed to learn to tell them apart; add images.")
        taxonomy = Taxonomy("class", tuple(map(str, classes)))
        known = np.array(taxonomy.labels, object)[codes]
        spec, choice, copies_choice = config.spec, None, None
        seen: dict[tuple[str, str], np.ndarray] = {}
        plain = Augmentation(copies=0)

        def embed(
            rows: np.ndarray, spec: EmbeddingSpec, copies: Augmentation = plain
        ) -> Embeddings:
            chosen = [images[row] for row in rows]
            return _embed(chosen, known[rows], taxonomy, spec, copies, seen)

        everything = np.arange(len(images))
        numbers = list(map(str, everything))
        table = pd.DataFrame({"class": known, "key": numbers, "group": numbers})
        if spec.region == AUTO:
            rows = sample_rows(table, "class")
            choice = choose_region(rows, len(images), "class", spec, embed)
            spec = replace(spec, region=choice.region)
        augmentation = config.augmentation(len(images))
        rows = worn_copies.sample_rows(table, "class")
        if config.copies_by_data and augmentation.copies and len(rows):
            found, worn = embed(everything, spec), embed(rows, spec, augmentation)
            copies_choice = worn_copies.choose_copies(
                found.vectors, codes, found.blocks, rows, worn.copies
            )
            augmentation = replace(augmentation, copies=copies_choice.copies)
        embeddings = replace(
            embed(everything, spec, augmentation),
            region_choice=choice,
            copies_choice=copies_choice,
        )
        self.bundle_ = train_on_all(embeddings, config, "class", repeats=0)
        self.classes_ = classes
        return self

    def predict(self, images: Iterable[ImageLike]) -> np.ndarray:
        """The likeliest class [n] of each image."""
        probs = self.predict_proba(images)
        return self.classes_[probs.argmax(axis=1)]

    def predict_proba(self, images: Iterable[ImageLike]) -> np.ndarray:
        """Probabilities [n, c], in the order of ``classes_``, calibrated."""
        return self._predictor().probabilities(self.transform(images))[0]

    def novelty(self, images: Iterable[ImageLike]) -> np.ndarray:
        """How unlike the training images each is, [n], 0–1: above ½ it is of no class.

        0 for all where there were too few training images to tell.
        """
        return self._predictor().probabilities(self.transform(images))[1]

    def predictions(self, images: Iterable[ImageLike]) -> list[Prediction]:
        """Every label with its probability, likeliest first, and the novelty of each image."""
        return self._predictor().predict(self.transform(images))

    def explain(self, image: ImageLike) -> Explanation:
        """How much each place of the image adds to the score of each class."""
        predictor = self._predictor()
        side = predictor.embedder.working_side
        return explain(predictor, load_picture(_encoded(image), max_side=side))

    def transform(self, images: Iterable[ImageLike]) -> np.ndarray:
        """The vectors [n, d] of images, on which the model decides."""
        embedder = self._predictor().embedder

        def embed(image: ImageLike) -> np.ndarray:
            picture = load_picture(_encoded(image), max_side=embedder.working_side)
            return embedder.embed(picture)

        vectors = list(map_in_order(embed, images))
        return np.stack(vectors) if vectors else np.zeros((0, embedder.dimensions), np.float32)

    def score(self, images: Iterable[ImageLike], y: Sequence[Any]) -> float:
        """Accuracy, 0–1."""
        return float((self.predict(images) == np.asarray(y)).mean())

    def save(self, folder: str | Path, title: str | None = None) -> Path:
        """Write the model as a folder that the app and the command line read, too."""
        self._check_fitted()
        return save_bundle(self.bundle_.titled(title or self.bundle_.title), Path(folder))

    @classmethod
    def load(cls, folder: str | Path = DEFAULT_BUNDLE) -> Self:
        """A fitted classifier from what ``save``, the app or “retrain --bundle” wrote.

        By default the model that ships. BundleError where it cannot be read.
        """
        bundle = load_bundle(Path(folder))
        spec = bundle.embedding
        model = cls(architecture=spec.architecture, views=spec.views, region=spec.region)
        model.bundle_, model.classes_ = bundle, np.array(bundle.taxonomy.labels)
        return model

    def _check_fitted(self) -> None:
        if not hasattr(self, "bundle_"):
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(f"This {type(self).__name__} is not fitted; call “fit” first.")

    def _predictor(self) -> ImagePredictor:
        self._check_fitted()
        return ImagePredictor(self.bundle_)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags

        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        tags.target_tags.required, tags.input_tags.two_d_array = True, False
        return tags


def _embed(
    images: Sequence[ImageLike],
    labels: Sequence[str] | np.ndarray,
    taxonomy: Taxonomy,
    spec: EmbeddingSpec,
    augmentation: Augmentation,
    seen: dict[tuple[str, str], np.ndarray],
) -> Embeddings:
    """Vectors of images [n], and of distorted copies of each.

    ``seen`` has the vectors of images by content and region, to which those without copies add.
    """
    embedder = shared_embedder(spec)

    def prepare(image: ImageLike) -> tuple[str, str, np.ndarray, np.ndarray]:
        data = _encoded(image)
        opened = open_picture(data, max_side=embedder.working_side)
        picture = opened.picture
        assert isinstance(data, bytes)  # a path that holds no file was just refused
        key = content_hash(data)
        vector = seen.get((key, spec.region))
        vectors = [embedder.embed(picture) if vector is None else vector]
        if not augmentation.copies:
            seen[key, spec.region] = vectors[0]
        for number in range(augmentation.copies):
            vectors.append(embedder.embed(distort(picture, augmentation, key, number)))
        return key, opened.taken, fingerprint(picture), np.stack(vectors)

    prepared = map_in_order(prepare, images)
    keys, taken, fingerprints, vectors = zip(*prepared, strict=True)
    files = [str(image) if isinstance(image, str | Path) else "" for image in images]
    groups, _ = group_pictures(keys, fingerprints, list(labels), files, taken)
    table = pd.DataFrame(
        {"class": labels, "key": keys, "group": groups, "file": files, "taken": taken}
    )
    stacked = np.stack(vectors)
    return Embeddings(
        spec, embedder.digest, embedder.blocks, taxonomy, table, stacked[:, 0], stacked[:, 1:]
    )


def _encoded(image: ImageLike) -> bytes | Path:
    """An image as a file, so that all go through the one decoder."""
    if isinstance(image, str | Path):
        return Path(image).read_bytes() if Path(image).is_file() else Path(image)
    if isinstance(image, bytes):
        return image
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
