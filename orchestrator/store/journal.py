"""Questions about what was done, and what is about to be."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.model.feature import Tx
from orchestrator.model.ids import Cause, Json, RoomId, UserId

from .rows import load_object, number, text


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


def was_said(tx: Tx, craft: str, step: str) -> bool:
    """Tell whether a craft did something under this step, as far as the journal goes back, or is about to."""
    row = tx.one(
        "select 1 as said from outbox where account = :account and craft = :craft and step = :step"
        " union all select 1 from journal where account = :account and craft = :craft and step = :step limit 1",
        craft=craft,
        step=step,
    )
    return row is not None


def was_told(tx: Tx, craft: str, user: UserId, rule: str) -> bool:
    """Tell whether somebody was told something in private that rests on a rule, or is about to be."""
    row = tx.one(
        "select 1 as said from outbox where account = :account and craft = :craft and kind = :kind and target = :user"
        " and rule = :rule union all select 1 from journal where account = :account and craft = :craft"
        " and kind = :kind and target = :user and rule = :rule limit 1",
        craft=craft,
        kind="direct",
        user=user,
        rule=rule,
    )
    return row is not None


def any_waits(tx: Tx, craft: str, prefix: str) -> bool:
    """Tell whether something of a craft waits whose step begins so."""
    row = tx.one(
        "select 1 as waits from outbox where account = :account and craft = :craft"
        " and substr(step, 1, :length) = :prefix limit 1",
        craft=craft,
        prefix=prefix,
        length=len(prefix),
    )
    return row is not None


def rooms_refused(tx: Tx, craft: str, prefix: str) -> list[RoomId]:
    """List the rooms in which something of a craft was refused whose step begins so."""
    rows = tx.rows(
        "select room from journal where account = :account and craft = :craft and substr(step, 1, :length) = :prefix"
        " and outcome = :outcome and room != '' order by at_ms, room",
        craft=craft,
        prefix=prefix,
        length=len(prefix),
        outcome="refused",
    )
    return [RoomId(text(row, "room")) for row in rows]


def forget(tx: Tx, before_ms: int) -> None:
    """Forget what was done before a time. What must never be done twice is known by other rows by then."""
    tx.run("delete from journal where account = :account and at_ms < :before_ms", before_ms=before_ms)


def forget_private(tx: Tx, before_ms: int) -> None:
    """Forget what was said in private before a time: when somebody wrote to us is nobody's business for longer.

    Private is what is not in a declared room: a direct room that was closed is known as one no more.
    """
    tx.run(
        "delete from journal where account = :account and at_ms < :before_ms"
        " and (kind = 'direct' or (kind = 'create' and substr(target, 1, 1) = '@')"
        "  or (room is not null and room not in (select room from binding where account = :account)))",
        before_ms=before_ms,
    )


def blur_private(tx: Tx, craft: str, before_ms: int) -> None:
    """Forget to whom, and for what, a craft said something in private before a time; that it did is still known."""
    tx.run(
        "update journal set step = '', target = '', rule = '', room = null where account = :account and craft = :craft"
        " and at_ms < :before_ms and (kind = 'direct' or (kind = 'send'"
        "  and room not in (select room from binding where account = :account)))",
        craft=craft,
        before_ms=before_ms,
    )


def blur(tx: Tx, cause: Cause) -> None:
    """Forget to whom, where and as what something was said or done; that it was is still known, so it is done once."""
    tx.run(
        "update journal set step = '', target = '', rule = '', room = null, event = null where account = :account"
        " and cause = :cause",
        cause=cause,
    )


def blur_in(tx: Tx, craft: str, prefix: str, room: RoomId) -> None:
    """Forget what a craft said in a room under steps that begin so, and the choices that were offered there with it."""
    tx.run(
        "update journal set step = '', target = '', rule = '', room = null, event = null where account = :account"
        " and room = :room and ((craft = :craft and substr(step, 1, :length) = :prefix)"
        "  or (craft = 'engine' and substr(step, 1, 7) = 'choice:'))",
        craft=craft,
        prefix=prefix,
        length=len(prefix),
        room=room,
    )


def forget_of(tx: Tx, craft: str, before_ms: int) -> None:
    """Forget what one craft did before a time."""
    tx.run(
        "delete from journal where account = :account and craft = :craft and at_ms < :before_ms",
        craft=craft,
        before_ms=before_ms,
    )


def amendment_waiting(tx: Tx, document: str, path: Sequence[str]) -> Json:
    """Tell what a place in a document is about to become; None when no change of it waits."""
    rows = tx.rows(
        "select payload from outbox where account = :account and kind = 'amend' and target = :document order by seq desc",
        document=document,
    )
    changes = (load_object(text(row, "payload")) for row in rows)
    return next((change.get("value") for change in changes if change.get("path") == list(path)), None)


def parted(tx: Tx, user: UserId, rule: str) -> list[tuple[RoomId, int]]:
    """List the rooms that somebody was taken out of under a rule, and when, earliest first."""
    rows = tx.rows(
        "select room, at_ms from journal where account = :account and kind = 'member' and target = :user and rule = :rule"
        " and outcome = 'done' and room is not null order by at_ms, room",
        user=user,
        rule=rule,
    )
    return [(RoomId(text(row, "room")), number(row, "at_ms")) for row in rows]
