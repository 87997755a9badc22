"""The seven styles in words: native names, home, what to look for, how well they are recognized."""

from dataclasses import dataclass

from decor_app.format import between, escape_markdown, percent
from decor_core.model.evaluation import SMALL_CLASS, Evaluation, wilson

_RARE = 0.05  # share of a class's pictures from which a confusion is worth naming


@dataclass(frozen=True)
class Style:
    """A style for people: ``label`` as the models call it, ``native`` in its own script."""

    label: str
    native: str
    home: str
    look_for: str


STYLES = (
    Style(
        "Gzhel",
        "Гжель",
        "Moscow region, Russia",
        "White porcelain painted in nothing but cobalt blue, from the palest wash to ink: "
        "roses, birds, netted rims.",
    ),
    Style(
        "Khokhloma",
        "Хохлома",
        "Nizhny Novgorod, Russia",
        "Red berries, gold leaves and curling grass on black lacquered wood.",
    ),
    Style(
        "Gorodets",
        "Городец",
        "Nizhny Novgorod, Russia",
        "Wood painted with round bright roses, black horses and birds, livened by white strokes.",
    ),
    Style(
        "Wycinanki łowickie",
        "Wycinanki łowickie",
        "Łowicz, Poland",
        "Layered paper cut-outs in every color: roosters, peacocks, stars of flowers.",
    ),
    Style(
        "Wzory kaszubskie",
        "Kaszëbsczi wësziwk",
        "Kashubia, Poland",
        "Embroidery on white in seven colors with much blue: tulips, daisies, pomegranates.",
    ),
    Style(
        "Iznik",
        "İznik çinisi",
        "İznik, Turkey",
        "Glazed tiles and plates: tulips and carnations in cobalt, turquoise and tomato red.",
    ),
    Style(
        "Neglyubka",
        "Неглюбка",
        "Gomel region, Belarus",
        "Linen towels woven with bands of rhombs and zigzags in red, sometimes with black.",
    ),
)


def style_of(label: str) -> Style | None:
    """The style that a model calls ``label``, if it is one of the seven."""
    return next((style for style in STYLES if style.label == label), None)


def describe_recall(label: str, evaluation: Evaluation, title: str = "Recognized") -> str:
    """How much of a class is recognized, and what it is taken for instead."""
    place = evaluation.labels.index(label)
    row = evaluation.confusion[place]
    n, hits = round(float(row.sum())), round(float(row[place]), 6)
    words = f"{title}: {percent(hits / n)} of {n} photos, likely between "
    words += between(wilson(hits, n))
    others = [
        escape_markdown(other)
        for other, count in zip(evaluation.labels, row, strict=True)
        if other != label and count >= _RARE * n
    ]
    if others:
        words += f"; sometimes taken for {' or '.join(others)}"
    return f"{words}. Few photos: judge with care." if n < SMALL_CLASS else f"{words}."
