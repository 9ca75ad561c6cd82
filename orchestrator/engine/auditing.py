"""Reads each room of ours whole, about once a day and never many at a time, for what /sync did not tell."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from orchestrator.errors import MatrixError, UnknownToken
from orchestrator.model.clock import Clock
from orchestrator.model.ids import RoomId, shorten

from .audit import Differences
from .engine import Engine
from .ports import Sight

log = structlog.get_logger("engine")

LOOK_EVERY_S: Final = 60.0

ROOMS_A_DAY: Final = 1_000
"""So many are read in a day if each minute one is, with room to make up for an outage."""


class Auditing:
    """Works in the background for one account.

    Args:
        engine: knows which rooms are due, and takes in what differs.
        sight: reads them.
        clock: tells the time.
    """

    def __init__(self, engine: Engine, sight: Sight, clock: Clock) -> None:
        self._engine, self._sight, self._clock = engine, sight, clock
        self._first: dict[RoomId, tuple[int, Differences]] = {}

    async def run(self) -> None:
        """Read a room a minute as long as any is due, for ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Read the room that is due for longest, and those a second time that were not as we had heard."""
        rooms, due = await self._engine.rooms_to_audit()
        again = list(self._first)
        first = [room for room in due if room not in self._first][: 1 + rooms // ROOMS_A_DAY]
        for room in [*again, *first]:
            await self._read(room)

    async def _read(self, room: RoomId) -> None:
        since_ms, known = self._first.pop(room, (0, None))
        began_ms = self._clock.now_ms()
        try:
            events = await self._sight.everything(room)
        except UnknownToken:
            raise
        except MatrixError as error:
            log.warning("a room cannot be read whole yet", room=shorten(room), why=str(error))
            return
        found = await self._engine.audit(room, events, known, since_ms)
        if found:
            self._first[room] = (began_ms, found)
