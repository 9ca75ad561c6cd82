"""Plans of a community on a homeserver: what differs and how, and what applying it makes of it."""

from __future__ import annotations

from tests.declared import CY, DEE, community, policy, room

from .house import House
from .planning import plan, told

TUESDAY = room("tuesday", facilitators=[CY, DEE], norms=policy(), alias="grove-tuesday")
LOUNGE = room("lounge")
GROVE = community(TUESDAY, LOUNGE)


async def test_before_anything_is_there_all_rooms_are_to_be_made(house: House) -> None:
    assert told(await plan(house, GROVE)) == {
        "space/exists": "create",
        "control/exists": "create",
        "tuesday/exists": "create",
        "lounge/exists": "create",
    }


async def test_rooms_that_were_just_made_differ_in_nothing(house: House) -> None:
    await house.settle()
    assert told(await plan(house, GROVE)) == {}
