"""The last we know of each room, from /sync: structure, never words.

Of state events whose content is structure that is kept, of a name or a topic only a digest, enough to tell whether the
live event is still what we wrote, and of unknown ones nothing (``structure``). Of a membership: the id, the membership,
who set it, which event, and since when somebody is joined (rules for newcomers need it); no display name, no reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from orchestrator.model.events import Member, MembershipName
from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import EventId, Json, JsonObject, RoomId, UserId
from orchestrator.model.power import Power, creators_have_power

from .rows import dump, load, load_object, maybe_number, number, text
from .structure import KEPT, is_noted, structure_of


@dataclass(frozen=True, slots=True)
class MirroredState:
    """A state event as last seen. ``content`` is its structure, None for types that are kept as a digest only.

    ``digest`` is of the whole content, whatever else stood in it.
    """

    event: EventId
    sender: UserId
    content: JsonObject | None
    digest: str


@dataclass(frozen=True, slots=True)
class MirroredMember:
    """A membership as last seen. ``since_ms`` is when the person joined, None when we cannot know."""

    user: UserId
    membership: MembershipName
    sender: UserId
    event: EventId
    since_ms: int | None


@dataclass(frozen=True, slots=True)
class MirroredRoom:
    """A room as last seen.

    Attributes:
        membership: our own, "" while unknown.
        encrypted: it is or ever was; this never goes back.
        invited_by: who invited us, while invited.
    """

    room: RoomId
    version: str
    creators: frozenset[UserId]
    space: bool
    encrypted: bool
    membership: str
    invited_by: UserId | None


def digest_of(content: JsonObject) -> str:
    """Digest a content so that equal contents have equal digests."""
    return hashlib.sha256(dump(content).encode()).hexdigest()[:32]


def see_state(tx: Tx, room: RoomId, type_: str, key: str, event: EventId, sender: UserId, content: JsonObject) -> bool:
    """Take note of a state event (not a membership); tells whether it is news that is kept."""
    if not is_noted(type_, key):
        return False
    changed = tx.run(
        "insert into state (account, room, type, key, event, sender, content, digest)"
        " values (:account, :room, :type, :key, :event, :sender, :content, :digest)"
        " on conflict (account, room, type, key) do update set event = excluded.event,"
        " sender = excluded.sender, content = excluded.content, digest = excluded.digest"
        " where state.event != excluded.event",
        room=room,
        type=type_,
        key=key,
        event=event,
        sender=sender,
        content=dump(structure_of(type_, content)),
        digest=digest_of(content),
    )
    if type_ == "m.room.create" and key == "":
        _see_create(tx, room, sender, content)
    elif type_ == "m.room.encryption" and key == "":
        # Once encrypted, always encrypted: whatever the event says now (a state reset, a mischief), we never go back.
        latch_encryption(tx, room)
    return changed > 0


def latch_encryption(tx: Tx, room: RoomId) -> None:
    """Remember for ever that a room is encrypted."""
    ensure_room(tx, room)
    tx.run("update room set encrypted = 1 where account = :account and room = :room", room=room)


def see_member(tx: Tx, event: Member, *, known_join: bool = True, heard_ms: int | None = None) -> None:
    """Take note of a membership.

    ``known_join`` is False when the event may be an old one (lazily loaded): unless it says what it replaced, its time
    says nothing about the join. ``heard_ms`` is when it happened as far as we can tell: a remote server can lie about
    its own time, and somebody who came a moment ago would pass for an old member.
    """
    since: int | None = None
    if event.membership == "join":
        previous = member(tx, event.room, event.user)
        came_ms = event.at_ms if heard_ms is None else heard_ms
        again = previous is not None and previous.event == event.id
        if again and previous is not None and previous.since_ms is not None:
            since = max(previous.since_ms, came_ms)
        elif event.before not in {"join", None}:
            since = came_ms
        elif previous is not None and previous.membership == "join" and previous.event and not again:
            since = previous.since_ms  # a new name or picture
        elif known_join and event.before is None:
            since = came_ms
    tx.run(
        'insert into member (account, room, "user", membership, sender, event, since_ms)'
        " values (:account, :room, :user, :membership, :sender, :event, :since_ms)"
        ' on conflict (account, room, "user") do update set membership = excluded.membership,'
        " sender = excluded.sender, event = excluded.event, since_ms = excluded.since_ms",
        room=event.room,
        user=event.user,
        membership=event.membership,
        sender=event.sender,
        event=event.id,
        since_ms=since,
    )


def roll(tx: Tx, room: RoomId) -> dict[UserId, EventId]:
    """List everybody whose membership was ever seen in a room, with the event that says so."""
    rows = tx.rows('select "user", event from member where account = :account and room = :room', room=room)
    return {UserId(text(row, "user")): EventId(text(row, "event")) for row in rows}


def see_members(tx: Tx, room: RoomId, joined: Collection[UserId], before: Mapping[UserId, EventId]) -> None:
    """Take note of everybody who is in a room, also those whose own events were never seen; others are not in it.

    ``before`` is the ``roll`` from before the server was asked: of whom something was heard meanwhile, that is newer.
    """
    heard = {user for user, event in roll(tx, room).items() if before.get(user) != event}
    for user in joined:
        if user not in heard:
            tx.run(
                'insert into member (account, room, "user", membership, sender, event, since_ms)'
                " values (:account, :room, :user, 'join', :user, '', null)"
                ' on conflict (account, room, "user") do update set membership = excluded.membership'
                " where member.membership != excluded.membership",
                room=room,
                user=user,
            )
    for known in members(tx, room, "join"):
        if known.user not in joined and known.user not in heard:
            tx.run(
                "update member set membership = 'leave' where account = :account and room = :room and \"user\" = :user",
                room=room,
                user=known.user,
            )


def see_own_membership(tx: Tx, room: RoomId, membership: str, invited_by: UserId | None = None) -> None:
    """Take note of the bot's own membership in a room."""
    tx.run(
        "insert into room (account, room, version, creators, space, encrypted, membership, invited_by)"
        " values (:account, :room, '', '[]', 0, 0, :membership, :invited_by) on conflict (account, room) do update"
        " set membership = excluded.membership, invited_by = excluded.invited_by"
        # Most often nothing is new, and then nothing is written.
        " where room.membership != excluded.membership"
        " or coalesce(room.invited_by, '') != coalesce(excluded.invited_by, '')",
        room=room,
        membership=membership,
        invited_by=invited_by,
    )


