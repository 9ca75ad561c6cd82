from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web

from orchestrator.errors import BadRequest, MatrixError, RateLimited, ServerTrouble, StoreError, UnknownToken
from orchestrator.matrix import sync
from orchestrator.matrix.gateway import route
from orchestrator.model.batch import RoomUpdate, SyncBatch
from orchestrator.model.events import Event, Member, Message, State, Unreadable
from tests.fakes import (
    CloseBefore,
    CutBody,
    FakeHomeserver,
    Fault,
    HtmlError,
    MalformedJson,
    Person,
    Refuse,
    RepeatSync,
    Room,
    SpoilSync,
    TooMany,
)
from tests.fakes import UnknownToken as TokenLost
from tests.fakes.faults import Exchange
from tests.matrix.listening import KEEPER, Ears, Pauses, listening, sealed


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


@pytest.fixture
async def ears(hs: FakeHomeserver) -> AsyncIterator[Ears]:
    async with listening(hs) as found:
        yield found


@pytest.fixture
def keeper(hs: FakeHomeserver) -> Person:
    return hs.user(KEEPER)


@pytest.fixture
def cy(hs: FakeHomeserver) -> Person:
    return hs.person("@cy:grove.example")


@pytest.fixture
def room(keeper: Person, cy: Person) -> Room:
    return circle(keeper, cy)


def circle(keeper: Person, other: Person) -> Room:
    made = keeper.create_room(name="Tuesday circle", invite=[other.user_id])
    other.join(made)
    return made


def bodies(events: tuple[Event, ...]) -> list[str]:
    return [event.body for event in events if isinstance(event, Message)]


def of(batch: SyncBatch, room: Room) -> RoomUpdate:
    (update,) = [update for update in batch.rooms if update.room == room.room_id]
    return update


# -- one answer --------------------------------------------------------------------------------------------------------


async def test_the_first_answer_shows_each_room_with_its_state_and_latest_words(
    ears: Ears, cy: Person, room: Room
) -> None:
    cy.say(room, "hello")

    batch = await ears.syncer.next(None, 30_000)

    update = of(batch, room)
    seen = {event.type for event in (*update.state, *update.timeline) if isinstance(event, State)}
    assert (batch.since, update.membership, bodies(update.timeline)) == (None, "join", ["hello"])
    assert {"m.room.create", "m.room.power_levels", "m.room.join_rules"} <= seen


async def test_each_answer_goes_on_where_the_last_one_ended(ears: Ears, cy: Person, room: Room) -> None:
    first = await ears.syncer.next(None, 0)
    cy.say(room, "one")
    second = await ears.syncer.next(first.until, 0)
    cy.say(room, "two")
    third = await ears.syncer.next(second.until, 0)

    assert [bodies(of(batch, room).timeline) for batch in (second, third)] == [["one"], ["two"]]
    assert third.since == second.until


async def test_a_burst_is_cut_and_said_to_be(ears: Ears, cy: Person, room: Room) -> None:
    since = (await ears.syncer.next(None, 0)).until
    for number in range(51):
        cy.say(room, str(number))

    update = of(await ears.syncer.next(since, 0), room)

    assert update.limited
    assert bodies(update.timeline) == [str(number) for number in range(1, 51)]


async def test_nothing_is_asked_for_that_says_who_is_there_or_reading(hs: FakeHomeserver, ears: Ears) -> None:
    asked = json.loads(sync.FILTER)

    assert asked["presence"] == asked["account_data"] == {"not_types": ["*"]}
    assert asked["room"]["ephemeral"] == asked["room"]["account_data"] == {"not_types": ["*"]}
    assert asked["room"]["state"]["lazy_load_members"]
    assert asked["room"]["timeline"]["lazy_load_members"]
    hs.user(KEEPER).set_account_data("m.direct", {"@cy:grove.example": ["!x"]})
    await ears.syncer.next(None, 0)
    assert "account_data" not in ears.seals.received[0]


async def test_members_who_say_nothing_are_not_loaded(hs: FakeHomeserver, ears: Ears, cy: Person, room: Room) -> None:
    for number in range(20):
        person = hs.person(f"@quiet{number}:grove.example")
        cy.invite(room, person) if number % 2 else None
    for number in range(60):
        cy.say(room, str(number))

    update = of(await ears.syncer.next(None, 0), room)

    assert {event.user for event in update.state if isinstance(event, Member)} == {cy.user_id, KEEPER}


