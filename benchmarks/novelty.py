"""How well “none of these” works: scores of the literature and what ships, on the same vectors.

    python benchmarks/novelty.py [--other_shops DIR] [--look_alikes DIR] [--strangers DIR] [--json]

Known are the decor products, whose vectors ship, and photos of ``--other_shops``; near strangers
are the pictures of ``--look_alikes``, easy ones those drawn here and the photographs of
``--strangers``, whole, in quarters, and as discs on white, as a plate would lie there. Each style
is also held out in its turn, as strangers of a model of the other six. A product is scored by what
has not seen it. “Unknown” is here what is farther than a limit that 2 % of held-out products
exceed; what ships goes by their copies, too, which benchmarks/accuracy.py measures. FPR95 is the
share of the known that is called unknown where 95 % of the strangers are. Each figure has its 95 %
interval, by 1000 bootstrap samples of the pictures. Folders are read with all that is in them.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from PIL import Image, ImageDraw, ImageOps
from robustness import cloudy, cluttered, plain
from scipy.special import logsumexp
from sklearn.covariance import oas
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from decor_core.data.split import assign_folds
from decor_core.features.embedder import ImageEmbedder, novelty_blocks
from decor_core.features.embeddings import Embeddings
from decor_core.images.decode import load_picture
from decor_core.images.formats import has_picture_ending
from decor_core.model.novelty_detector import FALSE_ALARMS, fit_novelty
from decor_core.parallel import map_in_order

SIDE = 224
_AXES = 64  # of a block
Figure = tuple[float, float, float]  # with the ends of its interval
# Known and strange pictures' scores.
Pair = tuple[np.ndarray, np.ndarray]


@dataclass
class Block:
    """Examples and other vectors in the principal axes of a block, and how far beyond these."""

    known: np.ndarray
    asked: np.ndarray
    known_beyond: np.ndarray
    asked_beyond: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("other_shops", "look_alikes", "strangers"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    shipped = Embeddings.load()
    embedder = ImageEmbedder(shipped.spec)
    pictures = {
        "other shops": map(_opened, _files(options.other_shops)),
        "near": map(_opened, _files(options.look_alikes)),
        "easy": _easy([_opened(file) for file in _files(options.strangers)]),
    }
    others = {"patterns": shipped.of_types("pattern").vectors}
    for kind, some in pictures.items():
        if vectors := list(map_in_order(embedder.embed, some)):
            others[kind] = np.stack(vectors)
    products = shipped.of_types("product")
    every = np.arange(len(products.table))
    known = _out_of_fold(products, every)
    scores = _ask(products, every, others)
    y = products.target("style")[1]
    held_out = [_style_held_out(products, np.flatnonzero(y != s)) for s in range(y.max() + 1)]
    found = {
        name: _figures(
            {"products": known[name], **{kind: scores[kind][name] for kind in others}},
            [(ours[name], theirs[name]) for ours, theirs in held_out],
        )
        for name in known
    }
    if options.json:
        print(json.dumps(found, indent=1))
        return
    first = next(iter(found.values()))
    print(f"| score | {' | '.join(first)} |\n|{'---|' * (1 + len(first))}")
    for name, figures in found.items():
        cells = ("{:.3f} ({:.3f}–{:.3f})".format(*figure) for figure in figures.values())
        print(f"| {name} | {' | '.join(cells)} |")


def _figures(scores: dict[str, np.ndarray], held_out: list[Pair]) -> dict[str, Figure]:
    known, found = scores["products"], {}
    away = scores.get("other shops", known)
    limit = np.quantile(known, 1 - FALSE_ALARMS, method="higher")
    if "near" in scores:
        found["near: AUROC"] = _with_interval(auroc, (away, scores["near"]))
        found["near: FPR95"] = _with_interval(false_alarms, (away, scores["near"]))
    found["easy: AUROC"] = _with_interval(auroc, (known, scores["easy"]))
    for name in ("patterns", "other shops", "near", "easy"):
        if name in scores:
            one = scores[name]
            found[f"{name}: unknown"] = _with_interval(
                lambda _, x: float((x > limit).mean()), (one, one)
            )
    for name, figure in (("AUROC", auroc), ("FPR95", false_alarms)):
        parts = [_with_interval(figure, pair) for pair in held_out]
        found[f"style held out: {name}"] = tuple(np.mean(parts, axis=0).tolist())
    return found


def auroc(known: np.ndarray, strange: np.ndarray) -> float:
    """Chance that a stranger scores higher than a known picture (Hanley & McNeil, 1982)."""
    ordered = np.sort(known)  # a tenth of the time of scikit-learn's, which the intervals need
    below = np.searchsorted(ordered, strange, "left") + np.searchsorted(ordered, strange, "right")
    return float(below.mean() / (2 * len(known)))


def false_alarms(known: np.ndarray, strange: np.ndarray) -> float:
    """Share of the known that score as high as the 95 % of strangers that are most novel."""
    return float((known >= np.quantile(strange, 0.05)).mean())


def _with_interval(figure: Callable[[np.ndarray, np.ndarray], float], pair: Pair) -> Figure:
    random = np.random.default_rng(0)
    again = [figure(*(random.choice(one, len(one)) for one in pair)) for _ in range(1000)]
    low, high = np.quantile(again, [0.025, 0.975])
    return figure(*pair), float(low), float(high)


# --- scores: by name of the score, of what is asked


def _style_held_out(
    products: Embeddings, rest: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Of all other styles' products, out of fold, and of those of the style."""
    strangers = np.setdiff1d(np.arange(len(products.table)), rest)
    asked = {"strangers": products.vectors[strangers]}
    return _out_of_fold(products, rest), _ask(products, rest, asked)["strangers"]


