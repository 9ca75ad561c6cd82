"""``POST /createRoom``, with Synapse's presets, merges and half-made failures."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from . import auth, membership
from .accounts import Requester
from .events import ROOM_VERSIONS, Draft, RoomVersion
from .problems import MatrixProblem, bad_request, forbidden, not_found
from .room import Room
from .sending import check_aliases, check_content
from .values import Json, JsonObject, items, obj, text, texts
from .world import Alias, World


@dataclass(frozen=True, slots=True)
class _Preset:
    join_rule: str
    guests: bool
    invite: int | None = None
    operators: bool = False


_PRESETS: Mapping[str, _Preset] = {
    "private_chat": _Preset("invite", guests=True, invite=0),
    "trusted_private_chat": _Preset("invite", guests=True, invite=0, operators=True),
    "public_chat": _Preset("public", guests=False),
}


@dataclass(frozen=True, slots=True)
class _Wish:
    """A checked request for a room."""

    creator: str
    version: RoomVersion
    preset: _Preset
    body: JsonObject
    invite: tuple[str, ...]
    alias: str | None


def create_room(world: World, requester: Requester, body: JsonObject) -> Room:
    """Make a room.

    As on Synapse, what fails after the start leaves a room with nothing but its creator in it, and the alias taken:
    for instance power levels that name a creator of version 12.

    Raises MatrixProblem: 400 by what was asked, M_ROOM_IN_USE for a taken alias, 429 when too fast.
    """
    limited = requester.device_id is not None
    if limited:
        world.limiter.check("room_creation", requester.user_id)
        world.limiter.take("message", requester.user_id)
        world.limiter.take("room_creation", requester.user_id)
    wish = _check(world, requester, body)
    world.check_active(requester.user_id)
    room = _begin(world, requester, wish)
    drafts = _drafts(wish)
    # All or nothing from here: tried on a copy first.
    rehearsal = room.clone()
    for draft in drafts:
        check_content(draft)
        auth.check(rehearsal, draft)
        rehearsal.pretend(draft)
    for draft in drafts:
        if draft.type == "m.room.canonical_alias":
            check_aliases(world, room, draft.content)
        world.append(room, draft)
    content: JsonObject = {"is_direct": True} if body.get("is_direct") is True else {}
    for user_id in wish.invite:
        membership.change(world, requester, room.room_id, user_id, "invite", content, limited=False)
    return room


def _check(world: World, requester: Requester, body: JsonObject) -> _Wish:
    wanted = body.get("room_version", world.default_room_version)
    if not isinstance(wanted, str):
        raise bad_request("room_version must be a string", "M_BAD_JSON")
    version = ROOM_VERSIONS.get(wanted) if wanted in world.versions else None
    if version is None:
        raise bad_request("Your homeserver does not support this room version", "M_UNSUPPORTED_ROOM_VERSION")
    alias = _check_alias(world, body)
    invite = tuple(texts(body.get("invite")))
    for user_id in invite:
        if not user_id.startswith("@") or ":" not in user_id:
            raise bad_request(f"Invalid user_id: {user_id}")
    if invite and requester.device_id is not None:
        try:
            world.limiter.check("invites_per_room", requester.user_id, actions=len(invite))
        except MatrixProblem:
            raise bad_request("Cannot invite so many users at once") from None
    override = obj(body.get("power_level_content_override"))
    if not version.creators_rule and "users" in override and requester.user_id not in obj(override["users"]):
        raise bad_request(f"Not a valid power_level_content_override: 'users' did not contain {requester.user_id}")
    public = body.get("visibility") == "public"
    named = text(body.get("preset"), "public_chat" if public else "private_chat")
    preset = _PRESETS.get(named)
    if preset is None:
        raise bad_request(f"'{named}' is not a valid preset", "M_BAD_JSON")
    return _Wish(requester.user_id, version, preset, body, invite, alias)


def _check_alias(world: World, body: JsonObject) -> str | None:
    name = body.get("room_alias_name")
    if not isinstance(name, str):
        return None
    if any(letter.isspace() for letter in name):
        raise bad_request("Invalid characters in room alias")
    if ":" in name:
        raise bad_request("':' is not permitted in the room alias name.")
    alias = f"#{name}:{world.server_name}"
    if alias in world.aliases:
        raise bad_request("Room alias already taken", "M_ROOM_IN_USE")
    return alias


def _begin(world: World, requester: Requester, wish: _Wish) -> Room:
    content: JsonObject = {**obj(wish.body.get("creation_content")), "room_version": wish.version.id}
    if wish.version.names_creator:
        content["creator"] = wish.creator
    if wish.version.creators_rule:
        if wish.preset.operators and wish.invite:
            content["additional_creators"] = _all_creators(content, wish.invite)
        _check_creators(content)
    check_content(Draft("m.room.create", wish.creator, content, ""))
    room = world.new_room(wish.version, wish.creator, content)
    room.published = world.lets_publish and wish.body.get("visibility") == "public"
    if wish.alias is not None:
        world.aliases[wish.alias] = Alias(room.room_id, wish.creator)
    world.append(room, Draft("m.room.create", wish.creator, content, ""))
    membership.change(world, requester, room.room_id, wish.creator, "join", limited=False)
    return room


def _all_creators(content: JsonObject, invited: tuple[str, ...]) -> list[Json]:
    return list(dict.fromkeys([*texts(content.get("additional_creators")), *invited]))


def _check_creators(content: JsonObject) -> None:
    creators = content.get("additional_creators", [])
    if not isinstance(creators, list):
        raise MatrixProblem(400, "M_FORBIDDEN", "additional_creators must be an array")
    for creator in creators:
        if not isinstance(creator, str):
            raise MatrixProblem(400, "M_FORBIDDEN", "entry in additional_creators is not a string")
        if not creator.startswith("@") or ":" not in creator:
            raise MatrixProblem(400, "M_FORBIDDEN", "entry in additional_creators is not a valid user ID")


def _drafts(wish: _Wish) -> list[Draft]:
    """List the events after the creator's join, in the order in which Synapse sends them."""
    state = dict(_initial_state(wish.body))
    drafts: list[tuple[str, str, JsonObject]] = []
    levels = state.pop(("m.room.power_levels", ""), None)
    drafts.append(("m.room.power_levels", "", _levels(wish) if levels is None else levels))
    if wish.alias is not None and ("m.room.canonical_alias", "") not in state:
        drafts.append(("m.room.canonical_alias", "", {"alias": wish.alias}))
    if ("m.room.join_rules", "") not in state:
        drafts.append(("m.room.join_rules", "", {"join_rule": wish.preset.join_rule}))
    if ("m.room.history_visibility", "") not in state:
        drafts.append(("m.room.history_visibility", "", {"history_visibility": "shared"}))
    if wish.preset.guests and ("m.room.guest_access", "") not in state:
        drafts.append(("m.room.guest_access", "", {"guest_access": "can_join"}))
    drafts += [(event_type, key, content) for (event_type, key), content in state.items()]
    if "name" in wish.body:
        drafts.append(("m.room.name", "", {"name": wish.body["name"]}))
    if "topic" in wish.body:
        topic = wish.body["topic"]
        drafts.append(("m.room.topic", "", {"topic": topic, "m.topic": {"m.text": [{"body": topic}]}}))
    return [Draft(event_type, wish.creator, content, key) for event_type, key, content in drafts]


