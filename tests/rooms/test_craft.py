"""Rooms made, linked and filled, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.model.ids import LOCATOR_TYPE, RoomId, RoomKey, UserId, locator_of
from orchestrator.rooms.craft import AGAIN_MS
from orchestrator.store import bindings, claims
from tests.declared import ANA, BO, CY, DEE, EVE, ME, community, policy, room, settings

from . import rules
from .house import House

TUESDAY = room("tuesday", facilitators=[CY, DEE], norms=policy(), alias="grove-tuesday")
LOUNGE = room("lounge")
GROVE = community(TUESDAY, LOUNGE)


def names(house: House, what: str) -> list[str]:
    return [target for kind, target in house.writes if kind == what]


def invited(house: House, room_id: RoomId) -> set[UserId]:
    return {
        UserId(user)
        for (type_, user), content in house.rooms[room_id].state.items()
        if type_ == "m.room.member" and content["membership"] == "invite"
    }


async def test_the_space_is_made_first_and_then_everything_else_once(house: House) -> None:
    await house.settle()
    made = names(house, "create")
    assert made[0] == "grove/"
    assert sorted(made) == ["grove/", "grove/control", "grove/lounge", "grove/tuesday"]
    assert set(await house.bound()) == {"", "control", "lounge", "tuesday"}


async def test_settling_again_changes_nothing(house: House) -> None:
    await house.settle()
    house.writes.clear()
    await house.settle()
    assert house.writes == []


async def test_a_room_that_was_just_made_needs_no_further_state_but_its_link(house: House) -> None:
    await house.settle()
    written = [kind for kind, _ in house.writes if kind.startswith("m.")]
    # Nor does its topic, though nobody of culture has claimed the norms' line yet (it is not at work in this house).
    assert set(written) == {"m.space.child"}
    assert written.count("m.space.child") == 2


async def test_rooms_hang_in_the_space_in_the_order_of_the_file_and_the_control_room_does_not(house: House) -> None:
    await house.settle()
    bound = await house.bound()
    space = house.rooms[bound[""]]
    links = {key: content for (type_, key), content in space.state.items() if type_ == "m.space.child"}
    assert set(links) == {bound["tuesday"], bound["lounge"]}
    assert links[bound["tuesday"]]["order"] < links[bound["lounge"]]["order"]
    assert links[bound["lounge"]]["via"] == ["grove.example"]
    assert ("m.space.parent", space.id) in house.rooms[bound["control"]].state


async def test_leads_and_facilitators_are_asked_into_the_space_and_the_control_room_and_nowhere_else(
    house: House,
) -> None:
    await house.settle()
    bound = await house.bound()
    assert invited(house, bound[""]) == {ANA, BO, CY, DEE}
    assert invited(house, bound["control"]) == {ANA, BO, CY, DEE}
    assert invited(house, bound["tuesday"]) == invited(house, bound["lounge"]) == set()


async def test_a_room_that_nobody_can_enter_by_themselves_invites_its_own_people(house: House) -> None:
    quiet = room("quiet", facilitators=[CY], made=settings(join="invite"))
    house.use(community(TUESDAY, quiet))
    await house.settle()
    assert invited(house, (await house.bound())["quiet"]) == {ANA, BO, CY}


@pytest.mark.parametrize("space_too", [False, True])
async def test_a_no_is_a_no_even_after_the_database_was_lost(house: House, tmp_path: Path, space_too: bool) -> None:
    await house.settle()
    bound = await house.bound()
    await house.member(house.rooms[bound["control"]], BO, "leave")
    if space_too:
        await house.member(house.rooms[bound[""]], BO, "leave")
    house.writes.clear()
    await house.settle()
    await house.close()
    await house.open(tmp_path / "other", GROVE)
    await house.settle()
    assert BO not in names(house, "invite")


async def test_who_is_already_there_or_was_banned_is_not_invited(house: House) -> None:
    await house.settle()
    control = house.rooms[(await house.bound())["control"]]
    await house.member(control, CY, "ban", by=ANA)
    await house.member(control, DEE, "join")
    house.writes.clear()
    await house.settle()
    assert house.writes == []


async def test_a_lead_who_left_the_file_keeps_power_until_that_is_applied(house: House) -> None:
    await house.settle()
    house.use(community(TUESDAY, LOUNGE, leads=[ANA]))
    house.writes.clear()
    await house.settle()
    assert [kind for kind, _ in house.writes if kind.startswith("m.")] == []
    for hosted in house.rooms.values():
        assert set(hosted.state["m.room.power_levels", ""]["users"]) == {ANA, BO}


async def test_power_given_by_hand_is_taken_back(house: House) -> None:
    await house.settle()
    lounge = house.rooms[(await house.bound())["lounge"]]
    levels = lounge.state["m.room.power_levels", ""]
    await house.put(lounge, ANA, "m.room.power_levels", "", {**levels, "users": {**levels["users"], EVE: 100}})
    await house.deliver()
    assert lounge.state["m.room.power_levels", ""] == levels


async def test_a_topic_that_a_person_set_is_left_to_them(house: House) -> None:
    await house.settle()
    lounge = house.rooms[(await house.bound())["lounge"]]
    await house.put(lounge, ANA, "m.room.topic", "", {"topic": "Cake at four"})
    await house.settle()
    assert lounge.state["m.room.topic", ""] == {"topic": "Cake at four"}


async def test_a_link_that_was_cut_by_hand_is_made_again(house: House) -> None:
    await house.settle()
    bound = await house.bound()
    space = house.rooms[bound[""]]
    await house.put(space, ANA, "m.space.child", bound["lounge"], {})
    await house.deliver()
    assert space.state["m.space.child", bound["lounge"]]["via"] == ["grove.example"]


async def test_a_room_that_is_no_longer_declared_is_left_as_it_is(house: House) -> None:
    await house.settle()
    bound = await house.bound()
    house.use(community(TUESDAY))
    house.writes.clear()
    await house.settle()
    assert house.writes == []
    assert "lounge" in await house.bound()
    assert house.rooms[bound[""]].state["m.space.child", bound["lounge"]]["via"]


async def test_a_room_that_was_left_is_reported_once_and_not_made_again(house: House) -> None:
    await house.settle()
    bound = await house.bound()
    await house.member(house.rooms[bound["lounge"]], ME, "leave", by=ANA)
    await house.settle()
    await house.settle()
    assert [where for where, _ in house.said] == [bound["control"]]
    assert "Lounge circle" in house.said[0][1]
    assert names(house, "create").count("grove/lounge") == 1


async def test_a_lost_control_room_is_told_to_each_lead_in_private(house: House) -> None:
    await house.settle()
    bound = await house.bound()
    await house.member(house.rooms[bound["control"]], ME, "ban", by=ANA)
    await house.settle()
    assert [where for where, _ in house.said] == [ANA, BO]


async def test_a_room_that_somebody_replaced_who_is_no_lead_is_asked_about_once(house: House) -> None:
    await house.settle()
    bound = await house.bound()
    lounge = house.rooms[bound["lounge"]]
    await house.put(lounge, DEE, "m.room.tombstone", "", {"replacement_room": "!new"})
    await house.settle()
    await house.settle()
    assert [where for where, _ in house.said] == [bound["control"]]
    assert await house.bound() == bound


async def test_a_room_that_the_server_will_not_make_is_asked_for_again_every_hour_and_told_once(house: House) -> None:
    await house.settle()
    house.use(community(TUESDAY, LOUNGE, room("garden")))
    house.refuse_making = "M_FORBIDDEN"
    await house.settle()
    await house.settle()
    assert len(house.said) == 1
    assert "M_FORBIDDEN" in house.said[0][1]
    house.clock.advance(AGAIN_MS)
    await run_timers(house)
    assert len(house.said) == 1
    house.refuse_making = ""
    house.clock.advance(AGAIN_MS)
    await run_timers(house)
    assert names(house, "create").count("grove/garden") == 1
    assert "garden" in await house.bound()


async def test_a_room_whose_description_changed_after_a_refusal_is_asked_for_at_once(house: House) -> None:
    house.refuse_making = "M_UNKNOWN"
    await house.settle()
    house.refuse_making = ""
    await house.settle()
    assert names(house, "create") == []
    house.use(community(TUESDAY, LOUNGE, leads=[ANA]))
    await house.settle()
    assert "grove/" in names(house, "create")


async def test_a_room_made_while_another_was_found_does_not_take_its_place(house: House) -> None:
    await house.settle()
    house.use(community(TUESDAY, LOUNGE, room("garden")))
    await house.engine.settle()
    found = house.host({("m.room.create", ""): {"room_version": "12"}}, ME)
    await house.rows.run(bindings.bind, GROVE.key, RoomKey("garden"), found.id, "found")
    await house.deliver()
    assert names(house, "create").count("grove/garden") == 1
    assert (await house.bound())["garden"] == found.id


async def test_a_room_that_is_seen_while_it_is_being_made_is_known_to_be_as_it_was_made(house: House) -> None:
    await house.settle()
    usual = {(claim.type, claim.path) for claim in await claimed(house, (await house.bound())["lounge"])}
    house.use(community(TUESDAY, LOUNGE, room("garden")))
    await house.engine.settle()
    row = next(row for row in await house.waiting() if row.kind == "create")
    made = house.host(rules.made(row.payload["body"], ME), ME)  # type: ignore[arg-type]
    # /sync has brought its locator and one thing more, and what is still to come is not known of it yet.
    await house.rows.run(bindings.bind, GROVE.key, RoomKey("garden"), made.id, "found")
    seen = claims.Claim(
        room=made.id, type="m.room.guest_access", path=("guest_access",), owner="template", value="forbidden"
    )
    await house.rows.run(claims.remember_claim, seen)
    await house.engine.confirm(row.cause, "done", room=made.id)
    await house.engine.settle()
    assert {(claim.type, claim.path) for claim in await claimed(house, made.id)} == usual


async def claimed(house: House, where: RoomId) -> list[claims.Claim]:
    """List what is claimed of a room."""
    return await house.rows.run(claims.claims_in, where)


async def test_a_name_that_another_room_had_is_free_once_that_room_says_its_new_one(house: House) -> None:
    await house.settle()
    renamed = room("dienstag", previously=["tuesday"], facilitators=[CY, DEE])
    house.use(community(renamed, LOUNGE))
    await house.settle()
    old = (await house.bound())["dienstag"]
    assert house.rooms[old].state[LOCATOR_TYPE, ""] == {"locator": locator_of(ME, "grove", "dienstag")}
    house.use(community(room("dienstag", facilitators=[CY, DEE]), LOUNGE, TUESDAY))
    await house.settle()
    assert (await house.bound())["dienstag"] == old
    assert (await house.bound())["tuesday"] != old


async def test_a_room_that_is_already_another_is_not_taken_for_the_missing_one(house: House) -> None:
    await house.settle()
    house.use(community(TUESDAY, LOUNGE, room("garden")))
    await house.engine.settle()
    bound = await house.bound()
    for row in await house.waiting():
        await house.engine.confirm(row.cause, "done", room=bound["lounge"])
    assert await house.bound() == bound
    house.clock.advance(AGAIN_MS)
    await run_timers(house)
    assert (await house.bound())["garden"] not in bound.values()


async def test_staff_whom_somebody_removed_from_the_space_by_the_bots_hand_are_not_asked_back(house: House) -> None:
    await house.settle()
    space = house.rooms[(await house.bound())[""]]
    await house.member(space, CY, "leave", by=ME)
    house.writes.clear()
    await house.settle()
    assert house.writes == []


async def run_timers(house: House) -> None:
    """Let what is due happen, and deliver it."""
    await house.engine._transact(lambda intake, turn: intake.take_due(turn))
    await house.deliver()
