"""Plans and applications in the rooms' house: what is needed is read from the homeserver that is a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.documents.declared import Community
from orchestrator.model.feature import Now
from orchestrator.model.ids import JsonObject
from orchestrator.rooms import Applied, Change, Choices, Plan, Slot, State, apply_community, plan_community
from tests.declared import ME

from .house import House

ALL = Choices(
    allow_expose=True, allow_upgrade=False, one_way=frozenset(), take="ours", adopt=True, force=True, only=None
)


PLAIN = Choices()


async def plan(house: House, community: Community) -> Plan:
    """Plan, and again with what it needs."""
    return (await planned(house, community))[0]


async def planned(house: House, community: Community) -> tuple[Plan, dict[Slot, JsonObject | None]]:
    fetched: dict[Slot, JsonObject | None] = {}
    for _ in range(5):
        made = await house.rows.run(plan_community, community, ME, fetched)
        missing = made.needed - fetched.keys()
        if not made.needed:
            return made, fetched
        assert missing, made.needed
        fetched |= {slot: read(house, slot) for slot in missing}
    raise AssertionError("it is never whole")


def read(house: House, slot: Slot) -> JsonObject | None:
    return house.read(slot.room, slot.type, slot.key)


async def apply(house: House, community: Community, choices: Choices = PLAIN, *, digest: str | None = None) -> Applied:
    """Apply what is planned now, and let it be delivered."""
    _plan, fetched = await planned(house, community)
    now = Now(at_ms=house.clock.now_ms(), me=ME)
    applied = await house.rows.run(apply_community, community, now, digest, choices, fetched)
    await house.settle()
    return applied


def told(made: Plan) -> dict[str, str]:
    """Write a plan in short: what differs, and how."""
    return {change.name: change.state.value for change in made.differences}


def one(made: Plan, name: str) -> Change:
    """Find one change by its name."""
    (found,) = [change for change in made.changes if change.name == name]
    return found


def live(house: House, room: str, type_: str, bound: Mapping[str, Any], key: str = "") -> Mapping[str, Any] | None:
    return house.rooms[bound[room]].state.get((type_, key))


__all__ = ["ALL", "State", "apply", "live", "one", "plan", "planned", "read", "told"]
