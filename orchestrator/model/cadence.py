"""When things recur, as people say it: plain data on the wall clock, which ``schedule`` turns into instants.

Documents hold these and schedule computes with them; that is why they live where both may look.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from enum import IntEnum, StrEnum
from typing import TypeAlias


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
    """Repeats at a time of day, on some days of the week; no days named means every day."""

    at: time
    on: tuple[Weekday, ...] = ()


Recurrence: TypeAlias = Cadence | Weekly


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Hours in which nobody is disturbed, from ``start`` until just before ``end``; they may go over midnight."""

    start: time
    end: time


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open stretch of time, ``start_ms`` (in) to ``end_ms`` (out), UTC milliseconds."""

    start_ms: int
    end_ms: int

    def __contains__(self, at_ms: int) -> bool:
        return self.start_ms <= at_ms < self.end_ms
