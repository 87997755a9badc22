"""How good a model and its recipe are: at home, elsewhere, on other data, and against strangers.

    python benchmarks/accuracy.py --other_shops DIR --look_alikes DIR --flowers DIR --stamps DIR

Prints one table, each figure with its 95 % interval: Wilson's for shares, bootstrap percentiles
for the AUROC. Folders hold class folders (``look_alikes`` one for each kind); those that are left
out, or are not there, are named and leave their rows out. The vectors of the decor pictures ship.

    --write         keep the figures from elsewhere in the bundle, for the About page
    --repeats 0     leave out what trains anew: a minute instead of ten
    --before REV    measure that revision of the repository, too, and print both side by side
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from sklearn.metrics import roc_auc_score

from decor_core.data.split import assign_folds
from decor_core.features.embeddings import SHIPPED, Embeddings
from decor_core.images.decode import load_picture
from decor_core.images.formats import has_picture_ending
from decor_core.model.bundle import DEFAULT_BUNDLE, Bundle, load_bundle, save_bundle
from decor_core.model.evaluation import Evaluation, evaluate, wilson
from decor_core.model.predictor import ImagePredictor, Prediction, VectorPredictor
from decor_core.model.training_config import TrainingConfig
from decor_core.training.train import cross_validate, train_on_all

_ROOT = Path(__file__).parents[1]
_SAMPLES = _ROOT / "models" / "samples"


@dataclass(frozen=True)
class Row:
    """A figure on ``n`` pictures with its 95 % interval; a share, unless it is an AUROC."""

    name: str
    n: int
    value: float
    interval: tuple[float, float]
    is_share: bool = True

    def __str__(self) -> str:
        figures = (self.value, *self.interval)
        if self.is_share:
            return "{:.1f} % ({:.1f}–{:.1f})".format(*(100 * figure for figure in figures))
        return "{:.3f} ({:.3f}–{:.3f})".format(*figures)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--embeddings", type=Path, default=SHIPPED)
    for name in ("other_shops", "look_alikes", "flowers", "stamps"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--head", default="auto")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--source", default="other shops, museums and auctions",
                        help="where the pictures in --other_shops come from, in words")  # fmt: skip
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--before", metavar="REV")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = measure(options)
    if options.json:
        print(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=1))
        return
    before = {row.name: row for row in _rows_of(options.before)} if options.before else {}
    print(
        f"| | pictures |{' before |' if before else ''} now |\n|---|---|{'---|' * bool(before)}---|"
    )
    for row in rows:
        old = f" {before.get(row.name, '')} |" if before else ""
        print(f"| {row.name} | {row.n} |{old} {row} |")


def measure(options: argparse.Namespace) -> list[Row]:
    """All rows for which there are pictures; what is left out is said on stderr."""
    for name in ("other_shops", "look_alikes", "flowers", "stamps"):
        folder = getattr(options, name)
        if folder is None or not folder.is_dir():
            reason = f"“{folder}” is no folder" if folder else "no folder was given"
            print(f"Left out: {name}, as {reason}.", file=sys.stderr)
            setattr(options, name, None)
    config, bundle = TrainingConfig(head=options.head), load_bundle(options.bundle)
    rows: list[Row] = []
    if options.repeats:
        shipped = Embeddings.load(options.embeddings)
        rows += _at_home(shipped, config, options.repeats)
        rows += _styles_held_out(shipped.of_types("product"), config)
    predictor = ImagePredictor(bundle)
    rows += _samples(predictor)
    others = _predict_folders(predictor, options.other_shops)
    strangers = _predict_folders(predictor, options.look_alikes)
    evaluation = _evaluation(bundle, others) if others else None
    if evaluation:
        rows += _elsewhere_rows(bundle, others, evaluation)
    rows += _stranger_rows(strangers, [one for found in others.values() for one in found])
    for name, folder in (("flowers", options.flowers), ("stamps", options.stamps)):
        if folder and options.repeats:
            found = _cross_validated_folder(folder, options.head)
            accuracy, interval = found["accuracy"], tuple(found["ci95"])
            rows.append(Row(f"{name}, 5 folds", found["n"], accuracy, interval))
    if options.write:
        _write(bundle, options, others, evaluation, strangers)
    return rows


def _at_home(shipped: Embeddings, config: TrainingConfig, repeats: int) -> Iterator[Row]:
    products, patterns = shipped.of_types("product"), shipped.of_types("pattern")
    found = cross_validate(products, config, "style", repeats=repeats)
    for level, evaluation in found.items():
        yield _accuracy(f"decor, {level}, {repeats} × 5 folds", evaluation)
    style = found["style"]
    yield Row("decor, style, calibration error", style.n, style.ece, style.ece_ci95)
    for name, train, test in (
        ("patterns → products", patterns, products),
        ("products → patterns", products, patterns),
    ):
        predictor = VectorPredictor(train_on_all(train, config, "style", repeats=0))
        answers = [one.scores[0].label for one in predictor.predict(test.vectors)]
        yield _share(
            f"decor, {name}", (np.array(answers) == test.table["style"]).sum(), len(answers)
        )


def _samples(predictor: ImagePredictor) -> list[Row]:
    listed = json.loads((_SAMPLES / "samples.json").read_text(encoding="utf-8"))
    found = [predictor.label_one(one["file"], _SAMPLES / one["file"]).prediction for one in listed]
    right = sum(
        prediction is not None and prediction.scores[0].label == one["style"]
        for prediction, one in zip(found, listed, strict=True)
    )
    return [_share("drawn samples", right, len(listed))]


def _predict_folders(predictor: ImagePredictor, root: Path | None) -> dict[str, list[Prediction]]:
    """What each picture is taken for, by the name of its folder under ``root``."""
    found = {}
    for folder in sorted(path for path in root.iterdir() if path.is_dir()) if root else ():
        files = sorted(file for file in folder.iterdir() if has_picture_ending(file.name))

        def vector(file: Path) -> np.ndarray:
            return predictor.embed(load_picture(file, max_side=predictor.embedder.working_side))

        with ThreadPoolExecutor() as pool:
            found[folder.name] = predictor.predict(np.stack(list(pool.map(vector, files))))
    return found


def _evaluation(bundle: Bundle, others: dict[str, list[Prediction]]) -> Evaluation:
    """The pictures from elsewhere by their likeliest label; folders are labels, whatever case."""
    labels = bundle.taxonomy.labels
    codes = {label.casefold(): code for code, label in enumerate(labels)}
    if unknown := [name for name in others if name.casefold() not in codes]:
        sys.exit(f"“{unknown[0]}” is no label of the model; its labels: {', '.join(labels)}.")
    y_true = np.repeat([codes[name.casefold()] for name in others], [*map(len, others.values())])
    probs = np.zeros((len(y_true), len(labels)))
    for row, prediction in zip(probs, (p for found in others.values() for p in found), strict=True):
        for score in prediction.scores:
            row[labels.index(score.label)] = score.probability
    return evaluate(probs, y_true, labels)


def _elsewhere_rows(
    bundle: Bundle, others: dict[str, list[Prediction]], evaluation: Evaluation
) -> Iterator[Row]:
    yield _accuracy("other shops", evaluation)
    for label, row in zip(evaluation.labels, evaluation.confusion, strict=True):
        if row.any():
            right = row[evaluation.labels.index(label)]
            yield _share(f"other shops, {label}", right, round(row.sum()))
    unknown = sum(one.unknown for found in others.values() for one in found)
    yield _share("other shops, called unknown", unknown, evaluation.n)
    name = "other shops, calibration error"
    yield Row(name, evaluation.n, evaluation.ece, evaluation.ece_ci95)


def _stranger_rows(
    strangers: dict[str, list[Prediction]], known: list[Prediction]
) -> Iterator[Row]:
    everyone = [one for found in strangers.values() for one in found]
    for kind, found in {**strangers, "all": everyone}.items() if everyone else ():
        name = f"strangers, {kind.replace('_', ' ')}"
        yield _share(f"{name}, called unknown", sum(p.unknown for p in found), len(found))
        yield _share(f"{name}, surely called a style", sum(map(_is_confident, found)), len(found))
    if everyone and known:
        yield _auroc("strangers, all, AUROC against other shops", known, everyone)


def _styles_held_out(products: Embeddings, config: TrainingConfig) -> Iterator[Row]:
    """Each style as strangers of a model of the other six, of which a fifth is held out, too."""
    known: list[Prediction] = []
    strangers: list[Prediction] = []
    for style in sorted(set(products.table["style"])):
        is_style = (products.table["style"] == style).to_numpy()
        six = products.rows(~is_style)
        held_out = assign_folds(six.table, "style", seed=config.seed) == 0
        bundle = train_on_all(six.rows(~held_out), config, "style", repeats=0)
        known += VectorPredictor(bundle).predict(six.vectors[held_out])
        strangers += VectorPredictor(bundle).predict(products.vectors[is_style])
    n = len(strangers)
    yield _share("a style held out, called unknown", sum(one.unknown for one in strangers), n)
    yield _share("a style held out, surely called another", sum(map(_is_confident, strangers)), n)
    yield _auroc("a style held out, AUROC against the other six", known, strangers)


def _cross_validated_folder(folder: Path, head: str) -> dict[str, Any]:
    """What the command line finds in five folds, with everything that it lets the data tell."""
    command = [sys.executable, "-m", "decor_core", "evaluate", "--image_dir", str(folder.resolve()),
               "--head", head, "--repeats", "1", "--json"]  # fmt: skip
    done = subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.PIPE)
    (found,) = (one for one in json.loads(done.stdout).values() if isinstance(one, dict))
    return found


def _write(
    bundle: Bundle,
    options: argparse.Namespace,
    others: dict[str, list[Prediction]],
    evaluation: Evaluation | None,
    strangers: dict[str, list[Prediction]],
) -> None:
    # Not in earlier revisions.
    from decor_core.model.external_evaluation import ExternalEvaluation, OutOfDistribution

    if not (others or strangers):
        sys.exit("Nothing to write: give --other_shops, --look_alikes or both.")
    spelled = {label.casefold(): label for label in bundle.taxonomy.labels}
    unknown = {
        spelled[name.casefold()]: sum(one.unknown for one in found)
        for name, found in others.items()
    }
    kinds = tuple(
        OutOfDistribution(
            _words(kind),
            len(found),
            sum(one.unknown for one in found),
            dict(Counter(one.scores[0].label for one in found if _is_confident(one)).most_common()),
        )
        for kind, found in strangers.items()
    )
    elsewhere = ExternalEvaluation(options.source, evaluation, unknown, kinds)
    print(save_bundle(replace(bundle, elsewhere=elsewhere), options.bundle), file=sys.stderr)


def _words(folder: str) -> str:
    """The kind that a folder's name tells: “Moroccan zellige” of “moroccan_zellige”."""
    words = folder.replace("_", " ")
    return words[:1].upper() + words[1:]


