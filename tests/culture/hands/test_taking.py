"""A hand goes from one to the next until somebody takes it, and whoever raised it knows how far it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Hands
from orchestrator.facilitation.craft import Facilitation
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.effects import Priority
from orchestrator.model.feature import Now, Role, Tx
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from orchestrator.store import claims
from tests.declared import ANA, BO, CY, DEE, EVE, ME
from tests.house import CIRCLE, CONTROL, House, body_of, direct, mentions_of

from .circle import (
    FAY,
    GUS,
    LOUNGE,
    WITHIN_MS,
    a_circle,
    a_kept_community,
    everybody_called,
    open_questions,
    react,
    take,
)

GROVE, TUESDAY = CommunityKey("grove"), RoomKey("tuesday")


async def raised(house: House, words: str = "!raise 2") -> None:
    await house.join(CY, CIRCLE)
    await house.whisper(CY, words)
    await house.deliver()


async def on_duty(house: House, room: RoomKey | None = TUESDAY) -> tuple[UserId, ...]:
    roster, now = Facilitation(house.documents), Now(at_ms=house.clock.at_ms, me=ME)
    return await house.store.run(lambda tx: roster.on_duty(tx, GROVE, room, now))


# -- one after the other ------------------------------------------------------------------------------------------------


async def test_no_answer_goes_to_the_next_then_to_all_leads_and_then_whoever_waits_is_told_so(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await raised(house)
        asked = []
        for _ in range(3):
            await house.wait(WITHIN_MS)
            asked.append(await everybody_called(house))
            await house.deliver()
        assert asked == [[GUS], [ANA, BO], []]
    async with a_circle(tmp_path / "again") as house:
        await raised(house)
        await house.wait(2 * WITHIN_MS)
        await house.deliver()
        await house.wait(WITHIN_MS - 1)
        assert await house.told(CY) == []
        await house.wait(1)
        (told,) = [row for row in await house.waiting("direct") if row.target == CY]
        for part in (
            "nobody has answered yet",
            ANA,
            BO,
            "lifeline.example",
            "not a crisis service",
            "as soon as somebody",
        ):
            assert part in body_of(told)
        assert told.priority is Priority.SAFETY
        await house.deliver()
        await house.wait(5 * WITHIN_MS)
        assert await house.told(CY) == []


async def test_the_control_room_hears_whom_it_goes_to_and_they_are_mentioned(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await raised(house)
        await house.wait(WITHIN_MS)
        said = [row for row in await house.waiting("send") if row.room == CONTROL]
        (row,) = [
            row for row in said if "has answered" in body_of(row)
        ]  # that first turns are to come is said there, too
        assert mentions_of(row) == [GUS]
        assert f"nobody has answered {CY} yet" in body_of(row)


async def test_the_group_says_how_long_an_answer_may_take(tmp_path: Path) -> None:
    async with a_circle(tmp_path, hands=Hands(answer_within_ms=3 * MINUTE_MS)) as house:
        await raised(house)
        await house.wait(3 * MINUTE_MS)
        assert await everybody_called(house) == [GUS]


async def test_with_nobody_on_duty_the_leads_are_asked_at_once_and_only_once(tmp_path: Path) -> None:
    nobody = a_kept_community()
    nobody = replace(nobody, rooms=tuple(replace(room, facilitators=(), rota=None) for room in nobody.rooms))
    async with a_circle(tmp_path, nobody) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2")
        assert await everybody_called(house) == [ANA, BO]
        await house.deliver()
        await house.wait(WITHIN_MS)
        assert await everybody_called(house) == []
        assert ["nobody has answered yet" in said for said in await house.told(CY)] == [True]


async def test_where_all_heard_of_it_in_private_it_ends_with_them(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        for user in (ANA, BO, DEE, FAY, GUS):
            await house.hear(house.member(CONTROL, user, "leave"))
        await raised(house)
        await house.wait(WITHIN_MS)
        assert await everybody_called(house) == [GUS]
        await house.deliver()
        await house.wait(WITHIN_MS)
        assert ["nobody has answered yet" in said for said in await house.told(CY)] == [True]


# -- somebody takes it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("who", "in_control"), [(DEE, False), (FAY, False), (DEE, True), (GUS, True), (BO, True)])
async def test_whoever_takes_it_ends_the_asking_and_the_one_who_waits_hears_who_it_is(
    tmp_path: Path, who: UserId, in_control: bool
) -> None:
    async with a_circle(tmp_path) as house:
        await raised(house)
        await take(house, who, CONTROL if in_control else None)
        (told,) = await house.told(CY)
        assert f"{who} has seen it" in told
        assert any(f"{who} looks after {CY} now" in said for said in await house.said(CONTROL))
        await house.deliver()
        for room in (CONTROL, direct(DEE), direct(FAY)):
            assert [about for _event, about in await open_questions(house, room) if about.startswith("hand:")] == []
        await house.wait(4 * HOUR_MS)
        assert await everybody_called(house) == []
        assert await house.told(CY) == []


async def test_a_word_does_what_the_reaction_does(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await raised(house)
        await house.whisper(DEE, "I'll go")
        assert any(f"{DEE} has seen it" in said for said in await house.told(CY))


async def test_what_was_not_yet_delivered_to_the_others_is_not_wanted_any_more(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2")
        await house.deliver("send")
        await take(house, BO, CONTROL)
        assert await everybody_called(house) == []


async def test_who_was_told_in_private_and_is_not_in_the_control_room_hears_that_it_is_taken(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.hear(house.member(CONTROL, FAY, "leave"))
        await raised(house)
        await take(house, DEE)
        assert any(f"{DEE} looks after" in said for said in await house.told(FAY))


async def test_two_who_take_it_at_once_are_one_and_the_other_is_thanked(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await raised(house)
        asked = {room: (await open_questions(house, room))[-1] for room in (direct(DEE), direct(FAY))}
        assert asked[direct(DEE)][1] == asked[direct(FAY)][1]
        await take(house, DEE)
        assert len(await house.rows("select * from cover")) == 1
        assert len([said for said in await house.told(CY) if "has seen it" in said]) == 1


@pytest.mark.parametrize("who", [EVE, CY])
async def test_who_does_not_look_after_it_cannot_take_it_and_keeps_nobody_from_it(tmp_path: Path, who: UserId) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(who, CONTROL)
        await raised(house)
        await take(house, who, CONTROL)
        assert await house.told(CY) == []
        await house.deliver()
        await take(house, BO, CONTROL)
        assert any(f"{BO} has seen it" in said for said in await house.told(CY))


async def test_taken_after_nobody_answered_for_long_they_hear_it_all_the_same(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await raised(house)
        await house.wait(3 * HOUR_MS)
        await house.deliver()
        await take(house, BO, CONTROL)
        assert any(f"{BO} has seen it" in said for said in await house.told(CY))


async def test_killed_and_started_again_at_every_step_nothing_is_lost_or_said_twice(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        said = []
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise")
        for step in ("ask", "level", "next", "take"):
            house.begin_anew()
            said += await house.deliver()
            house.begin_anew()
            await house.engine.settle()
            match step:
                case "ask":
                    await react(house, CY, "2️⃣")
                case "level":
                    house.clock.at_ms += WITHIN_MS
                    house.begin_anew()
                    await house.wait(0)
                case "next":
                    await take(house, GUS)
        house.begin_anew()
        said += await house.deliver()
        counted = [body_of(row) for row in said]
        assert len([one for one in counted if "How soon" in one]) == 1
        assert len([one for one in counted if f"{CY} would like someone" in one]) == 4  # Dee, Fay, all, Gus
        assert len([one for one in counted if "Thank you for asking" in one]) == 1
        assert len([one for one in counted if f"{GUS} has seen it" in one]) == 1
        assert len(await house.rows("select * from cover")) == 1


# -- on duty for it -----------------------------------------------------------------------------------------------------


async def levels_of(house: House) -> dict[str, object]:
    def read(tx: Tx) -> dict[str, object]:
        return {
            claim.path[1]: claim.until_ms
            for claim in claims.claims_of(tx, "duty")
            if claim.room == CIRCLE and not claim.ended
        }

    return await house.store.run(read)


async def test_taking_it_is_a_cover_shift_that_is_written_down_and_ends(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await raised(house)
        assert await on_duty(house) == (DEE,)
        begins_ms = house.clock.at_ms
        await take(house, FAY)
        assert await on_duty(house) == (DEE, FAY)
        (row,) = await house.rows("select * from cover")
        assert (row["user"], row["start_ms"], row["end_ms"]) == (FAY, begins_ms, begins_ms + 2 * HOUR_MS)
        assert (await levels_of(house))[FAY] == begins_ms + 2 * HOUR_MS
        await house.engine.settle()
        assert (await levels_of(house))[FAY] == begins_ms + 2 * HOUR_MS
        await house.wait(2 * HOUR_MS - 1)
        assert await on_duty(house) == (DEE, FAY)
        await house.wait(1)
        assert await on_duty(house) == (DEE,)


async def test_a_lead_who_takes_it_stays_a_lead_and_whoever_is_on_duty_anyway_loses_nothing(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        own = (await levels_of(house))[DEE]
        await raised(house)
        await take(house, DEE)
        assert (await levels_of(house))[DEE] == own
        await house.wait(HOUR_MS)
        await house.whisper(CY, "!raise 2")
        await house.deliver()
        await take(house, BO, CONTROL)
        roster, now = Facilitation(house.documents), Now(at_ms=house.clock.at_ms, me=ME)
        role = await house.store.run(lambda tx: roster.role(tx, BO, GROVE, TUESDAY, now))
        assert role is Role.LEAD


async def test_without_a_room_one_is_on_duty_in_the_community(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, LOUNGE)
        await raised(house)
        await take(house, GUS, CONTROL)
        assert GUS in await on_duty(house, None)
        assert GUS not in await on_duty(house)


# -- what is kept -------------------------------------------------------------------------------------------------------


async def test_whose_hand_it_was_is_forgotten_after_a_day_and_that_there_was_one_after_a_month(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await raised(house)
        await take(house, DEE)
        await house.deliver()
        await house.wait(DAY_MS)
        await house.deliver()
        (row,) = await house.rows("select * from hand")
        assert (row["user"], row["event"], row["taken_by"], row["asked"], row["about"]) == ("", None, None, "[]", "")
        assert row["level"] == 2
        assert row["taken_ms"] is not None
        await house.wait(DAY_MS)
        for table in ("hand", "timer", "question", "outbox", "cover"):
            assert CY not in json.dumps(await house.rows(f"select * from {table}"), default=str)
        await house.wait(30 * DAY_MS)
        assert await house.rows("select * from hand") == []


async def test_a_hand_that_nobody_took_is_forgotten_like_others(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await raised(house)
        await house.wait(2 * DAY_MS)
        await house.deliver()
        assert CY not in json.dumps(await house.rows("select * from hand"), default=str)
        assert [about for _e, about in await open_questions(house, CONTROL) if about.startswith("hand:")] == []


async def test_however_long_the_group_lets_people_answer_nobody_is_forgotten_before_they_are_told(
    tmp_path: Path,
) -> None:
    async with a_circle(tmp_path, hands=Hands(answer_within_ms=20 * HOUR_MS, cover_ms=3 * DAY_MS)) as house:
        await raised(house, "!raise 3")
        asked = []
        for _ in range(2):
            await house.wait(20 * HOUR_MS)
            asked.append(await everybody_called(house))
            await house.deliver()
        assert asked == [[GUS], [ANA, BO]]
        await house.wait(20 * HOUR_MS)
        assert ["nobody has answered yet" in said for said in await house.told(CY)] == [True]
        await house.deliver()
        await take(house, BO)
        await house.deliver()
        await house.wait(3 * DAY_MS)
        assert any("others first" in said for said in await house.told(BO))


async def test_who_takes_a_hand_about_one_of_them_is_not_shown_as_on_duty_for_it(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2 about @dee")
        await house.deliver()
        await take(house, ANA)
        assert await house.rows("select * from cover") == []
        (thanked,) = [said for said in await house.said(direct(ANA)) if "Thank you" in said]
        assert "on duty" not in thanked
        assert "keep it between you and them" in thanked
        assert any("has seen it" in said for said in await house.told(CY))


async def test_whoever_waits_is_told_after_a_day_that_nobody_is_asked_any_more_and_can_ask_anew(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2")
        await house.deliver()
        for _hour in range(24):
            await house.wait(HOUR_MS)
            if _hour < 23:
                await house.deliver()
        assert len([said for said in await house.told(CY) if "I have stopped asking" in said]) == 1
        await house.deliver()
        await house.wait(2 * DAY_MS)
        assert await house.told(CY) == []
        await house.whisper(CY, "!raise 2")
        assert await everybody_called(house)


async def test_whose_hand_was_seen_is_not_told_that_nobody_came(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2")
        await house.deliver()
        await take(house, DEE)
        await house.deliver()
        await house.wait(3 * DAY_MS)
        assert await house.told(CY) == []


async def test_who_looks_after_nobody_any_more_is_told_so_when_they_would_take_a_hand(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2")
        await house.deliver()
        made = a_kept_community()
        rooms = tuple(
            replace(room, facilitators=tuple(one for one in room.facilitators if one != DEE)) for room in made.rooms
        )
        house.use(Documents(communities=(replace(made, rooms=rooms),)))
        await take(house, DEE)
        assert any("You don't look after the group at the moment" in said for said in await house.said(direct(DEE)))
        await take(house, FAY)
        assert any("has seen it" in said for said in await house.told(CY))
