"""Which declared rooms are on their way to another room, or have arrived there."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import CommunityKey, RoomId, RoomKey, UserId

from . import mirror
from .rows import text


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A room on its way; ``new`` is None until there is one. For the steps see ``rooms/upgrade``."""

    community: CommunityKey
    key: RoomKey
    old: RoomId
    new: RoomId | None
    step: str


def begin(tx: Tx, community: CommunityKey, key: RoomKey, old: RoomId, version: str, now_ms: int) -> None:
    """Say that a room is to be replaced; where that is known nothing changes."""
    tx.run(
        "insert into upgrade (account, community, key, old, new, version, step, begun_ms) values (:account, :community,"
        " :key, :old, null, :version, 'waiting', :now_ms) on conflict do nothing",
        community=community,
        key=key,
        old=old,
        version=version,
        now_ms=now_ms,
    )


def set_step(tx: Tx, old: RoomId, step: str, *, new: RoomId | None = None) -> None:
    """Say how far the replacement of a room is."""
    tx.run(
        "update upgrade set step = :step, new = coalesce(:new, new) where account = :account and old = :old",
        step=step,
        new=new,
        old=old,
    )


def forget(tx: Tx, old: RoomId) -> None:
    """Say that nobody replaces a room any more."""
    tx.run("delete from upgrade where account = :account and old = :old", old=old)


def upgrade_of(tx: Tx, old: RoomId) -> Upgrade | None:
    """Read how far the replacement of a room is; None where nobody replaces it."""
    row = tx.one("select * from upgrade where account = :account and old = :old", old=old)
    return None if row is None else _upgrade(row)


def under_way(tx: Tx, community: CommunityKey) -> list[Upgrade]:
    """List the rooms of a community that are on their way."""
    rows = tx.rows(
        "select * from upgrade where account = :account and community = :community and step != 'done' order by old",
        community=community,
    )
    return [_upgrade(row) for row in rows]


def left_before(tx: Tx, room: RoomId, user: UserId) -> bool:
    """Tell whether somebody left or declined the room whose place this one has taken: a no stays a no."""
    row = tx.one(
        "select old from upgrade where account = :account and new = :room union all"
        " select old from successor where account = :account and new = :room and step = 'followed' limit 1",
        room=room,
    )
    seen = None if row is None else mirror.member(tx, RoomId(text(row, "old")), user)
    return seen is not None and seen.membership in {"leave", "ban"}


def _upgrade(row: Row) -> Upgrade:
    return Upgrade(
        CommunityKey(text(row, "community")),
        RoomKey(text(row, "key")),
        RoomId(text(row, "old")),
        RoomId(text(row, "new")) if row["new"] else None,
        text(row, "step"),
    )
