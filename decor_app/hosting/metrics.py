"""What a running server counts: how often, how long; numbers only, nothing about anybody."""

import threading
import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass

STARTED = time.monotonic()  # of the process, nearly: this is among the first that it imports

# Upper ends in seconds; one more bucket takes what is slower.
BUCKETS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True)
class Timings:
    """How long something took: ``counts`` in the buckets, the sum and the longest in seconds."""

    counts: tuple[int, ...] = (0,) * (len(BUCKETS) + 1)
    total: float = 0.0
    longest: float = 0.0

    @property
    def n(self) -> int:
        return sum(self.counts)

    def quantile(self, share: float) -> float | None:
        """The upper end of the bucket that holds the quantile, or the longest; None if empty."""
        seen = 0
        for place, count in enumerate(self.counts):
            seen += count
            if count and seen >= share * self.n:
                ends = (*BUCKETS, self.longest)
                return min(ends[place], self.longest)
        return None


class Counters:
    """Counts and timings by name; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._timings: dict[str, Timings] = {}

    def count(self, name: str, n: int = 1) -> None:
        """Add ``n`` to a count."""
        with self._lock:
            self._counts[name] += n

    def observe(self, name: str, seconds: float) -> None:
        """Put one duration into its bucket."""
        place = bisect_left(BUCKETS, seconds)
        with self._lock:
            old = self._timings.get(name, Timings())
            counts = list(old.counts)
            counts[place] += 1
            longest = max(old.longest, seconds)
            self._timings[name] = Timings(tuple(counts), old.total + seconds, longest)

    def counts(self) -> dict[str, int]:
        """All counts by name, sorted."""
        with self._lock:
            return dict(sorted(self._counts.items()))

    def timings(self) -> dict[str, Timings]:
        """All timings by name, sorted."""
        with self._lock:
            return dict(sorted(self._timings.items()))


METRICS = Counters()
