"""Follows rules of iCalendar on the wall clock, without ever running away.

What python-dateutil does is bounded here: where nothing is found it goes on to the year 9999. So it is asked for one month
or year at a time, or for plain steps among which we choose, and nobody looks further than ``YEARS_AHEAD``.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from .cadence import Rule, Weekday

if TYPE_CHECKING:
    from dateutil.rrule import weekday

YEARS_AHEAD: Final = 50
"""For so long nothing comes, and it counts as over."""


def slots(rule: Rule, after: date) -> Iterator[datetime]:
    """List the wall-clock times of a rule from a day on, in order; it ends where nothing comes for ``YEARS_AHEAD``."""
    first = max(after, rule.start)
    for day in _by_periods(rule, first) if rule.frequency in {"YEARLY", "MONTHLY"} else _by_steps(rule, first):
        for at in rule.times:
            slot = datetime.combine(day, at)
            if rule.until is not None and slot > rule.until:
                return
            yield slot


def _by_periods(rule: Rule, first: date) -> Iterator[date]:
    """Ask for each month or year by itself: whatever is in it, there is an end to it."""
    from dateutil.rrule import MONTHLY, YEARLY, rrule  # noqa: PLC0415 - most schedules need none of it

    yearly, start = rule.frequency == "YEARLY", rule.start
    size = rule.interval * (12 if yearly else 1)
    begun = start.year * 12 + (0 if yearly else start.month - 1)
    index = max(0, (first.year * 12 + first.month - 1 - begun) // size)
    last = first.year
    while True:
        year, month = divmod(begun + index * size, 12)
        index += 1
        if year > min(last + YEARS_AHEAD, _LAST_YEAR):
            return
        if not yearly and rule.months and month + 1 not in rule.months:
            continue
        found = rrule(
            YEARLY if yearly else MONTHLY,
            dtstart=datetime(year, month + 1, 1),  # noqa: DTZ001 - the wall
            interval=10_000 if yearly else 120_000,  # the next one lies beyond all years
            wkst=0,
            bymonth=rule.months or None,
            bymonthday=rule.month_days or None,
            byyearday=rule.year_days or None,
            byweekday=_weekdays(rule),
            bysetpos=rule.positions or None,
        )
        for slot in found:
            if slot.date() >= first:
                last = slot.year
                yield slot.date()


_LAST_YEAR: Final = 9_000


def _by_steps(rule: Rule, first: date) -> Iterator[date]:
    """Go by days or weeks, and choose among them here: so somebody sees how far it went."""
    from dateutil.rrule import DAILY, WEEKLY, rrule  # noqa: PLC0415 - as above

    weekly = rule.frequency == "WEEKLY"
    start = datetime.combine(rule.start, time())
    step = rule.interval * timedelta(weeks=1 if weekly else 0, days=0 if weekly else 1)
    # By whole steps, so that which of them are counted stays the same; one earlier, for the week that is under way.
    begin = start + max(0, (datetime.combine(first, time()) - start) // step - 1) * step
    found = rrule(
        WEEKLY if weekly else DAILY,
        dtstart=begin,
        interval=rule.interval,
        wkst=int(rule.week_start),
        byweekday=_weekdays(rule) if weekly else None,
    )
    last = first.year
    for slot in found:
        if slot.year > min(last + YEARS_AHEAD, _LAST_YEAR):
            return
        if slot.date() >= first and _is_on(rule, slot):
            last = slot.year
            yield slot.date()


def _is_on(rule: Rule, slot: datetime) -> bool:
    """Tell whether a day that a step leads to is one that the rule wants."""
    if rule.months and slot.month not in rule.months:
        return False
    if rule.month_days:
        back = slot.day - monthrange(slot.year, slot.month)[1] - 1
        if slot.day not in rule.month_days and back not in rule.month_days:
            return False
    return rule.frequency == "WEEKLY" or not rule.days or (Weekday(slot.weekday()), 0) in rule.days


def _weekdays(rule: Rule) -> list[weekday] | None:
    from dateutil.rrule import weekday  # noqa: PLC0415 - as above

    return [weekday(int(day), number or None) for day, number in rule.days] or None
