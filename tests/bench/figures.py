"""What a measurement gives: two things done in turns, and how they compare."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """One of the two.

    Attributes:
        name: what was measured.
        times_ms: each time it took.
        stamped_ms: for messages, the same by the homeserver's own clock: between the two events' timestamps.
        processor_s: processor seconds of its process over all of them.
        memory_mb: resident memory of its process afterwards.
    """

    name: str
    times_ms: Sequence[float]
    stamped_ms: Sequence[float] = ()
    processor_s: float | None = None
    memory_mb: float | None = None

    @property
    def median_ms(self) -> float:
        """The median time."""
        return statistics.median(self.times_ms)

    @property
    def p95_ms(self) -> float:
        """The 95th percentile."""
        return percentile(self.times_ms, 95)

    @property
    def stamped_median_ms(self) -> float | None:
        """The median by the server's clock."""
        return statistics.median(self.stamped_ms) if self.stamped_ms else None

    @property
    def processor_s_per_1000(self) -> float | None:
        """Processor seconds for a thousand."""
        return None if self.processor_s is None else self.processor_s / len(self.times_ms) * 1000


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours against a bare one, measured in turns in one run.

    Attributes:
        title: what was compared.
        goal: what the ratio of the medians should not exceed; None where there is no goal.
        ours, bare: the two.
    """

    title: str
    ours: Figures
    bare: Figures
    goal: float | None = None

    @property
    def ratio(self) -> float:
        """The ratio of the medians."""
        return self.ours.median_ms / self.bare.median_ms

    @property
    def stamped_ratio(self) -> float | None:
        """The ratio of the medians by the server's clock, which counts neither sending nor hearing: a stricter one."""
        ours, bare = self.ours.stamped_median_ms, self.bare.stamped_median_ms
        return ours / bare if ours is not None and bare else None


def percentile(values: Sequence[float], percent: int) -> float:
    """Give the smallest value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
