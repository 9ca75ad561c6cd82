"""What was learnt of the server's limits, kept over a restart."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model.feature import Tx

from .rows import number


@dataclass(frozen=True, slots=True)
class Limits:
    """How many calls the server takes at once, how many an hour, and when that was last learnt."""

    burst: int
    per_hour: int
    learnt_ms: int


def keep_limits(tx: Tx, limits: Limits) -> None:
    """Keep what was learnt."""
    tx.run(
        "insert into budget (account, burst, per_hour, learnt_ms) values (:account, :burst, :per_hour, :learnt_ms)"
        " on conflict (account) do update set burst = excluded.burst, per_hour = excluded.per_hour,"
        " learnt_ms = excluded.learnt_ms",
        burst=limits.burst,
        per_hour=limits.per_hour,
        learnt_ms=limits.learnt_ms,
    )


def kept_limits(tx: Tx) -> Limits | None:
    """Read what was learnt; None while nothing was ever refused."""
    row = tx.one("select burst, per_hour, learnt_ms from budget where account = :account")
    return None if row is None else Limits(number(row, "burst"), number(row, "per_hour"), number(row, "learnt_ms"))


def keep_pace(tx: Tx, limiter: str, limits: Limits) -> None:
    """Keep what was learnt of a limit beside the one on messages."""
    tx.run(
        "insert into pace (account, limiter, burst, per_hour, learnt_ms)"
        " values (:account, :limiter, :burst, :per_hour, :learnt_ms)"
        " on conflict (account, limiter) do update set burst = excluded.burst, per_hour = excluded.per_hour,"
        " learnt_ms = excluded.learnt_ms",
        limiter=limiter,
        burst=limits.burst,
        per_hour=limits.per_hour,
        learnt_ms=limits.learnt_ms,
    )


def kept_pace(tx: Tx, limiter: str) -> Limits | None:
    """Read what was learnt of such a limit; None while it never refused anything."""
    row = tx.one(
        "select burst, per_hour, learnt_ms from pace where account = :account and limiter = :limiter", limiter=limiter
    )
    return None if row is None else Limits(number(row, "burst"), number(row, "per_hour"), number(row, "learnt_ms"))


def drop_pace(tx: Tx, limiter: str) -> None:
    """Forget what was learnt of such a limit."""
    tx.run("delete from pace where account = :account and limiter = :limiter", limiter=limiter)
