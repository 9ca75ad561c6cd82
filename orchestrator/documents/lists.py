"""Who is on a list by now: whoever was to keep a room until a day that is over looks after it no longer.

What the files say of them stays known (``Room.listed``): whose turn it was, and whose it is after theirs, rests on it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TypeAlias

from orchestrator.model.ids import CommunityKey, RoomKey, UserId

from .declared import Community, Documents, Room

Over: TypeAlias = frozenset[tuple[CommunityKey, RoomKey, UserId]]


def over_at(documents: Documents, at_ms: int) -> Over:
    """List whose time as a facilitator of which room is over at an instant."""
    return frozenset(
        (community.key, room.key, user)
        for community in documents.communities
        for room in community.rooms
        for user, serves in room.serving.items()
        if serves.end is not None and serves.end.replace(tzinfo=community.zone).timestamp() * 1000 <= at_ms
    )


def as_of(documents: Documents, at_ms: int) -> Documents:
    """Leave out those whose time is over at an instant; what nobody's is stays the very same."""
    over = over_at(documents, at_ms)
    if not over:
        return documents
    return Documents(communities=tuple(_as_of(community, over) for community in documents.communities))


def _as_of(community: Community, over: Over) -> Community:
    rooms = tuple(
        _without(room, {user for of, key, user in over if (of, key) == (community.key, room.key)})
        for room in community.rooms
    )
    still = {user for room in rooms for user in room.facilitators}
    kept = tuple(user for user in community.control.facilitators if user in still)
    return replace(community, rooms=rooms, control=replace(community.control, facilitators=kept))


def _without(room: Room, gone: Collection[UserId]) -> Room:
    left = tuple(user for user in room.facilitators if user not in gone)
    return room if left == room.facilitators else replace(room, facilitators=left, listed=room.everybody_listed())
