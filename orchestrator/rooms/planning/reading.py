"""What stands live where an attribute lives, whether two values mean the same, and how a person would write them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, TypeAlias

from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.ids import Json, JsonObject, RoomId, RoomKey
from orchestrator.model.things import FILE
from orchestrator.rooms.state.topic import topic_content
from orchestrator.store.rows import dump


class Absent:
    """Nothing stands there; unlike None it is never a value."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()
Value: TypeAlias = "Json | Absent"

Topics = Mapping[str, str]
"""What others say in the same topic, by slot."""


def value_at(  # noqa: PLR0911 - one way out a kind
    path: str,
    claim_path: Sequence[str],
    content: JsonObject | None,
    *,
    said: Topics | None = None,
    mine: Collection[str] = (),
) -> Value:
    """Read what stands live where an attribute lives.

    Args:
        path: the attribute's.
        claim_path: its place in the content.
        content: of the state event; None: there is none.
        said: for a topic, what others say in it.
        mine: for a topic, what ours may say: what is desired, what was applied.
    """
    if content is None:
        return ABSENT
    match path:
        case "topic":
            return _topic(content, said or {}, mine)
        case "link":
            return list(_list(content, "via")) or ABSENT
        case "in":
            return (
                {"via": _list(content, "via"), "canonical": content.get("canonical") is True}
                if _list(content, "via")
                else ABSENT
            )
        case "avatar":
            return {FILE: content[FILE]} if FILE in content else content.get("url") or ABSENT
    value: Json = content
    for part in claim_path:
        if not isinstance(value, Mapping) or part not in value:
            return ABSENT
        value = value[part]
    return ABSENT if value is None else value


def same(path: str, one: Value, other: Value) -> bool:
    """Tell whether two values of an attribute mean the same."""
    if one is other or (type(one) is type(other) and one == other):
        return True
    one, other = _meant(path, one), _meant(path, other)
    if isinstance(one, Absent) or isinstance(other, Absent):
        return one is other
    return dump(one) == dump(other)


def shown(path: str, value: Value, keys: Mapping[RoomId, RoomKey]) -> Json:
    """Write a value as a person would in the documents; None where there is none. ``keys``: how rooms are called."""
    if isinstance(value, Absent) or value is None:
        return None
    read = _SHOWN.get(path)
    if path == "settings.allow":
        return _allow(value, keys)
    return value if read is None else read(value)


def _topic(content: JsonObject, said: Topics, mine: Collection[str]) -> Value:
    plain = content.get("topic")
    if not isinstance(plain, str):
        return ABSENT
    for text in mine:
        # With what others say in it, or before they have said it.
        for parts in ({**said, "topic": text}, {"topic": text}):
            if topic_content(parts).get("topic", "") == plain:
                return text
    return plain


def _list(content: JsonObject, key: str) -> list[Json]:
    value = content.get(key)
    return [*value] if isinstance(value, list | tuple) else []


def _meant(path: str, value: Value) -> Value:  # noqa: PLR0911 - one way out a kind
    match path:
        case "topic":
            return value or ABSENT if isinstance(value, str) else value
        case "alias" | "settings.federate" | "kind":
            return value if value != _DEFAULTS.get(path) else ABSENT
        case "suggested" | "settings.directory":
            return value if value is True else ABSENT
        case "link":
            return ABSENT if isinstance(value, Absent) or not value else True
        case "in":
            return (
                ABSENT
                if isinstance(value, Absent) or not value
                else isinstance(value, Mapping) and value.get("canonical") is True
            )
        case "settings.allow" | "settings.acl.allow" | "settings.acl.deny" if isinstance(value, list | tuple):
            return sorted(value, key=dump)
        case _ if path.startswith("alias."):
            return value if value is True else ABSENT
    return value


_DEFAULTS: Final[Mapping[str, Json]] = {"alias": "", "settings.federate": True, "kind": ""}


def _allow(value: Json, keys: Mapping[RoomId, RoomKey]) -> Json:
    shown: list[Json] = []
    for entry in value if isinstance(value, list | tuple) else ():
        room = entry.get("room_id") if isinstance(entry, Mapping) else None
        if isinstance(room, str):
            shown.append((keys[RoomId(room)] or "space") if RoomId(room) in keys else room)
        else:
            shown.append("?")
    return shown


def _length(value: Json) -> Json:
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    for unit, ms in (("d", DAY_MS), ("h", HOUR_MS), ("m", MINUTE_MS)):
        if value and value % ms == 0:
            return f"{value // ms}{unit}"
    return f"{value / 1000:g}s"


_SHOWN: Final[Mapping[str, Callable[[Json], Json]]] = {
    "avatar": lambda value: str(value.get(FILE, ""))[:12] if isinstance(value, Mapping) else value,
    "kind": lambda value: "space" if value == "m.space" else "room",
    "link": lambda _value: True,
    "in": lambda _value: True,
    "settings.guests": lambda value: "allowed" if value == "can_join" else value,
    "settings.encryption": lambda _value: "required",
    "settings.directory": lambda value: "listed" if value is True else "hidden",
    "settings.retention": _length,
    "settings.retention.min": _length,
}