def _is_confident(prediction: Prediction) -> bool:
    return prediction.decision().kind == "confident"


def _accuracy(name: str, evaluation: Evaluation) -> Row:
    return Row(name, evaluation.n, evaluation.accuracy, evaluation.ci95)


def _share(name: str, count: float, n: int) -> Row:
    return Row(name, n, float(count / n), wilson(float(count), n))


def _auroc(name: str, known: list[Prediction], strangers: list[Prediction]) -> Row:
    """That of novelty; its interval by 1000 bootstrap samples of both."""
    rng, n = np.random.default_rng(0), len(strangers)
    first, second = (np.array([one.novelty for one in both]) for both in (known, strangers))
    is_stranger = np.repeat([0, 1], [len(first), n])

    def area(first: np.ndarray, second: np.ndarray) -> float:
        return float(roc_auc_score(is_stranger, np.concatenate([first, second])))

    drawn = [area(rng.choice(first, len(first)), rng.choice(second, n)) for _ in range(1000)]
    low, high = np.percentile(drawn, (2.5, 97.5)).tolist()
    return Row(name, n, area(first, second), (low, high), is_share=False)


def _rows_of(revision: str) -> list[Row]:
    """The rows that this script, as it is now, measures with another revision of the rest."""
    with tempfile.TemporaryDirectory(prefix="decor-before-") as folder:
        git = ["git", "-C", str(_ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", folder, revision], check=True)
        try:
            script = Path(folder, "benchmarks", Path(__file__).name)
            script.write_bytes(Path(__file__).read_bytes())
            ours = ("--write", "--before")
            arguments = [a for a in sys.argv[1:] if not a.startswith(ours) and a != revision]
            command = [sys.executable, str(script), *arguments, "--json"]
            found = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        finally:
            subprocess.run([*git, "remove", "--force", folder], check=True)
    return [Row(**row) for row in json.loads(found)]


if __name__ == "__main__":
    main()
