"""The colours of a decor in words, from the colours that its object really has."""

from dataclasses import dataclass

import numpy as np

from decor_core.features.embedder import Look

# Upper end of hue, in degrees of L*a*b*, of each colour word; red closes the circle.
_HUES = ((45, "red"), (68, "orange"), (105, "yellow"), (175, "green"), (235, "turquoise"),
         (308, "blue"), (342, "purple"), (360, "red"))  # fmt: skip
_NEUTRALS = ("black", "grey", "white", "cream")
_WORDS = (*_NEUTRALS, "red", "orange", "yellow", "green", "turquoise", "blue", "purple",
          "brown", "gold", "pink")  # fmt: skip
_GREY, _DARK = 14.0, 24.0  # chroma below which a colour is grey, lightness below which it is black
_LEAST = 0.06  # share of the decor from which a colour is worth a word
_LEAST_GROUND = 0.1  # and from which a neutral one is what the others lie on
_MOST = 3
_SHOWS_THROUGH = 0.4  # share of the object's outline at which its ground counts as its colour


@dataclass(frozen=True)
class Palette:
    """Colour words: ``accents``, commonest first, on a ``ground``; either may be empty."""

    accents: tuple[str, ...]
    ground: str = ""

    def __str__(self) -> str:
        """E.g. “red and gold on black”; empty where there is nothing to name."""
        *most, last = self.accents or ("",)
        accents = f"{', '.join(most)} and {last}" if most else last
        return " on ".join(word for word in (accents, self.ground) if word)


def palette(look: Look) -> Palette:
    """The colours of the object that was looked at."""
    words = _words(look.lab)
    shares = np.bincount(words.ravel(), look.weights.ravel(), minlength=len(_WORDS))
    shares = shares / max(shares.sum(), 1e-9)
    ground = _ground(words, look.weights, shares)
    order = [int(i) for i in np.argsort(-shares, kind="stable") if shares[i] >= _LEAST]
    # Greys are mostly shadow; what is bright and coloured is what people see.
    accents = [_WORDS[i] for i in order if _WORDS[i] not in (ground, "grey")]
    colourful = [word for word in accents if word not in _NEUTRALS]
    return Palette(tuple((colourful or accents)[:_MOST]), ground)


def _ground(words: np.ndarray, weights: np.ndarray, shares: np.ndarray) -> str:
    """What the ornament lies on: a bare ground that shows through, or the commonest neutral."""
    bare = _hull(weights > 0.5) & (weights < 0.1)
    if bare.sum() > _SHOWS_THROUGH * max(_hull(weights > 0.5).sum(), 1):
        return _WORDS[int(np.bincount(words[bare], minlength=len(_WORDS)).argmax())]
    neutral = [_WORDS.index(word) for word in _NEUTRALS if word != "grey"]
    commonest = max(neutral, key=lambda i: shares[i])
    return _WORDS[commonest] if shares[commonest] >= _LEAST_GROUND else ""


def _hull(mask: np.ndarray) -> np.ndarray:
    """Places of ``mask``, and between two of them in their row or column."""
    rows, columns = (
        np.maximum.accumulate(mask, axis)
        & np.flip(np.maximum.accumulate(np.flip(mask, axis), axis), axis)
        for axis in (0, 1)
    )
    return rows | columns


def _words(lab: np.ndarray) -> np.ndarray:
    """Index in _WORDS of the word for each L*a*b* colour [..., 3]."""
    lightness, chroma = lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360
    ends, names = zip(*_HUES, strict=True)
    found = np.array([_WORDS.index(name) for name in names])[np.searchsorted(ends, hue)]
    warm = (hue > 35) & (hue < 110)
    rules = (  # the first that holds counts
        ((lightness < _DARK) & (chroma < 18), "black"),
        ((chroma < _GREY) & (lightness > 78), "white"),
        (chroma < _GREY, "grey"),
        (warm & (chroma < 35) & (lightness > 72), "cream"),
        (warm & (lightness < 45) & (chroma < 50), "brown"),
        ((hue > 60) & (hue < 105) & (lightness < 75), "gold"),
        (((hue > 335) | (hue < 30)) & (lightness > 58), "pink"),
    )
    chosen = [_WORDS.index(word) for _, word in rules]
    return np.select([rule for rule, _ in rules], chosen, found)
