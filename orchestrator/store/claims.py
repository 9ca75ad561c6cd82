"""What each craft wants of a shared state event, and which state events may need writing.

A claim is merged with the others and with what people put there by ``rooms/compose``; whoever changes a claim or learns
that the live event changed marks the state event unsettled, and the room's one writer settles it.

A claim that was taken back, or whose time has come, stays as an *ended* one until its state event is settled: what it had
put there has to be taken out again, and only the claim can tell that from what a person put there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from orchestrator.model.effects import Priority
from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import Json, RoomId
from orchestrator.model.things import PSEUDO

from .rows import dump, load, maybe_number, number, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one owner wants at one path of a state event.

    Attributes:
        path: within the content, such as ``("users", "@ana:grove.example")``; () is the whole.
        owner: who wants it: ``template``, ``duty``, ``mute``, ``norms``, ``prompt`` ...; compose orders owners.
        until_ms: the claim ends by itself then; None: never.
        ended: no longer wanted, and perhaps still live.
        before: what stood at the path when it was first put there, to be put back when the claim ends: ``(value,)``, or
            ``()`` where nothing stood; None where that is not kept (``keep_before``).
    """

    room: RoomId
    type: str
    key: str = ""
    path: tuple[str, ...] = ()
    owner: str
    value: Json
    until_ms: int | None = None
    ended: bool = False
    before: tuple[Json, ...] | None = None


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A state event whose live content may differ from what is claimed."""

    room: RoomId
    type: str
    key: str
    priority: Priority
    mark: int


def put_claim(tx: Tx, claim: Claim, now_ms: int, priority: Priority = Priority.STRUCTURE) -> bool:
    """Record a claim; tells whether that changed anything, and if so marks its state event unsettled."""
    value, path = dump(claim.value), dump(list(claim.path))
    changed = tx.run(
        "insert into claim (account, room, type, key, path, owner, value, until_ms, ended)"
        " values (:account, :room, :type, :key, :path, :owner, :value, :until_ms, 0)"
        " on conflict (account, room, type, key, path, owner) do update"
        " set value = excluded.value, until_ms = excluded.until_ms, ended = 0"
        " where claim.value != excluded.value or claim.ended = 1"
        " or coalesce(claim.until_ms, -1) != coalesce(excluded.until_ms, -1)",
        room=claim.room,
        type=claim.type,
        key=claim.key,
        path=path,
        owner=claim.owner,
        value=value,
        until_ms=claim.until_ms,
    )
    if changed:
        mark_unsettled(tx, claim.room, claim.type, claim.key, now_ms, priority)
    return changed > 0


def drop_claim(
    tx: Tx, room: RoomId, type_: str, owner: str, now_ms: int, *, key: str = "", path: tuple[str, ...] = ()
) -> bool:
    """Take a claim back; tells whether it was there, and if so marks its state event unsettled."""
    changed = tx.run(
        "update claim set ended = 1, until_ms = null where account = :account and room = :room and type = :type"
        " and key = :key and path = :path and owner = :owner and ended = 0",
        room=room,
        type=type_,
        key=key,
        path=dump(list(path)),
        owner=owner,
    )
    if changed:
        mark_unsettled(tx, room, type_, key, now_ms)
    return changed > 0


def remember_claim(tx: Tx, claim: Claim) -> None:
    """Record a claim of what is known to stand there already: nothing has to be looked at or written for it."""
    tx.run(
        "insert into claim (account, room, type, key, path, owner, value, until_ms, ended)"
        " values (:account, :room, :type, :key, :path, :owner, :value, null, 0)"
        " on conflict (account, room, type, key, path, owner) do update"
        " set value = excluded.value, until_ms = null, ended = 0",
        room=claim.room,
        type=claim.type,
        key=claim.key,
        path=dump(list(claim.path)),
        owner=claim.owner,
        value=dump(claim.value),
    )


def forget_claim(tx: Tx, claim: Claim) -> None:
    """Forget a claim and leave what it put there as it is: from now on that is nobody's business."""
    tx.run(
        "delete from claim where account = :account and room = :room and type = :type and key = :key and path = :path"
        " and owner = :owner",
        room=claim.room,
        type=claim.type,
        key=claim.key,
        path=dump(list(claim.path)),
        owner=claim.owner,
    )


