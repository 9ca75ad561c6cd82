"""A room that cannot be made as the files say: one plain sentence about it, and the rest is applied all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes import CloseBefore, FakeHomeserver
from tests.starting import KEEPER, Grove, settle_grove
from tests.test_apply_command import name_of, plain, rename
from tests.test_plan_command import named, written

EVE = "@eve:grove.example"


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver(lets_publish=True) as server:
        yield server


@pytest.fixture
async def grove(tmp_path: Path, hs: FakeHomeserver) -> Grove:
    grove = settle_grove(tmp_path / "grove", hs)
    await grove.starts_well(hs)
    return grove


async def test_an_alias_of_somebody_elses_and_a_room_it_was_put_out_of_are_said_by_the_plan_which_writes_nothing(
    grove: Grove, hs: FakeHomeserver
) -> None:
    hs.person(EVE).create_room(room_alias_name="grove-sofa", preset="public_chat")
    hs.person(KEEPER).leave(named(hs, "Lounge"))
    grove.author.edit("room_templates/circle.yaml", 'alias: "{community}-{key}"', 'alias: "grove-sofa"')
    hs.requests.clear()
    planned = await grove.start("plan")
    assert planned.code == 2, planned
    assert "leads to another room already, and is left to it" in plain(planned)
    assert "I am not in this room" in plain(planned)
    assert "room_templates/circle.yaml:" in planned.out
    assert written(hs) == []


async def test_a_homeserver_that_goes_away_in_the_middle_is_gone_on_with_when_it_is_back(
    grove: Grove, hs: FakeHomeserver
) -> None:
    tuesday, lounge = named(hs, "Tuesday circle"), named(hs, "Lounge")
    rename(grove)
    grove.author.edit("config.yaml", "name: Lounge", "name: Sofa")
    gone = hs.faults.add(CloseBefore(), "PUT", "/state/m.room.name", times=None)
    async with grove.running("apply", "--yes") as running:
        await running.until(hs.until(lambda: hs.requests.count("PUT", "/state/m.room.name") >= 2))
        assert (name_of(tuesday), name_of(lounge)) == ("Tuesday circle", "Lounge")
        hs.faults.remove(gone)
        ended = await running.ended()
    assert ended.code == 0, ended
    assert (name_of(tuesday), name_of(lounge)) == ("Tuesday evening", "Sofa")
    assert (await grove.start("plan")).code == 0
