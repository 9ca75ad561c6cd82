"""Who facilitates when, against a walk minute by minute over the clock on the wall."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchestrator.documents.declared import Rota
from orchestrator.facilitation import Shift, backup_of, shift_at, shifts
from orchestrator.model.cadence import Cadence, Every, Span, Unit
from orchestrator.model.ids import UserId
from orchestrator.schedule import local_at
from tests.declared import ANA, BO, CY, DEE, EVE, rota
from tests.schedule.oracle import DAY_MINUTES, MINUTE_MS, ZONES, fired, transitions

PEOPLE = (ANA, BO, CY, DEE, EVE)
BERLIN = ZoneInfo("Europe/Berlin")
UTC = ZoneInfo("UTC")
WEEK_MS = 7 * DAY_MINUTES * MINUTE_MS
FIRST_MS = 1_767_722_400_000
"""2026-01-06 19:00 in Berlin, where a rota in these tests begins."""

patient = settings(max_examples=60)  # the oracle is slow on purpose
rosters = st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=5, unique=True).map(tuple)


@st.composite
def rotas(draw: st.DrawFn) -> tuple[Cadence, str, int]:
    """A cadence that begins near a change of the clocks, its zone, and the UTC minute from which to look."""
    zone = draw(st.sampled_from(ZONES))
    from_minute = draw(st.sampled_from(transitions(zone))) - 2 * DAY_MINUTES
    near = local_at(from_minute * MINUTE_MS, ZoneInfo(zone))
    anchor = near + timedelta(minutes=draw(st.integers(0, DAY_MINUTES)) + draw(st.integers(-20, 1)) * DAY_MINUTES)
    unit, most = draw(st.sampled_from([(Unit.HOUR, 30), (Unit.DAY, 5), (Unit.WEEK, 2)]))
    return Cadence(anchor.replace(second=0, microsecond=0), Every(draw(st.integers(1, most)), unit)), zone, from_minute


def paced(cadence: Cadence) -> Rota:
    made = rota()
    return replace(made, layers=(replace(made.layers[0], cadence=cadence),))


@patient
@given(rotas(), rosters)
def test_at_every_instant_after_the_anchor_exactly_one_person_is_on_duty_in_the_order_written(
    spec: tuple[Cadence, str, int], people: tuple[UserId, ...]
) -> None:
    cadence, zone, from_minute = spec
    info, made = ZoneInfo(zone), paced(cadence)
    until_minute = from_minute + 6 * DAY_MINUTES
    handoffs = fired(cadence, zone, from_minute, until_minute)
    assume(handoffs)
    step = {Unit.HOUR: timedelta(hours=1), Unit.DAY: timedelta(days=1), Unit.WEEK: timedelta(weeks=1)}
    for (start_ms, slot), (end_ms, _next) in pairwise(handoffs):
        index = (slot - cadence.anchor) // (cadence.every.count * step[cadence.every.unit])
        expected = Shift(people[index % len(people)], Span(start_ms, end_ms), index % len(people))
        for at_ms in (start_ms, (start_ms + end_ms) // 2, end_ms - 1):
            assert shift_at(made, info, people, at_ms) == expected
    first_ms, first_slot = handoffs[0]
    if first_slot == cadence.anchor:
        assert shift_at(made, info, people, first_ms - 1) is None
    window = Span(first_ms, handoffs[-1][0])
    listed = list(shifts(made, info, people, window))
    assert [shift.span.start_ms for shift in listed] == [at_ms for at_ms, _ in handoffs[:-1]]


@given(rosters, st.integers(0, 400), st.sampled_from(["Europe/Berlin", "Africa/Casablanca", "Australia/Lord_Howe"]))
def test_shifts_follow_one_another_without_gap_or_overlap(people: tuple[UserId, ...], weeks: int, zone: str) -> None:
    start_ms = FIRST_MS + weeks * WEEK_MS
    listed = list(shifts(rota(), ZoneInfo(zone), people, Span(start_ms, start_ms + 9 * WEEK_MS)))
    assert len(listed) in {9, 10}
    for one, following in pairwise(listed):
        assert one.span.end_ms == following.span.start_ms
        assert people.index(following.user) == (people.index(one.user) + 1) % len(people)


def test_before_the_first_handoff_and_without_people_nobody_is_on_duty() -> None:
    assert shift_at(rota(), BERLIN, [ANA], FIRST_MS - 1) is None
    assert shift_at(rota(), BERLIN, [ANA], FIRST_MS) is not None
    assert shift_at(rota(), BERLIN, [], FIRST_MS) is None
    assert list(shifts(rota(), BERLIN, [], Span(FIRST_MS, FIRST_MS + WEEK_MS))) == []


def test_a_handoff_stays_at_its_time_on_the_wall_when_the_clocks_change() -> None:
    starts = [
        local_at(s.span.start_ms, BERLIN)
        for s in shifts(rota(), BERLIN, [ANA], Span(FIRST_MS, FIRST_MS + 20 * WEEK_MS))
    ]
    assert {(start.weekday(), start.hour, start.minute) for start in starts} == {(1, 19, 0)}


# -- the backup --------------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=6), st.integers(0, 60), st.booleans())
def test_the_backup_is_the_next_in_order_and_never_the_same_person(
    people: list[UserId], weeks: int, somebody_else_took_it: bool
) -> None:
    at_ms = FIRST_MS + weeks * WEEK_MS + WEEK_MS // 2
    shift = shift_at(rota(), UTC, people, at_ms)
    assert shift is not None
    if somebody_else_took_it:
        shift = shift_at(rota(), UTC, people, at_ms, {shift.span.start_ms: EVE})
        assert shift is not None
        assert shift.user == EVE
    backup = backup_of(shift, people)
    others = set(people) - {shift.user}
    assert (backup is None) == (not others)
    if backup is not None:
        assert backup in others
        after = people[(shift.place + 1) % len(people)]
        assert after in {backup, shift.user}


# -- what has begun is fact --------------------------------------------------------------------------------------------


@given(rosters, st.lists(st.integers(0, 30), max_size=8), st.integers(0, 30))
def test_writing_down_what_was_planned_anyway_changes_nothing(
    people: tuple[UserId, ...], noted: list[int], weeks: int
) -> None:
    def planned(week: int) -> Shift:
        shift = shift_at(rota(), UTC, people, FIRST_MS + week * WEEK_MS + WEEK_MS // 2)
        assert shift is not None
        return shift

    begun = {planned(week).span.start_ms: planned(week).user for week in noted}
    at_ms = FIRST_MS + weeks * WEEK_MS + WEEK_MS // 2
    assert shift_at(rota(), UTC, people, at_ms, begun) == planned(weeks)


@given(rosters, rosters, st.integers(0, 20), st.integers(0, 20))
def test_whoever_took_a_shift_took_it_and_the_order_goes_on_from_there(
    before: tuple[UserId, ...], people: tuple[UserId, ...], week: int, later: int
) -> None:
    then = shift_at(rota(), UTC, before, FIRST_MS + week * WEEK_MS + WEEK_MS // 2)
    assert then is not None
    begun = {then.span.start_ms: then.user}
    now = shift_at(rota(), UTC, people, then.span.start_ms, begun)
    assert now is not None
    assert now.user == then.user
    after = shift_at(rota(), UTC, people, then.span.start_ms + later * WEEK_MS, begun)
    assert after is not None
    if then.user in people and later:
        assert people.index(after.user) == (people.index(then.user) + later) % len(people)


def test_when_somebody_joins_nobody_is_passed_over_or_asked_twice_running() -> None:
    three, four = (ANA, BO, CY), (ANA, BO, CY, DEE)
    for week in range(12):
        on = shift_at(rota(), UTC, three, FIRST_MS + week * WEEK_MS + WEEK_MS // 2)
        assert on is not None
        coming = shifts(
            rota(), UTC, four, Span(on.span.start_ms, on.span.end_ms + 4 * WEEK_MS), {on.span.start_ms: on.user}
        )
        users = [shift.user for shift in coming]
        order = four.index(on.user)
        assert users == [four[(order + step) % 4] for step in range(5)]


def test_a_rota_that_was_moved_goes_on_with_the_next_person() -> None:
    begun = {FIRST_MS: CY}
    moved = rota("2026-01-08 18:00")  # from Tuesday to Thursday
    shift = shift_at(moved, BERLIN, (ANA, CY, DEE), FIRST_MS + 2 * DAY_MINUTES * MINUTE_MS, begun)
    assert shift is not None
    # What began before the new anchor is in no turn of it, so the order begins anew.
    assert shift.user == ANA
    earlier = rota("2026-01-01 18:00")
    shift = shift_at(earlier, BERLIN, (ANA, CY, DEE), FIRST_MS + 2 * DAY_MINUTES * MINUTE_MS, begun)
    assert shift is not None
    assert shift.user == DEE


@pytest.mark.parametrize("people", [(ANA, CY, ANA, DEE), (CY, ANA, DEE, ANA)])
def test_somebody_who_is_written_twice_comes_twice_a_round(people: tuple[UserId, ...]) -> None:
    begun: dict[int, UserId] = {}
    users = []
    for week in range(8):
        shift = shift_at(rota(), UTC, people, FIRST_MS + week * WEEK_MS + WEEK_MS // 2, begun)
        assert shift is not None
        begun[shift.span.start_ms] = shift.user
        users.append(shift.user)
    assert tuple(users) == people * 2
