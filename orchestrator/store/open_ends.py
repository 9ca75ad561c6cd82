"""What a lost database left open: rooms that were looked through once they were found, and people who can only read there.

The rows are by declared room, so they hold for a room that takes another's place as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import CommunityKey, RoomKey, UserId

from .rows import text

FINE: Final = "fine"
"""Of a room: it was looked through, and was open."""
LOCKED: Final = "locked"
"""Of a room: it was closed for a while when it was found, and nobody remembers since when, by whom, or over what."""
WAITING: Final = "waiting"
"""Of a person who can only read: the leads are not asked yet."""
ASKED: Final = "asked"
"""Of a person who can only read: the leads are asked whether they shall write again."""
UNANSWERED: Final = "unanswered"
"""Of a person: nobody answered in time."""
KEPT: Final = "kept"
"""Of a person: a lead said that it stays so."""
LIFTED: Final = "lifted"
"""Of a person: a lead said that they shall write again."""


@dataclass(frozen=True, slots=True)
class OpenEnd:
    """One thing that was left open; ``person`` is None for a room as a whole."""

    community: CommunityKey
    key: RoomKey
    person: UserId | None
    step: str


def step_of(tx: Tx, community: CommunityKey, key: RoomKey, person: UserId | None = None) -> str | None:
    """Tell how something stands that was left open; None where nobody has looked yet."""
    row = tx.one(
        "select step from open_end where account = :account and community = :community and key = :key"
        " and person = :person",
        community=community,
        key=key,
        person=person or "",
    )
    return None if row is None else text(row, "step")


def set_step(tx: Tx, community: CommunityKey, key: RoomKey, person: UserId | None, step: str) -> None:
    """Say how something stands that was left open."""
    tx.run(
        "insert into open_end (account, community, key, person, step) values (:account, :community, :key, :person, :step)"
        " on conflict (account, community, key, person) do update set step = excluded.step",
        community=community,
        key=key,
        person=person or "",
        step=step,
    )


def forget(tx: Tx, end: OpenEnd) -> None:
    """Say that something is open no more."""
    tx.run(
        "delete from open_end where account = :account and community = :community and key = :key and person = :person",
        community=end.community,
        key=end.key,
        person=end.person or "",
    )


def open_ends(tx: Tx, community: CommunityKey) -> list[OpenEnd]:
    """List what was left open in a community, room by room."""
    rows = tx.rows(
        "select * from open_end where account = :account and community = :community order by key, person",
        community=community,
    )
    return [_open_end(row) for row in rows]


def _open_end(row: Row) -> OpenEnd:
    person = text(row, "person")
    return OpenEnd(
        CommunityKey(text(row, "community")), RoomKey(text(row, "key")), UserId(person) if person else None,
        text(row, "step"),
    )  # fmt: skip
