"""The rooms of a ``/sync`` answer: timelines with their gaps, invitations, and rooms that were left."""

from __future__ import annotations

from dataclasses import dataclass, field

from .events import Event, client_form, stripped
from .room import Room, topological
from .stretch import Stretch, Timeline
from .sync_state import state_before, summarise
from .tokens import SyncToken
from .values import Json, JsonObject
from .visibility import may_see, membership_at

# When many events are filtered out, Synapse looks only so many times for more, then hands out what it has.
_MOST_LOOKS = 5

_STRIPPED = (
    "m.room.create",
    "m.room.join_rules",
    "m.room.canonical_alias",
    "m.room.avatar",
    "m.room.encryption",
    "m.room.name",
    "m.room.topic",
)


@dataclass(frozen=True, slots=True)
class Section:
    """A room's part of the answer, and the state events in it (for the device lists)."""

    form: JsonObject = field(repr=False)
    state: list[Event]
    timeline: list[Event]


def joined_room(room: Room, stretch: Stretch) -> Section | None:
    """Write the section of a room the user is in, None when there is nothing new in it."""
    fresh = _newly_joined(room, stretch)
    return _section(room, stretch, fresh=fresh, upto=stretch.now.stream)


def left_room(room: Room, stretch: Stretch) -> Section | None:
    """Write the section of a room the user left or was removed from, None when that is old news."""
    own = room.state_event("m.room.member", stretch.requester.user_id)
    if own is None or stretch.requester.user_id in room.forgotten_by:
        return None
    if stretch.since is None:
        by_themselves = own.membership == "leave" and own.sender == stretch.requester.user_id
        if by_themselves and not stretch.wanted.include_leave:
            return None
    elif own.stream <= stretch.after:
        return None
    return _section(room, stretch, fresh=_newly_joined(room, stretch), upto=own.stream)


def invited_room(room: Room, stretch: Stretch) -> JsonObject | None:
    """Write the stripped state of an invitation or a knock, None when that is old news."""
    own = room.state_event("m.room.member", stretch.requester.user_id)
    if own is None or own.stream <= stretch.after:
        return None
    shown = [room.state_event(event_type, at=own.stream) for event_type in _STRIPPED]
    if own.membership == "invite" and own.sender != own.state_key:
        shown.append(room.state_event("m.room.member", own.sender, at=own.stream))
    events: list[Json] = [stripped(event) for event in [*shown, own] if event is not None]
    return {f"{own.membership}_state": {"events": events}}


def newly_joined(room: Room, stretch: Stretch) -> bool:
    """Tell whether the user came into the room within the stretch (a first sync has no such rooms)."""
    return stretch.since is not None and _newly_joined(room, stretch)


def _newly_joined(room: Room, stretch: Stretch) -> bool:
    if stretch.since is None:
        return False
    user_id = stretch.requester.user_id
    own = [
        event
        for event in room.between(stretch.after, stretch.now.stream)
        if event.type == "m.room.member" and event.state_key == user_id
    ]
    if not any(event.membership == "join" for event in own):
        return False
    return room.membership(user_id, at=stretch.after) != "join" or any(event.membership != "join" for event in own)


def _section(room: Room, stretch: Stretch, *, fresh: bool, upto: int) -> Section | None:
    timeline = _timeline(room, stretch, fresh=fresh, upto=upto)
    full = stretch.since is None or fresh or stretch.full_state
    if not timeline.events and not full:
        return None
    told = state_before(room, stretch, timeline, full=full, upto=upto)
    summary: JsonObject | None = None
    if room.membership(stretch.requester.user_id) == "join":
        summary, heroes = summarise(room, stretch, timeline, told)
        told.update(heroes)
    state = list(told.values())
    if stretch.wanted.state.lazy_load_members:
        stretch.sent.note(room.room_id, [*state, *timeline.events], stretch.now.stream)
    state = [event for event in state if stretch.wanted.state.wants(event.type, event.sender, room.room_id)]
    form: JsonObject = {
        "timeline": {
            "events": [_form(room, stretch, event) for event in timeline.events],
            "prev_batch": str(SyncToken(timeline.prev_batch, stretch.now.inbox)),
            "limited": timeline.limited,
        },
        "state": {"events": [_state_form(stretch, event) for event in state]},
        "account_data": {"events": []},
    }
    if summary is not None:
        form["ephemeral"] = {"events": []}
        form["unread_notifications"] = {"notification_count": 0, "highlight_count": 0}
        form["summary"] = summary
    return Section(form, state, timeline.events)


def _timeline(room: Room, stretch: Stretch, *, fresh: bool, upto: int) -> Timeline:
    after = 0 if fresh else stretch.after
    gap = room.gap_in(after, upto) if stretch.since is not None and not fresh else None
    if gap is not None:
        # The event at the gap is the first that is shown.
        after = gap - 1
    first_look = stretch.since is None or fresh
    found = room.between(after, upto)
    if first_look:
        found.sort(key=topological)
    limit = stretch.wanted.timeline.limit
    whole = len(found) <= limit and not first_look and gap is None
    kept, looked_at_all = _choose(room, stretch, found)
    cut = len(kept) > limit
    events = kept[len(kept) - limit :] if cut else kept
    limited = fresh or gap is not None or (not whole and (cut or not looked_at_all))
    if events and (cut or whole):
        prev_batch = min(event.stream for event in events) - 1
    elif first_look or gap is not None:
        # As on Synapse, which then lets a client read the same events once more.
        prev_batch = upto
    else:
        prev_batch = found[-limit - 1].stream - 1 if len(found) > limit else after
    return Timeline(events, limited, prev_batch)


def _choose(room: Room, stretch: Stretch, found: list[Event]) -> tuple[list[Event], bool]:
    """Keep what the filter wants and the user may see, looking at the newest so and so many only."""
    limit = stretch.wanted.timeline.limit
    if stretch.wanted.timeline.wants_nothing:
        return [], True
    looked_at = limit + 1 + _MOST_LOOKS * max(2 * limit, 10)
    user_id = stretch.requester.user_id
    current = {event.event_id for event in found if event.is_state and _is_current(room, event)}
    kept = [
        event
        for event in found[-looked_at:]
        if stretch.wanted.timeline.wants(event.type, event.sender, room.room_id)
        # Whoever is told of the room at all is told of what is its state now.
        and (event.event_id in current or may_see(room, user_id, event))
    ]
    return kept, len(found) <= looked_at


def _is_current(room: Room, event: Event) -> bool:
    return event.state_key is not None and room.state_event(event.type, event.state_key) is event


def _form(room: Room, stretch: Stretch, event: Event) -> JsonObject:
    requester = stretch.requester
    return client_form(
        event,
        now_ms=stretch.clock_ms,
        viewer=(requester.user_id, requester.device_id),
        membership=membership_at(room, requester.user_id, event),
        with_room_id=False,
    )


def _state_form(stretch: Stretch, event: Event) -> JsonObject:
    viewer = (stretch.requester.user_id, stretch.requester.device_id)
    return client_form(event, now_ms=stretch.clock_ms, viewer=viewer, with_room_id=False)
