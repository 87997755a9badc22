"""The colors of an object in words, from the colors that it really has."""

from dataclasses import dataclass

import numpy as np

from decor_core.features.embedder import FeatureMaps

# Upper end of hue, in degrees of L*a*b*, of each color word; red closes the circle.
_HUES = ((45, "red"), (68, "orange"), (105, "yellow"), (175, "green"), (235, "turquoise"),
         (308, "blue"), (342, "purple"), (360, "red"))  # fmt: skip
_NEUTRALS = ("black", "gray", "white", "cream")
_WORDS = (*_NEUTRALS, "red", "orange", "yellow", "green", "turquoise", "blue", "purple",
          "brown", "gold", "pink")  # fmt: skip
_GRAY_CHROMA, _BLACK_LIGHTNESS = 14.0, 24.0  # below which a color is gray or black
_MIN_COLOR_SHARE = 0.06  # of the object, from which a color is worth a word
_MIN_GROUND_SHARE = 0.1  # and from which a neutral one is what the others lie on
_MAX_COLOR_WORDS = 3
_BARE_SHARE = 0.4  # of the object's outline, at which its ground counts as its color


@dataclass(frozen=True)
class ColorNames:
    """Color words: ``accents``, commonest first, on a ``ground``; either may be empty."""

    accents: tuple[str, ...]
    ground: str = ""

    def __str__(self) -> str:
        """E.g. “red and gold on black”; empty where there is nothing to name."""
        *most, last = self.accents or ("",)
        accents = f"{', '.join(most)} and {last}" if most else last
        return " on ".join(word for word in (accents, self.ground) if word)


def name_colors(features: FeatureMaps) -> ColorNames:
    """The colors of the object in an image."""
    words = _nearest_words(features.lab)
    shares = np.bincount(words.ravel(), features.weights.ravel(), minlength=len(_WORDS))
    shares = shares / max(shares.sum(), 1e-9)
    ground = _ground(words, features.weights, shares)
    order = [int(i) for i in np.argsort(-shares, kind="stable") if shares[i] >= _MIN_COLOR_SHARE]
    # Grays are mostly shadow; what is bright and colored is what people see.
    accents = [_WORDS[i] for i in order if _WORDS[i] not in (ground, "gray")]
    colored = [word for word in accents if word not in _NEUTRALS]
    return ColorNames(tuple((colored or accents)[:_MAX_COLOR_WORDS]), ground)


def _ground(words: np.ndarray, weights: np.ndarray, shares: np.ndarray) -> str:
    """Color of the background: a bare ground that shows through, or the commonest neutral."""
    outline = _outline(weights > 0.5)
    bare = outline & (weights < 0.1)
    if bare.sum() > _BARE_SHARE * max(outline.sum(), 1):
        return _WORDS[int(np.bincount(words[bare], minlength=len(_WORDS)).argmax())]
    neutral = [_WORDS.index(word) for word in _NEUTRALS if word != "gray"]
    commonest = max(neutral, key=lambda i: shares[i])
    return _WORDS[commonest] if shares[commonest] >= _MIN_GROUND_SHARE else ""


def _outline(mask: np.ndarray) -> np.ndarray:
    """Pixels of ``mask``, and between two of them in their row or column."""
    rows, columns = (
        np.maximum.accumulate(mask, axis)
        & np.flip(np.maximum.accumulate(np.flip(mask, axis), axis), axis)
        for axis in (0, 1)
    )
    return rows | columns


def _nearest_words(lab: np.ndarray) -> np.ndarray:
    """Index in _WORDS of the word for each L*a*b* color [..., 3]."""
    lightness, chroma = lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360
    ends, names = zip(*_HUES, strict=True)
    by_hue = np.array([_WORDS.index(name) for name in names])[np.searchsorted(ends, hue)]
    warm = (hue > 35) & (hue < 110)
    rules = (  # the first that holds counts
        ((lightness < _BLACK_LIGHTNESS) & (chroma < 18), "black"),
        ((chroma < _GRAY_CHROMA) & (lightness > 78), "white"),
        (chroma < _GRAY_CHROMA, "gray"),
        (warm & (chroma < 35) & (lightness > 72), "cream"),
        (warm & (lightness < 45) & (chroma < 50), "brown"),
        ((hue > 60) & (hue < 105) & (lightness < 75), "gold"),
        (((hue > 335) | (hue < 30)) & (lightness > 58), "pink"),
    )
    masks, words = zip(*rules, strict=True)
    return np.select(masks, [_WORDS.index(word) for word in words], by_hue)
