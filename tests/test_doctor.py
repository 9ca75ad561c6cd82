"""``doctor`` as a person types it: what needs somebody, the one thing to do, and nothing asked of any server."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.documents.declared import CONTROL_KEY
from orchestrator.model.feature import Tx
from orchestrator.model.ids import AccountKey, CommunityKey, EventId, RoomId, RoomKey, UserId
from orchestrator.store import Store, bindings, locks, mirror, open_ends
from tests.fakes import FakeHomeserver
from tests.starting import KEEPER, Grove, settle_grove

GROVE, TUESDAY, LOUNGE = CommunityKey("grove"), RoomKey("tuesday"), RoomKey("lounge")
MO = UserId("@mo:grove.example")


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


@pytest.fixture
async def grove(tmp_path: Path, hs: FakeHomeserver) -> Grove:
    return settle_grove(tmp_path / "grove", hs)


async def change(grove: Grove, work: Any) -> None:
    """Have the rows of the bot's account changed while no bot is at work."""
    store = Store.open(grove.data)
    try:
        await store.of(AccountKey("keeper")).run(work)
    finally:
        await store.close()


async def findings(grove: Grove) -> list[tuple[str, str, str]]:
    told = await grove.start("doctor", "--json")
    said: dict[str, Any] = json.loads(told.out)
    assert told.code == (2 if said["findings"] else 0), told
    assert said["ok"] is (not said["findings"])
    assert all(one["wrong"] and one["do"] for one in said["findings"])
    return [(one["check"], one["room"], one["do"]) for one in said["findings"]]


def where(tx: Tx, key: RoomKey) -> RoomId:
    found = bindings.bound_room(tx, GROVE, key)
    assert found is not None
    return found


def mute(tx: Tx, step: str) -> None:
    room = where(tx, LOUNGE)
    power = mirror.state_of(tx, room, "m.room.power_levels")
    assert power is not None
    levels: Any = power.content
    content = {**levels, "users": {**levels["users"], MO: -1}}
    mirror.see_state(tx, room, "m.room.power_levels", "", EventId(f"$muted{step}"), UserId(KEEPER), content)
    open_ends.set_step(tx, GROVE, LOUNGE, MO, step)


async def test_before_the_first_start_it_says_to_start_the_bot_and_makes_no_file(
    grove: Grove, hs: FakeHomeserver
) -> None:
    told = await grove.start("doctor")
    assert told.code == 2, told
    assert "circlekeeper run" in told.out
    assert "1 thing needs a person." in told.out
    assert not (grove.data / "circlekeeper.db").exists()
    assert len(hs.requests) == 0


async def test_where_all_is_well_it_says_so_beside_a_running_bot_and_without_one(
    grove: Grove, hs: FakeHomeserver
) -> None:
    await grove.starts_well(hs)
    hs.requests.clear()
    told = await grove.start("doctor")
    assert (told.code, told.out.startswith("All is well. No bot is at work")) == (0, True), told
    assert len(hs.requests) == 0
    async with grove.at_work(hs):
        told = await grove.start("doctor")
        assert (told.code, told.out) == (0, "All is well.\n")


async def test_each_thing_that_is_wrong_is_a_line_with_the_one_thing_to_do(grove: Grove, hs: FakeHomeserver) -> None:
    await grove.starts_well(hs)
    before = (grove.data / "circlekeeper.db").read_bytes()
    assert await findings(grove) == []
    assert (grove.data / "circlekeeper.db").read_bytes() == before

    def break_all(tx: Tx) -> None:
        mirror.see_own_membership(tx, where(tx, TUESDAY), "ban")
        locks.lock(tx, GROVE, LOUNGE, by_lead=True)
        bindings.unbind(tx, GROVE, CONTROL_KEY)
        mute(tx, open_ends.ASKED)

    await change(grove, break_all)
    found = {(check, room): remedy for check, room, remedy in await findings(grove)}
    assert set(found) == {
        ("rooms", "grove/control"),
        ("rooms", "grove/tuesday"),
        ("closed", "grove/lounge"),
        ("muted", "grove/lounge"),
    }
    assert "lift the ban" in found["rooms", "grove/tuesday"]
    assert "!unlock lounge" in found["closed", "grove/lounge"]
    assert "question" in found["muted", "grove/lounge"]
    told = await grove.start("doctor")
    assert told.code == 2
    assert f"grove/lounge: {MO} can read there but not write" in told.out
    assert "4 things need a person." in told.out


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (open_ends.WAITING, "comes after them"),
        (open_ends.UNANSWERED, "level 0"),
        (open_ends.LIFTED, "level 0"),
        (open_ends.KEPT, ""),
    ],
)
async def test_of_a_mute_it_says_what_is_left_to_do_and_nothing_of_what_a_lead_decided(
    step: str, said: str, grove: Grove, hs: FakeHomeserver
) -> None:
    await grove.starts_well(hs)
    await change(grove, lambda tx: mute(tx, step))
    found = await findings(grove)
    assert [said in remedy for _check, _room, remedy in found] == ([True] if said else [])


async def test_files_with_a_mistake_end_in_exit_code_1(grove: Grove) -> None:
    grove.author.edit("config.yaml", "template: lounge", "template: loungee")
    told = await grove.start("doctor")
    assert told.code == 1
    assert re.search(r"config\.yaml:\d+:\d+: ", told.complaint)


async def test_data_that_cannot_be_read_end_in_one_clear_line(grove: Grove) -> None:
    grove.data.mkdir(parents=True)
    (grove.data / "circlekeeper.db").write_bytes(b"this is no database at all, and long enough to tell")
    told = await grove.start("doctor")
    assert str(grove.data) in told.complaint
