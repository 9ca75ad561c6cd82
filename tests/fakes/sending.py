"""Messages, redactions and state events."""

from __future__ import annotations

from collections.abc import Mapping

from . import auth
from .accounts import Requester
from .events import Draft, Event, check_size
from .problems import MatrixProblem, bad_request, not_found, not_in_room
from .room import Room
from .values import JsonObject, canonical, check_canonical, text, texts
from .world import ANSWERS_KEPT_MS, World

_NEEDED_STRINGS: Mapping[str, tuple[str, ...]] = {
    "m.room.message": ("body", "msgtype"),
    "m.room.name": ("name",),
    "m.room.topic": ("topic",),
}


def send(
    world: World, requester: Requester, room_id: str, event_type: str, content: JsonObject, txn_id: str | None = None
) -> Event:
    """Send a message event; a transaction seen before returns its event."""
    if event_type in ("m.room.member", "m.room.redaction"):
        raise MatrixProblem(500, "M_UNKNOWN", "Internal server error")
    return _send(world, requester, room_id, Draft(event_type, requester.user_id, content), txn_id)


def redact(
    world: World, requester: Requester, room_id: str, event_id: str, content: JsonObject, txn_id: str | None = None
) -> Event:
    """Redact an event; a transaction seen before returns its event. The target need not be known."""
    room = world.rooms.get(room_id)
    if room is None:
        raise not_found(f"Could not find room_version for {room_id}")
    if content.get("redacts", event_id) != event_id and room.version.redacts_in_content:
        raise bad_request("Cannot provide a redacts value incoherent with the event_id", "M_INVALID_PARAM")
    full = {**content, "redacts": event_id} if room.version.redacts_in_content else content
    draft = Draft("m.room.redaction", requester.user_id, full, redacts=event_id)
    return _send(world, requester, room_id, draft, txn_id)


def put_state(
    world: World, requester: Requester, room_id: str, event_type: str, state_key: str, content: JsonObject
) -> Event:
    """Set state other than a membership; what already stands there from the same sender is not sent again."""
    return _send(world, requester, room_id, Draft(event_type, requester.user_id, content, state_key), None)


def check_content(draft: Draft) -> None:
    """Refuse what no room takes: malformed, lacking what its type needs, or too large."""
    check_canonical(draft.content)
    for key in _NEEDED_STRINGS.get(draft.type, ()):
        if key not in draft.content:
            raise bad_request(f"'{key}' not in content")
        if not isinstance(draft.content[key], str):
            raise bad_request(f"'{key}' not a string type")
    check_size(draft)


def same_state(room: Room, draft: Draft) -> Event | None:
    """Find the state event that already says what a draft would, from the same sender."""
    current = room.state_event(draft.type, draft.state_key) if draft.state_key is not None else None
    if current is None or current.sender != draft.sender:
        return None
    return current if canonical(current.content) == canonical(draft.content) else None


def _send(world: World, requester: Requester, room_id: str, draft: Draft, txn_id: str | None) -> Event:
    room = world.rooms.get(room_id)
    if room is None:
        raise not_in_room(requester.user_id, room_id)
    known = world.seen_transaction(requester, room_id, txn_id, ANSWERS_KEPT_MS)
    if known is not None:
        return known
    limited = requester.device_id is not None
    if limited:
        world.limiter.check("message", requester.user_id)
    known = world.seen_transaction(requester, room_id, txn_id)
    if known is not None:
        return known
    world.check_active(requester.user_id)
    check_content(draft)
    same = same_state(room, draft)
    if same is not None:
        return same
    _check_tombstone(room, draft)
    auth.check(room, draft)
    if limited:
        world.limiter.take("message", requester.user_id)
    if draft.type == "m.room.canonical_alias" and draft.state_key == "":
        check_aliases(world, room, draft.content)
    return world.append(room, draft, requester, txn_id)


def _check_tombstone(room: Room, draft: Draft) -> None:
    if draft.type == "m.room.tombstone" and "replacement_room" not in draft.content:
        raise bad_request("Content has no replacement_room key")
    if draft.type == "m.room.tombstone" and draft.content["replacement_room"] == room.room_id:
        raise bad_request("Tombstone cannot reference the room it was sent in")


def check_aliases(world: World, room: Room, content: JsonObject) -> None:
    """Refuse to call a room by a new name that does not lead to it (400 M_BAD_ALIAS)."""
    before = room.state("m.room.canonical_alias") or {}
    old = {text(before.get("alias")), *texts(before.get("alt_aliases"))}
    for alias in {text(content.get("alias")), *texts(content.get("alt_aliases"))} - old - {""}:
        known = world.aliases.get(alias)
        if known is None or known.room_id != room.room_id:
            raise bad_request(f"Room alias {alias} does not point to the room", "M_BAD_ALIAS")
