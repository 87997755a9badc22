"""The wording that pages share: numbers as people read them, and labels that cannot format."""

import base64
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath

from humanize import naturaltime


def escape_markdown(text: str) -> str:
    """``text`` as Markdown that shows it letter by letter: file names and labels are data."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|~<>:$&^=])", r"\\\1", " ".join(text.split()))


def disambiguate(files: Sequence[str]) -> list[str]:
    """The names of files, each with as much of its folder as makes it unique."""
    parts = [PurePosixPath(file.replace("\\", "/")).parts or (file,) for file in files]
    depths = dict.fromkeys(parts, 1)
    open_ones = set(depths)
    while open_ones:
        seen = Counter(path[-depth:] for path, depth in depths.items())
        open_ones = {
            path
            for path in open_ones
            if seen[path[-depths[path] :]] > 1 and depths[path] < len(path)
        }
        for path in open_ones:
            depths[path] += 1
    return ["/".join(path[-depths[path] :]) for path in parts]


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


def between(interval: tuple[float, float]) -> str:
    """An interval of shares of 0–1."""
    low, high = (f"{bound * 100:.0f}\u00a0%" for bound in interval)
    return f"{low} and {high}"


def duration(seconds: float) -> str:
    """A time span at the precision people wait in."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def time_left(seconds: float) -> str:
    """A time span that can only be guessed: no tenths of a second."""
    if seconds < 90:
        return f"about {max(seconds, 1):.0f} s left"
    return f"about {seconds / 60:.0f} min left"


def ago(moment: str) -> str:
    """How long ago a moment in UTC, ISO 8601, was."""
    return naturaltime(datetime.now(UTC) - datetime.fromisoformat(moment))


def thumb_uri(thumb: bytes) -> str:
    """A WebP as a data URI; empty if there is none."""
    return "data:image/webp;base64," + base64.b64encode(thumb).decode() if thumb else ""


def head_name(head: str) -> str:
    """The name of a head as pages write it."""
    return "LDA" if head == "lda" else head.capitalize()