def _out_of_fold(products: Embeddings, rows: np.ndarray) -> dict[str, np.ndarray]:
    fold_of = assign_folds(products.table.iloc[rows], "style", 5, 0)
    known = defaultdict(lambda: np.zeros(len(rows)))
    for fold in range(5):
        asked = {"held out": products.vectors[rows[fold_of == fold]]}
        for name, found in _ask(products, rows[fold_of != fold], asked)["held out"].items():
            known[name][fold_of == fold] = found
    return known


def _ask(
    products: Embeddings, rows: np.ndarray, asked: dict[str, np.ndarray]
) -> dict[str, dict[str, np.ndarray]]:
    """What each score says, fitted to some products and their copies, of vectors by kind."""
    y = np.unique(products.target("style")[1][rows], return_inverse=True)[1]
    copies = products.copies[rows]
    X = np.concatenate([products.vectors[rows], *np.moveaxis(copies, 1, 0)])
    y = np.tile(y, 1 + copies.shape[1])
    weights = np.repeat([1.0, 0.5 / copies.shape[1]], [len(rows), copies.size // copies.shape[2]])
    joined = np.concatenate(list(asked.values()))
    blocks = novelty_blocks(products.blocks)
    found = _compared(X, y, joined, blocks)
    late = [block.columns for block in products.blocks if block.name.startswith("stage")][-3:]
    for name, chosen in (("what ships, late stages", late), ("what ships", blocks)):
        found[name] = fit_novelty(X, y, weights, chosen).distances(joined)
    ends = np.cumsum([len(one) for one in asked.values()])[:-1]
    parts = {name: np.split(scores, ends) for name, scores in found.items()}
    return {kind: {n: parts[n][i] for n in parts} for i, kind in enumerate(asked)}


def _compared(
    X: np.ndarray, y: np.ndarray, asked: np.ndarray, blocks: Sequence[slice]
) -> dict[str, np.ndarray]:
    """The literature's scores of vectors [n, d] by examples X [m, d] of classes ``y`` [m]."""
    parts = [_in_principal_axes(X[:, block], asked[:, block]) for block in blocks]
    near, of_all = (sum(_mahalanobis(part, y * own) for part in parts) for own in (1, 0))
    late = sum(_mahalanobis(part, y) for part in parts[-4:-1])  # the colors come last
    wide = slice(blocks[-4].start, blocks[-2].stop)
    head = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=200))
    head.fit(np.hstack([part.known for part in parts]), y)
    logits = head.decision_function(np.hstack([part.asked for part in parts]))
    total = logsumexp(logits, axis=1)
    return {
        "PCA density of the late stages": _density(X[:, wide], asked[:, wide]),
        "Mahalanobis, late stages": late.min(axis=1),
        "Mahalanobis": near.min(axis=1),
        "Euclidean": sum(_euclidean(part, y) for part in parts).min(axis=1),
        "relative Mahalanobis": near.min(axis=1) - of_all.min(axis=1),
        "nearest neighbors": sum(map(_third_nearest, parts)),
        "residual of the principal axes": sum(
            p.asked_beyond / p.known_beyond.mean() for p in parts
        ),
        "energy": -total,
        "largest logit": -logits.max(axis=1),
        "largest probability": total - logits.max(axis=1),
    }


