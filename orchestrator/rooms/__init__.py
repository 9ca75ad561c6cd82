"""Platform: rooms from templates, found again, kept as they were meant, and the one writer's merging of claims.

``planning`` finds what differs and applies it, ``state`` puts one state event together out of many claims, ``people``
come and go, ``closing`` is for what ends or moves. What lies here speaks for all of them: the craft itself, its
commands, drift, and the words to the leads.
"""

from .changes import EXISTS, Change, Plan, Slot, State
from .closing.upgrade import start_upgrade
from .craft import Rooms
from .planning.applying import Applied, Left, StalePlan, apply_community
from .planning.choices import Choices
from .planning.exporting import Exported, Seen, blank_room, exported
from .planning.guards import Refused
from .planning.plan import plan_community
from .state.compose import ComposeContext, compose, compose_context
from .state.create import DIRECT_VERSION, OLDEST_VERSION, direct_body, direct_room, direct_version, room_body
from .state.restoring import composed

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
