"""A message, and where it is judged."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from orchestrator.culture.rules import Scene
from orchestrator.model.events import Message
from orchestrator.model.ids import EventId, RoomId, RoomKey
from tests.declared import CY

NOW_MS = 1_767_700_000_000
ROOM = RoomId("!abcdefghijklmnop")


def a_message(body: str = "hello", **more: object) -> Message:
    message = Message(room=ROOM, id=EventId("$a"), sender=CY, at_ms=NOW_MS, kind="m.text", body=body)
    return replace(message, **more)  # type: ignore[arg-type]


def a_scene(**more: object) -> Scene:
    scene = Scene(
        at_ms=NOW_MS,
        zone=ZoneInfo("Europe/Berlin"),
        room=RoomKey("tuesday"),
        repeated=lambda _within_ms: 1,
        written=lambda _within_ms: 1,
    )
    return replace(scene, **more)  # type: ignore[arg-type]
