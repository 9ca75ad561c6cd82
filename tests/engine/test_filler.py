"""Holes in a timeline are filled to their end, and what came late is found behind what is known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.engine import filler
from orchestrator.engine.filler import Filler
from orchestrator.model.batch import Page
from orchestrator.model.events import Event, Message
from orchestrator.model.ids import EventId, RoomId
from orchestrator.store import Store, ingest

from .crafts import Nodder
from .test_intake import CY, ROOM, House, said


class Past:
    """A room's history: a list of events, oldest first, read by position; late ones may be slipped in."""

    def __init__(self, events: list[Event], per_page: int) -> None:
        self.events = events
        self.per_page = per_page
        self.late: list[tuple[int, Event]] = []
        self.reads = 0

    async def page(self, room: RoomId, *, start: str, stop: str, limit: int = 100) -> Page:
        self.reads += 1
        upper = self._place(start) if start else len(self.events)
        lower = self._place(stop) if stop else 0
        begin = max(lower, upper - self.per_page)
        page = Page(
            room=room,
            events=tuple(self.events[begin:upper]),
            older=f"before {self.events[begin].id}" if begin > lower else None,
        )
        if self.late and self.reads == self.late[0][0]:
            _when, event = self.late.pop(0)
            self.events.insert(1, event)
        return page

    async def event(self, room: RoomId, event: EventId) -> Event | None:
        return next((one for one in self.events if one.id == event), None)

    def _place(self, token: str) -> int:
        if token in {"s0", "s1"}:
            return 0 if token == "s0" else len(self.events)
        return next(n for n, event in enumerate(self.events) if event.id == token.removeprefix("before "))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = Store.open(tmp_path)
    house = House(store)
    house.use(Nodder())
    await house.begin()
    yield house
    await store.close()


def texts(n: int, house: House) -> list[Event]:
    return [said(k, at_ms=house.clock.at_ms + k + 1) for k in range(n)]


@pytest.mark.parametrize("n", [1, 7, 95])
async def test_every_event_of_a_hole_is_decided_once(house: House, n: int) -> None:
    past = Past(texts(n, house), per_page=3)
    await house.take(said(n - 1), limited=True)
    worker = Filler(house.engine, house.store, past, house.clock)
    await worker.fill(ingest.Gap(ROOM, "s0", "s1"))
    assert len(await house.waiting()) == n
    assert await house.store.run(ingest.gaps) == []
    await worker.look_back(ROOM)
    assert len(await house.waiting()) == n


async def test_events_that_come_late_while_a_long_hole_is_read_are_not_lost(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filler, "PAGES_IN_MEMORY", 2)
    past = Past(texts(30, house), per_page=3)
    # While the tokens are read, and again while the pages are read a second time.
    past.late = [(when, said(100 + when, at_ms=house.clock.at_ms + 2)) for when in (9, 12, 14)]
    await house.take(said(29), limited=True)
    worker = Filler(house.engine, house.store, past, house.clock)
    await worker.fill(ingest.Gap(ROOM, "s0", "s1"))
    await worker.look_back(ROOM)
    assert {row.target or row.cause for row in await house.waiting()}
    assert len(await house.waiting()) == 33


async def test_what_a_split_left_behind_what_we_know_is_found_when_looking_back(house: House) -> None:
    known = texts(10, house)
    await house.take(*known)
    behind: list[Event] = [
        Message(room=ROOM, id=EventId(f"$far{n}"), sender=CY, at_ms=house.clock.at_ms + 1, kind="m.text", body="far")
        for n in range(20)
    ]
    past = Past([*behind, *known], per_page=4)
    await Filler(house.engine, house.store, past, house.clock).look_back(ROOM)
    assert len(await house.waiting()) == 30


async def test_looking_back_ends_at_two_days(house: House) -> None:
    ages: list[Event] = [said(n, at_ms=house.clock.at_ms - filler.LOOK_BACK_MS - 1) for n in range(40)]
    past = Past([*ages, *texts(4, house)], per_page=4)
    await Filler(house.engine, house.store, past, house.clock).look_back(ROOM)
    assert past.reads == 2
    assert await house.store.run(ingest.rooms_to_look_back) == []