def ensure_room(tx: Tx, room: RoomId) -> None:
    """Make sure a room has a row."""
    tx.run(
        "insert into room (account, room, version, creators, space, encrypted, membership, invited_by)"
        " values (:account, :room, '', '[]', 0, 0, '', null) on conflict do nothing",
        room=room,
    )


def room_of(tx: Tx, room: RoomId) -> MirroredRoom | None:
    """Read a room; None when it was never seen."""
    row = tx.one("select * from room where account = :account and room = :room", room=room)
    return None if row is None else _room(row)


def rooms_joined(tx: Tx) -> list[MirroredRoom]:
    """List the rooms the bot is joined to."""
    return [
        _room(r) for r in tx.rows("select * from room where account = :account and membership = 'join' order by room")
    ]


def state_of(tx: Tx, room: RoomId, type_: str, key: str = "") -> MirroredState | None:
    """Read a state event as last seen; None when there is none."""
    row = tx.one(
        "select event, sender, content, digest from state where account = :account and room = :room and type = :type and key = :key",
        room=room,
        type=type_,
        key=key,
    )
    return None if row is None else _state(type_, row)


def states_of(tx: Tx, room: RoomId) -> dict[tuple[str, str], MirroredState]:
    """Read every state event of a room that is noted, by type and key, as last seen."""
    rows = tx.rows(
        "select type, key, event, sender, content, digest from state where account = :account and room = :room",
        room=room,
    )
    return {(text(row, "type"), text(row, "key")): _state(text(row, "type"), row) for row in rows}


def state_keys(tx: Tx, room: RoomId, type_: str) -> list[str]:
    """List the state keys seen for a type that is structure."""
    rows = tx.rows(
        "select key from state where account = :account and room = :room and type = :type order by key",
        room=room,
        type=type_,
    )
    return [text(r, "key") for r in rows]


def rooms_with_state(tx: Tx, type_: str, key: str = "") -> list[tuple[RoomId, MirroredState]]:
    """List the joined rooms that have a state event of this type and key."""
    rows = tx.rows(
        "select state.room as room, event, sender, content, digest from state join room"
        " on room.account = state.account and room.room = state.room where state.account = :account"
        " and type = :type and key = :key and membership = 'join' order by state.room",
        type=type_,
        key=key,
    )
    return [(RoomId(text(row, "room")), _state(type_, row)) for row in rows]


