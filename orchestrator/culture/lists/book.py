"""The rows of policy lists: which are followed, what they say, and which bans rest on them.

Entries are ids and globs of a public list; the reasons beside them are people's words, and are not kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import CommunityKey, EventId, RoomId, UserId, server_of
from orchestrator.store.rows import text

from .entries import Entry, Kind, Matcher

READ_AGAIN_MS: Final = 86_400_000
"""How long what was read of a list stands without being read whole again: what state resolution undid is noticed then."""


_MOST_MATCHERS: Final = 4


class Stage(StrEnum):
    """How far a community is with a list."""

    ENTERING = "entering"
    READING = "reading"
    ASKED = "asked"
    FOLLOWED = "followed"
    DECLINED = "declined"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """A list that a community's documents name. ``list`` is as written there; ``room`` is None until it was entered."""

    community: CommunityKey
    list: str
    room: RoomId | None
    stage: Stage


def followings(tx: Tx) -> Sequence[Following]:
    """List every list of every community."""
    rows = tx.rows(
        "select community, list, room, stage from ban_list where account = :account order by community, list"
    )
    return [_following(row) for row in rows]


def following_of(tx: Tx, community: CommunityKey, name: str) -> Following | None:
    """Find how far a community is with a list."""
    row = tx.one(
        "select community, list, room, stage from ban_list"
        " where account = :account and community = :community and list = :list",
        community=community,
        list=name,
    )
    return None if row is None else _following(row)


def put_following(tx: Tx, following: Following) -> None:
    """Note how far a community is with a list."""
    tx.run(
        "insert into ban_list (account, community, list, room, stage) values (:account, :community, :list, :room, :stage)"
        " on conflict (account, community, list) do update set room = excluded.room, stage = excluded.stage",
        community=following.community,
        list=following.list,
        room=following.room or "",
        stage=following.stage.value,
    )


def drop_following(tx: Tx, community: CommunityKey, name: str) -> None:
    """Forget a list that no document names any more."""
    tx.run(
        "delete from ban_list where account = :account and community = :community and list = :list",
        community=community,
        list=name,
    )


def forget_unnamed(tx: Tx) -> None:
    """Forget what is in lists that no document names any more."""
    for table in ("list_entry", "list_read"):
        tx.run(
            f"delete from {table} where account = :account and room not in"
            f" (select room from ban_list where ban_list.account = {table}.account)"
        )


def is_list(tx: Tx, room: RoomId) -> bool:
    """Tell whether a room is a list that we look at."""
    return (
        tx.one("select 1 as here from ban_list where account = :account and room = :room limit 1", room=room)
        is not None
    )


def rooms_to_read(tx: Tx, before_ms: int) -> list[RoomId]:
    """List the lists that were never read whole, or not since then."""
    rows = tx.rows(
        "select distinct ban_list.room as room from ban_list left join list_read"
        " on list_read.account = ban_list.account and list_read.room = ban_list.room"
        " where ban_list.account = :account and ban_list.room != ''"
        " and coalesce(list_read.read_ms, 0) < :before_ms order by ban_list.room",
        before_ms=before_ms,
    )
    return [RoomId(text(row, "room")) for row in rows]


def note_read(tx: Tx, room: RoomId, at_ms: int) -> None:
    """Note when a list was read whole."""
    tx.run(
        "insert into list_read (account, room, read_ms, mark) values (:account, :room, :at_ms, '')"
        " on conflict (account, room) do update set read_ms = excluded.read_ms",
        room=room,
        at_ms=at_ms,
    )


def read_again(tx: Tx, room: RoomId) -> None:
    """Note that what was read of a list may not be what it says now."""
    tx.run("update list_read set read_ms = 0 where account = :account and room = :room", room=room)


# -- entries -----------------------------------------------------------------------------------------------------------


def put_entry(tx: Tx, room: RoomId, type_: str, key: str, event: EventId, entry: Entry | None) -> bool:
    """Note what a state event of a list says now; tells whether that is news."""
    known = tx.one(
        "select kind, entity, hashed from list_entry"
        " where account = :account and room = :room and type = :type and key = :key",
        room=room,
        type=type_,
        key=key,
    )
    if (None if known is None else _entry(known)) == entry:
        return False
    _mark(tx, room, type_, key, event, "" if entry is None else f"{entry.kind}{entry.entity}{entry.hashed}")
    if entry is None:
        tx.run(
            "delete from list_entry where account = :account and room = :room and type = :type and key = :key",
            room=room,
            type=type_,
            key=key,
        )
        return True
    tx.run(
        "insert into list_entry (account, room, type, key, event, kind, entity, hashed)"
        " values (:account, :room, :type, :key, :event, :kind, :entity, :hashed)"
        " on conflict (account, room, type, key) do update set event = excluded.event, kind = excluded.kind,"
        " entity = excluded.entity, hashed = excluded.hashed",
        room=room,
        type=type_,
        key=key,
        event=event,
        kind=entry.kind.value,
        entity=entry.entity,
        hashed=entry.hashed,
    )
    return True