async def test_an_invitation_says_who_asks(hs: FakeHomeserver, ears: Ears, cy: Person) -> None:
    since = (await ears.syncer.next(None, 0)).until
    direct = cy.direct_room(KEEPER)
    other = cy.create_room(invite=[KEEPER])

    batch = await ears.syncer.next(since, 0)

    told = {
        (of(batch, made).membership, of(batch, made).invited_by, of(batch, made).direct) for made in (direct, other)
    }
    assert told == {("invite", cy.user_id, True), ("invite", cy.user_id, False)}


async def test_being_removed_is_heard_with_who_did_it(ears: Ears, keeper: Person, cy: Person) -> None:
    room = cy.create_room(invite=[KEEPER])
    keeper.join(room)
    since = (await ears.syncer.next(None, 0)).until
    cy.say(room, "goodbye, keeper")
    cy.kick(room, keeper, reason="a private reason")

    update = of(await ears.syncer.next(since, 0), room)

    assert (update.membership, bodies(update.timeline)) == ("leave", ["goodbye, keeper"])
    kick = update.timeline[-1]
    assert isinstance(kick, Member)
    assert (kick.user, kick.sender, kick.membership, kick.before) == (KEEPER, cy.user_id, "leave", "join")
    assert "private" not in repr(update)


async def test_a_knock_is_heard(ears: Ears, keeper: Person, cy: Person) -> None:
    room = cy.create_room(initial_state=[{"type": "m.room.join_rules", "content": {"join_rule": "knock"}}])
    since = (await ears.syncer.next(None, 0)).until
    keeper.knock(room)

    assert of(await ears.syncer.next(since, 0), room).membership == "knock"


async def test_our_own_sends_come_back_with_what_they_were_sent_as(ears: Ears, room: Room) -> None:
    since = (await ears.syncer.next(None, 0)).until
    body = {"msgtype": "m.text", "body": "hello", "org.circlekeeper.cause": "c1"}
    await ears.gateway.call("PUT", route("rooms", room.room_id, "send", "m.room.message", "ck-c1"), body=body)

    (event,) = of(await ears.syncer.next(since, 0), room).timeline

    assert (event.cause, event.txn, event.sender) == ("c1", "ck-c1", KEEPER)


async def test_keys_are_taken_in_before_the_events_they_open(ears: Ears, cy: Person, room: Room) -> None:
    since = (await ears.syncer.next(None, 0)).until
    cy.send(room, "m.room.encrypted", sealed(room.room_id, "s1", {"msgtype": "m.text", "body": "quietly"}))
    cy.send(room, "m.room.encrypted", sealed(room.room_id, "s2", {"msgtype": "m.text", "body": "later"}))
    ears.seals.to_come.add("s1")

    batch = await ears.syncer.next(since, 0)

    opened, closed = of(batch, room).timeline
    assert batch.sessions == {"s1"}
    assert isinstance(opened, Message)
    assert (opened.body, opened.encrypted) == ("quietly", True)
    assert isinstance(closed, Unreadable)
    assert closed.session == "s2"


@pytest.mark.parametrize("oddity", ["no events", "room is a list"])
async def test_a_room_that_makes_no_sense_harms_only_itself(
    hs: FakeHomeserver, ears: Ears, keeper: Person, cy: Person, room: Room, oddity: Any
) -> None:
    other = circle(keeper, cy)
    since = (await ears.syncer.next(None, 0)).until
    cy.say(room, "unheard")
    cy.say(other, "heard")
    hs.faults.add(SpoilSync(room.room_id, oddity), "GET", "/sync")

    batch = await ears.syncer.next(since, 0)

    assert batch.malformed == (room.room_id,)
    assert [update.room for update in batch.rooms] == [other.room_id]
    assert bodies(batch.rooms[0].timeline) == ["heard"]


async def test_a_room_without_a_timeline_is_read_from_history(
    hs: FakeHomeserver, ears: Ears, cy: Person, room: Room
) -> None:
    since = (await ears.syncer.next(None, 0)).until
    cy.say(room, "unheard")
    hs.faults.add(SpoilSync(room.room_id, "no timeline"), "GET", "/sync")

    assert of(await ears.syncer.next(since, 0), room).limited


@pytest.mark.parametrize("oddity", ["no type", "no sender", "no event id", "content is a list"])
async def test_an_event_that_makes_no_sense_harms_only_itself(
    hs: FakeHomeserver, ears: Ears, cy: Person, room: Room, oddity: Any
) -> None:
    since = (await ears.syncer.next(None, 0)).until
    cy.say(room, "spoilt")
    cy.say(room, "heard")
    hs.faults.add(SpoilSync(room.room_id, oddity), "GET", "/sync")

    update = of(await ears.syncer.next(since, 0), room)

    assert bodies(update.timeline) == ["heard"]
    assert not update.limited


