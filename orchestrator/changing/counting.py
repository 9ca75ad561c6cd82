"""How much is still to be done in a community's rooms, and how much follows from what is not there yet."""

from __future__ import annotations

from orchestrator.documents.declared import CONTROL_KEY, Community
from orchestrator.matrix.budget import Limiter
from orchestrator.model.effects import Priority
from orchestrator.model.feature import Tx
from orchestrator.model.ids import RoomId
from orchestrator.store import bindings, claims, outbox
from orchestrator.store.bindings import SPACE_KEY


def remaining(tx: Tx, community: Community, also: frozenset[RoomId] = frozenset()) -> int:
    """Count what is still to be done in a community's rooms, and in some others."""
    bound = (bindings.bound_room(tx, community.key, room.key) for room in community.every_room())
    rooms = {*also, *(room for room in bound if room is not None)}
    marks = sum(item.room in rooms for item in claims.unsettled(tx))
    rows = sum(
        row.target.startswith(f"{community.key}/")
        if row.kind == "create" and not row.target.startswith("@")
        else row.priority is Priority.STRUCTURE and row.room in rooms
        for row in outbox.waiting(tx)
    )
    return marks + rows


def following(tx: Tx, community: Community) -> dict[Limiter, int]:
    """Count the calls that are not in the rows yet, since they follow from rooms that are still to be made."""
    counts: dict[Limiter, int] = {}

    def more(limiter: Limiter, calls: int) -> None:
        if calls:
            counts[limiter] = counts.get(limiter, 0) + calls

    for room in community.every_room():
        if room.archive or room.adopt is not None or bindings.bound_room(tx, community.key, room.key) is not None:
            continue
        more(Limiter.CREATE, int(not outbox.is_waiting(tx, "create", f"{community.key}/{room.key}")))
        more(Limiter.MESSAGE, int(room.key not in {SPACE_KEY, CONTROL_KEY}))  # its link
        more(Limiter.MESSAGE, 2 * int(room.policy is not None and room.kind == "room"))  # its norms, and their pin
        if room.key in {SPACE_KEY, CONTROL_KEY}:
            more(Limiter.INVITE, len(community.staff()))
    return counts
