"""Single fields of the homeserver's JSON, taken for what they should be or not at all; nothing here raises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from orchestrator.model.ids import EventId, Json, JsonObject, RoomId, UserId

_EVENT_ID = re.compile(r"\$[\x21-\x7e]{1,254}\Z")
_NAME = re.compile(r"[A-Za-z0-9._/+-]{1,255}\Z")
_OPAQUE = re.compile(r"[\x21-\x7e]{1,255}\Z")

_DEEPEST: Final = 150
"""How deep a content is read; Synapse takes none that is deeper than about 125 (measured)."""

_NOTHING: Final[JsonObject] = {}


def an_object(value: Json) -> JsonObject:
    """Take an object; anything else is an empty one."""
    return value if isinstance(value, Mapping) else _NOTHING


def a_list(value: Json) -> list[Json]:
    """Take a list; anything else is an empty one."""
    return value if isinstance(value, list) else []


def a_text(value: Json) -> str:
    """Take a text; anything else is an empty one.

    JSON can spell lone surrogates, which UTF-8 cannot and SQLite will not store; each becomes a question mark.
    """
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode(errors="replace").decode()


def a_name(value: Json) -> str:
    """Take the name of a type or kind; what is not spelled as one (it could be somebody's words) is ""."""
    return value if isinstance(value, str) and _NAME.match(value) else ""


def an_opaque(value: Json) -> str | None:
    """Take an opaque key: printable, without spaces."""
    return value if isinstance(value, str) and _OPAQUE.match(value) else None


def an_event_id(value: Json) -> EventId | None:
    """Take an event id."""
    return EventId(value) if isinstance(value, str) and _EVENT_ID.match(value) else None


def a_room_id(value: Json) -> RoomId | None:
    """Take a room id; like user ids, they may hold any Unicode."""
    return RoomId(value) if isinstance(value, str) and value.startswith("!") and _is_sound(value) else None


def a_sender(value: Json) -> UserId | None:
    """Take the id of somebody of whom a server says that they did something.

    Wider than what a person may write (``is_user_id``): servers must take events from ids with any Unicode in the
    localpart, so a stricter reader would be blind to what their owners do.

    Source: Matrix appendices, "Historical User IDs".
    """
    if not isinstance(value, str) or not value.startswith("@") or not value.partition(":")[2]:
        return None
    return UserId(value) if _is_sound(value) else None


def a_content(content: JsonObject) -> dict[str, Json]:
    """Copy a content so that it can be stored and walked: text that UTF-8 can spell, and not too deep."""
    return {a_text(key): _tidied(value, 1) for key, value in content.items()}


def _is_sound(identifier: str) -> bool:
    return a_text(identifier) == identifier and "\0" not in identifier and len(identifier.encode()) <= 255


def _tidied(value: Json, depth: int) -> Json:
    if isinstance(value, str):
        return a_text(value)
    if isinstance(value, Mapping):
        return {a_text(k): _tidied(v, depth + 1) for k, v in value.items()} if depth < _DEEPEST else None
    if isinstance(value, list):
        return [_tidied(v, depth + 1) for v in value] if depth < _DEEPEST else None
    return value
