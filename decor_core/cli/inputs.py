"""What the flags ask for: pictures, their vectors, how to train."""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from decor_core.cli.terminal import progress_bar, quietly
from decor_core.data.findings import printable
from decor_core.errors import DecorError
from decor_core.features.backbones import load_backbone

_NAMED = 5

# Heavy modules are imported by the function that needs them: labelling must stay light.


def read_pictures(options: argparse.Namespace) -> Any:
    """The Catalog of the pictures that the flags name; DataError if it cannot be read."""
    from decor_core.data.catalog import open_dataset

    if options.data_set:
        return _kept_set(options).catalog
    if (options.image_dir is None) == (options.images is None):
        raise DecorError(
            "Expected either --image_dir with a folder or zip of class folders, or --csv with the "
            "--images that it names, or --data_set with the name of one that is kept."
        )
    if options.image_dir is not None and options.csv is not None:
        raise DecorError("A CSV goes with the pictures it names: give those with --images.")
    return open_dataset(
        options.image_dir or options.images,
        csv=options.csv,
        columns=_columns(options),
        types=options.types,
        progress=progress_bar("Reading"),
    )


def _kept_set(options: argparse.Namespace) -> Any:
    """The data set that is kept under the name which the flag gives."""
    from decor_core.datasets.store import DatasetStore

    if options.image_dir or options.csv or options.images:
        raise DecorError("Expected either --data_set or other pictures, not both.")
    return DatasetStore().find(options.data_set)


def _columns(options: argparse.Namespace) -> Any:
    """The columns that the flags name, or None."""
    from decor_core.data.tables import Columns

    named = [options.file_column, options.label_column]
    if not any((*named, options.coarser_column, options.type_column)):
        return None
    if not all(named):
        raise DecorError("Expected --file_column and --label_column together, or neither.")
    return Columns(*named, options.coarser_column or "", options.type_column or "")


def tell_report(report: Any) -> None:
    """Write to stderr what was found, and the first files that were set aside by name."""
    for line in report.summary():
        print(line, file=sys.stderr)
    aside = list(report.set_aside.items())
    if aside:
        print("Set aside:", file=sys.stderr)
    for file, reason in aside[:_NAMED]:
        print(f"  {printable(file)}: {printable(reason)}", file=sys.stderr)
    if len(aside) > _NAMED:
        print(f"  … and {len(aside) - _NAMED} more; “check” names them all", file=sys.stderr)


def read_vectors(options: argparse.Namespace) -> Any:
    """The Embeddings of the pictures, or those made before; DecorError if they cannot be had."""
    from decor_core.features.embedder import EmbeddingSpec
    from decor_core.features.embeddings import Embeddings, embed_catalog

    if options.model_dir:
        os.environ["DECOR_BACKBONES"] = str(options.model_dir)
    if options.embeddings:
        if options.image_dir or options.csv or options.images or options.data_set:
            raise DecorError("Expected either --embeddings or pictures, not both.")
        embeddings = Embeddings.load(options.embeddings).of_types(*options.types)
        _warm_up(options)
        return embeddings
    catalog = read_pictures(options)
    if not options.json:
        tell_report(catalog.report)
    _warm_up(options)
    chosen = {"views": options.views} if options.views else {}
    return embed_catalog(
        catalog,
        EmbeddingSpec(architecture=options.architecture, **chosen),
        augmentation=_augmentation(options, len(catalog.table)),
        cache=options.bottleneck_dir or _kept_vectors(options),
        progress=progress_bar("Looking at pictures"),
    )


def _kept_vectors(options: argparse.Namespace) -> Path | None:
    """Where the app keeps the vectors of a data set."""
    from decor_core.datasets.storage import VECTORS

    return _kept_set(options).folder / VECTORS if options.data_set else None


def _warm_up(options: argparse.Namespace) -> None:
    """Load what is heavy where it can be kept quiet, and only once the data are known good."""
    if not options.embeddings:
        with quietly():
            load_backbone(options.architecture)


def train_config(options: argparse.Namespace) -> Any:
    """The TrainingConfig; TrainingError where a setting is out of range."""
    from decor_core.model.training_config import TrainingConfig

    settings = {
        "head": options.head,
        "steps": options.how_many_training_steps,
        "learning_rate": options.learning_rate,
        "batch_size": options.train_batch_size,
        "weight_decay": options.weight_decay,
        "seed": options.seed,
    }
    for name in ("testing_percentage", "validation_percentage", "eval_step_interval"):
        if hasattr(options, name):
            settings[name.replace("eval_step", "eval")] = getattr(options, name)
    return TrainingConfig(**settings)


def _augmentation(options: argparse.Namespace, pictures: int) -> Any:
    """The standard distortions, or exactly those that flags ask for."""
    from decor_core.images.augment import Augmentation, standard

    asked = {
        "flip": options.flip_left_right,
        "crop": options.random_crop,
        "scale": options.random_scale,
        "brightness": options.random_brightness,
    }
    augmentation = Augmentation(**asked) if any(asked.values()) else standard(pictures)
    copies = augmentation.copies if options.copies is None else options.copies
    return replace(augmentation, copies=copies, seed=options.seed)


def data_name(options: argparse.Namespace) -> str:
    """What to call the pictures in a list of runs."""
    if options.data_set:
        return options.data_set
    place: Path = options.embeddings or options.image_dir or options.csv or options.images
    types = "" if options.types == ["product"] else f" ({', '.join(options.types)})"
    return f"{place.resolve().stem}{types}"


def material_of(options: argparse.Namespace, vectors: Any) -> Any:
    """What a model learned from, where the app can find it again; else None."""
    from decor_core.model.training_data import TrainingData

    if not options.data_set:
        return None
    kept = _kept_set(options)
    augmentation = _augmentation(options, len(vectors.table))
    copies = augmentation if augmentation.copies else None
    return TrainingData(kept.id, kept.title, kept.version, vectors.spec, copies)
