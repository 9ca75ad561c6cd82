"""Joining, inviting, leaving, kicking, banning: every change of an ``m.room.member`` event."""

from __future__ import annotations

from typing import Literal

from . import auth
from .accounts import Requester
from .events import Draft, Event
from .problems import MatrixProblem, bad_request, forbidden, not_found
from .room import Room
from .sending import check_content, same_state
from .values import JsonObject, items, obj, text
from .world import World

Action = Literal["join", "invite", "knock", "leave", "ban", "kick", "unban"]

_ACTIONS: tuple[Action, ...] = ("join", "invite", "knock", "leave", "ban")
# Their events carry the name of whom they are about.
_NAMED = ("join", "invite", "knock")


def put(world: World, requester: Requester, room_id: str, target: str, content: JsonObject) -> Event:
    """Set a membership as state: ``leave`` for somebody else is a kick or an unban.

    The content may carry more than the membership; setting the very same again returns the same event.
    """
    wanted = content.get("membership")
    if not isinstance(wanted, str):
        raise bad_request("Invalid membership (must be a string)")
    for action in _ACTIONS:
        if action == wanted:
            return change(world, requester, room_id, target, action, content)
    raise bad_request("Invalid membership key")


def change(
    world: World,
    requester: Requester,
    room_id: str,
    target: str,
    action: Action,
    content: JsonObject | None = None,
    *,
    limited: bool = True,
) -> Event:
    """Change somebody's membership.

    Args:
        world: the server.
        requester: who does it.
        room_id: where.
        target: whose membership.
        action: what to; ``kick`` and ``unban`` refuse where there is nobody to kick or unban, ``leave`` does not.
        content: further content, such as a reason.
        limited: whether rate limits count.

    Raises MatrixProblem: 403 by the room's rules, 404 for an unknown room, 429 when too fast.
    """
    if not target.startswith("@"):
        raise bad_request("Expected UserID string to start with '@'", "M_INVALID_PARAM")
    becomes = "leave" if action in ("kick", "unban") else action
    room = _room(world, room_id, requester.user_id, becomes)
    if limited and requester.device_id is not None:
        _limit(world, room, requester.user_id, target, action)
    _check_transition(room, target, action)
    full: JsonObject = {**(content or {}), "membership": becomes}
    full.pop("join_authorised_via_users_server", None)
    if becomes in _NAMED and "displayname" not in full:
        name = world.accounts.display_name(target)
        if name is not None:
            full["displayname"] = name
    if becomes == "join":
        _vouch(world, room, target, full)
    draft = Draft("m.room.member", requester.user_id, full, target)
    check_content(draft)
    same = same_state(room, draft)
    if same is not None:
        return same
    auth.check(room, draft)
    if limited and requester.device_id is not None:
        world.limiter.take("message", requester.user_id)
    if becomes in ("join", "invite"):
        room.forgotten_by.discard(target)
    _ask_their_server(world, room, target, becomes)
    return world.append(room, draft)


def forget(world: World, user_id: str, room_id: str) -> None:
    """Stop reminding a user of a room they left; an unknown room is forgotten at once."""
    room = world.rooms.get(room_id)
    if room is None:
        return
    if room.membership(user_id) not in ("leave", "ban", None):
        raise bad_request(f"User {user_id} in room {room_id}")
    room.forgotten_by.add(user_id)


def rename(world: World, user_id: str, display_name: str) -> None:
    """Set a display name, and say so in every room the user is in."""
    world.accounts.make(user_id).display_name = display_name
    for room in world.rooms.values():
        current = room.state_event("m.room.member", user_id)
        if current is not None and current.membership == "join":
            content: JsonObject = {**current.content, "displayname": display_name}
            world.append(room, Draft("m.room.member", user_id, content, user_id))


def _ask_their_server(world: World, room: Room, target: str, becomes: str) -> None:
    far = world.far.get(target.partition(":")[2])
    if becomes == "invite" and far is not None:
        far.take_invite(room.version.id)


def _room(world: World, room_id: str, user_id: str, becomes: str) -> Room:
    if becomes != "leave":
        world.check_active(user_id)
    room = world.rooms.get(room_id)
    if becomes == "join" and (room is None or (not room.joined and room.last is not None and room.last.depth > 1)):
        # Nobody of any server is left who could let them in.
        raise not_found(
            "Can't join remote room because no servers that are in the room have been provided.", "M_UNKNOWN"
        )
    if room is not None:
        return room
    if becomes == "leave":
        raise not_found("Not a known room", "M_UNKNOWN")
    raise forbidden("Unknown room")


def _limit(world: World, room: Room, user_id: str, target: str, action: Action) -> None:
    limiter = world.limiter
    if action == "join" and room.membership(user_id) != "join":
        limiter.take("joins", user_id)
        limiter.take("joins_per_room", user_id, key=room.room_id)
    elif action == "invite":
        limiter.take("invites_per_room", user_id, key=room.room_id)
        limiter.take("invites_per_user", user_id, key=target)
        limiter.take("invites_per_issuer", user_id)


def _check_transition(room: Room, target: str, action: Action) -> None:
    before = room.membership(target)
    if action == "unban" and before not in ("ban", None):
        raise forbidden(f"Cannot unban user who was not banned (membership={before})", "M_BAD_STATE")
    if before == "ban" and action not in ("ban", "unban", "leave"):
        raise forbidden(f"Cannot {action} user who was banned", "M_BAD_STATE")
    if action == "kick" and before in ("ban", "leave", None):
        raise forbidden("The target user is not in the room")


def _vouch(world: World, room: Room, target: str, content: JsonObject) -> None:
    """Let a member of an allowed room in (MSC3083): name somebody here who could have invited them."""
    rules = room.state("m.room.join_rules") or {}
    if rules.get("join_rule") not in ("restricted", "knock_restricted"):
        return
    if room.membership(target) in ("join", "invite", "ban"):
        return
    if not any(_is_joined(world, target, obj(allowed)) for allowed in items(rules.get("allow"))):
        if rules.get("join_rule") == "knock_restricted":
            raise forbidden("You are not invited to this room.")
        raise forbidden("You do not belong to any of the required rooms/spaces to join this room.")
    power = room.power()
    able = [user for user in room.joined if world.accounts.is_local(user) and power.may(user, "invite")]
    if not able:
        raise MatrixProblem(400, "M_UNABLE_TO_GRANT_JOIN", "Unable to grant join")
    content["join_authorised_via_users_server"] = max(able, key=power.of)


def _is_joined(world: World, user_id: str, allowed: JsonObject) -> bool:
    room = world.rooms.get(text(allowed.get("room_id")))
    kind = allowed.get("type")
    return kind == "m.room_membership" and room is not None and room.membership(user_id) == "join"
