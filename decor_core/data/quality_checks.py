"""Images that are hard to see, or unlike the others in size or shape: findings from a table."""

import math
import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields

import numpy as np
import pandas as pd

from decor_core.data.findings import Finding
from decor_core.images.quality import THRESHOLDS, ImageQuality, Thresholds
from decor_core.text import pluralize

# Where a table holds what was measured of each image; no column of labels is called like these.
MEASURES = {field.name: f"quality {field.name}" for field in fields(ImageQuality)}

_Check = tuple[str, pd.Series, float, pd.Series, str]  # kind, measured, threshold, is it so, words
_MIN_COMMON = 5  # findings of one kind are never too many to list

# Both these and _size_checks ask the gravest first: kind, field of ImageQuality, field of
# Thresholds, when it is so, words.
_PIXEL_CHECKS = (
    (
        "blank", "structure", "blank", operator.le,
        "Nothing is to be seen in it: its areas differ by {value:.0f} of 255 gray levels, up to "
        "{limit:.0f} is blank.",
    ),
    (
        "dark", "brightness", "dark", operator.lt,
        "Its brightest area reaches {value:.0f} of 255; below {limit:.0f} is very dark.",
    ),
    (
        "overexposed", "overexposure", "overexposed", operator.gt,
        "{value:.0%} of what it shows is overexposed; above {limit:.0%} is very bright.",
    ),
    (
        "low contrast", "contrast", "low_contrast", operator.le,
        "Its lightest and darkest pixels differ by {value:.0f} of 255 gray levels; up to "
        "{limit:.0f} is low contrast.",
    ),
    (
        "blurry", "blur", "blurry", operator.gt,
        "Its sharpest edges are blurred by {value:.1f} pixels of 256; above {limit:.1f} is blurry.",
    ),
)  # fmt: skip


def quality_columns(qualities: Sequence[ImageQuality | None]) -> dict[str, list[float]]:
    """Columns of a table for what was measured of its images; NaN where nothing was."""
    return {
        column: [getattr(quality, name, math.nan) for quality in qualities]
        for name, column in MEASURES.items()
    }


def is_blank(table: pd.DataFrame) -> pd.Series:
    """Which images of a catalog's ``table`` show nothing; none where it was not measured."""
    if MEASURES["structure"] not in table:
        return pd.Series(False, index=table.index)
    return table[MEASURES["structure"]].astype(float) <= THRESHOLDS.blank


def check_quality(table: pd.DataFrame, thresholds: Thresholds = THRESHOLDS) -> list[Finding]:
    """At most one finding per image from its measures and one from its size: the gravest.

    ``table`` is that of a Catalog; what it lacks of width, height and MEASURES is not told of.
    A kind that is told of a large share of the images is told once, of the set.
    """
    findings = list(_findings(table, _pixel_checks(table, thresholds), thresholds))
    if "width" in table and "height" in table:
        known = table[(table[["width", "height"]].astype(float) > 0).all(axis=1)]
        if len(known):  # vectors may have been written without
            findings += _findings(known, _size_checks(known, thresholds), thresholds)
    return findings


def _findings(
    table: pd.DataFrame, checks: Iterable[_Check], thresholds: Thresholds
) -> Iterator[Finding]:
    found = np.zeros(len(table), bool)
    size = table.reindex(columns=["width", "height"])  # which a table may lack
    for kind, measure, limit, is_odd, words in checks:
        chosen = is_odd.to_numpy() & ~found
        found |= chosen
        count = int(chosen.sum())
        if kind != "blank" and count > max(_MIN_COMMON, thresholds.common * len(table)):
            yield _as_one_finding(kind, count, len(table), thresholds)
            continue
        columns = (table["file"], size["width"], size["height"], measure)
        for file, width, height, value in zip(*(c[chosen] for c in columns), strict=True):
            message = words.format(value=value, limit=limit, width=width, height=height)
            yield Finding(kind, file, message, value=float(value), threshold=float(limit))


def _as_one_finding(kind: str, count: int, total: int, thresholds: Thresholds) -> Finding:
    message = (
        f"{count} of {pluralize(total, 'picture')} are like that, so it seems to be the way of "
        "this data set, and they are not listed one by one."
    )
    share = round(count / total, 3)
    return Finding(
        "dataset quality", kind, message, value=share, threshold=round(thresholds.common, 3)
    )


def _pixel_checks(table: pd.DataFrame, thresholds: Thresholds) -> Iterator[_Check]:
    for kind, name, threshold, is_beyond, words in _PIXEL_CHECKS:
        if MEASURES[name] in table:
            measured, limit = table[MEASURES[name]].astype(float), getattr(thresholds, threshold)
            yield kind, measured, limit, is_beyond(measured, limit), words


def _size_checks(table: pd.DataFrame, t: Thresholds) -> Iterator[_Check]:
    sides = table[["width", "height"]].astype(float)
    short, long, pixels = sides.min(axis=1), sides.max(axis=1), sides.prod(axis=1)
    has = "It has {width} × {height} pixels; "
    yield "tiny", short, t.tiny, short < t.tiny, has + "below {limit:.0f} little is to be seen."
    yield "huge", pixels, t.huge, pixels > t.huge, has + "reading it takes a moment longer."
    ratio = short / long
    yield (
        "odd aspect ratio", ratio, t.aspect_ratio, ratio < t.aspect_ratio,
        has + "its short side is {value:.0%} of its long one, below {limit:.0%} is odd.",
    )  # fmt: skip
    side = (pixels**0.5).map(math.log)  # as a half is to one, so is one to the double
    usual, low, high = (float(side.quantile(q)) for q in (0.5, 0.25, 0.75))
    factor = (side - usual).abs().map(math.exp)
    reach = t.size_quartiles * (high - low)
    outside = (side < low - reach) | (side > high + reach)
    words = (
        f"its sides differ {{value:.1f}}-fold from the usual {math.exp(usual):.0f} pixels here; "
        "more than {limit:.0f}-fold is odd."
    )
    yield "odd size", factor, t.size, outside & (factor > t.size), has + words
