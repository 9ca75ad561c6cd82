"""What the engine needs of the outside, as protocols: it never speaks to a homeserver itself."""

from __future__ import annotations

from typing import Protocol

from orchestrator.model.batch import Page
from orchestrator.model.events import Event
from orchestrator.model.ids import EventId, RoomId


class History(Protocol):
    """Reads back what a room's timeline held."""

    async def page(self, room: RoomId, *, start: str, stop: str, limit: int = 100) -> Page:
        """Read a page backwards from ``start`` towards ``stop``."""
        ...

    async def event(self, room: RoomId, event: EventId) -> Event | None:
        """Read one event; None when it is gone or not ours to see."""
        ...