@pytest.mark.parametrize(
    "answer",
    [
        "{}",
        '{"next_batch": 5}',
        '{"next_batch": ""}',
        '{"next_batch": "s1_0", "rooms": []}'.replace("[]", "[1]"),
        '{"next_batch": "s1_0", "rooms": {"join": "words"}}',
        '{"next_batch": "s1_0", "rooms": {"leave": 5}}',
    ],
)
async def test_an_answer_that_makes_no_sense_as_a_whole_is_not_taken_in(
    hs: FakeHomeserver, ears: Ears, answer: str
) -> None:
    hs.faults.add(MalformedJson(answer), "GET", "/sync")

    with pytest.raises(ServerTrouble):
        await ears.syncer.next("s1_0", 0)
    assert ears.seals.received == []


async def test_rooms_that_are_none_and_invitations_without_sense_are_left_out(hs: FakeHomeserver, ears: Ears) -> None:
    rooms = {
        "join": {"words": {}, "": 5},
        "invite": {"!a:grove.example": 5},
        "knock": None,
        "leave": {"!b:grove.example": 5},
    }
    hs.faults.add(MalformedJson(json.dumps({"next_batch": "s9_0", "rooms": rooms})), "GET", "/sync")

    batch = await ears.syncer.next("s1_0", 0)

    assert (batch.rooms, batch.malformed, batch.until) == ((), ("!b:grove.example",), "s9_0")


async def test_reading_a_long_answer_lets_others_work(
    hs: FakeHomeserver, ears: Ears, keeper: Person, cy: Person
) -> None:
    rooms = [circle(keeper, cy) for _ in range(20)]
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    class Marking:
        async def receive(self, raw_sync: Any) -> frozenset[str]:
            nonlocal turns
            turns = 0
            return frozenset()

        def decrypt(self, room: Any, raw_event: Any) -> None:
            return None

    busy = asyncio.create_task(others())
    try:
        await sync.Syncer(ears.gateway, Marking(), KEEPER, hs.clock).next(None, 0)
    finally:
        busy.cancel()
    assert turns >= len(rooms)


# -- for ever ----------------------------------------------------------------------------------------------------------


class Enough(Exception):
    """Ends a test's listening."""


def until(count: int, batches: list[SyncBatch]) -> Callable[[SyncBatch], Awaitable[None]]:
    """Make a handler that keeps what it gets and stops listening after so many."""

    async def handle(batch: SyncBatch) -> None:
        batches.append(batch)
        if len(batches) >= count:
            raise Enough

    return handle


async def follow(hs: FakeHomeserver, ears: Ears, since: str | None, count: int) -> tuple[list[SyncBatch], list[float]]:
    """Listen until so many answers were handled; tells them and the pauses between."""
    batches: list[SyncBatch] = []
    pauses = Pauses(hs.clock)
    with pytest.raises(Enough):
        await ears.syncer.follow(since, until(count, batches), sleep=pauses)
    return batches, pauses.seconds


@asynccontextmanager
async def following(
    hs: FakeHomeserver, ears: Ears, handle: Callable[[SyncBatch], Awaitable[None]]
) -> AsyncIterator[Pauses]:
    """Listen in the background."""
    pauses = Pauses(hs.clock)
    task = asyncio.create_task(ears.syncer.follow(None, handle, sleep=pauses))
    try:
        yield pauses
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_happens_is_handled_as_it_happens(hs: FakeHomeserver, ears: Ears, cy: Person, room: Room) -> None:
    heard: list[str] = []

    async def handle(batch: SyncBatch) -> None:
        heard.extend(body for update in batch.rooms for body in bodies(update.timeline))

    async with following(hs, ears, handle) as pauses:
        await hs.until_polling(KEEPER)
        for word in ("one", "two", "three"):
            cy.say(room, word)
            await hs.until(partial(heard.count, word))
            await hs.until_polling(KEEPER)

    assert heard == ["one", "two", "three"]
    assert pauses.seconds == []


async def test_a_start_does_not_wait_for_something_to_happen(hs: FakeHomeserver, ears: Ears) -> None:
    since = (await ears.syncer.next(None, 0)).until

    batches, pauses = await follow(hs, ears, since, 1)

    assert (len(batches), pauses) == (1, [])


