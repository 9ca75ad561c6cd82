"""Reading a room: its history page by page, single events, its state and members."""

from __future__ import annotations

from .accounts import Requester
from .events import Event, client_form
from .filters import EventFilter
from .problems import bad_request, cannot_preview, forbidden, not_found
from .room import Room, StateKey, topological
from .tokens import Place
from .values import Json, JsonObject
from .visibility import may_see, membership_at
from .world import World

_MOST = 1000


def messages(
    world: World,
    requester: Requester,
    room_id: str,
    *,
    backwards: bool,
    start: str | None,
    stop: str | None,
    limit: int,
    wanted: EventFilter,
) -> JsonObject:
    """Answer ``GET /messages``: by depth, bounded by either kind of token.

    ``end`` is missing only from an empty page: that is the end. A page may be empty of what one may see and still
    have an ``end``. Who left reads backwards from there.
    """
    room, left = _readable(world, requester, room_id)
    # The greatest depth, not that of the event that was learnt of last: one that was held back stands further down.
    newest = Place(world.stream, max((event.depth for event in room.history()), default=0))
    begin = Place.parse(start, "from") if start is not None else newest if backwards else Place(0)
    bound = Place.parse(stop, "to") if stop is not None else None
    low, high = (bound, begin) if backwards else (begin, bound)
    events = [
        event
        for event in room.history()
        if (low is None or low.is_before(event.depth, event.stream))
        and (high is None or not high.is_before(event.depth, event.stream))
        and wanted.wants(event.type, event.sender, room_id)
    ]
    if backwards:
        events.reverse()
        if left is not None:
            events = [event for event in events if topological(event) <= topological(left)]
    page = events[: min(limit, _MOST)]
    answer: JsonObject = {"chunk": [], "start": str(begin)}
    if not page:
        return answer
    last = page[-1]
    answer["end"] = str(Place(last.stream - 1 if backwards else last.stream, last.depth))
    never_in = room.membership(requester.user_id) is None
    seen = [event for event in page if may_see(room, requester.user_id, event, peeking=never_in)]
    answer["chunk"] = [_form(world, room, requester, event) for event in seen]
    if wanted.lazy_load_members and seen:
        answer["state"] = _senders(world, room, requester, seen)
    return answer


def one_event(world: World, requester: Requester, room_id: str, event_id: str) -> JsonObject:
    """Answer ``GET /event``; what one may not see is not there (404)."""
    room = world.rooms.get(room_id)
    event = room.event(event_id) if room is not None else None
    if room is None or event is None:
        raise not_found("Event not found.")
    peeking = room.membership(requester.user_id) != "join"
    if not may_see(room, requester.user_id, event, peeking=peeking):
        raise not_found("Event not found.")
    return _form(world, room, requester, event)


def reactions(
    world: World, requester: Requester, room_id: str, event_id: str, *, start: str | None, limit: int
) -> JsonObject:
    """Answer ``GET /relations/{event}/m.annotation/m.reaction``, newest first; what was redacted annotates nothing."""
    room, _ = _readable(world, requester, room_id)
    one_event(world, requester, room_id, event_id)
    found = [event for event in reversed(room.history()) if event.type == "m.reaction" and _annotates(event, event_id)]
    begin = int(start) if start is not None else 0
    page = found[begin : begin + limit]
    answer: JsonObject = {"chunk": [_form(world, room, requester, event) for event in page]}
    if begin + limit < len(found):
        answer["next_batch"] = str(begin + limit)
    return answer


def _annotates(event: Event, event_id: str) -> bool:
    relation = event.content.get("m.relates_to")
    return (
        isinstance(relation, dict)
        and relation.get("rel_type") == "m.annotation"
        and relation.get("event_id") == event_id
    )


def all_state(world: World, requester: Requester, room_id: str) -> list[Json]:
    """Answer ``GET /state``: as it is, or as it was when one left."""
    found = _state(world, requester, room_id).values()
    return [_state_form(world, requester, event) for event in found]


