"""Platform: rooms from templates, found again, kept as they were meant, and the one writer's merging of claims."""

from .applying import Applied, Choices, Left, StalePlan, apply_community
from .changes import EXISTS, Change, Plan, Slot, State
from .compose import ComposeContext, compose, compose_context
from .craft import Rooms
from .create import direct_body, direct_room, room_body
from .guards import Refused
from .plan import plan_community
from .restoring import composed

__all__ = [
    "EXISTS",
    "Applied",
    "Change",
    "Choices",
    "ComposeContext",
    "Left",
    "Plan",
    "Refused",
    "Rooms",
    "Slot",
    "StalePlan",
    "State",
    "apply_community",
    "compose",
    "compose_context",
    "composed",
    "direct_body",
    "direct_room",
    "plan_community",
    "room_body",
]
