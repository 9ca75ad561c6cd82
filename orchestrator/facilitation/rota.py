"""The one answer to "who facilitates when": pure, and used for duty, announcements, commands and previews alike.

Handoffs stand on the wall clock (``schedule``), people take turns in the order they are written. What has begun is fact:
``begun`` maps the start of a shift to whoever took it, and a change of the roster does not rewrite it.
"""

from __future__ import annotations

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
    """One turn of the rota: from a handoff to the next."""

    user: UserId
    span: Span
    index: int


def shift_at(
    rota: Rota, zone: tzinfo, people: Sequence[UserId], at_ms: int, begun: Mapping[int, UserId] = NOTHING_BEGUN
) -> Shift | None:
    """Find the shift an instant belongs to; None before the first handoff, or where nobody is on the rota."""
    turn = turn_at(rota.cadence, zone, at_ms)
    return None if turn is None or not people else _shift(turn, people, begun)


def shifts(
    rota: Rota,
    zone: tzinfo,
    people: Sequence[UserId],
    window: Span,
    begun: Mapping[int, UserId] = NOTHING_BEGUN,
) -> Iterator[Shift]:
    """List the shifts that share time with a window, whole, in order."""
    if people:
        for turn in turns(rota.cadence, zone, window.start_ms, window.end_ms):
            yield _shift(turn, people, begun)


def backup_of(shift: Shift, people: Sequence[UserId]) -> UserId | None:
    """Name who steps in when the person on duty cannot: the next on the rota who is somebody else."""
    others = [people[(shift.index + step) % len(people)] for step in range(1, len(people))]
    return next((user for user in others if user != shift.user), None)


def _shift(turn: Turn, people: Sequence[UserId], begun: Mapping[int, UserId]) -> Shift:
    user = begun.get(turn.span.start_ms, people[turn.index % len(people)])
    return Shift(user, turn.span, turn.index)
