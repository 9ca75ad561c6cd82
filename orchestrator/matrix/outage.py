"""When nothing we ask is answered, everything together asks about once a second, until the first answer comes.

Each who asks pauses by itself (listening, delivery, history); but there are many of them, and a community of thirty rooms
asked a server that was down twenty times a second. A server that is coming up again should not be met by that.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

from orchestrator.errors import RateLimited, Retryable
from orchestrator.model.clock import MINUTE_MS, SECOND_MS, Clock

TROUBLES_ALLOWED: Final = 3
"""So many failures in a row, with no answer between them, are the server's and not those of one room or person."""

APART_MS: Final = SECOND_MS
MOST_APART_MS: Final = SECOND_MS * 5 // 4
"""Up to a quarter more by chance, so that many bots that lost the same server spread."""

FURTHEST_MS: Final = MINUTE_MS
"""A turn that lies further ahead is none: the clock was set back."""


class Outage:
    """Gives turns to ask while a server is in trouble; as soon as it answers anything, nobody waits any more.

    Args:
        clock: tells the time.
        rng: jitter.
        sleep: waits.
    """

    def __init__(self, clock: Clock, rng: random.Random, sleep: Callable[[float], Awaitable[object]]) -> None:
        self._clock = clock
        self._rng = rng
        self._sleep = sleep
        self._troubles = 0
        self._next_ms = 0
        self._over = asyncio.Event()

    async def turn(self) -> None:
        """Wait until it is our turn to ask; while the server is well that is at once."""
        if self._troubles < TROUBLES_ALLOWED:
            return
        now_ms = self._clock.now_ms()
        ahead_ms = self._next_ms - now_ms
        if not 0 <= ahead_ms <= FURTHEST_MS:
            ahead_ms = 0
        self._next_ms = now_ms + ahead_ms + self._rng.randint(APART_MS, MOST_APART_MS)
        if ahead_ms:
            await self._wait(ahead_ms / 1000)

    def note(self, answer: object) -> None:
        """Note what came of asking. A refusal, too, is an answer of a server that is well."""
        if isinstance(answer, Retryable) and not isinstance(answer, RateLimited):
            self._troubles += 1
            if self._troubles == TROUBLES_ALLOWED:
                self._over.clear()
                self._next_ms = self._clock.now_ms() + APART_MS
        elif self._troubles:
            self._troubles = 0
            self._over.set()

    async def _wait(self, wait_s: float) -> None:
        waits = [asyncio.ensure_future(self._sleep(wait_s)), asyncio.ensure_future(self._over.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
