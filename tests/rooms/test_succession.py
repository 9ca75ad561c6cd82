"""A person puts another room in the place of one of ours: followed where a lead stands for it, else the leads decide."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.documents.declared import Community
from orchestrator.model.ids import EventId
from orchestrator.store import questions
from orchestrator.store.questions import Question
from tests.declared import ANA, BO, CY, ME, community, policy, room, settings
from tests.fakes import FakeHomeserver, Room

from .pump import Pump, pumping

MO = "@mo:grove.example"
TOMBSTONE = "m.room.tombstone"
POWER = "m.room.power_levels"


def grove() -> Community:
    made = settings(room_version="11")
    return community(room("tuesday", made=made, facilitators=[CY], norms=policy()), room_version="11")


@asynccontextmanager
async def grown(hs: FakeHomeserver, directory: Path, declared: Community | None = None) -> AsyncIterator[Pump]:
    async with pumping(hs, directory, declared or grove()) as bot:
        await bot.run()
        bound = await bot.bound()
        for person in (ANA, BO, CY):
            for key in ("", "control", "tuesday"):
                hs.person(person).join(bound[key])
        hs.person(ANA).invite(bound[""], MO)
        hs.person(MO).join(bound[""])
        hs.person(MO).join(bound["tuesday"])
        await bot.run()
        yield bot


def replace_by_hand(hs: FakeHomeserver, old: Room, who: str, *, join: str = "public", maker: str = "") -> Room:
    """Do what a client does that upgrades a room."""
    person = hs.person(who)
    state: Any = [{"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": join}}]
    predecessor: Any = {"room_id": old.room_id}
    new = hs.person(maker or who).create_room(
        room_version="12", creation_content={"predecessor": predecessor}, initial_state=state, name="Tuesday"
    )
    person.put_state(old, TOMBSTONE, {"body": "We moved.", "replacement_room": new.room_id})
    return new


async def settled(bot: Pump) -> None:
    """Run until the bot has seen what it went to see."""
    for _ in range(4):
        await bot.run()
        bot.hs.clock.advance(60_000)
        await bot.ring()
    await bot.run()


async def asked(bot: Pump) -> list[Question]:
    return await bot.rows.run(questions.questions_in, (await bot.bound())["control"])


def raise_up(hs: FakeHomeserver, old: Room) -> None:
    """Give somebody who is no lead the power to close a room, as a lead may have done in haste."""
    levels: Any = old.state(POWER)
    hs.user(ME).put_state(old, POWER, {**levels, "events": {**levels["events"], TOMBSTONE: 0}})


async def test_a_lead_who_replaces_a_room_is_followed_and_nothing_is_changed_in_the_new_one(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        bound = await bot.bound()
        old, space = hs.room(bound["tuesday"]), hs.room(bound[""])
        order = (space.state("m.space.child", old.room_id) or {})["order"]
        new = replace_by_hand(hs, old, ANA)
        written = len(old.history())
        bot.said.clear()
        await settled(bot)
        assert (await bot.bound())["tuesday"] == new.room_id
        assert ME in new.members()
        assert bot.said == [bound["control"]]
        # The space leads to the new one, in the same place; whose members may come into others follows as well.
        assert (space.state("m.space.child", new.room_id) or {})["order"] == order
        assert not (space.state("m.space.child", old.room_id) or {}).get("via")
        assert {event.type for event in new.history(sender=ME)} <= {"m.room.member", "org.circlekeeper.locator"}
        assert len(old.history()) == written
        await settled(bot)
        assert bot.said == [bound["control"]]


async def test_somebody_else_who_replaces_a_room_is_not_followed_until_a_lead_says_so(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        bound = await bot.bound()
        old = hs.room(bound["tuesday"])
        raise_up(hs, old)
        new = replace_by_hand(hs, old, MO)
        await settled(bot)
        (question,) = await asked(bot)
        assert (await bot.bound())["tuesday"] == old.room_id
        assert ME not in new.members()
        hs.person(CY).react(bound["control"], question.event, "✅")
        await settled(bot)
        assert ME not in new.members()  # a facilitator is no lead
        hs.person(BO).react(bound["control"], question.event, "✅")
        await settled(bot)
        assert (await bot.bound())["tuesday"] == new.room_id
        assert await asked(bot) == []


@pytest.mark.parametrize("answer", ["❌", None])
async def test_where_the_leads_say_no_or_nothing_the_bot_stays_and_asks_no_second_time(
    answer: str | None, tmp_path: Path
) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        bound = await bot.bound()
        old = hs.room(bound["tuesday"])
        raise_up(hs, old)
        new = replace_by_hand(hs, old, MO)
        await settled(bot)
        (question,) = await asked(bot)
        if answer is not None:
            hs.person(ANA).react(bound["control"], EventId(question.event), answer)
        else:
            hs.clock.advance(5 * 24 * 3_600_000)
            await bot.ring()
        await settled(bot)
        assert (await bot.bound())["tuesday"] == old.room_id
        assert ME not in new.members()
        assert await asked(bot) == []


async def test_where_the_bot_cannot_get_in_it_says_so_and_comes_when_a_lead_asks_it_in(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        bound = await bot.bound()
        old = hs.room(bound["tuesday"])
        bot.said.clear()
        new = replace_by_hand(hs, old, ANA, join="invite")
        await settled(bot)
        assert (await bot.bound())["tuesday"] == old.room_id
        assert bot.said == [bound["control"]]
        hs.person(ANA).invite(new, ME)
        await settled(bot)
        assert (await bot.bound())["tuesday"] == new.room_id


async def test_a_room_of_ours_is_not_taken_for_another_and_nonsense_is_only_told(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        bound = await bot.bound()
        old = hs.room(bound["tuesday"])
        bot.said.clear()
        for replacement in (bound[""], "not a room", bound["control"]):
            hs.person(ANA).put_state(old, TOMBSTONE, {"body": "", "replacement_room": replacement})
            await settled(bot)
            assert await bot.bound() == bound
        assert bot.said == [bound["control"]]


async def test_a_space_that_a_lead_replaced_lets_its_people_in_where_the_old_one_did(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        bound = await bot.bound()
        new = replace_by_hand(hs, hs.room(bound[""]), ANA)
        await settled(bot)
        assert (await bot.bound())[""] == new.room_id
        rules: Any = hs.room(bound["tuesday"]).state("m.room.join_rules")
        assert [one["room_id"] for one in rules["allow"]] == [new.room_id]


async def test_killed_at_any_request_it_ends_up_in_the_new_room_and_has_said_so_once(tmp_path: Path) -> None:
    for nth in range(1, 60):
        async with FakeHomeserver() as hs:
            async with grown(hs, tmp_path / f"{nth}") as bot:
                bound = await bot.bound()
                new = replace_by_hand(hs, hs.room(bound["tuesday"]), ANA)
                killed = await bot.run_until_killed(nth, answered=bool(nth % 2))
            async with pumping(hs, tmp_path / f"{nth}", replace(grove())) as bot:
                await settled(bot)
                assert (await bot.bound())["tuesday"] == new.room_id
                joins = [event for event in new.history("m.room.member") if event.sender == ME]
                assert len(joins) == 1
        if not killed:
            break
    assert not killed
    assert nth > 5
