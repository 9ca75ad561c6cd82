"""Platform: rooms from templates, found again, kept as they were meant, and the one writer's merging of claims."""

from .compose import ComposeContext, compose, compose_context
from .craft import Rooms
from .create import direct_body, direct_room, room_body
from .restoring import composed

__all__ = [
    "ComposeContext",
    "Rooms",
    "compose",
    "compose_context",
    "composed",
    "direct_body",
    "direct_room",
    "room_body",
]
