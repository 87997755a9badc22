"""How long Hypothesis makes up examples: ``DECOR_EXAMPLES=10000``, else few and always the same."""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = os.environ.get("DECOR_EXAMPLES")
odd = settings(
    max_examples=int(EXAMPLES or 40),
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
