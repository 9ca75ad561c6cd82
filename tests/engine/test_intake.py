"""What a batch leads to, and that it leads there once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import pytest

from orchestrator.documents.declared import Documents
from orchestrator.engine import Engine
from orchestrator.engine.intake import Taken
from orchestrator.model.batch import RoomUpdate, SyncBatch
from orchestrator.model.effects import AnyEffect
from orchestrator.model.events import Event, Member, MembershipName, Message, State, Unreadable
from orchestrator.model.feature import Feature, Now, Role, Timer, Tx
from orchestrator.model.ids import AccountKey, Cause, CommunityKey, EventId, RoomId, RoomKey, UserId
from orchestrator.store import AccountStore, Store, claims, ingest, mirror, outbox, timers

from .crafts import Craft, Nodder, Ringer, Stumbler

ME = UserId("@keeper:grove.example")
CY = UserId("@cy:grove.example")
ROOM = RoomId("!a")
OTHER = RoomId("!b")


class Clock:
    def __init__(self) -> None:
        self.at_ms = 1_000_000

    def now_ms(self) -> int:
        return self.at_ms


class Nobody:
    def role(self, tx: Tx, user: UserId, community: CommunityKey, room: RoomKey | None, now: Now) -> Role:
        return Role.MEMBER


class House:
    """An engine over a real store."""

    def __init__(self, store: Store) -> None:
        self.store: AccountStore = store.of(AccountKey("keeper"))
        self.clock = Clock()
        self.engine = Engine(self.store, self.clock, ME)
        self.taken: list[Taken] = []
        self.engine.follow(self.taken.append)

    def use(self, *crafts: Feature) -> None:
        self.engine.use(Documents(communities=()), crafts, Nobody())

    async def begin(self) -> None:
        """Be joined to both rooms, as of token s0."""
        rooms = tuple(RoomUpdate(room=room, membership="join") for room in (ROOM, OTHER))
        await self.engine.take(SyncBatch(since=None, until="s0", rooms=rooms), catching_up=True)

    async def take(self, *events: Event, since: str = "s0", until: str = "s1", limited: bool = False) -> None:
        rooms: dict[RoomId, list[Event]] = {}
        for event in events:
            rooms.setdefault(event.room, []).append(event)
        updates = tuple(
            RoomUpdate(room=room, membership="join", timeline=tuple(line), limited=limited and room == ROOM)
            for room, line in rooms.items()
        )
        await self.engine.take(SyncBatch(since=since, until=until, rooms=updates), catching_up=False)

    async def waiting(self) -> list[outbox.Waiting]:
        return await self.store.run(outbox.waiting)

    async def cursor(self) -> str | None:
        return await self.store.run(ingest.cursor)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = Store.open(tmp_path)
    yield House(store)
    await store.close()


def closing(tx: Tx) -> None:
    ingest.close_gap(tx, ingest.Gap(ROOM, "s0", "s1"))


def said(
    n: int,
    *,
    room: RoomId = ROOM,
    sender: UserId = CY,
    cause: str | None = None,
    body: str = "hello",
    at_ms: int = 999_000,
) -> Message:
    return Message(
        room=room,
        id=EventId(f"$e{n}"),
        sender=sender,
        at_ms=at_ms,
        kind="m.text",
        body=body,
        cause=Cause(cause) if cause else None,
    )


async def test_effects_and_the_token_commit_together(house: House) -> None:
    house.use(Nodder())
    await house.begin()
    await house.take(said(1), said(2))
    assert await house.cursor() == "s1"
    assert [row.kind for row in await house.waiting()] == ["send", "send"]
    assert house.taken[-1].waiting


async def test_a_batch_that_comes_again_after_a_crash_changes_nothing(house: House) -> None:
    house.use(Nodder())
    await house.begin()
    await house.take(said(1))
    before = await house.waiting()
    await house.take(said(1))
    assert await house.waiting() == before
    await house.engine.confirm(before[0].cause, "done", event=EventId("$nod"))
    await house.take(said(1))
    assert await house.waiting() == []


async def test_what_was_said_before_the_first_look_is_history(house: House) -> None:
    house.use(Nodder())
    batch = SyncBatch(since=None, until="s0", rooms=(RoomUpdate(room=ROOM, membership="join", timeline=(said(1),)),))
    await house.engine.take(batch, catching_up=True)
    assert await house.waiting() == []


async def test_a_craft_that_stumbles_is_rolled_back_alone(house: House) -> None:
    house.use(Stumbler(), Nodder())
    await house.begin()
    await house.take(said(1, body="something private"), said(2, room=OTHER))
    assert [(row.craft, row.room) for row in await house.waiting()] == [("nodder", ROOM), ("nodder", OTHER)]
    assert await house.store.run(timers.timers_of, "stumbler") == []
    assert await house.cursor() == "s1"
    assert house.taken[-1].troubles == [("stumbler", "ValueError")] * 2


async def test_a_stumble_is_written_down_by_id_and_never_by_word(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.use(Stumbler())
    await house.begin()
    await house.take(said(1, body="something private"))

    def read(tx: Tx) -> Sequence[object]:
        return tx.rows("select * from journal where account = :account")

    rows = await house.store.run(read)
    assert len(rows) == 1
    assert "something private" not in str(rows)
    assert "$e1" in str(rows)


async def test_a_room_whose_timeline_is_not_whole_waits_and_the_others_go_on(house: House) -> None:
    house.use(Nodder())
    await house.begin()
    await house.take(said(9), said(2, room=OTHER), limited=True)
    assert [row.room for row in await house.waiting()] == [OTHER]
    assert await house.store.run(ingest.gaps) == [ingest.Gap(ROOM, "s0", "s1")]
    assert house.taken[-1].gaps


async def test_while_a_hole_is_open_later_events_only_move_its_newer_end(house: House) -> None:
    house.use(Nodder())
    await house.begin()
    await house.take(said(9), limited=True)
    await house.take(said(10), since="s1", until="s2")
    assert await house.waiting() == []
    assert await house.store.run(ingest.gaps) == [ingest.Gap(ROOM, "s0", "s2")]


async def test_an_event_of_a_page_is_decided_once_however_often_the_page_is_read(house: House) -> None:
    craft = Nodder()
    house.use(craft)
    await house.begin()
    await house.take(said(9), limited=True)
    page = [said(7), said(8), said(9)]
    await house.engine.take_page(page, lambda tx: None)
    for row in await house.waiting():
        await house.engine.confirm(row.cause, "done", event=EventId("$x"))
    await house.engine.take_page(page, closing)
    assert await house.waiting() == []
    assert len(craft.results) == 3
    assert await house.store.run(ingest.gaps) == []


async def test_our_own_echo_confirms_an_effect_and_its_craft_hears_of_it_once(house: House) -> None:
    craft = Nodder()
    house.use(craft)
    await house.begin()
    await house.take(said(1))
    (row,) = await house.waiting()
    echo = said(2, sender=ME, cause=row.cause)
    await house.take(echo, since="s1", until="s2")
    await house.engine.confirm(row.cause, "done", event=EventId("$late"))
    assert await house.waiting() == []
    assert [(r.outcome, r.event) for r in craft.results] == [("done", "$e2")]


async def test_somebody_elses_event_with_our_cause_confirms_nothing(house: House) -> None:
    house.use(Nodder())
    await house.begin()
    await house.take(said(1))
    (row,) = await house.waiting()
    await house.take(said(2, cause=row.cause), since="s1", until="s2")
    assert row.cause in {waiting.cause for waiting in await house.waiting()}


async def test_an_event_that_cannot_be_read_is_kept_by_id_and_decided_once_when_it_can(house: House) -> None:
    house.use(Nodder())
    await house.begin()
    await house.take(Unreadable(room=ROOM, id=EventId("$e1"), sender=CY, at_ms=1, session="s"))
    assert await house.waiting() == []
    assert await house.store.run(ingest.lates) == [ingest.Late(ROOM, EventId("$e1"), "s")]
    await house.engine.take_late(said(1))
    await house.engine.take_late(said(1))
    assert len(await house.waiting()) == 1
    assert await house.store.run(ingest.lates) == []


async def test_the_encryption_latch_never_opens_again(house: House) -> None:
    house.use(Craft())
    await house.begin()
    on = State(
        room=ROOM, id=EventId("$on"), sender=CY, at_ms=1, type="m.room.encryption", key="", content={"algorithm": "x"}
    )
    off = State(room=ROOM, id=EventId("$off"), sender=CY, at_ms=2, type="m.room.encryption", key="", content={})
    await house.take(on, off)
    room = await house.store.run(mirror.room_of, ROOM)
    assert room is not None
    assert room.encrypted


async def test_a_changed_state_event_that_is_claimed_is_looked_at_again(house: House) -> None:
    house.use(Craft())
    await house.begin()
    claim = claims.Claim(room=ROOM, type="m.room.topic", path=("parts", "topic"), owner="template", value="Tea")
    await house.store.run(claims.put_claim, claim, 0)
    (first,) = await house.store.run(claims.unsettled)
    await house.store.run(claims.settled, first)
    topic = State(
        room=ROOM, id=EventId("$t"), sender=CY, at_ms=1, type="m.room.topic", key="", content={"topic": "Coffee"}
    )
    await house.take(topic)
    assert [item.type for item in await house.store.run(claims.unsettled)] == ["m.room.topic"]


async def test_who_leaves_is_told_to_whoever_holds_the_keys(house: House) -> None:
    house.use(Craft())
    await house.begin()
    came = Member(room=ROOM, id=EventId("$j"), sender=CY, at_ms=1, user=CY, membership="join")
    left = Member(room=ROOM, id=EventId("$l"), sender=CY, at_ms=2, user=CY, membership="leave", before="join")
    await house.take(came)
    assert house.taken[-1].left == set()
    await house.take(left, since="s1", until="s2")
    assert house.taken[-1].left == {(ROOM, CY)}


async def test_a_timer_rings_when_it_is_due_and_once(house: House) -> None:
    house.use(Ringer())
    await house.begin()
    await house.store.run(timers.set_timer, Timer(craft="ringer", key="k", due_ms=house.clock.at_ms))
    rung = asyncio.Event()
    house.engine.follow(lambda taken: rung.set() if taken.waiting else None)
    task = asyncio.create_task(house.engine.run_timers())
    await asyncio.wait_for(rung.wait(), 60)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [row.step for row in await house.waiting()] == ["ring"]
    assert [timer.due_ms for timer in await house.store.run(timers.timers_of, "ringer")] == [house.clock.at_ms + 60_000]


async def test_a_malformed_room_is_read_from_history_instead(house: House) -> None:
    house.use(Nodder())
    await house.begin()
    batch = SyncBatch(
        since="s0",
        until="s1",
        rooms=(RoomUpdate(room=OTHER, membership="join", timeline=(said(1, room=OTHER),)),),
        malformed=(ROOM,),
    )
    await house.engine.take(batch, catching_up=False)
    assert await house.store.run(ingest.gaps) == [ingest.Gap(ROOM, "s0", "s1")]
    assert len(await house.waiting()) == 1


async def test_what_came_late_and_stands_further_back_is_decided_once(house: House) -> None:
    house.use(Nodder())
    await house.begin()
    await house.take(said(1, at_ms=house.clock.at_ms + 1))
    await house.engine.take_past([said(0, at_ms=house.clock.at_ms + 1), said(1, at_ms=house.clock.at_ms + 1)])
    await house.engine.take_past([said(0, at_ms=house.clock.at_ms + 1)])
    assert len(await house.waiting()) == 2


async def test_looking_back_never_judges_what_was_said_before_we_were_there(house: House) -> None:
    house.use(Nodder())
    await house.begin()
    await house.engine.take_past([said(0, at_ms=house.clock.at_ms - 1)])
    assert await house.waiting() == []


async def test_when_the_server_lost_our_position_its_rooms_are_looked_through(house: House) -> None:
    house.use(Nodder())
    await house.begin()
    batch = SyncBatch(since=None, until="s9", rooms=(RoomUpdate(room=ROOM, membership="join"),))
    await house.engine.take(batch, catching_up=False)
    assert await house.store.run(ingest.rooms_to_look_back) == [ROOM]


async def test_a_remote_server_cannot_make_a_newcomer_an_old_member(house: House) -> None:
    house.use(Craft())
    await house.begin()
    await house.take(
        Member(room=ROOM, id=EventId("$j"), sender=CY, at_ms=1, user=CY, membership="join", before="leave")
    )
    known = await house.store.run(mirror.member, ROOM, CY)
    assert known is not None
    assert known.since_ms == house.clock.at_ms


async def test_a_timer_whose_craft_stumbles_is_tried_again_later(house: House) -> None:
    class Faller(Craft):
        name = "faller"

        def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect]:
            raise ValueError

    house.use(Faller())
    await house.begin()
    await house.store.run(timers.set_timer, Timer(craft="faller", key="k", due_ms=house.clock.at_ms))
    told = asyncio.Event()
    house.engine.follow(lambda taken: told.set() if taken.troubles else None)
    task = asyncio.create_task(house.engine.run_timers())
    await asyncio.wait_for(told.wait(), 60)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    (timer,) = await house.store.run(timers.timers_of, "faller")
    assert timer.due_ms == house.clock.at_ms + 5 * 60_000


async def came_since(house: House) -> int | None:
    known = await house.store.run(mirror.member, ROOM, CY)
    assert known is not None
    return known.since_ms


def joined(n: int, *, at_ms: int, before: MembershipName | None = None) -> Member:
    return Member(room=ROOM, id=EventId(f"$j{n}"), sender=CY, at_ms=at_ms, user=CY, membership="join", before=before)


@pytest.mark.parametrize("before", [None, "invite"])
async def test_nor_can_it_by_hiding_the_newcomer_in_a_hole(house: House, before: MembershipName | None) -> None:
    house.use(Craft())
    await house.begin()
    whole_ms = house.clock.at_ms
    house.clock.at_ms += 60_000
    await house.take(said(9), limited=True)
    await house.store.run(mirror.see_members, ROOM, [ME, CY], {})  # as at a start, before the hole is filled
    await house.engine.take_page([joined(1, at_ms=1, before=before), said(8)], closing)
    assert await came_since(house) == whole_ms


async def test_nor_by_showing_an_old_time_again_as_state(house: House) -> None:
    house.use(Craft())
    await house.begin()
    came = joined(1, at_ms=1, before="invite")
    await house.take(came)
    again = RoomUpdate(room=ROOM, membership="join", state=(came,), timeline=(said(9),))
    await house.engine.take(SyncBatch(since="s1", until="s2", rooms=(again,)), catching_up=False)
    assert await came_since(house) == house.clock.at_ms


async def test_who_came_while_we_were_away_is_there_since_then_and_not_in_the_future(house: House) -> None:
    house.use(Craft())
    await house.begin()
    house.clock.at_ms += 60_000
    rooms = (RoomUpdate(room=ROOM, membership="join", timeline=(joined(1, at_ms=house.clock.at_ms - 9),)),)
    await house.engine.take(SyncBatch(since="s0", until="s1", rooms=rooms), catching_up=True)
    assert await came_since(house) == house.clock.at_ms - 9
    rooms = (RoomUpdate(room=ROOM, membership="join", timeline=(joined(2, at_ms=2**53, before="leave"),)),)
    await house.engine.take(SyncBatch(since="s1", until="s2", rooms=rooms), catching_up=True)
    assert await came_since(house) == house.clock.at_ms


async def test_who_has_been_there_for_long_is_no_newcomer_when_sync_first_tells_of_them(house: House) -> None:
    house.use(Craft())
    await house.begin()
    await house.store.run(mirror.see_members, ROOM, [ME, CY], {})
    old = joined(1, at_ms=1)
    shown = RoomUpdate(room=ROOM, membership="join", state=(old,), timeline=(said(9),))
    await house.engine.take(SyncBatch(since="s0", until="s1", rooms=(shown,)), catching_up=False)
    assert await came_since(house) is None


async def test_who_was_in_a_room_before_the_bot_came_is_there_since_they_came(house: House) -> None:
    house.use(Craft())
    await house.begin()
    other = RoomId("!new")
    old = Member(room=other, id=EventId("$old"), sender=CY, at_ms=7, user=CY, membership="join", before="invite")
    rooms = (RoomUpdate(room=other, membership="join", timeline=(old,)),)
    await house.engine.take(SyncBatch(since="s0", until="s1", rooms=rooms), catching_up=False)
    known = await house.store.run(mirror.member, other, CY)
    assert known is not None
    assert known.since_ms == 7


async def test_a_past_that_claims_to_be_the_future_does_not_make_a_room_talkative_for_days(house: House) -> None:
    house.use(Craft())
    await house.engine.warm(ROOM, [(house.clock.at_ms + 10**9, CY)], 0)
    marks = house.engine.moment().windows
    assert marks.since(("spoke", ROOM), 0) == [(house.clock.at_ms, CY)]
