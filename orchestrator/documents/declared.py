"""The documents once they are checked and joined: what the crafts read. Nothing here is looked up by name again.

All durations are milliseconds, all levels integers, all texts are the author's own. Turns, and decks with meetings, stand in
modules of their own; whoever reads documents finds all of it here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from orchestrator.model.cadence import QuietHours
from orchestrator.model.ids import AccountKey, CommunityKey, RoomKey, UserId

from .decks import CALL, Deck, FixedDay, Gate, Meeting, Poll, Prompt, PromptSchedule
from .policy import Policy
from .turns import FixedTurn, Rota, RotaLayer, Serving, Temporary

__all__ = [
    "CALL",
    "CONTROL_KEY",
    "SPACE_KEY",
    "Acl",
    "Community",
    "Deck",
    "Documents",
    "FixedDay",
    "FixedTurn",
    "Gate",
    "History",
    "JoinRule",
    "Layer",
    "Meeting",
    "OnDrift",
    "Origin",
    "Poll",
    "PowerMap",
    "Prompt",
    "PromptSchedule",
    "Retention",
    "Room",
    "Rota",
    "RotaLayer",
    "Serving",
    "Settings",
    "Temporary",
    "Welcome",
]

JoinRule: TypeAlias = Literal["invite", "knock", "restricted", "knock_restricted", "public"]
History: TypeAlias = Literal["joined", "invited", "shared", "world_readable"]
OnDrift: TypeAlias = Literal["report", "accept", "enforce"]
Layer: TypeAlias = Literal["floor", "community", "template", "extends", "room", "overlay", "default"]

SPACE_KEY: Final = RoomKey("")
"""The room key of a community's space."""

CONTROL_KEY = RoomKey("control")
"""The room key of a community's control room, which is made without being declared."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Which layer set a value, and where it is written; ``file`` is "" for what nobody wrote."""

    layer: Layer
    file: str = ""
    line: int = 0
    col: int = 0


