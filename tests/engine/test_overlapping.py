"""When sync and history bring the same, when reading is cut off, and when others are in trouble meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.engine.filler import ROOMS_AT_ONCE, Filler
from orchestrator.errors import BadRequest, ServerTrouble
from orchestrator.model.batch import Page, RoomUpdate, SyncBatch
from orchestrator.model.effects import AnyEffect, Result
from orchestrator.model.events import Event, State, Unreadable
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import EventId, JsonObject, RoomId, UserId
from orchestrator.store import Store, bindings, claims, ingest, mirror
from tests.declared import community, documents, policy, room
from tests.house import House as Grove
from tests.house import house_of

from .crafts import Craft, Nodder
from .test_intake import CY, ME, OTHER, ROOM, House, said

GARDEN = RoomId("!garden")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = Store.open(tmp_path)
    yield House(store)
    await store.close()


class Counter(Craft):
    """Counts what it is asked to decide."""

    name = "counter"

    def __init__(self) -> None:
        super().__init__()
        self.decided: list[EventId] = []

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        if not isinstance(event, Unreadable):  # that somebody wrote is told before what
            self.decided.append(event.id)
        return ()


def power(n: int, sender: UserId, users: JsonObject) -> State:
    return State(
        room=ROOM,
        id=EventId(f"$p{n}"),
        sender=sender,
        at_ms=n,
        type="m.room.power_levels",
        key="",
        content={"users": users},
    )


def nothing(tx: Tx) -> None:
    pass


# -- the same from two sides -------------------------------------------------------------------------------------------


async def test_what_history_brought_before_sync_did_is_decided_once(house: House) -> None:
    craft = Counter()
    house.use(craft)
    await house.begin()
    event = said(1, at_ms=house.clock.at_ms + 1)
    await house.engine.take_past([event])
    await house.take(event)
    assert craft.decided == [event.id]
    assert len(house.engine.moment().windows.since(("spoke", ROOM), 0)) == 1


async def test_what_could_be_read_at_last_in_history_is_not_decided_again_when_its_key_is_noticed(
    house: House,
) -> None:
    craft = Counter()
    house.use(craft)
    await house.begin()
    sealed = Unreadable(room=ROOM, id=EventId("$e1"), sender=CY, at_ms=house.clock.at_ms + 1, session="s")
    await house.take(sealed)
    await house.engine.take_past([said(1, at_ms=house.clock.at_ms + 1)])
    await house.engine.take_late(said(1))
    assert craft.decided == ["$e1"]
    assert await house.store.run(ingest.lates) == []


async def test_a_hole_that_is_read_again_after_a_crash_does_not_bring_back_old_power(house: House) -> None:
    house.use(Craft())
    await house.begin()
    page = [power(1, ME, {CY: 100}), power(2, CY, {CY: 0})]
    await house.take(page[1], limited=True)
    await house.engine.take_page(page, nothing)
    await house.engine.take_page(page, nothing)
    assert (await house.store.run(mirror.power_of, ROOM)).of(CY) == 0


# -- what is lost is noticed -------------------------------------------------------------------------------------------


async def test_a_room_whose_part_makes_us_stumble_is_read_from_history_and_the_others_go_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.use(Nodder())
    await house.begin()
    honest = mirror.see_own_membership

    def stumbling(tx: Tx, room: RoomId, membership: str, invited_by: UserId | None = None) -> None:
        if room == ROOM:
            raise KeyError(room)
        honest(tx, room, membership, invited_by)

    monkeypatch.setattr(mirror, "see_own_membership", stumbling)
    await house.take(said(1), said(2, room=OTHER))
    assert [row.room for row in await house.waiting()] == [OTHER]
    assert await house.store.run(ingest.gaps) == [ingest.Gap(ROOM, "s0", "s1")]
    assert house.taken[-1].gaps


async def test_a_room_that_is_missing_from_an_answer_without_position_is_one_we_were_put_out_of(house: House) -> None:
    house.use(Craft())
    made = State(
        room=ROOM, id=EventId("$c"), sender=CY, at_ms=1, type="m.room.create", key="", content={"room_version": "11"}
    )
    rooms = (RoomUpdate(room=ROOM, membership="join", state=(made,)), RoomUpdate(room=OTHER, membership="join"))
    await house.engine.take(SyncBatch(since=None, until="s0", rooms=rooms), catching_up=True)
    await house.store.run(bindings.set_direct, CY, ROOM)
    # A room that was made a moment ago is not shown yet.
    await house.store.run(mirror.see_own_membership, GARDEN, "join")
    await house.engine.take(SyncBatch(since=None, until="s9", rooms=rooms[1:]), catching_up=False)
    assert [room.room for room in await house.store.run(mirror.rooms_joined)] == [OTHER, GARDEN]
    assert await house.store.run(bindings.direct_room, CY) is None
    assert house.taken[-1].settle


async def test_what_we_may_write_is_looked_at_again_when_somebody_changes_the_power(house: House) -> None:
    house.use(Craft())
    await house.begin()
    topic = claims.Claim(room=ROOM, type="m.room.topic", path=("parts", "topic"), owner="template", value="Tea")
    await house.store.run(claims.put_claim, topic, 0)
    (item,) = await house.store.run(claims.unsettled)
    await house.store.run(claims.set_aside, item)
    await house.take(power(1, ME, {ME: 50}))
    assert await house.store.run(claims.unsettled) == []
    await house.take(power(2, CY, {ME: 100}), since="s1", until="s2")
    assert [item.type for item in await house.store.run(claims.unsettled)] == ["m.room.topic"]


async def test_a_craft_that_stumbles_over_a_result_is_brought_in_line_by_settling(house: House) -> None:
    class Deaf(Nodder):
        def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect]:
            raise ValueError(result.step)

    house.use(Deaf())
    await house.begin()
    await house.take(said(1))
    (row,) = await house.waiting()
    await house.engine.confirm(row.cause, "done", event=EventId("$nod"))
    assert house.taken[-1].settle
    assert await house.waiting() == []


async def test_commands_from_before_we_came_into_a_room_are_not_answered_days_later(tmp_path: Path) -> None:
    async with house_of(tmp_path, documents(community(room("tuesday", norms=policy())))) as grove:
        await grove.open()
        await grove.store.run(bindings.set_direct, CY, GARDEN)
        old = replace(grove.message(GARDEN, CY, "!norms"), at_ms=grove.clock.at_ms - 3_600_000)
        new = grove.message(GARDEN, CY, "!norms")
        await _come_in(grove, old, new)
        answered = [row for row in await grove.waiting("send") if row.room == GARDEN]
        assert [row.step for row in answered] == ["answer"]


async def _come_in(grove: Grove, *events: Event) -> None:
    update = RoomUpdate(room=GARDEN, membership="join", timeline=events, limited=True)
    await grove.engine.take(SyncBatch(since="s", until="s2", rooms=(update,)), catching_up=False)


# -- the windows -------------------------------------------------------------------------------------------------------


async def test_what_a_transaction_has_only_staged_is_not_published_by_a_warming(house: House) -> None:
    house.use(Craft())
    await house.begin()
    gate = threading.Event()

    def stuck(tx: Tx) -> None:
        gate.wait(10)
        raise ValueError("rolled back")

    taking = asyncio.create_task(house.engine.take_page([said(1)], stuck))
    warming = asyncio.create_task(house.engine.warm(ROOM, [(5, "@dee:grove.example")], 0))
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(ValueError, match="rolled back"):
        await taking
    await warming
    assert house.engine.moment().windows.since(("spoke", ROOM), 0) == [(5, "@dee:grove.example")]


async def test_what_sync_and_a_warming_both_bring_counts_once(house: House) -> None:
    house.use(Craft())
    await house.begin()
    await house.take(said(1))
    await house.engine.warm(ROOM, [(998_000, CY), (999_000, CY)], 0)
    assert sorted(house.engine.moment().windows.since(("spoke", ROOM), 0)) == [(998_000, CY), (999_000, CY)]


# -- rooms whose history is in trouble ---------------------------------------------------------------------------------


class Shelf:
    """Histories of rooms: one page each, or an error for as long as it stands there."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.errors: dict[RoomId, Exception] = {}
        self.events: dict[EventId, Event] = {}
        self.event_errors: list[Exception] = []
        self.sealed = False

    async def page(self, room: RoomId, *, start: str, stop: str, limit: int = 100) -> Page:
        if room in self.errors:
            raise self.errors[room]
        event = said(1, room=room, at_ms=self.house.clock.at_ms + 1)
        if self.sealed:
            sealed = Unreadable(room=room, id=event.id, sender=CY, at_ms=event.at_ms, session="s")
            return Page(room=room, events=(sealed,), older=None)
        return Page(room=room, events=(replace(event, id=EventId(f"${room}")),), older=None)

    async def event(self, room: RoomId, event: EventId) -> Event | None:
        if self.event_errors:
            raise self.event_errors.pop()
        return self.events.get(event)


