"""What the bot wrote and /sync tells it of: nothing to look at, unless it is not what is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.model.ids import RoomId
from orchestrator.store import claims
from orchestrator.store.claims import Claim
from tests.declared import ANA, ME, community, room, settings
from tests.fakes import FakeHomeserver

from .pump import Pump, pumping

NAME = "m.room.name"
POWER = "m.room.power_levels"
VERSIONS = ("10", "11", "12")


def looks(bot: Pump, where: RoomId) -> list[str]:
    """List the state events of a room that were read one by one, memberships aside."""
    parts = [request.path.split("/state/") for request in bot.hs.requests if request.method == "GET"]
    of_room = [path[1] for path in parts if len(path) == 2 and where.partition(":")[0][1:] in path[0]]
    return [state for state in of_room if not state.startswith("m.room.member/")]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_room_that_was_just_made_is_not_read_back(version: str, tmp_path: Path) -> None:
    made = settings(room_version=version)
    declared = community(room("tuesday", made=made), room("lounge", made=made), room_version=version)
    async with FakeHomeserver() as hs, pumping(hs, tmp_path, declared) as bot:
        await bot.run()
        rooms = await bot.bound()
        assert len(rooms) == 4
        for key in ("tuesday", "lounge"):
            assert looks(bot, rooms[key]) == []


async def test_what_somebody_else_wrote_is_looked_at(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, pumping(hs, tmp_path, community(room("tuesday"))) as bot:
        await bot.run()
        where = (await bot.bound())["tuesday"]
        hs.person(ANA).join((await bot.bound())[""])
        hs.person(ANA).join(where)
        hs.user(ME).put_state(where, POWER, {**power(hs, where), "users": {**power(hs, where)["users"], ANA: 100}})
        await bot.run()
        before = len(looks(bot, where))
        hs.person(ANA).put_state(where, NAME, {"name": "Anas room"})
        await bot.run()
        assert any(NAME in look for look in looks(bot, where)[before:])


async def test_what_the_bot_wrote_itself_and_is_not_what_is_wanted_is_looked_at(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, pumping(hs, tmp_path, community(room("tuesday"))) as bot:
        await bot.run()
        where = (await bot.bound())["tuesday"]
        hs.user(ME).put_state(where, NAME, {"name": "Something of before a crash"})
        await bot.run()
        assert any(NAME in look for look in looks(bot, where))
        assert hs.room(where).state(NAME) != {"name": "Something of before a crash"}


async def test_an_echo_takes_no_mark_away_that_stands_for_something_else(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, pumping(hs, tmp_path, community(room("tuesday"))) as bot:
        await bot.run()
        where = (await bot.bound())["tuesday"]
        live = hs.room(where).state(NAME)
        assert live is not None
        hs.user(ME).put_state(where, NAME, {**live, "org.example.key": 1})
        await bot.rows.run(claims.mark_unsettled, where, NAME, "", hs.clock.now_ms())
        await bot.sync()
        assert await bot.rows.run(claims.is_unsettled, where, NAME, "")


async def test_what_is_to_be_taken_out_again_is_looked_at(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, pumping(hs, tmp_path, community(room("tuesday"))) as bot:
        await bot.run()
        where = (await bot.bound())["tuesday"]
        lost = Claim(room=where, type=NAME, path=("org.example.key",), owner="prompt", value=1)
        await bot.rows.run(claims.put_ended, lost, hs.clock.now_ms())
        hs.user(ME).put_state(where, NAME, {**(hs.room(where).state(NAME) or {}), "org.example.key": 1})
        await bot.run()
        assert "org.example.key" not in (hs.room(where).state(NAME) or {})


def power(hs: FakeHomeserver, where: RoomId) -> dict[str, Any]:
    levels = hs.room(where).state(POWER)
    assert levels is not None
    return dict(levels)
