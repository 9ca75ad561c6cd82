"""Filters of ``/sync`` and ``/messages``."""

from __future__ import annotations

from dataclasses import dataclass

from .values import Json, JsonObject, obj, text, texts, whole


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events of one kind are wanted.

    Source: client-server API, "Filtering"; only a ``*`` at the end of a type is a wildcard, as on Synapse.
    """

    limit: int = 10
    types: tuple[str, ...] | None = None
    not_types: tuple[str, ...] = ()
    senders: tuple[str, ...] | None = None
    not_senders: tuple[str, ...] = ()
    rooms: tuple[str, ...] | None = None
    not_rooms: tuple[str, ...] = ()
    lazy_load_members: bool = False
    include_redundant_members: bool = False

    @classmethod
    def parse(cls, value: Json) -> EventFilter:
        """Read one part of a filter."""
        part = obj(value)
        return cls(
            limit=whole(part.get("limit"), 10),
            types=_listed(part, "types"),
            not_types=tuple(texts(part.get("not_types"))),
            senders=_listed(part, "senders"),
            not_senders=tuple(texts(part.get("not_senders"))),
            rooms=_listed(part, "rooms"),
            not_rooms=tuple(texts(part.get("not_rooms"))),
            lazy_load_members=part.get("lazy_load_members") is True,
            include_redundant_members=part.get("include_redundant_members") is True,
        )

    def wants(self, event_type: str, sender: str = "", room_id: str = "") -> bool:
        """Tell whether an event passes."""
        if any(_matches(event_type, pattern) for pattern in self.not_types):
            return False
        if self.types is not None and not any(_matches(event_type, pattern) for pattern in self.types):
            return False
        if sender in self.not_senders or (self.senders is not None and sender not in self.senders):
            return False
        return self.wants_room(room_id)

    def wants_room(self, room_id: str) -> bool:
        """Tell whether a room passes."""
        return room_id not in self.not_rooms and (self.rooms is None or room_id in self.rooms)

    @property
    def wants_nothing(self) -> bool:
        """Whether nothing can pass."""
        nothing = () in (self.types, self.senders, self.rooms)
        return nothing or "*" in self.not_types or "*" in self.not_senders


@dataclass(frozen=True, slots=True)
class SyncFilter:
    """A whole filter of ``/sync``."""

    timeline: EventFilter = EventFilter()
    state: EventFilter = EventFilter()
    account_data: EventFilter = EventFilter()
    rooms: EventFilter = EventFilter()
    include_leave: bool = False

    @classmethod
    def parse(cls, value: JsonObject) -> SyncFilter:
        """Read a filter."""
        room = obj(value.get("room"))
        return cls(
            timeline=EventFilter.parse(room.get("timeline")),
            state=EventFilter.parse(room.get("state")),
            account_data=EventFilter.parse(value.get("account_data")),
            rooms=EventFilter.parse({key: room[key] for key in ("rooms", "not_rooms") if key in room}),
            include_leave=room.get("include_leave") is True,
        )


def _listed(part: JsonObject, key: str) -> tuple[str, ...] | None:
    return tuple(texts(part[key])) if isinstance(part.get(key), list) else None


def _matches(actual: str, pattern: str) -> bool:
    return actual.startswith(text(pattern)[:-1]) if pattern.endswith("*") else actual == pattern
