"""Dates as people write them: "tue", "12-20 Dec", "tomorrow 19:00-20:30", "until 3 Jan". Pure, and exact where clocks change.

Whoever is answered should read back what was understood, in full (``in_full``), before anything comes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

from babel.dates import format_date

from orchestrator.errors import Refusal
from orchestrator.i18n import _
from orchestrator.model.cadence import Span
from orchestrator.model.clock import HOUR_MS, MINUTE_MS

from .date_names import babel_locale
from .date_words import NO_TIME, Said, Side, Unit, read_said
from .wallclock import instant_ms, local_at
from .when import When, day_in_full, in_full, moment_in_full

__all__ = ["When", "day_in_full", "in_full", "moment_in_full", "read_when"]

_FAR_YEARS: Final = 10
_FIRST_YEAR: Final = 1900
"""Before that a day is a slip, and at the very first ones no clock reckons."""
_LONG_DAYS: Final = 300
"""A stretch over New Year that would be longer than this was meant the other way round."""


def read_when(words: Sequence[str], now_ms: int, zone: tzinfo, locale: str = "en") -> When:
    """Read the date that words begin with; the longest that makes sense.

    A date without a year is the next such that is not over; of ``3/4`` the day comes first, where that can be. A time that
    comes twice is the first at a beginning and the last at an end.

    Args:
        words: as they were written, cut at spaces.
        now_ms: UTC milliseconds.
        zone: whose clock and calendar is meant.
        locale: a language whose names of months and weekdays are understood beside the English ones.

    Raises:
        Refusal: there is no date, or none that can be: it says what to write instead.
    """
    found = read_said(words, locale)
    if found is None:
        raise Refusal(
            _("I couldn't find a date there. You can write it like `tue 19:00`, `12 Dec`, `12-20 Dec` or `2026-12-12`.")
            if words
            else _("Which day do you mean? You can write it like `tue 19:00`, `12 Dec`, `12-20 Dec` or `2026-12-12`.")
        )
    said, many = found
    when = _Calendar(now_ms, zone, locale).when(said)
    if when.span.end_ms <= now_ms:
        raise Refusal(
            _("{when} is over already. Please write a day that is still to come.").format(
                when=in_full(when, zone, locale)
            )
        )
    return When(when.span, tuple(words[many:]), when.whole_days, when.moment, when.onward)


class _Calendar:
    """What words come to at one moment, in one zone."""

    def __init__(self, now_ms: int, zone: tzinfo, locale: str) -> None:
        self._now_ms, self._zone, self._locale = now_ms, zone, locale
        self._now = local_at(now_ms, zone)
        self._today = self._now.date()

    def when(self, said: Said) -> When:
        """Find the stretch of time that was meant."""
        if said.length is not None:
            return self._lasting(said.start, *said.length)
        if said.end is not None and said.start is not None:
            return self._between(said.start, said.end)
        assert said.start is not None  # noqa: S101 - there is a length, an end or a start
        side = said.start
        if side.now:
            return self._at_once(onward=said.onward)
        day = self._day(side)
        if side.minute is not None:
            start_ms = self._clock(day, side.minute)
            return When(Span(start_ms, start_ms + MINUTE_MS), moment=True, onward=said.onward)
        last = day + timedelta(days=6 - day.weekday()) if side.weekday is None and side.weeks_on is not None else day
        return self._days(day, last, onward=said.onward)

    def _at_once(self, *, onward: bool) -> When:
        start_ms = self._this_minute()
        return When(Span(start_ms, start_ms + MINUTE_MS), moment=True, onward=onward)

    def _this_minute(self) -> int:
        return self._now_ms - self._now_ms % MINUTE_MS

    # -- one side ------------------------------------------------------------------------------------------------------

    def _day(self, side: Side) -> date:
        """Find the day that one side means by itself: the next such that is not over."""
        if side.month is not None:
            return self._dated(side, self._today)
        if side.weekday is not None:
            return self._weekday(side, self._today)
        if side.days_on is not None:
            return self._today + timedelta(days=side.days_on)
        if side.weeks_on is not None:
            monday = self._today - timedelta(days=self._today.weekday())
            return max(self._today, monday + timedelta(weeks=side.weeks_on))
        # A time only: today, or tomorrow where it is past.
        assert side.minute is not None  # noqa: S101 - a side says a day or a time
        _check_time(side.minute)
        passed = self._now.hour * 60 + self._now.minute > side.minute
        return self._today + timedelta(days=int(passed))

    def _weekday(self, side: Side, first: date) -> date:
        assert side.weekday is not None  # noqa: S101 - asked for where one is said
        if side.weeks_on:
            monday = self._today - timedelta(days=self._today.weekday())
            return monday + timedelta(weeks=side.weeks_on, days=side.weekday)
        day = first + timedelta(days=(side.weekday - first.weekday()) % 7)
        passed = (
            day == self._today
            and side.minute is not None
            and side.minute != NO_TIME
            and self._now.hour * 60 + self._now.minute > side.minute
        )
        return day + timedelta(weeks=int(passed))

    def _dated(self, side: Side, first: date) -> date:
        """Find the day of a month, in the year that is said, or in the first that has it on or after ``first``."""
        month, day = side.month or 0, side.day or 0
        if side.day is None:
            raise Refusal(_("Which day of that month? Write for example `12 Dec`, or `1-31 Dec` for all of it."))
        if side.year is not None:
            found: date | None = self._exact(side.year, month, day)
        else:
            years = range(first.year, first.year + 9)  # no leap day is further away than eight years
            found = next((one for year in years if (one := _real(year, month, day)) is not None and one >= first), None)
        if found is None:
            raise self._no_such(month, day, first.year)
        self._check_weekday(side, found)
        return found

    def _exact(self, year: int, month: int, day: int) -> date:
        if not _FIRST_YEAR <= year <= self._today.year + _FAR_YEARS:
            raise Refusal(
                _("That is too far away for me: the year should be {year} or near it.").format(year=self._today.year)
            )
        found = _real(year, month, day)
        if found is None:
            raise self._no_such(month, day, year)
        return found

    def _no_such(self, month: int, day: int, year: int) -> Refusal:
        if not 1 <= month <= 12:
            return Refusal(_("There are only twelve months. Write the day first, such as `12/11` or `12 Nov`."))
        last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
        name = format_date(date(year, month, 1), "MMMM", locale=babel_locale(self._locale))
        return Refusal(
            _("There is no {day} {month} in {year}: that month ends with the {last}. Which day do you mean?").format(
                day=day, month=name, year=year, last=last
            )
        )

    def _check_weekday(self, side: Side, found: date) -> None:
        if side.weekday is not None and side.weekday != found.weekday():
            raise Refusal(
                _("{day} does not fall on the day of the week that you wrote. Which of the two do you mean?").format(
                    day=day_in_full(found, self._locale)
                )
            )

    # -- from one to the other -----------------------------------------------------------------------------------------

    def _between(self, start: Side, end: Side) -> When:
        if not end.dated:
            return self._until_time(start, end)
        first, last = self._both_days(start, end)
        if start.now or start.minute is not None or end.minute is not None:
            start_ms = self._this_minute() if start.now else self._start(first, start.minute)
            end_ms = self._midnight(last + timedelta(days=1)) if end.minute is None else self._end(last, end.minute)
            return self._ordered(start_ms, end_ms)
        if last < first:
            raise _backwards()
        return self._days(first, last)

    def _until_time(self, start: Side, end: Side) -> When:
        """From something until a time of day: the first one after it."""
        minute = end.minute or 0
        _check_time(minute)
        day = self._today if start.now else self._day(start)
        begin = self._now.hour * 60 + self._now.minute if start.now else (start.minute or 0)
        if not start.dated and start.minute is not None:
            # "19:00-20:00" while it is half past seven is the one that runs.
            running = start.minute < minute and (self._now.hour * 60 + self._now.minute) < minute
            day = self._today if running else day
        if begin == minute:
            raise _backwards()
        start_ms = self._this_minute() if start.now else self._start(day, start.minute)
        return self._ordered(start_ms, self._end(day + timedelta(days=int(minute < begin)), minute))

    def _both_days(self, start: Side, end: Side) -> tuple[date, date]:
        if start.now:
            return self._today, self._after(end, self._today)
        if not start.dated:
            # "19:00-20:30 tue" is on one day; "19:00 - 12 Dec" begins today.
            last = self._day(end)
            return (last if end.minute is not None else self._day(start)), last
        if start.month is None or start.year is not None or end.month is None:
            first = self._day(start)
            return first, self._after(end, first)
        # The end says which year: a stretch that runs is not over, though the day it began on is.
        last = self._day(end)
        self._dated(start, date(last.year, 1, 1))  # it says so if there is no such day
        years = range(last.year, last.year - 9, -1)
        found = (_real(year, start.month, start.day or 0) for year in years)
        first = next((one for one in found if one is not None and one <= last), last)
        wraps = first.year != last.year
        if wraps and ((start.month == end.month) or (last - first).days > _LONG_DAYS):
            raise _backwards()
        self._check_weekday(start, first)
        return first, last

    def _after(self, end: Side, first: date) -> date:
        """Find the last day, not before the first."""
        if end.month is not None:
            return self._dated(end, first)
        if end.weekday is not None:
            return self._weekday(end, first)
        if end.weeks_on is not None:
            day = self._day(end)
            return day + timedelta(days=6 - day.weekday())
        return self._day(end)

    def _lasting(self, side: Side | None, count: int, unit: Unit) -> When:
        if not 1 <= count <= 1_000:
            raise Refusal(_("How long should that be? Write for example `for 3 days` or `for 2 weeks`."))
        start = side or Side(now=True)
        if unit in {"minute", "hour"}:
            start_ms = self._this_minute() if start.now else self._start(self._day(start), start.minute)
            return When(Span(start_ms, start_ms + count * (HOUR_MS if unit == "hour" else MINUTE_MS)))
        day = self._today if start.now else self._day(start)
        after = _later(day, count, unit)
        if after.year > self._today.year + _FAR_YEARS:
            raise Refusal(_("How long should that be? Write for example `for 3 days` or `for 2 weeks`."))
        if start.minute is not None:
            return self._ordered(self._start(day, start.minute), self._end(after, start.minute))
        if start.now:  # today counts as the first of the days
            return self._ordered(self._this_minute(), self._midnight(after))
        return self._days(day, after - timedelta(days=1))

    # -- instants ------------------------------------------------------------------------------------------------------

    def _days(self, first: date, last: date, *, onward: bool = False) -> When:
        span = Span(self._midnight(first), self._midnight(last + timedelta(days=1)))
        if span.start_ms >= span.end_ms:
            raise Refusal(_("{day} does not exist where we are.").format(day=day_in_full(first, self._locale)))
        return When(span, whole_days=True, onward=onward)

    def _ordered(self, start_ms: int, end_ms: int) -> When:
        if end_ms <= start_ms:
            raise _backwards()
        return When(Span(start_ms, end_ms))

    def _start(self, day: date, minute: int | None) -> int:
        return self._midnight(day) if minute is None else self._clock(day, minute)

    def _end(self, day: date, minute: int) -> int:
        return self._clock(day, minute, last=True)

    def _midnight(self, day: date) -> int:
        return instant_ms(datetime.combine(day, time()), self._zone)

    def _clock(self, day: date, minute: int, *, last: bool = False) -> int:
        """Find a time of day, which must be there on that day."""
        _check_time(minute)
        wall = datetime.combine(day, time()) + timedelta(minutes=minute)
        at_ms = instant_ms(wall, self._zone, last=last)
        shown = local_at(at_ms, self._zone)
        if shown != wall and minute % (24 * 60):
            raise Refusal(
                _(
                    "On {day} the clocks go forward, and {time} does not exist. The first minute after that is {next}:"
                    " please write that, or another time."
                ).format(day=day_in_full(day, self._locale), time=f"{wall:%H:%M}", next=f"{shown:%H:%M}")
            )
        return at_ms


def _later(day: date, count: int, unit: Unit) -> date:
    if unit != "month":
        return day + timedelta(days=count * (7 if unit == "week" else 1))
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return next(one for back in range(4) if (one := _real(year, month + 1, day.day - back)) is not None)


def _real(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _check_time(minute: int) -> None:
    if minute == NO_TIME:
        raise Refusal(_("There is no such time of day. Write it like `19:00` or `7pm`."))


def _backwards() -> Refusal:
    return Refusal(_("That would end before it begins. Please write the beginning first, such as `12-20 Dec`."))
