"""For how long no question is asked in a room, because somebody who keeps it said so."""

from __future__ import annotations

from orchestrator.documents.declared import Room
from orchestrator.model.feature import Tx
from orchestrator.store.rows import number


def pause(tx: Tx, room: Room, until_ms: int) -> None:
    """Ask nothing before an instant; the last word counts."""
    tx.run(
        "insert into pause (account, community, key, until_ms) values (:account, :community, :key, :until_ms)"
        " on conflict (account, community, key) do update set until_ms = excluded.until_ms",
        community=room.community,
        key=room.key,
        until_ms=until_ms,
    )


def resume(tx: Tx, room: Room) -> None:
    """Ask again."""
    tx.run(
        "delete from pause where account = :account and community = :community and key = :key",
        community=room.community,
        key=room.key,
    )


def paused_until(tx: Tx, room: Room, at_ms: int) -> int | None:
    """Tell until when a pause lasts that holds at an instant; None: there is none."""
    row = tx.one(
        "select until_ms from pause where account = :account and community = :community and key = :key"
        " and until_ms > :at_ms",
        community=room.community,
        key=room.key,
        at_ms=at_ms,
    )
    return None if row is None else number(row, "until_ms")


def tidy_pauses(tx: Tx, at_ms: int) -> None:
    """Forget those that are over."""
    tx.run("delete from pause where account = :account and until_ms <= :at_ms", at_ms=at_ms)