def entries_of(tx: Tx, rooms: Iterable[RoomId]) -> list[tuple[str, Entry]]:
    """List what lists say; the key of each names it for good (``entry_key``)."""
    return [
        (entry_key(room, text(row, "type"), text(row, "key")), _entry(row))
        for room in rooms
        for row in tx.rows(
            "select type, key, kind, entity, hashed from list_entry where account = :account and room = :room",
            room=room,
        )
    ]


def entry_key(room: RoomId, type_: str, key: str) -> str:
    """Name an entry."""
    return f"{room} {type_} {key}"


def keep_entries(tx: Tx, room: RoomId, there: Iterable[tuple[str, str]]) -> bool:
    """Drop what is no longer in a list that was read whole; tells whether that was anything."""
    kept = set(there)
    gone = [
        (text(row, "type"), text(row, "key"))
        for row in tx.rows("select type, key from list_entry where account = :account and room = :room", room=room)
        if (text(row, "type"), text(row, "key")) not in kept
    ]
    for type_, key in gone:
        put_entry(tx, room, type_, key, EventId(""), None)
    return bool(gone)


def marks_of(tx: Tx, rooms: Sequence[RoomId]) -> tuple[str, ...]:
    """Tell by which entries lists stand, in words that are others when any entry is."""
    found = {
        RoomId(text(row, "room")): text(row, "mark")
        for row in tx.rows("select room, mark from list_read where account = :account")
    }
    return tuple(f"{room} {found.get(room, '')}" for room in sorted(rooms))


def _mark(tx: Tx, room: RoomId, *changed: str) -> None:
    """Chain what changed to what did before: also after a transaction that was undone no two states share a mark."""
    row = tx.one("select mark from list_read where account = :account and room = :room", room=room)
    before = "" if row is None else text(row, "mark")
    mark = hashlib.sha256("\0".join((before, *changed)).encode()).hexdigest()[:24]
    tx.run(
        "insert into list_read (account, room, read_ms, mark) values (:account, :room, 0, :mark)"
        " on conflict (account, room) do update set mark = excluded.mark",
        room=room,
        mark=mark,
    )


class Matchers:
    """Keeps the matcher of the lists as they stand, since making one takes a while and a look-up does not."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, ...], Matcher] = {}

    def of(self, tx: Tx, rooms: Sequence[RoomId], me: UserId) -> Matcher:
        """Give the matcher for these lists, without what means everybody, or everybody where the bot is at home."""
        marks = marks_of(tx, rooms)
        if marks not in self._made:
            if len(self._made) >= _MOST_MATCHERS:
                self._made.clear()
            self._made[marks], _home = sane(entries_of(tx, rooms), me)
        return self._made[marks]


def sane(entries: Sequence[tuple[str, Entry]], me: UserId) -> tuple[Matcher, frozenset[str]]:
    """Make a matcher without what means everybody; gives beside it what would mean everybody at the bot's own server."""
    few = [one for one in entries if not one[1].means_everybody]
    matcher = Matcher(few)
    home = matcher.about_all_at(server_of(me))
    return (Matcher(one for one in few if one[0] not in home) if home else matcher), home


# -- bans --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedBan:
    """A ban that we set because of an entry."""

    room: RoomId
    user: UserId
    entry: str


def note_ban(tx: Tx, ban: ListedBan) -> None:
    """Note what a ban of ours rests on."""
    tx.run(
        'insert into listed_ban (account, room, "user", entry) values (:account, :room, :user, :entry)'
        ' on conflict (account, room, "user") do update set entry = excluded.entry',
        room=ban.room,
        user=ban.user,
        entry=ban.entry,
    )


def bans(tx: Tx) -> list[ListedBan]:
    """List the bans of ours that rest on an entry."""
    rows = tx.rows('select room, "user", entry from listed_ban where account = :account order by room, "user"')
    return [
        ListedBan(room=RoomId(text(row, "room")), user=UserId(text(row, "user")), entry=text(row, "entry"))
        for row in rows
    ]


def forget_ban(tx: Tx, room: RoomId, user: UserId) -> None:
    """Forget a ban that was lifted, or that a person made theirs."""
    tx.run('delete from listed_ban where account = :account and room = :room and "user" = :user', room=room, user=user)


def _following(row: Row) -> Following:
    room = text(row, "room")
    return Following(
        community=CommunityKey(text(row, "community")),
        list=text(row, "list"),
        room=RoomId(room) if room else None,
        stage=Stage(text(row, "stage")),
    )


def _entry(row: Row) -> Entry:
    return Entry(kind=Kind(text(row, "kind")), entity=text(row, "entity"), hashed=text(row, "hashed"))