def put_ended(tx: Tx, claim: Claim, now_ms: int) -> None:
    """Leave word for the writer at a state event: it is there until the event is settled, and then forgotten."""
    put_claim(tx, claim, now_ms)
    drop_claim(tx, claim.room, claim.type, claim.owner, now_ms, key=claim.key, path=claim.path)


def ended_at(tx: Tx, path: tuple[str, ...]) -> list[Claim]:
    """List the ended claims at a path, wherever they are."""
    rows = tx.rows("select * from claim where account = :account and ended = 1 and path = :path", path=dump(list(path)))
    return [_claim(row) for row in rows]


def keep_before(tx: Tx, claim: Claim, before: tuple[Json, ...]) -> None:
    """Remember what stood at a claim's path before it; what is remembered already stays."""
    tx.run(
        "update claim set before = :before where account = :account and room = :room and type = :type and key = :key"
        " and path = :path and owner = :owner and before is null",
        before=dump(list(before)),
        room=claim.room,
        type=claim.type,
        key=claim.key,
        path=dump(list(claim.path)),
        owner=claim.owner,
    )


def claims_in(tx: Tx, room: RoomId) -> list[Claim]:
    """List every claim on a room's state that was not ended; one whose time has just come among them."""
    rows = tx.rows(
        "select * from claim where account = :account and room = :room and ended = 0 order by type, key, owner, path",
        room=room,
    )
    return [_claim(row) for row in rows]


def abandon(tx: Tx, room: RoomId) -> None:
    """Forget every claim on a room's state: it is left as it is, and not written any more."""
    for table in ("claim", "unsettled"):
        tx.run(f"delete from {table} where account = :account and room = :room", room=room)


def claims_on(tx: Tx, room: RoomId, type_: str, key: str, now_ms: int) -> list[Claim]:
    """List the claims on a state event, the ended ones among them, in a fixed order."""
    rows = tx.rows(
        "select * from claim where account = :account and room = :room"
        " and type = :type and key = :key order by owner, path",
        room=room,
        type=type_,
        key=key,
    )
    return [_claim(row, now_ms) for row in rows]


def claims_of(tx: Tx, owner: str) -> list[Claim]:
    """List every claim of an owner that was not ended; one whose time came since the last ``end_claims`` among them."""
    rows = tx.rows(
        "select * from claim where account = :account and owner = :owner and ended = 0 order by room, type, key, path",
        owner=owner,
    )
    return [_claim(row) for row in rows]


def claims_at(tx: Tx, owner: str, path: tuple[str, ...]) -> list[Claim]:
    """List the claims of an owner at one path, whatever the state event, that were not ended."""
    rows = tx.rows(
        "select * from claim where account = :account and owner = :owner and path = :path and ended = 0"
        " order by room, type, key",
        owner=owner,
        path=dump(list(path)),
    )
    return [_claim(row) for row in rows]


def claimed_by(tx: Tx, owner: str) -> list[tuple[RoomId, str, str]]:
    """List the state events (room, type, key) on which an owner has a claim that was not ended."""
    rows = tx.rows(
        "select distinct room, type, key from claim where account = :account and owner = :owner and ended = 0",
        owner=owner,
    )
    return [(RoomId(text(row, "room")), text(row, "type"), text(row, "key")) for row in rows]


def end_claims(tx: Tx, now_ms: int) -> int:
    """End the claims whose time has come and mark their state events unsettled; tells how many."""
    ended = tx.rows(
        "select distinct room, type, key from claim where account = :account and until_ms <= :now_ms", now_ms=now_ms
    )
    for row in ended:
        mark_unsettled(tx, RoomId(text(row, "room")), text(row, "type"), text(row, "key"), now_ms)
    return tx.run(
        "update claim set ended = 1, until_ms = null where account = :account and until_ms <= :now_ms", now_ms=now_ms
    )


def next_claim_end_ms(tx: Tx) -> int | None:
    """Tell when the next claim ends by itself."""
    row = tx.one("select min(until_ms) as until_ms from claim where account = :account")
    return None if row is None else maybe_number(row, "until_ms")


