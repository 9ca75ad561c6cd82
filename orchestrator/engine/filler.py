"""Fills the holes in rooms' timelines from history, and decides what could not be read before.

A hole is read backwards from its newer end to its older end, all the way: an event we know may stand before ones we do not
(a healed split between servers brings those), so meeting it ends nothing. Then it is decided oldest first, a page a
transaction. While a hole is open its room takes in nothing else; all other rooms go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog

from orchestrator import failpoints
from orchestrator.errors import Forbidden, MatrixError, NotFound, UnknownToken
from orchestrator.model.batch import Page
from orchestrator.model.clock import DAY_MS, Clock
from orchestrator.model.feature import Tx
from orchestrator.model.ids import RoomId, shorten
from orchestrator.store import AccountStore, ingest

from .engine import Engine
from .ports import History

log = structlog.get_logger("engine")

PAGES_IN_MEMORY: Final = 20
"""A longer hole is read twice, once for its page tokens and once for its pages, so that memory stays flat."""

KEEP_LATE_MS: Final = 7 * DAY_MS
RETRY_S: Final = 5.0
ROOMS_AT_ONCE: Final = 4


class Filler:
    """Works in the background for one account.

    Args:
        engine: takes the pages in.
        store: the account's rows.
        history: reads back.
        clock: tells the time.
    """

    def __init__(self, engine: Engine, store: AccountStore, history: History, clock: Clock) -> None:
        self._engine = engine
        self._store = store
        self._history = history
        self._clock = clock
        self._wake = asyncio.Event()
        self._sessions: set[str] | None = None  # None: every kept event is worth a look (at start)
        self._busy: set[RoomId] = set()
        self._slots = asyncio.Semaphore(ROOMS_AT_ONCE)

    def wake(self, sessions: Iterable[str] = ()) -> None:
        """Say that there is a new hole, or that these room-key sessions are known now."""
        if self._sessions is not None:
            self._sessions.update(sessions)
        self._wake.set()

    async def run(self) -> None:
        """Fill and read, for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                for gap in await self._store.run(ingest.gaps):
                    if gap.room not in self._busy:
                        self._busy.add(gap.room)
                        tasks.create_task(self._fill(gap.room))
                await self._read_late()
                await self._wake.wait()

    async def _fill(self, room: RoomId) -> None:
        try:
            async with self._slots:
                while (gap := await self._store.run(ingest.gap_in, room)) is not None:
                    try:
                        await self.fill(gap)
                    except (Forbidden, NotFound):
                        # We are not in the room any more, or may not read it: there is nothing to be had.
                        log.warning("a room's history cannot be read; going on from here", room=shorten(room))
                        await self._store.run(ingest.close_gap, gap)
                    except UnknownToken:
                        raise
                    except MatrixError as error:
                        log.warning("a room's history cannot be read yet", room=shorten(room), why=str(error))
                        await asyncio.sleep(RETRY_S)
        finally:
            self._busy.discard(room)

    async def fill(self, gap: ingest.Gap) -> None:
        """Fill one hole, to its end."""
        pages: list[tuple[str, Page | None]] = []
        token: str | None = gap.until
        while token is not None:
            page = await self._history.page(gap.room, start=token, stop=gap.since)
            pages.append((token, page))
            if len(pages) > PAGES_IN_MEMORY:
                pages[-1 - PAGES_IN_MEMORY] = (pages[-1 - PAGES_IN_MEMORY][0], None)
            token = page.older if page.older != token else None
        count = 0
        while pages:
            start, kept = pages.pop()
            page = kept or await self._history.page(gap.room, start=start, stop=gap.since)
            await self._engine.take_page(page.events, _nothing)
            count += len(page.events)
        failpoints.pass_by("gap.before_close")
        await self._engine.take_page((), lambda tx: _close(tx, gap))
        log.info("a gap was filled", room=shorten(gap.room), events=count)

    async def _read_late(self) -> None:
        await self._store.run(ingest.drop_old_lates, self._clock.now_ms() - KEEP_LATE_MS)
        worth, self._sessions = self._sessions, set()
        if worth is not None and not worth:
            return
        for late in await self._store.run(ingest.lates):
            if worth is not None and late.session not in worth:
                continue
            try:
                event = await self._history.event(late.room, late.event)
            except UnknownToken:
                raise
            except MatrixError:
                continue  # it stays kept; the next key or the next start looks again
            if event is None:
                await self._store.run(_drop_late, late)
            else:
                await self._engine.take_late(event)


def _nothing(tx: Tx) -> None:
    """The hole stays open until its last page is decided."""


def _close(tx: Tx, gap: ingest.Gap) -> None:
    ingest.close_gap(tx, gap)


def _drop_late(tx: Tx, late: ingest.Late) -> None:
    ingest.drop_late(tx, late.room, late.event)
