"""Time that passes only when a test says so, and a signal that something happened."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

START_MS = 1_795_000_000_000
"""A Wednesday in November 2026."""


class FakeClock:
    """A clock that stands still until it is advanced; server and bot share one.

    It tells the time in milliseconds since 1970 (``now_ms``, all that ``orchestrator.model.clock.Clock`` asks for).
    Whoever waits on it waits on a real asyncio future, which ``advance`` releases: nothing ever sleeps really.
    """

    def __init__(self, now_ms: int = START_MS) -> None:
        self._now_ms = now_ms
        self._timers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()

    def now_ms(self) -> int:
        """Tell the time now."""
        return self._now_ms

    def advance(self, ms: int) -> None:
        """Let time pass and release, oldest deadline first, whoever waited for a moment in it."""
        if ms < 0:
            raise ValueError("time does not run backwards; use jump_to for a clock that was set")
        self.jump_to(self._now_ms + ms)

    def jump_to(self, now_ms: int) -> None:
        """Set the clock, backwards too, as an operator or NTP might."""
        self._now_ms = now_ms
        while self._timers and self._timers[0][0] <= now_ms:
            _, _, future = heapq.heappop(self._timers)
            if not future.done():
                future.set_result(None)

    def timer(self, ms: int) -> asyncio.Future[None]:
        """Make a future that is done once ``ms`` of this clock have passed; cancel it to forget it."""
        future = asyncio.get_running_loop().create_future()
        if ms <= 0:
            future.set_result(None)
        else:
            heapq.heappush(self._timers, (self._now_ms + ms, next(self._order), future))
        return future

    async def sleep_ms(self, ms: int) -> None:
        """Wait until this clock was advanced by ``ms``."""
        await self.timer(ms)

    @property
    def waiting(self) -> int:
        """How many timers are still running."""
        return sum(not future.done() for _, _, future in self._timers)


class Pulse:
    """Tells everybody who waits that something happened."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def beat(self) -> None:
        """Release everybody who waits."""
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def next(self) -> asyncio.Future[None]:
        """Make a future that is done at the next beat."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        future.add_done_callback(self._waiting.discard)
        return future
