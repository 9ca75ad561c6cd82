"""Platform: rooms from templates, found again, kept as they were meant, and the one writer's merging of claims."""

from .applying import Applied, Left, StalePlan, apply_community
from .changes import EXISTS, Change, Plan, Slot, State
from .choices import Choices
from .compose import ComposeContext, compose, compose_context
from .craft import Rooms
from .create import DIRECT_VERSION, OLDEST_VERSION, direct_body, direct_room, direct_version, room_body
from .exporting import Exported, Seen, blank_room, exported
from .guards import Refused
from .plan import plan_community
from .restoring import composed
from .upgrade import start_upgrade

__all__ = [
    "DIRECT_VERSION",
    "EXISTS",
    "OLDEST_VERSION",
    "Applied",
    "Change",
    "Choices",
    "ComposeContext",
    "Exported",
    "Left",
    "Plan",
    "Refused",
    "Rooms",
    "Seen",
    "Slot",
    "StalePlan",
    "State",
    "apply_community",
    "blank_room",
    "compose",
    "compose_context",
    "composed",
    "direct_body",
    "direct_room",
    "direct_version",
    "exported",
    "plan_community",
    "room_body",
    "start_upgrade",
]
