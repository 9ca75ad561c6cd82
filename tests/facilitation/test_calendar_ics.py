from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.facilitation.calendar.entries import (
    Entry,
    Status,
    entries_of,
    uid_of,
)
from orchestrator.facilitation.calendar.ics import write
from orchestrator.facilitation.records.holdings import KEPT_MS, Held
from orchestrator.facilitation.rota.things import Part, Stretch, Why
from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from tests.declared import ANA, BO
from tests.workshop import speak_loudly

from .strict_ics import Component, read

NOW = 1_772_366_400_000  # 2026-03-01 12:00 UTC
GROVE, TUESDAY = CommunityKey("grove"), RoomKey("tuesday")


def held(start_h: int, user: UserId = ANA, *, hours: int = 2, gone_ms: int | None = None, sequence: int = 0) -> Held:
    span = Span(NOW + start_h * HOUR_MS, NOW + (start_h + hours) * HOUR_MS)
    return Held(
        room=TUESDAY,
        part=Part.FACILITATOR,
        span=span,
        user=user,
        sequence=sequence,
        gone_ms=gone_ms,
    )


def coming(start_h: int, user: UserId | None = ANA, *, hours: int = 2) -> Stretch:
    span = Span(NOW + start_h * HOUR_MS, NOW + (start_h + hours) * HOUR_MS)
    return Stretch(room=TUESDAY, part=Part.FACILITATOR, span=span, user=user, why=Why.SHIFT)


def events(raw: bytes) -> list[Component]:
    return read(raw).parts


# -- which turns a calendar holds --------------------------------------------------------------------------------------


def test_the_name_of_a_turn_stays_when_its_end_moves_and_tells_nothing() -> None:
    (short,) = entries_of(GROVE, [held(1, hours=1)], [], NOW)
    (long,) = entries_of(GROVE, [held(1, hours=3)], [], NOW)
    assert short.uid == long.uid
    for secret in ("grove", "tuesday", "ana", "facilitator"):
        assert secret not in short.uid


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("ab"), st.sampled_from(list(Part)), st.integers(0, 3)),
        unique=True,
        min_size=2,
        max_size=2,
    )
)
def test_no_two_turns_have_one_name(pair: list[tuple[str, str, Part, int]]) -> None:
    one, other = (uid_of(CommunityKey(c), RoomKey(r), part, start) for c, r, part, start in pair)
    assert one != other


def test_what_is_not_given_yet_is_tentative_and_what_is_gone_stays_cancelled_for_thirty_days() -> None:
    rows = [held(1), held(5, gone_ms=NOW - HOUR_MS), held(9, gone_ms=NOW - KEPT_MS)]
    found = entries_of(GROVE, rows, [coming(1), coming(30)], NOW, user=ANA)
    assert [entry.status for entry in found] == [Status.CONFIRMED, Status.CANCELLED, Status.TENTATIVE]


def test_a_turn_that_went_to_somebody_else_is_cancelled_for_one_and_confirmed_for_the_other() -> None:
    rows = [held(1, ANA, gone_ms=NOW, sequence=1), held(1, BO)]
    (anas,) = entries_of(GROVE, rows, [], NOW, user=ANA)
    (bos,) = entries_of(GROVE, rows, [], NOW, user=BO)
    (rooms,) = entries_of(GROVE, rows, [], NOW)
    assert (anas.status, bos.status) == (Status.CANCELLED, Status.CONFIRMED)
    assert (rooms.user, rooms.status) == (BO, Status.CONFIRMED)
    assert rooms.sequence > 0
    assert anas.uid == bos.uid == rooms.uid


def test_each_time_a_turn_goes_back_and_forth_the_sequence_of_the_rooms_entry_rises() -> None:
    stories = [
        [held(1, ANA)],
        [held(1, ANA, gone_ms=NOW, sequence=1), held(1, BO)],
        [held(1, ANA, sequence=2), held(1, BO, gone_ms=NOW, sequence=1)],
    ]
    sequences = [entries_of(GROVE, rows, [], NOW)[0].sequence for rows in stories]
    assert sequences == sorted(set(sequences))


