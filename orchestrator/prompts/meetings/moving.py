"""Meetings whose times or titles were changed in the documents: who was told of one hears that it is not then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product

from orchestrator.documents.declared import Community, Room
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, Priority, Send
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import RoomId
from orchestrator.prompts.duty import NAME
from orchestrator.schedule import local_at
from orchestrator.schedule.when import moment_in_full
from orchestrator.store import bindings, outbox

from . import rows, words
from .places import MEETING, following, places_in
from .saying import name_of, replying, tag_of
from .timetable import Step, is_session


def follow_keys(tx: Tx, community: Community, room: Room) -> None:
    """Let what is known of a room's sessions, and waits to be said of them, follow its keys."""
    communities, keys = (community.key, *community.previously), (room.key, *room.previously)
    bindings.move_rows(tx, "meeting", communities, keys)
    for former, former_key in product(communities, keys):
        if (former, former_key) != (community.key, room.key):
            before = f"{MEETING}{former}/{former_key}/"
            outbox.merge_under(tx, NAME, before, f"{MEETING}{community.key}/{room.key}/")


def follow(tx: Tx, community: Community, room: Room, bound: RoomId, now: Now) -> Iterator[AnyEffect]:
    """Let what is known of a room's sessions follow the documents, and tell people of what is not planned any more."""
    known = rows.steps_in(tx, room, since_ms=now.at_ms + 1)
    here, zone = list(places_in(community, room)), community.zone
    for meeting, start_ms in sorted({(one.meeting, one.start_ms) for one in known.values()}):
        gone = (meeting, start_ms, rows.MOVED) in known
        if any(place.meeting.id == meeting and is_session(place.meeting, zone, start_ms) for place in here):
            if gone:  # it is planned again, and announced anew
                rows.unclaim(tx, room, meeting, start_ms)
            continue
        now_called = next((p for p in here if is_session(p.meeting, zone, start_ms)), None)
        if now_called is not None and not any(one[:2] == (now_called.meeting.id, start_ms) for one in known):
            rows.rename(tx, room, meeting, now_called.meeting.id, start_ms)
            # What waits to be said of it gives way to what is said next, as before.
            before, now_named = (name_of(room, id_, start_ms) for id_ in (meeting, now_called.meeting.id))
            outbox.merge_under(tx, NAME, before, now_named)
            continue
        told = any(
            (meeting, start_ms, step) in known and known[meeting, start_ms, step].told
            for step in (Step.ANNOUNCE, Step.REMIND)
        )
        if not told or gone or room.archive or (meeting, start_ms, rows.CANCEL) in known:
            continue
        rows.claim(tx, room, meeting, start_ms, rows.MOVED)
        mine = next((place for place in here if place.meeting.id == meeting), None)
        name = room.name if mine is None else words.title(mine.meeting, room)
        comes = None if mine is None else following(mine, known, now.at_ms)
        at = moment_in_full(local_at(start_ms, zone), community.locale)
        yield Send(
            step=f"{name_of(room, meeting, start_ms)}:{rows.MOVED}:{now.at_ms}",
            room=bound,
            priority=Priority.STRUCTURE,
            expires_ms=start_ms,
            merge=name_of(room, meeting, start_ms),
            tag=json.dumps(tag_of(room, meeting, start_ms, rows.MOVED)),
            content=replying(content.text(words.moved(name, at, zone, comes)), known, meeting, start_ms, bound),
        )
