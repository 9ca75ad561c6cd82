from __future__ import annotations

from datetime import datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchestrator.model.cadence import Cadence, Every, QuietHours, Recurrence, Span, Unit, Weekday, Weekly
from orchestrator.schedule import (
    clip,
    instant_ms,
    is_quiet,
    latest_at,
    local_at,
    merge,
    next_at,
    occurrences,
    quiet_span,
    subtract,
    turn_at,
    turns,
)

from . import oracle
from .oracle import DAY_MINUTES, MINUTE_MS, ZONES

wall = datetime.fromisoformat

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
TROLL = ZoneInfo("Antarctica/Troll")
APIA = ZoneInfo("Pacific/Apia")

patient = settings(deadline=None)  # the oracle is slow on purpose
zones = st.sampled_from(ZONES)
times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 5, 15, 30, 45, 59]))


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, int]:
    """A zone and a UTC minute, mostly near a change of its clocks."""
    zone = draw(zones)
    minute = draw(st.sampled_from(oracle.transitions(zone)) | st.integers(20_000_000, 31_000_000))
    return zone, minute + draw(st.integers(-2, 2)) * DAY_MINUTES


@st.composite
def recurrences(draw: st.DrawFn, near: datetime) -> Recurrence:
    """Something that recurs in the days after ``near``."""
    at = draw(times)
    if draw(st.booleans()):
        return Weekly(at, tuple(draw(st.sets(st.sampled_from(Weekday)))))
    unit = draw(st.sampled_from(Unit))
    anchor = datetime.combine(near.date() - timedelta(days=draw(st.integers(-4, 400))), at)
    on = draw(st.sets(st.sampled_from(Weekday))) if unit is Unit.WEEK else ()
    return Cadence(anchor, Every(draw(st.integers(1, 7)), unit), tuple(on))


@patient
@given(moments(), times)
def test_a_wall_clock_time_happens_at_the_first_minute_that_shows_or_passes_it(
    moment: tuple[str, int], at: time
) -> None:
    zone, minute = moment
    when = datetime.combine(local_at(minute * MINUTE_MS, ZoneInfo(zone)), at)
    start = minute - 3 * DAY_MINUTES
    table = oracle.walls(zone, start, minute + 3 * DAY_MINUTES)
    crossings = [n + start for n in range(1, len(table)) if table[n - 1] < when <= table[n]]
    assert instant_ms(when, ZoneInfo(zone)) == crossings[0] * MINUTE_MS
    # Where the clocks go back to exactly this time, it is shown again without being passed.
    shown = [n + start for n, wall in enumerate(table) if wall == when]
    assert instant_ms(when, ZoneInfo(zone), last=True) == (shown or crossings)[-1] * MINUTE_MS


@patient
@given(st.data(), moments())
def test_occurrences_are_exactly_those_a_minute_by_minute_walk_finds(
    data: st.DataObject, moment: tuple[str, int]
) -> None:
    zone, minute = moment
    until = minute + 5 * DAY_MINUTES
    spec = data.draw(recurrences(local_at(minute * MINUTE_MS, ZoneInfo(zone))))
    found = [(o.at_ms, o.slot) for o in occurrences(spec, ZoneInfo(zone), minute * MINUTE_MS, until * MINUTE_MS)]
    assert found == oracle.fired(spec, zone, minute, until)


@patient
@given(st.data(), moments())
def test_the_next_and_the_latest_occurrence_are_the_neighbours_of_any_instant(
    data: st.DataObject, moment: tuple[str, int]
) -> None:
    zone, minute = moment
    info = ZoneInfo(zone)
    spec = data.draw(recurrences(local_at(minute * MINUTE_MS, info)))
    walk = oracle.fired(spec, zone, minute, minute + 5 * DAY_MINUTES)
    at_ms = minute * MINUTE_MS + data.draw(st.integers(0, 5 * DAY_MINUTES - 1)) * MINUTE_MS
    before = [at for at, _ in walk if at <= at_ms]
    after = [at for at, _ in walk if at > at_ms]
    latest, following = latest_at(spec, info, at_ms), next_at(spec, info, at_ms)
    if before:
        assert latest is not None
        assert latest.at_ms == before[-1]
    else:
        assert latest is None or latest.at_ms < minute * MINUTE_MS
    if after:
        assert following.at_ms == after[0]
    else:
        assert following.at_ms >= (minute + 5 * DAY_MINUTES) * MINUTE_MS


