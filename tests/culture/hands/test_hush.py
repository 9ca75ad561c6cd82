"""Where somebody fears for another's safety no question is asked; afterwards whoever was there is looked after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.culture import is_hushed
from orchestrator.documents.policy import Hands
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import CommunityKey, RoomKey
from tests.declared import ANA, BO, CY, DEE, EVE, ME
from tests.house import CIRCLE, CONTROL, House, direct, mentions_of

from .circle import FAY, LOUNGE, a_circle, a_kept_community, everybody_called, react, take


async def hushed(house: House, room: str = "tuesday") -> bool:
    now = Now(at_ms=house.clock.at_ms, me=ME)

    def look(tx: Tx) -> bool:
        return is_hushed(tx, CommunityKey("grove"), RoomKey(room), now)

    return await house.store.run(look)


async def feared(house: House, words: str = "!raise 3") -> None:
    await house.join(CY, CIRCLE)
    await house.whisper(CY, words)
    await house.deliver()


@pytest.mark.parametrize(("level", "so"), [(1, False), (2, False), (3, True)])
async def test_only_fear_for_somebody_hushes_and_only_that_room(tmp_path: Path, level: int, so: bool) -> None:
    async with a_circle(tmp_path) as house:
        await feared(house, f"!raise {level}")
        assert await hushed(house) is so
        assert not await hushed(house, "lounge")


async def test_where_it_is_not_known_which_room_it_is_all_are_hushed_until_that_is_said(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, LOUNGE)
        await feared(house)
        assert await hushed(house)
        assert await hushed(house, "quiet")
        await react(house, CY, "1️⃣")
        assert await hushed(house)
        assert not await hushed(house, "quiet")


async def test_it_ends_by_itself_after_a_day_at_most_and_the_control_room_hears_of_it(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await feared(house)
        await house.wait(DAY_MS - 1)
        await house.deliver()
        assert await hushed(house)
        await house.wait(1)
        assert not await hushed(house)
        assert [said for said in await house.said(CONTROL) if "I ask questions in Tuesday circle again" in said]


async def test_the_group_says_how_long(tmp_path: Path) -> None:
    async with a_circle(tmp_path, hands=Hands(hush_ms=2 * HOUR_MS)) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 3")
        assert any("for 2 hours at most" in said for said in await house.said(CONTROL))
        await house.deliver()
        await house.wait(2 * HOUR_MS)
        assert not await hushed(house)


@pytest.mark.parametrize("who", [ANA, DEE])
async def test_a_lead_or_whoever_is_on_duty_lifts_it_by_a_reaction(tmp_path: Path, who: str) -> None:
    async with a_circle(tmp_path) as house:
        await give_power(house)
        await feared(house)
        await react(house, FAY, "▶️", CONTROL, "hush:")  # who is off duty cannot
        assert await hushed(house)
        await react(house, who, "▶️", CONTROL, "hush:")  # type: ignore[arg-type]
        assert not await hushed(house)
        assert [said for said in await house.said(CONTROL) if "again from now on" in said]


async def give_power(house: House) -> None:
    await house.hear(house.state(CIRCLE, "m.room.power_levels", {"users": {ANA: 100, BO: 100, DEE: 50}}))


@pytest.mark.parametrize(("who", "where"), [(ANA, CONTROL), (BO, direct(BO)), (DEE, CIRCLE), (DEE, CONTROL)])
async def test_or_by_writing_it(tmp_path: Path, who: str, where: str) -> None:
    async with a_circle(tmp_path) as house:
        await give_power(house)
        await feared(house)
        if where.startswith("!direct"):
            await house.whisper(who, "!hush lift")  # type: ignore[arg-type]
        else:
            await house.say(who, "!hush lift", where)  # type: ignore[arg-type]
        assert not await hushed(house)
        await house.deliver()
        await house.wait(2 * DAY_MS)
        assert [said for said in await house.said(CONTROL) if "I ask questions" in said] == []


@pytest.mark.parametrize("who", [EVE, CY, FAY])
async def test_nobody_else_lifts_it(tmp_path: Path, who: str) -> None:
    async with a_circle(tmp_path) as house:
        await give_power(house)
        await feared(house)
        for words in ("!hush lift", "!hush lift tuesday", "!hush"):
            await house.say(who, words)  # type: ignore[arg-type]
        assert await hushed(house)


async def test_what_is_hushed_can_be_asked_and_where_nothing_is_that_is_said(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.say(ANA, "!hush", CONTROL)
        assert any("no room where I hold" in said for said in await house.said(CONTROL))
        await house.deliver()
        await feared(house)
        await house.say(ANA, "!hush", CONTROL)
        assert any("no questions for now in: Tuesday circle" in said for said in await house.said(CONTROL))
        assert await hushed(house)


async def test_a_second_fear_makes_it_longer_and_is_not_asked_about_twice(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await feared(house)
        await house.wait(2 * HOUR_MS)
        await house.deliver()
        await house.say(EVE, "!raise 3")
        assert [said for said in await house.said(CONTROL) if "I ask no questions" in said] == []
        await house.deliver()
        await house.wait(DAY_MS - MINUTE_MS)
        assert await hushed(house)


async def test_about_somebody_it_is_hushed_without_a_word(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 3 about @ana")
        assert await hushed(house)
        assert await house.said(CONTROL) == []
        await house.deliver()
        await house.wait(DAY_MS)
        assert not await hushed(house)
        assert [said for said in await house.said(CONTROL) if "question" in said] == []


async def test_about_somebody_it_is_neither_shown_to_them_nor_lifted_by_them_and_other_leads_can(
    tmp_path: Path,
) -> None:
    async with a_circle(tmp_path) as house:
        await give_power(house)
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 3 about @ana")
        await house.deliver()
        for who in (ANA, DEE):
            for words in ("!hush", "!hush lift"):
                await house.whisper(who, words)
                assert [
                    said for said in await house.said(direct(who)) if "no questions" in said or "Done" in said
                ] == []
                await house.deliver()
        assert await hushed(house)
        await house.whisper(BO, "!hush lift")
        assert not await hushed(house)


# -- what a person hears who fears for somebody -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("yes", "may call emergency services"),
        ("no", "do not call emergency"),
        ("group_decides", "decided here by people"),
    ],
)
async def test_it_is_said_plainly_what_this_is_not_and_what_the_group_chose(
    tmp_path: Path, chosen: str, said: str
) -> None:
    made = a_kept_community()
    rooms = []
    for room in made.rooms:
        policy = room.policy
        if policy is not None:
            policy = replace(policy, care=replace(policy.care, contact_emergency_services=chosen))  # type: ignore[arg-type]
        rooms.append(replace(room, policy=policy))
    async with a_circle(tmp_path, replace(made, rooms=tuple(rooms))) as house:
        await house.join(CY, CIRCLE)
        await house.say(CY, "!raise 3")
        (told,) = await house.told(CY)
        for part in ("not a crisis service", "lifeline.example", said):
            assert part in told
        await house.deliver()
        await house.say(EVE, "!raise 2")
        (told,) = await house.told(EVE)
        assert said not in told


# -- afterwards ---------------------------------------------------------------------------------------------------------


async def test_afterwards_a_word_among_the_keepers_is_proposed_and_whoever_was_there_is_asked_to_rest(
    tmp_path: Path,
) -> None:
    async with a_circle(tmp_path) as house:
        await feared(house)
        await take(house, DEE)
        await house.deliver()
        await house.wait(2 * HOUR_MS)
        (debrief,) = [said for said in await house.said(CONTROL) if "find a time" in said]
        assert "Tuesday circle" in debrief
        assert CY not in debrief
        (rest,) = await house.told(DEE)
        assert "others first" in rest
        await house.deliver()
        await house.wait(2 * DAY_MS)
        assert [said for said in await house.said(CONTROL) if "find a time" in said] == []


async def test_a_hand_that_can_wait_needs_no_word_afterwards(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await feared(house, "!raise 2")
        await take(house, DEE)
        await house.deliver()
        await house.wait(3 * HOUR_MS)
        assert await house.told(DEE) == []


async def test_who_rests_is_asked_beside_the_next_one_for_two_days(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await feared(house)
        await take(house, DEE)
        await house.wait(2 * HOUR_MS)
        await house.deliver()
        await house.say(EVE, "!raise 2")
        asked = next(row for row in await house.waiting("send") if row.room == CONTROL)
        assert mentions_of(asked) == [FAY]
        assert await everybody_called(house) == [DEE, FAY]
