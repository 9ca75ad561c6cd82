"""Power levels as the room's version means them: our own reading, creators included.

Source: client-server API ``m.room.power_levels``, room versions 10 to 12 (MSC4289: creators have infinite power in 12).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .ids import Json, UserId

CREATORS_RULE_FROM = 12
KEEPER_LEVEL = 150
"""What the bot holds in rooms before version 12: above the leads, so that it can take a lead's power back."""

TOMBSTONE_LEVEL = 150
"""From version 12 on only creators may replace a room: a new one would have other creators (room version 12)."""

FOR_LEADS = (
    "m.room.avatar",
    "m.room.canonical_alias",
    "m.room.encryption",
    "m.room.guest_access",
    "m.room.history_visibility",
    "m.room.join_rules",
    "m.room.name",
    "m.room.policy",
    "m.room.power_levels",
    "m.room.retention",
    "m.room.server_acl",
    "m.space.child",
    "m.space.parent",
)
"""State that only leads may set where a template says nothing else."""

FOR_FACILITATORS = ("m.room.pinned_events", "m.room.topic")
"""State that facilitators on duty may set, too."""

_NUMBER = re.compile(r"[0-9]{1,4}\Z")


def creators_have_power(room_version: str) -> bool:
    """Tell whether creators stand above all levels in this room version (12 and later)."""
    # Whoever made the room wrote this: it may be any text, and what is no number is no version we know.
    return _NUMBER.match(room_version) is not None and int(room_version) >= CREATORS_RULE_FROM


def _level(value: Json, default: int) -> int:
    # Since version 10 levels are integers only; anything else is as if it were not there.
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _levels(value: Json) -> dict[str, int]:
    return {k: _level(v, 0) for k, v in value.items()} if isinstance(value, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Power:
    """Who may do what in a room.

    Args:
        room_version: such as "12".
        creators: the sender of ``m.room.create`` and its ``additional_creators``.
        content: of ``m.room.power_levels``; None when the room has none.
    """

    room_version: str
    creators: frozenset[UserId]
    content: Mapping[str, Json] | None = field(repr=False)

    def of(self, user: UserId) -> float:
        """Tell a user's level; infinite for a creator in version 12 and later."""
        if user in self.creators and (creators_have_power(self.room_version) or self.content is None):
            return math.inf if creators_have_power(self.room_version) else 100
        content = self.content or {}
        return _levels(content.get("users")).get(user, _level(content.get("users_default"), 0))

    def to_send(self, event_type: str, *, state: bool = False) -> int:
        """Tell the level needed to send an event of this type."""
        content = self.content or {}
        default = (
            _level(content.get("state_default"), 50 if self.content is not None else 0)
            if state
            else _level(content.get("events_default"), 0)
        )
        return _levels(content.get("events")).get(event_type, default)

    def to_act(self, action: str) -> int:
        """Tell the level needed to ``invite``, ``kick``, ``ban`` or ``redact`` others' events."""
        return _level((self.content or {}).get(action), 0 if action == "invite" else 50)

    def can_send(self, user: UserId, event_type: str, *, state: bool = False) -> bool:
        """Tell whether a user may send an event of this type."""
        return self.of(user) >= self.to_send(event_type, state=state)
