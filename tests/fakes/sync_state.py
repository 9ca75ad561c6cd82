"""The state of a room in a ``/sync`` answer: what lies between what the device knows and the timeline."""

from __future__ import annotations

from .events import Event
from .room import Room, StateKey
from .stretch import Stretch, Timeline
from .values import Json, JsonObject


def state_before(room: Room, stretch: Stretch, timeline: Timeline, *, full: bool, upto: int) -> dict[StateKey, Event]:
    """Work out what lies between the state the device knows and the start of the timeline.

    Source: client-server API, "Syncing"; Synapse, ``handlers/sync.py``, for what lazy loading leaves out.
    """
    lazy = stretch.wanted.state.lazy_load_members
    in_timeline = {event.event_id for event in timeline.events if event.is_state}
    senders = _unannounced_senders(timeline.events) if lazy else set()
    start = timeline.events[0].seen_at if timeline.events else upto
    linear = all(event.seen_at == event.stream for event in timeline.events)
    known: dict[StateKey, Event] = {}
    if full:
        keys = senders | {stretch.requester.user_id} if lazy else None
        told = [_state_at(room, start, keys), _state_at(room, upto, keys)]
    elif timeline.limited or not linear:
        known = room.state_map(at=stretch.after)
        told = [_state_at(room, start, senders if lazy else None), room.state_map(at=upto)]
    else:
        # Nothing lies between but what the device was not told of the senders.
        in_timeline = set()
        told = [_members_at(room, start, senders)]
    always = set(room.member_keys(senders))
    # The state at the end counts; where that stands in the timeline, the one at its start.
    changed = {
        key: event
        for state in told
        for key, event in state.items()
        if event.event_id not in in_timeline and (key in always or known.get(key) is not event)
    }
    if lazy and not full and not stretch.wanted.state.include_redundant_members:
        changed = {key: event for key, event in changed.items() if not _is_old_member(room, stretch, event)}
    return changed


def _is_old_member(room: Room, stretch: Stretch, event: Event) -> bool:
    is_member = event.type == "m.room.member" and event.stream <= stretch.after
    return is_member and stretch.sent.has(room.room_id, event, stretch.after)


def _unannounced_senders(events: list[Event]) -> set[str]:
    """Name the senders whose membership the timeline does not tell before they speak."""
    told: set[str] = set()
    senders: set[str] = set()
    for event in events:
        if event.sender not in told:
            senders.add(event.sender)
        if event.type == "m.room.member" and event.state_key is not None:
            told.add(event.state_key)
    return senders


def _members_at(room: Room, at: int, users: set[str]) -> dict[StateKey, Event]:
    found = ((key, room.state_event(*key, at=at)) for key in room.member_keys(sorted(users)))
    return {key: event for key, event in found if event is not None}


def _state_at(room: Room, at: int, members: set[str] | None) -> dict[StateKey, Event]:
    state = room.state_map(at=at)
    if members is None:
        return state
    return {key: event for key, event in state.items() if key[0] != "m.room.member" or key[1] in members}


def summarise(
    room: Room, stretch: Stretch, timeline: Timeline, state: dict[StateKey, Event]
) -> tuple[JsonObject, dict[StateKey, Event]]:
    """Count the members, and name some where the room has no name; with those of them the device does not know."""
    told = [*timeline.events, *state.values()]
    lazy = stretch.wanted.state.lazy_load_members
    if not lazy or not (stretch.since is None or any(event.type == "m.room.member" for event in told)):
        return {}, {}
    summary: JsonObject = {
        "m.joined_member_count": len(room.joined),
        "m.invited_member_count": len(room.members("invite")),
    }
    if room.read("m.room.name", "name", "") or room.read("m.room.canonical_alias", "alias", ""):
        return summary, {}
    me = stretch.requester.user_id
    heroes = [user for user in (*room.joined, *sorted(room.members("invite"))) if user != me]
    heroes = (heroes or sorted((room.members("leave") | room.members("ban")) - {me}))[:5]
    summary["m.heroes"] = list[Json](heroes)
    known = {event.state_key for event in told if event.type == "m.room.member"}
    found = _members_at(room, stretch.now.stream, set(heroes) - known)
    return summary, {
        key: event for key, event in found.items() if not stretch.sent.has(room.room_id, event, stretch.after)
    }
