"""Fills the holes in rooms' timelines from history, and decides what could not be read before.

A hole is read backwards from its newer end to its older end, all the way: an event we know may stand before ones we do not
(a healed split between servers brings those), so meeting it ends nothing. Then it is decided oldest first, a page a
transaction. While a hole is open its room takes in nothing else; all other rooms go on. Once it is closed, the room's
last days are looked through as well, for what a split left even further back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Final

import structlog

from orchestrator import failpoints
from orchestrator.errors import Final as NeverWorks
from orchestrator.errors import MatrixError, UnknownToken
from orchestrator.model.batch import Page
from orchestrator.model.clock import DAY_MS, Clock
from orchestrator.model.events import Event, Unreadable
from orchestrator.model.feature import Tx
from orchestrator.model.ids import RoomId, shorten
from orchestrator.store import AccountStore, ingest, journal

from .engine import Engine
from .ports import History

log = structlog.get_logger("engine")

PAGES_IN_MEMORY: Final = 20
"""A longer hole is read twice, once for its page tokens and once for its pages, so that memory stays flat."""

LOOK_BACK_MS: Final = 2 * DAY_MS
LOOK_BACK_PAGES: Final = 60
"""How far back to look for what a healed split brought: two days, or six thousand events."""

KEEP_DECIDED_MS: Final = 7 * DAY_MS
KEEP_LATE_MS: Final = 7 * DAY_MS
KEEP_JOURNAL_MS: Final = 30 * DAY_MS
KEEP_PRIVATE_MS: Final = 8 * DAY_MS
"""When somebody wrote in private is not known for longer than this. By then nothing is decided again that was decided: a look
back takes in only what is younger (``intake.OLDEST_PAST_MS``) than what is remembered as decided."""

FORGET_EVERY_S: Final = 3_600.0
RETRY_S: Final = 5.0
LONGEST_PAUSE_S: Final = 300.0
ROOMS_AT_ONCE: Final = 4

Sleep = Callable[[float], Awaitable[object]]


class Filler:
    """Works in the background for one account.

    Args:
        engine: takes the pages in.
        store: the account's rows.
        history: reads back.
        clock: tells the time.
        sleep: waits before history is asked for again.
    """

    def __init__(
        self, engine: Engine, store: AccountStore, history: History, clock: Clock, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._engine = engine
        self._store = store
        self._history = history
        self._clock = clock
        self._sleep = sleep
        self._wake = asyncio.Event()
        self._keys_came = asyncio.Event()
        self._sessions: set[str] | None = None  # None: every kept event is worth a look (at start)
        self._busy: set[RoomId] = set()
        self._slots = asyncio.Semaphore(ROOMS_AT_ONCE)

    def wake(self, sessions: Iterable[str] = ()) -> None:
        """Say that there is a new hole, or that these room-key sessions are known now."""
        if self._sessions is not None:
            self._sessions.update(sessions)
        self._keys_came.set()
        self._wake.set()

    async def run(self) -> None:
        """Fill, look back and read, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_reading())
            while True:
                self._wake.clear()
                await self._store.run(_forget_old, self._clock.now_ms())
                for room in await self._store.run(_rooms_with_work):
                    if room not in self._busy:
                        self._busy.add(room)
                        tasks.create_task(self._work(room))
                with suppress(TimeoutError):
                    async with asyncio.timeout(FORGET_EVERY_S):
                        await self._wake.wait()

    async def _work(self, room: RoomId) -> None:
        pause_s = RETRY_S
        try:
            while await self._store.run(_has_work, room):
                try:
                    async with self._slots:
                        await self._catch_up(room)
                except UnknownToken:
                    raise
                except MatrixError as error:
                    log.warning("a room's history cannot be read yet", room=shorten(room), why=str(error))
                    # While it waits it keeps no other room from being read.
                    await self._sleep(pause_s)
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        finally:
            self._busy.discard(room)
            self._wake.set()  # there may be new work since we last looked

    async def _catch_up(self, room: RoomId) -> None:
        gap = await self._store.run(ingest.gap_in, room)
        try:
            if gap is not None:
                await self.fill(gap)
            else:
                await self.look_back(room)
        except UnknownToken:
            raise
        except NeverWorks as error:
            # We are not in the room any more, or the server knows nothing of where the hole began.
            log.warning("a room's history cannot be read; going on from here", room=shorten(room), why=str(error))
            await self._engine.take_page((), partial(_give_up, room, gap, self._clock.now_ms()), closes=room)

    async def fill(self, gap: ingest.Gap) -> None:
        """Fill one hole, to its end."""
        pages: list[tuple[str, str, Page | None]] = []
        token: str | None = gap.until
        while token is not None:
            page = await self._history.page(gap.room, start=token, stop=gap.since)
            pages.append((token, page.older or gap.since, page))
            if len(pages) > PAGES_IN_MEMORY:
                start, stop, _page = pages[-1 - PAGES_IN_MEMORY]
                pages[-1 - PAGES_IN_MEMORY] = (start, stop, None)
            token = page.older
        count = 0
        while pages:
            start, stop, kept = pages.pop()
            events = kept.events if kept is not None else await self._read_again(gap.room, start, stop)
            await self._engine.take_page(events, _nothing)
            self._ask_again(events)
            count += len(events)
        failpoints.pass_by("gap.before_close")
        await self._engine.take_page((), partial(_close, gap, self._clock.now_ms()), closes=gap.room)
        log.info("a gap was filled", room=shorten(gap.room), events=count)

    async def look_back(self, room: RoomId) -> None:
        """Look through a room's history for events that came late, and take in those that were never decided.

        After a long split our server fills in the far side's events behind what we know, between no two positions of
        /sync (measured on Synapse 1.163): only whoever reads on without a bound finds them.
        """
        horizon_ms = self._clock.now_ms() - LOOK_BACK_MS
        pages: list[Page] = []
        token: str | None = ""
        while token is not None and len(pages) < LOOK_BACK_PAGES:
            page = await self._history.page(room, start=token, stop="")
            pages.append(page)
            old = bool(page.events) and all(event.at_ms < horizon_ms for event in page.events)
            token = None if old else page.older
        for page in reversed(pages):
            await self._engine.take_past(page.events)
            self._ask_again(page.events)
        await self._store.run(ingest.looked_back, room)

    async def _read_again(self, room: RoomId, start: str, stop: str) -> list[Event]:
        """Read the same stretch as before; late events may have made it longer than a page meanwhile."""
        parts: list[tuple[Event, ...]] = []
        token: str | None = start
        while token is not None:
            page = await self._history.page(room, start=token, stop=stop)
            parts.append(page.events)
            token = page.older
        return [event for part in reversed(parts) for event in part]

    def _ask_again(self, events: Iterable[Event]) -> None:
        """Look again at what could not be read: its key may have come after its page was read and before it was kept."""
        sessions = {event.session for event in events if isinstance(event, Unreadable)}
        if sessions:
            self.wake(sessions)

    async def _keep_reading(self) -> None:
        """Read what could not be read before, whenever keys come."""
        while True:
            self._keys_came.clear()
            if await self._read_late():
                await self._keys_came.wait()
            else:
                await self._sleep(RETRY_S)

    async def _read_late(self) -> bool:
        """Read what can be read now; False when the server would not give some of it."""
        worth, self._sessions = self._sessions, set()
        if worth is not None and not worth:
            return True
        failed: set[str] = set()
        for late in await self._store.run(ingest.lates):
            if worth is not None and late.session not in worth:
                continue
            try:
                event = await self._history.event(late.room, late.event)
            except UnknownToken:
                raise
            except MatrixError:
                failed.add(late.session)
                continue
            if event is None:
                await self._store.run(_drop_late, late)
            else:
                await self._engine.take_late(event)
        self._sessions |= failed
        return not failed


