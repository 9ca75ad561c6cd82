"""The authorization rules of room versions 10 to 12, as a server enforces them on what its own users send.

Source: room version specifications 10, 11 and 12, "Authorization rules". The sentences and statuses are Synapse's.
"""

from __future__ import annotations

from collections.abc import Iterator

from .events import Draft
from .power import Power, shown
from .problems import bad_request, forbidden, not_found, not_in_room
from .room import Room
from .values import Json, JsonObject, obj, text, texts

_NUMBERS = ("users_default", "events_default", "state_default", "ban", "redact", "kick", "invite")
_TABLES = ("users", "events", "notifications")


def check(room: Room, draft: Draft) -> None:
    """Raise MatrixProblem (mostly 403 M_FORBIDDEN) when the room's rules do not let the sender send this."""
    if draft.type == "m.room.create":
        return
    _check_federation(room, draft.sender)
    if draft.type == "m.room.member":
        _check_federation(room, draft.state_key or "")
        _check_membership(room, draft)
        return
    if room.membership(draft.sender) != "join":
        raise not_in_room(draft.sender, room.room_id)
    power = room.power()
    needed, level = power.to_send(draft.type, is_state=draft.is_state), power.of(draft.sender)
    if level < needed:
        raise forbidden(
            f"You don't have permission to post that to the room. user_level ({shown(level)}) < send_level ({needed})"
        )
    if draft.state_key is not None and draft.state_key.startswith("@") and draft.state_key != draft.sender:
        raise forbidden("You are not allowed to set others state")
    if draft.type == "m.room.power_levels" and draft.state_key == "":
        _check_power_levels(room, draft, power)
    if draft.type == "m.room.redaction":
        _check_redaction(room, draft, power)


def _check_federation(room: Room, user_id: str) -> None:
    create = room.state_event("m.room.create")
    if create is None or create.content.get("m.federate", True) is True:
        return
    if user_id.partition(":")[2] != create.sender.partition(":")[2]:
        raise forbidden("This room has been marked as unfederatable.")


def _check_membership(room: Room, draft: Draft) -> None:
    wanted = text(draft.content.get("membership"))
    target = draft.state_key or ""
    if wanted == "join":
        _check_join(room, draft, target)
    elif wanted == "knock":
        _check_knock(room, draft.sender, target)
    else:
        own = room.membership(draft.sender)
        if wanted == "leave" and target == draft.sender and own in ("invite", "knock"):
            return
        if own != "join":
            raise forbidden(f"{draft.sender} not in room {room.room_id}.")
        rule = {"invite": _check_invite, "leave": _check_leave, "ban": _check_ban}.get(wanted)
        if rule is None:
            raise bad_request("Invalid membership key")
        rule(room, draft.sender, target)


def _check_join(room: Room, draft: Draft, target: str) -> None:
    create = room.state_event("m.room.create")
    if create is not None and room.last is create and create.sender == target:
        return
    if draft.sender != target:
        raise forbidden("Cannot force another user to join.")
    own = room.membership(target)
    if own == "ban":
        raise forbidden("You are banned from this room")
    rule = room.read("m.room.join_rules", "join_rule", "invite")
    if rule == "public" or own in ("join", "invite"):
        return
    if rule in ("restricted", "knock_restricted"):
        voucher = draft.content.get("join_authorised_via_users_server")
        if voucher is None:
            raise forbidden("Join event is missing authorising user.")
        power = room.power()
        if room.membership(text(voucher)) != "join" or not power.may(text(voucher), "invite"):
            raise forbidden("Join event authorised by invalid server.")
        return
    raise forbidden("You are not invited to this room.")


def _check_knock(room: Room, sender: str, target: str) -> None:
    if room.read("m.room.join_rules", "join_rule", "invite") not in ("knock", "knock_restricted"):
        raise forbidden("You don't have permission to knock")
    if sender != target:
        raise forbidden("You cannot knock for other users")
    own = room.membership(target)
    if own == "join":
        raise forbidden("You cannot knock on a room you are already in")
    if own == "invite":
        raise forbidden("You are already invited to this room")
    if own == "ban":
        raise forbidden("You are banned from this room")


