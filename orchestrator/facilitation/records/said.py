"""What was said once and must not be said again."""

from __future__ import annotations

from orchestrator.model.feature import Tx
from orchestrator.model.ids import CommunityKey, RoomKey
from orchestrator.store.rows import maybe_number, text


def say_once(tx: Tx, what: str, at_ms: int) -> bool:
    """Write down that something is said now; tells False when it was before."""
    return (
        tx.run(
            "insert into said (account, what, at_ms) values (:account, :what, :at_ms) on conflict do nothing",
            what=what,
            at_ms=at_ms,
        )
        > 0
    )


def said_with(tx: Tx, prefix: str) -> list[str]:
    """List what was said, by how its name begins."""
    rows = tx.rows(
        "select what from said where account = :account and substr(what, 1, :n) = :prefix order by at_ms, what",
        prefix=prefix,
        n=len(prefix),
    )
    return [text(row, "what") for row in rows]


def was_said(tx: Tx, what: str) -> bool:
    """Tell whether something was said."""
    return tx.one("select 1 as found from said where account = :account and what = :what", what=what) is not None


def said_at_ms(tx: Tx, prefix: str) -> int | None:
    """Tell when something whose name begins so was said last; None: never."""
    row = tx.one(
        "select max(at_ms) as at_ms from said where account = :account and substr(what, 1, :n) = :prefix",
        prefix=prefix,
        n=len(prefix),
    )
    return None if row is None else maybe_number(row, "at_ms")


def unsay(tx: Tx, what: str) -> None:
    """Let something be said again."""
    tx.run("delete from said where account = :account and what = :what", what=what)


def follow(tx: Tx, before: tuple[CommunityKey, RoomKey | None], now: tuple[CommunityKey, RoomKey | None]) -> None:
    """Let what was said about a community, or a room of it, be said of the key that it goes by now.

    Names begin with what they are, then ``community/``, and where they are about a room ``room/``.
    """
    for what in said_with(tx, ""):
        head, _slash, rest = what.partition("/")
        kind, _colon, community = head.rpartition(":")
        if community != before[0]:
            continue
        if before[1] is not None and now[1] is not None:
            key, _slash, rest = rest.partition("/")
            if key != before[1]:
                continue
            rest = f"{now[1]}/{rest}"
        tx.run(
            "update or ignore said set what = :now where account = :account and what = :what",
            what=what,
            now=f"{kind}:{now[0]}/{rest}",
        )


def tidy_said(tx: Tx, before_ms: int) -> None:
    """Forget what was said before an instant."""
    tx.run("delete from said where account = :account and at_ms < :before_ms", before_ms=before_ms)
