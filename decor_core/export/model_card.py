"""The model card (Mitchell et al., 2019) of a bundle as Hugging Face reads it: YAML, then Markdown.

https://huggingface.co/docs/hub/model-cards says what the YAML may hold.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from decor_core.model.bundle import Bundle, folder_name
from decor_core.model.evaluation import SMALL_CLASS, Evaluation, wilson
from decor_core.model.novelty_detector import FALSE_ALARMS
from decor_core.text import pluralize

_UNNAMED = "The author's own data"
_Named = tuple[str, str, Evaluation]  # where, how, and with what result

_REGION_WORDS = {"object": "the object in the picture", "frame": "the whole picture"}
_PRECISION = {8: "whole numbers of eight bits", 32: "single precision"}
# Whose weights are under Decor's own license; beginnings of names.
_APACHE = "efficientnet_lite", "mobilenet_"


def model_card(bundle: Bundle, library: str, usage: str) -> str:
    """The card of ``bundle`` for the ``library`` that reads it, its use told by ``usage``."""
    labels = bundle.taxonomy.labels
    sections = [
        f"# {_escape(bundle.title)}",
        f"Tells which of {len(labels)} labels ({_escape(bundle.taxonomy.name)}) a picture shows: "
        f"{_listed(labels)}.",
        *("## How to use", usage.strip()),
        *("## Intended use", _intended_use(bundle)),
        *("## Training data", _training_data(bundle)),
        *("## Method", _method(bundle)),
        *("## Evaluation", *_evaluation(bundle)),
        *("## Limits", _limits(bundle)),
        *("## License", _license(bundle)),
    ]
    return f"---\n{_yaml(bundle, library)}---\n\n" + "\n\n".join(sections) + "\n"


def _escape(text: str) -> str:
    """``text`` on one line of Markdown that shows it letter by letter."""
    special = r"[\\`*\[\]<>|#]|(?<!\w)_|_(?!\w)"
    return re.sub(special, r"\\\g<0>", " ".join(text.split()))


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(map(_escape, texts))


def _evaluations(bundle: Bundle) -> list[_Named]:
    """Every evaluation of the bundle: at home first, then elsewhere."""
    data = str(bundle.training.get("data") or _UNNAMED)
    found = []
    if bundle.evaluation:
        found.append((data, "held out", bundle.evaluation))
    for level, evaluation in bundle.cross_validation.items():
        found.append((data, f"cross-validation, {level}", evaluation))
    if (elsewhere := bundle.elsewhere) and elsewhere.evaluation:
        found.append((elsewhere.source, "other sources", elsewhere.evaluation))
    return found


# --- the YAML: keys of their own lines, values as JSON, which is YAML


def _yaml(bundle: Bundle, library: str) -> str:
    lines = [
        f"license: {'apache-2.0' if _is_apache(bundle) else 'other'}",
        f"library_name: {library}",
        "pipeline_tag: image-classification",
        "tags: [image-classification, small-data, decor]",
    ]
    if results := [_result(*one) for one in _evaluations(bundle)]:
        lines += ["model-index:", f"- name: {_quoted(bundle.title)}", "  results:"]
        lines += [f"  - {_quoted(result)}" for result in results]
    return "\n".join(lines) + "\n"


def _result(data: str, how: str, evaluation: Evaluation) -> dict[str, Any]:
    metrics = {
        "accuracy": ("Accuracy", evaluation.accuracy),
        "balanced_accuracy": ("Balanced accuracy", evaluation.balanced_accuracy),
        "expected_calibration_error": ("Expected calibration error", evaluation.ece),
    }
    return {
        "task": {"type": "image-classification", "name": "Image classification"},
        "dataset": {"type": folder_name(data).lower(), "name": data, "split": how},
        "metrics": [
            {"type": kind, "name": name, "value": round(value, 4)}
            for kind, (name, value) in metrics.items()
        ],
    }


def _quoted(value: Any) -> str:
    """``value`` as JSON that YAML reads alike: what cannot be printed as YAML writes it."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)


# --- the sections


def _intended_use(bundle: Bundle) -> str:
    known = len(bundle.taxonomy.labels)
    return (
        f"A first guess at which of {known} labels a picture shows: for sorting, searching and "
        "teaching, with a person who looks where it matters. Not for decisions about people, "
        "health, safety or money, and not as a proof of what something is."
    )


def _training_data(bundle: Bundle) -> str:
    training = bundle.training
    data = _escape(str(training.get("data") or _UNNAMED))
    pictures = training.get("training_pictures") or training.get("pictures")
    text = (
        f"{data}: {pictures:,} pictures to train on." if isinstance(pictures, int) else f"{data}."
    )
    if corrections := training.get("corrections"):
        of_these = "1 is a correction" if corrections == 1 else f"{corrections} are corrections"
        text += f" Of these, {of_these} of its answers."
    few = [
        label
        for label, count in (training.get("pictures_per_class") or {}).items()
        if count < SMALL_CLASS
    ]
    if few:
        text += f" Labels of fewer than {SMALL_CLASS} pictures: {_listed(few)}."
    return f"{text} The pictures are not in here: only numbers computed from them."


def _network(bundle: Bundle) -> str:
    """The network, and its training before that of the head."""
    network = bundle.network
    if network is None:
        return (
            f"The network is {_escape(bundle.embedding.architecture)}, trained on ImageNet and "
            "unchanged."
        )
    text = f"The network “{_escape(network.title)}” comes with the model."
    if not network.based_on:
        return f"{text} It came from a file; what it was trained on is not known here."
    begun = f"{text} It began as {_escape(network.based_on)}, trained on ImageNet."
    tuned = bundle.training.get("fine_tuned")
    if not tuned:
        return f"{begun} Since then it has learned from the pictures of another training."
    stages = tuned.get("stages")
    late = f"last {stages} stages" if isinstance(stages, int) and stages > 1 else "last stage"
    text = f"{begun} Then its {late} learned from the training pictures, together with the head"
    text += ", until that was stopped early." if tuned.get("stopped") else "."
    if isinstance(share := tuned.get("untrained_share"), float):
        text += f" Stages that stayed as they were count {share * 100:.0f} % in its answers."
    return f"{text} It computes in {_PRECISION.get(tuned.get('bits'), 'numbers')}."