def _in_principal_axes(known: np.ndarray, asked: np.ndarray) -> Block:
    pca = PCA(min(_AXES, *known.shape), svd_solver="randomized", random_state=0).fit(known)
    axes = [pca.transform(vectors) for vectors in (known, asked)]
    beyond = [
        np.maximum(((vectors - pca.mean_) ** 2).sum(axis=1) - (along**2).sum(axis=1), 1e-9)
        for vectors, along in zip((known, asked), axes, strict=True)
    ]
    return Block(*axes, *beyond)


def _density(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Squared Mahalanobis distance [n] by probabilistic PCA (Tipping & Bishop, 1999)."""
    block = _in_principal_axes(known, asked)
    rest = block.known_beyond.mean() / (known.shape[1] - block.known.shape[1])
    return (block.asked**2 / block.known.var(axis=0)).sum(axis=1) + block.asked_beyond / rest


def _mahalanobis(block: Block, y: np.ndarray) -> np.ndarray:
    """Squared distances [n, c] per dimension from classes of one covariance, shrunk by OAS."""
    means = np.stack([block.known[y == c].mean(axis=0) for c in range(y.max() + 1)])
    covariance, _ = oas(block.known - means[y], assume_centered=True)
    differences = block.asked[:, None] - means
    inverse = np.linalg.inv(covariance)
    distances = np.einsum("ncd,de,nce->nc", differences, inverse, differences, optimize=True)
    return distances / len(inverse)


def _euclidean(block: Block, y: np.ndarray) -> np.ndarray:
    """Squared distances [n, c] from the means of classes, over that of the known on average."""
    means = np.stack([block.known[y == c].mean(axis=0) for c in range(y.max() + 1)])
    spread = ((block.known - means[y]) ** 2).sum(axis=1).mean() + block.known_beyond.mean()
    squares = ((block.asked[:, None] - means) ** 2).sum(axis=2)
    return (squares + block.asked_beyond[:, None]) / spread


def _third_nearest(block: Block) -> np.ndarray:
    """Logarithm of the squared distance [n] to the third nearest example."""
    nearest = NearestNeighbors(n_neighbors=3).fit(block.known).kneighbors(block.asked)[0][:, -1]
    return np.log(nearest**2 + block.asked_beyond)


# --- pictures


def _files(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    if not folder.is_dir():
        sys.exit(f"“{folder}” is no folder; expected one of pictures.")
    return sorted(file for file in folder.rglob("*") if has_picture_ending(file.name))


def _opened(file: Path) -> Image.Image:
    return load_picture(file, max_side=512)


def _easy(photographs: Sequence[Image.Image]) -> Iterator[Image.Image]:
    random = np.random.default_rng(0)
    yield from (plain(SIDE, SIDE, random) for _ in range(10))
    yield from (cloudy(SIDE, SIDE, random) for _ in range(20))
    yield from (cluttered(SIDE, SIDE, random) for _ in range(20))
    yield from (_disc(cluttered(SIDE, SIDE, random)) for _ in range(20))
    for _ in range(10):
        yield Image.fromarray(random.integers(256, size=(SIDE, SIDE, 3), dtype=np.uint8))
    for photograph in photographs:
        yield from (photograph, _disc(photograph), *_quarters(photograph))


def _quarters(picture: Image.Image) -> Iterator[Image.Image]:
    width, height = picture.width // 2, picture.height // 2
    for left in (0, width):
        for upper in (0, height):
            yield picture.crop((left, upper, left + width, upper + height))


def _disc(picture: Image.Image) -> Image.Image:
    plate = ImageOps.fit(picture, (SIDE, SIDE))
    mask = Image.new("L", plate.size)
    ImageDraw.Draw(mask).ellipse((12, 12, SIDE - 12, SIDE - 12), 255)
    return Image.composite(plate, Image.new("RGB", plate.size, "white"), mask)


if __name__ == "__main__":
    main()
