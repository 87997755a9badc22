"""The model card of the shipped model (Mitchell et al., 2019)."""

from typing import Any

from decor_app.format import between, escape_markdown, percent, percent_exact
from decor_core.model.bundle import Bundle
from decor_core.model.external_evaluation import ExternalEvaluation
from decor_core.model.training_config import STEPWISE

DATA_URL = "https://www.kaggle.com/datasets/olgabelitskaya/traditional-decor-patterns"
NETWORK_URL = "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite"


def model_card(bundle: Bundle) -> list[tuple[str, str]]:
    """Its sections, each a title and Markdown."""
    training = bundle.training
    per_class = training.get("pictures_per_class", {})
    counts = ", ".join(f"{escape_markdown(label)} {count}" for label, count in per_class.items())
    reason = (training.get("region_choice") or {}).get("reason", "")
    evaluation = next(iter(bundle.cross_validation.values()), None)
    calibration = (
        f"Expected calibration error: {evaluation.ece * 100:.1f} points, by which confidence and "
        "accuracy differ on average. "
        if evaluation
        else ""
    )
    return [
        (
            "Intended use",
            "For curiosity, teaching and sorting: a first guess at the tradition of a decorated "
            "object. Not for attribution, dating, pricing, or telling genuine from imitated.",
        ),
        (
            "Training data",
            f"[Traditional Decor Patterns]({DATA_URL}) by Olga Belitskaya. No license is known for "
            "its photos, so none of them is in here: only numbers computed from them. The sample "
            "pictures were drawn for this app; no photograph went into them. "
            f"{training.get('training_pictures', '?')} photos: {counts}.",
        ),
        (
            "Method",
            f"[EfficientNet-Lite0]({NETWORK_URL}) by Google (Apache-2.0) on LiteRT computes the "
            "features; its weights stay as they are. The mean and deviation of all its stages over "
            "the object, and a histogram of the object's colors, go into one linear head, so that "
            f"each score splits exactly over the places of the picture. {_head(training)}"
            f"{reason and f' {escape_markdown(reason)}'}",
        ),
        (
            "Evaluation",
            "Stratified five-fold cross-validation, repeated five times, near duplicates never on "
            f"both sides. Intervals are at 95\u00a0%. {calibration}The method was chosen on the "
            f"same photos: expect less on others. {_elsewhere(bundle.elsewhere)}",
        ),
        (
            "Limitations",
            "- It knows these seven styles. Other traditions should come out as “none of the "
            f"known”. {_strangers(bundle.elsewhere)}\n"
            "- It learned from a few dozen shop photos of each style, and from only 12 of "
            "Neglyubka. Cluttered backgrounds cost it several points.\n"
            "- 90\u00a0% means that about one such prediction in ten is wrong.",
        ),
        (
            "Your pictures",
            "What you only classify stays in the server's memory while you use the page, and is "
            "never written to disk. What you correct there, or bring to the Data page, is kept in "
            "a folder: on your own computer until you delete it, on a server for many until you "
            "leave.",
        ),
    ]


def _elsewhere(elsewhere: ExternalEvaluation | None) -> str:
    """How it does on photos of other sources, in a sentence."""
    if not elsewhere or not (evaluation := elsewhere.evaluation):
        return "How it does on photos of other shops was not measured."
    return (
        f"Of {evaluation.n} photos from {escape_markdown(elsewhere.source)} "
        f"{percent_exact(evaluation.accuracy)} are right (between {between(evaluation.ci95)}), "
        f"with a calibration error of {evaluation.ece * 100:.1f} points."
    )


def _strangers(elsewhere: ExternalEvaluation | None) -> str:
    """How it answers on out-of-distribution pictures, in a sentence."""
    if not elsewhere or not elsewhere.strangers:
        return "What is closely akin, such as Delft to Gzhel, was not tested."
    n = sum(one.n for one in elsewhere.strangers)
    unknown = sum(one.unknown for one in elsewhere.strangers)
    confident = sum(sum(one.confident.values()) for one in elsewhere.strangers)
    kinds = ", ".join(escape_markdown(one.kind) for one in elsewhere.strangers)
    return (
        f"Of {n} pictures of ornament that looks alike ({kinds}) {percent(unknown / n)} do, and "
        f"{percent(confident / n)} are surely called one of the seven."
    )


def _head(training: dict[str, Any]) -> str:
    """How the head was trained, in a sentence."""
    if reason := (training.get("choice") or {}).get("reason"):
        return escape_markdown(reason)
    if training.get("head") == STEPWISE:
        return f"Softmax: {training['steps']} steps at {training['learning_rate']:g}."
    return f"Head: {escape_markdown(str(training.get('head', 'unknown')))}."
