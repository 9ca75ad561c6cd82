"""Who may talk to the bot in private."""

from __future__ import annotations

import pytest

from orchestrator.belonging import Belonging
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import CreateRoom, Priority
from orchestrator.model.events import Message
from orchestrator.model.feature import Timer, Tx
from orchestrator.model.ids import Cause, RoomId, UserId
from orchestrator.rooms import direct_room
from orchestrator.rooms.people.greet import AWAITED, DECLINES_WAITING, PER_DAY
from orchestrator.store import bindings, outbox, timers
from tests.declared import ANA, CY, DEE, EVE, ME

from .house import HostedRoom, House, Nobody, known_direct


@pytest.fixture
async def settled(house: House) -> House:
    """A house whose rooms are there, with Dee in the lounge."""
    await house.settle()
    await house.member(house.rooms[(await house.bound())["lounge"]], DEE, "join")
    house.writes.clear()
    return house


def opened(house: House, *people: UserId) -> HostedRoom:
    """Have a room that the first of ``people`` made."""
    room = house.host({("m.room.create", ""): {"room_version": "12"}}, people[0])
    for user in people[1:]:
        house._set_member(room, user, user, "join")
    return room


async def ask(house: House, *people: UserId, direct: bool = True) -> HostedRoom:
    room = opened(house, *people)
    await house.invite_bot(room.id, people[0], direct=direct)
    await house.deliver()
    return room


async def test_a_member_may_write_to_the_bot(settled: House) -> None:
    room = await ask(settled, DEE)
    assert settled.writes == [("join", ME)]
    assert await known_direct(settled, DEE) == room.id


async def test_a_lead_or_facilitator_may_before_they_have_joined_anything(settled: House) -> None:
    await ask(settled, ANA)
    await ask(settled, CY)
    assert settled.writes == [("join", ME), ("join", ME)]


async def test_what_somebody_wrote_before_the_bot_had_come_is_theirs_to_be_heard(settled: House) -> None:
    # Clients send the first words with the invitation, and sync may bring them before the join is answered.
    settled.engine.use(
        settled.craft._documents, [settled.craft, Belonging(settled.craft._documents, {"help"})], Nobody()
    )
    room = opened(settled, DEE)
    await settled.invite_bot(room.id, DEE, direct=True)
    came = settled._set_member(room, ME, ME, "join", before="invite")
    words = Message(room=room.id, id=settled._id(), sender=DEE, at_ms=0, kind="m.text", body="i can't go on")
    await settled._take(room.id, timeline=(words, came))
    assert await known_direct(settled, DEE) == room.id
    assert [(row.kind, row.step) for row in await settled.waiting()] == [("send", "listening")]


async def test_a_stranger_is_declined_without_a_word(settled: House) -> None:
    room = await ask(settled, EVE)
    assert settled.writes == [("leave", ME)]
    assert await known_direct(settled, EVE) is None
    assert room.membership(ME) == "leave"
    assert settled.said == []


async def test_an_invitation_that_is_not_direct_is_declined_whoever_it_is_from(settled: House) -> None:
    await ask(settled, ANA, direct=False)
    assert settled.writes == [("leave", ME)]


async def test_somebody_the_bot_has_acted_on_may_ask_why(settled: House) -> None:
    def remove(tx: Tx) -> None:
        tx.run(
            "insert into reason (account, cause, user, room, event, rule, at_ms, told)"
            " values (:account, 'c', :user, '!r', '$e', 'links', 0, 0)",
            user=EVE,
        )

    await settled.rows.run(remove)
    await ask(settled, EVE)
    assert settled.writes == [("join", ME)]


async def test_one_person_opens_only_a_few_direct_rooms_a_day(settled: House) -> None:
    for _ in range(PER_DAY + 1):
        await ask(settled, DEE)
    assert settled.writes == [("join", ME)] * PER_DAY + [("leave", ME)]
    settled.clock.advance(DAY_MS + 1)
    await ask(settled, DEE)
    assert settled.writes[-1] == ("join", ME)


async def test_a_flood_of_invitations_costs_no_more_than_a_few_refusals(settled: House) -> None:
    for _ in range(DECLINES_WAITING + 10):
        await settled.invite_bot(opened(settled, EVE).id, EVE, direct=True)
    assert len(await settled.waiting()) == DECLINES_WAITING


