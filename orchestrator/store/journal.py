"""Questions about what was done, and what is about to be."""

from __future__ import annotations

from orchestrator.model.feature import Tx
from orchestrator.model.ids import RoomId


def said_since(tx: Tx, craft: str, step: str, room: RoomId, since_ms: int) -> bool:
    """Tell whether a room was told something after a time, or is about to be."""
    return (
        tx.one(
            "select 1 as said from outbox where account = :account and craft = :craft and step = :step and room = :room"
            " union all select 1 from journal where account = :account and at_ms > :since_ms and craft = :craft"
            " and step = :step and room = :room and outcome = 'done' limit 1",
            craft=craft,
            step=step,
            room=room,
            since_ms=since_ms,
        )
        is not None
    )
