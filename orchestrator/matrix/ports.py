"""What delivery is given from outside the house of Matrix: it knows no craft and no document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from orchestrator.model.effects import Outcome
from orchestrator.model.ids import Cause, EventId, JsonObject, RoomId, UserId
from orchestrator.store.outbox import Waiting


class Confirm(Protocol):
    """Notes what became of an effect; its craft hears of it in the same transaction."""

    async def __call__(
        self,
        cause: Cause,
        outcome: Outcome,
        *,
        event: EventId | None = None,
        room: RoomId | None = None,
        errcode: str = "",
        words: str = "",
    ) -> None:
        """Note it; a cause that is already done is left as it is."""
        ...


class Compose(Protocol):
    """Merges claims with what is live into the content that should be."""

    async def __call__(self, room: RoomId, type_: str, key: str, live: JsonObject | None) -> JsonObject | None:
        """Tell the content wanted; None when nothing is claimed and nothing should be written."""
        ...


@dataclass(frozen=True, slots=True)
class DirectRoom:
    """How to make a direct room: what it will say it is, and the ``createRoom`` body, which invites nobody."""

    locator: str
    body: JsonObject


class Direct(Protocol):
    """Knows what a direct room looks like."""

    def __call__(self, user: UserId, *, oldest: bool = False) -> DirectRoom:
        """Describe the direct room for a user; ``oldest``: in a version that every server knows."""
        ...


class Amender(Protocol):
    """Carries out a change of the documents."""

    async def __call__(self, row: Waiting) -> None:
        """Write it; doing so twice is doing it once. Raises DocumentErrors when the result would not check."""
        ...
