"""Which events of a room a user may read."""

from __future__ import annotations

from .events import Event
from .room import Room

_BY_OPENNESS = ("world_readable", "shared", "invited", "joined")
_BY_CLOSENESS = ("join", "invite", "knock", "leave", "ban")


def membership_at(room: Room, user_id: str, event: Event) -> str:
    """Read what a user was in the room just after an event; "leave" for one who was nothing."""
    if event.type == "m.room.member" and event.state_key == user_id:
        return event.membership or "leave"
    return room.membership(user_id, at=event.seen_at) or "leave"


def may_see(room: Room, user_id: str, event: Event, *, peeking: bool = False) -> bool:
    """Tell whether history visibility lets a user read an event.

    Args:
        room: the room.
        user_id: who reads.
        event: what.
        peeking: the reader is not (or, for pages of history, never was) in the room.

    Source: client-server API, "Room history visibility"; the corners as Synapse has them: the setting at the event
    counts, for a change of the setting the more open of old and new; everybody sees their own leaving.
    """
    openness = _visibility_at(room, event)
    if openness == "world_readable" or (openness == "shared" and not peeking):
        return True
    membership = membership_at(room, user_id, event)
    if event.type == "m.room.member" and event.state_key == user_id:
        before = _known(event.replaces.membership if event.replaces is not None else "leave")
        if membership == "leave" and before in ("join", "invite"):
            return True
        membership = min(_known(membership), before, key=_BY_CLOSENESS.index)
    return membership == "join" or (membership == "invite" and openness != "joined")


def _visibility_at(room: Room, event: Event) -> str:
    now = _valid(room.read("m.room.history_visibility", "history_visibility", "shared", at=event.seen_at))
    if event.type != "m.room.history_visibility" or event.state_key != "":
        return now
    before = "shared"
    if event.replaces is not None:
        said = event.replaces.content.get("history_visibility")
        before = _valid(said if isinstance(said, str) else "shared")
    return min(now, before, key=_BY_OPENNESS.index)


def _valid(visibility: str) -> str:
    return visibility if visibility in _BY_OPENNESS else "shared"


def _known(membership: str) -> str:
    return membership if membership in _BY_CLOSENESS else "leave"