@dataclass(frozen=True, slots=True)
class Retention:
    """How long servers are asked to keep what is said; ``m.room.retention`` (MSC1763)."""

    max_ms: int
    min_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Acl:
    """Which servers may take part; ``m.room.server_acl``, whose patterns know ``*`` and ``?``."""

    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    ip_literals: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a room is made. ``room_version``, ``encryption`` and ``federate`` are for ever; the rest can change.

    Attributes:
        allow: rooms or spaces of this community whose members may come in where ``join`` is restricted; empty: the space
            that the room hangs in.
        retention: None: nothing is said about it.
        acl: None: nothing is said about it.
    """

    room_version: str
    join: JoinRule
    history: History
    guests: bool
    encryption: bool
    listed: bool
    federate: bool
    allow: tuple[RoomKey, ...] = ()
    retention: Retention | None = None
    acl: Acl | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerMap:
    """What each role may do. ``events`` maps event types to the least level."""

    lead: int
    facilitator: int
    member: int
    events: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """How somebody new is greeted."""

    where: Literal["room", "direct"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A declared room (or a space), with its template, names and people filled in.

    Attributes:
        key: unique within the community; ``SPACE_KEY`` ("") for the community's space, ``CONTROL_KEY`` for the control room.
        alias: the localpart, without ``#`` and server; None: no alias.
        previously: former keys, under which the room is looked for too.
        facilitators: on the rota, or always on duty where there is no rota. In the control room: those of all rooms.
        listed: where the time of some of them is over by now (see ``lists``): all of them, in their order; else empty.
        serving: of those facilitators who come later or leave on a day that is known.
        shadows: who watches how it is done, in order; they belong to the staff and hold no power.
        on_drift: what to do about each part that differs; every part is there, the keys are those of ``DRIFT``.
        quiet: hours in which nothing is asked: the room's own, or else its rota's.
        within: the space it hangs in; ``SPACE_KEY`` for the community's own. The community's space hangs in none.
        suggested: its space recommends it to newcomers.
        avatar: a picture; ``avatar_sha256`` is that of its bytes, in hex ("" where there is none).
        knock_question: what is asked of somebody who knocks; "": nothing.
        archive: it is to be closed. Nobody is on duty there and nothing is asked any more.
        adopt: the id or an alias of a room that somebody else made: that one is to be taken over, and none is made.
        origins: which layer set what, by the path it has in the documents, such as ``settings.join``.
        faults: what is wrong with what the files say of this room, by path, as ``file:line:col: message``; what is said
            here in its place is the tightest that holds, and nobody should act on it.
    """

    community: CommunityKey
    key: RoomKey
    previously: tuple[RoomKey, ...]
    kind: Literal["room", "space"]
    name: str
    topic: str
    alias: str | None
    settings: Settings
    power: PowerMap
    policy: Policy | None
    rota: Rota | None
    prompts: tuple[PromptSchedule, ...]
    welcome: Welcome | None
    facilitators: tuple[UserId, ...]
    on_drift: Mapping[str, OnDrift]
    serving: Mapping[UserId, Serving] = field(default_factory=dict)
    listed: tuple[UserId, ...] = ()
    shadows: tuple[UserId, ...] = ()
    quiet: QuietHours | None = None
    meetings: tuple[Meeting, ...] = ()
    within: RoomKey = SPACE_KEY
    suggested: bool = False
    avatar: Path | None = None
    avatar_sha256: str = ""
    knock_question: str = ""
    archive: bool = False
    adopt: str | None = None
    # What a line is moved to in a file changes no room.
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)
    faults: Mapping[str, str] = field(default_factory=dict)

    def everybody_listed(self) -> tuple[UserId, ...]:
        """List all facilitators that it declares, also those whose time is over."""
        return self.listed or self.facilitators

    def decks(self) -> tuple[Deck, ...]:
        """List the decks that are asked here: by the week, and in meetings."""
        met = (deck for one in self.meetings for deck in (one.opening, one.closing) if deck is not None)
        return (*met, *(schedule.deck for schedule in self.prompts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """A space and its rooms.

    Attributes:
        rooms: neither the space nor the control room; first the spaces within the space, parents before children, then
            the rooms in the order of the file.
        founders: people who stand beside the bot as creators of rooms made from now on (room version 12 and later).
    """

    key: CommunityKey
    account: AccountKey
    name: str
    purpose: str
    leads: tuple[UserId, ...]
    zone: ZoneInfo
    locale: str
    prefix: str
    space: Room
    control: Room
    rooms: tuple[Room, ...]
    previously: tuple[CommunityKey, ...] = ()
    founders: tuple[UserId, ...] = ()

    def every_room(self) -> tuple[Room, ...]:
        """List the space, the control room, the spaces within and the rooms, in the order in which they are made."""
        return (self.space, self.control, *self.rooms)

    def room(self, key: RoomKey) -> Room | None:
        """Find a room by its key."""
        return next((room for room in self.every_room() if room.key == key), None)

    def name_of(self, key: RoomKey) -> str:
        """Say what a room is called; of one that is not there any more, what the community is."""
        room = self.room(key)
        return self.name if room is None else room.name

    def policy(self) -> Policy | None:
        """The policy that speaks for the community where no room is meant: the first that a room has."""
        return next((room.policy for room in self.every_room() if room.policy is not None), None)

    def staff(self) -> frozenset[UserId]:
        """Leads, facilitators and those who shadow them: who belongs in the control room."""
        return frozenset(self.leads).union(*((*room.facilitators, *room.shadows) for room in self.rooms))


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """Everything the authors wrote, checked."""

    communities: tuple[Community, ...]

    def community(self, key: CommunityKey) -> Community | None:
        """Find a community by its key."""
        return next((community for community in self.communities if community.key == key), None)

    def room(self, community: CommunityKey, key: RoomKey) -> Room | None:
        """Find a declared room."""
        found = self.community(community)
        return None if found is None else found.room(key)

    def prefix_in(self, community: CommunityKey | None) -> str:
        """Tell what commands begin with in a community; elsewhere it is as in the first one."""
        found = self.community(community) if community is not None else None
        return next((one.prefix for one in (found, *self.communities) if one is not None), "!")

    def answering_to(self, shared: Collection[CommunityKey]) -> tuple[Community, ...]:
        """Choose the communities that answer for somebody who writes in private: those they share with us.

        Where there is only one community it is that one, also for somebody who has left: that we are there is no secret.
        """
        mine = tuple(community for community in self.communities if community.key in shared)
        return mine or (self.communities if len(self.communities) == 1 else ())

    def of(self, account: AccountKey) -> Documents:
        """Keep only what one account looks after."""
        return Documents(communities=tuple(c for c in self.communities if c.account == account))
