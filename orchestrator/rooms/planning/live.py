"""Rooms as they are, as far as we know: from the mirror, and from what was read because the mirror holds no words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, JsonObject, RoomId, UserId, server_of
from orchestrator.model.power import Power, creators_have_power
from orchestrator.model.things import PSEUDO
from orchestrator.rooms.changes import Slot
from orchestrator.rooms.state.compose import READ
from orchestrator.store import mirror
from orchestrator.store.mirror import MirroredState, digest_of


@dataclass(frozen=True, slots=True)
class LiveState:
    """A state event as it stands.

    Attributes:
        content: None while only its digest is known.
        digest: of the whole content; "" for what was read and is not there.
    """

    event: EventId
    sender: UserId | None
    content: JsonObject | None = field(repr=False)
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRoom:
    """A room as it stands.

    Attributes:
        seen: we are in it and have seen its state; else nothing of it may be taken for absent.
        state: by type and key.
        read: what was read from the server just now; None: there is no such state.
        unread: what was asked for in vain.
        servers: of those who are in it; empty where nobody asked.
    """

    id: RoomId
    seen: bool
    version: str = ""
    creators: frozenset[UserId] = frozenset()
    space: bool = False
    encrypted: bool = False
    state: Mapping[tuple[str, str], LiveState] = field(default_factory=dict)
    read: Mapping[tuple[str, str], JsonObject | None] = field(default_factory=dict, repr=False)
    unread: frozenset[tuple[str, str]] = frozenset()
    servers: frozenset[str] = frozenset()

    @property
    def power(self) -> Power:
        """Who may do what in it."""
        return Power(self.version, self.creators, self.content("m.room.power_levels"))

    def at(self, type_: str, key: str = "") -> LiveState | None:
        """Find a state event; with what was read of it, if it was."""
        known, place = self.state.get((type_, key)), (type_, key)
        if place not in self.read:
            return known
        content = self.read[place]
        if content is None:
            return None
        digest = digest_of(content)
        if known is not None and known.digest == digest:
            return replace(known, content=content)
        # Somebody was quicker than our sync: whose event it is, nobody has told us yet.
        return LiveState(EventId(f"{READ}{digest}"), None, content, digest)

    def is_known(self, type_: str, key: str = "") -> bool:
        """Tell whether we know what stands there, or that nothing does."""
        place = (type_, key)
        if place in self.unread:
            return False
        if place in self.read:
            return True
        live = self.state.get(place)
        return live.content is not None if live is not None else type_ not in PSEUDO

    def content(self, type_: str, key: str = "") -> JsonObject | None:
        """Read a content; None where there is none or it is not known."""
        live = self.at(type_, key)
        return None if live is None else live.content

    def is_creator(self, user: UserId) -> bool:
        """Tell whether somebody has all power for ever."""
        return creators_have_power(self.version) and user in self.creators


def live_room(tx: Tx, room: RoomId, *, with_servers: bool = False) -> LiveRoom:
    """Read a room from the mirror."""
    known = mirror.room_of(tx, room)
    if known is None or known.membership != "join" or not known.version:
        return LiveRoom(id=room, seen=False)
    servers = frozenset(server_of(member.user) for member in mirror.members(tx, room)) if with_servers else frozenset()
    return LiveRoom(
        id=room,
        seen=True,
        version=known.version,
        creators=known.creators,
        space=known.space,
        encrypted=known.encrypted,
        state={place: _state(seen) for place, seen in mirror.states_of(tx, room).items()},
        servers=servers,
    )


def with_read(
    live: LiveRoom, fetched: Mapping[Slot, JsonObject | None], unreadable: frozenset[Slot] = frozenset()
) -> LiveRoom:
    """Add what was read from the server to what the mirror knows."""
    read = {(type_, key): content for (room, type_, key), content in fetched.items() if room == live.id}
    unread = frozenset((type_, key) for room, type_, key in unreadable if room == live.id)
    return replace(live, read=read, unread=unread) if read or unread else live


def _state(seen: MirroredState) -> LiveState:
    return LiveState(seen.event, seen.sender, seen.content, seen.digest)
