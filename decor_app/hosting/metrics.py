"""Metrics of a running server: counts and durations; numbers only, nothing about anybody.

Kept by prometheus-client, whose registry ``metrics_route`` gives out to who has the admin password.
"""

import time
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.process_collector import ProcessCollector

STARTED = time.monotonic()  # of the process, nearly: this is among the first that it imports
_BUCKETS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # upper ends, seconds

_QUANTILES = (0.5, 0.95)


@dataclass(frozen=True)
class Timing:
    """How often something was done, seconds in all, upper ends of the buckets of two quantiles."""

    n: int
    total: float
    p50: float
    p95: float


class Metrics:
    """Counts and durations by name. For all threads.

    prometheus-client gives values out as samples only, and leaves quantiles to its server.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._events = Counter(
            "decor_events", "How often something happened", ["event"], registry=self.registry
        )
        self._seconds = Histogram(
            "decor_seconds", "How long it took", ["what"], registry=self.registry, buckets=_BUCKETS
        )

    def count(self, event: str, n: int = 1) -> None:
        """Add ``n`` to how often something happened."""
        self._events.labels(event).inc(n)

    def observe(self, what: str, seconds: float) -> None:
        """Take note of how long something took."""
        self._seconds.labels(what).observe(seconds)

    def counts(self) -> dict[str, int]:
        """How often each event happened, by name."""
        (family,) = self._events.collect()
        found = {s.labels["event"]: int(s.value) for s in family.samples if s.name[-6:] == "_total"}
        return dict(sorted(found.items()))

    def timings(self) -> dict[str, Timing]:
        """How long everything took, by name."""
        (family,) = self._seconds.collect()
        buckets: dict[str, dict[float, float]] = {}
        totals: dict[str, float] = {}
        for sample in family.samples:
            what = sample.labels["what"]
            if sample.name.endswith("_bucket"):
                buckets.setdefault(what, {})[float(sample.labels["le"])] = sample.value
            elif sample.name.endswith("_sum"):
                totals[what] = sample.value
        found = {}
        for what, ends in sorted(buckets.items()):
            n = max(ends.values())
            quantiles = [
                next(end for end in sorted(ends) if ends[end] >= q * n) for q in _QUANTILES
            ]
            found[what] = Timing(int(n), totals[what], *quantiles)
        return found


METRICS = Metrics()
