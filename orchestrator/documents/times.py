"""Times as documents write them, each read by one function as in ``words``: lengths, clocks, days, repetitions, zones."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from orchestrator.model.cadence import Every, QuietHours, Unit, Weekday
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

from .decks import FixedDay
from .words import nearest, text

_CLOCK: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])\Z")
_ANCHOR: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}\Z")
_FIXED_DAY: Final = re.compile(r"(?:(20[0-9]{2})-)?([0-9]{2})-([0-9]{2})\Z")
_DAY: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}\Z")
_LENGTH: Final = re.compile(r"([0-9]{1,6}) ?([a-z]+)\Z")
_MS: Final = {
    **dict.fromkeys(("s", "second", "seconds"), SECOND_MS),
    **dict.fromkeys(("m", "min", "minute", "minutes"), MINUTE_MS),
    **dict.fromkeys(("h", "hour", "hours"), HOUR_MS),
    **dict.fromkeys(("d", "day", "days"), DAY_MS),
    **dict.fromkeys(("w", "week", "weeks"), 7 * DAY_MS),
}
_UNITS: Final = {
    **dict.fromkeys(("h", "hour", "hours"), Unit.HOUR),
    **dict.fromkeys(("d", "day", "days"), Unit.DAY),
    **dict.fromkeys(("w", "week", "weeks"), Unit.WEEK),
    **dict.fromkeys(("month", "months"), Unit.MONTH),
}
LONGEST_MS: Final = 3_660 * DAY_MS
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def length(*, least_ms: int = 0) -> Callable[[object], int]:
    """Make a reader of lengths of time, such as ``90m`` or ``4 weeks``, into milliseconds."""

    def read_length(value: object) -> int:
        parts = _LENGTH.match(value.strip().lower()) if isinstance(value, str) else None
        if parts is None or parts[2] not in _MS:
            raise ValueError("Write a length of time with its unit, like 90m, 24h, 7d or 4 weeks.")
        found = int(parts[1]) * _MS[parts[2]]
        if not least_ms <= found <= LONGEST_MS:
            raise ValueError(
                "This length of time is too short." if found < least_ms else "This is longer than ten years."
            )
        return found

    return read_length


def every(value: object) -> Every:
    """Read a repetition, such as ``1 week``."""
    parts = _LENGTH.match(value.strip().lower()) if isinstance(value, str) else None
    if parts is None or parts[2] not in _UNITS or not 1 <= int(parts[1]) <= 1_000:
        raise ValueError("Write how often, in hours, days, weeks or months, like 1 week, 3 days or 1 month.")
    return Every(int(parts[1]), _UNITS[parts[2]])


def lasting(value: object) -> Every:
    """Read how long a turn is on the clock on the wall, such as ``2 hours``."""
    try:
        return every(value)
    except ValueError:
        raise ValueError("Write how long, in whole hours, days, weeks or months, like 2 hours or 1 week.") from None


def clock(value: object) -> time:
    """Read a time of day, such as ``19:05``."""
    parts = _CLOCK.match(value.strip()) if isinstance(value, str) else None
    if parts is None:
        raise ValueError('Write a time of day from 00:00 to 23:59, like "19:05".')
    return time(int(parts[1]), int(parts[2]))


def quiet_hours(value: object) -> QuietHours:
    """Read quiet hours, such as ``21:00-08:00``."""
    ends = re.split(" ?[-\u2013] ?", value.strip()) if isinstance(value, str) else []
    if len(ends) != 2 or not all(_CLOCK.match(end) for end in ends):
        raise ValueError('Write two times of day with a hyphen between them, like "21:00-08:00".')
    start, end = map(clock, ends)
    if start == end:
        raise ValueError("These hours begin and end at the same time. Leave them out, or write two different times.")
    return QuietHours(start, end)


def anchor(value: object) -> datetime:
    """Read a wall-clock date and time without a zone, such as ``2026-01-06 19:00``."""
    if isinstance(value, str) and _ANCHOR.match(value.strip()):
        try:
            return datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("There is no such day or time.") from None
    raise ValueError('Write a date and a time, without a zone, like "2026-01-06 19:00".')


def beginning(value: object) -> datetime:
    """Read when something begins: a day (it begins with the day), or a day and a time; on the clock on the wall."""
    return _instant(value, over=timedelta())


def ending(value: object) -> datetime:
    """Read until when something goes on: a day (that day counts), or a day and a time; on the clock on the wall."""
    return _instant(value, over=timedelta(days=1))


def _instant(value: object, *, over: timedelta) -> datetime:
    if not isinstance(value, str) or not (_ANCHOR.match(value.strip()) or _DAY.match(value.strip())):
        raise ValueError('Write a day, like 2026-12-01, or a day and a time, without a zone, like "2026-12-01 19:00".')
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError("There is no such day or time.") from None
    return found if ":" in value else found + over


def day(value: object) -> date:
    """Read a date, such as ``2026-10-01``."""
    if isinstance(value, str) and _DAY.match(value.strip()):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("There is no such day.") from None
    raise ValueError("Write a date as year, month and day, like 2026-10-01.")


def weekday(value: object) -> Weekday:
    """Read a day of the week: its first three letters, or the whole word."""
    if isinstance(value, str):
        for one in Weekday:
            if value.strip().lower() in {one.name.lower(), _DAYS[one]}:
                return one
    raise ValueError("Write a day of the week: mon, tue, wed, thu, fri, sat or sun.")


def fixed_day(value: object) -> FixedDay:
    """Read a day of every year, such as ``12-31``, or of one, such as ``2026-12-31``."""
    match = _FIXED_DAY.match(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("Write a month and a day, like 12-31, or with the year, like 2026-12-31.")
    year, month, number = (int(part) if part else None for part in match.groups())
    try:
        date(year or 2024, month or 0, number or 0)  # 2024 has all the days there are
    except ValueError:
        raise ValueError("There is no such day.") from None
    return FixedDay(month or 0, number or 0, year)


def clocks(value: object) -> tuple[time, ...]:
    """Read one time of day, or several of them at least an hour apart."""
    found = tuple(sorted(map(clock, value))) if isinstance(value, list) and value else (clock(value),)
    minutes = [one.hour * 60 + one.minute for one in found]
    if any(after - before < 60 for before, after in pairwise(minutes)):
        raise ValueError("Nobody is asked more than once an hour: leave an hour between these times.")
    return found


def zone(value: object) -> ZoneInfo:
    """Read an IANA time zone, such as ``Europe/Berlin``."""
    found = text(value, most=80)
    try:
        return ZoneInfo(found)
    except (OSError, ValueError, KeyError):
        from zoneinfo import available_timezones  # noqa: PLC0415 - slow, and only for an error message

        near = nearest(found, sorted(available_timezones()))
        message = "There is no such time zone. They look like Europe/Berlin."
        raise ValueError(message + (f" Did you mean {near}?" if near else "")) from None
