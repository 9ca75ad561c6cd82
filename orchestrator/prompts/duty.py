"""What the desks of prompts are called together, and what they ask of others."""

from __future__ import annotations

from typing import Final, Protocol

from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import CommunityKey, RoomKey, UserId

NAME: Final = "prompts"
"""The craft; its timers and effects go by this name."""


class Duty(Protocol):
    """Tells who is on duty."""

    def on_duty(self, tx: Tx, community: CommunityKey, room: RoomKey | None, now: Now) -> tuple[UserId, ...]:
        """List who is on duty in a room."""
        ...
