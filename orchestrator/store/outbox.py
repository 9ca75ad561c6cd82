"""Effects recorded and not yet confirmed, and the journal of what became of them.

A cause is recorded once: while it waits it is a row here, afterwards a line in the journal, and either keeps it from
being recorded again. The payload is deleted with the row. Which of them may be tried now is told by ``ready``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.model.effects import AnyEffect, Outcome, Priority, Result
from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import Cause, EventId, Json, RoomId, UserId, cause_of

from .payload import QUOTE, taken_apart
from .rows import dump, load_object, maybe_number, number, text

REPLIES_PER_PERSON = 5
"""How many replies may wait for one person; more expire at once, so that one flood cannot starve the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An outbox row.

    Attributes:
        kind: ``send``, ``direct``, ``redact``, ``member``, ``create``, ``enter``, ``recall``, ``devices`` or ``amend``.
        target: the event to redact or to read, the user concerned, the document to amend, the room to enter; "" for a send.
        lane: rows of one lane are carried out one at a time; those of a ``redact`` lane are only counted together.
        payload: what to carry out; our words and other people's ids.
        tried_ms: when it was first tried, None: never.
        device: which device tried it.
        retry_ms: not before this time.
        tries: how often it failed in a way that may pass.
    """

    cause: Cause
    seq: int
    craft: str
    step: str
    tag: str
    rule: str
    kind: str
    room: RoomId | None
    target: str
    lane: str
    person: str
    priority: Priority
    expires_ms: int | None
    created_ms: int
    tried_ms: int | None
    device: str | None
    retry_ms: int
    tries: int
    payload: Mapping[str, Json] = field(repr=False)


def record(tx: Tx, origin: str, craft: str, effect: AnyEffect, now_ms: int) -> Cause | None:
    """Record an effect that ``craft`` wants because of ``origin``: an event id, or the key of a timer or slot.

    Returns:
        its cause, or None when it was already known or the person's budget of waiting replies is used up; then it is
        written down as expired.
    """
    cause = cause_of(tx.account, origin, craft, effect.step)
    if is_known(tx, cause):
        return None
    too_many = _has_enough_replies(tx, effect, now_ms)
    if effect.merge:
        tx.run(
            "delete from outbox where account = :account and craft = :craft and merge = :merge and tried_ms is null",
            craft=craft,
            merge=effect.merge,
        )
    kind, room, target, lane, payload = taken_apart(effect)
    tx.run(
        "insert into outbox (account, cause, seq, craft, step, tag, rule, kind, room, target, lane, person, priority,"
        " expires_ms, merge, payload, created_ms, tried_ms, device, retry_ms, tries) values (:account, :cause,"
        " (select coalesce(max(seq), 0) + 1 from outbox where account = :account), :craft, :step, :tag, :rule, :kind,"
        " :room, :target, :lane, :person, :priority, :expires_ms, :merge, :payload, :now_ms, null, null, 0, 0)",
        cause=cause,
        craft=craft,
        step=effect.step,
        tag=effect.tag,
        rule=effect.rule,
        kind=kind,
        room=room,
        target=target,
        lane=lane,
        person=effect.person or "",
        priority=int(effect.priority),
        expires_ms=effect.expires_ms,
        merge=effect.merge,
        payload=dump(payload),
        now_ms=now_ms,
    )
    if too_many:
        finish(tx, cause, "expired", now_ms)
        return None
    return cause


def is_known(tx: Tx, cause: Cause) -> bool:
    """Tell whether a cause waits or is done."""
    return (
        tx.one(
            "select 1 as known from outbox where account = :account and cause = :cause"
            " union all select 1 from journal where account = :account and cause = :cause limit 1",
            cause=cause,
        )
        is not None
    )


def waiting(tx: Tx) -> list[Waiting]:
    """List what waits, most urgent first, oldest first within a priority."""
    return [as_waiting(r) for r in tx.rows("select * from outbox where account = :account order by priority, seq")]


def quoting(tx: Tx) -> list[Waiting]:
    """List the messages that are to hold somebody's words when they are sent."""
    rows = tx.rows("select * from outbox where account = :account and kind = 'send' order by seq")
    return [row for row in map(as_waiting, rows) if QUOTE in row.payload]


def waiting_to_be_made(tx: Tx) -> list[Waiting]:
    """List the rooms that wait to be made, oldest first."""
    return [
        as_waiting(r) for r in tx.rows("select * from outbox where account = :account and kind = 'create' order by seq")
    ]


def is_waiting(tx: Tx, kind: str, target: str, room: RoomId | None = None) -> bool:
    """Tell whether something of a kind waits for a target, in a room or anywhere."""
    row = tx.one(
        "select 1 as waits from outbox where account = :account and kind = :kind and target = :target"
        " and (room = :room or :room is null) limit 1",
        kind=kind,
        target=target,
        room=room,
    )
    return row is not None


def is_making(tx: Tx) -> bool:
    """Tell whether a room waits to be made."""
    return tx.one("select 1 as waits from outbox where account = :account and kind = 'create' limit 1") is not None


