"""When something falls due, as it is written: days and a time, a rule, or one day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated, Final, NamedTuple, NotRequired, TypeAlias

from typing_extensions import TypedDict

from orchestrator.documents import times
from orchestrator.model.cadence import Rule, Weekday, Weekly
from orchestrator.model.rrule import read_rule

from .base import Read, sentence
from .rota import Day

CLOCK_SCHEMA: Final[Mapping[str, object]] = {"type": "string", "examples": ["19:05"]}
DATE_SCHEMA: Final[Mapping[str, object]] = {"type": "string", "format": "date"}


class Problem(NamedTuple):
    """Why nobody can tell when something is, and the key at which to say so; "" for all of it."""

    key: str
    message: str


When: TypeAlias = Weekly | Rule | Problem

# `from` cannot be a name in Python, so this is written as a call.
_From = TypedDict("_From", {"from": NotRequired[Annotated[date, Read(times.day, DATE_SCHEMA, "2026-01-06")]]})


class TimesForm(_From):
    """The days of something, beside its time."""

    on: NotRequired[list[Day]]
    rrule: NotRequired[Annotated[str, sentence(400, '"FREQ=MONTHLY;BYDAY=1TU"')]]


def when_of(form: TimesForm, at: tuple[time, ...]) -> When:
    """Tell when it is; or, where that cannot be, at which key to say why."""
    on = tuple(sorted(set(form.get("on", []))))
    if "rrule" in form and not on:
        try:
            return read_rule(form["rrule"], at, form.get("from"))
        except ValueError as problem:
            return Problem("rrule", str(problem))
    return _problem(form, at, on) or Weekly(at[0], on, at[1:])


def _problem(form: TimesForm, at: tuple[time, ...], on: tuple[Weekday, ...]) -> Problem | None:
    if "rrule" in form:
        return Problem("on", "A rule says its days itself: leave “on” out, or the rule.")
    if "from" in form:
        return Problem("from", "This goes with a rule that counts from its first day (rrule). Leave it out.")
    if not at:
        return Problem("", '“at” is missing here. Write, for example: at: "19:05"')
    minutes = [one.hour * 60 + one.minute for one in at]
    if len(at) > 1 and not on and minutes[0] + 24 * 60 - minutes[-1] < 60:
        return Problem("at", "Nobody is asked more than once an hour: leave an hour between these times.")
    return None


def once(day: date, at: time) -> Rule:
    """Make a rule of one day."""
    last = datetime.combine(day, at)
    days = tuple(range(1, 32))
    return Rule(text="", frequency="MONTHLY", start=day, times=(at,), month_days=days, until=last)
