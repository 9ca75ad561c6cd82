"""The room that takes another one's place: its ``createRoom`` body. Read from the rows, decided by nobody.

It is the old room as it is, not what the documents want by now: what nobody has applied yet must not come in by the back
door of a new room version. Only what a room has for ever is the documents': version, federation, creators. Power is
rewritten for the version. Names, topics and pictures are words; ``matrix/inheriting`` reads them from the old room.
Source: client-server API, "Room upgrades"; room versions 11 and 12; research in MSC4289 for the levels of creators.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orchestrator.documents.declared import Community, Room
from orchestrator.model.feature import Tx
from orchestrator.model.ids import LOCATOR_TYPE, Json, JsonObject, RoomId, UserId, locator_of
from orchestrator.model.power import KEEPER_LEVEL, TOMBSTONE_LEVEL, creators_have_power
from orchestrator.rooms.state.create import ENCRYPTION, room_body
from orchestrator.rooms.state.levels import lead_level, room_levels
from orchestrator.rooms.state.restoring import as_before
from orchestrator.store import bindings, claims, mirror
from orchestrator.store.bindings import SPACE_KEY

POWER: Final = "m.room.power_levels"
CARRIED: Final = ("m.room.join_rules", "m.room.history_visibility", "m.room.guest_access")
"""Settings that are as they were, whatever the documents want by now."""

_LINKS: Final = ("m.space.parent", "m.space.child")
_DEFAULTS: Final[Mapping[str, Json]] = {
    "users_default": 0,
    "events_default": 0,
    "state_default": 50,
    "ban": 50,
    "kick": 50,
    "redact": 50,
    "invite": 0,
}
"""What a level is where none is written. Source: ``m.room.power_levels``."""


def heir_locator(me: UserId, community: Community, room: Room, old: RoomId) -> str:
    """Tell what a half made room says it is, until it has taken the old one's place."""
    return locator_of(me, community.key, room.key, "in place of", old)


def retired_locator(me: UserId, old: RoomId) -> str:
    """Tell what a room says it is whose place was taken: nobody's."""
    return locator_of(me, "retired", old)


def heir_body(tx: Tx, community: Community, room: Room, old: RoomId, me: UserId) -> dict[str, Json]:
    """Write the ``createRoom`` body of the room that takes the place of ``old``."""
    space = None if room.key == SPACE_KEY else bindings.bound_room(tx, community.key, room.within)
    body = room_body(community, room, me, space=space)
    for name in ("room_alias_name", "name"):
        body.pop(name, None)
    declared = body["initial_state"]
    state = [_state(type_, content) for type_ in CARRIED if (content := content_before(tx, old, type_)) is not None]
    known = mirror.room_of(tx, old)
    if known is not None and known.encrypted:
        state.append(_state("m.room.encryption", content_before(tx, old, "m.room.encryption") or ENCRYPTION))
    for type_ in _LINKS:
        for key in mirror.state_keys(tx, old, type_):
            link = content_before(tx, old, type_, key)
            unlinked = any(c.value == {} and not c.ended for c in claims.claims_on(tx, old, type_, key, 0))
            if link and link.get("via") and not unlinked:
                state.append(_state(type_, link, key))
    carried = {_type_of(event) for event in state}
    ours = declared if isinstance(declared, list) else []
    state += [event for event in ours if _type_of(event) in CARRIED and _type_of(event) not in carried]
    state.append(_state(LOCATOR_TYPE, {"locator": heir_locator(me, community, room, old)}))
    made = body["creation_content"]
    creation: dict[str, Json] = {**(made if isinstance(made, Mapping) else {}), "predecessor": {"room_id": old}}
    founders: list[Json] = [*sorted(set(community.founders) - {me})]
    if founders and creators_have_power(room.settings.room_version):
        creation["additional_creators"] = founders
    body["creation_content"] = creation
    body["initial_state"] = state
    body["visibility"] = "private"  # shown again when it has taken the place
    body["power_level_content_override"] = heir_levels(tx, community, room, old, me)
    return body


def heir_levels(tx: Tx, community: Community, room: Room, old: RoomId, me: UserId) -> dict[str, Json]:
    """Write who may do what in the new room: as in the old one, in the words of the new version."""
    live = content_before(tx, old, POWER)
    if live is None:
        return room_levels(community, room, me)
    version = room.settings.room_version
    events = dict(_levels(live, "events"))
    for name, level in _levels(room_levels(community, room, me), "events").items():
        # What the version itself asks for; everything else is as it was.
        if name in {LOCATOR_TYPE, "m.room.tombstone"} and events.get(name, 0) < level:
            events[name] = level
    if creators_have_power(version):
        events["m.room.tombstone"] = max(TOMBSTONE_LEVEL, events.get("m.room.tombstone", 0))
    notifications: Mapping[str, Json] = {"room": 50, **_levels(live, "notifications")}
    users = heir_users(tx, community, room, old, me, _levels(live, "users"))
    return {**_DEFAULTS, **live, "events": events, "notifications": notifications, "users": users}


def heir_users(
    tx: Tx, community: Community, room: Room, old: RoomId, me: UserId, before: Mapping[str, int]
) -> dict[str, int]:
    """Write what each person holds: creators nothing that could be written down, nobody as much as the bot."""
    users = dict(before)
    known = mirror.room_of(tx, old)
    for creator in known.creators if known is not None else ():
        if creator in community.leads and creators_have_power(known.version if known is not None else ""):
            users.setdefault(creator, lead_level(room))  # held all power, and nobody had to write it down
    if creators_have_power(room.settings.room_version):
        return {user: level for user, level in users.items() if user not in {me, *community.founders}}
    return {user: min(level, KEEPER_LEVEL - 1) for user, level in users.items()} | {me: KEEPER_LEVEL}


def content_before(tx: Tx, room: RoomId, type_: str, key: str = "") -> JsonObject | None:
    """Read a state event as it is, or, where the room is locked for a while, as it will be again."""
    seen = mirror.state_of(tx, room, type_, key)
    if seen is None or seen.content is None:
        return None
    return as_before(seen.content, claims.claims_on(tx, room, type_, key, 0))


def _levels(content: Mapping[str, Json], table: str) -> dict[str, int]:
    entries = content.get(table)
    named = entries.items() if isinstance(entries, Mapping) else ()
    return {name: level for name, level in named if isinstance(level, int) and not isinstance(level, bool)}


def _state(type_: str, content: JsonObject, key: str = "") -> Json:
    return {"type": type_, "state_key": key, "content": content}


def _type_of(event: Json) -> str:
    return str(event.get("type")) if isinstance(event, Mapping) else ""
