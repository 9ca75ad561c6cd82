"""Rules of iCalendar: exact where clocks change, refused where they never fall due, and never running away."""

from __future__ import annotations

import time as clock
from datetime import date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchestrator.model.cadence import Rule, Weekday, Weekly
from orchestrator.model.following import slots
from orchestrator.model.rrule import read_rule
from orchestrator.schedule import local_at, next_at, occurrences

from . import oracle
from .oracle import DAY_MINUTES, MINUTE_MS, ZONES

BERLIN = ZoneInfo("Europe/Berlin")
EVENING = (time(19, 5),)
FIRST = date(2026, 1, 6)
"""A Tuesday."""

patient = settings(deadline=None, max_examples=60)
numbers = st.integers


def several(values: st.SearchStrategy[int], most: int = 4) -> st.SearchStrategy[str]:
    return st.lists(values, min_size=1, max_size=most, unique=True).map(lambda all_: ",".join(map(str, all_)))


def signed(most: int) -> st.SearchStrategy[int]:
    return st.integers(1, most) | st.integers(-most, -1)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A rule as somebody could write it, without how often and until when."""
    frequency = draw(st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY"]))
    parts = {"FREQ": frequency, "INTERVAL": str(draw(st.sampled_from([1, 1, 2, 3, 5, 7])))}
    if draw(st.booleans()):
        parts["BYMONTH"] = draw(several(numbers(1, 12), 8))
    most = {"YEARLY": 5 if "BYMONTH" in parts else 53, "MONTHLY": 5}.get(frequency, 0)
    if draw(st.booleans()):
        which = st.just(0) | (signed(most) if most else st.just(0))
        days = draw(st.lists(st.tuples(which, st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"])), min_size=1))
        parts["BYDAY"] = ",".join(f"{number or ''}{day}" for number, day in days)
    if frequency != "WEEKLY" and draw(st.booleans()):
        parts["BYMONTHDAY"] = draw(several(signed(31), 12))
    if frequency == "YEARLY" and draw(st.booleans()):
        parts["BYYEARDAY"] = draw(several(signed(366), 12))
    if most and parts.keys() & {"BYDAY", "BYMONTHDAY", "BYYEARDAY"} and draw(st.booleans()):
        parts["BYSETPOS"] = draw(several(signed(6)))
    if frequency == "WEEKLY" and draw(st.booleans()):
        parts["WKST"] = draw(st.sampled_from(["MO", "SU", "WE"]))
    return ";".join(f"{name}={value}" for name, value in parts.items())


def read(text: str, at: tuple[time, ...] = EVENING, start: date | None = FIRST) -> Rule | None:
    try:
        return read_rule(text, at, start)
    except ValueError as refusal:
        if "never" not in str(refusal):
            raise
        return None


# -- which days --------------------------------------------------------------------------------------------------------


@patient
@given(texts(), st.integers(0, 800), st.integers(0, 3_000))
def test_a_rule_falls_on_the_days_that_the_standard_says(text: str, later: int, ahead: int) -> None:
    rule = read(text, start=FIRST + timedelta(days=later))
    assume(rule is not None)
    assert rule is not None
    first = FIRST + timedelta(days=ahead)
    days = [first + timedelta(days=number) for number in range(800)]
    found = [slot.date() for slot in islice(slots(rule, first), 800) if slot.date() <= days[-1]]
    assert found == [day for day in days if oracle.is_day_of(rule, day)]


@patient
@given(texts(), st.integers(1, 30))
def test_so_often_and_no_more(text: str, count: int) -> None:
    plain, counted = read(text), read(f"{text};COUNT={count}")
    assume(plain is not None and counted is not None)
    assert plain is not None
    assert counted is not None
    expected = list(islice(slots(plain, FIRST), count))
    if expected[-1].year - FIRST.year <= 50:
        assert list(slots(counted, FIRST)) == expected
        # Wherever somebody begins to look, it is over at the same time.
        later = expected[len(expected) // 2].date()
        assert list(slots(counted, later)) == [slot for slot in expected if slot.date() >= later]


def test_it_ends_with_the_day_that_is_written() -> None:
    rule = read_rule("FREQ=WEEKLY;BYDAY=TU;UNTIL=20260120", EVENING, FIRST)
    assert [slot.day for slot in slots(rule, FIRST)] == [6, 13, 20]
    rule = read_rule("FREQ=WEEKLY;BYDAY=TU;UNTIL=20260120T190000", EVENING, FIRST)
    assert [slot.day for slot in slots(rule, FIRST)] == [6, 13]
    last = next_at(rule, BERLIN, 0)
    assert last is not None
    assert next_at(rule, BERLIN, last.at_ms) is not None
    assert next_at(rule, BERLIN, last.at_ms + 7 * DAY_MINUTES * MINUTE_MS) is None


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("FREQ=MONTHLY;BYDAY=1TU", ["2026-01-06", "2026-02-03", "2026-03-03"]),
        ("freq=monthly;byday=-1fr", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=31", ["2026-01-31", "2026-03-31", "2026-05-31"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", ["2026-01-30", "2026-02-27", "2026-03-31"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", ["2028-02-29", "2032-02-29", "2036-02-29"]),
        ("FREQ=YEARLY", ["2026-01-06", "2027-01-06", "2028-01-06"]),
        ("FREQ=YEARLY;BYMONTH=3,9", ["2026-03-06", "2026-09-06", "2027-03-06"]),
        ("FREQ=WEEKLY;INTERVAL=2", ["2026-01-06", "2026-01-20", "2026-02-03"]),
        ("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,TU", ["2026-01-06", "2026-01-18", "2026-01-20"]),
        ("FREQ=DAILY;INTERVAL=10", ["2026-01-06", "2026-01-16", "2026-01-26"]),
        ("FREQ=DAILY;BYMONTH=5", ["2026-05-01", "2026-05-02", "2026-05-03"]),
    ],
)
def test_rules_mean_what_they_say(text: str, days: list[str]) -> None:
    assert [f"{slot:%Y-%m-%d}" for slot in islice(slots(read_rule(text, EVENING, FIRST), FIRST), 3)] == days


def test_hours_of_a_day_are_times_of_it() -> None:
    assert read_rule("FREQ=DAILY;BYHOUR=9,17;BYMINUTE=30").times == (time(9, 30), time(17, 30))
    assert read_rule("FREQ=HOURLY;INTERVAL=8;BYMINUTE=5;BYDAY=SA").times == (time(0, 5), time(8, 5), time(16, 5))
    assert read_rule("FREQ=HOURLY;BYHOUR=12,3").times == (time(3), time(12))
    assert len(read_rule("FREQ=HOURLY").times) == 24


# -- when --------------------------------------------------------------------------------------------------------------


@patient
@given(texts(), st.sampled_from(ZONES), st.data())
def test_where_clocks_change_a_rule_is_due_when_the_wall_shows_it(text: str, zone: str, data: st.DataObject) -> None:
    middle = data.draw(st.sampled_from(oracle.transitions(zone))) + data.draw(st.integers(-2, 2)) * DAY_MINUTES
    from_minute, until_minute = middle - 2 * DAY_MINUTES, middle + 2 * DAY_MINUTES
    at = data.draw(st.sampled_from([(time(0), time(2, 30)), (time(1, 45),), (time(2), time(3, 1), time(23, 59))]))
    start = local_at(from_minute * MINUTE_MS, ZoneInfo(zone)).date() - timedelta(days=data.draw(st.integers(0, 60)))
    rule = read(text, at if "BYSETPOS" not in text else at[:1], start)
    assume(rule is not None)
    assert rule is not None
    found = occurrences(rule, ZoneInfo(zone), from_minute * MINUTE_MS, until_minute * MINUTE_MS)
    assert [(one.at_ms, one.slot) for one in found] == oracle.fired(rule, zone, from_minute, until_minute)


@patient
@given(st.sampled_from(ZONES), st.sets(st.integers(0, 23), min_size=1), st.sets(st.sampled_from(Weekday)), st.data())
def test_several_times_a_day_are_due_when_the_wall_shows_them(
    zone: str, hours: set[int], on: set[Weekday], data: st.DataObject
) -> None:
    middle = data.draw(st.sampled_from(oracle.transitions(zone)))
    first, *also = (time(hour, 30) for hour in sorted(hours))
    weekly = Weekly(first, tuple(sorted(on)), tuple(also))
    window = middle - 2 * DAY_MINUTES, middle + 2 * DAY_MINUTES
    found = list(occurrences(weekly, ZoneInfo(zone), *(minute * MINUTE_MS for minute in window)))
    assert [(one.at_ms, one.slot) for one in found] == oracle.fired(weekly, zone, *window)
    assert all(next_at(weekly, ZoneInfo(zone), one.at_ms) == following for one, following in pairwise(found))


@patient
@given(texts(), st.integers(1_700_000_000_000, 1_900_000_000_000))
def test_the_next_time_is_the_first_of_those_that_come(text: str, at_ms: int) -> None:
    rule = read(text)
    assume(rule is not None)
    assert rule is not None
    expected = next(occurrences(rule, BERLIN, at_ms + 1, at_ms + 10**14), None)
    assert next_at(rule, BERLIN, at_ms) == expected


# -- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "like FREQ="),
        ("every tuesday", "like FREQ="),
        ("FREQ=", "like FREQ"),
        ("BYDAY=TU", "more than once an hour"),
        ("FREQ=MINUTELY", "more than once an hour"),
        ("FREQ=SECONDLY;INTERVAL=7200", "more than once an hour"),
        ("FREQ=DAILY;BYMINUTE=0,30", "more than once an hour"),
        ("FREQ=HOURLY;BYMINUTE=0,30", "more than once an hour"),
        ("FREQ=DAILY;BYSECOND=0", "BYSECOND"),
        ("FREQ=YEARLY;BYWEEKNO=3", "Weeks are not known"),
        ("FREQ=YEARLY;BYEASTER=0", "made of"),
        ("FREQ=MONTHLY;BYDAYS=TU", "Did you mean BYDAY"),
        ("FREQ=DAILY;FREQ=WEEKLY", "twice"),
        ("FREQ=WEEKLY;BYDAY=1TU", "BYDAY takes days"),
        ("FREQ=MONTHLY;BYDAY=6TU", "from -5 to 5"),
        ("FREQ=MONTHLY;BYDAY=0TU", "BYDAY takes days"),
        ("FREQ=WEEKLY;BYDAY=tuesday", "BYDAY takes days"),
        ("FREQ=WEEKLY;BYMONTHDAY=3", "does not go with"),
        ("FREQ=MONTHLY;BYYEARDAY=3", "does not go with"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "but not 0"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "from -31 to 31"),
        ("FREQ=MONTHLY;BYMONTH=x", "from 1 to 12"),
        ("FREQ=DAILY;INTERVAL=0", "from 1 to 1000"),
        ("FREQ=DAILY;INTERVAL=1,2", "one number"),
        ("FREQ=DAILY;COUNT=5000", "from 1 to 1000"),
        ("FREQ=DAILY;COUNT=5;UNTIL=20270101", "not both"),
        ("FREQ=DAILY;UNTIL=20270101T190000Z", "UNTIL as a day"),
        ("FREQ=DAILY;UNTIL=20270231", "UNTIL as a day"),
        ("FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1", "BYSETPOS chooses"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS chooses"),
        ("FREQ=WEEKLY;WKST=monday", "WKST takes"),
        ("FREQ=DAILY;BYHOUR=9", "says the time already"),
        ("FREQ=HOURLY", "no time of day"),
    ],
)
def test_what_is_refused_says_what_to_write_instead(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        read_rule(text, EVENING, FIRST)
    assert str(refused.value).endswith((".", "TU", "1TU", "-1", "?", "1231"))


def test_a_rule_needs_a_time_and_some_need_a_first_day() -> None:
    with pytest.raises(ValueError, match="At what time"):
        read_rule("FREQ=DAILY")
    for text in ("FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY;BYMONTH=3", "FREQ=DAILY;COUNT=3", "FREQ=DAILY;INTERVAL=2"):
        with pytest.raises(ValueError, match="from: 2026-01-06"):
            read_rule(text, EVENING)
    with pytest.raises(ValueError, match="one time a day"):
        read_rule("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1", (time(9), time(19)))
    with pytest.raises(ValueError, match="1, 2, 3, 4, 6, 8 or 12"):
        read_rule("FREQ=HOURLY;INTERVAL=5")


NEVER = [
    ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", EVENING),
    ("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", EVENING),
    ("FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=1MO", EVENING),
    ("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31;BYMONTH=2", EVENING),
    ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", EVENING),
    ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", EVENING),
    ("FREQ=DAILY;INTERVAL=2;BYMONTH=2;BYMONTHDAY=30", EVENING),
    ("FREQ=WEEKLY;INTERVAL=1000;BYDAY=MO;BYMONTH=2", EVENING),
    ("FREQ=HOURLY;INTERVAL=2;BYHOUR=1", ()),
    ("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", ()),
    ("FREQ=YEARLY;BYMONTH=1;BYYEARDAY=366", EVENING),
    ("FREQ=YEARLY;BYDAY=MO;BYMONTHDAY=1;BYMONTH=1;BYSETPOS=2", EVENING),
    ("FREQ=YEARLY;UNTIL=20251231", EVENING),
]


@pytest.mark.parametrize(("text", "at"), NEVER)
def test_a_rule_that_never_falls_due_is_found_out_at_once(text: str, at: tuple[time, ...]) -> None:
    read(text, at)  # what is loaded the first time is no part of it
    took = []
    for _ in range(3):
        began_s = clock.thread_time()
        assert read(text, at) is None
        took.append(clock.thread_time() - began_s)
    assert min(took) < 0.1


def test_however_often_it_is_to_come_nobody_looks_further_than_half_a_century() -> None:
    began_s = clock.thread_time()
    rule = read_rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO;COUNT=1000", EVENING, FIRST)
    assert clock.thread_time() - began_s < 1
    assert next(slots(rule, FIRST)) == datetime(2044, 2, 29, 19, 5)  # noqa: DTZ001 - the wall
