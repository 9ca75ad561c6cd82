"""A room: its events in the order the server learnt of them, and its state at any moment."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import replace

from .events import Draft, Event, RoomVersion, pruned
from .power import Power
from .values import JsonObject, text, texts

StateKey = tuple[str, str]


class Room:
    """One room. Tests read it; only the server writes it.

    Attributes:
        gaps: stream positions of events before which others are missing from the timeline (see ``oddities``).
        published: whether it stands in the directory.
        forgotten_by: who asked not to be reminded of it.
    """

    def __init__(self, room_id: str, version: RoomVersion) -> None:
        self.room_id = room_id
        self.version = version
        self.gaps: list[int] = []
        self.published = False
        self.forgotten_by: set[str] = set()
        self.joined: dict[str, None] = {}
        self._timeline: list[Event] = []
        self._by_id: dict[str, Event] = {}
        self._state: dict[StateKey, list[Event]] = {}

    def __repr__(self) -> str:
        return f"Room({self.room_id!r}, version {self.version.id}, {len(self._timeline)} events)"

    # What tests look at.

    def history(self, event_type: str | None = None, *, sender: str | None = None) -> tuple[Event, ...]:
        """List all events, or those of one type or sender, oldest first as the room's graph has them."""
        chosen = (
            event
            for event in self._timeline
            if event_type in (None, event.type) and (sender is None or event.sender == sender)
        )
        return tuple(sorted(chosen, key=topological))

    def texts(self, *, sender: str | None = None) -> tuple[str, ...]:
        """List what the messages still say, oldest first; redacted ones say nothing and are left out."""
        return tuple(event.body for event in self.history("m.room.message", sender=sender) if event.body)

    def state(self, event_type: str, state_key: str = "") -> JsonObject | None:
        """Read the content of a state event as it stands, None where there is none."""
        event = self.state_event(event_type, state_key)
        return None if event is None else event.content

    def members(self, membership: str = "join") -> frozenset[str]:
        """List the users who are ``membership`` in the room."""
        return frozenset(
            key
            for (event_type, key), events in self._state.items()
            if event_type == "m.room.member" and events[-1].membership == membership
        )

    def event(self, event_id: str) -> Event | None:
        """Find an event by its id."""
        return self._by_id.get(event_id)

    def level(self, user_id: str) -> float:
        """Read a user's power level; a creator's from version 12 on is infinite."""
        return self.power().of(user_id)

    # What the server works with.

    @property
    def last(self) -> Event | None:
        """The event the server learnt of last."""
        return self._timeline[-1] if self._timeline else None

    def state_event(self, event_type: str, state_key: str = "", *, at: int | None = None) -> Event | None:
        """Find the state event for a key, now or as it was at a stream position."""
        events = self._state.get((event_type, state_key))
        if not events:
            return None
        if at is None:
            return events[-1]
        index = bisect_right(events, at, key=_stream)
        return events[index - 1] if index else None

    def state_map(self, *, at: int | None = None) -> dict[StateKey, Event]:
        """Read the whole state, now or as it was at a stream position."""
        found = ((key, self.state_event(*key, at=at)) for key in self._state)
        return {key: event for key, event in found if event is not None}

    def membership(self, user_id: str, *, at: int | None = None) -> str | None:
        """Read what a user is in the room, None for one who never was anything in it."""
        event = self.state_event("m.room.member", user_id, at=at)
        return None if event is None else event.membership

    def read(self, event_type: str, field: str, default: str, *, at: int | None = None) -> str:
        """Read one string of one state event."""
        event = self.state_event(event_type, at=at)
        return default if event is None else text(event.content.get(field), default)

    def power(self) -> Power:
        """Read the power levels as they stand."""
        create = self.state_event("m.room.create")
        if create is None:
            return Power(frozenset(), "", None)
        creators: frozenset[str] = frozenset()
        if self.version.creators_rule:
            creators = frozenset([create.sender, *texts(create.content.get("additional_creators"))])
        return Power(creators, create.sender, self.state("m.room.power_levels"))

    def between(self, after: int, upto: int) -> list[Event]:
        """List the events of a stretch of the stream, in stream order."""
        start = bisect_right(self._timeline, after, key=_stream)
        stop = bisect_right(self._timeline, upto, key=_stream)
        return self._timeline[start:stop]

    def gap_in(self, after: int, upto: int) -> int | None:
        """Find the newest gap of a stretch of the stream."""
        return max((gap for gap in self.gaps if after < gap <= upto), default=None)

    def member_keys(self, users: Iterable[str]) -> Iterator[StateKey]:
        """Name the state keys under which some users' memberships stand."""
        return (("m.room.member", user) for user in users)

    def add(self, event: Event, *, becomes_state: bool = True) -> None:
        """Take an event in; a state event becomes current unless it lost against a newer one."""
        # What is filled in from before the beginning has a negative position.
        insort(self._timeline, event, key=_stream)
        self._by_id[event.event_id] = event
        if event.state_key is not None and becomes_state:
            self._state.setdefault((event.type, event.state_key), []).append(event)
            self._note_member(event)
        if event.type == "m.room.redaction" and event.redacts is not None:
            self._empty(event, event.redacts)

    def resolve(self, event_type: str, state_key: str, event: Event | None) -> None:
        """Have state resolution put another event in place, or none; nobody is told by /sync."""
        if event is None:
            del self._state[event_type, state_key]
        else:
            self._state[event_type, state_key].append(event)
            self._note_member(event)

    def clone(self) -> Room:
        """Copy the room, to try something out that may fail in the middle."""
        copy = Room(self.room_id, self.version)
        for event in self._timeline:
            copy.add(replace(event))
        return copy

    def pretend(self, draft: Draft) -> None:
        """Take a draft into a copy, as if it had been sent."""
        stream = self._timeline[-1].stream + 1
        event_id, depth = f"$pretended{stream}", self._timeline[-1].depth + 1
        self.add(
            Event(
                event_id, self.room_id, draft.type, draft.sender, draft.content, 0, stream, depth, stream,
                state_key=draft.state_key,
            )
        )  # fmt: skip

    def _note_member(self, event: Event) -> None:
        if event.type != "m.room.member" or event.state_key is None:
            return
        if event.membership == "join":
            self.joined[event.state_key] = None
        else:
            self.joined.pop(event.state_key, None)

    def _empty(self, redaction: Event, target_id: str) -> None:
        target = self._by_id.get(target_id)
        if target is not None and target.redacted_because is None:
            target.content = pruned(target, self.version)
            target.redacts = target.redacts if self.version.redacts_in_content else None
            target.redacted_because = redaction


def topological(event: Event) -> tuple[int, int]:
    """Order events as the room's graph does."""
    return (event.depth, event.stream)


def _stream(event: Event) -> int:
    return event.stream
