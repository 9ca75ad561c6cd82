"""What one answer of /sync, or one page of history, brings: decoded, decrypted where possible, ready to be decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from .events import Event, Member, State
from .ids import RoomId, UserId

OwnMembership: TypeAlias = Literal["join", "invite", "knock", "leave"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomUpdate:
    """What a batch says of one room.

    Attributes:
        membership: in which section of the answer the room stood: what the bot is in it now.
        state: state at the start of the timeline (stripped state for an invite or a knock), members among it.
        timeline: what happened, oldest first; state events stand here too.
        limited: the timeline is not whole; everything between ``since`` and this answer must be read from history.
        invited_by: who invited us, when ``membership`` is ``invite``.
        direct: the invite says it is for a direct room.
    """

    room: RoomId
    membership: OwnMembership
    state: tuple[State | Member, ...] = ()
    timeline: tuple[Event, ...] = ()
    limited: bool = False
    invited_by: UserId | None = None
    direct: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncBatch:
    """One answer of /sync.

    Attributes:
        since: the token it was asked with, None for the very first.
        until: the token to ask with next; committed together with what is decided from this batch.
        rooms: one entry a room.
        sessions: ids of the room-key sessions that came with it; events kept for want of them can be read now.
        malformed: rooms whose part of the answer made no sense; their part was left out and they are opened as a gap.
    """

    since: str | None
    until: str
    rooms: tuple[RoomUpdate, ...] = ()
    sessions: frozenset[str] = frozenset()
    malformed: tuple[RoomId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a room's history, oldest first.

    Attributes:
        events: its events, decrypted where possible.
        older: the token to read further back with, None at the beginning of what we may see.
    """

    room: RoomId
    events: tuple[Event, ...]
    older: str | None
