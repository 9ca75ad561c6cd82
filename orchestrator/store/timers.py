"""Durable timers: what falls due, whatever happens to the process meanwhile."""

from __future__ import annotations

from orchestrator.model.feature import Row, Timer, Tx

from .rows import dump, load_object, number, text


def set_timer(tx: Tx, timer: Timer) -> None:
    """Set a timer, or move the one with the same craft and key."""
    tx.run(
        "insert into timer (account, craft, key, due_ms, payload) values (:account, :craft, :key, :due_ms, :payload)"
        " on conflict (account, craft, key) do update set due_ms = excluded.due_ms, payload = excluded.payload",
        craft=timer.craft,
        key=timer.key,
        due_ms=timer.due_ms,
        payload=dump(timer.payload),
    )


def clear_timer(tx: Tx, craft: str, key: str) -> bool:
    """Remove a timer; tells whether it was there."""
    return (
        tx.run("delete from timer where account = :account and craft = :craft and key = :key", craft=craft, key=key) > 0
    )


def timer_of(tx: Tx, craft: str, key: str) -> Timer | None:
    """Read a timer; None when it is not set."""
    row = tx.one("select * from timer where account = :account and craft = :craft and key = :key", craft=craft, key=key)
    return None if row is None else _timer(row)


def timers_of(tx: Tx, craft: str, prefix: str = "") -> list[Timer]:
    """List a craft's timers whose key begins with ``prefix``, earliest first."""
    rows = tx.rows(
        "select * from timer where account = :account and craft = :craft"
        " and substr(key, 1, :n) = :prefix order by due_ms, key",
        craft=craft,
        prefix=prefix,
        n=len(prefix),
    )
    return [_timer(row) for row in rows]


def due_timers(tx: Tx, now_ms: int, limit: int = 100) -> list[Timer]:
    """List what is due, earliest first."""
    rows = tx.rows(
        "select * from timer where account = :account and due_ms <= :now_ms order by due_ms, craft, key limit :limit",
        now_ms=now_ms,
        limit=limit,
    )
    return [_timer(row) for row in rows]


def next_due_ms(tx: Tx) -> int | None:
    """Tell when the next timer falls due."""
    row = tx.one("select min(due_ms) as due_ms from timer where account = :account")
    return None if row is None or row["due_ms"] is None else number(row, "due_ms")


def _timer(row: Row) -> Timer:
    return Timer(
        craft=text(row, "craft"),
        key=text(row, "key"),
        due_ms=number(row, "due_ms"),
        payload=load_object(text(row, "payload")),
    )
