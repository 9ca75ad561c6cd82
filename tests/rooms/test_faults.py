"""What the files get wrong about one room is said in the plan, and holds up nothing else."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.documents.declared import SPACE_KEY, Room
from orchestrator.model.ids import RoomKey
from tests.declared import CY, DEE, community, policy, room, settings, space

from .house import House
from .planning import ALL, State, apply, one, plan, told

TUESDAY = room("tuesday", facilitators=[CY, DEE], norms=policy(), alias="grove-tuesday")
LOUNGE = room("lounge")
LOOSER = "room_templates/lounge.yaml:11:12: This is looser than the floor that every room here holds to."
CIRCLE = "config.yaml:30:9: These spaces hang in each other: a in b in a."


def wing(key: str, *, within: str = SPACE_KEY, fault: str = "") -> Room:
    faults = {"in": fault} if fault else {}
    return replace(space(), key=RoomKey(key), name=key.upper(), alias=None, within=RoomKey(within), faults=faults)


async def test_what_is_looser_than_a_floor_is_said_and_left_as_it_is_while_the_rest_is_applied(house: House) -> None:
    await house.settle()
    lounge = replace(LOUNGE, name="Sofa", settings=settings(join="invite"), faults={"settings.join": LOOSER})
    grove = community(replace(TUESDAY, name="Wednesday"), lounge)
    house.use(grove)
    made = await plan(house, grove)
    blocked = {"lounge/settings.join": "blocked"}
    assert told(made) == {"tuesday/name": "update", "lounge/name": "update", **blocked}
    assert one(made, "lounge/settings.join").reason == LOOSER
    before = house.read((await house.bound())["lounge"], "m.room.join_rules", "")
    await apply(house, grove, ALL)
    assert told(await plan(house, grove)) == blocked
    assert house.read((await house.bound())["lounge"], "m.room.join_rules", "") == before


async def test_a_space_that_hangs_in_itself_is_not_made_and_everything_else_is(house: House) -> None:
    a, b = wing("a", fault=CIRCLE), wing("b", fault=CIRCLE)
    grove = community(a, b, TUESDAY, LOUNGE)
    house.use(grove)
    await house.settle()
    made = await plan(house, grove)
    assert told(made) == {"a/exists": "blocked", "b/exists": "blocked"}
    assert one(made, "a/exists").reason == CIRCLE
    assert set(await house.bound()) == {"", "control", "tuesday", "lounge"}


async def test_a_space_that_came_to_hang_in_itself_stays_where_it_was(house: House) -> None:
    a, b = wing("a"), wing("b", within="a")
    right = community(a, b, TUESDAY, LOUNGE)
    house.use(right)
    await house.settle()
    assert told(await plan(house, right)) == {}
    places = {room: dict(house.rooms[where].state) for room, where in (await house.bound()).items()}
    wrong = community(wing("a", fault=CIRCLE), wing("b", fault=CIRCLE), TUESDAY, LOUNGE)
    house.use(wrong)
    made = await plan(house, wrong)
    differs = [change for change in made.differences if change.room in {"a", "b"}]
    assert {change.path for change in differs} == {"in", "link", "order", "suggested"}
    assert {(change.state, change.reason) for change in differs} == {(State.BLOCKED, CIRCLE)}
    # The others in their space move up by one.
    assert {change.path for change in made.differences if change.room not in {"a", "b"}} == {"order"}
    await apply(house, wrong, ALL)
    bound = await house.bound()
    for inside, outside in (("a", ""), ("b", "a")):
        link = ("m.space.child", bound[inside])
        assert house.rooms[bound[outside]].state[link] == places[outside][link]
    assert ("m.space.child", bound["b"]) not in house.rooms[bound[""]].state
    house.use(right)
    await apply(house, right, ALL)
    assert told(await plan(house, right)) == {}
