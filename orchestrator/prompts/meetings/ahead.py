"""The meetings to come as they are planned now, and the questions that will be asked in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orchestrator.documents.declared import Community, Room
from orchestrator.model.cadence import Span
from orchestrator.model.feature import Tx

from . import rows, words
from .places import Place, is_off, places_in
from .saying import deck_of
from .timetable import LONGEST_MS, Due, Session


@dataclass(frozen=True, slots=True)
class Planned:
    """A session that is planned; ``off``: it was called off."""

    room: Room
    session: Session
    off: bool = False

    @property
    def title(self) -> str:
        """What it is called."""
        return words.title(self.session.meeting, self.room)


@dataclass(frozen=True, slots=True)
class Asking:
    """A question of a session: from ``at_ms`` on."""

    place: Place
    session: Session
    due: Due
    at_ms: int


def planned(
    tx: Tx, community: Community, rooms: Iterable[Room], window: Span, *, off: bool = False
) -> tuple[Planned, ...]:
    """List the sessions of some rooms that share time with a window, in order.

    Those that were called off are left out, unless they are wanted (``off``).
    """
    from_ms = window.start_ms - LONGEST_MS
    found = []
    for room in rooms:
        known = rows.steps_in(tx, room, since_ms=from_ms)
        for place in places_in(community, room):
            sessions = (one for one in place.sessions(from_ms, window.end_ms) if one.end_ms > window.start_ms)
            found += [Planned(room, one, is_off(known, one)) for one in sessions if off or not is_off(known, one)]
    return tuple(sorted(found, key=lambda one: (one.session.start_ms, one.room.key, one.session.meeting.id)))


def is_on(tx: Tx, community: Community, room: Room, at_ms: int) -> bool:
    """Tell whether people meet in a room at an instant."""
    return bool(room.meetings) and bool(planned(tx, community, [room], Span(at_ms, at_ms + 1)))


def questions_ahead(
    tx: Tx, community: Community, rooms: Iterable[Room], after_ms: int, until_ms: int
) -> Iterator[Asking]:
    """List when questions of meetings fall due after one instant and before another, and those that just did."""
    for room in rooms:
        known = rows.steps_in(tx, room, since_ms=after_ms - LONGEST_MS)
        for place in places_in(community, room):
            for session in place.sessions(after_ms - LONGEST_MS, until_ms):
                if not is_off(known, session):
                    yield from _asked(place, session, known, after_ms)


def _asked(place: Place, session: Session, known: rows.Steps, after_ms: int) -> Iterator[Asking]:
    for due in place.steps(session):
        taken = (place.meeting.id, session.start_ms, due.step) in known
        if deck_of(place, due.step) is not None and not taken and due.stale_ms > after_ms:
            yield Asking(place, session, due, max(due.at_ms, after_ms))
