"""What a picture is like: one plain sentence, and the known pictures nearest to it."""

import html
from collections.abc import Callable
from pathlib import PurePosixPath

import streamlit as st

from decor_app.components.styles import style_of
from decor_app.format import distance, escape_markdown
from decor_app.state.models import predictor
from decor_app.state.pictures import Seen
from decor_app.state.thumbnails import thumbnails
from decor_core.model.classifier import Prediction, Verdict
from decor_core.model.neighbors import Neighbor, NeighborIndex
from decor_core.model.training_data import TrainingData

_COUNT = 5
_CLEAR = 0.3  # nats by which a trait must prefer the runner-up to be worth a word
_TRAITS = {
    "texture": "its finest texture",
    "pattern": "its pattern",
    "shapes": "its shapes",
    "colours": "its colours",
}


def show_likeness(
    seen: Seen, prediction: Prediction, verdict: Verdict, known: NeighborIndex | None
) -> None:
    """The sentence, and what to look for."""
    st.markdown(_sentence(seen, prediction, verdict, known))
    style = style_of(verdict.labels[0]) if verdict.kind == "sure" else None
    if style:
        st.caption(f"Look for: {style.look_for[0].lower()}{style.look_for[1:]}")


def show_known(seen: Seen, known: NeighborIndex | None) -> None:
    """The nearest known pictures, where the model was trained on pictures that are at hand."""
    if known is None:
        return
    neighbors = known.nearest(seen.vector, _COUNT)
    st.markdown(":small[**Nearest known pictures**]")
    thumbnail = thumbnails(TrainingData.of(predictor().bundle))
    items = (_item(neighbor, thumbnail) for neighbor in neighbors)
    st.html(f'<ol class="decor-known">{"".join(items)}</ol>')
    if any(one.key == seen.digest for one in neighbors):
        st.caption("This very picture is among those that the model learned from.")


def _sentence(
    seen: Seen, prediction: Prediction, verdict: Verdict, known: NeighborIndex | None
) -> str:
    """E.g. “Looks like Khokhloma: red and gold on black; Gorodets is far behind.”"""
    names = " or ".join(escape_markdown(label) for label in verdict.labels[:2])
    start = {
        "sure": f"Looks like {names}",
        "torn": f"It could be {names}",
        "undecided": "It is much like several",
        "unknown": "It is like none of them",
    }[verdict.kind]
    colours = f": {seen.colours}" if seen.colours else ""
    if verdict.kind in ("undecided", "unknown") or len(prediction.scores) < 2:
        return f"{start}{colours}."
    if verdict.kind == "torn":
        return f"{start}{colours}{_decisive(seen, prediction, known)}."
    second = escape_markdown(prediction.scores[1].label)
    behind = f"; {second} is {distance(prediction)}"
    return f"{start}{colours}{behind}{_decisive(seen, prediction, known)}."


def _decisive(seen: Seen, prediction: Prediction, known: NeighborIndex | None) -> str:
    """What speaks for the runner-up all the same, as the end of a sentence."""
    trained = predictor().bundle.taxonomy
    if known is None or prediction.taxonomy != trained.name:
        return ""
    best, second = (score.label for score in prediction.scores[:2])
    advantages = known.log_odds_by_trait(seen.vector, second, best)
    trait, advantage = max(advantages.items(), key=lambda item: item[1])
    if advantage < _CLEAR:
        return ""
    return (
        f", though {_TRAITS.get(trait, 'its ' + trait)} would suit {escape_markdown(second)} better"
    )


def _item(neighbor: Neighbor, thumbnail: Callable[[str, str], str]) -> str:
    label, file = html.escape(neighbor.label), html.escape(neighbor.file)
    likeness = max(neighbor.similarity, 0)
    thumb = thumbnail(neighbor.file, neighbor.key)
    picture = f'<img src="{thumb}" alt="{label}, {file}">' if thumb else ""
    return (
        f"<li>{picture}<b>{label}</b><small>{PurePosixPath(file).stem}</small>"
        f'<span class="decor-likeness"><i style="width:{likeness:.0%}"></i></span>'
        f"<small>{likeness:.0%} alike</small></li>"
    )