def mark_unsettled(
    tx: Tx, room: RoomId, type_: str, key: str, now_ms: int, priority: Priority = Priority.STRUCTURE
) -> None:
    """Say that a state event may need writing; marks for the same event are one, at the highest priority asked for."""
    tx.run(
        "insert into unsettled (account, room, type, key, priority, since_ms, mark)"
        " values (:account, :room, :type, :key, :priority, :now_ms, 1)"
        " on conflict (account, room, type, key) do update set mark = unsettled.mark + 1, priority ="
        " case when excluded.priority < unsettled.priority then excluded.priority else unsettled.priority end",
        room=room,
        type=type_,
        key=key,
        priority=int(priority),
        now_ms=now_ms,
    )


def mark_room(tx: Tx, room: RoomId, now_ms: int) -> None:
    """Say that every claimed state event of a room may need writing: what we may write there has changed."""
    for row in tx.rows("select distinct type, key from claim where account = :account and room = :room", room=room):
        mark_unsettled(tx, room, text(row, "type"), text(row, "key"), now_ms)


def mark_unheard(tx: Tx, now_ms: int) -> None:
    """Say that everything claimed that is no event may need writing: nobody tells us when somebody changes it."""
    for type_ in sorted(PSEUDO):
        rows = tx.rows("select distinct room, key from claim where account = :account and type = :type", type=type_)
        for row in rows:
            room, key = RoomId(text(row, "room")), text(row, "key")
            if not is_unsettled(tx, room, type_, key):
                mark_unsettled(tx, room, type_, key, now_ms, Priority.ROUTINE)


def unsettled(tx: Tx) -> list[Unsettled]:
    """List the state events that may need writing, most urgent first."""
    rows = tx.rows(
        "select room, type, key, priority, mark from unsettled where account = :account"
        " order by priority, since_ms, room, type, key"
    )
    return [
        Unsettled(
            RoomId(text(r, "room")),
            text(r, "type"),
            text(r, "key"),
            Priority(number(r, "priority")),
            number(r, "mark"),
        )
        for r in rows
    ]


def is_unsettled(tx: Tx, room: RoomId, type_: str, key: str) -> bool:
    """Tell whether a state event may need writing."""
    row = tx.one(
        "select 1 as there from unsettled where account = :account and room = :room and type = :type and key = :key",
        room=room,
        type=type_,
        key=key,
    )
    return row is not None


def settled(tx: Tx, what: Unsettled) -> None:
    """Say that a state event is as claimed, unless it was marked again meanwhile; what had ended is then forgotten."""
    was_last = tx.run(
        "delete from unsettled where account = :account and room = :room and type = :type and key = :key"
        " and mark = :mark",
        room=what.room,
        type=what.type,
        key=what.key,
        mark=what.mark,
    )
    if was_last:
        tx.run(
            "delete from claim where account = :account and room = :room and type = :type and key = :key and ended = 1",
            room=what.room,
            type=what.type,
            key=what.key,
        )


def set_aside(tx: Tx, what: Unsettled) -> None:
    """Give up on a state event that the server will not let us write; what had ended stays known for the next try."""
    tx.run(
        "delete from unsettled where account = :account and room = :room and type = :type and key = :key"
        " and mark = :mark",
        room=what.room,
        type=what.type,
        key=what.key,
        mark=what.mark,
    )


@lru_cache(maxsize=4096)  # there are few paths and many claims
def _path(written: str) -> tuple[str, ...]:
    path = load(written)
    return tuple(str(part) for part in path) if isinstance(path, list) else ()


def _claim(row: Row, now_ms: int | None = None) -> Claim:
    until_ms = maybe_number(row, "until_ms")
    before = load(text(row, "before")) if row["before"] is not None else None
    return Claim(
        room=RoomId(text(row, "room")),
        type=text(row, "type"),
        key=text(row, "key"),
        path=_path(text(row, "path")),
        owner=text(row, "owner"),
        value=load(text(row, "value")),
        until_ms=until_ms,
        ended=number(row, "ended") == 1 or (now_ms is not None and until_ms is not None and until_ms <= now_ms),
        before=tuple(before) if isinstance(before, list) else None,
    )
