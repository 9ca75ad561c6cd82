"""Closing a room for good: it is told, it is left readable, nothing of it is lost, and it can be opened again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.documents.declared import Community, Room
from orchestrator.errors import Refusal
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import JsonObject
from orchestrator.rooms import Choices, apply_community
from orchestrator.rooms.closing.archive import is_archived, start_archive, start_restore
from orchestrator.rooms.planning.plan import plan_community
from orchestrator.store import outbox, questions
from tests.declared import ANA, BO, CY, ME, community, policy, room, settings
from tests.fakes import FakeHomeserver

from .pump import Pump, pumping

MEMBER = "@mo:grove.example"

Start = Callable[[Tx, Community, Room, Now], Iterable[AnyEffect]]


def grove(version: str = "12") -> Community:
    made = settings(room_version=version)
    tuesday = room("tuesday", made=made, facilitators=[CY], norms=policy(), alias="grove-tuesday")
    return community(tuesday, room("lounge", made=made), room_version=version)


async def start(bot: Pump, what: Start, declared: Community, key: str = "tuesday") -> None:
    """Have it begun, as apply or a command does."""
    now = Now(at_ms=bot.hs.clock.now_ms(), me=ME)

    def work(tx: Tx) -> None:
        named = next(one for one in declared.every_room() if one.key == key)
        for effect in what(tx, declared, named, now):
            outbox.record(tx, f"$asked{now.at_ms}", "rooms", effect, now.at_ms)

    bot.hs.clock.advance(1_000)
    await bot.rows.run(work)


@asynccontextmanager
async def grown(hs: FakeHomeserver, directory: Path, version: str) -> AsyncIterator[Pump]:
    async with pumping(hs, directory, grove(version)) as bot:
        await bot.run()
        bound = await bot.bound()
        for person in (ANA, BO):
            hs.person(person).join(bound[""])
        hs.person(ANA).invite(bound[""], MEMBER)
        hs.person(MEMBER).join(bound[""])
        hs.person(MEMBER).join(bound["tuesday"])
        await bot.run()
        yield bot


async def looks(bot: Pump) -> dict[str, Any]:
    """Read all that closing a room touches."""
    bound = await bot.bound()
    found, space = bot.hs.room(bound["tuesday"]), bot.hs.room(bound[""])
    state: dict[str, JsonObject | None] = {
        type_: found.state(type_) for type_ in ("m.room.power_levels", "m.room.join_rules", "m.room.canonical_alias")
    }
    link = space.state("m.space.child", found.room_id)
    return {**state, "link": link, "aliases": bot.hs.aliases_of(found), "members": found.members()}


@pytest.mark.parametrize("version", ["11", "12"])
async def test_a_closed_room_is_left_as_it_is_and_opened_again_it_is_as_it_was(version: str, tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path, version) as bot:
        before = await looks(bot)
        assert before["aliases"]
        assert before["link"]
        bot.said.clear()
        await start(bot, start_archive, grove(version))
        assert await looks(bot) == before  # nothing happens before it was said
        await bot.run()
        closed = await looks(bot)
        assert bot.said == [(await bot.bound())["tuesday"]]
        assert closed["members"] == before["members"]
        assert not closed["link"]
        assert closed["aliases"] == ()
        assert closed["m.room.join_rules"]["join_rule"] == "invite"
        assert closed["m.room.power_levels"]["events_default"] == 100
        assert not (closed["m.room.canonical_alias"] or {}).get("alias")
        await start(bot, start_restore, grove(version))
        await bot.run()
        assert await looks(bot) == before
        assert len(bot.said) == 2


async def test_closing_a_closed_room_and_opening_an_open_one_does_nothing(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path, "12") as bot:
        bot.said.clear()
        await start(bot, start_restore, grove())
        await bot.run()
        assert bot.said == []
        await start(bot, start_archive, grove())
        await bot.run()
        written = len(bot.writes())
        await start(bot, start_archive, grove())
        await bot.run()
        assert len(bot.writes()) == written
        assert len(bot.said) == 1


async def test_each_closing_is_said_also_the_second_one(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path, "12") as bot:
        bot.said.clear()
        for what in (start_archive, start_restore, start_archive):
            await start(bot, what, grove())
            await bot.run()
        assert len(bot.said) == 3


@pytest.mark.parametrize("key", ["", "control"])
async def test_the_community_itself_and_its_control_room_cannot_be_closed(key: str, tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path, "12") as bot:
        written = len(bot.writes())
        with pytest.raises(Refusal):
            await start(bot, start_archive, grove(), key)
        await bot.run()
        assert len(bot.writes()) == written


async def test_killed_at_any_request_a_closing_is_finished_by_the_next_start(tmp_path: Path) -> None:
    ends: list[dict[str, Any]] = []
    for nth in range(1, 60):
        async with FakeHomeserver() as hs:
            async with grown(hs, tmp_path / f"{nth}", "11") as bot:
                before = await looks(bot)
                await start(bot, start_archive, grove("11"))
                killed = await bot.run_until_killed(nth, answered=bool(nth % 2))
            async with pumping(hs, tmp_path / f"{nth}", grove("11")) as bot:
                await bot.run()
                assert await bot.rows.run(is_archived, grove().key, grove().rooms[0].key)
                ends.append({**await looks(bot), "link": None, "m.room.join_rules": None})
                levels: Any = ends[-1]["m.room.power_levels"]
                assert (levels["events_default"], ends[-1]["aliases"]) == (100, ())
                await start(bot, start_restore, grove("11"))
                await bot.run()
                assert await looks(bot) == before
        if not killed:
            break
    assert not killed
    assert nth > 8


async def test_a_lead_closes_a_room_by_a_command_that_they_confirm_and_the_files_say_so(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path, "12") as bot:
        before, bound = await looks(bot), await bot.bound()
        for person in (ANA, CY):
            hs.person(person).join(bound["control"])
        await bot.run()
        hs.person(ANA).say(bound["control"], "!room archive tuesday")
        await bot.run()
        (question,) = await bot.rows.run(questions.questions_in, bound["control"])
        assert await looks(bot) == before
        hs.person(CY).react(bound["control"], question.event, "✅")
        await bot.run()
        assert await looks(bot) == before  # a facilitator may not
        hs.person(ANA).react(bound["control"], question.event, "✅")
        await bot.run()
        assert (await looks(bot))["aliases"] == ()
        assert bot.amended == [(("communities", "grove", "rooms", "tuesday", "archive"), True)]
        hs.person(ANA).say(bound["control"], "!room restore tuesday")
        await bot.run()
        (question,) = await bot.rows.run(questions.questions_in, bound["control"])
        hs.person(ANA).react(bound["control"], question.event, "✅")
        await bot.run()
        assert await looks(bot) == before
        assert bot.amended[1:] == [(("communities", "grove", "rooms", "tuesday", "archive"), False)]


async def test_the_files_close_a_room_and_open_it_again_by_plan_and_apply(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path, "12") as bot:
        before = await looks(bot)
        closed = replace(grove(), rooms=(replace(grove().rooms[0], archive=True), *grove().rooms[1:]))
        for declared in (closed, grove()):
            now = Now(at_ms=hs.clock.now_ms(), me=ME)
            applied = await bot.rows.run(apply_community, declared, now, None, Choices(force=True))
            assert [change.name for change in applied.done] == ["tuesday/exists"]
            bot.use(declared)
            await bot.run()
            assert (await looks(bot) == before) is (declared is not closed)
            again = await bot.rows.run(plan_community, declared, ME)
            assert [change.name for change in again.differences] == []
            hs.clock.advance(1_000)
