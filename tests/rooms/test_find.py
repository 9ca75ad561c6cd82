"""Rooms found again by what they say they are, and by nothing that anybody else says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.documents.declared import Community
from orchestrator.model.ids import LOCATOR_TYPE, UserId, locator_of
from tests.declared import ANA, CY, DEE, EVE, ME, community, policy, room

from .house import HostedRoom, House

TUESDAY = room("tuesday", facilitators=[CY, DEE], norms=policy(summary=""), alias="grove-tuesday")
LOUNGE = room("lounge")
GROVE = community(TUESDAY, LOUNGE)

State = Mapping[tuple[str, str], Mapping[str, Any]]


def locator(key: str, *, community_key: str = "grove", me: UserId = ME) -> dict[str, str]:
    return {"locator": locator_of(me, community_key, key)}


def some_room(said: Mapping[str, str], *, version: str = "12", **create: Any) -> State:
    return {
        ("m.room.create", ""): {"room_version": version, **create},
        ("m.room.power_levels", ""): {"users": {}},
        (LOCATOR_TYPE, ""): said,
    }


def made(house: House) -> list[str]:
    return [target for kind, target in house.writes if kind == "create"]


async def lose_database(house: House, tmp_path: Path, grove: Community = GROVE) -> None:
    await house.close()
    house.writes.clear()
    await house.open(tmp_path / "another", grove)


async def test_a_lost_database_finds_every_room_again_and_makes_none(house: House, tmp_path: Path) -> None:
    await house.settle()
    before = await house.bound()
    await lose_database(house, tmp_path)
    await house.settle()
    assert await house.bound() == before
    assert house.writes == []


async def test_what_was_missing_is_made_beside_what_was_found(house: House, tmp_path: Path) -> None:
    await house.settle()
    await lose_database(house, tmp_path, community(TUESDAY, LOUNGE, room("garden")))
    await house.settle()
    assert made(house) == ["grove/garden"]


@pytest.mark.parametrize("version", ["10", "11", "12"])
async def test_a_locator_that_somebody_else_wrote_is_ignored(house: House, version: str) -> None:
    await house.settle()
    forged = house.host(some_room(locator("garden"), version=version), EVE)
    house._set_member(forged, ME, ME, "join")
    await house.show(forged)
    house.use(community(TUESDAY, LOUNGE, room("garden")))
    await house.settle()
    assert (await house.bound())["garden"] != forged.id
    assert "grove/garden" in made(house)


async def test_what_a_person_wrote_into_a_room_of_ours_does_not_make_it_another(house: House) -> None:
    await house.settle()
    ours = house.host(some_room(locator("garden")), ME)
    ours.senders[LOCATOR_TYPE, ""] = ANA
    await house.show(ours)
    house.use(community(TUESDAY, LOUNGE, room("garden")))
    await house.settle()
    assert (await house.bound())["garden"] != ours.id


async def test_a_room_is_not_two_declared_rooms_at_once(house: House) -> None:
    await house.settle()
    lounge = (await house.bound())["lounge"]
    await house.put(house.rooms[lounge], ME, LOCATOR_TYPE, "", locator("garden"))
    house.use(community(TUESDAY, LOUNGE, room("garden")))
    await house.settle()
    after = await house.bound()
    assert after["lounge"] == lounge
    assert after["garden"] != lounge


async def test_a_locator_of_ours_in_somebody_elses_room_is_ignored_until_our_space_links_to_it(house: House) -> None:
    await house.settle()
    adopted = await elsewhere(house, "garden")
    house.use(community(TUESDAY, LOUNGE, room("garden")))
    await house.engine.settle()
    assert "garden" not in await house.bound()
    space = house.rooms[(await house.bound())[""]]
    await house.put(space, ANA, "m.space.child", adopted.id, {"via": ["grove.example"]})
    await house.engine.settle()
    assert (await house.bound())["garden"] == adopted.id


async def test_to_be_named_a_creator_of_a_room_does_not_make_it_ours(house: House) -> None:
    await house.settle()
    trap = await elsewhere(house, "garden", additional_creators=[ME])
    house.use(community(TUESDAY, LOUNGE, room("garden")))
    await house.engine.settle()
    assert trap.id not in (await house.bound()).values()


async def test_a_link_that_was_emptied_vouches_for_nothing(house: House) -> None:
    await house.settle()
    adopted = await elsewhere(house, "garden")
    space = house.rooms[(await house.bound())[""]]
    await house.put(space, ANA, "m.space.child", adopted.id, {})
    house.use(community(TUESDAY, LOUNGE, room("garden")))
    await house.engine.settle()
    assert "garden" not in await house.bound()


async def test_a_renamed_room_is_followed_in_the_rows(house: House) -> None:
    await house.settle()
    before = (await house.bound())["tuesday"]
    house.use(community(room("dienstag", previously=["tues", "tuesday"], facilitators=[CY, DEE]), LOUNGE))
    house.writes.clear()
    await house.settle()
    assert (await house.bound())["dienstag"] == before
    assert "tuesday" not in await house.bound()
    assert made(house) == []


async def test_a_renamed_room_is_found_by_its_former_name_when_the_rows_are_lost(house: House, tmp_path: Path) -> None:
    await house.settle()
    before = (await house.bound())["tuesday"]
    await lose_database(house, tmp_path, community(room("dienstag", previously=["tuesday"]), LOUNGE))
    await house.settle()
    assert (await house.bound())["dienstag"] == before
    assert made(house) == []


@pytest.mark.parametrize("lost", [False, True])
async def test_a_renamed_community_keeps_its_rooms(house: House, tmp_path: Path, lost: bool) -> None:
    await house.settle()
    before = await house.bound()
    orchard = community(TUESDAY, LOUNGE, key="orchard", previously=["grove"])
    if lost:
        await lose_database(house, tmp_path, orchard)
    else:
        house.use(orchard)
    house.writes.clear()
    await house.settle()
    assert await house.bound() == before
    assert made(house) == []


async def test_a_former_name_that_is_a_room_of_its_own_now_stays_that_room(house: House) -> None:
    await house.settle()
    before = await house.bound()
    house.use(community(TUESDAY, LOUNGE, room("garden", previously=["tuesday"])))
    await house.settle()
    after = await house.bound()
    assert after["tuesday"] == before["tuesday"]
    assert after["garden"] not in before.values()


async def test_of_two_rooms_that_say_the_same_the_one_in_our_space_is_taken_and_the_leads_are_told(
    house: House, tmp_path: Path
) -> None:
    await house.settle()
    lounge = (await house.bound())["lounge"]
    for _ in range(2):
        twin = house.host(some_room(locator("lounge")), ME)
        for user in (EVE, CY, DEE):
            house._set_member(twin, user, user, "join")
    await lose_database(house, tmp_path)
    await house.settle()
    await house.settle()
    assert (await house.bound())["lounge"] == lounge
    assert len(house.said) == 1
    assert lounge in house.said[0][1]


async def test_of_two_rooms_outside_the_space_the_one_in_use_is_taken(house: House, tmp_path: Path) -> None:
    closed = house.host(some_room(locator("lounge")), ME)
    closed.state["m.room.tombstone", ""] = {"replacement_room": "!x"}
    closed.senders["m.room.tombstone", ""] = EVE
    for user in (EVE, CY, DEE):
        house._set_member(closed, user, user, "join")
    empty = house.host(some_room(locator("lounge")), ME)
    busy = house.host(some_room(locator("lounge")), ME)
    house._set_member(busy, CY, CY, "join")
    await lose_database(house, tmp_path)
    await house.settle()
    assert (await house.bound())["lounge"] == busy.id
    assert empty.id not in (await house.bound()).values()


async def test_what_is_bound_stays_bound_whatever_turns_up(house: House) -> None:
    await house.settle()
    before = await house.bound()
    twin = house.host(some_room(locator("lounge")), ME)
    for user in (EVE, CY, DEE):
        house._set_member(twin, user, user, "join")
    await house.show(twin)
    await house.settle()
    assert await house.bound() == before


async def test_rooms_of_another_account_or_community_are_not_taken(house: House, tmp_path: Path) -> None:
    house.host(some_room(locator("lounge", me=EVE)), ME)
    house.host(some_room(locator("lounge", community_key="orchard")), ME)
    house.host({**some_room({}), (LOCATOR_TYPE, ""): {"locator": ["junk"]}}, ME)
    await lose_database(house, tmp_path)
    await house.settle()
    assert "grove/lounge" in made(house)


async def elsewhere(house: House, key: str, **create: Any) -> HostedRoom:
    """Have a room of Eve's in which the bot itself once wrote a locator."""
    theirs = house.host(some_room(locator(key), **create), EVE)
    theirs.senders[LOCATOR_TYPE, ""] = ME
    house._set_member(theirs, ME, ME, "join")
    await house.show(theirs)
    return theirs
