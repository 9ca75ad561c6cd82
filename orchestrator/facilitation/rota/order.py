"""The one answer to "who facilitates when": pure, and used for duty, announcements, commands and previews alike.

Handoffs stand on the wall clock (``schedule``), people take turns in the order they are written. What has begun is fact:
``begun`` maps the start of a shift to whoever took it. A change of the roster does not rewrite it, and the order goes on
from there: after whoever was last comes the next one, so that nobody is passed over, or asked twice running, because
somebody else joined or left.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from orchestrator.documents.declared import Rota
from orchestrator.model.cadence import Span
from orchestrator.model.ids import UserId
from orchestrator.schedule import Turn, turn_at, turns

NOTHING_BEGUN: Mapping[int, UserId] = {}


@dataclass(frozen=True, slots=True)
class Shift:
    """One turn of the rota: from a handoff to the next. ``place`` is where in the order of people it stands."""

    user: UserId
    span: Span
    place: int


def shift_at(
    rota: Rota, zone: tzinfo, people: Sequence[UserId], at_ms: int, begun: Mapping[int, UserId] = NOTHING_BEGUN
) -> Shift | None:
    """Find the shift an instant belongs to; None before the first handoff, or where nobody is on the rota."""
    turn = turn_at(rota.cadence, zone, at_ms)
    return None if turn is None or not people else _Order(rota, zone, people, begun).shift(turn)


def shifts(
    rota: Rota,
    zone: tzinfo,
    people: Sequence[UserId],
    window: Span,
    begun: Mapping[int, UserId] = NOTHING_BEGUN,
) -> Iterator[Shift]:
    """List the shifts that share time with a window, whole, in order."""
    if people:
        yield from map(
            _Order(rota, zone, people, begun).shift, turns(rota.cadence, zone, window.start_ms, window.end_ms)
        )


def backup_of(shift: Shift, people: Sequence[UserId]) -> UserId | None:
    """Name who steps in when the person on duty cannot: the next on the rota who is somebody else."""
    others = [people[(shift.place + step) % len(people)] for step in range(1, len(people) + 1)]
    return next((user for user in others if user != shift.user), None)


class _Order:
    """Whose turn it is: from the last shift that began on, people follow one another as they are written."""

    def __init__(self, rota: Rota, zone: tzinfo, people: Sequence[UserId], begun: Mapping[int, UserId]) -> None:
        self._rota, self._zone, self._people, self._begun = rota, zone, people, begun
        self._starts = sorted(start_ms for start_ms, user in begun.items() if user in people)

    def shift(self, turn: Turn) -> Shift:
        place = self._place(turn)
        return Shift(self._begun.get(turn.span.start_ms, self._people[place]), turn.span, place)

    def _place(self, turn: Turn) -> int:
        size = len(self._people)
        known = bisect_left(self._starts, turn.span.end_ms)
        last_ms = self._starts[known - 1] if known else None
        last = turn_at(self._rota.cadence, self._zone, last_ms) if last_ms is not None else None
        if last_ms is None or last is None:
            return turn.index % size
        user, place = self._begun[last_ms], last.index % size
        if self._people[place] != user:
            place = self._people.index(user)
        return (place + turn.index - last.index) % size
