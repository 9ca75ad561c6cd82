"""Reminders come when they are of use and people are awake, once; who is moved hears of it, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.documents.declared import Rota
from orchestrator.model.ids import UserId
from tests.declared import rota
from tests.facilitation.consent import (
    ANA,
    BO,
    CONTROL,
    CY,
    DAY_MS,
    DEE,
    EVE,
    HOUR_MS,
    START_MS,
    WEEK_MS,
    at,
    circle,
    grove,
)
from tests.facilitation.whole import Whole, whole


def kept(*leads_ms: int, anchor: str = "2026-01-06 19:00") -> Rota:
    return rota(anchor, reminders_ms=leads_ms)


@pytest.fixture
def shop() -> Iterator[Whole]:
    shop = whole(ANA, CY, DEE, kept=kept(DAY_MS))
    yield shop
    shop.close()


def reminders(shop: Whole, *people: UserId) -> list[str]:
    shop.carry_out()
    return [
        line
        for user in people or (ANA, CY, DEE)
        for line in shop.heard.pop(user, [])
        if line.startswith("A little reminder")
    ]


def moves(shop: Whole, *people: UserId) -> dict[UserId, list[str]]:
    shop.carry_out()
    found = {user: [line for line in shop.heard.get(user, []) if "Your turns have changed" in line] for user in people}
    return {user: lines for user, lines in found.items() if lines}


def test_a_reminder_comes_a_day_before_once_and_says_all_of_the_time(shop: Whole) -> None:
    user = shop.on("2026-12-09 12:00")
    assert user is not None
    shop.pass_time(at("2026-12-07 18:59"))
    shop.heard.clear()
    shop.pass_time(at("2026-12-07 19:00"))
    (said,) = reminders(shop, user)
    assert said == (
        "A little reminder: you are keeping Tuesday circle from Tuesday 8 December, 19:00 to Tuesday 15 December, 19:00."
        " If something came up, !swap finds somebody else."
    )
    shop.restart()
    shop.settle()
    shop.pass_time(at("2026-12-08 19:00"))
    assert reminders(shop, user) == []


def test_who_sleeps_then_hears_of_it_the_evening_before() -> None:
    shop = whole(ANA, kept=kept(12 * HOUR_MS, anchor="2026-01-06 13:00"))  # 12 hours before: one in the night
    shop.pass_time(at("2026-12-07 19:59"))
    reminders(shop)
    shop.pass_time(at("2026-12-07 20:00"))
    assert len(reminders(shop)) == 1
    shop.pass_time(at("2026-12-08 12:59"))
    assert reminders(shop) == []
    shop.close()


def test_ones_own_clock_and_own_lead_times_count(shop: Whole) -> None:
    user = shop.on("2026-12-09 12:00")
    assert user is not None
    assert "Asia/Tokyo" in shop.write(user, "!my zone asia/tokyo")[0]
    assert "2 d" in shop.write(user, "!my reminders 2d")[0]
    # The turn begins at 03:00 in Tokyo; two days before is night there, so the evening before counts.
    shop.pass_time(at("2026-12-06 11:59"))
    reminders(shop, user)
    shop.pass_time(at("2026-12-06 12:00"))
    (said,) = reminders(shop, user)
    assert "Wednesday 9 December, 03:00" in said
    shop.pass_time(at("2026-12-08 18:00"))
    assert reminders(shop, user) == []


@pytest.mark.parametrize(
    "words", ["!my zone Atlantis/Centre", "!my reminders often", "!my reminders 90d", "!my language xyzzy"]
)
def test_what_makes_no_sense_is_refused_kindly_and_changes_nothing(shop: Whole, words: str) -> None:
    before = shop.rows("select * from preference")
    (said,) = shop.write(ANA, words)
    assert words.rpartition(" ")[2] not in said
    assert shop.rows("select * from preference") == before


def test_after_a_long_sleep_of_the_bot_no_stale_reminder_is_sent(shop: Whole) -> None:
    shop.at_ms = at("2026-12-08 10:00")  # nine hours before: half of the day's lead has passed
    shop.restart()
    shop.settle()
    shop.ring()
    assert reminders(shop) == []


def test_after_a_short_one_it_is_sent_late_once(shop: Whole) -> None:
    user = shop.on("2026-12-09 12:00")
    assert user is not None
    shop.at_ms = at("2026-12-07 20:30")
    shop.restart()
    shop.ring()
    shop.settle()
    shop.ring()
    assert len(reminders(shop, user)) == 1


@given(
    lives=st.lists(st.tuples(st.booleans(), st.integers(1, 90), st.booleans()), min_size=3, max_size=12),
    zone=st.sampled_from(["Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"]),
)
@settings(max_examples=25, deadline=None)
def test_no_reminder_is_doubled_or_lost_or_said_at_night(lives: list[tuple[bool, int, bool]], zone: str) -> None:
    shop = whole(ANA, kept=kept(3 * DAY_MS, DAY_MS))
    shop.write(ANA, f"!my zone {zone}")
    reminders(shop)
    said: list[tuple[int, str]] = []
    up: list[tuple[int, int]] = []
    for is_up, hours, crash in lives:
        end_ms = shop.at_ms + hours * HOUR_MS
        if not is_up:
            shop.at_ms = end_ms
            shop.restart()
            continue
        if crash:
            shop.settle(crash=True)
            shop.ring(crash=True)
        up.append((shop.at_ms, end_ms))
        shop.settle()
        shop.ring()
        said += [(shop.at_ms, line) for line in reminders(shop)]
        while shop.at_ms < end_ms:
            shop.pass_time(min(shop.at_ms + HOUR_MS, end_ms))
            said += [(shop.at_ms, line) for line in reminders(shop)]
    for at_ms, _line in said:
        local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone))
        assert 8 <= local.hour < 21 or (local.hour, local.minute) == (21, 0)
    counts: dict[str, int] = {}
    for _at_ms, line in said:
        counts[line] = counts.get(line, 0) + 1
    assert all(count <= 2 for count in counts.values())  # two lead times
    for turn in range(6):
        start_ms = at("2026-12-01 19:00") + turn * WEEK_MS
        # Whoever runs from well before a day ahead until the turn begins has said that one.
        if any(begin_ms <= start_ms - 2 * DAY_MS and end_ms >= start_ms for begin_ms, end_ms in up):
            day = datetime.fromtimestamp(start_ms / 1000, UTC).astimezone(ZoneInfo(zone))
            assert any(start_ms - 2 * DAY_MS <= at_ms < start_ms for at_ms, _line in said), day
    shop.close()


# -- who is moved ------------------------------------------------------------------------------------------------------


def test_only_those_whose_turns_moved_are_told(shop: Whole) -> None:
    people = (ANA, BO, CY, DEE, EVE)
    shop.use(grove(circle(ANA, CY, kept=kept(DAY_MS))))
    shop.settle()
    shop.ring()
    told = moves(shop, *people)
    assert BO not in told
    assert EVE not in told
    assert len(told[DEE]) == 1
    assert "no longer yours: Tuesday circle" in told[DEE][0]
    assert all(len(lines) == 1 for lines in told.values())
    gained = [user for user in (ANA, CY) if user in told]
    assert gained
    assert all("yours now: Tuesday circle" in told[user][0] for user in gained)
    shop.heard.clear()
    shop.restart()
    shop.settle()
    shop.ring()
    assert moves(shop, *people) == {}


def test_who_comes_to_the_list_moves_nobody(shop: Whole) -> None:
    shop.use(grove(circle(ANA, CY, DEE, EVE, kept=kept(DAY_MS))))
    shop.settle()
    shop.ring()
    assert moves(shop, ANA, CY, DEE, EVE) == {}


def test_what_one_gave_away_oneself_one_is_not_told_of(shop: Whole) -> None:
    user = shop.on("2026-12-09 12:00")
    assert user is not None
    shop.write(user, "!away 9 Dec")
    if shop.asked_of(user):
        shop.tap(user, "yes")
    assert shop.on("2026-12-09 12:00") != user
    assert moves(shop, ANA, CY, DEE) == {}


def test_before_a_first_turn_it_is_said_what_is_missing_to_the_person_and_the_leads(shop: Whole) -> None:
    fresh = Whole(grove(circle(ANA, CY, DEE, kept=kept())))
    fresh.open(EVE)
    fresh.settle()
    fresh.ring()
    fresh.pass_time(at("2026-12-09 12:00"))
    for user in (CY, DEE, ANA):
        for line in fresh.told(user):
            if "first turn" in line:
                assert "to be in the room Tuesday circle" in line
                assert "private room with me" in line
    assert [line for line in fresh.told(CONTROL) if "first turn" in line]
    fresh.close()


def test_who_has_no_app_that_can_read_what_is_encrypted_hears_of_it_and_so_do_the_leads(shop: Whole) -> None:
    fresh = Whole(grove(circle(ANA, CY, DEE, kept=kept())))
    fresh.begin(EVE)
    fresh.deviceless = frozenset({DEE})
    fresh.carry_out()
    fresh.pass_time(at("2026-12-20 12:00"))
    assert [line for user in (ANA, CY) for line in fresh.told(user) if "first turn" in line] == []
    said = [line for line in fresh.told(DEE) if "first turn" in line]
    assert said
    assert all("I find none of yours" in line and "to be in the room" not in line for line in said)
    leads = [line for line in fresh.told(CONTROL) if "first turn" in line]
    assert len(leads) == len(said) <= 2  # a week before, and the day before
    assert all("I find none of theirs" in line and "another way" in line for line in leads)
    fresh.close()


def test_what_no_server_can_tell_in_time_is_not_said(shop: Whole) -> None:
    fresh = Whole(grove(circle(ANA, CY, DEE, kept=kept())))
    fresh.open(EVE)
    fresh.settle()
    fresh.ring()
    fresh.finding = "expired"
    fresh.pass_time(at("2026-12-09 12:00"))
    said = [line for line in fresh.told(CONTROL) if "first turn" in line]
    assert said
    assert all("to be in the room" in line and "encrypted" not in line for line in said)
    fresh.close()


def test_who_has_all_they_need_hears_nothing_of_it(shop: Whole) -> None:
    shop.pass_time(START_MS + 2 * WEEK_MS)
    assert [line for user in (ANA, CY, DEE) for line in shop.told(user) if "first turn" in line] == []
