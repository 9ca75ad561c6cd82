"""The rooms that culture looks after: bound, declared, and with a policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.documents.policy import Care, Norms, Policy
from orchestrator.model.feature import Tx
from orchestrator.model.ids import RoomId
from orchestrator.store import bindings

NAME = "culture"
"""The craft's name, under which its timers and effects are kept."""


_NONE = Policy(
    name="",
    document="",
    title="",
    norms=Norms(summary="", text="", review_by=None, digest=""),
    rules=(),
    ladder=(),
    ladder_forget_ms=None,
    lists=(),
    care=Care(resources=(), contact_emergency_services="group_decides"),
)
"""Of a room that has none: nothing is judged there, and those who keep it can act by hand all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A declared room, the room that it is, and the policy that holds there."""

    community: Community
    room: Room
    policy: Policy
    id: RoomId


def place_of(tx: Tx, documents: Documents, room: RoomId) -> Place | None:
    """Find what a room is; None when it is not ours, has no policy, or is a space (where nobody talks)."""
    binding = bindings.binding_of(tx, room)
    return None if binding is None else _place(documents, binding)


def any_place_of(tx: Tx, documents: Documents, room: RoomId) -> Place | None:
    """Find what a room is, with or without a policy; None when it is not ours, or a space."""
    binding = bindings.binding_of(tx, room)
    return None if binding is None else _any_place(documents, binding)


def every_place(tx: Tx, documents: Documents) -> Iterator[Place]:
    """List every room in which people talk."""
    for binding in bindings.bindings(tx):
        place = _any_place(documents, binding)
        if place is not None:
            yield place


def places(tx: Tx, documents: Documents) -> Iterator[Place]:
    """List every room with a policy."""
    for binding in bindings.bindings(tx):
        place = _place(documents, binding)
        if place is not None:
            yield place


def control_room(tx: Tx, community: Community) -> RoomId | None:
    """Find where leads and facilitators talk among themselves."""
    return bindings.bound_room(tx, community.key, CONTROL_KEY)


def _place(documents: Documents, binding: bindings.Binding) -> Place | None:
    place = _any_place(documents, binding)
    return None if place is None or place.room.policy is None else place


def _any_place(documents: Documents, binding: bindings.Binding) -> Place | None:
    community = documents.community(binding.community)
    room = None if community is None else community.room(binding.key)
    if community is None or room is None or room.kind == "space":
        return None
    return Place(community=community, room=room, policy=room.policy or _NONE, id=binding.room)
