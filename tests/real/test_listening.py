"""Listening and reading back on real Synapses: what the fake homeserver cannot promise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from orchestrator.errors import Forbidden
from orchestrator.local import LocalHomeserver
from orchestrator.matrix.gateway import route
from orchestrator.model.batch import RoomUpdate, SyncBatch
from orchestrator.model.clock import MINUTE_MS, SystemClock
from orchestrator.model.events import Event, Member, Message, Other, Redaction, State
from orchestrator.model.ids import CAUSE_FIELD, Cause, EventId, RoomId, server_of
from tests.matrix.listening import Ears, listening_at
from tests.real.homeservers import FederatingPair
from tests.real.people import People
from tests.real.person import Person
from tests.real.wire import eventually

pytestmark = pytest.mark.real

Listen = Callable[[Person], Awaitable[Ears]]


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    """Let somebody hear as the bot does: ``ears = await listen(keeper)``."""
    async with AsyncExitStack() as stack:
        yield lambda who: stack.enter_async_context(listening_at(who.url, who.user_id, who.token, SystemClock()))


def of(batch: SyncBatch, room: RoomId) -> RoomUpdate:
    (update,) = [update for update in batch.rooms if update.room == room]
    return update


async def read_back(ears: Ears, room: RoomId, start: str, stop: str, limit: int = 100) -> list[Event]:
    """Read from ``start`` back to ``stop``, newest first."""
    events: list[Event] = []
    token: str | None = start
    while token is not None:
        page = await ears.history.page(room, start=token, stop=stop, limit=limit)
        events += reversed(page.events)
        token = page.older
    return events


async def test_everything_that_both_sides_of_a_healed_split_said_is_heard_once_gaps_are_read_to_their_old_end(
    pair: FederatingPair, people: People, listen: Listen
) -> None:
    keeper, bo = await people.plain(pair.a, "keeper"), await people.plain(pair.b, "bo")
    room = await keeper.create_room(invite=[bo.user_id])
    await bo.until_invited()
    await bo.join(room, via=[server_of(keeper.user_id)])
    await keeper.until_joined(room, bo.user_id)
    ears = await listen(keeper)
    await pair.cut()
    since = (await ears.syncer.next(None, 0)).until
    said = {await keeper.say(room, f"here {n}") for n in range(27)}
    said |= {await bo.say(room, f"there {n}") for n in range(27)}
    await pair.heal()
    said.add(await bo.say(room, "we hear each other again"))

    async def all_there() -> bool:
        return said <= {seen.id for seen in await keeper.history(room)}

    await eventually(all_there, "every message reaching the keeper's server", timeout_s=60)
    batch = await ears.syncer.next(since, 0)

    assert of(batch, room).limited
    assert said <= {event.id for event in await read_back(ears, room, batch.until, since, 7)}


@pytest.mark.parametrize("version", ["10", "12"])
async def test_what_synapse_says_is_read(
    homeserver: LocalHomeserver, people: People, listen: Listen, version: str
) -> None:
    keeper, cy = await people.plain(homeserver, "keeper"), await people.plain(homeserver, "cy")
    ears = await listen(keeper)
    room = await keeper.create_room(version=version, invite=[cy.user_id])
    await cy.join(room)
    since = (await ears.syncer.next(None, 0)).until
    said = await cy.say(room, "hello")
    hi = {"msgtype": "m.text", "body": "hi"}
    edit = {"m.relates_to": {"rel_type": "m.replace", "event_id": said}, "m.new_content": hi}
    await cy.send(room, "m.room.message", {"msgtype": "m.text", "body": "* hi", **edit})
    await keeper.send(room, "m.room.message", {"msgtype": "m.text", "body": "x", CAUSE_FIELD: "c1"}, txn="ck-c1")
    await cy.redact(room, said, "a slip")
    await cy.leave(room, "bye")

    batch = await ears.syncer.next(since, 0)
    live = of(batch, room).timeline
    past = tuple(reversed(await read_back(ears, room, batch.until, since, 2)))

    assert live == past
    taken, change, own, removal, bye = live
    assert isinstance(taken, Other)
    assert isinstance(change, Message)
    assert (change.body, change.edits) == ("hi", said)
    assert isinstance(own, Message)
    assert (own.cause, own.txn, own.sender) == ("c1", "ck-c1", keeper.user_id)
    assert isinstance(removal, Redaction)
    assert removal.target == said
    assert isinstance(bye, Member)
    assert (bye.user, bye.membership, bye.before) == (cy.user_id, "leave", "join")


async def test_invitations_knocks_and_removals_are_heard(
    homeserver: LocalHomeserver, people: People, listen: Listen
) -> None:
    keeper, cy = await people.plain(homeserver, "keeper"), await people.plain(homeserver, "cy")
    ears = await listen(keeper)
    left = await cy.create_room(invite=[keeper.user_id])
    await keeper.join(left)
    since = (await ears.syncer.next(None, 0)).until
    direct = await cy.direct_room(keeper.user_id)
    knock = {"type": "m.room.join_rules", "content": {"join_rule": "knock"}}
    knocked = await cy.create_room(initial_state=[knock])
    await keeper.knock(knocked)
    await cy.say(left, "goodbye")
    await cy.kick(left, keeper.user_id, "a reason")

    batch = await ears.syncer.next(since, 0)

    asked = of(batch, direct)
    assert (asked.membership, asked.invited_by, asked.direct) == ("invite", cy.user_id, True)
    assert any(isinstance(event, State) and event.type == "m.room.create" for event in asked.state)
    assert of(batch, knocked).membership == "knock"
    gone = of(batch, left)
    assert gone.membership == "leave"
    assert [type(event) for event in gone.timeline] == [Message, Member]
    assert gone.timeline[-1].sender == cy.user_id


async def test_what_is_live_is_told_with_who_set_it_and_what_was_done_is_found(
    homeserver: LocalHomeserver, people: People, listen: Listen
) -> None:
    keeper, cy = await people.plain(homeserver, "keeper"), await people.plain(homeserver, "cy")
    ears = await listen(keeper)
    room = await keeper.create_room(invite=[cy.user_id])
    await cy.join(room)
    topic = await keeper.put_state(room, "m.room.topic", {"topic": "x", CAUSE_FIELD: "c1"})
    sent = await keeper.send(room, "m.room.message", {"msgtype": "m.text", "body": "once", CAUSE_FIELD: "c2"})
    await cy.send(room, "m.room.message", {"msgtype": "m.text", "body": "not the keeper", CAUSE_FIELD: "c3"})
    elsewhere = await cy.create_room()

    live = await ears.history.state(room, "m.room.topic")
    found = await ears.history.find_cause(
        room, {Cause("c1"), Cause("c2"), Cause("c3")}, back_to_ms=SystemClock().now_ms() - MINUTE_MS
    )

    assert live is not None
    assert (live.content["topic"], live.event, live.sender) == ("x", topic, keeper.user_id)
    assert await ears.history.state(room, "m.room.pinned_events") is None
    assert (found, found.proven) == ({"c1": topic, "c2": sent}, True)
    assert set(await ears.history.members(room)) == {keeper.user_id, cy.user_id}
    assert await ears.history.joined_rooms() == [room]
    assert isinstance(await ears.history.event(room, sent), Message)
    assert await ears.history.event(room, EventId("$nothing")) is None
    with pytest.raises(Forbidden):
        await ears.history.page(elsewhere, start="", stop="")


class Enough(Exception):
    """Ends a test's listening."""


