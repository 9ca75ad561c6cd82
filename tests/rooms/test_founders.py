"""Founders in plans: a room's creators beside the bot, whom only a new room adds or sets aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from orchestrator.documents.declared import Community, Origin, Room
from orchestrator.model.ids import UserId
from orchestrator.rooms import Choices
from tests.declared import ANA, BO, CY, EVE, ME, community, room, settings

from .house import House
from .planning import ALL, apply, one, plan, told
from .town import EVERYTHING, Town

SAID = {
    "founders": Origin("community", "config.yaml", 9, 5),
    "leads": Origin("community", "config.yaml", 8, 5),
}


def grove(
    *rooms: Room, founders: Sequence[UserId] = (), leads: Sequence[UserId] = (ANA, BO, CY), version: str = "12"
) -> Community:
    made = rooms or (room("lounge", made=settings(room_version=version)),)
    declared = community(*made, leads=leads, room_version=version, founders=founders)
    return replace(
        declared,
        space=replace(declared.space, origins=SAID),
        control=replace(declared.control, origins=SAID),
        rooms=tuple(replace(each, origins=SAID) for each in declared.rooms),
    )


async def test_rooms_that_were_made_with_their_founders_differ_in_nothing(house: House) -> None:
    declared = grove(founders=(BO, ME, ANA))
    house.use(declared)
    await house.settle()
    made = await plan(house, declared)
    assert told(made) == {}
    founders = one(made, "lounge/founders")
    assert (founders.desired, founders.live) == ([ANA, BO], [ANA, BO])


async def test_a_new_founder_takes_a_new_room_and_the_plan_says_so_at_their_line(house: House) -> None:
    house.use(grove())
    await house.settle()
    more = grove(founders=(ANA,))
    house.use(more)
    made = await plan(house, more)
    assert told(made) == {
        "space/founders": "upgrade",
        "control/founders": "upgrade",
        "lounge/founders": "upgrade",
    }
    change = one(made, "lounge/founders")
    assert (change.desired, change.live, change.origin) == ([ANA], [], SAID["founders"])
    assert change.reason == "Founders are named when a room is made: a new room would have to take its place."


async def test_without_a_word_no_room_is_replaced_for_a_founder_and_with_it_one_is(house: House) -> None:
    house.use(grove())
    await house.settle()
    more = grove(founders=(ANA,))
    house.use(more)
    left = await apply(house, more, ALL)
    assert {each.change.name for each in left.left} == {"space/founders", "control/founders", "lounge/founders"}
    assert (left.done, left.upgrades) == ((), ())
    begun = await apply(house, more, Choices(allow_upgrade=True, only=frozenset({"lounge"})))
    assert begun.upgrades == ("lounge",)


async def test_a_founder_struck_from_the_files_keeps_all_power_and_the_plan_says_what_would_take_it(
    house: House,
) -> None:
    house.use(grove(founders=(ANA, BO)))
    await house.settle()
    fewer = grove(founders=(ANA,))
    house.use(fewer)
    change = one(await plan(house, fewer), "lounge/founders")
    assert (change.state, change.desired, change.live) == ("upgrade", [ANA], [ANA, BO])
    assert change.reason == f"Founders keep all power in a room for ever: only a new room takes it from {BO}."


async def test_a_creator_edited_out_of_the_leads_is_blocked_at_that_line_and_all_else_is_done(house: House) -> None:
    house.use(grove(room("lounge"), founders=(BO,)))
    await house.settle()
    fewer = grove(room("lounge", name="Parlour", topic="Come in."), founders=(BO,), leads=(ANA, CY))
    house.use(fewer)
    made = await plan(house, fewer)
    blocked = one(made, f"lounge/leads.{BO}")
    assert (blocked.state, blocked.origin) == ("blocked", SAID["leads"])
    assert "creators keep all power for ever" in blocked.reason
    applied = await apply(house, fewer, ALL)
    names = {f"{key}/leads.{BO}" for key in ("space", "control", "lounge")}
    assert {left.change.name for left in applied.left} - {f"control/members.{BO}"} == names
    assert {"lounge/name", "lounge/topic"} <= {change.name for change in applied.done}
    state = house.rooms[(await house.bound())["lounge"]].state
    assert state["m.room.name", ""]["name"] == "Parlour"
    assert state["m.room.topic", ""]["topic"] == "Come in."


@pytest.mark.parametrize("version", ["10", "11"])
async def test_in_rooms_whose_creators_hold_no_power_there_are_no_founders_to_plan(house: House, version: str) -> None:
    declared = grove(founders=(ANA,), version=version)
    house.use(declared)
    await house.settle()
    made = await plan(house, declared)
    assert told(made) == {}
    assert [change.name for change in made.changes if change.path == "founders"] == []


def test_who_made_a_room_that_was_taken_over_is_nobody_whom_the_files_struck() -> None:
    town = Town(community())
    town.settle()
    levels = {"users": {}, "users_default": 0, "events": {}}
    made = {("m.room.create", ""): {"room_version": "12", "additional_creators": [ME]}}
    town.adopt("lounge", {**made, ("m.room.power_levels", ""): levels}, EVE)
    town.use(grove(room("lounge"), leads=(ANA, BO)))
    town.apply(EVERYTHING)
    assert [change.state for change in town.plan().changes if change.name == "lounge/founders"] == ["no-op"]
    town.use(grove(room("lounge"), leads=(ANA, BO), founders=(ANA,)))
    (wanted,) = [change for change in town.plan().changes if change.name == "lounge/founders"]
    assert (wanted.state, wanted.live) == ("upgrade", [])
