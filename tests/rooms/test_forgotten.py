"""The database is lost, and rooms are found again that were closed for a while, and people in them who cannot write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.documents.declared import Community
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from orchestrator.rooms.planning.plan import plan_community
from orchestrator.store import claims, open_ends, questions
from orchestrator.store.claims import Claim
from orchestrator.store.questions import Question
from tests.declared import ANA, BO, CY, ME, community, policy, room, settings
from tests.fakes import FakeHomeserver, Room

from .pump import Pump, pumping

MO, KAI = UserId("@mo:grove.example"), UserId("@kai:grove.example")
POWER, JOIN = "m.room.power_levels", "m.room.join_rules"
VERSIONS = ("10", "11", "12")
HOUR_MS = 3_600_000


def grove(version: str = "12") -> Community:
    made = settings(room_version=version)
    tuesday = room("tuesday", made=made, facilitators=[CY], norms=policy())
    return community(tuesday, room("lounge", made=made), room_version=version)


@asynccontextmanager
async def grown(hs: FakeHomeserver, directory: Path, version: str = "12") -> AsyncIterator[Pump]:
    """A grove that people live in."""
    async with pumping(hs, directory / "before", grove(version)) as bot:
        await bot.run()
        bound = await bot.bound()
        for person in (ANA, BO, CY):
            hs.person(person).join(bound[""])
            hs.person(person).join(bound["control"])
        for guest in (MO, KAI):
            hs.person(ANA).invite(bound[""], guest)
            hs.person(guest).join(bound[""])
        for user in (ANA, BO, CY, MO, KAI):
            for key in ("tuesday", "lounge"):
                hs.person(user).join(bound[key])
        await bot.run()
        yield bot


@asynccontextmanager
async def found_again(hs: FakeHomeserver, directory: Path, version: str = "12") -> AsyncIterator[Pump]:
    """The same grove on empty rows (or on those, if they are there by now)."""
    async with pumping(hs, directory / "after", grove(version)) as bot:
        await bot.run()
        yield bot


async def mute(bot: Pump, *people: UserId, key: str = "tuesday") -> None:
    where, now_ms = (await bot.bound())[key], bot.hs.clock.now_ms()
    for person in people:
        until_ms = now_ms + HOUR_MS
        claim = Claim(room=where, type=POWER, path=("users", person), owner="mute", value=-1, until_ms=until_ms)
        await bot.rows.run(claims.put_claim, claim, now_ms)
    await bot.run()


async def asked(bot: Pump) -> list[Question]:
    control = (await bot.bound())["control"]
    return await bot.rows.run(questions.questions_in, control)


async def react(bot: Pump, question: Question, sign: str, who: UserId = ANA) -> None:
    bot.hs.person(who).react(bot.hs.room(question.room), question.event, sign)
    await bot.run()


async def state(bot: Pump) -> dict[str, Any]:
    rooms = {key: bot.hs.room(where) for key, where in (await bot.bound()).items()}
    return {key: {type_: found.state(type_) for type_ in (POWER, JOIN)} for key, found in rooms.items()}


# -- somebody who can only read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_mute_that_nobody_remembers_is_lifted_when_a_lead_says_so_and_leaves_nothing_behind(
    version: str, tmp_path: Path
) -> None:
    async with FakeHomeserver() as hs:
        async with grown(hs, tmp_path, version) as bot:
            before = await state(bot)
            await mute(bot, MO)
            muted = await state(bot)
            assert muted["tuesday"][POWER]["users"][MO] == -1
        async with found_again(hs, tmp_path, version) as bot:
            (question,) = await asked(bot)
            assert await state(bot) == muted
            await react(bot, question, "✅", CY)  # a facilitator is not asked
            assert await state(bot) == muted
            await react(bot, question, "✅")
            assert await state(bot) == before
            await bot.run()
            assert await asked(bot) == []
            ends = await bot.rows.run(open_ends.open_ends, CommunityKey("grove"))
            assert [end for end in ends if end.person is not None] == []


async def test_it_is_asked_once_also_over_restarts_and_a_no_is_remembered(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        async with grown(hs, tmp_path) as bot:
            await mute(bot, MO)
            muted = await state(bot)
        async with found_again(hs, tmp_path) as bot:
            (first,) = await asked(bot)
        async with found_again(hs, tmp_path) as bot:
            (second,) = await asked(bot)
            assert second == first
            await react(bot, second, "❌")
            assert await asked(bot) == []
        async with found_again(hs, tmp_path) as bot:
            assert await asked(bot) == []
            assert await state(bot) == muted


async def test_what_a_person_set_is_a_persons_decision_and_is_not_asked_about(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        async with grown(hs, tmp_path) as bot:
            tuesday = hs.room((await bot.bound())["tuesday"])
            levels: Any = tuesday.state(POWER)
            hs.person(ANA).put_state(tuesday, POWER, {**levels, "users": {**levels["users"], MO: -1}})
            await bot.run()
        async with found_again(hs, tmp_path) as bot:
            assert await asked(bot) == []
            assert tuesday.level(MO) == -1


async def test_a_mute_that_is_remembered_is_not_asked_about_and_ends_by_itself(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        await mute(bot, MO)
        assert await asked(bot) == []
        hs.clock.advance(HOUR_MS + 1)
        await bot.rows.run(claims.end_claims, hs.clock.now_ms())
        await bot.run()
        assert hs.room((await bot.bound())["tuesday"]).level(MO) == 0


async def test_the_question_is_taken_back_when_somebody_gives_them_their_word_back_by_hand(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        async with grown(hs, tmp_path) as bot:
            await mute(bot, MO)
        async with found_again(hs, tmp_path) as bot:
            assert len(await asked(bot)) == 1
            tuesday = hs.room((await bot.bound())["tuesday"])
            levels: Any = tuesday.state(POWER)
            users = {user: level for user, level in levels["users"].items() if user != MO}
            hs.person(ANA).put_state(tuesday, POWER, {**levels, "users": users})
            await bot.run()
            assert await asked(bot) == []
            assert tuesday.level(MO) == 0


async def test_a_yes_does_not_end_a_mute_that_was_given_since(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        async with grown(hs, tmp_path) as bot:
            await mute(bot, MO)
        async with found_again(hs, tmp_path) as bot:
            (question,) = await asked(bot)
            await mute(bot, MO)
            await react(bot, question, "✅")
            tuesday = hs.room((await bot.bound())["tuesday"])
            assert tuesday.level(MO) == -1
            hs.clock.advance(HOUR_MS + 1)
            await bot.rows.run(claims.end_claims, hs.clock.now_ms())
            await bot.run()
            assert tuesday.level(MO) == 0


async def test_of_many_a_few_are_asked_about_at_a_time_and_the_next_after_an_answer(tmp_path: Path) -> None:
    people = [UserId(f"@guest{n}:grove.example") for n in range(7)]
    async with FakeHomeserver() as hs:
        async with grown(hs, tmp_path) as bot:
            await mute(bot, *people)
        async with found_again(hs, tmp_path) as bot:
            open_ = await asked(bot)
            assert len(open_) == 5
            await react(bot, open_[0], "✅")
            assert len({question.subject for question in await asked(bot)} | {open_[0].subject}) == 6
            for _ in range(6):
                await react(bot, (await asked(bot))[0], "✅")
            levels: Any = hs.room((await bot.bound())["tuesday"]).state(POWER)
            assert not set(people) & set(levels["users"])


async def test_where_nobody_answers_it_stays_as_it_is(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        async with grown(hs, tmp_path) as bot:
            await mute(bot, MO)
        async with found_again(hs, tmp_path) as bot:
            hs.clock.advance(31 * 24 * HOUR_MS)
            await bot.ring()
            await bot.run()
            assert await asked(bot) == []
            assert hs.room((await bot.bound())["tuesday"]).level(MO) == -1
            step = await bot.rows.run(open_ends.step_of, CommunityKey("grove"), RoomKey("tuesday"), MO)
            assert step == open_ends.UNANSWERED


# -- a room that was closed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_room_found_closed_stays_closed_and_opens_as_the_documents_say(version: str, tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        async with grown(hs, tmp_path, version) as bot:
            bound, before = await bot.bound(), await state(bot)
            hs.person(ANA).say(bound["tuesday"], "!lockdown")
            await bot.run()
            closed = await state(bot)
            assert closed["tuesday"] != before["tuesday"]
        async with found_again(hs, tmp_path, version) as bot:
            assert await bot.bound() == bound
            assert bot.said.count(bound["control"]) == 1
            assert await state(bot) == closed
            planned = await bot.rows.run(plan_community, grove(version), ME)
            assert [one for one in planned.differences if one.slot is not None and one.slot.type in {POWER, JOIN}] == []
        async with found_again(hs, tmp_path, version) as bot:
            assert bot.said == []
            assert await state(bot) == closed
            hs.person(ANA).say(bound["control"], "!unlock tuesday")
            await bot.run()
            assert await state(bot) == before
        async with found_again(hs, tmp_path, version) as bot:
            assert await state(bot) == before
            assert await bot.rows.run(open_ends.step_of, CommunityKey("grove"), RoomKey("tuesday")) == open_ends.FINE


async def test_all_rooms_found_closed_open_together(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        async with grown(hs, tmp_path) as bot:
            bound, before = await bot.bound(), await state(bot)
            hs.person(ANA).say(bound["control"], "!lockdown all")
            await bot.run()
            await mute(bot, MO)
        async with found_again(hs, tmp_path) as bot:
            assert len(await asked(bot)) == 1
            hs.person(ANA).say(bound["control"], "!unlock all")
            await bot.run()
            after = await state(bot)
            assert after["tuesday"][POWER]["users"].pop(MO) < 0
            assert after == before


async def test_what_somebody_had_set_by_hand_and_no_lockdown_touches_is_left_alone(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        async with grown(hs, tmp_path) as bot:
            bound = await bot.bound()
            tuesday = hs.room(bound["tuesday"])
            levels: Any = tuesday.state(POWER)
            hs.person(ANA).put_state(tuesday, POWER, {**levels, "events": {**levels["events"], "m.reaction": 100}})
            hs.person(ANA).say(bound["tuesday"], "!lockdown")
            await bot.run()
        async with found_again(hs, tmp_path) as bot:
            hs.person(ANA).say(bound["control"], "!unlock tuesday")
            await bot.run()
            opened: Any = tuesday.state(POWER)
            assert opened == {**levels, "events": {**levels["events"], "m.reaction": 100}}


async def test_a_room_that_a_person_closed_by_hand_is_that_persons_business(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        async with grown(hs, tmp_path) as bot:
            bound = await bot.bound()
        tuesday: Room = hs.room(bound["tuesday"])
        levels: Any = tuesday.state(POWER)
        shut = {**levels, "events_default": 100, "invite": 100, "state_default": 100}
        hs.person(ANA).put_state(tuesday, POWER, shut)
        hs.person(ANA).put_state(tuesday, JOIN, {"join_rule": "invite"})
        async with pumping(hs, tmp_path / "after", grove()) as bot:
            await bot.sync()
            await bot.engine.settle()
            step = await bot.rows.run(open_ends.step_of, CommunityKey("grove"), RoomKey("tuesday"))
            assert step == open_ends.FINE