def get(tx: Tx, cause: Cause) -> Waiting | None:
    """Read one waiting row; None when it is gone."""
    row = tx.one("select * from outbox where account = :account and cause = :cause", cause=cause)
    return None if row is None else as_waiting(row)


def merging(tx: Tx, craft: str, merge: str) -> Waiting | None:
    """Find the newest waiting row of a craft under a merge key; None when none waits."""
    row = tx.one(
        "select * from outbox where account = :account and craft = :craft and merge = :merge order by seq desc limit 1",
        craft=craft,
        merge=merge,
    )
    return None if row is None else as_waiting(row)


def merge_under(tx: Tx, craft: str, before: str, now: str) -> None:
    """Let what waits under merge keys that begin with ``before`` wait under those that begin with ``now``."""
    tx.run(
        "update outbox set merge = :now || substr(merge, :n + 1) where account = :account and craft = :craft"
        " and substr(merge, 1, :n) = :before",
        craft=craft,
        before=before,
        now=now,
        n=len(before),
    )


def note_try(tx: Tx, cause: Cause, device: str, now_ms: int, room: RoomId | None = None) -> bool:
    """Note that a row is about to leave, just before it does; tells whether it still waits.

    From then on no newer one takes its place: somebody may have read it. ``room`` is where a direct message goes.
    """
    return (
        tx.run(
            "update outbox set tried_ms = coalesce(tried_ms, :now_ms), device = coalesce(device, :device),"
            " room = coalesce(:room, room) where account = :account and cause = :cause",
            cause=cause,
            device=device,
            now_ms=now_ms,
            room=room,
        )
        > 0
    )


def note_failure(tx: Tx, cause: Cause, retry_ms: int, *, failed: bool) -> None:
    """Note that a row is not to be tried again before ``retry_ms``; ``failed`` when a try went wrong."""
    tx.run(
        "update outbox set retry_ms = :retry_ms, tries = tries + :n where account = :account and cause = :cause",
        cause=cause,
        retry_ms=retry_ms,
        n=int(failed),
    )


def finish(
    tx: Tx,
    cause: Cause,
    outcome: Outcome,
    now_ms: int,
    *,
    event: EventId | None = None,
    room: RoomId | None = None,
    errcode: str = "",
    words: str = "",
) -> Result | None:
    """Delete a row and its payload, write its line in the journal, and say what became of it.

    Returns:
        the result for the craft that asked; None when the row is already gone, so it is handed over once.
    """
    row = get(tx, cause)
    if row is None:
        return None
    tx.run("delete from outbox where account = :account and cause = :cause", cause=cause)
    tx.run(
        "insert into journal (account, cause, craft, step, kind, room, target, rule, outcome, event, at_ms) values"
        " (:account, :cause, :craft, :step, :kind, :room, :target, :rule, :outcome, :event, :now_ms) on conflict do nothing",
        cause=cause,
        craft=row.craft,
        step=row.step,
        kind=row.kind,
        room=room or row.room,
        target=row.target,
        rule=row.rule,
        outcome=outcome,
        event=event,
        now_ms=now_ms,
    )
    return Result(
        cause=cause,
        craft=row.craft,
        step=row.step,
        tag=row.tag,
        outcome=outcome,
        room=room or row.room,
        event=event,
        errcode=errcode,
        words=words,
    )


def journal_of(tx: Tx, cause: Cause) -> Row | None:
    """Read the journal's line for a cause; None when it is not done."""
    return tx.one("select * from journal where account = :account and cause = :cause", cause=cause)


def _has_enough_replies(tx: Tx, effect: AnyEffect, now_ms: int) -> bool:
    # Of replies that merge only one waits anyway, and among them are those that must not be lost in a flood of others.
    if effect.priority is not Priority.REPLY or effect.person is None or effect.merge:
        return False
    row = tx.one(
        "select count(*) as n from outbox where account = :account and priority = :reply and person = :person"
        " and merge = '' and (expires_ms is null or expires_ms > :now_ms)",
        reply=int(Priority.REPLY),
        person=effect.person,
        now_ms=now_ms,
    )
    return row is not None and number(row, "n") >= REPLIES_PER_PERSON


def as_waiting(row: Row) -> Waiting:
    """Read a row of the outbox."""
    return Waiting(
        cause=Cause(text(row, "cause")),
        seq=number(row, "seq"),
        craft=text(row, "craft"),
        step=text(row, "step"),
        tag=text(row, "tag"),
        rule=text(row, "rule"),
        kind=text(row, "kind"),
        room=RoomId(text(row, "room")) if row["room"] else None,
        target=text(row, "target"),
        lane=text(row, "lane"),
        person=UserId(text(row, "person")),
        priority=Priority(number(row, "priority")),
        expires_ms=maybe_number(row, "expires_ms"),
        created_ms=number(row, "created_ms"),
        tried_ms=maybe_number(row, "tried_ms"),
        device=text(row, "device") or None,
        retry_ms=number(row, "retry_ms"),
        tries=number(row, "tries"),
        payload=load_object(text(row, "payload")),
    )
