"""How a model trained on clean pictures fares on spoilt ones: accuracy out of fold, per corruption.

    python benchmarks/robustness.py --csv decor.csv --images IMAGES_FOLDER_OR_ZIP

Every picture is spoilt in the same way each time (the dice are seeded by its content), and each
fold's model, trained on the clean pictures of the other folds and their standard distorted
copies, answers for the spoilt ones that it has not seen. ``--json`` prints nothing but JSON.
"""

import argparse
import io
import json
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from decor_core.data.catalog import Catalog, open_dataset
from decor_core.features.catalog_embeddings import embed_catalog
from decor_core.features.embedder import EmbeddingSpec, ImageEmbedder
from decor_core.images.augment import STANDARD
from decor_core.images.decode import load_picture
from decor_core.images.foreground import foreground_mask
from decor_core.model.evaluation import wilson
from decor_core.model.linear_head import probabilities
from decor_core.model.training_config import TrainingConfig
from decor_core.training.train import fold_heads

Corruption = Callable[[Image.Image, np.random.Generator], Image.Image]


def _pad(color: int | None) -> Corruption:
    def pad(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        fill = (
            (color,) * 3 if color is not None else tuple(int(c) for c in rng.integers(256, size=3))
        )
        left, right, top, bottom = (rng.uniform(0, 0.5, 4) * rng.integers(2, size=4)).tolist()
        width, height = picture.size
        size = (round(width * (1 + left + right)), round(height * (1 + top + bottom)))
        padded = Image.new("RGB", size, fill)
        padded.paste(picture, (round(width * left), round(height * top)))
        return padded

    return pad


def _crop(share: float) -> Corruption:
    def crop(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        width, height = (max(1, round(side * share)) for side in picture.size)
        left = int(rng.integers(picture.width - width + 1))
        upper = int(rng.integers(picture.height - height + 1))
        return picture.crop((left, upper, left + width, upper + height))

    return crop


def _resized(factor: float, sharpen: int = 0) -> Corruption:
    def resize(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        size = [max(1, round(side * factor)) for side in picture.size]
        scaled = picture.resize(size, Image.Resampling.LANCZOS)
        return scaled.filter(ImageFilter.UnsharpMask(2 * factor, sharpen, 0)) if sharpen else scaled

    return resize


def _squeezed(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    factor = float(np.exp(rng.choice([-1, 1]) * 0.25))
    return picture.resize((max(1, round(picture.width * factor)), picture.height))


def _lit(gain: float = 1, gamma: float = 1) -> Corruption:
    def light(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        table = [min(255, round(255 * gain * (value / 255) ** gamma)) for value in range(256)]
        return picture.point(table * 3)

    return light


def _cast(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    warmth = rng.choice([-1, 1]) * 0.18
    gains = np.exp([warmth, rng.normal(0, 0.05), -warmth])
    return Image.fromarray((np.asarray(picture) * gains).clip(0, 255).astype(np.uint8))


def _blurred(radius: float) -> Corruption:
    """A Gaussian whose radius is measured for pictures 150 pixels wide."""
    return lambda picture, rng: picture.filter(
        ImageFilter.GaussianBlur(radius * min(picture.size) / 150)
    )


def _noisy(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    noise = rng.normal(0, 14, (picture.height, picture.width, 3))
    return Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8))


def _jpeg(quality: int) -> Corruption:
    def compress(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        packed = io.BytesIO()
        picture.save(packed, "JPEG", quality=quality)
        return Image.open(packed, formats=["JPEG"]).convert("RGB")

    return compress


def cloudy(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """A ground with the spectrum of natural scenes, 1/f, in random colors (Field, 1987)."""
    frequency = np.hypot(*np.meshgrid(np.fft.rfftfreq(width), np.fft.fftfreq(height)))
    frequency[0, 0] = 1
    channels = []
    for _ in range(3):
        spectrum = np.fft.rfft2(rng.normal(size=(height, width))) / frequency
        spectrum[0, 0] = 0
        waves = np.fft.irfft2(spectrum, (height, width))
        channels.append(rng.uniform(60, 200) + waves / max(waves.std(), 1e-9) * 40)
    return Image.fromarray(np.stack(channels, axis=2).clip(0, 255).astype(np.uint8))


def cluttered(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """A ground strewn with ellipses, boxes and strokes."""
    ground = Image.new("RGB", (width, height), tuple(int(c) for c in rng.integers(256, size=3)))
    pen = ImageDraw.Draw(ground)
    for _ in range(30):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        w, h = rng.uniform(0.05, 0.4) * width, rng.uniform(0.05, 0.4) * height
        color = tuple(int(c) for c in rng.integers(256, size=3))
        match rng.integers(3):
            case 0:
                pen.ellipse((x - w, y - h, x + w, y + h), color)
            case 1:
                pen.rectangle((x - w, y - h, x + w, y + h), color)
            case _:
                pen.line((x - w, y - h, x + w, y + h), color, max(1, width // 40))
    return ground.filter(ImageFilter.GaussianBlur(width / 300))


def plain(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """A ground of one random color."""
    return Image.new("RGB", (width, height), tuple(int(c) for c in rng.integers(256, size=3)))


def _on_ground(ground: Callable[[int, int, np.random.Generator], Image.Image]) -> Corruption:
    """The object cut out (by what differs from a plain border) and put on another ground."""

    def swap(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        width, height = picture.size
        mask = Image.fromarray(foreground_mask(picture))
        margin = rng.uniform(0.1, 0.35)
        behind = ground(round(width * (1 + margin)), round(height * (1 + margin)), rng)
        corner = tuple(
            int(rng.integers(a - b + 1)) for a, b in zip(behind.size, picture.size, strict=True)
        )
        behind.paste(picture, corner, mask)
        return behind

    return swap


def _all(*corruptions: Corruption) -> Corruption:
    def spoil(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        for corruption in corruptions:
            picture = corruption(picture, rng)
        return picture

    return spoil


CORRUPTIONS: dict[str, Corruption] = {
    "black padding": _pad(0),
    "white padding": _pad(255),
    "coloured padding": _pad(None),
    "crop to 80 %": _crop(0.8),
    "crop to 65 %": _crop(0.65),
    "100 pixels": _resized(100 / 150),
    "64 pixels": _resized(64 / 150),
    "enlarged × 3 and sharpened": _resized(3, 150),
    "squeezed": _squeezed,
    "darker": _lit(0.65),
    "brighter": _lit(1.35),
    "gamma 0.6": _lit(gamma=0.6),
    "gamma 1.6": _lit(gamma=1.6),
    "colour cast": _cast,
    "blur 1": _blurred(1),
    "blur 2": _blurred(2),
    "noise": _noisy,
    "JPEG 40": _jpeg(40),
    "JPEG 20": _jpeg(20),
    "plain ground": _on_ground(plain),
    "cloudy ground": _on_ground(cloudy),
    "cluttered ground": _on_ground(cluttered),
    "padding, crop, cast and JPEG": _all(_crop(0.85), _cast, _jpeg(40), _pad(0)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--grounds", type=Path, help="folder of photographs to put objects on")
    parser.add_argument("--head", default="auto")
    parser.add_argument("--views", type=int, default=EmbeddingSpec.views)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    corruptions = {"none": lambda picture, rng: picture, **CORRUPTIONS}
    if options.grounds:
        photographs = [load_picture(file) for file in sorted(options.grounds.iterdir())]
        corruptions["photograph as ground"] = _on_ground(partial(_piece_of, photographs))
    found = measure(options, corruptions)
    if options.json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    print("| corruption | style | 95 % interval | country |\n|---|---|---|---|")
    for name, row in found.items():
        low, high = row["ci95"]
        print(f"| {name} | {row['style']:.1%} | {low:.1%}–{high:.1%} | {row['country']:.1%} |")


def measure(options: argparse.Namespace, corruptions: dict[str, Corruption]) -> dict[str, dict]:
    """Out-of-fold accuracy for style and country under each of ``corruptions``."""
    catalog = open_dataset(options.images, csv=options.csv)
    spec = EmbeddingSpec(views=options.views)
    embeddings = embed_catalog(catalog, spec, augmentation=STANDARD)
    spoilt = {
        name: _vectors(catalog, spec, name, corruption) for name, corruption in corruptions.items()
    }
    taxonomy, classes = embeddings.target("style")
    coarse = embeddings.target("country")[1]
    right = {name: np.zeros((2, len(classes))) for name in spoilt}
    config = TrainingConfig(head=options.head, learning_rate=0.03)
    for _, asked, head in fold_heads(embeddings, config, "style", repeats=options.repeats):
        for name, vectors in spoilt.items():
            probs = probabilities(head.logits(vectors[asked]))
            summed = taxonomy.roll_up(probs, "country")
            right[name][0, asked] += probs.argmax(axis=1) == classes[asked]
            right[name][1, asked] += summed.argmax(axis=1) == coarse[asked]
    found = {}
    for name, hits in right.items():
        style, country = (hits.sum(axis=1) / options.repeats).tolist()
        n = len(classes)
        found[name] = {"style": style / n, "ci95": wilson(style, n), "country": country / n}
    return found


def _vectors(
    catalog: Catalog, spec: EmbeddingSpec, name: str, corruption: Corruption
) -> np.ndarray:
    embedder = ImageEmbedder(spec)

    def vector(row: tuple[str, str]) -> np.ndarray:
        file, key = row
        rng = np.random.default_rng([zlib.crc32(name.encode()), int(key[:16], 16)])
        picture = load_picture(catalog.read(file), max_side=embedder.working_side)
        return embedder.embed(corruption(picture, rng))

    with ThreadPoolExecutor() as pool:
        rows = zip(catalog.table["file"], catalog.table["key"], strict=True)
        return np.stack(list(pool.map(vector, rows)))


def _piece_of(
    photographs: list[Image.Image], width: int, height: int, rng: np.random.Generator
) -> Image.Image:
    picture = photographs[rng.integers(len(photographs))]
    piece = _crop(float(rng.uniform(0.5, 1)))(picture, rng)
    return ImageOps.fit(piece, (width, height), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
