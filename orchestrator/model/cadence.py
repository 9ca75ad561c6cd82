"""When things recur, as people say it: plain data on the wall clock, which ``schedule`` turns into instants.

Documents hold these and schedule computes with them; that is why they live where both may look.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import IntEnum, StrEnum
from typing import Final, Literal, TypeAlias

from .clock import FOREVER_MS


class Weekday(IntEnum):
    """A day of the week, numbered as ``datetime.weekday()`` does."""

    MON = 0
    TUE = 1
    WED = 2
    THU = 3
    FRI = 4
    SAT = 5
    SUN = 6


class Unit(StrEnum):
    """What a repetition counts in: always the clock on the wall, never elapsed time."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Every:
    """A distance on the wall clock, such as one week; 24 hours are a day, also on the days the clocks change."""

    count: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class Cadence:
    """Repeats from an anchor on: the anchor is the first time (a naive local datetime), ``every`` the distance.

    Attributes:
        on: only with ``every`` in weeks: the days of each such week (which begins on Monday; the anchor's is the first) on
            which it recurs, at the anchor's time of day, from the anchor on. Empty: the anchor's own weekday.
    """

    anchor: datetime
    every: Every
    on: tuple[Weekday, ...] = ()


@dataclass(frozen=True, slots=True)
class Weekly:
    """Repeats at a time of day, on some days of the week; no days named means every day.

    Attributes:
        also: further times of the same days, later than ``at`` and in order.
    """

    at: time
    on: tuple[Weekday, ...] = ()
    also: tuple[time, ...] = ()


Frequency: TypeAlias = Literal["YEARLY", "MONTHLY", "WEEKLY", "DAILY"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Repeats by an iCalendar rule (RFC 5545, section 3.3.10) on the wall clock; ``rrule`` reads and follows them.

    What a rule takes from its first day, such as the day of the week, is filled in already.

    Attributes:
        text: as it was written, in capitals.
        start: the first day it can fall on; what ``interval`` is counted from.
        times: the times of those days, in order.
        days: days of the week, each with which of the month (or year) it is; 0: each of them.
        positions: which of the days of a month or year, counted from its beginning, or negative from its end.
        week_start: the day that weeks begin with, for ``interval`` in weeks.
        until: the last time at which it may fall due.
    """

    text: str
    frequency: Frequency
    start: date
    times: tuple[time, ...]
    interval: int = 1
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    days: tuple[tuple[Weekday, int], ...] = ()
    positions: tuple[int, ...] = ()
    week_start: Weekday = Weekday.MON
    until: datetime | None = None


Recurrence: TypeAlias = Cadence | Weekly
"""What goes on for ever; a Rule may end."""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Hours in which nobody is disturbed, from ``start`` until just before ``end``; they may go over midnight."""

    start: time
    end: time


NIGHT: Final = QuietHours(time(21), time(8))
"""When nobody is written to where nothing else is said."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open stretch of time, ``start_ms`` (in) to ``end_ms`` (out), UTC milliseconds."""

    start_ms: int
    end_ms: int

    def __contains__(self, at_ms: int) -> bool:
        return self.start_ms <= at_ms < self.end_ms

    @classmethod
    def since(cls, at_ms: int) -> Span:
        """Take all of time from an instant on."""
        return cls(at_ms, FOREVER_MS)

    @property
    def length_ms(self) -> int:
        """Tell how long it is."""
        return self.end_ms - self.start_ms

    def shares(self, other: Span) -> bool:
        """Tell whether there is time that lies in both."""
        return max(self.start_ms, other.start_ms) < min(self.end_ms, other.end_ms)

    def common(self, other: Span) -> Span | None:
        """Find the time that lies in both; None: there is none."""
        start_ms, end_ms = max(self.start_ms, other.start_ms), min(self.end_ms, other.end_ms)
        return Span(start_ms, end_ms) if start_ms < end_ms else None

    def covers(self, other: Span) -> bool:
        """Tell whether another lies wholly within this one."""
        return self.start_ms <= other.start_ms and other.end_ms <= self.end_ms


EVER = Span.since(0)
"""All of time."""
