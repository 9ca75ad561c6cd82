"""Who is on duty, read from the rows: the rota's answer, with what has begun as fact."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.documents.declared import Community, Room
from orchestrator.model.feature import Tx
from orchestrator.model.ids import UserId
from orchestrator.store.rows import number, text

from .rota import Shift, shift_at


def begun(tx: Tx, room: Room) -> Mapping[int, UserId]:
    """Read which shifts of a room have begun, by their start, and who took them."""
    rows = tx.rows(
        "select start_ms, user from shift where account = :account and community = :community and key = :key",
        community=room.community,
        key=room.key,
    )
    return {number(row, "start_ms"): UserId(text(row, "user")) for row in rows}


def note_begun(tx: Tx, room: Room, shift: Shift) -> bool:
    """Write down that a shift began; tells whether that is news."""
    return (
        tx.run(
            "insert into shift (account, community, key, start_ms, end_ms, user)"
            " values (:account, :community, :key, :start_ms, :end_ms, :user) on conflict do nothing",
            community=room.community,
            key=room.key,
            start_ms=shift.span.start_ms,
            end_ms=shift.span.end_ms,
            user=shift.user,
        )
        > 0
    )


def current_shift(tx: Tx, community: Community, room: Room, at_ms: int) -> Shift | None:
    """Find the shift of a room with a rota at an instant."""
    if room.rota is None:
        return None
    return shift_at(room.rota, community.zone, room.facilitators, at_ms, begun(tx, room))


def on_duty(tx: Tx, community: Community, room: Room, at_ms: int) -> tuple[UserId, ...]:
    """List who is on duty in a room; without a rota all its facilitators are, always."""
    if room.rota is None:
        return room.facilitators
    shift = current_shift(tx, community, room, at_ms)
    return () if shift is None else (shift.user,)
