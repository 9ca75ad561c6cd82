"""What of a room's state is structure, and may be kept; everything else in it may be somebody's words.

Whoever may set state may write anything into it: beside the keys that the specification names, in a state key, or in a
type of their own. In a direct room that is everybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from orchestrator.model.ids import LOCATOR_TYPE, Json, JsonObject
from orchestrator.model.things import ALIAS, LISTED

KEPT: Final[Mapping[str, frozenset[str]]] = {
    "m.room.create": frozenset({"room_version", "type", "m.federate"}),
    "m.room.power_levels": frozenset(
        {"users", "users_default", "events", "events_default", "state_default", "notifications"}
        | {"ban", "kick", "redact", "invite"}
    ),
    "m.room.join_rules": frozenset({"join_rule", "allow"}),
    "m.room.history_visibility": frozenset({"history_visibility"}),
    "m.room.guest_access": frozenset({"guest_access"}),
    "m.room.encryption": frozenset({"algorithm", "rotation_period_ms", "rotation_period_msgs"}),
    "m.room.pinned_events": frozenset({"pinned"}),
    "m.room.canonical_alias": frozenset({"alias", "alt_aliases"}),
    "m.room.retention": frozenset({"max_lifetime", "min_lifetime"}),
    "m.room.tombstone": frozenset({"replacement_room"}),
    "m.space.child": frozenset({"via", "order", "suggested"}),
    "m.space.parent": frozenset({"via", "canonical"}),
    LOCATOR_TYPE: frozenset({"locator"}),
    LISTED: frozenset({"listed"}),
    ALIAS: frozenset({"here", "elsewhere"}),
}
"""The types of which the content is kept, and the keys that are; source: client-server API, "Room events", and MSC1763."""

NOTED: Final = frozenset({"m.room.name", "m.room.topic", "m.room.avatar", "m.room.server_acl"})
"""Types that hold words, of which a digest is kept: enough to tell whether the live event is what we wrote."""

_BY_ROOM: Final = frozenset({"m.space.child", "m.space.parent"})
_ONE_WORD = re.compile(r"[^\s\x00]{0,255}\Z")


def is_noted(type_: str, key: str) -> bool:
    """Tell whether anything of a state event is kept."""
    if type_ in _BY_ROOM:
        return key.startswith("!") and _ONE_WORD.match(key) is not None
    if type_ == ALIAS:
        return key != "" and _ONE_WORD.match(key) is not None  # by what our own documents name it
    return key == "" and (type_ in KEPT or type_ in NOTED)


def structure_of(type_: str, content: JsonObject) -> JsonObject:
    """Copy of a content what is structure; whatever could be a sentence is left out."""
    return {key: _structure(value) for key, value in content.items() if key in KEPT.get(type_, ())}


def _structure(value: Json) -> Json:
    if isinstance(value, str):
        return value if _ONE_WORD.match(value) else ""
    if isinstance(value, Mapping):
        return {key: _structure(inner) for key, inner in value.items() if _ONE_WORD.match(key)}
    if isinstance(value, list):
        return [_structure(inner) for inner in value]
    return value
