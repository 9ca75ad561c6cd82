"""How often calendars may be asked for, so that who guesses addresses, or asks without end, holds up nobody else."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

STRANGERS: Final = 60
STRANGERS_PER_S: Final = 1.0
"""Of addresses that never led anywhere since the start: how many at once, and how many go on."""

READERS: Final = 20
READERS_PER_S: Final = 1 / 30
"""Of one address that leads somewhere."""

MOST_KNOWN: Final = 10_000


@dataclass(slots=True)
class _Bucket:
    level: float
    at_s: float

    def take(self, now_s: float, most: float, per_s: float) -> bool:
        self.level = min(most, self.level + max(0.0, now_s - self.at_s) * per_s)
        self.at_s = now_s
        if self.level < 1.0:
            return False
        self.level -= 1.0
        return True


class Limits:
    """Counts requests.

    Args:
        clock_s: tells a time that only goes forward, in seconds.
    """

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._strangers = _Bucket(STRANGERS, clock_s())
        self._known: OrderedDict[str, _Bucket] = OrderedDict()

    def lets(self, token: str) -> bool:
        """Tell whether somebody may ask now, and count it. All who guess share one allowance; who reads has their own."""
        known, now_s = self._known.get(token), self._clock_s()
        if known is None:
            return self._strangers.take(now_s, STRANGERS, STRANGERS_PER_S)
        return known.take(now_s, READERS, READERS_PER_S)

    def knows(self, token: str) -> None:
        """Remember that an address leads somewhere."""
        self._known.setdefault(token, _Bucket(READERS, self._clock_s()))
        self._known.move_to_end(token)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
