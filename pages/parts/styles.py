"""The seven styles in words: native names, home, what to look for."""

from dataclasses import dataclass


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
        "Layered paper cut-outs in every colour: roosters, peacocks, stars of flowers.",
    ),
    Style(
        "Wzory kaszubskie",
        "Kaszëbsczi wësziwk",
        "Kashubia, Poland",
        "Embroidery on white in seven colours with much blue: tulips, daisies, pomegranates.",
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