async def test_a_server_in_trouble_hears_from_us_less_than_once_a_second(hs: FakeHomeserver, ears: Ears) -> None:
    began_ms = hs.clock.now_ms()
    hs.faults.add(HtmlError(502), "GET", "/sync", times=20)

    batches, pauses = await follow(hs, ears, None, 1)

    times = [seen.at_ms for seen in hs.requests.of("GET", "/sync")]
    assert len(batches) == 1
    assert len(times) == 21
    assert all(later - earlier >= 1_000 for earlier, later in pairwise(times))
    expected = [1, 2, 4, 8, 16, 32] + [60] * 14
    assert all(least <= pause <= least * 1.25 for least, pause in zip(expected, pauses, strict=True))
    assert len(set(pauses)) > 10  # each another, so that many bots do not come back as one
    assert hs.clock.now_ms() - began_ms >= sum(expected) * 1000


@pytest.mark.parametrize(
    "fault",
    [
        HtmlError(502),
        HtmlError(404),
        Refuse(500, "M_UNKNOWN"),
        Refuse(403, "M_FORBIDDEN"),
        CutBody(),
        MalformedJson(),
        CloseBefore(),
    ],
)
async def test_after_any_failure_the_same_position_is_asked_for_again(
    hs: FakeHomeserver, ears: Ears, cy: Person, room: Room, fault: Fault
) -> None:
    since = (await ears.syncer.next(None, 0)).until
    cy.say(room, "not to be lost")
    hs.faults.add(fault, "GET", "/sync", times=2)

    batches, pauses = await follow(hs, ears, since, 1)

    assert bodies(of(batches[0], room).timeline) == ["not to be lost"]
    assert pauses  # one or two: aiohttp asks again by itself where a connection is closed


async def test_pauses_begin_anew_after_a_success(hs: FakeHomeserver, ears: Ears, cy: Person, room: Room) -> None:
    handled = 0

    async def handle(batch: SyncBatch) -> None:
        nonlocal handled
        handled += 1
        if handled == 3:
            raise Enough
        cy.say(room, "more")
        hs.faults.add(HtmlError(502), "GET", "/sync", times=2)

    pauses = Pauses(hs.clock)
    with pytest.raises(Enough):
        await ears.syncer.follow(None, handle, sleep=pauses)

    assert [int(pause) for pause in pauses.seconds] == [1, 2, 1, 2]


async def test_a_server_that_asks_for_time_gets_it_within_reason(hs: FakeHomeserver, ears: Ears) -> None:
    hs.faults.add(TooMany(7_000), "GET", "/sync")
    hs.faults.add(TooMany(24 * 3600 * 1000), "GET", "/sync")
    hs.faults.add(TooMany(None), "GET", "/sync")

    _, pauses = await follow(hs, ears, None, 1)

    assert all(least <= pause <= least * 1.25 for least, pause in zip([7, 600, 4], pauses, strict=True))


