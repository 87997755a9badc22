"""Images and labels → a classifier: the whole of Decor as one scikit-learn estimator."""

import warnings
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from decor_core.data.groups import group_pictures
from decor_core.errors import (
    BackboneError,
    BundleError,
    DataError,
    check_kind,
    checked_path,
    kind_of,
)
from decor_core.features.backbone_spec import DEFAULT
from decor_core.features.copies_choice import choose_copies, rows_to_try
from decor_core.features.embedder import AUTO, EmbeddingSpec
from decor_core.features.embeddings import Embeddings
from decor_core.images.augment import Augmentation, distort
from decor_core.images.decode import content_hash, load_picture, open_picture
from decor_core.images.duplicates import fingerprint
from decor_core.images.inputs import ImageLike, encoded, list_images, name_image_in_errors
from decor_core.model.bundle import DEFAULT_BUNDLE, Bundle, load_bundle, save_bundle
from decor_core.model.estimator import Estimator, not_fitted
from decor_core.model.explain import Explanation, explain
from decor_core.model.networks import resolve_network
from decor_core.model.predictor import ImagePredictor, Prediction, shared_embedder
from decor_core.model.training_config import TrainingConfig
from decor_core.parallel import map_in_order
from decor_core.taxonomy import Taxonomy
from decor_core.training.region import choose_region, sample_rows
from decor_core.training.train import train_on_all


