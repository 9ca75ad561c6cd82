"""A day before, those who keep a room see what it will be asked, and change it with a tap."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

import pytest

from orchestrator.documents.declared import PromptSchedule
from orchestrator.model.cadence import QuietHours
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.ids import CommunityKey, RoomKey
from orchestrator.store import bindings
from tests.declared import ANA, BO, CY, EVE, community, deck, documents, room, rota, schedule
from tests.house import CIRCLE
from tests.prompts.kept import CONTROL, Kept, kept
from tests.prompts.test_craft import FIRST_MS, WEEK_MS, questions, slots

SECOND_MS = FIRST_MS + WEEK_MS


def taking_turns(*schedules: PromptSchedule, quiet: QuietHours | None = None) -> Kept:
    """Ana and Cy take turns by the week from the first slot on; Cy has the second week."""
    kept_room = room(
        "tuesday", prompts=schedules or [schedule()], facilitators=[ANA, CY], rota=rota("2026-01-06 19:00"), quiet=quiet
    )
    return kept(documents(community(kept_room, leads=[BO])), FIRST_MS)


@pytest.fixture
def shop() -> Iterator[Kept]:
    """A day before the second slot."""
    shop = taking_turns()
    shop.pass_time(SECOND_MS - DAY_MS - MINUTE_MS)
    shop.carry_out()
    shop.heard.clear()
    yield shop
    shop.close()


def seen(shop: Kept) -> list[str]:
    """The questions that keepers were shown since the last time."""
    return questions([one for one in shop.told(CONTROL) if "?" in one])


def asked(shop: Kept) -> list[str]:
    return questions([said for said in shop.told(CIRCLE) if "Reading along" in said])


def test_a_day_before_it_is_shown_who_is_there_then_is_named_and_as_it_stands_it_is_asked(shop: Kept) -> None:
    assert shop.told(CONTROL) == []
    shop.pass_time(SECOND_MS - DAY_MS)
    (said,) = shop.told(CONTROL)
    opening = "On Tuesday 13 January 2026, 19:05 I will ask this in Tuesday circle. @cy:grove.example is there then."
    assert said.startswith(opening)
    assert "If nobody says otherwise, I ask it as it stands." in said
    shop.pass_time(SECOND_MS)
    assert asked(shop) == questions([said])
    assert seen(shop) == []


def test_whoever_will_be_there_may_answer_though_it_is_not_their_turn_yet(shop: Kept) -> None:
    shop.pass_time(SECOND_MS - DAY_MS)
    shop.tap(CY, "skip", CONTROL)
    assert shop.told(CONTROL)[-1].startswith(
        "Nothing will be asked in Tuesday circle on Tuesday 13 January 2026, 19:05. The next"
    )
    shop.pass_time(SECOND_MS)
    assert slots(shop)[-1] == (WEEK_MS, "passed: skipped")


def test_members_and_strangers_change_nothing(shop: Kept) -> None:
    shop.pass_time(SECOND_MS - DAY_MS)
    shop.carry_out()
    shop.tap(EVE, "skip", CONTROL)
    shop.pass_time(SECOND_MS)
    assert len(asked(shop)) == 1


def test_letting_it_go_is_thanked_for(shop: Kept) -> None:
    shop.pass_time(SECOND_MS - DAY_MS)
    shop.tap(BO, "keep", CONTROL)
    assert shop.told(CONTROL)[-1] == "Thank you. I ask it on Tuesday 13 January 2026, 19:05."


def test_another_one_is_shown_as_often_as_somebody_wants_none_of_them_twice(shop: Kept) -> None:
    shop.pass_time(SECOND_MS - DAY_MS)
    shown = seen(shop)
    for _ in range(4):
        shop.tap(BO, "swap", CONTROL)
        shown += seen(shop)
    assert len(shown) == len(set(shown)) == 5
    shop.tap(BO, "swap", CONTROL)  # one of six was asked the week before
    assert shop.told(CONTROL)[-1].endswith("so this one stays.")
    shop.pass_time(SECOND_MS + 4 * WEEK_MS)
    said = asked(shop)
    assert said[0] == shown[-1]
    assert set(said) == set(shown)


def test_a_restart_shows_nothing_again_and_forgets_nothing(shop: Kept) -> None:
    shop.pass_time(SECOND_MS - DAY_MS)
    (shown,) = seen(shop)
    for _ in range(2):
        shop.restart()
        shop.heard_all_along(CIRCLE)
        shop.settle()
        shop.ring()
    assert seen(shop) == []
    shop.pass_time(SECOND_MS)
    assert asked(shop) == [shown]


def test_killed_while_it_shows_it_shows_once(shop: Kept) -> None:
    shop.at_ms = SECOND_MS - DAY_MS
    shop.ring(crash=True)
    shop.restart()
    shop.settle()
    shop.ring()
    assert len(seen(shop)) == 1


def test_back_only_just_before_its_time_it_is_shown_late_rather_than_not(shop: Kept) -> None:
    shop.at_ms = SECOND_MS - HOUR_MS
    shop.restart()
    shop.settle()
    shop.ring()
    assert len(seen(shop)) == 1


def test_back_after_its_time_it_is_not_shown(shop: Kept) -> None:
    shop.at_ms = SECOND_MS + HOUR_MS
    shop.restart()
    shop.heard_all_along(CIRCLE)
    shop.settle()
    shop.ring()
    assert seen(shop) == []


def test_a_slot_at_dawn_is_shown_the_evening_before() -> None:
    shop = taking_turns(schedule(at="06:30"))
    shop.pass_time(FIRST_MS + 30 * MINUTE_MS)
    seen(shop)
    shop.pass_time(SECOND_MS - DAY_MS - 24 * HOUR_MS)  # Sunday 19:05
    assert seen(shop) == []
    shop.pass_time(SECOND_MS - DAY_MS - 23 * HOUR_MS)  # Sunday 20:05: a day before would be in the night
    assert len(seen(shop)) == 1
    shop.close()


def test_an_hourly_room_shows_its_questions_in_a_list_once_a_day() -> None:
    hourly = [schedule(asked=deck(size=200), at=f"{hour:02}:00", on=(), id=f"at{hour}") for hour in range(24)]
    shop = taking_turns(*hourly)
    shop.pass_time(FIRST_MS + 10 * DAY_MS)
    said = [one for one in shop.told(CONTROL) if one.startswith(("I will ask these", "On "))]
    assert 8 <= len(said) <= 14
    assert all(one.startswith("I will ask these in Tuesday circle:") for one in said[1:])
    shop.close()


def test_what_is_asked_in_a_pause_or_the_quiet_hours_is_not_shown() -> None:
    night = taking_turns(schedule(at="23:30", gates=("quiet_hours",)), quiet=QuietHours(time(22), time(7)))
    night.pass_time(SECOND_MS + DAY_MS)
    assert seen(night) == []
    night.close()
    resting = taking_turns()
    resting.write(BO, "!prompt pause 4 weeks", CONTROL)
    resting.pass_time(SECOND_MS + DAY_MS)
    assert seen(resting) == []
    resting.close()


def test_a_question_that_left_its_deck_is_not_asked_another_is(shop: Kept) -> None:
    shop.pass_time(SECOND_MS - DAY_MS)
    (shown,) = seen(shop)
    windows = shop.windows
    others = deck(size=9)
    kept_ones = [one for one in others.prompts if one.text != shown]
    changed = schedule(asked=deck(*kept_ones))
    room_ = room("tuesday", prompts=[changed], facilitators=[ANA, CY], rota=rota("2026-01-06 19:00"))
    shop.use(documents(community(room_, leads=[BO])))
    shop.windows = windows
    shop.settle()
    shop.pass_time(SECOND_MS)
    (said,) = asked(shop)
    assert said != shown


def test_a_schedule_that_is_gone_gives_its_question_back(shop: Kept) -> None:
    shop.pass_time(SECOND_MS - DAY_MS)
    assert len(shop.rows("select * from chosen")) == 1
    drawn = len(shop.rows("select * from asked"))
    later = schedule(at="20:05", id="gentle-checkin.tue.2005")
    room_ = room("tuesday", prompts=[later], facilitators=[ANA, CY], rota=rota("2026-01-06 19:00"))
    shop.use(documents(community(room_, leads=[BO])))
    shop.settle()
    assert shop.rows("select * from chosen") == []
    assert len(shop.rows("select * from asked")) == drawn - 1


def test_keepers_hear_once_a_round_that_a_deck_will_soon_begin_anew() -> None:
    shop = kept(
        documents(community(room("tuesday", prompts=[schedule(asked=deck(size=12))], facilitators=[ANA]))), FIRST_MS
    )
    shop.pass_time(FIRST_MS + 25 * WEEK_MS)
    told = [one for one in shop.told(CONTROL) if "begins anew" in one]
    assert len(told) == 2
    assert "questions of “Gentle check-in” are left. After them the deck begins anew" in told[0]
    shop.close()


def test_a_clock_that_was_years_ahead_and_is_right_again_does_not_end_the_looks(shop: Kept) -> None:
    shop.pass_time(SECOND_MS - DAY_MS)
    assert len(seen(shop)) == 1
    right_ms, shop.at_ms = shop.at_ms, SECOND_MS + 300 * WEEK_MS - DAY_MS
    shop.ring()
    shop.ring()
    assert seen(shop)
    shop.at_ms = right_ms
    shop.restart()
    shop.heard_all_along(CIRCLE)
    shop.settle()
    shop.ring()
    seen(shop)
    shop.pass_time(SECOND_MS + 2 * WEEK_MS)
    assert len(seen(shop)) == 2


def test_a_room_that_goes_by_another_key_is_shown_nothing_twice_and_its_question_can_still_be_tapped(
    shop: Kept,
) -> None:
    shop.pass_time(SECOND_MS - DAY_MS)
    assert len(seen(shop)) == 1
    later = room(
        "evening",
        previously=["tuesday"],
        prompts=[schedule()],
        facilitators=[ANA, CY],
        rota=rota("2026-01-06 19:00"),
    )
    windows = shop.windows
    grove = CommunityKey("grove")
    shop.run(bindings.rename, (grove, RoomKey("tuesday")), (grove, RoomKey("evening")))
    shop.use(documents(community(later, leads=[BO])))
    shop.windows = windows
    shop.settle()
    shop.ring()
    assert seen(shop) == []
    shop.tap(CY, "skip", CONTROL)
    assert shop.told(CONTROL)[-1].startswith("Nothing will be asked in Evening circle on Tuesday 13 January")


def test_twelve_rooms_that_are_asked_each_day_fill_no_control_room() -> None:
    rooms = [
        room(f"room{n}", prompts=[schedule(asked=deck(size=60), at=f"{9 + n}:05".zfill(5), on=())], facilitators=[ANA])
        for n in range(12)
    ]
    shop = kept(documents(community(*rooms, leads=[BO])), FIRST_MS)
    shop.pass_time(FIRST_MS + 3 * DAY_MS)
    shop.told(CONTROL)
    shop.pass_time(FIRST_MS + 8 * DAY_MS)
    said = [one for one in shop.told(CONTROL) if one.startswith(("I will ask", "On "))]
    assert 5 <= len(said) <= 15  # at most three a day
    lines = [line for one in said for line in one.splitlines() if line.startswith("- ")]
    assert len(lines) == len(set(lines))
    assert len(lines) + sum(one.startswith("On ") for one in said) >= 5 * 12 - 4
    assert any("!prompt swap room" in one for one in said)
    shop.close()


def test_killed_while_it_shows_several_rooms_it_shows_each_once() -> None:
    rooms = [room(f"room{n}", prompts=[schedule(at=f"19:{n:02}")], facilitators=[ANA]) for n in range(4)]
    shop = kept(documents(community(*rooms, leads=[BO])), FIRST_MS)
    shop.pass_time(SECOND_MS - DAY_MS - HOUR_MS)
    shop.told(CONTROL)
    shop.at_ms = SECOND_MS - DAY_MS
    shop.ring(crash=True)
    shop.restart()
    shop.settle()
    shop.pass_time(SECOND_MS - MINUTE_MS)
    said = [one for one in shop.told(CONTROL) if one.startswith(("I will ask", "On "))]
    assert len(said) == 1
    assert said[0].startswith("I will ask these:")
    assert len([line for line in said[0].splitlines() if line.startswith("- Tue 13 Jan")]) == 4
    shop.close()