async def test_a_position_that_synapse_does_not_know_is_given_up(
    homeserver: LocalHomeserver, people: People, listen: Listen
) -> None:
    keeper = await people.plain(homeserver, "keeper")
    ears = await listen(keeper)
    room = await keeper.create_room()
    pauses: list[float] = []

    async def handle(batch: SyncBatch) -> None:
        assert batch.since is None
        assert of(batch, room).membership == "join"
        raise Enough

    async def sleep(pause_s: float) -> None:
        pauses.append(pause_s)

    with pytest.raises(Enough):
        await ears.syncer.follow("from another server", handle, sleep=sleep)
    assert len(pauses) == 2


async def test_an_event_as_deep_as_synapse_takes_it_harms_nobody(
    homeserver: LocalHomeserver, people: People, listen: Listen
) -> None:
    keeper, cy = await people.plain(homeserver, "keeper"), await people.plain(homeserver, "cy")
    ears = await listen(keeper)
    room = await keeper.create_room(invite=[cy.user_id])
    await cy.join(room)
    since = (await ears.syncer.next(None, 0)).until
    deep: list[object] = []
    for _ in range(120):
        deep = [deep]
    await cy.say(room, "deep", deep=deep)
    await keeper.put_state(room, "org.example.deep", {"deep": deep})
    await cy.say(room, "heard")

    said, state, after = of(await ears.syncer.next(since, 0), room).timeline

    assert isinstance(said, Message)
    assert isinstance(state, State)
    assert state.content == {"deep": deep}
    assert isinstance(after, Message)
    body = {"topic": "still at work"}
    assert await ears.gateway.call("PUT", route("rooms", room, "state", "m.room.topic"), body=body)
