"""When each of our rooms was last read whole, to find what /sync never told. Kept beside the other positions (``cursor``)."""

from __future__ import annotations

import hashlib
from typing import Final

from orchestrator.model.clock import DAY_MS
from orchestrator.model.feature import Tx
from orchestrator.model.ids import RoomId

from . import bindings, mirror
from .ingest import cursor, set_cursor

_KIND: Final = "audit:"


def due(tx: Tx, now_ms: int) -> list[RoomId]:
    """List the rooms of ours whose time of the day has come since they were last read, longest waiting first.

    One that was never looked at is as good as read: it was made, or met whole, a moment ago.
    """
    joined = {known.room for known in mirror.rooms_joined(tx)}
    waiting: list[tuple[int, RoomId]] = []
    for binding in bindings.bindings(tx):
        if binding.room not in joined:
            continue
        came_ms = now_ms - (now_ms - _time_of_day_ms(binding.room)) % DAY_MS
        known_ms = read_ms(tx, binding.room)
        if known_ms is None:
            note_read(tx, binding.room, now_ms)
        elif known_ms < came_ms:
            waiting.append((known_ms, binding.room))
    return [room for _known_ms, room in sorted(waiting)]


def read_ms(tx: Tx, room: RoomId) -> int | None:
    """Tell when a room was last read whole; None where it never was."""
    value = cursor(tx, f"{_KIND}{room}")
    return None if value is None else int(value)


def note_read(tx: Tx, room: RoomId, now_ms: int) -> None:
    """Note that a room was read whole."""
    set_cursor(tx, str(now_ms), f"{_KIND}{room}")


def forget(tx: Tx, room: RoomId) -> None:
    """Forget about a room that we left."""
    tx.run("delete from cursor where account = :account and kind = :kind", kind=f"{_KIND}{room}")


def _time_of_day_ms(room: RoomId) -> int:
    """Give each room a time of its own, so that they are not all read at once."""
    return int.from_bytes(hashlib.sha256(room.encode()).digest()[:8], "big") % DAY_MS
