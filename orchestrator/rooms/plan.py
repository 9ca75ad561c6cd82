"""The plan of a community: what its documents say, what was last applied and what is live, compared. Pure, but for reading."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from orchestrator.documents.declared import Community
from orchestrator.model.feature import Tx
from orchestrator.model.ids import JsonObject, UserId
from orchestrator.store import bindings

from .changes import EXISTS, Change, Plan, Slot, State


def plan_community(
    tx: Tx,
    community: Community,
    me: UserId,
    fetched: Mapping[Slot, JsonObject | None] | None = None,
    unreadable: Collection[Slot] = (),
) -> Plan:
    """Plan a community from the rows alone, and from what was fetched because an earlier plan said that it is ``needed``.

    Args:
        tx: may be read-only.
        fetched: contents by slot; None where the server says that there is no such state.
        unreadable: slots that were asked for in vain: what they hold is unknown, and is not asked for again.
    """
    del me, fetched, unreadable
    missing = (room for room in community.every_room() if bindings.bound_room(tx, community.key, room.key) is None)
    return Plan(community.key, tuple(Change(room=room.key, path=EXISTS, state=State.CREATE) for room in missing))
