"""When what is said about a meeting, on clocks that change."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.documents.declared import Meeting
from orchestrator.documents.edge.recurring import once
from orchestrator.model.cadence import QuietHours, Weekday
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.prompts.meetings.timetable import (
    GRACE_MS,
    LONGEST_MS,
    MOST_AHEAD_MS,
    Session,
    Step,
    is_session,
    sessions,
    steps_of,
)
from orchestrator.schedule import instant_ms, is_quiet, local_at
from tests.declared import deck, meeting

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(time(21), time(8))
ZONES = ["Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "Antarctica/Troll", "Pacific/Apia", "UTC"]
YEAR_MS = 366 * DAY_MS

zones = st.sampled_from(ZONES).map(ZoneInfo)
minutes = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))
aheads = (
    st.none() | st.integers(1, 28 * 24 * 60).map(lambda n: n * MINUTE_MS) | st.integers(1, 28).map(lambda n: n * DAY_MS)
)
nights = st.none() | st.tuples(minutes, minutes).filter(lambda two: two[0] != two[1]).map(lambda two: QuietHours(*two))


@st.composite
def meetings(draw: st.DrawFn) -> Meeting:
    announce_ms, remind_ms = draw(aheads), draw(aheads)
    if announce_ms is not None and remind_ms is not None and announce_ms <= remind_ms:
        remind_ms = None
    return meeting(
        at=f"{draw(minutes):%H:%M}",
        on=draw(st.lists(st.sampled_from(Weekday), unique=True, max_size=3)),
        lasts_ms=draw(st.integers(5, 24 * 60)) * MINUTE_MS,
        announce_ms=announce_ms,
        remind_ms=remind_ms,
        closing=draw(st.sampled_from([None, deck()])),
    )


def a_session(of: Meeting, wall: str, zone: ZoneInfo = BERLIN) -> Session:
    slot = datetime.fromisoformat(wall)
    return Session(of, instant_ms(slot, zone), slot)


def told(of: Meeting, wall: str, quiet: QuietHours | None = None) -> dict[str, str]:
    """What is said when, on the clock on the wall."""
    return {
        due.step: f"{local_at(due.at_ms, BERLIN):%m-%d %H:%M}" for due in steps_of(a_session(of, wall), BERLIN, quiet)
    }


# -- by hand -----------------------------------------------------------------------------------------------------------


def test_a_meeting_is_announced_brought_to_mind_begun_and_ended() -> None:
    of = meeting(closing=deck())
    assert told(of, "2026-01-06 19:00") == {
        "announce": "01-04 19:00",
        "remind": "01-06 18:00",
        "open": "01-06 19:00",
        "close": "01-06 20:20",
    }


def test_days_are_those_of_the_clock_on_the_wall_and_hours_are_hours() -> None:
    # In the night to Sunday, 29 March, the clocks go from two to three.
    spring = meeting(announce_ms=2 * DAY_MS, remind_ms=12 * HOUR_MS)
    assert told(spring, "2026-03-29 10:00") == {
        "announce": "03-27 10:00",
        "remind": "03-28 21:00",
        "open": "03-29 10:00",
    }
    autumn = meeting(announce_ms=2 * DAY_MS, remind_ms=12 * HOUR_MS)
    assert told(autumn, "2026-10-25 10:00") == {
        "announce": "10-23 10:00",
        "remind": "10-24 23:00",
        "open": "10-25 10:00",
    }


def test_a_time_that_the_clocks_leave_out_is_the_first_after_it() -> None:
    assert told(meeting(), "2026-03-29 02:30")["open"] == "03-29 03:00"


def test_nobody_is_told_at_night() -> None:
    early = meeting(announce_ms=DAY_MS, remind_ms=2 * HOUR_MS)
    assert told(early, "2026-01-06 09:00", NIGHT) == {
        "announce": "01-05 09:00",
        "remind": "01-06 08:00",
        "open": "01-06 09:00",
    }
    at_eight = meeting(announce_ms=2 * DAY_MS, remind_ms=HOUR_MS)
    assert told(at_eight, "2026-01-06 08:00", NIGHT)["remind"] == "01-05 20:00"
    late = meeting(announce_ms=2 * DAY_MS, remind_ms=HOUR_MS)
    assert told(late, "2026-01-06 22:00", NIGHT) == {
        "announce": "01-05 08:00",
        "remind": "01-06 20:00",
        "open": "01-06 22:00",
    }


def test_one_word_is_enough_where_two_would_come_at_once() -> None:
    of = meeting(announce_ms=10 * HOUR_MS, remind_ms=9 * HOUR_MS)
    assert told(of, "2026-01-06 16:00", NIGHT) == {"announce": "01-06 08:00", "open": "01-06 16:00"}


def test_an_announcement_that_would_come_when_people_meet_already_is_left_out() -> None:
    assert told(meeting(announce_ms=HOUR_MS, remind_ms=None), "2026-01-06 07:00", NIGHT) == {"open": "01-06 07:00"}


def test_of_a_short_meeting_the_end_is_near_when_a_third_is_left() -> None:
    assert told(meeting(lasts_ms=15 * MINUTE_MS, closing=deck()), "2026-01-06 19:00")["close"] == "01-06 19:10"


def test_what_was_missed_is_of_use_until_the_next_word_comes() -> None:
    steps = steps_of(a_session(meeting(closing=deck()), "2026-01-06 19:00"), BERLIN, None)
    start_ms = steps[2].at_ms
    assert [due.stale_ms - start_ms for due in steps] == [
        -HOUR_MS,
        0,
        GRACE_MS,
        90 * MINUTE_MS + GRACE_MS,
    ]


def test_a_meeting_on_one_day_is_on_that_day_only() -> None:
    of = meeting(when=once(datetime(2026, 12, 31).date(), time(20, 15)))  # noqa: DTZ001 - the wall
    start_ms = instant_ms(datetime.fromisoformat("2026-12-31 20:15"), BERLIN)
    assert [one.start_ms for one in sessions(of, BERLIN, 0, start_ms + 10 * YEAR_MS)] == [start_ms]
    assert is_session(of, BERLIN, start_ms)
    assert not is_session(of, BERLIN, start_ms + MINUTE_MS)


# -- whatever is written -----------------------------------------------------------------------------------------------


@given(meetings(), zones, nights, st.integers(0, 3 * YEAR_MS))
def test_steps_come_in_order_in_time_and_when_people_are_awake(
    of: Meeting, zone: ZoneInfo, quiet: QuietHours | None, from_ms: int
) -> None:
    from_ms += 1_750_000_000_000
    for session in sessions(of, zone, from_ms, from_ms + 14 * DAY_MS):
        steps = steps_of(session, zone, quiet)
        assert [due.step for due in steps] == sorted((due.step for due in steps), key=list(Step).index)
        assert [due.at_ms for due in steps] == sorted({due.at_ms for due in steps})
        for due, following in zip(steps, [*steps[1:], None], strict=True):
            assert due.at_ms < due.stale_ms
            assert session.start_ms - MOST_AHEAD_MS <= due.at_ms
            assert due.stale_ms <= session.start_ms + LONGEST_MS
            if due.step in {Step.ANNOUNCE, Step.REMIND}:
                assert following is not None
                assert due.stale_ms <= max(following.at_ms, session.start_ms)
                assert due.at_ms < session.start_ms
                assert quiet is None or not is_quiet(quiet, zone, due.at_ms)
        (opened,) = [due for due in steps if due.step is Step.OPEN]
        assert opened.at_ms == session.start_ms
        assert (steps[-1].step is Step.CLOSE) == (of.closing is not None)


@given(meetings(), zones, st.integers(0, 3 * YEAR_MS))
def test_with_nobody_asleep_it_is_said_as_far_ahead_as_is_written(of: Meeting, zone: ZoneInfo, from_ms: int) -> None:
    from_ms += 1_750_000_000_000
    for session in sessions(of, zone, from_ms, from_ms + 14 * DAY_MS):
        for due in steps_of(session, zone, None):
            lead_ms = {Step.ANNOUNCE: of.announce_ms, Step.REMIND: of.remind_ms}.get(due.step)
            if lead_ms is None:
                continue
            days, rest_ms = divmod(lead_ms, DAY_MS)
            wall = local_at(due.at_ms + rest_ms, zone)
            expected = session.slot - timedelta(days=days)
            # Where the wall never shows that time, it is the first instant after the jump.
            assert wall == expected or instant_ms(expected, zone) == due.at_ms + rest_ms


@pytest.mark.parametrize("zone", ZONES)
def test_no_session_is_lost_or_doubled_where_one_looks_a_bit_at_a_time(zone: str) -> None:
    of, start_ms = meeting(on=(), at="02:30"), 1_767_225_600_000
    whole = [one.start_ms for one in sessions(of, ZoneInfo(zone), start_ms, start_ms + YEAR_MS)]
    bits = [
        one.start_ms
        for n in range(366 * 4)
        for one in sessions(of, ZoneInfo(zone), start_ms + n * DAY_MS // 4, start_ms + (n + 1) * DAY_MS // 4)
    ]
    assert whole == bits
    assert len(whole) in {365, 366}
