"""The region of pictures that is read, and the reason, in words and numbers for people."""

from dataclasses import dataclass

from decor_core.images.views import REGIONS

NAMES = {"object": "the object", "frame": "the whole frame"}


@dataclass(frozen=True)
class RegionCandidate:
    """A region, judged out of fold: share right, and the mean probability of the right label.

    Both are 0–1; the probabilities are calibrated.
    """

    region: str
    accuracy: float
    probability: float


@dataclass(frozen=True)
class RegionChoice:
    """The ``region`` that is read, in one sentence why, and the ``candidates`` it was among."""

    region: str
    reason: str
    candidates: tuple[RegionCandidate, ...] = ()

    @classmethod
    def given(cls, region: str, why: str = "") -> "RegionChoice":
        """One that nothing was compared for."""
        return cls(region, f"Read: {NAMES[region]}, at most {REGIONS[region]} pixels long{why}.")
