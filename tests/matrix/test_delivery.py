"""What goes first, what waits for what, and that nobody's trouble becomes somebody else's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import StoreError, UnknownToken
from orchestrator.matrix.delivery import HANDS, HANDS_A_PLACE, KEPT_FOR_SAFETY
from orchestrator.model import content
from orchestrator.model.clock import HOUR_MS, MINUTE_MS
from orchestrator.model.effects import Amend, CreateRoom, Priority, Redact, Send, SendDirect, SetMembership
from orchestrator.model.ids import LOCATOR_TYPE, EventId, RoomId, UserId
from orchestrator.store import outbox
from tests.fakes import FakeHomeserver, Hold, HtmlError, LoseResponse, Rate, Room, TooMany
from tests.fakes import UnknownToken as TokenGone
from tests.matrix.hands import Life, circle, direct_room, living
from tests.matrix.listening import KEEPER

ANA = UserId("@ana:grove.example")
CY = UserId("@cy:grove.example")


def say(room: Room, words: str, *, priority: Priority = Priority.ROUTINE, expires_ms: int | None = None) -> Send:
    return Send(
        step=f"{room.room_id} {words}",
        room=RoomId(room.room_id),
        priority=priority,
        expires_ms=expires_ms,
        content=content.notice(words),
    )


def remove(room: Room, event: str) -> Redact:
    return Redact(step=event, priority=Priority.SAFETY, room=RoomId(room.room_id), target=EventId(event))


def said(*rooms: Room) -> list[str]:
    """List what the bot said in these rooms, in the order in which the server took it."""
    events = [event for room in rooms for event in room.history("m.room.message", sender=KEEPER)]
    return [event.body for event in sorted(events, key=lambda event: event.stream)]


@asynccontextmanager
async def running(bot: Life) -> AsyncIterator[asyncio.Task[None]]:
    """Let delivery work by itself."""
    task = asyncio.create_task(bot.delivery.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def reaches(bot: Life, outcomes: int) -> None:
    """Wait until the craft has heard of so many outcomes."""
    heard = asyncio.Event()
    bot.engine.follow(lambda _taken: heard.set() if len(bot.outcomes) >= outcomes else None)
    if len(bot.outcomes) < outcomes:
        await asyncio.wait_for(heard.wait(), 60)


@pytest.fixture
async def bot(hs: FakeHomeserver, tmp_path: Path) -> AsyncIterator[Life]:
    async with living(hs, tmp_path) as life:
        yield life


# -- order -------------------------------------------------------------------------------------------------------------


async def test_what_protects_people_goes_before_answers_answers_before_structure_and_routine_last(
    hs: FakeHomeserver, bot: Life
) -> None:
    room = circle(hs, CY)
    hs.limiter.rates = {"message": Rate(0.2, 1)}
    priorities = (Priority.ROUTINE, Priority.STRUCTURE, Priority.REPLY, Priority.SAFETY)
    await bot.ask(*(say(room, priority.name, priority=priority) for priority in priorities))
    await bot.rest()
    assert said(room) == ["SAFETY", "REPLY", "STRUCTURE", "ROUTINE"]


async def test_what_is_said_in_one_room_keeps_its_order(hs: FakeHomeserver, bot: Life) -> None:
    room, other = circle(hs), circle(hs)
    await bot.ask(*(say(where, f"{n}") for n in range(10) for where in (room, other)))
    async with running(bot):
        await reaches(bot, 20)
    assert said(room) == said(other) == [f"{n}" for n in range(10)]


async def test_a_raised_hand_goes_before_the_removals_of_a_raid(hs: FakeHomeserver, bot: Life) -> None:
    room, control = circle(hs, CY), circle(hs)
    cy = hs.person(CY)
    await bot.ask(*(remove(room, cy.say(room, "buy this")) for _ in range(30)))
    await bot.ask(say(control, "Cy asks to be contacted.", priority=Priority.SAFETY), origin="$hand")
    first, *rest = await bot.choose()
    assert first.place == control.room_id
    assert {job.place for job in rest} == {room.room_id}


async def test_a_removal_goes_out_in_the_next_free_slot_however_much_routine_waits(
    hs: FakeHomeserver, bot: Life
) -> None:
    room = circle(hs, CY)
    hs.limiter.rates = {"message": Rate(0.2, 10)}
    await bot.ask(*(say(room, f"{n}") for n in range(60)))
    while await bot.step():
        pass
    event = hs.person(CY).say(room, "buy this")
    await bot.ask(remove(room, event), origin="$link")
    began_ms = hs.clock.now_ms()
    while "done" not in [result.outcome for result in bot.asker.results if result.step == event]:
        if not await bot.step():
            hs.clock.advance(bot.nap_ms)
    assert hs.clock.now_ms() - began_ms <= 6_000
    count, estimate_ms = await bot.delivery.estimate_ms()
    assert count > 40
    assert estimate_ms > count * 4_000
    assert bot.delivery.limited


# -- nobody waits for somebody else's trouble --------------------------------------------------------------------------


async def test_a_room_that_hangs_holds_up_no_other_room(hs: FakeHomeserver, bot: Life) -> None:
    slow, quick = circle(hs, CY), circle(hs)
    hold = Hold()
    hs.faults.add(hold, "PUT", rf"/rooms/{slow.room_id}/", times=None)
    cy = hs.person(CY)
    await bot.ask(*(remove(slow, cy.say(slow, "buy this")) for _ in range(30)))
    await bot.ask(*(say(slow, f"hm {n}") for n in range(30)), origin="$slow")
    await bot.ask(*(say(quick, f"{n}") for n in range(10)), origin="$quick")
    async with running(bot):
        await reaches(bot, 10)
        assert said(quick) == [f"{n}" for n in range(10)]
        held = [seen for seen in hs.requests.of("PUT", slow.room_id) if seen.status is None]
        assert len(held) == HANDS_A_PLACE
        hold.release()
        await reaches(bot, 70)


async def test_rooms_that_hang_leave_a_hand_for_what_protects_people(hs: FakeHomeserver, bot: Life) -> None:
    hanging = [circle(hs) for _ in range(HANDS + 2)]
    fine = circle(hs, CY)
    hold = Hold()
    for room in hanging:
        hs.faults.add(hold, "PUT", rf"/rooms/{room.room_id}/", times=None)
    await bot.ask(*(say(room, "hm", priority=Priority.REPLY) for room in hanging))
    async with running(bot):
        await hs.until(lambda: hs.requests.count("PUT", "/send/") == HANDS - KEPT_FOR_SAFETY)
        event = hs.person(CY).say(fine, "buy this")
        await bot.ask(remove(fine, event), origin="$link")
        await reaches(bot, 1)
        assert fine.event(event).content == {}  # type: ignore[union-attr]
        hold.release()
        await reaches(bot, 1 + len(hanging))


async def test_rooms_that_take_minutes_to_make_leave_hands_for_answers(hs: FakeHomeserver, bot: Life) -> None:
    room = circle(hs)
    hold = Hold()
    hs.faults.add(hold, "POST", "/createRoom", times=None)
    await bot.ask(*(SendDirect(step=f"{n}", user=UserId(f"@p{n}:far.example"), content={}) for n in range(20)))
    async with running(bot):
        await hs.until(lambda: hs.requests.count("POST", "/createRoom") == HANDS_A_PLACE)
        await bot.ask(say(room, "Here you are.", priority=Priority.REPLY), origin="$ask")
        await reaches(bot, 1)
        hold.release()


async def test_one_thing_that_fails_for_a_reason_of_our_own_keeps_nothing_else_from_going_out(
    hs: FakeHomeserver, bot: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = circle(hs)
    honest = bot.carrier.carry

    async def stumbling(row: outbox.Waiting) -> bool:
        if row.step.endswith("odd") and row.tries == 0:
            raise KeyError("odd")
        return await honest(row)

    monkeypatch.setattr(bot.carrier, "carry", stumbling)
    await bot.ask(say(room, "odd"), say(room, "even"))
    await bot.rest()
    assert said(room) == ["even", "odd"]


async def test_a_message_that_the_server_chokes_on_holds_up_no_other_in_its_room(hs: FakeHomeserver, bot: Life) -> None:
    room = circle(hs)
    (cause,) = await bot.ask(say(room, "poison"))
    hs.faults.add(HtmlError(500), "PUT", f"ck-{cause}", times=None)
    await bot.ask(say(room, "next"), origin="$2")
    for _ in range(4):
        await bot.step()
        hs.clock.advance(1_000)
    assert said(room) == ["next"]
    assert [row.cause for row in await bot.waiting()] == [cause]


async def test_a_rule_is_switched_at_once_however_many_removals_wait(hs: FakeHomeserver, bot: Life) -> None:
    room = circle(hs, CY)
    hs.limiter.rates = {"message": Rate(0.2, 1)}
    cy = hs.person(CY)
    await bot.ask(*(remove(room, cy.say(room, "not spam at all")) for _ in range(200)))
    await bot.step()
    await bot.step()
    switch = Amend(
        step="switch", priority=Priority.REPLY, document="policies/p.yaml", path=("rules",), value="observe", by=ANA
    )
    await bot.ask(switch, origin="$rule")
    await bot.step()
    assert [result.step for result in bot.asker.results if result.step == "switch"] == ["switch"]


# -- what the server asks of us ----------------------------------------------------------------------------------------


async def test_an_invitation_that_is_refused_for_now_makes_nobody_else_wait(hs: FakeHomeserver, bot: Life) -> None:
    room = circle(hs)
    hs.faults.add(TooMany(6 * MINUTE_MS), "PUT", "/state/m.room.member/", times=1)
    invites = [
        SetMembership(step=user, room=RoomId(room.room_id), user=UserId(user), membership="invite")
        for user in (ANA, CY)
    ]
    await bot.ask(*invites, say(room, "Hello."))
    began_ms = hs.clock.now_ms()
    while room.membership(CY) != "invite" or not said(room):
        if not await bot.step():
            hs.clock.advance(bot.nap_ms)
    assert hs.clock.now_ms() - began_ms <= 10_000
    assert room.membership(ANA) is None
    await bot.rest()
    assert room.membership(ANA) == "invite"
    assert hs.clock.now_ms() - began_ms >= 6 * MINUTE_MS


async def test_rooms_that_may_not_be_made_for_now_do_not_keep_words_back(hs: FakeHomeserver, bot: Life) -> None:
    room = circle(hs)
    hs.limiter.rates = {"room_creation": Rate(0.016, 1)}
    await bot.ask(*(SendDirect(step=f"{n}", user=UserId(f"@p{n}:grove.example"), content={}) for n in range(3)))
    for _ in range(6):
        await bot.step()
    await bot.ask(say(room, "Hello."), origin="$2")
    await bot.step()
    assert said(room) == ["Hello."]
    asked = hs.requests.count("POST", "/createRoom")
    for _ in range(20):
        assert not await bot.step()  # private words wait for their rooms without being tried
        hs.clock.advance(1_000)
    assert hs.requests.count("POST", "/createRoom") == asked


async def test_what_expires_is_written_down_even_while_nothing_may_be_sent(hs: FakeHomeserver, bot: Life) -> None:
    room = circle(hs, CY)
    hs.limiter.rates = {"message": Rate(0.2, 1)}
    cy = hs.person(CY)
    await bot.ask(*(remove(room, cy.say(room, "buy this")) for _ in range(10)))
    await bot.step()
    await bot.step()
    expires_ms = hs.clock.now_ms() + 2 * MINUTE_MS
    late = [say(room, f"{n}", priority=Priority.REPLY, expires_ms=expires_ms) for n in range(5)]
    await bot.ask(*(replace(reply, person=CY) for reply in late), origin="$2")
    hs.clock.advance(2 * MINUTE_MS)
    for _ in range(3):
        await bot.step()
    assert bot.outcomes.count("expired") == 5
    assert said(room) == []


async def test_a_reply_that_expires_while_the_server_is_away_costs_hardly_a_request(
    hs: FakeHomeserver, bot: Life
) -> None:
    room = circle(hs, CY)
    away = [
        hs.faults.add(LoseResponse(), "PUT", "/send/", times=None),
        hs.faults.add(HtmlError(502), "GET", "/messages", times=None),
    ]
    expires_ms = hs.clock.now_ms() + 2 * MINUTE_MS
    await bot.ask(replace(say(room, "Here.", priority=Priority.REPLY, expires_ms=expires_ms), person=CY))
    while hs.clock.now_ms() < expires_ms:
        if not await bot.step():
            hs.clock.advance(max(1, bot.nap_ms))
    # Whether it was said can only be found out on the server: that is asked now and then.
    asked, steps = len(hs.requests), 0
    while hs.clock.now_ms() - expires_ms < HOUR_MS and steps < 1_000:
        steps += 1
        if not await bot.step():
            hs.clock.advance(max(1, bot.nap_ms))
    assert 0 < len(hs.requests) - asked < 100
    for rule in away:
        hs.faults.remove(rule)
    await bot.rest()
    assert said(room) == ["Here."]
    assert bot.outcomes == ["done"]


async def test_after_a_long_outage_everything_is_done_once(hs: FakeHomeserver, bot: Life) -> None:
    rooms = [circle(hs, CY) for _ in range(3)]
    cy = hs.person(CY)
    links = [(room, cy.say(room, "buy this")) for room in rooms for _ in range(4)]
    await bot.ask(*(remove(room, event) for room, event in links), *(say(room, f"{room.room_id}") for room in rooms))
    rules = [
        hs.faults.add(fault, "PUT", r"/(send|redact)/", nth=nth, times=None)
        for nth, fault in ((3, LoseResponse()), (1, HtmlError(502)))
    ]
    began_ms = hs.clock.now_ms()
    while hs.clock.now_ms() - began_ms < HOUR_MS:
        if not await bot.step():
            hs.clock.advance(max(1, bot.nap_ms))
    assert bot.outcomes == []
    for rule in rules:
        hs.faults.remove(rule)
    await bot.rest()
    assert [len(room.history("m.room.redaction", sender=KEEPER)) for room in rooms] == [4, 4, 4]
    assert sorted(said(*rooms)) == sorted(room.room_id for room in rooms)


async def test_a_removal_follows_soon_when_a_server_is_back_that_was_away_for_long(
    hs: FakeHomeserver, bot: Life
) -> None:
    room = circle(hs, CY)
    await bot.ask(remove(room, hs.person(CY).say(room, "buy this")))
    away = hs.faults.add(HtmlError(502), "PUT", r"/(send|redact)/", times=None)
    began_ms = hs.clock.now_ms()
    tried = False
    while hs.clock.now_ms() - began_ms < HOUR_MS or not tried:  # it is back just after it was tried once more
        tried = await bot.step()
        if not tried:
            hs.clock.advance(max(1, bot.nap_ms))
    hs.faults.remove(away)
    back_ms = hs.clock.now_ms()
    await bot.rest()
    assert bot.outcomes == ["done"]
    assert hs.clock.now_ms() - back_ms <= 75_000


# -- its own life ------------------------------------------------------------------------------------------------------


async def test_what_is_asked_while_it_sleeps_wakes_it(hs: FakeHomeserver, bot: Life) -> None:
    room = circle(hs)
    async with running(bot):
        for n in range(20):
            await bot.ask(say(room, f"{n}"), origin=f"${n}")
            await reaches(bot, n + 1)
    assert said(room) == [f"{n}" for n in range(20)]


async def test_a_token_that_is_gone_ends_the_run_and_keeps_what_waits(hs: FakeHomeserver, bot: Life) -> None:
    room = circle(hs)
    hs.faults.add(TokenGone(), None, "/(send|whoami)", times=None)
    await bot.ask(*(say(room, f"{n}") for n in range(3)))
    with pytest.raises(ExceptionGroup) as ended:
        await asyncio.wait_for(bot.delivery.run(), 60)
    assert ended.group_contains(UnknownToken)
    assert len(await bot.waiting()) == 3
    hs.faults.clear()
    await bot.rest()
    assert said(room) == ["0", "1", "2"]


async def test_a_disk_that_fails_ends_the_run(hs: FakeHomeserver, bot: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(row: outbox.Waiting) -> bool:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(bot.carrier, "carry", full)
    await bot.ask(say(circle(hs), "Hello."))
    with pytest.raises(ExceptionGroup) as ended:
        await asyncio.wait_for(bot.delivery.run(), 60)
    assert ended.group_contains(StoreError)


async def test_stopped_in_the_middle_of_everything_it_goes_on_where_it_was(hs: FakeHomeserver, tmp_path: Path) -> None:
    room = circle(hs, CY)
    cy = hs.person(CY)
    links = [cy.say(room, "buy this") for _ in range(20)]
    async with living(hs, tmp_path) as bot:
        hold = Hold(acts_first=True)
        hs.faults.add(hold, "PUT", "/redact/", nth=10, times=None)
        await bot.ask(*(remove(room, event) for event in links), *(say(room, f"{n}") for n in range(20)))
        async with running(bot):
            await hold.reached.wait()
        hold.release()
    hs.faults.clear()
    async with living(hs, tmp_path) as bot:
        await bot.rest()
        assert len(room.history("m.room.redaction", sender=KEEPER)) == 20
        assert said(room) == [f"{n}" for n in range(20)]


async def test_many_rooms_are_made_side_by_side_and_each_once(hs: FakeHomeserver, bot: Life) -> None:
    users = [UserId(f"@p{n}:grove.example") for n in range(6)]
    made = [CreateRoom(step=u, locator=direct_room(u).locator, body=direct_room(u).body, user=u) for u in users]
    hs.faults.add(LoseResponse(), "POST", "/createRoom", nth=2, times=2)
    await bot.ask(*made)
    await bot.rest()
    located = [room.state(LOCATOR_TYPE) for room in hs.user(KEEPER).rooms()]
    assert sorted(str(said) for said in located) == sorted(str({"locator": one.locator}) for one in made)
