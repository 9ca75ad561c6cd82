"""Who may do how much in a room, by its create event and power levels."""

from __future__ import annotations

import math

from .values import JsonObject, obj, whole

CREATORS = math.inf
"""The level of a creator from room version 12 on: above every number."""


class Power:
    """A room's power levels as they stand.

    Args:
        creators: the users who stand above all levels (from room version 12; none before).
        founder: who made the room; has 100 where there are no power levels yet.
        content: the content of ``m.room.power_levels``, None where there is none.

    Source: client-server API, ``m.room.power_levels``; MSC4289.
    """

    def __init__(self, creators: frozenset[str], founder: str, content: JsonObject | None) -> None:
        self.creators = creators
        self._founder = founder
        self._content = content
        self._levels = content or {}

    def of(self, user_id: str) -> float:
        """Read a user's level."""
        if user_id in self.creators:
            return CREATORS
        if self._content is None:
            return 100 if user_id == self._founder else 0
        users = obj(self._levels.get("users"))
        return whole(users.get(user_id), whole(self._levels.get("users_default"), 0))

    def to(self, action: str) -> int:
        """Read the level needed to ``ban``, ``kick``, ``redact`` (50 each if unsaid) or ``invite`` (0)."""
        return whole(self._levels.get(action), 0 if action == "invite" else 50)

    def to_send(self, event_type: str, *, is_state: bool) -> int:
        """Read the level needed to send an event."""
        default = (
            whole(self._levels.get("state_default"), 50) if is_state else whole(self._levels.get("events_default"), 0)
        )
        return whole(obj(self._levels.get("events")).get(event_type), default)

    def may(self, user_id: str, action: str) -> bool:
        """Tell whether a user has the level for an action."""
        return self.of(user_id) >= self.to(action)


def shown(level: float) -> str:
    """Write a level as Synapse puts it into its sentences."""
    return "9007199254740991" if level == CREATORS else str(int(level))