@patient
@given(st.data(), moments())
def test_turns_share_out_all_time_after_the_anchor_without_gap_or_overlap(
    data: st.DataObject, moment: tuple[str, int]
) -> None:
    zone, minute = moment
    info = ZoneInfo(zone)
    anchor = datetime.combine(local_at(minute * MINUTE_MS, info).date(), data.draw(times))
    cadence = Cadence(anchor, Every(data.draw(st.integers(1, 9)), data.draw(st.sampled_from(Unit))))
    window = Span(minute * MINUTE_MS, (minute + 4 * DAY_MINUTES) * MINUTE_MS)
    found = list(turns(cadence, info, window.start_ms, window.end_ms))
    assert found, "a cadence never ends"
    assert all(turn.span.start_ms < turn.span.end_ms for turn in found)
    assert all(one.span.end_ms == other.span.start_ms and one.index < other.index for one, other in pairwise(found))
    assert found[0].span.start_ms <= max(window.start_ms, instant_ms(anchor, info))
    for turn in found:
        for at_ms in (turn.span.start_ms, turn.span.end_ms - 1):
            assert turn_at(cadence, info, at_ms) == turn


@settings(patient, max_examples=30)
@given(st.data(), moments(), st.integers(1, 40))
def test_a_turn_that_lasts_ends_when_the_wall_shows_its_end_for_the_last_time_or_the_next_begins(
    data: st.DataObject, moment: tuple[str, int], hours: int
) -> None:
    zone, minute = moment
    info = ZoneInfo(zone)
    spec = data.draw(recurrences(local_at(minute * MINUTE_MS, info)))
    assume(isinstance(spec, Cadence))
    assert isinstance(spec, Cadence)
    until, margin = minute + 2 * DAY_MINUTES, 4 * DAY_MINUTES
    ends = oracle.last_shown(zone, minute - margin, until + margin)
    begins = oracle.fired(spec, zone, minute - 2 * DAY_MINUTES, until + margin)
    expected = []
    for place, (at_ms, slot) in enumerate(begins):
        end_ms = ends.get(slot + timedelta(hours=hours), until + margin) * MINUTE_MS
        if place + 1 < len(begins):
            end_ms = min(end_ms, begins[place + 1][0])
        if at_ms < end_ms and at_ms < until * MINUTE_MS and end_ms > minute * MINUTE_MS:
            expected.append((at_ms, end_ms))
    found = turns(spec, info, minute * MINUTE_MS, until * MINUTE_MS, lasts=Every(hours, Unit.HOUR))
    assert [(turn.span.start_ms, turn.span.end_ms) for turn in found] == expected


@pytest.mark.parametrize(
    ("anchor", "lasts", "span"),
    [
        # 02:30 never comes: it begins when the clocks have jumped, and is half as long.
        ("2026-03-28 02:30", Every(1, Unit.HOUR), ("2026-03-29 03:00", "2026-03-29 03:30")),
        # It ends at a time that never comes: at the jump.
        ("2026-03-28 01:30", Every(1, Unit.HOUR), ("2026-03-29 01:30", "2026-03-29 03:00")),
        # It begins in the doubled hour, the first time, and ends in it, the last time.
        ("2026-10-24 02:00", Every(1, Unit.HOUR), ("2026-10-25 02:00", "2026-10-25 03:00")),
        ("2026-10-24 01:30", Every(1, Unit.HOUR), ("2026-10-25 01:30", "2026-10-25 02:30")),
    ],
)
def test_beginnings_are_the_first_and_ends_the_last(anchor: str, lasts: Every, span: tuple[str, str]) -> None:
    cadence = Cadence(wall(anchor), Every(1, Unit.DAY))
    day = wall(span[0]).replace(hour=0, minute=0)
    window = instant_ms(day, BERLIN), instant_ms(day + timedelta(hours=12), BERLIN)
    (turn,) = turns(cadence, BERLIN, *window, lasts=lasts)
    assert turn.span == Span(instant_ms(wall(span[0]), BERLIN), instant_ms(wall(span[1]), BERLIN, last=True))


