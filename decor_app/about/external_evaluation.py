"""How the shipped model does on photos of other sources, and on ornament of other traditions."""

from decor_app.components.styles import describe_recall
from decor_app.format import between, escape_markdown, percent, percent_exact
from decor_core.model.external_evaluation import ExternalEvaluation, OutOfDistribution

_NAMED = 3  # labels that a kind of strangers is most often taken for


def describe_external_recall(label: str, elsewhere: ExternalEvaluation) -> str:
    """How much of a class is recognized on photos of other sources."""
    if (evaluation := elsewhere.evaluation) is None or label not in elsewhere.unknown:
        return "Recognized elsewhere: not measured."
    n = evaluation.confusion[evaluation.labels.index(label)].sum()
    unknown = percent(elsewhere.unknown[label] / n)
    words = describe_recall(label, evaluation, "Recognized elsewhere")
    return f"{words} Called unknown: {unknown}."


def describe_external_accuracy(elsewhere: ExternalEvaluation) -> tuple[str, str]:
    """The accuracy on photos of other sources, and what it was measured on."""
    evaluation = elsewhere.evaluation
    if evaluation is None:
        return "not measured", ""
    unknown = percent_exact(sum(elsewhere.unknown.values()) / evaluation.n)
    return percent_exact(evaluation.accuracy), (
        f"Of {evaluation.n} photos from {escape_markdown(elsewhere.source)}, none of which it "
        f"learned from: {', '.join(map(escape_markdown, elsewhere.unknown))}. The true rate is "
        f"likely between {between(evaluation.ci95)}. Called unknown: {unknown}."
    )


def describe_out_of_distribution(strangers: OutOfDistribution) -> str:
    """How the model answers on pictures of a kind that it never learned."""
    confident = sum(strangers.confident.values())
    words = (
        f"**{escape_markdown(strangers.kind)}**: of {strangers.n} pictures "
        f"{percent(strangers.unknown / strangers.n)} are called unknown and "
        f"{percent(confident / strangers.n)} surely one of its styles"
    )
    most = sorted(strangers.confident.items(), key=lambda item: -item[1])[:_NAMED]
    named = ", ".join(f"{count} {escape_markdown(label)}" for label, count in most)
    return f"{words} ({named})." if named else f"{words}."
