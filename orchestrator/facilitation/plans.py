"""From what is declared to what the rota computes with: the plan of a room, and those of a community."""

from __future__ import annotations

from datetime import datetime

from orchestrator.documents.declared import Community, Room, Serving
from orchestrator.model.ids import RoomKey
from orchestrator.schedule import instant_ms

from .rota.things import Keeper, Plan


def has_rota(room: Room) -> bool:
    """Tell whether people take turns in a room: it has a rota, and is not to be closed."""
    return room.rota is not None and room.kind == "room" and not room.archive


def plan_of(community: Community, room: Room) -> Plan | None:
    """Build the plan of a room; None where nobody takes turns."""
    if room.rota is None or not has_rota(room):
        return None
    return Plan(
        room=room.key,
        zone=community.zone,
        rota=room.rota,
        keepers=tuple(
            Keeper(user, _ms(community, serving.start), _ms(community, serving.end))
            for user in room.everybody_listed()
            for serving in [room.serving.get(user, Serving())]
        ),
        shadows=tuple(user for user in room.shadows if user not in room.facilitators),
        fallback=room.rota.fallback,
    )


def plans_of(community: Community) -> tuple[Plan, ...]:
    """Build the plans of all rooms of a community in which people take turns, in the order of its rooms."""
    plans = (plan_of(community, room) for room in community.rooms)
    return tuple(plan for plan in plans if plan is not None)


def rooms_of(community: Community) -> dict[RoomKey, Room]:
    """Find the rooms in which people take turns, by key."""
    return {room.key: room for room in community.rooms if has_rota(room)}


def _ms(community: Community, wall: datetime | None) -> int | None:
    return None if wall is None else instant_ms(wall, community.zone)
