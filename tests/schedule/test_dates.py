"""Dates as people write them: what they come to, and what is said back."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.errors import Refusal
from orchestrator.model.cadence import Span
from orchestrator.model.clock import HOUR_MS, MINUTE_MS
from orchestrator.schedule import instant_ms, local_at
from orchestrator.schedule.dates import When, in_full, read_when

from .oracle import ZONES

wall = datetime.fromisoformat
BERLIN = ZoneInfo("Europe/Berlin")
NOW = "2026-11-23 10:30"
"""A Monday morning."""


def ms(text: str, zone: ZoneInfo = BERLIN, *, last: bool = False) -> int:
    return instant_ms(wall(text), zone, last=last)


def read(text: str, now: str = NOW, *, locale: str = "en", zone: ZoneInfo = BERLIN) -> When:
    return read_when(text.split(), ms(now, zone), zone, locale)


DAYS = [
    ("today", "2026-11-23", "2026-11-23"),
    ("tomorrow", "2026-11-24", "2026-11-24"),
    ("mon", "2026-11-23", "2026-11-23"),
    ("tue", "2026-11-24", "2026-11-24"),
    ("this tue", "2026-11-24", "2026-11-24"),
    ("next tue", "2026-12-01", "2026-12-01"),
    ("next Monday", "2026-11-30", "2026-11-30"),
    ("sunday", "2026-11-29", "2026-11-29"),
    ("tue-thu", "2026-11-24", "2026-11-26"),
    ("fri - mon", "2026-11-27", "2026-11-30"),
    ("this week", "2026-11-23", "2026-11-29"),
    ("next week", "2026-11-30", "2026-12-06"),
    ("12 Dec", "2026-12-12", "2026-12-12"),
    ("Dec 12", "2026-12-12", "2026-12-12"),
    ("the 12th of December", "2026-12-12", "2026-12-12"),
    ("sat 12 dec", "2026-12-12", "2026-12-12"),
    ("12 DECEMBER, 2026", "2026-12-12", "2026-12-12"),
    ("12.12.", "2026-12-12", "2026-12-12"),
    ("12.12.2026", "2026-12-12", "2026-12-12"),
    ("12/12", "2026-12-12", "2026-12-12"),
    ("3/4", "2027-04-03", "2027-04-03"),
    ("3/4/27", "2027-04-03", "2027-04-03"),
    ("12/25", "2026-12-25", "2026-12-25"),
    ("2026-12-12", "2026-12-12", "2026-12-12"),
    ("22 nov", "2027-11-22", "2027-11-22"),
    ("23 nov", "2026-11-23", "2026-11-23"),
    ("29 feb", "2028-02-29", "2028-02-29"),
    ("12-20 Dec", "2026-12-12", "2026-12-20"),
    ("12–20 Dec", "2026-12-12", "2026-12-20"),  # noqa: RUF001 - as phones write it
    ("Dec 12-20", "2026-12-12", "2026-12-20"),
    ("12.-20.12.", "2026-12-12", "2026-12-20"),
    ("12/12-20/12", "2026-12-12", "2026-12-20"),
    ("2026-12-12-2026-12-20", "2026-12-12", "2026-12-20"),
    ("2026-12-12 to 2026-12-20", "2026-12-12", "2026-12-20"),
    ("1-30 Nov", "2026-11-01", "2026-11-30"),
    ("12 Dec - 3 Jan", "2026-12-12", "2027-01-03"),
    ("12 Dec to 3 Jan", "2026-12-12", "2027-01-03"),
    ("from 12 Dec until 3 Jan", "2026-12-12", "2027-01-03"),
    ("12 Dec 2026 - 3 Jan 2027", "2026-12-12", "2027-01-03"),
    ("12 Dec - 3 Jan 2028", "2027-12-12", "2028-01-03"),
    ("tomorrow to 3 dec", "2026-11-24", "2026-12-03"),
    ("from 12 dec for 3 days", "2026-12-12", "2026-12-14"),
    ("12 dec for 2 weeks", "2026-12-12", "2026-12-25"),
    ("3 days from 1 jan", "2027-01-01", "2027-01-03"),
    ("31 jan for 1 month", "2027-01-31", "2027-02-27"),
]


@pytest.mark.parametrize(("text", "first", "last"), DAYS)
def test_days_are_whole_local_days_and_the_last_one_counts(text: str, first: str, last: str) -> None:
    after = wall(last) + timedelta(days=1)
    assert read(text) == When(Span(ms(first), instant_ms(after, BERLIN)), whole_days=True)


TIMES = [
    ("12 dec 19:00-20:30", "2026-12-12 19:00", "2026-12-12 20:30"),
    ("12 dec 19:00 to 20:30", "2026-12-12 19:00", "2026-12-12 20:30"),
    ("19:00-20:30 sat 12 dec", "2026-12-12 19:00", "2026-12-12 20:30"),
    ("19:00-20:00", "2026-11-23 19:00", "2026-11-23 20:00"),
    ("9:00-11:00", "2026-11-23 09:00", "2026-11-23 11:00"),
    ("9:00-10:00", "2026-11-24 09:00", "2026-11-24 10:00"),
    ("22:00-01:00", "2026-11-23 22:00", "2026-11-24 01:00"),
    ("tue 22:00 - wed 01:00", "2026-11-24 22:00", "2026-11-25 01:00"),
    ("tue 22:00-24:00", "2026-11-24 22:00", "2026-11-25 00:00"),
    ("now until 20:00", "2026-11-23 10:30", "2026-11-23 20:00"),
    ("until 9am", "2026-11-23 10:30", "2026-11-24 09:00"),
    ("until 3 jan", "2026-11-23 10:30", "2027-01-04 00:00"),
    ("for 2 weeks", "2026-11-23 10:30", "2026-12-07 00:00"),
    ("3 days", "2026-11-23 10:30", "2026-11-26 00:00"),
    ("for two hours", "2026-11-23 10:30", "2026-11-23 12:30"),
    ("tue 7pm for 90 minutes", "2026-11-24 19:00", "2026-11-24 20:30"),
    ("tue 19:00 for 1 week", "2026-11-24 19:00", "2026-12-01 19:00"),
]


@pytest.mark.parametrize(("text", "start", "end"), TIMES)
def test_times_are_on_the_wall(text: str, start: str, end: str) -> None:
    assert read(text) == When(Span(ms(start), ms(end)))


MOMENTS = [
    ("now", NOW),
    ("tuesday 19:00", "2026-11-24 19:00"),
    ("tue at 7 pm", "2026-11-24 19:00"),
    ("19:00 tue", "2026-11-24 19:00"),
    ("next tue 19:00", "2026-12-01 19:00"),
    ("mon 9:00", "2026-11-30 09:00"),
    ("10:30", NOW),
    ("10:29", "2026-11-24 10:29"),
    ("noon", "2026-11-23 12:00"),
    ("12am", "2026-11-24 00:00"),
    ("2026-12-12 19:00", "2026-12-12 19:00"),
]


@pytest.mark.parametrize(("text", "at"), MOMENTS)
def test_a_point_in_time_is_its_minute(text: str, at: str) -> None:
    assert read(text) == When(Span(ms(at), ms(at) + MINUTE_MS), moment=True)


def test_a_beginning_alone_says_so() -> None:
    assert read("from 12 dec") == When(Span(ms("2026-12-12"), ms("2026-12-13")), whole_days=True, onward=True)
    found = read("from 12 dec 18:00")
    assert (found.span.start_ms, found.onward, found.moment) == (ms("2026-12-12 18:00"), True, True)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("tue 19:00-20:00 with @Cy:grove.example", ("with", "@Cy:grove.example")),
        ("12 Dec Shadow", ("Shadow",)),
        ("tue", ()),
        ("tue, please", ("please",)),
        ("12 dec to the moon", ("to", "the", "moon")),
    ],
)
def test_the_words_after_a_date_are_left_as_they_were(text: str, left: tuple[str, ...]) -> None:
    assert read(text).left == left


@pytest.mark.parametrize(
    ("text", "locale", "first"),
    [
        ("Dienstag", "de", "2026-11-24"),
        ("Di.", "de", "2026-11-24"),
        ("12. Dezember", "de", "2026-12-12"),
        ("12 dez", "de-AT", "2026-12-12"),
        ("3. März", "de", "2027-03-03"),
        ("12 décembre", "fr", "2026-12-12"),
        ("mar.", "fr", "2026-11-24"),
        ("mar", "es", "2026-11-24"),
        ("3 mar", "es", "2027-03-03"),
        ("terça-feira", "pt-BR", "2026-11-24"),
        ("tuesday", "de", "2026-11-24"),
        ("tue", "xx", "2026-11-24"),
    ],
)
def test_the_names_of_the_communitys_language_are_understood_beside_the_english_ones(
    text: str, locale: str, first: str
) -> None:
    assert read(text, locale=locale).span.start_ms == ms(first)


REFUSED = [
    ("", "Which day do you mean?"),
    ("soon", "I couldn't find a date there."),
    ("12", "I couldn't find a date there."),
    ("12 dez", "I couldn't find a date there."),
    ("banana 12 dec", "I couldn't find a date there."),
    ("0001-01-01", "That is too far away"),
    ("31 feb", "There is no 31 February in 2026: that month ends with the 28."),
    ("31.4.2027", "There is no 31 April in 2027: that month ends with the 30."),
    ("12.13.", "There are only twelve months."),
    ("0/0", "There are only twelve months."),
    ("dec 19:00", "Which day of that month?"),
    ("25:00", "There is no such time of day."),
    ("tue 19:75", "There is no such time of day."),
    ("13pm", "There is no such time of day."),
    ("12 dec 2025", "Friday 12 December 2025 is over already."),
    ("yesterday", "is over already"),
    ("23 nov 2026 10:00", "Monday 23 November 2026, 10:00 is over already."),
    ("1999-01-01", "is over already"),
    ("12 dec 2199", "That is too far away for me"),
    ("20-12 dec", "That would end before it begins."),
    ("12 dec 2026 - 3 dec 2026", "That would end before it begins."),
    ("12 dec 20:00 - 12 dec 19:00", "That would end before it begins."),
    ("19:00-19:00", "That would end before it begins."),
    ("20 dec - 1 nov", "That would end before it begins."),
    ("mon 24 nov", "Tuesday 24 November 2026 does not fall on the day of the week"),
    ("29 mar 2027 - 31 feb 2028", "There is no 31 February in 2028: that month ends with the 29."),
    ("for 0 days", "How long should that be?"),
    ("for 5000 weeks", "How long should that be?"),
    ("28 mar 02:30", "On Sunday 28 March 2027 the clocks go forward, and 02:30 does not exist."),
    ("28 mar 01:00-02:30", "02:30 does not exist"),
    ("28 mar 02:00", "The first minute after that is 03:00"),
]


@pytest.mark.parametrize(("text", "says"), REFUSED)
def test_what_cannot_be_is_answered_with_what_to_write_instead(text: str, says: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(text)
    assert says in refused.value.message


def test_a_stretch_that_runs_is_not_over() -> None:
    assert read("12-20 dec", "2026-12-15 12:00").span == Span(ms("2026-12-12"), ms("2026-12-21"))
    assert read("12 dec - 3 jan", "2027-01-02 12:00").span == Span(ms("2026-12-12"), ms("2027-01-04"))
    assert read("12-20 dec", "2026-12-21 00:00").span.start_ms == ms("2027-12-12")


def test_a_day_on_which_the_clocks_change_is_as_long_as_it_is() -> None:
    spring, autumn = read("28 mar").span, read("31 oct").span
    assert spring.end_ms - spring.start_ms == 23 * HOUR_MS
    assert autumn.end_ms - autumn.start_ms == 25 * HOUR_MS


def test_a_time_that_comes_twice_is_the_first_at_a_beginning_and_the_last_at_an_end() -> None:
    both = read("31 oct 02:15-02:45").span
    assert both == Span(ms("2027-10-31 02:15"), ms("2027-10-31 02:45", last=True))
    assert both.end_ms - both.start_ms == HOUR_MS + 30 * MINUTE_MS


def test_a_day_that_begins_late_and_one_that_never_was() -> None:
    beirut = ZoneInfo("Asia/Beirut")  # the clocks go forward at midnight
    found = read("29 mar", "2026-03-01 12:00", zone=beirut).span
    assert local_at(found.start_ms, beirut) == wall("2026-03-29 01:00")
    apia = ZoneInfo("Pacific/Apia")
    with pytest.raises(Refusal, match="Friday 30 December 2011 does not exist where we are"):
        read("30 dec 2011", "2011-12-20 12:00", zone=apia)


nows = st.datetimes(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2032-01-01"))


@given(
    st.sampled_from(ZONES),
    nows,
    st.integers(0, 700),
    st.integers(0, 200),
    st.sampled_from(["en", "de", "fr", "es", "pt-BR", "pl", "tr"]),
)
def test_days_said_back_in_full_are_read_as_the_same(
    zone: str, now: datetime, ahead: int, more: int, locale: str
) -> None:
    info = ZoneInfo(zone)
    now_ms = instant_ms(now.replace(second=0, microsecond=0), info)
    first = local_at(now_ms, info).date() + timedelta(days=ahead)
    start_ms = instant_ms(datetime.combine(first, time()), info)
    end_ms = instant_ms(datetime.combine(first + timedelta(days=more + 1), time()), info)
    when = When(Span(start_ms, end_ms), whole_days=True)
    assert read_when(in_full(when, info, locale).split(), now_ms, info, locale) == when


@given(st.sampled_from(ZONES), nows, st.integers(1, 10**6), st.integers(1, 10**5), st.booleans())
def test_times_said_back_in_full_are_read_as_the_same(
    zone: str, now: datetime, ahead: int, more: int, moment: bool
) -> None:
    info = ZoneInfo(zone)
    now_ms = instant_ms(now.replace(second=0, microsecond=0), info)
    start_ms = now_ms - now_ms % MINUTE_MS + ahead * MINUTE_MS
    end_ms = start_ms + (1 if moment else more) * MINUTE_MS
    # A time that comes twice cannot be told apart in words.
    assume(instant_ms(local_at(start_ms, info), info) == start_ms)
    assume(moment or instant_ms(local_at(end_ms, info), info, last=True) == end_ms)
    assume(start_ms % MINUTE_MS == 0 and local_at(start_ms, info).second == 0)
    when = When(Span(start_ms, end_ms), moment=moment)
    assume(moment or local_at(start_ms, info) < local_at(end_ms, info))
    if not moment and local_at(start_ms, info).time() == local_at(end_ms, info).time() == time():
        return  # whole days
    assert read_when(in_full(when, info).split(), now_ms, info) == when


@given(
    st.lists(
        st.text(max_size=12)
        | st.sampled_from(["tue", "next", "12", "dec", "-", "to", "19:00", "for", "3", "days", "from", "until", "31/2"])
    )
)
def test_whatever_is_written_is_read_or_refused(words: list[str]) -> None:
    try:
        found = read_when(words, ms(NOW), BERLIN)
    except Refusal:
        return
    assert found.span.start_ms < found.span.end_ms
    assert found.span.end_ms > ms(NOW)
