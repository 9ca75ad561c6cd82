"""Rooms that are not ours and that a craft reads: all of their state, when they were entered and again each day."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from orchestrator.errors import MatrixError, UnknownToken
from orchestrator.model.ids import RoomId, shorten

from .engine import Engine
from .ports import Sight

log = structlog.get_logger("engine")

LOOK_EVERY_S: Final = 600.0


class Onlooking:
    """Works in the background for one account.

    Args:
        engine: knows which rooms are wanted, and takes in what they say.
        sight: reads them.
    """

    def __init__(self, engine: Engine, sight: Sight) -> None:
        self._engine = engine
        self._sight = sight
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Say that a room was entered."""
        self._wake.set()

    async def run(self) -> None:
        """Read what is wanted, for ever."""
        while True:
            self._wake.clear()
            for room in await self._engine.rooms_to_read():
                await self._read(room)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._wake.wait()

    async def _read(self, room: RoomId) -> None:
        try:
            state = await self._sight.all_state(room)
        except UnknownToken:
            raise
        except MatrixError as error:
            log.warning("a room that is not ours cannot be read yet", room=shorten(room), why=str(error))
            return
        await self._engine.read_whole(room, state)