def one_state(world: World, requester: Requester, room_id: str, key: StateKey, *, whole_event: bool) -> JsonObject:
    """Answer ``GET /state/{type}/{key}``: the content, or with ``format=event`` the event."""
    room, left = _readable(world, requester, room_id)
    event = room.state_event(*key, at=None if left is None else left.stream)
    if event is None:
        raise not_found("Event not found.")
    if whole_event:
        return client_form(event, now_ms=world.clock.now_ms(), viewer=(requester.user_id, requester.device_id))
    return event.content


def members(
    world: World, requester: Requester, room_id: str, membership: str | None, not_membership: str | None, at: str | None
) -> JsonObject:
    """Answer ``GET /members``."""
    room, _ = _readable(world, requester, room_id)
    then = None if at is None else Place.parse(at, "at").stream
    state = _state(world, requester, room_id) if then is None else room.state_map(at=then)
    chosen = [
        event
        for (event_type, _), event in state.items()
        if event_type == "m.room.member"
        and membership in (None, event.membership)
        and (not_membership is None or event.membership != not_membership)
    ]
    return {"chunk": [_state_form(world, requester, event) for event in chosen]}


def joined_members(world: World, requester: Requester, room_id: str) -> JsonObject:
    """Answer ``GET /joined_members``, which only members may ask."""
    room, _ = _readable(world, requester, room_id)
    if room.membership(requester.user_id) != "join":
        raise forbidden("Getting joined members while not being a current member of the room is forbidden.")
    joined: JsonObject = {}
    for user_id in room.joined:
        content = room.state("m.room.member", user_id) or {}
        joined[user_id] = {"display_name": content.get("displayname"), "avatar_url": content.get("avatar_url")}
    return {"joined": joined}


def aliases(world: World, requester: Requester, room_id: str) -> JsonObject:
    """Answer ``GET /aliases``."""
    _readable(world, requester, room_id)
    return {"aliases": [name for name, alias in world.aliases.items() if alias.room_id == room_id]}


def limit_of(written: str | None, default: int) -> int:
    """Read a ``limit``; raises 400 for what is no number."""
    if written is None:
        return default
    if not written.isdecimal():
        raise bad_request("Query parameter 'limit' must be an integer", "M_INVALID_PARAM")
    return int(written)


def _readable(world: World, requester: Requester, room_id: str) -> tuple[Room, Event | None]:
    """Find a room one may read, and how one left it; raises 403 where one never was."""
    room = world.rooms.get(room_id)
    own = room.state_event("m.room.member", requester.user_id) if room is not None else None
    if room is None:
        raise cannot_preview(requester.user_id, room_id)
    open_to_all = room.read("m.room.history_visibility", "history_visibility", "") == "world_readable"
    if open_to_all or (own is not None and own.membership == "join"):
        return room, None
    if own is None:
        raise cannot_preview(requester.user_id, room_id)
    # Synapse lets those read on who left, not those who were banned or invited again.
    if own.membership != "leave" or requester.user_id in room.forgotten_by:
        raise cannot_preview(requester.user_id, room_id)
    return room, own


def _state(world: World, requester: Requester, room_id: str) -> dict[StateKey, Event]:
    room, left = _readable(world, requester, room_id)
    return room.state_map(at=None if left is None else left.stream)


def _form(world: World, room: Room, requester: Requester, event: Event) -> JsonObject:
    return client_form(
        event,
        now_ms=world.clock.now_ms(),
        viewer=(requester.user_id, requester.device_id),
        membership=membership_at(room, requester.user_id, event),
        old_fields=True,
    )


def _state_form(world: World, requester: Requester, event: Event) -> JsonObject:
    viewer = (requester.user_id, requester.device_id)
    return client_form(event, now_ms=world.clock.now_ms(), viewer=viewer, old_fields=True)


def _senders(world: World, room: Room, requester: Requester, events: list[Event]) -> list[Json]:
    found = (room.state_event("m.room.member", sender, at=events[0].seen_at) for sender in _unique(events))
    return [_state_form(world, requester, event) for event in found if event is not None]


def _unique(events: list[Event]) -> list[str]:
    return list(dict.fromkeys(event.sender for event in events))
