"""Reads rules of iCalendar (RFC 5545, section 3.3.10), strictly: what is refused says what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from difflib import get_close_matches
from itertools import islice
from typing import Final

from .cadence import Frequency, Rule, Weekday
from .following import YEARS_AHEAD, slots

COUNT_MOST: Final = 1_000
START: Final = date(2024, 1, 1)
"""The first day of rules that need none; a Monday, and the beginning of a month and year."""

_FREQUENCIES: Final[Mapping[str, Frequency]] = {
    "YEARLY": "YEARLY",
    "MONTHLY": "MONTHLY",
    "WEEKLY": "WEEKLY",
    "DAILY": "DAILY",
    "HOURLY": "DAILY",
}
"""Hours of the day are told as times of the day."""

_DAYS: Final[Mapping[str, Weekday]] = {day.name[:2]: day for day in Weekday}
_BYDAY: Final = re.compile(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)\Z")
_UNTIL: Final = re.compile(r"(20[0-9]{2})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})[0-9]{2})?\Z")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,4}\Z")
_RANGES: Final = {
    "INTERVAL": (1, 1_000),
    "COUNT": (1, COUNT_MOST),
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (-31, 31),
    "BYYEARDAY": (-366, 366),
    "BYSETPOS": (-366, 366),
    "BYHOUR": (0, 23),
    "BYMINUTE": (0, 59),
}
_KNOWN: Final = ("FREQ", *_RANGES, "BYDAY", "UNTIL", "WKST")
_NEVER: Final = "This would never fall due: there is no such day, or it ends before. Write fewer conditions."
_SELDOM: Final = "Nobody is asked more than once an hour. Write FREQ=HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY."
_NEEDED_WITH: Final = {"BYMONTHDAY": {"YEARLY", "MONTHLY", "DAILY"}, "BYYEARDAY": {"YEARLY"}}


def read_rule(text: str, at: Sequence[time] = (), start: date | None = None) -> Rule:
    """Read a rule, such as ``FREQ=MONTHLY;BYDAY=1TU``.

    Args:
        text: the rule; at most once an hour, and at least once in its first ``YEARS_AHEAD`` years.
        at: the times of its days, where it names none itself.
        start: the first day; needed where the rule counts from it or takes its day of the week or month.

    Raises:
        ValueError: a sentence that says what to write instead; it does not repeat the rule.
    """
    parts = _parts(text)
    frequency = _frequency(parts)
    numbers = {name: _numbers(name, parts) for name in _RANGES}
    days = _days(parts, frequency)
    _check_parts(parts, numbers, frequency)
    if start is None and _counts_from_start(parts, numbers, frequency):
        raise ValueError("This rule counts from its first day. Write beside it, for example: from: 2026-01-06")
    first = start or START
    rule = Rule(
        text=";".join(f"{name}={value}" for name, value in parts.items()),
        frequency=frequency,
        start=first,
        times=_times(parts, numbers, at),
        interval=_interval(parts, numbers),
        months=numbers["BYMONTH"],
        month_days=numbers["BYMONTHDAY"],
        year_days=numbers["BYYEARDAY"],
        days=days,
        positions=numbers["BYSETPOS"],
        week_start=_week_start(parts),
        until=_until(parts),
    )
    if rule.positions and len(rule.times) > 1:
        raise ValueError("With BYSETPOS there is one time a day only. Write one.")
    return _that_fires(_from_its_start(rule), numbers["COUNT"])


def _parts(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.strip().upper().removeprefix("RRULE:").split(";"):
        name, equals, value = part.strip().partition("=")
        if not equals or not value:
            raise ValueError("Write a rule like FREQ=MONTHLY;BYDAY=1TU")
        if name == "BYSECOND":
            raise ValueError("Nothing here goes by seconds: leave BYSECOND out.")
        if name == "BYWEEKNO":
            raise ValueError(
                "Weeks are not known by their number here. Write FREQ=WEEKLY, with INTERVAL and a first day."
            )
        if name not in _KNOWN:
            near = get_close_matches(name[:20], _KNOWN, n=1)
            raise ValueError(
                "A rule is made of " + ", ".join(_KNOWN) + "." + (f" Did you mean {near[0]}?" if near else "")
            )
        if name in found:
            raise ValueError(f"{name} stands here twice. Write it once, with commas between the values.")
        found[name] = value
    return found


def _frequency(parts: Mapping[str, str]) -> Frequency:
    found = _FREQUENCIES.get(parts.get("FREQ", ""))
    if found is None:
        raise ValueError(_SELDOM)
    return found


def _numbers(name: str, parts: Mapping[str, str]) -> tuple[int, ...]:
    low, high = _RANGES[name]
    found = set()
    for one in parts[name].split(",") if name in parts else ():
        number = int(one) if _NUMBER.match(one) else None
        if number is None or not low <= number <= high or (number == 0 and low < 0):
            but = ", but not 0" if low < 0 else ""
            raise ValueError(f"{name} takes whole numbers from {low} to {high}{but}.")
        found.add(number)
    if len(found) > 1 and name in {"INTERVAL", "COUNT"}:
        raise ValueError(f"{name} takes one number.")
    if len(found) > 1 and name == "BYMINUTE":
        raise ValueError("Nobody is asked more than once an hour. Write one BYMINUTE.")
    return tuple(sorted(found))


def _days(parts: Mapping[str, str], frequency: Frequency) -> tuple[tuple[Weekday, int], ...]:
    most = {"YEARLY": 53 if "BYMONTH" not in parts else 5, "MONTHLY": 5}.get(frequency, 0)
    found = set()
    for one in parts["BYDAY"].split(",") if "BYDAY" in parts else ():
        match = _BYDAY.match(one)
        number = int(match[1] or 0) if match else 0
        if match is None or (match[1] and number == 0) or abs(number) > most:
            which = f", with which one it is from -{most} to {most} before it, like 1TU" if most else ""
            raise ValueError(f"BYDAY takes days: MO, TU, WE, TH, FR, SA or SU{which}.")
        found.add((_DAYS[match[2]], number))
    if any(number for _, number in found):
        # Beside one that is counted, dateutil reads a plain day as a condition; here they are one list.
        plain = [day for day, number in found if number == 0]
        found = {one for one in found if one[1]} | {(day, number) for day in plain for number in range(1, most + 1)}
    return tuple(sorted(found))


def _week_start(parts: Mapping[str, str]) -> Weekday:
    if parts.get("WKST", "MO") not in _DAYS:
        raise ValueError("WKST takes the day that weeks begin with: MO, TU, WE, TH, FR, SA or SU.")
    return _DAYS[parts.get("WKST", "MO")]


def _until(parts: Mapping[str, str]) -> datetime | None:
    if "UNTIL" not in parts:
        return None
    match = _UNTIL.match(parts["UNTIL"])
    try:
        year, month, day, hour, minute = (
            None if one is None else int(one) for one in (match.groups() if match else ())
        )
        return datetime(year or 0, month or 0, day or 0, 23 if hour is None else hour, 59 if minute is None else minute)  # noqa: DTZ001 - the wall
    except ValueError:
        raise ValueError("Write UNTIL as a day, like UNTIL=20261231") from None


def _times(parts: Mapping[str, str], numbers: Mapping[str, tuple[int, ...]], at: Sequence[time]) -> tuple[time, ...]:
    minute = (numbers["BYMINUTE"] or (0,))[0]
    if parts["FREQ"] == "HOURLY":
        apart = (numbers["INTERVAL"] or (1,))[0]
        if at:
            raise ValueError("An hourly rule has no time of day: leave “at” out, or write FREQ=DAILY.")
        if 24 % apart:
            raise ValueError(
                "So many hours make no whole day: INTERVAL is 1, 2, 3, 4, 6, 8 or 12. Or write FREQ=DAILY."
            )
        hours = [hour for hour in range(0, 24, apart) if "BYHOUR" not in parts or hour in numbers["BYHOUR"]]
        if not hours:
            raise ValueError(_NEVER)
        return tuple(time(hour, minute) for hour in hours)
    if at:
        if "BYHOUR" in parts or "BYMINUTE" in parts:
            raise ValueError("“at” says the time already: leave BYHOUR and BYMINUTE out.")
        return tuple(sorted(set(at)))
    if "BYHOUR" not in parts:
        raise ValueError('At what time? Write beside it, for example: at: "19:05"')
    return tuple(time(hour, minute) for hour in numbers["BYHOUR"])


def _check_parts(parts: Mapping[str, str], numbers: Mapping[str, tuple[int, ...]], frequency: Frequency) -> None:
    for name, frequencies in _NEEDED_WITH.items():
        if numbers[name] and frequency not in frequencies:
            raise ValueError(f"{name} does not go with this FREQ.")
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("Write how often (COUNT) or until when (UNTIL), not both.")
    if numbers["BYSETPOS"] and (
        frequency not in {"YEARLY", "MONTHLY"} or not parts.keys() & {"BYDAY", "BYMONTHDAY", "BYYEARDAY"}
    ):
        raise ValueError("BYSETPOS chooses among days of a month or year, such as FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1")


def _interval(parts: Mapping[str, str], numbers: Mapping[str, tuple[int, ...]]) -> int:
    return 1 if parts["FREQ"] == "HOURLY" else (numbers["INTERVAL"] or (1,))[0]


def _counts_from_start(parts: Mapping[str, str], numbers: Mapping[str, tuple[int, ...]], frequency: Frequency) -> bool:
    if numbers["COUNT"] or _interval(parts, numbers) > 1:
        return True
    if frequency == "WEEKLY":
        return "BYDAY" not in parts
    return frequency in {"YEARLY", "MONTHLY"} and not parts.keys() & {"BYDAY", "BYMONTHDAY", "BYYEARDAY"}


def _from_its_start(rule: Rule) -> Rule:
    """Fill in what the first day says: of a week its day, of a month its date, of a year both."""
    if rule.frequency == "WEEKLY" and not rule.days:
        return replace(rule, days=((Weekday(rule.start.weekday()), 0),))
    named = rule.days or rule.month_days or rule.year_days
    if rule.frequency == "MONTHLY" and not named:
        return replace(rule, month_days=(rule.start.day,))
    if rule.frequency == "YEARLY" and not named:
        return replace(rule, months=rule.months or (rule.start.month,), month_days=(rule.start.day,))
    if rule.frequency == "DAILY" and rule.interval == 1:
        # The same, said by months: those are looked through many days at a time.
        every = () if rule.days else tuple(range(1, 32))
        return replace(rule, frequency="MONTHLY", month_days=rule.month_days or every)
    return rule


def _that_fires(rule: Rule, count: tuple[int, ...]) -> Rule:
    """Look for its first time, and for the last one where it says how many there are."""
    last = None
    number = 0
    for number, last in enumerate(islice(slots(rule, rule.start), count[0] if count else 1), 1):  # noqa: B007 - the last
        if last.year - rule.start.year > YEARS_AHEAD:
            break
    if last is None:
        raise ValueError(_NEVER)
    return replace(rule, until=last) if count and number == count[0] else rule
