"""What other servers may bring: events out of order, and events that make no sense."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from .events import Event
from .problems import MatrixProblem
from .room import Room
from .values import JsonObject, obj, text, whole
from .world import World

Arrival = Literal["timeline", "gap", "backfilled"]


def inject(world: World, room: Room, raw: JsonObject) -> str:
    """Put an event into a room unasked and hand it out exactly so, whatever it lacks; returns its id.

    An ``event_id`` and an ``origin_server_ts`` are added where there are none, unless they are given as None: then
    they are left out. With a ``state_key`` that is a string it becomes state.
    """
    stream = world.next_stream()
    defaults: JsonObject = {"event_id": f"$odd{stream}", "origin_server_ts": world.clock.now_ms()}
    form = {key: value for key, value in {**defaults, **raw}.items() if value is not None or key not in defaults}
    event = _event(world, room, form, stream, _depth(room) + 1, stream)
    event.event_id = text(form.get("event_id"), f"$odd{stream}")
    event.raw = form
    room.add(event)
    return event.event_id


def late_events(
    world: World, room: Room, events: Sequence[JsonObject], *, after: str | None = None, how: Arrival = "gap"
) -> list[str]:
    """Bring in what another server held back while the link was cut; returns the ids.

    The events are new to us but old in the room: in its graph they follow ``after``, beside what came since, and that
    is where history (``/messages``) has them.

    Args:
        world: the server.
        room: which room.
        events: members ``type``, ``sender`` and ``content``, and perhaps ``state_key``, ``origin_server_ts`` (else now)
            and ``event_id``; no rule is asked.
        after: the event they follow, the last but one of the room if None.
        how: which of the ways of Synapse (each was seen on a real pair of servers):
            "timeline": each comes by itself, oldest first, and stands in the timeline of the next /sync.
            "gap": the last of them comes and the server asks for those before it. The next /sync is ``limited`` and
            shows the last, and neither the others nor anything before; history has them between the two sync tokens.
            "backfilled": as "gap", but the others are filled in as if from before the beginning. They never come with
            any /sync, nor does history have them between two sync tokens: only who reads on without ``to`` finds them.

    A state event among them takes effect unless the room has one for the same key that is further down the graph;
    one that is backfilled never does.
    """
    history = room.history()
    branch = room.event(after) if after is not None else history[-2] if len(history) > 1 else history[-1]
    if branch is None:
        raise MatrixProblem(404, "M_NOT_FOUND", f"No event {after}")
    ids = []
    for number, form in enumerate(events, start=1):
        filled_in = how == "backfilled" and number < len(events)
        event = _event(world, room, form, _position(world, filled_in=filled_in), branch.depth + number, branch.stream)
        event.event_id = text(form.get("event_id")) or f"$late{event.stream}"
        event.replaces = room.state_event(event.type, event.state_key) if event.state_key is not None else None
        newer = event.replaces is not None and event.replaces.depth >= event.depth
        room.add(event, becomes_state=not filled_in and not newer)
        ids.append(event.event_id)
    if how != "timeline":
        room.gaps.append(world.stream)
    world.pulse.beat()
    return ids


def _position(world: World, *, filled_in: bool) -> int:
    if not filled_in:
        return world.next_stream()
    world.oldest -= 1
    return world.oldest


def _event(world: World, room: Room, form: JsonObject, stream: int, depth: int, seen_at: int) -> Event:
    state_key = form.get("state_key")
    redacts = form.get("redacts", obj(form.get("content")).get("redacts"))
    return Event(
        event_id="",
        room_id=room.room_id,
        type=text(form.get("type")),
        sender=text(form.get("sender")),
        content=obj(form.get("content")),
        origin_server_ts=whole(form.get("origin_server_ts"), world.clock.now_ms()),
        stream=stream,
        depth=depth,
        seen_at=seen_at,
        state_key=state_key if isinstance(state_key, str) else None,
        redacts=text(redacts) or None,
    )


def _depth(room: Room) -> int:
    return max((event.depth for event in room.history()), default=0)