async def test_a_room_with_a_third_person_is_no_direct_room(settled: House) -> None:
    room = await ask(settled, DEE)
    await settled.member(room, EVE, "invite", by=DEE)
    await settled.deliver()
    assert await known_direct(settled, DEE) is None
    assert settled.writes[-1] == ("leave", ME)


async def test_a_third_person_whom_nobody_saw_come_is_noticed_when_they_speak(settled: House) -> None:
    room = await ask(settled, DEE)
    await settled.say(room, EVE)
    await settled.deliver()
    assert await known_direct(settled, DEE) is None
    assert settled.writes[-1] == ("leave", ME)


async def test_what_the_person_themselves_says_or_changes_leaves_the_room_theirs(settled: House) -> None:
    room = await ask(settled, DEE)
    await settled.say(room, DEE)
    await settled.member(room, DEE, "join")
    await settled.deliver()
    assert await known_direct(settled, DEE) == room.id


async def test_a_direct_room_whose_person_left_is_closed_and_the_older_one_counts_again(settled: House) -> None:
    first = await ask(settled, DEE)
    second = await ask(settled, DEE)
    assert await known_direct(settled, DEE) == second.id
    await settled.member(second, DEE, "leave")
    await settled.deliver()
    assert second.membership(ME) == "leave"
    assert await known_direct(settled, DEE) == first.id


async def test_words_in_an_older_direct_room_are_still_words_to_the_bot(settled: House) -> None:
    first = await ask(settled, DEE)
    await ask(settled, DEE)
    assert await settled.rows.run(bindings.direct_user, first.id) == DEE


async def test_a_direct_room_that_the_bot_makes_is_known_as_such(settled: House) -> None:
    room = await make_direct(settled, DEE)
    assert await known_direct(settled, DEE) == room
    await settled.member(settled.rooms[room], DEE, "invite", by=ME)
    assert await known_direct(settled, DEE) == room


async def test_who_declines_the_bots_direct_room_is_not_asked_through_another(settled: House) -> None:
    room = await make_direct(settled, DEE)
    await settled.member(settled.rooms[room], DEE, "invite", by=ME)
    await settled.member(settled.rooms[room], DEE, "leave")
    await settled.deliver()
    assert await known_direct(settled, DEE) == room
    assert settled.rooms[room].membership(ME) == "join"


async def test_only_a_lead_can_ask_the_bot_back_into_a_room_of_ours(settled: House) -> None:
    lounge = settled.rooms[(await settled.bound())["lounge"]]
    await settled.member(lounge, ME, "leave", by=ANA)
    await settled.deliver()
    settled.writes.clear()
    await settled.invite_bot(lounge.id, DEE, direct=True)
    await settled.deliver()
    await settled.invite_bot(lounge.id, ANA, direct=False)
    await settled.deliver()
    assert settled.writes == [("leave", ME), ("join", ME)]


async def make_direct(house: House, user: UserId) -> RoomId:
    """Have delivery ask for a direct room, as it does for a private word."""
    locator, body = direct_room(ME, user)
    effect = CreateRoom(step="direct", priority=Priority.REPLY, locator=locator, body=body, user=user)

    def ask_for_it(tx: Tx) -> Cause | None:
        return outbox.record(tx, f"direct:{user}", "rooms", effect, house.clock.now_ms())

    assert await house.rows.run(ask_for_it) is not None
    await house.deliver()
    room = await known_direct(house, user)
    assert room is not None
    return room


async def test_a_room_that_is_to_be_taken_over_is_entered_when_a_lead_invites_and_only_then(settled: House) -> None:
    for inviter, awaited, comes in ((ANA, True, "join"), (DEE, True, "leave"), (ANA, False, "leave")):
        room = opened(settled, inviter)
        if awaited:
            timer = Timer(craft="rooms", key=f"{AWAITED}{room.id}", due_ms=settled.clock.now_ms() + DAY_MS)
            await settled.rows.run(timers.set_timer, timer)
        await settled.invite_bot(room.id, inviter, direct=False)
        await settled.deliver()
        assert settled.writes[-1] == (comes, ME), (inviter, awaited)
        assert await known_direct(settled, inviter) is None