def _initial_state(body: JsonObject) -> list[tuple[tuple[str, str], JsonObject]]:
    found = []
    for entry in map(obj, items(body.get("initial_state"))):
        if not isinstance(entry.get("type"), str) or not isinstance(entry.get("content"), dict):
            raise MatrixProblem(500, "M_UNKNOWN", "Internal server error")
        found.append(((text(entry["type"]), text(entry.get("state_key"))), obj(entry["content"])))
    return found


def _levels(wish: _Wish) -> JsonObject:
    """Write the default power levels; the override replaces whole keys (a shallow merge)."""
    users: JsonObject = {} if wish.version.creators_rule else {wish.creator: 100}
    if wish.preset.operators and not wish.version.creators_rule:
        users.update(dict.fromkeys(wish.invite, 100))
    events: JsonObject = {
        "m.room.name": 50,
        "m.room.power_levels": 100,
        "m.room.history_visibility": 100,
        "m.room.canonical_alias": 50,
        "m.room.avatar": 50,
        "m.room.tombstone": 150 if wish.version.creators_rule else 100,
        "m.room.server_acl": 100,
        "m.room.encryption": 100,
    }
    if wish.preset.join_rule == "public":
        events["m.call.invite"] = 50
    return {
        "users": users,
        "users_default": 0,
        "events": events,
        "events_default": 0,
        "state_default": 50,
        "ban": 50,
        "kick": 50,
        "redact": 50,
        "invite": 50 if wish.preset.invite is None else wish.preset.invite,
        "historical": 100,
        **obj(wish.body.get("power_level_content_override")),
    }


def name_room(world: World, requester: Requester, alias: str, room_id: str) -> None:
    """Give a room one more alias (``PUT /directory/room``)."""
    if alias.partition(":")[2] != world.server_name:
        raise bad_request("Room alias must be local")
    if alias in world.aliases:
        raise MatrixProblem(409, "M_UNKNOWN", f"Room alias {alias} already exists")
    room = world.rooms.get(room_id)
    if room is None:
        raise bad_request("Room does not exist")
    if room.membership(requester.user_id) != "join":
        raise forbidden("You must be in the room to create an alias for it")
    world.aliases[alias] = Alias(room_id, requester.user_id)


def unname_room(world: World, requester: Requester, alias: str) -> None:
    """Take an alias away (``DELETE /directory/room``), and out of what its room is called, where that is allowed."""
    known = world.aliases.get(alias)
    if known is None:
        raise not_found("Unknown room alias")
    room = world.rooms[known.room_id]
    needed = room.power().to_send("m.room.canonical_alias", is_state=True)
    if known.creator != requester.user_id and room.level(requester.user_id) < needed:
        raise forbidden("You don't have permission to delete the alias.")
    del world.aliases[alias]
    before = room.state("m.room.canonical_alias") or {}
    content: JsonObject = {key: value for key, value in before.items() if (key, value) != ("alias", alias)}
    others = [name for name in texts(content.pop("alt_aliases", None)) if name != alias]
    content |= {"alt_aliases": [*others]} if others else {}
    if content != before:
        draft = Draft("m.room.canonical_alias", requester.user_id, content, "")
        with suppress(MatrixProblem):
            auth.check(room, draft)
            world.append(room, draft)
