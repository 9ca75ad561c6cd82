"""Rooms as ``createRoom`` bodies: everything a room needs to be safe is in the one call that makes it. Pure.

No preset is relied on: ``private_chat`` stands for open history and guests, so all that it implies is said explicitly.
Nobody is made a creator beside the bot (``additional_creators``) but those whom the documents name as founders: creators
can never be removed again, not even for the best of reasons. With a founder a community can outlive its bot.
Source: client-server API, ``POST /createRoom``; probed on Synapse 1.163, which merges power levels shallowly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, SPACE_KEY, Community, Room
from orchestrator.model.ids import LOCATOR_TYPE, CommunityKey, Json, RoomId, RoomKey, UserId, locator_of, server_of
from orchestrator.model.power import KEEPER_LEVEL, creators_have_power
from orchestrator.model.topic import NORMS, OWN_WORDS, TOPIC

from .attributes import MEGOLM, allow_rules, allowed, join_rule
from .levels import room_levels
from .topic import topic_content

ENCRYPTION: Final[dict[str, Json]] = {"algorithm": MEGOLM}
DIRECT_VERSION: Final = "12"
"""What a direct room has where no declared room says otherwise."""

OLDEST_VERSION: Final = "10"
"""What every server knows that can be in a declared room."""


def room_locator(me: UserId, community: CommunityKey, key: RoomKey) -> str:
    """Tell by which locator a declared room is known, or was under its former keys."""
    return locator_of(me, community, key)


def direct_locator(me: UserId, user: UserId) -> str:
    """Tell by which locator somebody's direct room is known."""
    return locator_of(me, "direct", user)


def topic_parts(room: Room) -> dict[str, str]:
    """Tell what a room's topic says from the start: the template's words and the norms in short."""
    parts = {OWN_WORDS.name: room.topic}
    if room.policy is not None:
        parts[NORMS.name] = room.policy.norms.summary
    return parts


def room_body(
    community: Community,
    room: Room,
    me: UserId,
    *,
    space: RoomId | None = None,
    rooms: Mapping[RoomKey, RoomId] | None = None,
) -> dict[str, Json]:
    """Write the ``createRoom`` body of a declared room.

    The control room is invite-only, encrypted, without alias and not listed, whatever its settings say. It names the
    space as its parent, so that its people find it there, but the space does not name it: nobody else learns of it.

    Args:
        community: whose room it is.
        room: the space, the control room or any other.
        me: the bot, who makes it.
        space: the space that it hangs in, once there is one; None only for the community's space itself.
        rooms: those that exist, by key: whose members it may let in; None: there is only the space.
    """
    control = room.key == CONTROL_KEY
    settings = room.settings
    there = {**(rooms or {}), **({} if space is None else {room.within: space})}
    state: list[Json] = [
        _state("m.room.join_rules", _join_rules(room, there)),
        _state("m.room.history_visibility", {"history_visibility": "joined" if control else settings.history}),
        _state("m.room.guest_access", {"guest_access": _guests(allowed=settings.guests and not control)}),
    ]
    if (settings.encryption or control) and room.kind == "room":
        state.append(_state("m.room.encryption", ENCRYPTION))
    topic = topic_content(topic_parts(room))
    if topic:
        state.append(_state(TOPIC, topic))
    if settings.retention is not None:
        least = settings.retention.min_ms
        lifetimes: dict[str, Json] = {"max_lifetime": settings.retention.max_ms}
        state.append(_state("m.room.retention", lifetimes if least is None else {**lifetimes, "min_lifetime": least}))
    if settings.acl is not None:
        acl: dict[str, Json] = {"allow": list(settings.acl.allow), "deny": list(settings.acl.deny)}
        state.append(_state("m.room.server_acl", {**acl, "allow_ip_literals": settings.acl.ip_literals}))
    if space is not None and room.key != SPACE_KEY:
        state.append(_state("m.space.parent", {"via": [server_of(me)], "canonical": True}, space))
    # Last: by it the room is found again, and whatever else it has is then there.
    state.append(_state(LOCATOR_TYPE, {"locator": room_locator(me, community.key, room.key)}))
    creation: dict[str, Json] = {}
    if room.kind == "space":
        creation["type"] = "m.space"
    if not settings.federate:
        creation["m.federate"] = False
    founders: list[Json] = [*sorted(set(community.founders) - {me})]
    if founders and creators_have_power(settings.room_version):
        creation["additional_creators"] = founders
    body: dict[str, Json] = {
        "preset": "private_chat",
        "visibility": "public" if settings.listed and not control else "private",
        "room_version": settings.room_version,
        "creation_content": creation,
        "name": room.name,
        "power_level_content_override": room_levels(community, room, me),
        "initial_state": state,
    }
    if room.alias is not None and not control:
        body["room_alias_name"] = room.alias
    return body


