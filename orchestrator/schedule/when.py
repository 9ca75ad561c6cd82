"""A stretch of time that somebody named, and how it is said back in full."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from babel.dates import format_date, format_datetime

from orchestrator.i18n import _
from orchestrator.model.cadence import Span

from .date_names import babel_locale
from .wallclock import local_at


@dataclass(frozen=True, slots=True)
class When:
    """What somebody wrote.

    Attributes:
        span: half-open, UTC milliseconds; never over yet, but it may have begun.
        left: the words that came after it.
        whole_days: it begins with a day and ends with one (local midnight to local midnight).
        moment: a point in time was named ("tue 19:00", "now"); the span is that minute.
        onward: only the beginning was named ("from 12 Dec"); the span is its first day, or its first minute.
    """

    span: Span
    left: tuple[str, ...] = ()
    whole_days: bool = False
    moment: bool = False
    onward: bool = False


def in_full(when: When, zone: tzinfo, locale: str = "en") -> str:
    """Write it with weekday, day, month and year, such that ``read_when`` reads it as the same."""
    start, end = local_at(when.span.start_ms, zone), local_at(when.span.end_ms, zone)
    if when.whole_days:
        first, last = start.date(), end.date() - timedelta(days=1)
        if first >= last:
            said = day_in_full(first, locale)
            return _("from {start}").format(start=said) if when.onward else said
        return _("{start} to {end}").format(start=day_in_full(first, locale), end=day_in_full(last, locale))
    if when.moment:
        said = moment_in_full(start, locale)
        return _("from {start}").format(start=said) if when.onward else said
    if start.date() == end.date():
        return _("{start} to {end}").format(start=moment_in_full(start, locale), end=f"{end:%H:%M}")
    return _("{start} to {end}").format(start=moment_in_full(start, locale), end=moment_in_full(end, locale))


def day_in_full(day: date, locale: str) -> str:
    """Write a day with its weekday, month and year."""
    # Translators: how a day is written in full (Unicode date format patterns).
    return format_date(day, _("EEEE d MMMM y"), locale=babel_locale(locale))


def moment_in_full(local: datetime, locale: str) -> str:
    """Write a time of a day with its weekday, month and year."""
    # Translators: how a day and a time are written in full (Unicode date format patterns).
    return format_datetime(local, _("EEEE d MMMM y, HH:mm"), locale=babel_locale(locale))


def moment_in_short(local: datetime, locale: str) -> str:
    """Write a time of a day in few letters, for lists."""
    # Translators: how a day and a time are written in a list (Unicode date format patterns).
    return format_datetime(local, _("EEE d MMM, HH:mm"), locale=babel_locale(locale))
