"""Which room is which declared room, and which direct room is whose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, TypeAlias

from orchestrator.model.feature import Tx
from orchestrator.model.ids import CommunityKey, RoomId, RoomKey, UserId

from .rows import text

SPACE_KEY = RoomKey("")
"""The key under which a community's space is bound."""

How: TypeAlias = Literal["made", "found", "adopted"]


@dataclass(frozen=True, slots=True)
class Binding:
    """A declared room and the room that it is. ``key`` is ``SPACE_KEY`` for the community's space."""

    community: CommunityKey
    key: RoomKey
    room: RoomId


def bind(tx: Tx, community: CommunityKey, key: RoomKey, room: RoomId, how: How) -> None:
    """Say that a declared room is this room."""
    tx.run(
        "insert into binding (account, community, key, room, how) values (:account, :community, :key, :room, :how)"
        " on conflict (account, community, key) do update set room = excluded.room, how = excluded.how",
        community=community,
        key=key,
        room=room,
        how=how,
    )


def unbind(tx: Tx, community: CommunityKey, key: RoomKey) -> None:
    """Say that a declared room has no room any more."""
    tx.run(
        "delete from binding where account = :account and community = :community and key = :key",
        community=community,
        key=key,
    )


def rename(tx: Tx, before: tuple[CommunityKey, RoomKey], now: tuple[CommunityKey, RoomKey]) -> bool:
    """Say that a declared room goes by other keys now; tells whether it was bound under the old ones."""
    return (
        tx.run(
            "update binding set community = :community, key = :key where account = :account"
            " and community = :old_community and key = :old_key",
            community=now[0],
            key=now[1],
            old_community=before[0],
            old_key=before[1],
        )
        > 0
    )


Remembered: TypeAlias = Literal[
    "asked",
    "chosen",
    "cover",
    "ending",
    "handoff",
    "holding",
    "meeting",
    "member_prompt",
    "mention",
    "note",
    "offer",
    "override",
    "pause",
    "served",
    "shift",
    "slot",
    "suggestion",
]
"""A table whose rows belong to a declared room."""


def move_rows(
    tx: Tx,
    table: Remembered,
    communities: Sequence[CommunityKey],
    keys: Sequence[RoomKey],
) -> None:
    """Let what a craft remembers of a declared room follow its keys: the present ones stand first, former ones after.

    Nothing is moved over what is remembered under the present keys.
    """
    for former, former_key in product(communities, keys):
        if (former, former_key) != (communities[0], keys[0]):
            tx.run(
                f"update {table} set community = :community, key = :key where account = :account"
                " and community = :former and key = :former_key and not exists (select 1 from"
                f" {table} as present where present.account = :account and present.community = :community"
                " and present.key = :key)",
                community=communities[0],
                key=keys[0],
                former=former,
                former_key=former_key,
            )


def bound_room(tx: Tx, community: CommunityKey, key: RoomKey) -> RoomId | None:
    """Find the room of a declared room."""
    row = tx.one(
        "select room from binding where account = :account and community = :community and key = :key",
        community=community,
        key=key,
    )
    return None if row is None else RoomId(text(row, "room"))


def binding_of(tx: Tx, room: RoomId) -> Binding | None:
    """Find which declared room a room is."""
    row = tx.one("select community, key from binding where account = :account and room = :room", room=room)
    return None if row is None else Binding(CommunityKey(text(row, "community")), RoomKey(text(row, "key")), room)


def was_found(tx: Tx, room: RoomId) -> bool:
    """Tell whether a room was known by its locator alone: what we did in it before is not remembered."""
    row = tx.one("select how from binding where account = :account and room = :room", room=room)
    return row is not None and text(row, "how") == "found"


def bindings(tx: Tx) -> list[Binding]:
    """List every declared room that has a room."""
    rows = tx.rows("select community, key, room from binding where account = :account order by community, key")
    return [Binding(CommunityKey(text(r, "community")), RoomKey(text(r, "key")), RoomId(text(r, "room"))) for r in rows]


def how_bound(tx: Tx) -> dict[RoomId, How]:
    """Tell how each declared room came to be: made by us, found again, or adopted from somebody else."""
    how: dict[str, How] = {"made": "made", "found": "found", "adopted": "adopted"}
    rows = tx.rows("select room, how from binding where account = :account")
    return {RoomId(text(row, "room")): how.get(text(row, "how"), "found") for row in rows}


def communities_of(tx: Tx, user: UserId) -> list[CommunityKey]:
    """List the communities a user is in: joined to one of their rooms."""
    rows = tx.rows(
        "select distinct binding.community as community from binding join member"
        " on member.account = binding.account and member.room = binding.room"
        ' where binding.account = :account and member."user" = :user and member.membership = :membership'
        " order by binding.community",
        user=user,
        membership="join",
    )
    return [CommunityKey(text(r, "community")) for r in rows]


def set_direct(tx: Tx, user: UserId, room: RoomId) -> None:
    """Say that a room is somebody's direct room, and the one to write to from now on."""
    tx.run(
        'insert into direct (account, room, "user", seq) values (:account, :room, :user,'
        " (select coalesce(max(seq), 0) + 1 from direct where account = :account))"
        ' on conflict (account, room) do update set "user" = excluded."user", seq = excluded.seq',
        room=room,
        user=user,
    )


def drop_direct(tx: Tx, room: RoomId) -> None:
    """Say that a room is nobody's direct room any more."""
    tx.run("delete from direct where account = :account and room = :room", room=room)


def direct_room(tx: Tx, user: UserId) -> RoomId | None:
    """Find the direct room to write to somebody in: the newest, if there are several."""
    row = tx.one(
        'select room from direct where account = :account and "user" = :user order by seq desc limit 1', user=user
    )
    return None if row is None else RoomId(text(row, "room"))


def is_private(tx: Tx, room: RoomId, user: UserId, me: UserId) -> bool:
    """Tell whether a room is somebody's direct room, and nobody else that we know of is in it or asked in."""
    third = tx.one(
        "select 1 as there from member where account = :account and room = :room"
        " and membership in ('join', 'invite') and \"user\" not in (:user, :me) limit 1",
        room=room,
        user=user,
        me=me,
    )
    return third is None and direct_user(tx, room) == user


def direct_user(tx: Tx, room: RoomId) -> UserId | None:
    """Find whose direct room a room is."""
    row = tx.one('select "user" from direct where account = :account and room = :room', room=room)
    return None if row is None else UserId(text(row, "user"))
