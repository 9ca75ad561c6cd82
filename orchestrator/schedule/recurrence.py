"""When something that repeats falls due, and whose turn a moment belongs to.

An occurrence is named by its slot, the wall-clock time it stands for; its instant follows from the zone. Slots that a
jump of the clocks maps to one instant (an hour or, in Apia in 2011, a day that never was) count once, as the latest.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import chain, count, pairwise, takewhile
from typing import overload

from orchestrator.model.cadence import Cadence, Every, Recurrence, Rule, Span, Unit, Weekly
from orchestrator.model.following import slots as rule_slots

from .wallclock import instant_ms, local_at

_STEP = {Unit.HOUR: timedelta(hours=1), Unit.DAY: timedelta(days=1), Unit.WEEK: timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time at which something recurs.

    Attributes:
        at_ms: the instant, UTC milliseconds.
        slot: the wall-clock time it stands for; a stable name of the occurrence, whatever the clocks do.
        index: of a Cadence, how many times it recurred before; of all others, the day's proleptic ordinal.
    """

    at_ms: int
    slot: datetime
    index: int


@dataclass(frozen=True, slots=True)
class Turn:
    """The time from one occurrence to the next, or less: half-open, never overlapping, never empty."""

    index: int
    slot: datetime
    span: Span


def occurrences(spec: Recurrence | Rule, zone: tzinfo, from_ms: int, until_ms: int) -> Iterator[Occurrence]:
    """List what falls in the half-open window from ``from_ms`` (in) to ``until_ms`` (out), in order.

    Windows that follow one another so lose nothing and double nothing.
    """
    for occurrence in _from(spec, zone, from_ms):
        if occurrence.at_ms >= until_ms:
            return
        if occurrence.at_ms >= from_ms:
            yield occurrence


@overload
def next_at(spec: Recurrence, zone: tzinfo, after_ms: int) -> Occurrence: ...


@overload
def next_at(spec: Recurrence | Rule, zone: tzinfo, after_ms: int) -> Occurrence | None: ...


def next_at(spec: Recurrence | Rule, zone: tzinfo, after_ms: int) -> Occurrence | None:
    """Find the first occurrence strictly after an instant; None where a rule has ended."""
    return next((occurrence for occurrence in _from(spec, zone, after_ms) if occurrence.at_ms > after_ms), None)


def latest_at(spec: Recurrence, zone: tzinfo, at_ms: int) -> Occurrence | None:
    """Find the last occurrence at or before an instant; None when there was none yet (before the anchor)."""
    latest = None
    for occurrence in takewhile(lambda one: one.at_ms <= at_ms, _from(spec, zone, at_ms)):
        latest = occurrence
    return latest


def turn_at(cadence: Cadence, zone: tzinfo, at_ms: int) -> Turn | None:
    """Find the turn an instant belongs to; None before the anchor."""
    start = latest_at(cadence, zone, at_ms)
    return None if start is None else _turn(start, next_at(cadence, zone, at_ms))


def turns(cadence: Cadence, zone: tzinfo, from_ms: int, until_ms: int, *, lasts: Every | None = None) -> Iterator[Turn]:
    """List the turns that share time with the half-open window, whole, in order.

    Without ``lasts`` each goes on until the next begins. With it each ends so much later on the clock on the wall, at the
    next one's beginning at the latest: where an end comes twice it is the last, where it never comes the first instant
    after the jump (the rules of GoAlert). A turn that lies altogether in time the clocks leave out never is.
    """
    for start, end in pairwise(_from(cadence, zone, from_ms)):
        if start.at_ms >= until_ms:
            return
        turn = _turn(start, end)
        if lasts is not None:
            end_ms = instant_ms(_later(start.slot, lasts), zone, last=True)
            turn = Turn(start.index, start.slot, Span(start.at_ms, min(end.at_ms, end_ms)))
        if turn.span.end_ms > max(from_ms, turn.span.start_ms):
            yield turn


def _turn(start: Occurrence, end: Occurrence) -> Turn:
    return Turn(start.index, start.slot, Span(start.at_ms, end.at_ms))


def _later(slot: datetime, lasts: Every) -> datetime:
    if lasts.unit is Unit.MONTH:
        return _add_months(slot, lasts.count)
    return slot + lasts.count * _STEP[lasts.unit]


def _from(spec: Recurrence | Rule, zone: tzinfo, around_ms: int) -> Iterator[Occurrence]:
    """Yield occurrences in order, of a Recurrence beginning with one at or before ``around_ms`` if there is any."""
    # A slot that the wall shows or has passed lies at or before this instant, whatever jumps there were: begin with one.
    wall = local_at(around_ms, zone)
    timed = (Occurrence(instant_ms(slot, zone), slot, index) for index, slot in _slots(spec, wall))
    for one, following in pairwise(chain(timed, (None,))):
        if one is not None and (following is None or one.at_ms < following.at_ms):
            yield one


def _slots(spec: Recurrence | Rule, wall: datetime) -> Iterator[tuple[int, datetime]]:
    if isinstance(spec, Rule):
        # No jump of the clocks is longer than a day.
        yield from ((slot.toordinal(), slot) for slot in rule_slots(spec, wall.date() - timedelta(days=2)))
    elif isinstance(spec, Weekly):
        yield from _weekly_slots(spec, wall)
    else:
        yield from _cadence_slots(spec, wall)


def _weekly_slots(spec: Weekly, wall: datetime) -> Iterator[tuple[int, datetime]]:
    day = wall.date() - timedelta(weeks=1)
    while True:
        if not spec.on or day.weekday() in spec.on:
            for at in (spec.at, *spec.also):
                yield day.toordinal(), datetime.combine(day, at)
        day += timedelta(days=1)


def _cadence_slots(spec: Cadence, wall: datetime) -> Iterator[tuple[int, datetime]]:
    anchor, every = spec.anchor, spec.every
    if every.unit is Unit.MONTH:
        months = (wall.year - anchor.year) * 12 + wall.month - anchor.month
        for index in count(max(0, months // every.count - 1)):
            yield index, _add_months(anchor, index * every.count)
    elif every.unit is Unit.WEEK and spec.on:
        yield from _weekdays(spec, wall)
    else:
        step = every.count * _STEP[every.unit]
        for index in count(max(0, (wall - anchor) // step)):
            yield index, anchor + index * step


def _weekdays(spec: Cadence, wall: datetime) -> Iterator[tuple[int, datetime]]:
    anchor, days = spec.anchor, sorted(set(spec.on))
    monday = anchor - timedelta(days=anchor.weekday())
    early = sum(day < anchor.weekday() for day in days)  # those of its first week that were over when it began
    step = spec.every.count * _STEP[Unit.WEEK]
    for week in count(max(0, (wall - monday) // step - 1)):
        for place, day in enumerate(days):
            index = week * len(days) + place - early
            if index >= 0:
                yield index, monday + week * step + timedelta(days=day)


def _add_months(anchor: datetime, months: int) -> datetime:
    # Always from the anchor, and clamped: the 31st stays the 31st wherever there is one.
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, monthrange(year, month + 1)[1]))
