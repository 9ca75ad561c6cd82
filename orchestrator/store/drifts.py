"""What people changed by hand and the documents have otherwise: asked about, kept, or changed back again and again.

A row stands for one place of one state event. Of what stands there only a digest is held: a name is somebody's words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import EventId, RoomId

from .rows import dump, load, number, text

Known: TypeAlias = Literal["asked", "kept", "fought"]

STATES: Final[tuple[Known, ...]] = ("asked", "kept", "fought")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One place that somebody changed by hand.

    Attributes:
        path: within the content of the state event.
        event: the live event that it was seen in.
        digest: of the value that stood there.
        state: ``asked`` the leads, ``kept`` by them, or ``fought`` over: it was put right, so far in ``rounds`` rounds.
        since_ms: when the first of these rounds was.
    """

    room: RoomId
    type: str
    key: str
    path: tuple[str, ...]
    event: EventId
    digest: str
    state: Known
    rounds: int = 0
    since_ms: int = 0


def keep(tx: Tx, drift: Drift) -> None:
    """Write it down, in the place of what was known of the same place."""
    tx.run(
        "insert into drift (account, room, type, key, path, event, digest, state, rounds, since_ms) values (:account,"
        " :room, :type, :key, :path, :event, :digest, :state, :rounds, :since_ms)"
        " on conflict (account, room, type, key, path) do update set event = excluded.event, digest = excluded.digest,"
        " state = excluded.state, rounds = excluded.rounds, since_ms = excluded.since_ms",
        room=drift.room,
        type=drift.type,
        key=drift.key,
        path=dump(list(drift.path)),
        event=drift.event,
        digest=drift.digest,
        state=drift.state,
        rounds=drift.rounds,
        since_ms=drift.since_ms,
    )


def drop(tx: Tx, room: RoomId, type_: str, key: str, path: Sequence[str]) -> bool:
    """Forget a place; tells whether anything was known of it."""
    return (
        tx.run(
            "delete from drift where account = :account and room = :room and type = :type and key = :key"
            " and path = :path",
            room=room,
            type=type_,
            key=key,
            path=dump(list(path)),
        )
        > 0
    )


def at(tx: Tx, room: RoomId, type_: str, key: str) -> dict[tuple[str, ...], Drift]:
    """List what is known of a state event, by path."""
    rows = tx.rows(
        "select * from drift where account = :account and room = :room and type = :type and key = :key order by path",
        room=room,
        type=type_,
        key=key,
    )
    return {drift.path: drift for drift in map(_drift, rows)}


def all_known(tx: Tx) -> list[Drift]:
    """List everything that is known."""
    return [
        _drift(row) for row in tx.rows("select * from drift where account = :account order by room, type, key, path")
    ]


def open_questions(tx: Tx) -> int:
    """Count the state events that somebody was asked about and has not answered."""
    row = tx.one(
        "select count(*) as n from (select distinct room, type, key from drift where account = :account"
        " and state = 'asked') as asked"
    )
    return 0 if row is None else number(row, "n")


def _drift(row: Row) -> Drift:
    path, state = load(text(row, "path")), text(row, "state")
    return Drift(
        room=RoomId(text(row, "room")),
        type=text(row, "type"),
        key=text(row, "key"),
        path=tuple(str(part) for part in path) if isinstance(path, list) else (),
        event=EventId(text(row, "event")),
        digest=text(row, "digest"),
        state=next((known for known in STATES if known == state), "asked"),
        rounds=number(row, "rounds"),
        since_ms=number(row, "since_ms"),
    )