def _method(bundle: Bundle) -> str:
    training, spec = bundle.training, bundle.embedding
    text = (
        f"{_network(bundle)} It looks at {_REGION_WORDS[spec.region]} in "
        f"{pluralize(spec.views, 'view')}. Mean and "
        "deviation of its stages, and a histogram of colors, go into one linear head "
        f"({_escape(str(training.get('head', 'unknown')))})."
    )
    choices = [training.get(name) for name in ("region_choice", "copies_choice", "choice")]
    reasons = [_escape(one["reason"]) for one in choices if one and one.get("reason")]
    if not reasons:
        return text
    return "\n".join(
        [f"{text} What was chosen for these pictures, and why:\n", *map("- {}".format, reasons)]
    )


def _evaluation(bundle: Bundle) -> list[str]:
    evaluations = _evaluations(bundle)
    if not evaluations:
        return ["It was not tested."]
    rows = [
        (_escape(data), _escape(how), f"{one.n:,}", _rate(one.accuracy, one.ci95),
         _rate(one.balanced_accuracy, one.balanced_ci95),
         f"{one.ece * 100:.1f} ({one.ece_ci95[0] * 100:.1f}–{one.ece_ci95[1] * 100:.1f})")
        for data, how, one in evaluations
    ]  # fmt: skip
    header = ("pictures", "how", "n", "accuracy, %", "balanced accuracy, %", "calibration error")
    intervals = (
        "In parentheses are 95 % intervals. The calibration error is in points: by so much "
        "confidence and accuracy differ on average."
    )
    return [_table(header, rows), intervals, *_per_class(bundle)]


def _per_class(bundle: Bundle) -> list[str]:
    """A table of how much of each label is recognized, at home and elsewhere."""
    taxonomy, trained = bundle.taxonomy, bundle.training.get("pictures_per_class") or {}
    home = bundle.cross_validation.get(taxonomy.name) or bundle.evaluation
    away = bundle.elsewhere and bundle.elsewhere.evaluation
    columns = [(name, one) for name, one in (("at home", home), ("elsewhere", away)) if one]
    if not columns:
        return []
    rows = [
        (_escape(label), f"{trained.get(label, '–')}", *(_recall(one, label) for _, one in columns))
        for label in taxonomy.labels
    ]
    header = ("label", "pictures", *(f"recognized {name}, % of n" for name, _ in columns))
    return [_table(header, rows)]


def _recall(evaluation: Evaluation, label: str) -> str:
    place = evaluation.labels.index(label)
    n, right = round(float(evaluation.confusion[place].sum())), evaluation.confusion[place, place]
    return f"{_rate(right / n, wilson(float(right), n))} of {n}" if n else "–"


def _rate(share: float, interval: Sequence[float]) -> str:
    low, high = interval
    return f"{share * 100:.1f} ({low * 100:.1f}–{high * 100:.1f})"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _limits(bundle: Bundle) -> str:
    elsewhere = "How it does on pictures from elsewhere was not measured."
    if bundle.elsewhere and bundle.elsewhere.evaluation:
        elsewhere = (
            f"On pictures from {_escape(bundle.elsewhere.source)} it was measured: see above."
        )
    points = [
        "It knows its labels only." + _unknown(bundle),
        "90 % means that about one such answer in ten is wrong, on pictures like those it learned "
        f"from. Expect less on others. {elsewhere}",
    ]
    if not bundle.evaluation and bundle.cross_validation:
        points.append("Its recipe was chosen on the pictures that it was judged by.")
    if (network := bundle.network) and network.based_on and not bundle.is_fine_tuned:
        points.append(
            "Where its pictures are among those that the network learned from, the figures flatter."
        )
    if alike := bundle.training.get("alike_classes"):
        points.append(f"Near duplicates are nearly all there is of: {_listed(alike)}.")
    return "\n".join(f"- {point}" for point in points)


def _unknown(bundle: Bundle) -> str:
    if not bundle.novelty:
        return " What is none of them, it takes for one of them."
    text = (
        " What is unlike all that it has seen is called none of them; so are about "
        f"{FALSE_ALARMS * 100:.0f} % of the pictures that do show one."
    )
    for one in bundle.elsewhere.strangers if bundle.elsewhere else ():
        surely = sum(one.confident.values())
        text += (
            f" Of {one.n} pictures of {_escape(one.kind)}, {one.unknown} are called none of them, "
            f"while {surely} get a label with confidence."
        )
    return text


def _is_apache(bundle: Bundle) -> bool:
    network = bundle.network
    name = network.based_on if network else bundle.embedding.architecture
    return name.startswith(_APACHE)


def _license(bundle: Bundle) -> str:
    apache = "under the Apache License 2.0 (<https://www.apache.org/licenses/LICENSE-2.0>)"
    network = bundle.network
    name = _escape(network.title if network else bundle.embedding.architecture)
    text = f"Decor and the network are {apache}."
    if not _is_apache(bundle):
        text = f"Decor is {apache}; of the network, “{name}”, the terms of its own weights hold."
    return f"""{text}
What the model learned comes from the pictures named above: where their terms allow less, change
`license` at the head of this card before you publish it."""
