"""The wording that pages share: numbers as people read them, and labels that cannot format."""

import re

_SURE = ((0.95, "very sure"), (0.8, "fairly sure"), (0.5, "not quite sure"), (0.0, "unsure"))


def plain(text: str) -> str:
    """``text`` as Markdown that shows it letter by letter: file names and labels are data."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~<>:$&^=])", r"\\\1", " ".join(text.split()))


def percent(share: float) -> str:
    """A share of 0–1 in whole percent; what is not quite all or nothing never reads as such."""
    if 0.995 < share < 1:
        return "> 99\u00a0%"
    if 0 < share < 0.005:
        return "< 1\u00a0%"
    return f"{share * 100:.0f}\u00a0%"


def percent_exact(share: float) -> str:
    """A measured rate, to a tenth of a percent."""
    return f"{share * 100:.1f}\u00a0%"


def certainty(confidence: float) -> str:
    """A calibrated probability in words."""
    return next(words for least, words in _SURE if confidence >= least)


def between(interval: tuple[float, float]) -> str:
    """An interval of shares of 0–1."""
    low, high = (f"{bound * 100:.0f}\u00a0%" for bound in interval)
    return f"{low} and {high}"


def duration(seconds: float) -> str:
    """A time span at the precision people wait in."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
