"""The slow, plain truth: walk minute by minute and look at the wall clock."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from orchestrator.model.cadence import QuietHours, Recurrence, Rule, Unit, Weekly

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


def falls_due(spec: Recurrence | Rule, slot: datetime) -> bool:
    """Whether a wall-clock minute is one that the spec names."""
    if isinstance(spec, Rule):
        return slot.time() in spec.times and is_day_of(spec, slot.date())
    if isinstance(spec, Weekly):
        return slot.time() in {spec.at, *spec.also} and (not spec.on or slot.weekday() in spec.on)
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


@cache
def is_day_of(rule: Rule, day: date) -> bool:
    """Whether a rule falls on a day: by the table of RFC 5545, section 3.3.10, day after day of its month or year."""
    if day < rule.start or (rule.until is not None and day > rule.until.date()):
        return False
    if rule.frequency == "DAILY":
        apart, wanted = (day - rule.start).days, _is_wanted(rule, day, [day])
    elif rule.frequency == "WEEKLY":
        weeks = [one - timedelta(days=(one.weekday() - rule.week_start) % 7) for one in (day, rule.start)]
        apart, wanted = (weeks[0] - weeks[1]).days // 7, _is_wanted(rule, day, [day])
    elif rule.frequency == "MONTHLY":
        apart = (day.year - rule.start.year) * 12 + day.month - rule.start.month
        wanted = day in _of_period(rule, day.year, day.month)
    else:
        apart = day.year - rule.start.year
        wanted = day in _of_period(rule, day.year, 0)
    return wanted and apart % rule.interval == 0


@cache
def _month(year: int, month: int) -> list[date]:
    """The days of a month; of month 0: of the year."""
    if month == 0:
        return [day for number in range(1, 13) for day in _month(year, number)]
    return [date(year, month, number + 1) for number in range(monthrange(year, month)[1])]


@cache
def _of_period(rule: Rule, year: int, month: int) -> list[date]:
    period = _month(year, month)
    wanted = [day for day in period if _is_wanted(rule, day, period)]
    places = (place - 1 if place > 0 else len(wanted) + place for place in rule.positions)
    return [wanted[place] for place in places if 0 <= place < len(wanted)] if rule.positions else wanted


def _is_wanted(rule: Rule, day: date, period: list[date]) -> bool:
    if rule.months:
        period = [one for one in period if one.month == day.month]
    alike = [one for one in period if one.weekday() == day.weekday()]
    return (
        (not rule.months or day.month in rule.months)
        and (not rule.month_days or bool({*_places(day, _month(day.year, day.month))} & {*rule.month_days}))
        and (not rule.year_days or bool({*_places(day, _month(day.year, 0))} & {*rule.year_days}))
        and (
            not rule.days
            or any(which == day.weekday() and (not n or n in _places(day, alike)) for which, n in rule.days)
        )
    )


def _places(day: date, among: list[date]) -> tuple[int, int]:
    return among.index(day) + 1, among.index(day) - len(among)


def _monday(day: datetime) -> datetime:
    while day.weekday() != 0:
        day -= timedelta(days=1)
    return day.replace(hour=0, minute=0)


def fired(spec: Recurrence | Rule, zone: str, from_minute: int, until_minute: int) -> list[tuple[int, datetime]]:
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