class Sleeper:
    """A sleep that ends when it is told to."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[float] = asyncio.Queue()
        self.go = asyncio.Event()

    async def __call__(self, pause_s: float) -> None:
        self.asked.put_nowait(pause_s)
        await self.go.wait()


async def test_rooms_whose_history_fails_keep_no_other_room_from_being_read(house: House) -> None:
    house.use(Nodder())
    await house.begin()
    shelf, sleeper = Shelf(house), Sleeper()
    broken = [RoomId(f"!broken{n}") for n in range(ROOMS_AT_ONCE)]
    shelf.errors = dict.fromkeys(broken, ServerTrouble("Down.", status=500))
    for where in (*broken, ROOM):
        await house.store.run(mirror.see_own_membership, where, "join")
        await house.store.run(ingest.open_gap, where, "s0", "s1", 0)
    async with _working(Filler(house.engine, house.store, shelf, house.clock, sleeper)):
        await _waits(house, 1)
        assert [row.room for row in await house.waiting()] == [ROOM]
        shelf.errors.clear()
        sleeper.go.set()
        await _waits(house, len(broken) + 1)


async def test_a_hole_whose_ends_the_server_does_not_know_is_looked_for_from_the_newest_event(house: House) -> None:
    house.use(Nodder())
    await house.begin()
    shelf = Shelf(house)
    shelf.errors = {ROOM: BadRequest("No such token.", status=400, errcode="M_INVALID_PARAM")}
    await house.take(said(9), limited=True)
    worker = Filler(house.engine, house.store, shelf, house.clock)
    await worker._catch_up(ROOM)
    assert await house.store.run(ingest.gaps) == []
    assert await house.store.run(ingest.rooms_to_look_back) == [ROOM]
    shelf.errors.clear()
    await worker._catch_up(ROOM)
    assert len(await house.waiting()) == 1
    assert await house.store.run(ingest.rooms_to_look_back) == []


async def test_a_key_that_comes_while_a_page_is_on_its_way_opens_what_the_page_brought(house: House) -> None:
    house.use(Nodder())
    await house.begin()
    shelf = Shelf(house)
    shelf.sealed = True
    shelf.events = {EventId("$e1"): said(1, at_ms=house.clock.at_ms + 1)}
    await house.take(said(1), limited=True)
    async with _working(Filler(house.engine, house.store, shelf, house.clock)):
        await _waits(house, 1)
    assert await house.store.run(ingest.lates) == []


async def test_an_event_that_the_server_would_not_give_just_now_is_asked_for_again(house: House) -> None:
    house.use(Nodder())
    await house.begin()
    shelf, sleeper = Shelf(house), Sleeper()
    sleeper.go.set()
    shelf.events = {EventId("$e1"): said(1)}
    shelf.event_errors = [ServerTrouble("Down.", status=502)]
    await house.take(Unreadable(room=ROOM, id=EventId("$e1"), sender=CY, at_ms=1, session="s"))
    async with _working(Filler(house.engine, house.store, shelf, house.clock, sleeper)):
        await _waits(house, 1)
    assert shelf.event_errors == []


# -- helpers -----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _working(worker: Filler) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _waits(house: House, n: int) -> None:
    """Wait until so much waits to be sent."""
    seen = asyncio.Event()
    house.engine.follow(lambda _taken: seen.set())
    async with asyncio.timeout(60):
        while len(await house.waiting()) < n:
            await seen.wait()
            seen.clear()
