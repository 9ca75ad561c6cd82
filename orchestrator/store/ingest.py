"""Where we are in the stream, what was missed, and what could not be read yet."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, RoomId

from .rows import number, text

SYNC = "sync"
BEGAN = "began"
HEARD = "heard"


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole in a room's timeline: everything after ``since`` up to ``until`` is still to be read and decided."""

    room: RoomId
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class Late:
    """An event that could not be decrypted when it came."""

    room: RoomId
    event: EventId
    session: str


def cursor(tx: Tx, kind: str = SYNC) -> str | None:
    """Read how far a stream was taken; None at the very start."""
    row = tx.one("select value from cursor where account = :account and kind = :kind", kind=kind)
    return None if row is None else text(row, "value")


def set_cursor(tx: Tx, value: str, kind: str = SYNC) -> None:
    """Note how far a stream was taken; commits with what was decided from it."""
    tx.run(
        "insert into cursor (account, kind, value) values (:account, :kind, :value)"
        " on conflict (account, kind) do update set value = excluded.value",
        kind=kind,
        value=value,
    )


def note_began(tx: Tx, now_ms: int) -> None:
    """Note when we first listened; later calls change nothing."""
    tx.run(
        "insert into cursor (account, kind, value) values (:account, :kind, :value) on conflict do nothing",
        kind=BEGAN,
        value=str(now_ms),
    )


def began_ms(tx: Tx) -> int:
    """Tell when we first listened; what was said before is not ours to judge."""
    return int(cursor(tx, BEGAN) or 0)


def note_heard(tx: Tx, now_ms: int) -> None:
    """Note that everything up to the cursor was heard by now."""
    set_cursor(tx, str(now_ms), HEARD)


def heard_ms(tx: Tx) -> int:
    """Tell when the cursor was last moved: what comes after it reached our server no earlier."""
    return int(cursor(tx, HEARD) or 0)


def open_gap(tx: Tx, room: RoomId, since: str, until: str, since_ms: int) -> None:
    """Note a hole; where there is one already it only grows at its newer end.

    ``since_ms`` is when ``since`` was heard.
    """
    tx.run(
        "insert into gap (account, room, since, until, opened_ms) values (:account, :room, :since, :until, :since_ms)"
        " on conflict (account, room) do update set until = excluded.until",
        room=room,
        since=since,
        until=until,
        since_ms=since_ms,
    )


def gap_in(tx: Tx, room: RoomId) -> Gap | None:
    """Read the hole in a room's timeline, if it has one."""
    row = tx.one("select since, until from gap where account = :account and room = :room", room=room)
    return None if row is None else Gap(room, text(row, "since"), text(row, "until"))


def gap_since_ms(tx: Tx, room: RoomId) -> int:
    """Tell when the older end of a room's hole was heard; 0 where there is none."""
    row = tx.one("select opened_ms from gap where account = :account and room = :room", room=room)
    return 0 if row is None else number(row, "opened_ms")


def gaps(tx: Tx) -> list[Gap]:
    """List the open holes, oldest first."""
    rows = tx.rows("select room, since, until from gap where account = :account order by opened_ms, room")
    return [Gap(RoomId(text(r, "room")), text(r, "since"), text(r, "until")) for r in rows]


def close_gap(tx: Tx, gap: Gap) -> bool:
    """Close a hole that was read up to ``gap.until``; tells whether it is closed.

    If it grew meanwhile, what was read counts and the rest becomes the hole.
    """
    row = tx.one("select until from gap where account = :account and room = :room", room=gap.room)
    if row is None:
        return True
    if text(row, "until") != gap.until:
        tx.run(
            "update gap set since = :until where account = :account and room = :room", room=gap.room, until=gap.until
        )
        return False
    tx.run("delete from gap where account = :account and room = :room", room=gap.room)
    return True


def ask_look_back(tx: Tx, room: RoomId, now_ms: int) -> None:
    """Say that a room's history is to be looked through for events that came late and stand further back."""
    tx.run(
        "insert into look_back (account, room, asked_ms) values (:account, :room, :now_ms) on conflict do nothing",
        room=room,
        now_ms=now_ms,
    )


def rooms_to_look_back(tx: Tx) -> list[RoomId]:
    """List the rooms whose history is to be looked through, longest asked first."""
    rows = tx.rows("select room from look_back where account = :account order by asked_ms, room")
    return [RoomId(text(r, "room")) for r in rows]


def looked_back(tx: Tx, room: RoomId) -> None:
    """Say that a room's history was looked through."""
    tx.run("delete from look_back where account = :account and room = :room", room=room)


def was_decided(tx: Tx, room: RoomId, event: EventId) -> bool:
    """Tell whether an event was decided already, as far back as that is remembered."""
    return (
        tx.one(
            "select 1 as known from decided where account = :account and room = :room and event = :event",
            room=room,
            event=event,
        )
        is not None
    )


def note_decided(tx: Tx, room: RoomId, event: EventId, now_ms: int) -> bool:
    """Remember that an event is decided, for as long as history may be looked through again; False if it was before."""
    return (
        tx.run(
            "insert into decided (account, room, event, kept_ms) values (:account, :room, :event, :now_ms)"
            " on conflict do nothing",
            room=room,
            event=event,
            now_ms=now_ms,
        )
        > 0
    )


def drop_old_decided(tx: Tx, before_ms: int) -> int:
    """Forget events decided before a time; tells how many."""
    return tx.run("delete from decided where account = :account and kept_ms < :before_ms", before_ms=before_ms)


def keep_late(tx: Tx, late: Late, now_ms: int) -> None:
    """Keep the id of an event that cannot be read yet."""
    tx.run(
        "insert into late (account, room, event, session, kept_ms) values (:account, :room, :event, :session, :now_ms)"
        " on conflict do nothing",
        room=late.room,
        event=late.event,
        session=late.session,
        now_ms=now_ms,
    )


def drop_late(tx: Tx, room: RoomId, event: EventId) -> bool:
    """Forget an unreadable event; tells whether it was kept (so that it is decided once)."""
    return (
        tx.run("delete from late where account = :account and room = :room and event = :event", room=room, event=event)
        > 0
    )


def lates(tx: Tx) -> list[Late]:
    """List the events that could not be read yet, oldest first."""
    rows = tx.rows("select room, event, session from late where account = :account order by kept_ms, room, event")
    return [Late(RoomId(text(r, "room")), EventId(text(r, "event")), text(r, "session")) for r in rows]


def any_late(tx: Tx, room: RoomId, since_ms: int) -> bool:
    """Tell whether something that came in a room since a time could not be read yet."""
    row = tx.one(
        "select 1 as kept from late where account = :account and room = :room and kept_ms >= :since_ms limit 1",
        room=room,
        since_ms=since_ms,
    )
    return row is not None


def drop_old_lates(tx: Tx, before_ms: int) -> int:
    """Give up on events kept since before a time; tells how many."""
    return tx.run("delete from late where account = :account and kept_ms < :before_ms", before_ms=before_ms)