def test_a_turn_that_somebody_knows_to_be_theirs_is_not_shown_a_second_time_as_what_may_come() -> None:
    (entry,) = entries_of(GROVE, [held(-3, hours=6)], [coming(0, hours=3)], NOW)
    assert entry.status is Status.CONFIRMED


def test_what_nobody_has_stands_in_the_calendar_of_a_room_and_in_nobodys_own() -> None:
    rows = [held(1, gone_ms=NOW)]
    (rooms,) = entries_of(GROVE, rows, [coming(1, None)], NOW)
    (anas,) = entries_of(GROVE, rows, [coming(1, None)], NOW, user=ANA)
    assert (rooms.user, rooms.status) == (None, Status.TENTATIVE)
    assert anas.status is Status.CANCELLED


def test_what_is_long_over_is_left_out() -> None:
    assert entries_of(GROVE, [held(-31 * 24)], [coming(-30)], NOW) == ()


# -- what is written ---------------------------------------------------------------------------------------------------

STORY = entries_of(
    GROVE,
    [held(30), held(60, gone_ms=NOW - HOUR_MS, sequence=3), held(-40, BO)],
    [coming(24 * 40, BO), coming(24 * 50, None)],
    NOW,
)


def test_a_strict_reader_and_icalendar_read_the_same_out_of_it() -> None:
    raw = write(STORY, NOW, named=True, reminders_ms=[DAY_MS])
    strict = events(raw)
    library = icalendar.Calendar.from_ical(raw).events
    assert [event.one("UID") for event in strict] == [str(event["UID"]) for event in library]
    assert [event.at("DTSTART") for event in strict] == [event.start for event in library]
    assert [event.at("DTEND") for event in strict] == [event.end for event in library]
    assert [event.one("STATUS") for event in strict] == [entry.status for entry in STORY]
    assert [int(event.one("SEQUENCE")) for event in strict] == [entry.sequence for entry in STORY]
    assert not any(event.errors for event in library)
    for event, entry in zip(strict, STORY, strict=True):
        assert event.at("DTSTART").timestamp() * 1000 == entry.span.start_ms
        assert event.at("DTEND").timestamp() * 1000 == entry.span.end_ms


def test_titles_are_neutral_and_an_own_calendar_names_nobody() -> None:
    raw = write(STORY, NOW).decode()
    assert {event.one("SUMMARY") for event in events(raw.encode())} == {"duty"}
    for secret in ("ana", "bo", "grove", "tuesday", "example"):
        assert secret not in raw.lower()


def test_the_calendar_of_a_room_names_people_by_the_first_part_of_their_id() -> None:
    raw = write(STORY, NOW, named=True)
    summaries = [event.one("SUMMARY") for event in events(raw)]
    assert summaries == ["duty: bo", "duty: ana", "duty: ana", "duty: bo", "duty: nobody yet"]
    assert b"example" not in raw


def test_titles_are_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    speak_loudly(monkeypatch)
    assert {event.one("SUMMARY") for event in events(write(STORY, NOW))} == {"~duty~"}


def test_only_what_is_certain_reminds_and_keeps_the_time_taken() -> None:
    raw = write(STORY, NOW, reminders_ms=[DAY_MS, 7 * DAY_MS, DAY_MS, 0])
    for event, entry in zip(events(raw), STORY, strict=True):
        sure = entry.status is Status.CONFIRMED
        assert [alarm.one("TRIGGER") for alarm in event.parts] == (["-P7D", "-P1D"] if sure else [])
        assert event.one("TRANSP") == ("OPAQUE" if sure else "TRANSPARENT")
        assert event.one("CLASS") == "PRIVATE"


def test_the_same_day_gives_the_same_bytes() -> None:
    assert write(STORY, NOW) == write(STORY, NOW + HOUR_MS)
    assert write(STORY, NOW) != write(STORY, NOW + DAY_MS)


def test_what_lasted_less_than_a_second_is_left_out() -> None:
    short, long = held(1), held(4)
    short = replace(short, span=Span(short.span.start_ms + 100, short.span.start_ms + 900))
    (event,) = events(write(entries_of(GROVE, [short, long], [], NOW), NOW))
    assert event.at("DTSTART").timestamp() * 1000 == long.span.start_ms


