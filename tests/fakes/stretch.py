"""What one ``/sync`` answer covers, for whom, and what the device was sent before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .accounts import Requester
from .events import Event
from .filters import SyncFilter
from .tokens import SyncToken


@dataclass(slots=True)
class SentMembers:
    """Which memberships a device was already sent, and with which answer (lazy loading)."""

    sent: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)

    def has(self, room_id: str, event: Event, since: int) -> bool:
        """Tell whether an answer that the device has received contained it."""
        event_id, stream = self.sent.get((room_id, event.state_key or ""), ("", 0))
        return event_id == event.event_id and stream <= since

    def note(self, room_id: str, events: Iterable[Event], now: int) -> None:
        """Remember what an answer contains."""
        for event in events:
            if event.type == "m.room.member" and event.state_key is not None:
                before = self.sent.get((room_id, event.state_key))
                if before is None or before[0] != event.event_id:
                    self.sent[room_id, event.state_key] = (event.event_id, now)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one answer covers, for whom.

    Attributes:
        since: from where, None for a first sync.
        now: up to where.
        full_state: give all state, whatever the device knows.
    """

    requester: Requester
    since: SyncToken | None
    now: SyncToken
    wanted: SyncFilter
    sent: SentMembers
    clock_ms: int
    full_state: bool = False

    @property
    def after(self) -> int:
        """The event position from which on things are new."""
        return self.since.stream if self.since is not None else 0


@dataclass(frozen=True, slots=True)
class Timeline:
    """The part of a room's events that an answer shows."""

    events: list[Event]
    limited: bool
    prev_batch: int