def direct_body(me: UserId, user: UserId, *, room_version: str = DIRECT_VERSION) -> dict[str, Json]:
    """Write the ``createRoom`` body of an encrypted room for the bot and one person.

    They can read all of it from the moment they are invited, so that what waited for them is not lost; they cannot bring
    anybody in, and nobody else can see or find it. They are invited when the room is there: a server that cannot do that
    refuses the whole call, of a room that it made.
    """
    creator = creators_have_power(room_version)
    levels: dict[str, Json] = {
        "users": {} if creator else {me: KEEPER_LEVEL},
        "users_default": 0,
        "events": {},
        "events_default": 0,
        "state_default": KEEPER_LEVEL,
        "ban": KEEPER_LEVEL,
        "kick": KEEPER_LEVEL,
        "redact": KEEPER_LEVEL,
        "invite": KEEPER_LEVEL,
        "notifications": {"room": KEEPER_LEVEL},
    }
    return {
        "preset": "private_chat",
        "visibility": "private",
        "room_version": room_version,
        "creation_content": {},
        "power_level_content_override": levels,
        "initial_state": [
            _state("m.room.join_rules", {"join_rule": "invite"}),
            _state("m.room.history_visibility", {"history_visibility": "invited"}),
            _state("m.room.guest_access", {"guest_access": _guests(allowed=False)}),
            _state("m.room.encryption", ENCRYPTION),
            _state(LOCATOR_TYPE, {"locator": direct_locator(me, user)}),
        ],
    }


def direct_room(me: UserId, user: UserId, *, room_version: str = DIRECT_VERSION) -> tuple[str, dict[str, Json]]:
    """Describe somebody's direct room: its locator and its ``createRoom`` body."""
    return direct_locator(me, user), direct_body(me, user, room_version=room_version)


def direct_version(communities: Iterable[Community]) -> str:
    """Choose the version of direct rooms: the lowest of any declared room, which the members' servers know."""
    declared = {room.settings.room_version for community in communities for room in community.every_room()}
    numbered = [version for version in declared if version.isdecimal()]
    return min(numbered, key=int, default=DIRECT_VERSION)


def joins_by_itself(room: Room) -> bool:
    """Tell whether members of the space can come in without being invited."""
    return room.key != CONTROL_KEY and room.settings.join in {"restricted", "knock_restricted", "public"}


def _join_rules(room: Room, rooms: Mapping[RoomKey, RoomId]) -> dict[str, Json]:
    allow = allowed(room, rooms)
    rule = join_rule(room, allow)
    if rule not in {"restricted", "knock_restricted"}:
        return {"join_rule": rule}
    return {"join_rule": rule, "allow": allow_rules(allow)}


def _guests(*, allowed: bool) -> str:
    return "can_join" if allowed else "forbidden"


def _state(type_: str, content: dict[str, Json], key: str = "") -> dict[str, Json]:
    return {"type": type_, "state_key": key, "content": content}