@dataclass(eq=False, repr=False)
class ImageClassifier(Estimator):
    """Learns to tell images apart from few of each class, and knows what it does not know.

    A network's maps of the object, or of the whole frame, and its colors make a vector of each
    image, of which a VectorClassifier learns. The settings are those of TrainingConfig
    (``random_state`` is its ``seed``); ``architecture`` takes what ``--architecture`` does, and
    warns of what it assumes of a file.

    Images are a list, an array, or a column of a table, with or without the table around it; each
    is a path, the bytes of an image file, a PIL image, or an array [height, width, 3] of 0–255
    (gray and with alpha, too). PictureError names the one that is none, by its place and path.

    Fitted: ``classes_`` [c], the labels; ``bundle_``, the model with all that belongs to it.
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

    def fit(self, images: Iterable[ImageLike], y: Any) -> Self:
        """Train on images and their labels [n]; near duplicates are never held out apart.

        Labels are texts, whole numbers or truth values. PictureError for an image that is none,
        DataError for fewer than two classes or an image without a label, TrainingError for
        settings out of range.
        """
        settings = self.get_params()
        named = "the name of a network, or a file of one"
        check_kind(self.architecture, str | PathLike, named, BackboneError)
        settings["architecture"], assumed = resolve_network(str(self.architecture))
        if assumed:
            warnings.warn(assumed, stacklevel=2)
        config = TrainingConfig(seed=settings.pop("random_state"), **settings)
        given = list(list_images(images))
        labels = _labels(y, len(given))
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
            chosen = [(int(row), given[row]) for row in rows]
            return _embed(chosen, known[rows], taxonomy, spec, copies, seen)

        everything = np.arange(len(given))
        numbers = list(map(str, everything))
        table = pd.DataFrame({"class": known, "key": numbers, "group": numbers})
        if spec.region == AUTO:
            rows = sample_rows(table, "class")
            choice = choose_region(rows, len(given), "class", spec, embed)
            spec = replace(spec, region=choice.region)
        augmentation = config.augmentation(len(given))
        rows = rows_to_try(table, "class")
        if config.copies_by_data and augmentation.copies and len(rows):
            found, tried = embed(everything, spec), embed(rows, spec, augmentation)
            copies_choice = choose_copies(found.vectors, codes, found.blocks, rows, tried.copies)
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
        """Novelty [n], 0–1, of each image: above ½ it is of no class.

        0 for all where there were too few training images to tell.
        """
        return self._predictor().probabilities(self.transform(images))[1]

    def predictions(
        self, images: Iterable[ImageLike], taxonomy: str | None = None
    ) -> list[Prediction]:
        """Every label with its probability, likeliest first, and the novelty of each image.

        ``taxonomy`` names the labels, e.g. the coarser “country” of the model that ships; by
        default it is the one that was learned. DataError where the model has none of that name.
        """
        return self._predictor().predict(self.transform(images), taxonomy)

    def explain(self, image: ImageLike, taxonomy: str | None = None) -> Explanation:
        """Contributions of each place of one image to the score of each label of ``taxonomy``."""
        predictor = self._predictor()
        side = predictor.embedder.working_side
        return explain(predictor, load_picture(encoded(image), max_side=side), taxonomy)

    def transform(self, images: Iterable[ImageLike]) -> np.ndarray:
        """The vectors [n, d] of images, on which the model decides."""
        embedder = self._predictor().embedder

        def embed(numbered: tuple[int, ImageLike]) -> np.ndarray:
            with name_image_in_errors(*numbered):
                picture = load_picture(encoded(numbered[1]), max_side=embedder.working_side)
            return embedder.embed(picture)

        vectors = list(map_in_order(embed, enumerate(list_images(images))))
        return np.stack(vectors) if vectors else np.zeros((0, embedder.dimensions), np.float32)

    def score(self, images: Iterable[ImageLike], y: Any, sample_weight: Any = None) -> float:
        """Accuracy, 0–1, where image i counts ``sample_weight[i]`` times."""
        predicted = self.predict(images)
        right = predicted == _labels(y, len(predicted))
        weights = np.ones(len(right)) if sample_weight is None else np.asarray(sample_weight)
        if weights.dtype.kind not in "biuf":
            raise DataError(f"Expected weights that are numbers, but got {kind_of(sample_weight)}.")
        if weights.shape != right.shape or not weights.sum() > 0:
            raise DataError(
                f"Expected at least one image, and a weight of each, but there are {len(right)} "
                f"images, and weights of shape {weights.shape} that add up to {weights.sum():g}."
            )
        return float(np.average(right, weights=weights))

    def save(self, folder: str | Path, title: str | None = None) -> Path:
        """Write the model as a folder that the app and the command line read, too.

        BundleError where the folder is there and no model, or the disk refuses.
        """
        self._check_fitted()
        folder = checked_path(folder, "a folder to write", BundleError)
        return save_bundle(self.bundle_.titled(title or self.bundle_.title), folder)

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """A fitted classifier from a model, e.g. that of a Training or a Run."""
        check_kind(bundle, Bundle, "a Bundle: the “bundle” of a Training or Run", BundleError)
        spec = bundle.embedding
        model = cls(architecture=spec.architecture, views=spec.views, region=spec.region)
        model.bundle_, model.classes_ = bundle, np.array(bundle.taxonomy.labels)
        return model

    @classmethod
    def load(cls, folder: str | Path = DEFAULT_BUNDLE) -> Self:
        """A fitted classifier from what ``save``, the app or “retrain --bundle” wrote.

        By default the model that ships. BundleError where it cannot be read.
        """
        return cls.of(load_bundle(checked_path(folder, "a model folder", BundleError)))

    def _check_fitted(self) -> None:
        if not hasattr(self, "bundle_"):
            raise not_fitted(self)

    def _predictor(self) -> ImagePredictor:
        self._check_fitted()
        return ImagePredictor(self.bundle_)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags

        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        tags.target_tags.required, tags.input_tags.two_d_array = True, False
        return tags


def _labels(y: Any, count: int) -> np.ndarray:
    """Labels [n] of so many images; DataError where they are not that."""
    y = list(y) if isinstance(y, Iterator) else y
    given = np.asarray(y, object)
    if not given.ndim:
        raise DataError(f"Expected a list of labels, but got {y!r:.40} ({type(y).__name__}).")
    is_column = given.ndim == 2 and given.shape[1] == 1  # of a table
    given = given[:, 0] if is_column else given
    if given.shape != (count,):
        shape = " × ".join(map(str, given.shape))
        raise DataError(
            f"Expected a label for each image, but there are {count} images and {shape} labels."
        )
    odd = [label for label in given if not isinstance(label, Hashable)]
    odd += [label for label in given if isinstance(label, tuple)]
    if odd:
        raise DataError(f"Expected labels that are texts or numbers, but one is {odd[0]!r:.40}.")
    empty = np.array([not str(label).strip() for label in given], bool)
    missing = np.flatnonzero(pd.isna(given) | empty)
    if len(missing):
        raise DataError(
            f"Image {missing[0]} has no label, but {given[missing[0]]!r}, as have {len(missing)} "
            "in all; leave them out, or give them one."
        )
    if 0 < sum(isinstance(label, str) for label in given) < count:
        raise DataError("Expected labels that are all texts or all numbers, but some are either.")
    labels = np.asarray(y)
    labels = labels[:, 0] if is_column else labels
    if labels.dtype.kind == "f" and (labels % 1).any():
        raise DataError("Expected labels that name classes, but they are fractions.")
    return labels


def _embed(
    images: Sequence[tuple[int, ImageLike]],
    labels: Sequence[str] | np.ndarray,
    taxonomy: Taxonomy,
    spec: EmbeddingSpec,
    augmentation: Augmentation,
    seen: dict[tuple[str, str], np.ndarray],
) -> Embeddings:
    """Vectors of numbered images [n], and of distorted copies of each.

    ``seen`` has the vectors of images by content and region, to which those without copies add.
    """
    embedder = shared_embedder(spec)

    def prepare(numbered: tuple[int, ImageLike]) -> tuple[str, str, np.ndarray, np.ndarray]:
        with name_image_in_errors(*numbered):
            data = encoded(numbered[1])
            opened = open_picture(data, max_side=embedder.working_side)
        picture, key = opened.picture, content_hash(data)
        vector = seen.get((key, spec.region))
        vectors = [embedder.embed(picture) if vector is None else vector]
        if not augmentation.copies:
            seen[key, spec.region] = vectors[0]
        for number in range(augmentation.copies):
            vectors.append(embedder.embed(distort(picture, augmentation, key, number)))
        return key, opened.taken, fingerprint(picture), np.stack(vectors)

    prepared = map_in_order(prepare, images)
    keys, taken, fingerprints, vectors = zip(*prepared, strict=True)
    files = [str(image) if isinstance(image, str | PathLike) else "" for _, image in images]
    groups, _ = group_pictures(keys, fingerprints, list(labels), files, taken)
    table = pd.DataFrame(
        {"class": labels, "key": keys, "group": groups, "file": files, "taken": taken}
    )
    stacked = np.stack(vectors)
    return Embeddings(
        spec, embedder.digest, embedder.blocks, taxonomy, table, stacked[:, 0], stacked[:, 1:]
    )
