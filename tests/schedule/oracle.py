"""The slow, plain truth: walk minute by minute and look at the wall clock."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from orchestrator.model.cadence import QuietHours, Recurrence, Unit, Weekly

MINUTE_MS = 60_000
DAY_MINUTES = 24 * 60
MINUTE = timedelta(minutes=1)
ZONES = ("Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "Antarctica/Troll", "Pacific/Apia")


@cache
def transitions(zone: str) -> tuple[int, ...]:
    """UTC minutes, since 1970, of the days on which a zone's clocks change, 2008 to 2030."""
    info = ZoneInfo(zone)
    day, found, before = datetime(2008, 1, 1, tzinfo=UTC), [], None
    while day.year < 2031:
        now = day.astimezone(info).utcoffset()
        if before is not None and now != before:
            found.append(int(day.timestamp()) // 60 - DAY_MINUTES)
        before = now
        day += timedelta(days=1)
    return tuple(found)


@cache
def walls(zone: str, from_minute: int, until_minute: int) -> tuple[datetime, ...]:
    """What the wall shows at each UTC minute."""
    info, start = ZoneInfo(zone), datetime.fromtimestamp(from_minute * 60, UTC)
    return tuple(
        (start + minute * MINUTE).astimezone(info).replace(tzinfo=None, fold=0)
        for minute in range(until_minute - from_minute)
    )


def last_shown(zone: str, from_minute: int, until_minute: int) -> dict[datetime, int]:
    """The UTC minute that shows a wall minute for the last time or, where none does, jumps past it."""
    table = walls(zone, from_minute, until_minute)
    shown, found = table[0], {}
    for minute, wall in enumerate(table, from_minute):
        while shown < wall:
            shown += MINUTE
            found[shown] = minute
        found[wall] = minute
    return found


def falls_due(spec: Recurrence, slot: datetime) -> bool:
    """Whether a wall-clock minute is one that the spec names."""
    if isinstance(spec, Weekly):
        return slot.time() == spec.at and (not spec.on or slot.weekday() in spec.on)
    if slot < spec.anchor:
        return False
    size = spec.every.count
    if spec.every.unit is Unit.MONTH:
        months = (slot.year - spec.anchor.year) * 12 + slot.month - spec.anchor.month
        day = min(spec.anchor.day, monthrange(slot.year, slot.month)[1])
        return months % size == 0 and slot.day == day and slot.time() == spec.anchor.time()
    if spec.on and spec.every.unit is Unit.WEEK:
        weeks = (_monday(slot) - _monday(spec.anchor)) // timedelta(weeks=1)
        return slot.time() == spec.anchor.time() and slot.weekday() in spec.on and weeks % size == 0
    minutes = {Unit.HOUR: 60, Unit.DAY: DAY_MINUTES, Unit.WEEK: 7 * DAY_MINUTES}[spec.every.unit] * size
    return (slot - spec.anchor) // MINUTE % minutes == 0


def _monday(day: datetime) -> datetime:
    while day.weekday() != 0:
        day -= timedelta(days=1)
    return day.replace(hour=0, minute=0)


def fired(spec: Recurrence, zone: str, from_minute: int, until_minute: int) -> list[tuple[int, datetime]]:
    """Walk the minutes; whenever the wall shows a minute never shown before, what it passed falls due."""
    lead_in = 2 * DAY_MINUTES
    table = walls(zone, from_minute - lead_in, until_minute)
    shown, found = table[0], []
    for minute, wall in enumerate(table, from_minute - lead_in):
        due = None
        while shown < wall:
            shown += MINUTE
            if falls_due(spec, shown):
                due = shown
        if due is not None and minute >= from_minute:
            found.append((minute * MINUTE_MS, due))
    return found


def quiet_minutes(quiet: QuietHours, zone: str, from_minute: int, until_minute: int) -> set[int]:
    """Each night is quiet from the first minute that shows its start to the last that reaches its end."""
    margin = 4 * DAY_MINUTES
    table = walls(zone, from_minute - margin, until_minute + margin)

    def crossings(wall: datetime) -> list[int]:
        return [n for n in range(1, len(table)) if table[n - 1] < wall <= table[n]]

    found: set[int] = set()
    day = table[0].date() + timedelta(days=1)
    while day < table[-1].date() - timedelta(days=1):
        next_day = day + timedelta(days=1) if quiet.end <= quiet.start else day
        starts = crossings(datetime.combine(day, quiet.start))
        ends = crossings(datetime.combine(next_day, quiet.end))
        found.update(range(starts[0] + from_minute - margin, ends[-1] + from_minute - margin))
        day += timedelta(days=1)
    return {minute for minute in found if from_minute <= minute < until_minute}