def test_an_empty_calendar_is_one_as_well() -> None:
    assert events(write((), NOW)) == []


USERS = st.one_of(
    st.none(),
    st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=90).map(
        lambda s: UserId(f"@{s}:x.example")
    ),
)
ENTRIES = st.builds(
    lambda n, part, user, start, length, status, sequence: Entry(
        uid=uid_of(GROVE, TUESDAY, part, n),
        span=Span(start * 1000, (start + length) * 1000),
        part=part,
        user=user,
        status=status,
        sequence=sequence,
    ),
    st.integers(0, 10**9),
    st.sampled_from(list(Part)),
    USERS,
    st.integers(0, 4 * 10**9),
    st.integers(1, 10**7),
    st.sampled_from(list(Status)),
    st.integers(0, 10**6),
)


@given(st.lists(ENTRIES, max_size=8, unique_by=lambda entry: entry.uid), st.lists(st.integers(0, 10**10), max_size=3))
def test_whatever_is_written_is_strictly_valid(entries: list[Entry], reminders: list[int]) -> None:
    raw = write(entries, NOW, named=True, reminders_ms=[one // 1000 * 1000 for one in reminders])
    assert len(events(raw)) == len(entries)
    icalendar.Calendar.from_ical(raw)


# -- a real calendar program -------------------------------------------------------------------------------------------


class Khal:
    """khal, a calendar for the terminal, with an empty calendar of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "calendar").mkdir(parents=True)
        self.config = place / "config"
        self.config.write_text(
            f"[calendars]\n[[mine]]\npath = {place / 'calendar'}\ntype = calendar\n"
            f"[sqlite]\npath = {place / 'khal.db'}\n"
            "[locale]\nlocal_timezone = Europe/Berlin\ndefault_timezone = Europe/Berlin\ntimeformat = %H:%M\n"
            "dateformat = %Y-%m-%d\nlongdateformat = %Y-%m-%d\ndatetimeformat = %Y-%m-%d %H:%M\n"
            "longdatetimeformat = %Y-%m-%d %H:%M\n[default]\ndefault_calendar = mine\n"
        )

    def __call__(self, *words: str) -> str:
        run = subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-W", "ignore", "-m", "khal", "-c", str(self.config), *words],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={"HOME": str(self.place), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
        )
        assert run.returncode == 0, run.stderr[-2000:]
        return run.stdout

    def shows(self) -> list[str]:
        line = "{start} {end} {title} {status}"
        return self("list", "--day-format", "", "--format", line, "2026-02-25", "90d").strip().splitlines()


def test_a_real_calendar_program_takes_it_in_and_shows_it_in_its_own_zone(tmp_path: Path) -> None:
    khal = Khal(tmp_path)
    file = tmp_path / "grove.ics"
    file.write_bytes(write(STORY, NOW, named=True, reminders_ms=[DAY_MS]))
    khal("import", "--batch", str(file))
    shown = khal.shows()
    assert len(shown) == len(STORY)
    assert all(entry.status in line for line, entry in zip(shown, STORY, strict=True))
    berlin = timedelta(hours=1)
    first = datetime.fromtimestamp(STORY[0].span.start_ms / 1000, UTC) + berlin
    assert shown[0].startswith(f"{first:%Y-%m-%d %H:%M}")
    assert "duty: bo" in shown[0]


def test_a_real_calendar_program_replaces_what_it_had_by_what_is_there_later(tmp_path: Path) -> None:
    khal = Khal(tmp_path)
    file = tmp_path / "ana.ics"
    for rows in ([held(30), held(60)], [held(30, hours=4, sequence=1), held(60, gone_ms=NOW, sequence=1)]):
        file.write_bytes(write(entries_of(GROVE, rows, [], NOW, user=ANA), NOW))
        khal("import", "--batch", str(file))
    longer, gone = khal.shows()
    start = datetime.fromtimestamp((NOW + 30 * HOUR_MS) / 1000, UTC) + timedelta(hours=1)
    assert longer.startswith(f"{start:%Y-%m-%d %H:%M} {start + timedelta(hours=4):%Y-%m-%d %H:%M} duty CONFIRMED")
    assert gone.endswith("CANCELLED")
