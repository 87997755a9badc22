"""Estimated time of a fine-tuning, phase by phase."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from decor_core.text import pluralize

# The phases, in order: looking at the pictures, training, writing the network to its file, and
# looking at the pictures with it.
PHASES = PICTURES, EPOCHS, NETWORK, VECTORS = "pictures", "epochs", "network", "vectors"

# Told the phase, how much of it is done, and of how much.
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TimeEstimate:
    """About how many ``seconds`` each of the PHASES takes, with so many ``epochs``."""

    phases: Mapping[str, float]
    epochs: int

    @property
    def seconds(self) -> float:
        return sum(self.phases.values())

    @property
    def finishing(self) -> float:
        """Seconds after the last epoch."""
        return self.phases[NETWORK] + self.phases[VECTORS]

    def __str__(self) -> str:
        minutes = round(self.seconds / 60)
        time = f"about {minutes} minutes" if minutes > 1 else "a minute or two"
        return f"{time}, at most {pluralize(self.epochs, 'epoch')}"
