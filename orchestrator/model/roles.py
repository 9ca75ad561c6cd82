"""What somebody is in a room, as far as the bot goes by it."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """What somebody is in a room, now. The numbers order them; they are not power levels."""

    MEMBER = 0
    FACILITATOR = 1
    """On duty in this room. A facilitator off duty is a member, and is told how to go on duty."""
    LEAD = 2
