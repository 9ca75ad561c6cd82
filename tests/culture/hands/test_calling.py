"""A hand that is raised is seen, and whoever raised it knows by whom."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.documents.declared import Community, Documents
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.effects import Priority
from orchestrator.model.ids import EventId, RoomId, UserId
from orchestrator.store import bindings
from tests.culture.conftest import a_community
from tests.declared import ANA, BO, CY, DEE, EVE, rota
from tests.house import CIRCLE, CONTROL, House, body_of, content_of, direct, house_of, mentions_of

LOUNGE = RoomId("!lounge")


@asynccontextmanager
async def a_house(tmp_path: Path, *communities: Community) -> AsyncIterator[House]:
    """Where the norms are posted and the keepers have come to their control rooms."""
    async with house_of(tmp_path, Documents(communities=communities)) as house:
        await house.open()
        await house.deliver()
        await house.let_keepers_in()
        yield house


def kept_by(*facilitators: UserId, leads: Sequence[UserId] = (ANA, BO)) -> Community:
    community = a_community()
    rooms = tuple(replace(room, facilitators=facilitators) for room in community.rooms)
    return replace(community, rooms=rooms, leads=tuple(leads))


async def calls(house: House) -> dict[str, str]:
    """Tell where somebody is called, and with which words."""
    rows = await house.waiting()
    return {
        row.room or row.target: body_of(row) for row in rows if "would like someone to get in touch" in body_of(row)
    }


async def forget_control_room(house: House) -> None:
    community = house.documents.communities[0]
    await house.store.run(bindings.unbind, community.key, community.control.key)


async def test_a_hand_raised_in_private_reaches_the_control_room_without_the_words(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.whisper(CY, "!raise 2 I can't go on")
    asked = next(row for row in await house.waiting("send") if row.room == CONTROL)
    assert f"{CY} would like someone to get in touch" in body_of(asked)
    assert "go on" not in json.dumps(asked.payload)
    assert sorted(mentions_of(asked)) == [ANA, DEE]  # no rota: both facilitators are on duty, always
    assert content_of(asked)["msgtype"] == "m.text"  # a notice would not ring
    assert asked.priority is Priority.SAFETY
    assert asked.expires_ms is None


async def test_whoever_raised_it_hears_at_once_who_is_asked_and_where_to_turn(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.whisper(CY, "!raise 2")
    (said,) = await house.said(direct(CY))
    order = ["Thank you for asking", "The Grove", "They will see your name", "lifeline.example", "not a crisis service"]
    places = [said.index(part) for part in order]
    assert places == sorted(places)


async def test_in_a_room_the_answer_is_private_and_the_message_is_left_alone(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.say(CY, "!raise 2")
    rows = await house.waiting()
    assert [row.room for row in rows if row.kind == "send"] == [CONTROL]
    assert len(await house.told(CY)) == 1
    asked = next(row for row in rows if row.kind == "send")
    assert "in Tuesday circle" in body_of(asked)


async def test_the_people_of_the_room_are_asked_first_and_else_anybody_on_duty(house: House) -> None:
    await house.join(CY, LOUNGE)
    await house.say(CY, "!raise 2", LOUNGE)
    (asked,) = await house.waiting("send")
    assert sorted(mentions_of(asked)) == [ANA, DEE]


async def test_with_nobody_on_duty_the_leads_are_asked(tmp_path: Path) -> None:
    async with a_house(tmp_path, kept_by()) as house:
        await house.join(CY, CIRCLE)
        await house.say(CY, "!raise 2")
        (asked,) = await house.waiting("send")
        assert sorted(mentions_of(asked)) == [ANA, BO]
        assert "asking the leads" in (await house.told(CY))[0]


async def test_the_one_on_duty_can_raise_a_hand_too_and_is_not_told_that_they_are_asked_themselves(
    tmp_path: Path,
) -> None:
    async with a_house(tmp_path, kept_by(DEE)) as house:
        await house.say(DEE, "!raise 2")
        (asked,) = await house.waiting("send")
        assert sorted(mentions_of(asked)) == [ANA, BO]
        assert "asking the leads" in (await house.told(DEE))[0]


async def test_a_hand_raised_as_a_reply_to_the_bot_is_raised_whatever_the_reply_quotes(house: House) -> None:
    await house.join(CY, CIRCLE)
    quoting = "> <@keeper:grove.example> If you would like a person to get in touch, write `!raise`.\n> It can take a while.\n\n!raise 2"
    await house.whisper(CY, quoting, reply_to=EventId("$told"))
    assert [row.room for row in await house.waiting("send")] == [CONTROL, direct(CY)]


async def test_a_command_that_is_only_quoted_is_none(house: House) -> None:
    await house.say(CY, "> <@dee:grove.example> !raise\n\nare you all right?", reply_to=EventId("$said"))
    assert await house.waiting() == []


async def test_raising_it_again_at_once_is_answered_but_not_passed_on_twice(house: House) -> None:
    await house.join(CY, CIRCLE)
    await house.whisper(CY, "!raise 2")
    await house.deliver()
    for _ in range(3):
        await house.whisper(CY, "!raise 2 please")
    rows = await house.waiting("send")
    assert {row.room for row in rows} == {direct(CY)}
    assert all("already know" in body_of(row) for row in rows)
    assert all("lifeline.example" in body_of(row) for row in rows)
    await house.deliver()
    await house.wait(5 * MINUTE_MS)
    await house.whisper(CY, "!raise 2")
    assert len(await house.said(CONTROL)) == 1


async def test_who_calls_all_day_long_is_passed_on_ever_more_seldom_and_always_answered(house: House) -> None:
    await house.join(CY, CIRCLE)
    told = answered = 0
    for _ in range(24 * 12):
        await house.whisper(CY, "!raise 2")
        told += len(await house.said(CONTROL))
        answered += len(await house.said(direct(CY)))
        await house.deliver()
        await house.wait(5 * MINUTE_MS)
    assert 20 < told < 30
    assert answered == 24 * 12
    await house.wait(2 * DAY_MS)
    assert CY not in str(await house.rows("select * from timer"))


async def test_a_hand_raised_in_one_community_is_no_reason_not_to_pass_it_on_in_another(tmp_path: Path) -> None:
    async with a_house(tmp_path, a_community(), a_community(key="orchard")) as house:
        await house.say(CY, "!raise 2", CIRCLE)
        await house.deliver()
        await house.say(CY, "!raise 2", RoomId("!orchard-tuesday"))
        assert [row.room for row in await house.waiting("send")] == [RoomId("!orchard-control")]
        assert "already know" not in (await house.said())[0]


async def test_a_message_that_comes_again_after_a_crash_raises_one_hand(house: House) -> None:
    await house.join(CY, CIRCLE)
    message = house.message(CIRCLE, CY, "!raise 2")
    await house.hear(message)
    await house.hear(message)
    await house.deliver()
    await house.wait(10 * MINUTE_MS)
    await house.hear(message)
    assert await house.said(CONTROL) == await house.said() == []


@pytest.mark.parametrize("lost", ["never made", "refused"])
async def test_without_a_control_room_every_lead_and_whoever_is_on_duty_is_told_in_private(
    house: House, lost: str
) -> None:
    if lost == "never made":
        await forget_control_room(house)
    await house.join(CY, CIRCLE)
    await house.whisper(CY, "!raise 2")
    if lost == "refused":
        asked = next(row for row in await house.waiting("send") if row.room == CONTROL)
        await house.engine.confirm(asked.cause, "refused", room=CONTROL, errcode="M_FORBIDDEN")
    rows = await house.waiting("direct")
    assert sorted(row.target for row in rows) == [ANA, BO, DEE]
    assert all(CY in body_of(row) and row.priority is Priority.SAFETY for row in rows)


async def confirm(house: House, outcomes: Sequence[str]) -> None:
    for row, outcome in zip(await house.waiting("direct"), outcomes, strict=True):
        await house.engine.confirm(row.cause, outcome, room=direct(UserId(row.target)))  # type: ignore[arg-type]


async def test_when_no_lead_can_be_reached_the_person_is_told_and_given_names(house: House) -> None:
    await forget_control_room(house)
    await house.join(CY, CIRCLE)
    await house.whisper(CY, "!raise 2")
    await confirm(house, ["refused", "refused", "refused"])
    (row,) = await house.waiting("direct")
    assert row.target == CY
    for part in ("could not reach", ANA, BO, "lifeline.example"):
        assert part in body_of(row)


@pytest.mark.parametrize("outcomes", [["done", "refused", "refused"], ["refused", "refused", "done"], ["done"] * 3])
async def test_one_lead_who_heard_is_enough(house: House, outcomes: list[str]) -> None:
    await forget_control_room(house)
    await house.join(CY, CIRCLE)
    await house.whisper(CY, "!raise 2")
    await confirm(house, outcomes)
    assert await house.waiting("direct") == []


async def test_a_lead_who_raises_a_hand_is_not_asked_themselves(house: House) -> None:
    await house.join(ANA, CIRCLE)
    await house.say(ANA, "!raise 2")
    (asked,) = await house.waiting("send")
    assert mentions_of(asked) == [DEE]


async def test_in_private_every_community_one_is_in_is_asked_unless_one_is_named(tmp_path: Path) -> None:
    communities, orchard = [a_community(key=key) for key in ("grove", "orchard", "meadow")], RoomId("!orchard-control")
    async with a_house(tmp_path, *communities) as house:
        await house.join(CY, CIRCLE, RoomId("!orchard-lounge"))
        await house.whisper(CY, "!raise 2")
        assert len(await house.said(CONTROL)) == len(await house.said(orchard)) == 1
        assert await house.said(RoomId("!meadow-control")) == []
        assert "The Grove, Orchard" in (await house.said(direct(CY)))[0]
        await house.deliver()
        await house.wait(5 * MINUTE_MS)
        await house.whisper(CY, "!raise 2 Orchard")
        assert await house.said(CONTROL) == []
        assert len(await house.said(orchard)) == 1


async def test_somebody_in_none_of_several_communities_is_told_where_to_turn(tmp_path: Path) -> None:
    async with a_house(tmp_path, a_community(), a_community(key="orchard")) as house:
        await house.whisper(EVE, "!raise 2")
        (said,) = await house.said(direct(EVE))
        assert "emergency number" in said
        assert await house.said(CONTROL) == []


async def test_somebody_who_left_the_only_community_can_still_reach_it(house: House) -> None:
    await house.whisper(EVE, "!raise 2")
    assert len(await house.said(CONTROL)) == 1


# -- whoever is called can read it -------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", [(), (CY,), (EVE,)])
async def test_where_none_of_the_keepers_is_in_the_control_room_they_are_told_in_private(
    tmp_path: Path, there: tuple[UserId, ...]
) -> None:
    async with house_of(tmp_path, Documents(communities=(a_community(),))) as house:
        await house.open()
        await house.deliver()
        for user in there:
            await house.join(user, CONTROL)
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2")
        assert sorted(await calls(house)) == sorted([ANA, BO, DEE, direct(CY)])


async def test_who_is_alone_in_the_control_room_does_not_raise_a_hand_to_themselves(tmp_path: Path) -> None:
    async with house_of(tmp_path, Documents(communities=(a_community(),))) as house:
        await house.open()
        await house.deliver()
        await house.join(DEE, CONTROL, CIRCLE)
        await house.whisper(DEE, "!raise 2")
        assert sorted(await calls(house)) == sorted([ANA, BO, direct(DEE)])


async def test_whoever_is_called_and_not_in_the_control_room_is_told_in_private_as_well(tmp_path: Path) -> None:
    async with house_of(tmp_path, Documents(communities=(a_community(),))) as house:
        await house.open()
        await house.deliver()
        await house.join(BO, CONTROL)
        await house.join(DEE, CONTROL)
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2")
        called = await calls(house)
        assert sorted(called) == sorted([CONTROL, ANA, DEE, direct(CY)])
        assert "say here who does" in called[CONTROL]
        assert "let the others know" in called[ANA]  # in private nobody else would read it
        assert [row.priority for row in await house.waiting("direct")] == [Priority.SAFETY] * 2


async def test_that_a_private_copy_cannot_be_delivered_keeps_no_later_hand_from_being_passed_on(tmp_path: Path) -> None:
    async with house_of(tmp_path, Documents(communities=(a_community(),))) as house:
        await house.open()
        await house.deliver()
        await house.join(BO, CONTROL)
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2")
        await house.deliver("send")
        await house.wait(5 * MINUTE_MS)
        await house.whisper(CY, "!raise 2")
        assert CONTROL in await calls(house)


async def test_a_sole_lead_who_raises_a_hand_reaches_everybody_else_who_looks_after_it(tmp_path: Path) -> None:
    kept = kept_by(ANA, DEE, leads=[ANA])
    before_the_first_shift = replace(kept, rooms=tuple(replace(room, rota=rota()) for room in kept.rooms))
    async with a_house(tmp_path, before_the_first_shift) as house:
        await house.say(ANA, "!raise 2")
        (asked,) = await house.waiting("send")
        assert mentions_of(asked) == [DEE]
        assert "asking all of them" in (await house.told(ANA))[0]


async def test_whoever_is_the_only_one_who_looks_after_a_community_is_told_that_there_is_nobody_to_ask(
    tmp_path: Path,
) -> None:
    async with a_house(tmp_path, kept_by(leads=[ANA])) as house:
        await house.say(ANA, "!raise 2")
        (row,) = await house.waiting()
        assert (row.kind, row.target) == ("direct", ANA)
        assert "there is nobody whom I could ask" in body_of(row)
        assert "lifeline.example" in body_of(row)


# -- nobody is told that somebody knows when nobody does ---------------------------------------------------------------


@pytest.mark.parametrize("away_ms", [6 * MINUTE_MS, 6 * HOUR_MS, 3 * DAY_MS])
async def test_a_hand_raised_while_the_bot_was_away_is_passed_on_though_the_timer_of_the_last_is_overdue(
    house: House, away_ms: int
) -> None:
    await house.join(CY, CIRCLE)
    await house.whisper(CY, "!raise 2")
    await house.deliver()
    house.clock.at_ms += away_ms  # what was said meanwhile is taken in before timers run
    house.begin_anew()
    await house.whisper(CY, "!raise 2")
    assert len(await house.said(CONTROL)) == 1
    (timer,) = [row for row in await house.rows("select * from timer") if str(row["key"]).startswith("raised:")]
    again = 1 if away_ms > DAY_MS else 2
    until_ms = house.clock.at_ms + DAY_MS
    assert json.loads(str(timer["payload"])) == {"shut": True, "times": again, "until_ms": until_ms}


async def test_after_nobody_was_reached_the_next_hand_is_tried_again(house: House) -> None:
    await forget_control_room(house)
    await house.join(CY, CIRCLE)
    await house.whisper(CY, "!raise 2")
    await confirm(house, ["refused"] * 3)
    await house.deliver()
    await house.wait(MINUTE_MS)
    await house.whisper(CY, "!raise 2")
    assert sorted(await calls(house)) == sorted([ANA, BO, DEE, direct(CY)])


@pytest.mark.parametrize("waits", ["in the control room", "in private"])
async def test_while_nobody_was_reached_yet_the_person_is_told_that_it_is_still_tried_and_whom_to_write_to(
    house: House, waits: str
) -> None:
    if waits == "in private":
        await forget_control_room(house)
    await house.join(CY, CIRCLE)
    await house.whisper(CY, "!raise 2")
    before = [row.cause for row in await house.waiting() if row.step.startswith("raise:")]
    for _ in range(2):
        await house.wait(4 * MINUTE_MS)
        await house.whisper(CY, "!raise 2")
    rows = await house.waiting()
    assert [row.cause for row in rows if row.step.startswith("raise:")] == before
    (told,) = [body_of(row) for row in rows if row.room == direct(CY)]
    for part in ("I am still trying", ANA, BO, "lifeline.example"):
        assert part in told
    assert "already know" not in told
    await house.deliver()
    await house.whisper(CY, "!raise 2")
    (told,) = await house.said(direct(CY))
    assert "I'm telling the people" in told  # more than five minutes ago they were called last


async def test_when_nobody_was_reached_in_a_whole_day_the_person_is_told(house: House) -> None:
    await forget_control_room(house)
    await house.join(CY, CIRCLE)
    await house.whisper(CY, "!raise 2")
    await house.deliver("send")
    await house.wait(DAY_MS)
    silent, told = await house.told(CY)
    assert "nobody has answered yet" in silent
    assert "could not reach" in told


async def test_a_lead_who_asks_for_a_person_is_not_given_their_own_name(house: House) -> None:
    await forget_control_room(house)
    await house.join(ANA, CIRCLE)
    await house.say(ANA, "!raise 2")
    await house.deliver(outcome="refused", most=2)
    for row in await house.waiting("direct"):
        if row.target != ANA:
            await house.engine.confirm(row.cause, "refused")
    (told,) = [body_of(row) for row in await house.waiting("direct") if "could not reach" in body_of(row)]
    assert BO in told
    assert ANA not in told


# -- the answer comes, whatever else waits -----------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["in a room", "in private"])
async def test_the_answer_to_a_raised_hand_goes_before_whatever_else_is_told_in_private(
    house: House, where: str
) -> None:
    await house.join(CY, CIRCLE)
    await (house.say if where == "in a room" else house.whisper)(CY, "!raise 2")
    (answer,) = [row for row in await house.waiting() if row.step == "answer"]
    assert answer.priority is Priority.SAFETY


@pytest.mark.parametrize("outcome", ["expired", "refused"])
async def test_an_answer_that_could_not_be_given_in_private_is_not_left_at_silence(house: House, outcome: str) -> None:
    await house.join(CY, CIRCLE)
    asked = await house.say(CY, "!raise 2")
    (answer,) = [row for row in await house.waiting("direct") if row.target == CY]
    await house.engine.confirm(answer.cause, outcome)  # type: ignore[arg-type]
    (told,) = [row for row in await house.waiting("send") if row.room == CIRCLE]
    assert "tried to answer you in private" in body_of(told)
    assert content_of(told)["m.relates_to"] == {"m.in_reply_to": {"event_id": asked}}