def power_of(tx: Tx, room: RoomId) -> Power:
    """Read who may do what in a room, as last seen."""
    known = room_of(tx, room)
    levels = state_of(tx, room, "m.room.power_levels")
    return Power(
        known.version if known else "",
        known.creators if known else frozenset(),
        levels.content if levels else None,
    )


def member(tx: Tx, room: RoomId, user: UserId) -> MirroredMember | None:
    """Read somebody's membership; None when it was never seen."""
    row = tx.one(
        'select * from member where account = :account and room = :room and "user" = :user',
        room=room,
        user=user,
    )
    return None if row is None else _member(row)


def members(tx: Tx, room: RoomId, membership: MembershipName = "join") -> list[MirroredMember]:
    """List those whose membership, as last seen, is this one. Lazily loaded rooms may have more than we saw."""
    rows = tx.rows(
        'select * from member where account = :account and room = :room and membership = :membership order by "user"',
        room=room,
        membership=membership,
    )
    return [_member(r) for r in rows]


def memberships(tx: Tx, room: RoomId) -> dict[UserId, str]:
    """List what everybody is in a room, as last seen."""
    rows = tx.rows('select "user", membership from member where account = :account and room = :room', room=room)
    return {UserId(text(row, "user")): text(row, "membership") for row in rows}


def forget_member(tx: Tx, room: RoomId, user: UserId) -> None:
    """Drop somebody's membership: there is none."""
    tx.run('delete from member where account = :account and room = :room and "user" = :user', room=room, user=user)


def forget_state(tx: Tx, room: RoomId, type_: str, key: str) -> None:
    """Drop a state event: there is none, or it is to be seen anew."""
    tx.run(
        "delete from state where account = :account and room = :room and type = :type and key = :key",
        room=room,
        type=type_,
        key=key,
    )


def anyone_beside(tx: Tx, room: RoomId, me: UserId) -> bool:
    """Tell whether somebody else than ``me`` is joined to a room."""
    row = tx.one(
        "select 1 as there from member where account = :account and room = :room and membership = :membership"
        ' and "user" != :me limit 1',
        room=room,
        membership="join",
        me=me,
    )
    return row is not None


def shares_room(tx: Tx, user: UserId, rooms: frozenset[RoomId]) -> bool:
    """Tell whether a user is joined to one of these rooms."""
    rows = tx.rows(
        'select room from member where account = :account and "user" = :user and membership = :membership',
        user=user,
        membership="join",
    )
    return any(text(r, "room") in rooms for r in rows)


def forget_room(tx: Tx, room: RoomId) -> None:
    """Drop who is in a room we left; the latch and our membership stay."""
    for table in ("member", "state", "late", "decided", "look_back", "gap", "drift"):
        tx.run(f"delete from {table} where account = :account and room = :room", room=room)


def _see_create(tx: Tx, room: RoomId, sender: UserId, content: Mapping[str, Json]) -> None:
    ensure_room(tx, room)
    named, extra = content.get("room_version", "1"), content.get("additional_creators")
    version = named if isinstance(named, str) else "1"
    creators: set[str] = {sender}
    if creators_have_power(version) and isinstance(extra, list):
        creators.update(user for user in extra if isinstance(user, str))
    tx.run(
        "update room set version = :version, creators = :creators, space = :space where account = :account and room = :room",
        room=room,
        version=version,
        creators=dump(sorted(creators)),
        space=int(content.get("type") == "m.space"),
    )


def _room(row: Row) -> MirroredRoom:
    creators = load(text(row, "creators"))
    return MirroredRoom(
        room=RoomId(text(row, "room")),
        version=text(row, "version"),
        creators=frozenset(UserId(str(user)) for user in creators) if isinstance(creators, list) else frozenset(),
        space=bool(number(row, "space")),
        encrypted=bool(number(row, "encrypted")),
        membership=text(row, "membership"),
        invited_by=UserId(text(row, "invited_by")) if row["invited_by"] else None,
    )


def _state(type_: str, row: Row) -> MirroredState:
    content = load_object(text(row, "content")) if type_ in KEPT else None
    return MirroredState(EventId(text(row, "event")), UserId(text(row, "sender")), content, text(row, "digest"))


def _member(row: Row) -> MirroredMember:
    membership = text(row, "membership")
    return MirroredMember(
        UserId(text(row, "user")),
        membership if membership in ("invite", "join", "knock", "leave", "ban") else "leave",  # type: ignore[arg-type]
        UserId(text(row, "sender")),
        EventId(text(row, "event")),
        maybe_number(row, "since_ms"),
    )