async def test_a_server_that_is_down_is_waited_for(hs: FakeHomeserver, ears: Ears, cy: Person, room: Room) -> None:
    since = (await ears.syncer.next(None, 0)).until
    batches: list[SyncBatch] = []
    pauses: list[float] = []

    async def sleep(pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 3:
            await hs.start()
            cy.say(room, "back again")

    await hs.stop()
    with pytest.raises(Enough):
        await ears.syncer.follow(since, until(1, batches), sleep=sleep)

    assert bodies(of(batches[0], room).timeline) == ["back again"]
    assert len(pauses) == 3


async def test_a_lost_token_ends_it(hs: FakeHomeserver, ears: Ears) -> None:
    hs.faults.add(HtmlError(502), "GET", "/sync")
    hs.faults.add(TokenLost(), "GET", "/sync")

    with pytest.raises(UnknownToken):
        await ears.syncer.follow(None, until(1, []), sleep=Pauses(hs.clock))
    assert hs.requests.count("GET", "/sync") == 2


@pytest.mark.parametrize("error", [ZeroDivisionError(), StoreError("The disk is full."), UnknownToken("gone")])
async def test_what_goes_wrong_in_handling_ends_it(hs: FakeHomeserver, ears: Ears, error: Exception) -> None:
    async def handle(batch: SyncBatch) -> None:
        raise error

    with pytest.raises(type(error)):
        await ears.syncer.follow(None, handle, sleep=Pauses(hs.clock))
    assert hs.requests.count("GET", "/sync") == 1


@pytest.mark.parametrize(
    "error", [ServerTrouble("no"), RateLimited("no"), BadRequest("no", status=400, errcode="M_UNKNOWN")]
)
async def test_a_batch_whose_handling_failed_at_the_server_comes_again(
    hs: FakeHomeserver, ears: Ears, cy: Person, room: Room, error: MatrixError
) -> None:
    since = (await ears.syncer.next(None, 0)).until
    cy.say(room, "not to be lost")
    seen: list[SyncBatch] = []

    async def handle(batch: SyncBatch) -> None:
        seen.append(batch)
        raise Enough if len(seen) == 4 else error

    pauses = Pauses(hs.clock)
    with pytest.raises(Enough):
        await ears.syncer.follow(since, handle, sleep=pauses)

    assert [(batch.since, bodies(of(batch, room).timeline)) for batch in seen] == [(since, ["not to be lost"])] * 4
    assert len(pauses.seconds) == 3


async def test_cancelling_ends_it_at_once(hs: FakeHomeserver, ears: Ears) -> None:
    task = asyncio.create_task(ears.syncer.follow(None, until(100, []), sleep=Pauses(hs.clock)))
    await hs.until_polling(KEEPER)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


class AtOnce:
    """/sync answers at once that nothing happened, each time with a new position."""

    number = 100

    async def meet(self, exchange: Exchange) -> web.StreamResponse:
        self.number += 1
        return web.json_response({"next_batch": f"s{self.number}_0"})


@pytest.mark.parametrize("fault", [RepeatSync(), AtOnce()])
async def test_a_server_that_answers_at_once_with_nothing_new_is_asked_once_a_second(
    hs: FakeHomeserver, ears: Ears, cy: Person, room: Room, fault: Fault
) -> None:
    cy.say(room, "heard once is enough")
    since = (await ears.syncer.next(None, 0)).until
    hs.faults.add(fault, "GET", "/sync", times=None)

    _, pauses = await follow(hs, ears, since, 20)

    assert pauses == [1.0] * (20 - 1 - sync.QUICK_ALLOWED)


async def test_long_polls_that_end_without_news_cost_no_pause(hs: FakeHomeserver, ears: Ears) -> None:
    batches: list[SyncBatch] = []
    async with following(hs, ears, until(100, batches)) as pauses:
        for _ in range(12):
            await hs.until_polling(KEEPER)
            polls = hs.requests.count("GET", "/sync")
            hs.clock.advance(sync.LONG_POLL_MS)
            await hs.until(partial(lambda polls: hs.requests.count("GET", "/sync") > polls, polls))

    assert len(batches) >= 12
    assert pauses.seconds == []


# -- a position that is lost -------------------------------------------------------------------------------------------


async def test_a_position_the_server_does_not_know_is_given_up_after_two_refusals(
    hs: FakeHomeserver, ears: Ears, cy: Person, room: Room
) -> None:
    batches: list[SyncBatch] = []
    enough = until(2, batches)

    async def handle(batch: SyncBatch) -> None:
        cy.say(room, "hello again")
        await enough(batch)

    cy.say(room, "hello")
    pauses = Pauses(hs.clock)
    with pytest.raises(Enough):
        await ears.syncer.follow("from another server", handle, sleep=pauses)

    anew, after = batches
    assert (anew.since, bodies(of(anew, room).timeline)) == (None, ["hello"])
    assert (after.since, bodies(of(after, room).timeline)) == (anew.until, ["hello again"])
    assert len(pauses.seconds) == 2


async def test_one_bad_moment_does_not_cost_a_position(hs: FakeHomeserver, ears: Ears, cy: Person, room: Room) -> None:
    since = (await ears.syncer.next(None, 0)).until
    cy.say(room, "not to be lost")
    for fault in (Refuse(400, "M_UNKNOWN"), HtmlError(502), Refuse(400, "M_UNKNOWN"), HtmlError(400)):
        hs.faults.add(fault, "GET", "/sync")

    batches, _ = await follow(hs, ears, since, 1)

    assert batches[0].since == since
    assert bodies(of(batches[0], room).timeline) == ["not to be lost"]


async def test_a_position_is_kept_when_the_server_gives_nothing_without_it_either(
    hs: FakeHomeserver, ears: Ears, cy: Person, room: Room
) -> None:
    since = (await ears.syncer.next(None, 0)).until
    cy.say(room, "not to be lost")
    hs.faults.add(Refuse(400, "M_UNKNOWN"), "GET", "/sync", times=3)

    batches, _ = await follow(hs, ears, since, 1)

    assert batches[0].since == since


# -- a crash -----------------------------------------------------------------------------------------------------------


async def test_it_can_be_killed_between_hearing_and_handling(ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr("orchestrator.failpoints._wanted", "sync.received")
    monkeypatch.setattr("orchestrator.failpoints._left", 1)
    monkeypatch.setattr(os, "kill", lambda pid, sig: killed.append((pid, sig)))

    await ears.syncer.next(None, 0)

    assert killed == [(os.getpid(), signal.SIGKILL)]