def test_a_turn_that_lies_altogether_in_an_hour_that_never_was_is_none() -> None:
    daily = Cadence(wall("2026-03-27 02:10"), Every(1, Unit.DAY))
    window = instant_ms(wall("2026-03-28 00:00"), BERLIN), instant_ms(wall("2026-03-31 00:00"), BERLIN)
    hourly = Cadence(wall("2026-03-29 00:00"), Every(1, Unit.HOUR))
    assert [turn.slot.day for turn in turns(daily, BERLIN, *window, lasts=Every(1, Unit.HOUR))] == [28, 29, 30]
    night = instant_ms(wall("2026-03-29 00:00"), BERLIN), instant_ms(wall("2026-03-29 05:00"), BERLIN)
    assert [turn.slot.hour for turn in turns(hourly, BERLIN, *night, lasts=Every(1, Unit.HOUR))] == [0, 1, 3, 4]


def test_a_turn_of_a_month_from_the_31st_ends_on_the_last_day_of_a_shorter_one() -> None:
    cadence = Cadence(wall("2026-01-31 19:00"), Every(2, Unit.MONTH))
    at_ms = instant_ms(wall("2026-02-01 00:00"), BERLIN)
    (turn,) = turns(cadence, BERLIN, at_ms, at_ms + 1, lasts=Every(1, Unit.MONTH))
    assert turn.span.end_ms == instant_ms(wall("2026-02-28 19:00"), BERLIN)


def test_days_of_every_other_week_are_counted_by_the_times_they_came() -> None:
    cadence = Cadence(wall("2026-01-08 19:00"), Every(2, Unit.WEEK), (Weekday.FRI, Weekday.TUE, Weekday.FRI))
    window = instant_ms(wall("2026-01-01 00:00"), BERLIN), instant_ms(wall("2026-02-07 00:00"), BERLIN)
    found = list(occurrences(cadence, BERLIN, *window))
    assert [(o.index, o.slot.month, o.slot.day) for o in found] == [
        (0, 1, 9),
        (1, 1, 20),
        (2, 1, 23),
        (3, 2, 3),
        (4, 2, 6),
    ]
    assert next_at(cadence, BERLIN, 0) == found[0]


@settings(patient, max_examples=30)
@given(moments(), times, times)
def test_quiet_hours_are_exactly_those_a_minute_by_minute_walk_finds(
    moment: tuple[str, int], start: time, end: time
) -> None:
    zone, minute = moment
    quiet, until = QuietHours(start, end), minute + DAY_MINUTES
    walk = oracle.quiet_minutes(quiet, zone, minute, until)
    assert {m for m in range(minute, until, 5) if is_quiet(quiet, ZoneInfo(zone), m * MINUTE_MS)} == {
        m for m in walk if (m - minute) % 5 == 0
    }


@patient
@given(st.data(), moments())
def test_windows_that_follow_one_another_lose_and_double_nothing(data: st.DataObject, moment: tuple[str, int]) -> None:
    zone, minute = moment
    info = ZoneInfo(zone)
    spec = data.draw(recurrences(local_at(minute * MINUTE_MS, info)))
    start, end = minute * MINUTE_MS, (minute + 9 * DAY_MINUTES) * MINUTE_MS
    cuts = sorted({start, end, *data.draw(st.lists(st.integers(start, end), max_size=6))})
    pieces = [o for one, other in pairwise(cuts) for o in occurrences(spec, info, one, other)]
    assert pieces == list(occurrences(spec, info, start, end))


@pytest.mark.parametrize(
    ("zone", "when", "shown"),
    [
        (BERLIN, wall("2026-03-29 02:30"), wall("2026-03-29 03:00")),
        (LORD_HOWE, wall("2026-10-04 02:15"), wall("2026-10-04 02:30")),
        (TROLL, wall("2026-03-29 01:45"), wall("2026-03-29 03:00")),
        (APIA, wall("2011-12-30 19:05"), wall("2011-12-31 00:00")),
    ],
)
def test_a_time_that_never_comes_is_the_first_instant_after_the_jump(
    zone: ZoneInfo, when: datetime, shown: datetime
) -> None:
    at_ms = instant_ms(when, zone)
    assert local_at(at_ms, zone) == shown
    assert local_at(at_ms - 1, zone) < when


def test_a_time_that_comes_twice_is_the_first_unless_the_last_is_asked_for() -> None:
    when = wall("2026-10-25 02:30")
    assert instant_ms(when, BERLIN, last=True) - instant_ms(when, BERLIN) == 3_600_000