def _nothing(tx: Tx) -> None:
    """The hole stays open until its last page is decided."""


def _close(gap: ingest.Gap, now_ms: int, tx: Tx) -> None:
    if ingest.close_gap(tx, gap):
        ingest.ask_look_back(tx, gap.room, now_ms)


def _give_up(room: RoomId, gap: ingest.Gap | None, now_ms: int, tx: Tx) -> None:
    if gap is None:
        ingest.looked_back(tx, room)
    else:  # what the hole held may still be found from the newest event backwards
        _close(gap, now_ms, tx)


def _rooms_with_work(tx: Tx) -> list[RoomId]:
    return [*(gap.room for gap in ingest.gaps(tx)), *ingest.rooms_to_look_back(tx)]


def _has_work(tx: Tx, room: RoomId) -> bool:
    return room in _rooms_with_work(tx)


def _forget_old(tx: Tx, now_ms: int) -> None:
    ingest.drop_old_lates(tx, now_ms - KEEP_LATE_MS)
    ingest.drop_old_decided(tx, now_ms - KEEP_DECIDED_MS)
    journal.forget(tx, now_ms - KEEP_JOURNAL_MS)
    journal.forget_private(tx, now_ms - KEEP_PRIVATE_MS)


def _drop_late(tx: Tx, late: ingest.Late) -> None:
    ingest.drop_late(tx, late.room, late.event)