def _check_invite(room: Room, sender: str, target: str) -> None:
    theirs = room.membership(target)
    if theirs == "ban":
        raise forbidden(f"{target} is banned from the room")
    if theirs == "join":
        raise forbidden(f"{target} is already in the room.")
    if not room.power().may(sender, "invite"):
        raise forbidden("You don't have permission to invite users")


def _check_leave(room: Room, sender: str, target: str) -> None:
    power = room.power()
    if room.membership(target) == "ban" and not power.may(sender, "ban"):
        raise forbidden(f"You cannot unban user {target}.")
    if target != sender and not (power.may(sender, "kick") and power.of(sender) > power.of(target)):
        raise forbidden(f"You cannot kick user {target}.")


def _check_ban(room: Room, sender: str, target: str) -> None:
    power = room.power()
    if not power.may(sender, "ban"):
        raise forbidden("You don't have permission to ban")
    if power.of(sender) <= power.of(target):
        raise forbidden("You don't have permission to ban this user")


def _check_power_levels(room: Room, draft: Draft, power: Power) -> None:
    _check_shape(draft.content)
    if room.version.creators_rule:
        _check_creators_absent(room, draft.content)
    current = room.state("m.room.power_levels")
    if current is None:
        return
    own = power.of(draft.sender)
    for table, key, old, new in _changes(current, draft.content):
        if table == "users" and key != draft.sender and old == own:
            raise forbidden("You don't have permission to remove ops level equal to your own")
        if (old is not None and old > own) or (new is not None and new > own):
            raise forbidden("You don't have permission to add ops level greater than your own")


def _check_shape(content: JsonObject) -> None:
    for key in content.keys() & set(_NUMBERS):
        _check_whole(key, content[key])
    for table in content.keys() & set(_TABLES):
        entries = content[table]
        if not isinstance(entries, dict):
            raise bad_request(f"\"{table}\": not of type 'object'", "M_BAD_JSON")
        for key, level in entries.items():
            _check_whole(key, level)
    for user_id in obj(content.get("users")):
        if not user_id.startswith("@") or ":" not in user_id:
            raise bad_request(f"Not a valid user_id: {user_id}")


def _check_whole(key: str, level: Json) -> None:
    # Strings that look like numbers were allowed up to version 9.
    if not isinstance(level, int) or isinstance(level, bool):
        raise bad_request(f"\"{key}\": {level!r} is not of type 'integer'", "M_BAD_JSON")


def _check_creators_absent(room: Room, content: JsonObject) -> None:
    create = room.state_event("m.room.create")
    listed = obj(content.get("users"))
    if create is None:
        return
    if create.sender in listed:
        raise bad_request(f"Creator user {create.sender} must not appear in content.users")
    if any(user in listed for user in texts(create.content.get("additional_creators"))):
        raise bad_request("Additional creators users must not appear in content.users")


def _changes(old: JsonObject, new: JsonObject) -> Iterator[tuple[str, str, int | None, int | None]]:
    """Say which levels differ: table ("" for the plain ones), key, old level, new level."""
    for key in _NUMBERS:
        if _level(old, key) != _level(new, key):
            yield "", key, _level(old, key), _level(new, key)
    for table in _TABLES:
        before, after = obj(old.get(table)), obj(new.get(table))
        for key in sorted(before.keys() | after.keys()):
            if _level(before, key) != _level(after, key):
                yield table, key, _level(before, key), _level(after, key)


def _level(levels: JsonObject, key: str) -> int | None:
    level = levels.get(key)
    return level if isinstance(level, int) else None


def _check_redaction(room: Room, draft: Draft, power: Power) -> None:
    target = room.event(draft.redacts or "")
    if target is not None and target.type == "m.room.create":
        raise forbidden("Redacting create events is not permitted")
    if target is not None and target.type == "m.room.server_acl":
        raise forbidden("Redacting server ACL events is not permitted")
    if power.may(draft.sender, "redact"):
        return
    if target is None:
        raise not_found(f"Could not find event {draft.redacts}")
    if target.sender != draft.sender:
        raise forbidden("You don't have permission to redact events")