def test_a_weekly_turn_keeps_its_hour_on_the_wall_over_a_change_of_the_clocks() -> None:
    cadence = Cadence(wall("2026-01-06 19:00"), Every(1, Unit.WEEK))
    window = instant_ms(wall("2026-03-20 00:00"), BERLIN), instant_ms(wall("2026-04-10 00:00"), BERLIN)
    found = list(turns(cadence, BERLIN, *window))
    assert [local_at(turn.span.start_ms, BERLIN) for turn in found] == [
        wall("2026-03-17 19:00"),
        wall("2026-03-24 19:00"),
        wall("2026-03-31 19:00"),
        wall("2026-04-07 19:00"),
    ]
    assert [turn.index for turn in found] == [10, 11, 12, 13]
    assert found[1].span.end_ms - found[1].span.start_ms == (7 * 24 - 1) * 3_600_000


def test_every_24_hours_is_every_day_also_when_the_clocks_change() -> None:
    window = instant_ms(wall("2026-03-27 00:00"), BERLIN), instant_ms(wall("2026-04-02 00:00"), BERLIN)
    anchor = wall("2026-01-06 19:00")
    by_hours = occurrences(Cadence(anchor, Every(24, Unit.HOUR)), BERLIN, *window)
    by_days = occurrences(Cadence(anchor, Every(1, Unit.DAY)), BERLIN, *window)
    assert list(by_hours) == list(by_days)


def test_a_monthly_turn_anchored_on_the_31st_falls_on_the_last_day_of_shorter_months() -> None:
    cadence = Cadence(wall("2026-01-31 19:00"), Every(1, Unit.MONTH))
    window = instant_ms(wall("2026-01-01 00:00"), BERLIN), instant_ms(wall("2026-07-01 00:00"), BERLIN)
    assert [(o.slot.month, o.slot.day) for o in occurrences(cadence, BERLIN, *window)] == [
        (1, 31),
        (2, 28),
        (3, 31),
        (4, 30),
        (5, 31),
        (6, 30),
    ]


def test_an_hour_that_never_was_has_no_turn_of_its_own() -> None:
    cadence = Cadence(wall("2026-03-29 00:00"), Every(1, Unit.HOUR))
    window = instant_ms(wall("2026-03-29 00:00"), BERLIN), instant_ms(wall("2026-03-29 06:00"), BERLIN)
    assert [(turn.index, turn.slot.hour) for turn in turns(cadence, BERLIN, *window)] == [
        (0, 0),
        (1, 1),
        (3, 3),
        (4, 4),
        (5, 5),
    ]


def test_there_is_no_turn_before_the_anchor_and_the_anchor_comes_next() -> None:
    cadence = Cadence(wall("2026-01-06 19:00"), Every(1, Unit.WEEK))
    before = instant_ms(wall("2020-05-01 00:00"), BERLIN)
    assert turn_at(cadence, BERLIN, before) is None
    assert latest_at(cadence, BERLIN, before) is None
    assert next_at(cadence, BERLIN, before).slot == cadence.anchor
    assert next_at(cadence, BERLIN, before).index == 0


def test_quiet_hours_that_end_in_a_doubled_hour_last_until_its_second_end() -> None:
    quiet = QuietHours(time(21), time(2, 30))
    night = quiet_span(quiet, BERLIN, instant_ms(wall("2026-10-25 01:00"), BERLIN))
    assert night is not None
    assert night.end_ms == instant_ms(wall("2026-10-25 02:30"), BERLIN, last=True)


def test_a_quiet_night_is_one_span_over_midnight() -> None:
    quiet = QuietHours(time(21), time(8))
    night = quiet_span(quiet, BERLIN, instant_ms(wall("2026-01-07 02:00"), BERLIN))
    assert night == Span(instant_ms(wall("2026-01-06 21:00"), BERLIN), instant_ms(wall("2026-01-07 08:00"), BERLIN))
    assert night is not None
    assert quiet_span(quiet, BERLIN, night.end_ms) is None
    assert is_quiet(quiet, BERLIN, night.start_ms)


spans = st.lists(st.builds(Span, st.integers(0, 40), st.integers(0, 40)), max_size=6)


def covered(some: list[Span] | tuple[Span, ...]) -> set[int]:
    return {at for span in some for at in range(span.start_ms, span.end_ms)}


@patient
@given(spans, spans)
def test_spans_behave_like_the_sets_of_their_instants(some: list[Span], others: list[Span]) -> None:
    window = Span(10, 30)
    assert covered(merge(some)) == covered(some)
    assert covered(subtract(some, others)) == covered(some) - covered(others)
    assert covered(clip(some, window)) == covered(some) & covered([window])
    assert all(one.end_ms < other.start_ms for one, other in pairwise(subtract(some, others)))
