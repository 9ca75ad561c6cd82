"""Which rooms are locked: for a while nobody but the leads can write there, and nobody new can come in.

A whole community may be locked, and single rooms of it opened again; rooms that it comes to have meanwhile are locked, too.
The rows are by declared room, so a lock follows a room that is replaced.
"""

from __future__ import annotations

from typing import Final

from orchestrator.model.feature import Tx
from orchestrator.model.ids import CommunityKey, RoomKey

from .rows import text

EVERYWHERE: Final = RoomKey("*")
"""Stands for the community as a whole; no room can have this key."""

_LOCKED: Final = "locked"
_OPENED: Final = "opened"


def lock(tx: Tx, community: CommunityKey, key: RoomKey, *, by_lead: bool) -> None:
    """Say that a room is locked, or with ``EVERYWHERE`` all of them, also those that were opened before."""
    if key == EVERYWHERE:
        _drop_opened(tx, community)
    _put(tx, community, key, _LOCKED, by_lead=by_lead)


def unlock(tx: Tx, community: CommunityKey, key: RoomKey) -> None:
    """Say that a room is open again, or with ``EVERYWHERE`` all of them, whoever locked them."""
    if key == EVERYWHERE:
        tx.run("delete from lock where account = :account and community = :community", community=community)
    elif is_locked_everywhere(tx, community):
        _put(tx, community, key, _OPENED, by_lead=True)
    else:
        tx.run(
            "delete from lock where account = :account and community = :community and key = :key",
            community=community,
            key=key,
        )


def any_locked(tx: Tx) -> bool:
    """Tell whether anything is locked at all."""
    return tx.one("select 1 as there from lock where account = :account limit 1") is not None


def is_locked(tx: Tx, community: CommunityKey, key: RoomKey, *, with_all: bool = True) -> bool:
    """Tell whether a room is locked, by itself or (``with_all``) because its community is."""
    state = _state(tx, community, key)
    return state == _LOCKED or (state == "" and with_all and is_locked_everywhere(tx, community))


def is_locked_everywhere(tx: Tx, community: CommunityKey) -> bool:
    """Tell whether a community as a whole is locked."""
    return _state(tx, community, EVERYWHERE) == _LOCKED


def was_locked_by_lead(tx: Tx, community: CommunityKey, key: RoomKey) -> bool:
    """Tell whether only a lead may open a room again: a lead locked it, or everything is locked."""
    row = tx.one(
        "select 1 as there from lock where account = :account and community = :community and key in (:key, :all)"
        " and by_lead = 1 limit 1",
        community=community,
        key=key,
        all=EVERYWHERE,
    )
    return row is not None


def _put(tx: Tx, community: CommunityKey, key: RoomKey, state: str, *, by_lead: bool) -> None:
    tx.run(
        "insert into lock (account, community, key, state, by_lead) values (:account, :community, :key, :state, :by_lead)"
        " on conflict (account, community, key) do update set state = excluded.state,"
        " by_lead = case when excluded.by_lead > lock.by_lead then excluded.by_lead else lock.by_lead end",
        community=community,
        key=key,
        state=state,
        by_lead=int(by_lead),
    )


def _drop_opened(tx: Tx, community: CommunityKey) -> None:
    tx.run(
        "delete from lock where account = :account and community = :community and state = :opened",
        community=community,
        opened=_OPENED,
    )


def _state(tx: Tx, community: CommunityKey, key: RoomKey) -> str:
    row = tx.one(
        "select state from lock where account = :account and community = :community and key = :key",
        community=community,
        key=key,
    )
    return "" if row is None else text(row, "state")
