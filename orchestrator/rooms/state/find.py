"""Which room is which declared room, found out from what the rooms themselves say.

A locator is a state event and anybody with the power can write one, so it counts only where the bot itself wrote it, in
a room that it made or that hangs in our own space. What is bound stays bound; the documents and the account alone are
enough to find everything again after the database was lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.documents.declared import Community, Room
from orchestrator.model.feature import Tx
from orchestrator.model.ids import LOCATOR_TYPE, CommunityKey, RoomId, RoomKey, UserId
from orchestrator.store import bindings, mirror

from .create import room_locator


@dataclass(frozen=True, slots=True)
class Found:
    """A declared room that was found, and the other rooms that say they are it too."""

    declared: Room
    room: RoomId
    others: tuple[RoomId, ...]


def find_rooms(tx: Tx, me: UserId, community: Community) -> list[Found]:
    """Bind every declared room of a community that has no room yet and can be found; tells which were.

    The space comes first, since it vouches for the others. Where several rooms carry the same locator, one that our
    space links to is taken before one that it does not, one in use before one that was replaced, then the one with more
    people in it, then the smallest id: the same choice every time.
    """
    former = former_names(community)
    for key, names in former.items():
        if bindings.bound_room(tx, community.key, key) is None:
            any(bindings.rename(tx, name, (community.key, key)) for name in names)
    located = _located(tx, me)
    found = []
    for room in community.every_room():
        if bindings.bound_room(tx, community.key, room.key) is not None:
            continue
        linked = _linked(tx, bindings.bound_room(tx, community.key, bindings.SPACE_KEY))
        for name in ((community.key, room.key), *former[room.key]):
            candidates = _trusted(tx, me, located.get(room_locator(me, *name), ()), linked)
            if candidates:
                best, *others = sorted(candidates, key=lambda candidate: _preference(tx, candidate, linked))
                bindings.bind(tx, community.key, room.key, best, "found")
                found.append(Found(room, best, tuple(others)))
                break
    return found


def former_names(community: Community) -> Mapping[RoomKey, list[tuple[CommunityKey, RoomKey]]]:
    """List by which names each room may be known from before it, or its community, was renamed."""
    declared = {room.key for room in community.every_room()}
    names = {}
    for room in community.every_room():
        keys = [room.key, *(key for key in room.previously if key not in declared)]
        everywhere = [(name, key) for name in (community.key, *community.previously) for key in keys]
        names[room.key] = everywhere[1:]
    return names


def _located(tx: Tx, me: UserId) -> Mapping[str, list[RoomId]]:
    """List the joined rooms that carry a locator which the bot wrote, by locator."""
    located: dict[str, list[RoomId]] = {}
    for room, state in mirror.rooms_with_state(tx, LOCATOR_TYPE):
        locator = (state.content or {}).get("locator")
        if state.sender == me and isinstance(locator, str):
            located.setdefault(locator, []).append(room)
    return located


def _trusted(tx: Tx, me: UserId, rooms: Iterable[RoomId], linked: frozenset[RoomId]) -> list[RoomId]:
    """Keep the rooms that the bot made (not only one it was named a creator of) or that our space links to."""
    trusted = []
    for room in rooms:
        create = mirror.state_of(tx, room, "m.room.create")
        ours = (create is not None and create.sender == me) or room in linked
        if ours and bindings.binding_of(tx, room) is None:
            trusted.append(room)
    return trusted


def _linked(tx: Tx, space: RoomId | None) -> frozenset[RoomId]:
    if space is None:
        return frozenset()
    children = []
    for child in mirror.state_keys(tx, space, "m.space.child"):
        link = mirror.state_of(tx, space, "m.space.child", child)
        if link is not None and (link.content or {}).get("via"):
            children.append(RoomId(child))
    return frozenset(children)


def _preference(tx: Tx, room: RoomId, linked: frozenset[RoomId]) -> tuple[bool, bool, int, str]:
    replaced = mirror.state_of(tx, room, "m.room.tombstone") is not None
    return (room not in linked, replaced, -len(mirror.members(tx, room)), room)
