"""What a homeserver lets through, written from the specification and from nothing of ours.

Sources: room versions 10 to 12, "Authorization rules"; client-server API, ``POST /createRoom``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Content = Mapping[str, Any]

NUMBERS = ("users_default", "events_default", "state_default", "ban", "kick", "redact", "invite")
TABLES = ("users", "events", "notifications")
PROTECTED = (
    "m.room.server_acl",
    "m.room.encryption",
    "m.room.tombstone",
    "m.room.join_rules",
    "m.room.guest_access",
    "m.room.history_visibility",
    "m.room.power_levels",
    "m.room.canonical_alias",
    "m.room.name",
    "m.room.topic",
    "m.room.avatar",
    "m.room.pinned_events",
    "m.space.child",
    "m.space.parent",
    "org.circlekeeper.locator",
)


_KEYS = frozenset(
    {
        "preset",
        "visibility",
        "room_version",
        "creation_content",
        "name",
        "power_level_content_override",
        "initial_state",
        "room_alias_name",
        "is_direct",
        "invite",
    }
)


class Refused(Exception):
    """The server would answer 400 or 403."""


def level_of(levels: Content | None, user: str, *, version: str, creators: frozenset[str]) -> float:
    if int(version) >= 12 and user in creators:
        return math.inf
    if levels is None:
        return 100 if user in creators else 0
    return float(levels.get("users", {}).get(user, levels.get("users_default", 0)))


def needed_for_state(levels: Content | None, event_type: str) -> int:
    if levels is None:
        return 0
    return int(levels.get("events", {}).get(event_type, levels.get("state_default", 50)))


def needed_for_message(levels: Content, event_type: str) -> int:
    return int(levels.get("events", {}).get(event_type, levels.get("events_default", 0)))


def check_shape(levels: Content, *, version: str, creators: frozenset[str]) -> None:
    """Rules 10.1 to 10.4 of room version 12 (9.1 to 9.3 before)."""
    for key in NUMBERS:
        if key in levels and type(levels[key]) is not int:
            raise Refused(f"{key} is no integer")
    for key in TABLES:
        if key in levels and (
            not isinstance(levels[key], Mapping) or any(type(level) is not int for level in levels[key].values())
        ):
            raise Refused(f"{key} holds no integers")
    for user in levels.get("users", {}):
        if not user.startswith("@") or ":" not in user:
            raise Refused("not a user id")
        if int(version) >= 12 and user in creators:
            raise Refused("a creator is listed")


def check_power_change(
    old: Content | None, new: Content, sender: str, *, version: str, creators: frozenset[str]
) -> None:
    """Raise Refused where the rules do not let ``sender`` put ``new`` in the place of ``old``."""
    own = level_of(old, sender, version=version, creators=creators)
    if own < needed_for_state(old, "m.room.power_levels"):
        raise Refused("may not send power levels")
    check_shape(new, version=version, creators=creators)
    if old is None:
        return
    for table, key, before, after in _changes(old, new):
        if table == "users" and key != sender and before is not None and before >= own:
            raise Refused("touches somebody beside or above")
        if (before is not None and before > own) or (after is not None and after > own):
            raise Refused(f"above our own level: {key}")


def _changes(old: Content, new: Content) -> Iterator[tuple[str, str, int | None, int | None]]:
    for key in NUMBERS:
        if old.get(key) != new.get(key):
            yield "", key, old.get(key), new.get(key)
    for table in TABLES:
        before, after = old.get(table, {}), new.get(table, {})
        for key in {*before, *after}:
            if before.get(key) != after.get(key):
                yield table, key, before.get(key), after.get(key)


def made(body: Content, me: str) -> dict[tuple[str, str], Content]:
    """Make a room of a ``createRoom`` body: the state that it would have, by type and key.

    Raises Refused for everything that a server would refuse, and for everything that it would have to fill in itself:
    those defaults differ, and none of them is private.
    """
    version, levels = _checked(body, me)
    state: dict[tuple[str, str], Content] = {
        ("m.room.create", ""): {**body["creation_content"], "room_version": version},
        ("m.room.power_levels", ""): levels,
    }
    own = level_of(levels, me, version=version, creators=frozenset({me}))
    for event in body["initial_state"]:
        if event.keys() != {"type", "state_key", "content"}:
            raise Refused("an odd state event")
        if own < needed_for_state(levels, event["type"]):
            raise Refused(f"may not send {event['type']}")
        if (event["type"], event["state_key"]) in state:
            raise Refused(f"twice: {event['type']}")
        state[event["type"], event["state_key"]] = event["content"]
    for implied in ("m.room.join_rules", "m.room.history_visibility", "m.room.guest_access"):
        if (implied, "") not in state:
            raise Refused(f"left to the preset: {implied}")
    if "name" in body:
        state["m.room.name", ""] = {"name": body["name"]}
    if "room_alias_name" in body:
        if not body["room_alias_name"] or set(body["room_alias_name"]) & set(": #\t\n"):
            raise Refused("an alias is a localpart")
        state["m.room.canonical_alias", ""] = {"alias": f"#{body['room_alias_name']}:{me.partition(':')[2]}"}
    return state


def _checked(body: Content, me: str) -> tuple[str, Content]:
    if unknown := body.keys() - _KEYS:
        raise Refused(f"unknown: {unknown}")
    version = body["room_version"]
    if version not in {"10", "11", "12"} or body["preset"] != "private_chat":
        raise Refused("version or preset")
    creators = frozenset({me, *body["creation_content"].get("additional_creators", ())})
    if version != "12" and creators != {me}:
        raise Refused("only the one who makes it")
    levels = body["power_level_content_override"]
    if missing := {*NUMBERS, *TABLES} - levels.keys():
        raise Refused(f"left to the server: {missing}")
    check_shape(levels, version=version, creators=creators)
    if version != "12" and me not in levels["users"]:
        raise Refused("'users' did not contain the creator")
    return version, levels


def open_to_members(levels: Content, types: Sequence[str] = PROTECTED) -> set[str]:
    """Name the protected state that an ordinary member could change."""
    return {each for each in types if needed_for_state(levels, each) <= levels["users_default"]}
