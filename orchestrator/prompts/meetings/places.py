"""Where people meet: declared meetings with their rooms, their timers, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from orchestrator.documents.declared import Community, Documents, Meeting, Room
from orchestrator.model.clock import DAY_MS
from orchestrator.model.feature import Timer, Tx
from orchestrator.prompts.duty import NAME
from orchestrator.store.timers import clear_timer, set_timer, timer_of

from . import rows
from .timetable import LONGEST_MS, MOST_AHEAD_MS, Due, Session, sessions, steps_of

MEETING: Final = "meeting:"
FAR_MS: Final = 11 * 366 * DAY_MS
"""Further ahead no rule of a document is looked at."""


@dataclass(frozen=True, slots=True)
class Place:
    """A meeting of a room."""

    community: Community
    room: Room
    meeting: Meeting

    @property
    def timer(self) -> str:
        """The key of its timer."""
        return f"{MEETING}{self.community.key}/{self.room.key}/{self.meeting.id}"

    def sessions(self, from_ms: int, until_ms: int) -> Iterator[Session]:
        """List the sessions that begin in the half-open window."""
        return sessions(self.meeting, self.community.zone, from_ms, until_ms)

    def steps(self, session: Session) -> tuple[Due, ...]:
        """Tell what is said about a session and when."""
        return steps_of(session, self.community.zone, self.room.quiet)


def places(documents: Documents) -> Iterator[Place]:
    """List all meetings."""
    for community in documents.communities:
        for room in community.rooms:
            yield from places_in(community, room)


def places_in(community: Community, room: Room) -> Iterator[Place]:
    """List the meetings of a room."""
    return (Place(community, room, meeting) for meeting in room.meetings)


def is_off(known: rows.Steps, session: Session) -> bool:
    """Tell whether a session was called off."""
    return (session.meeting.id, session.start_ms, rows.CANCEL) in known


def coming(place: Place, now_ms: int, most: int) -> list[Session]:
    """List the next sessions that are not over, those that were called off included."""
    found = place.sessions(now_ms - LONGEST_MS, now_ms + FAR_MS)
    return list(islice((one for one in found if one.end_ms > now_ms), most))


def following(place: Place, known: rows.Steps, after_ms: int) -> Session | None:
    """Find the first session that begins after an instant and was not called off."""
    found = place.sessions(after_ms + 1, after_ms + FAR_MS)
    return next((one for one in islice(found, 20) if not is_off(known, one)), None)


def set_next(tx: Tx, place: Place, now_ms: int, *, again_ms: int) -> None:
    """Set the timer for the next step of a meeting; what is due already is taken at ``again_ms``."""
    known = rows.steps_in(tx, place.room, since_ms=now_ms - LONGEST_MS)
    best: tuple[int, int] | None = None
    for session in place.sessions(now_ms - LONGEST_MS, now_ms + FAR_MS):
        if best is not None and session.start_ms - MOST_AHEAD_MS > best[0]:
            break
        if is_off(known, session):
            continue
        for due in place.steps(session):
            if due.stale_ms <= now_ms or (place.meeting.id, session.start_ms, due.step) in known:
                continue
            mine = (due.at_ms if due.at_ms > now_ms else again_ms, due.at_ms)
            best = mine if best is None else min(best, mine)
    if best is None:
        clear_timer(tx, NAME, place.timer)
        return
    timer = Timer(craft=NAME, key=place.timer, due_ms=best[0], payload={"due_ms": best[1]})
    if timer_of(tx, NAME, place.timer) != timer:
        set_timer(tx, timer)
