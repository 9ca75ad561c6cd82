"""Rooms that somebody else made and that the files name: taken over, and never made a second time."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes import FakeHomeserver, Room
from tests.starting import KEEPER, ROOMS, Grove, community_rooms, settle_grove
from tests.test_plan_command import written

ANA = "@ana:grove.example"


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver(lets_publish=True) as server:
        yield server


@pytest.fixture
async def grove(tmp_path: Path, hs: FakeHomeserver) -> Grove:
    grove = settle_grove(tmp_path / "grove", hs)
    await grove.starts_well(hs)
    return grove


def theirs(hs: FakeHomeserver, *, with_the_bot: bool = True) -> Room:
    """Make a room as a lead, and put the bot into it."""
    ana = hs.person(ANA)
    room = ana.create_room(name="Old lounge", preset="private_chat", room_version="11", room_alias_name="old-lounge")
    if with_the_bot:
        ana.invite(room, KEEPER)
        hs.person(KEEPER).join(room)
        levels = room.state("m.room.power_levels") or {}
        ana.put_state(room, "m.room.power_levels", {**levels, "users": {ANA: 100, KEEPER: 100}})
    return room


def name_it(grove: Grove, where: str) -> None:
    """Write into config.yaml that a room is to be taken over."""
    line = f'      old: {{template: lounge, name: Old lounge, adopt: "{where}"}}\n'
    grove.author.edit("config.yaml", "      lounge:\n", f"{line}      lounge:\n")


def look_of(room: Room) -> dict[tuple[str, str], object]:
    """Say what a room is like, its people aside."""
    return {place: event.content for place, event in room.state_map().items() if place[0] != "m.room.member"}


async def states(grove: Grove) -> dict[str, str]:
    """Plan, and tell by path how everything of the old lounge stands that differs."""
    planned = json.loads((await grove.start("plan", "--json")).out)
    return {change["path"]: change["state"] for change in planned["changes"] if change["room"] == "old"}


async def test_a_start_and_a_reload_make_no_room_and_apply_takes_the_named_one_over(
    grove: Grove, hs: FakeHomeserver
) -> None:
    old = theirs(hs)
    before = look_of(old)
    name_it(grove, old.room_id)
    async with grove.at_work(hs) as running:
        await running.until(hs.until_polling(KEEPER))
        assert (await grove.start("reload")).code == 0
        hs.requests.clear()
        planned = await grove.start("plan")
        assert planned.code == 2
        assert "< is taken over" in planned.out
        assert "circlekeeper adopt" in planned.out
        assert await states(grove) == {"exists": "adopt"}
        assert written(hs) == []
        taken = await grove.start("apply", "--yes")
        assert taken.code == 0, taken
        assert "settings.guests: allowed -> forbidden" in taken.out + taken.err
        later = await states(grove)
        assert later["settings.guests"] == "adopt"
        assert "exists" not in later
        assert look_of(old).items() >= before.items()
        await grove.start("apply", "--yes", "--adopt", "--room", "old")
    assert old.state("m.room.guest_access") == {"guest_access": "forbidden"}
    assert len(community_rooms(hs)) == ROOMS + 1


async def test_a_room_is_taken_over_by_its_address_where_no_bot_runs(grove: Grove, hs: FakeHomeserver) -> None:
    old = theirs(hs)
    name_it(grove, "#old-lounge:grove.example")
    unasked = await grove.start("adopt")
    assert (unasked.code, "Nobody was asked. Add --yes." in unasked.out) == (1, True)
    assert "settings.guests: allowed -> forbidden" in unasked.out
    taken = await grove.start("adopt", "--yes")
    assert taken.code == 0, taken
    assert f"{old.room_id} would be grove/old" in taken.out
    again = await grove.start("adopt")
    assert (again.code, "There is no room to take over" in again.out) == (0, True)
    assert (await states(grove))["settings.guests"] == "adopt"
    assert len(community_rooms(hs)) == ROOMS + 1


async def test_a_room_the_bot_is_not_in_is_told_plainly_and_the_rest_is_applied(
    grove: Grove, hs: FakeHomeserver
) -> None:
    old = theirs(hs, with_the_bot=False)
    name_it(grove, old.room_id)
    grove.author.edit("config.yaml", "name: Tuesday circle", "name: Tuesday evening")
    applied = await grove.start("apply", "--yes")
    assert applied.code == 1
    assert f"Not done: old/exists: {KEEPER} is not in {old.room_id}." in applied.out + applied.err
    assert any((room.state("m.room.name") or {}).get("name") == "Tuesday evening" for room in community_rooms(hs))
    assert await states(grove) == {"exists": "adopt"}
    assert len(community_rooms(hs)) == ROOMS + 1


async def test_an_address_that_leads_nowhere_is_told_plainly(grove: Grove, hs: FakeHomeserver) -> None:
    name_it(grove, "#nowhere:grove.example")
    told = await grove.start("adopt", "--yes")
    assert (told.code, "#nowhere:grove.example leads to no room." in told.out) == (1, True)
    assert len(community_rooms(hs)) == ROOMS
