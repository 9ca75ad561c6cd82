"""Time as an argument: whoever needs it is given a clock, so tests can turn it."""

from __future__ import annotations

import time
from typing import Protocol

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

FOREVER_MS = 1 << 62
"""Later than any time."""


class Clock(Protocol):
    """Tells the time in milliseconds since 1970-01-01 UTC."""

    def now_ms(self) -> int:
        """Tell the time now."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        """Tell the time now, in milliseconds."""
        return time.time_ns() // 1_000_000
