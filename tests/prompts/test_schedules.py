"""Rules, several times a day, days of their own and a rest between questions: what the craft does with them, for years."""

from __future__ import annotations

from datetime import date, time
from itertools import groupby
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from orchestrator.documents.declared import Documents, FixedDay, PromptSchedule
from orchestrator.model.cadence import Rule, Weekday, Weekly
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.rrule import read_rule
from orchestrator.schedule import local_at, occurrences
from tests.declared import ANA, CY, EVE, community, deck, documents, question, room, schedule
from tests.house import CIRCLE
from tests.prompts.test_craft import make
from tests.workshop import Workshop

BERLIN = ZoneInfo("Europe/Berlin")
BEGUN_MS = 1_767_722_400_000
"""Tuesday 2026-01-06 19:00 in Berlin."""
EVENING = (time(19, 5),)


def opened(*schedules: PromptSchedule) -> Workshop:
    shop = Workshop(village(*schedules), make, at_ms=BEGUN_MS)
    shop.open(EVE, CY)
    shop.heard_all_along(CIRCLE)
    shop.settle()
    return shop


def village(*schedules: PromptSchedule) -> Documents:
    return documents(community(room(prompts=schedules, facilitators=[ANA])))


def days(shop: Workshop, outcome: str = "claimed") -> list[str]:
    rows = shop.rows(f"select due_ms from slot where outcome like '{outcome}' order by due_ms")
    return [f"{local_at(int(str(due_ms)), BERLIN):%m-%d %H:%M}" for (due_ms,) in rows]


def test_a_rule_is_kept_until_it_is_over() -> None:
    shop = opened(schedule(when=read_rule("FREQ=MONTHLY;BYDAY=2TU;COUNT=3", EVENING, date(2026, 1, 6))))
    shop.live(BEGUN_MS + 300 * DAY_MS)
    assert days(shop) == ["01-13 19:05", "02-10 19:05", "03-10 19:05"]
    assert shop.timers("prompts") == []
    shop.close()


def test_where_clocks_change_a_question_comes_at_the_same_time_on_the_wall() -> None:
    shop = opened(schedule(when=read_rule("FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU", (time(2, 30), time(19, 5)))))
    shop.live(BEGUN_MS + 365 * DAY_MS)
    assert days(shop) == ["03-29 03:00", "03-29 19:05", "10-25 02:30", "10-25 19:05"]
    shop.close()


def test_several_times_a_day_are_kept() -> None:
    shop = opened(schedule(when=Weekly(time(9), (Weekday.WED,), (time(19, 5),))))
    shop.live(BEGUN_MS + 9 * DAY_MS)
    assert days(shop) == ["01-07 09:00", "01-07 19:05", "01-14 09:00", "01-14 19:05"]
    shop.close()


def test_after_a_question_there_is_a_rest_whichever_schedule_asked_it() -> None:
    rests = schedule(at="19:50", on=(), cool_off_ms=HOUR_MS, grace_ms=90 * MINUTE_MS, id="rests")
    never = schedule(at="20:00", on=(), cool_off_ms=12 * HOUR_MS, grace_ms=10 * MINUTE_MS, id="never")
    shop = opened(schedule(), rests, never)
    shop.live(BEGUN_MS + 3 * HOUR_MS)
    told = shop.rows("select schedule, outcome from slot order by schedule")
    assert told == [("gentle-checkin.tue.1905", "claimed"), ("never", "passed: cool_off"), ("rests", "claimed")]
    first, second = shop.waiting()
    assert second.created_ms == first.created_ms + HOUR_MS  # it waited until the rest was over
    shop.close()


def test_on_its_day_a_question_comes_first_and_uses_up_no_place_in_the_round() -> None:
    eve = question("What may stay behind?", on=FixedDay(1, 8))
    asked = deck(*(question(f"Question {n}?") for n in range(4)), eve)
    shop = opened(schedule(asked=asked, when=Weekly(time(9), (), (time(19, 5),))))
    shop.live(BEGUN_MS + 4 * DAY_MS)
    rows = shop.rows(f"select due_ms from slot where item = '{eve.id}'")
    assert [f"{local_at(int(str(due_ms)), BERLIN):%m-%d %H:%M}" for (due_ms,) in rows] == ["01-08 09:00"]
    assert shop.rows(f"select count(*) from asked where item = '{eve.id}'") == [(0,)]
    shop.close()


def test_questions_of_one_tag_have_rounds_of_their_own() -> None:
    light = [question(f"Light {n}?", tags=["light"]) for n in range(2)]
    deep = [question(f"Deep {n}?", tags=["deep"]) for n in range(6)]
    shop = opened(
        schedule(asked=deck(*light), on=(), at="09:00", bag="gentle-checkin.light", id="light"),
        schedule(asked=deck(*deep), on=(), at="19:05", bag="gentle-checkin.deep", id="deep"),
    )
    shop.live(BEGUN_MS + 6 * DAY_MS)
    asked = [item for (item,) in shop.rows("select item from slot where schedule = 'deep' order by due_ms")]
    assert sorted(map(str, asked[:6])) == sorted(prompt.id for prompt in deep)
    shop.close()


def test_what_was_lost_on_its_way_is_drawn_again_after_what_came_later() -> None:
    shop = opened(schedule(on=(), grace_ms=HOUR_MS))
    shop.live(BEGUN_MS + 2 * DAY_MS)
    first, *others = shop.waiting()
    shop.confirm(first.cause, "expired")
    for row in others:
        shop.confirm(row.cause)
    shop.live(BEGUN_MS + 4 * DAY_MS)
    places = shop.rows("select place, item from asked order by place")
    assert [place for place, _ in places] == [1, 2, 3]
    assert len({item for _, item in places}) == 3
    shop.close()


# -- years -------------------------------------------------------------------------------------------------------------

WHEN: dict[str, Weekly | Rule] = {
    "weekly": Weekly(time(19, 5), (Weekday.TUE, Weekday.SAT)),
    "twice": Weekly(time(2, 30), (Weekday.SUN,), (time(19, 5),)),
    "monthly": read_rule("FREQ=MONTHLY;BYDAY=1TU,-1SU;BYHOUR=2,19;BYMINUTE=30"),
    "third": read_rule("FREQ=DAILY;INTERVAL=3", EVENING, date(2026, 1, 1)),
}
happenings = st.lists(
    st.tuples(st.sampled_from(["live"] * 5 + ["down", "crash", "edit", "lose"]), st.integers(1, 60)),
    min_size=5,
    max_size=20,
)


@pytest.mark.parametrize("name", WHEN)
@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(story=happenings)
def test_for_years_each_slot_is_asked_once_or_passed_over_with_its_reason(
    name: str, story: list[tuple[str, int]]
) -> None:
    size = 7
    shop = opened(planned(name, size))
    for what, number in story:
        shop.heard_all_along(CIRCLE)
        if what == "down":
            shop.restart()
            shop.at_ms += number * DAY_MS
            shop.heard_all_along(CIRCLE)
            shop.settle()
            shop.ring()
        elif what == "crash":
            shop.settle(crash=True)
            shop.ring(crash=True)
            shop.heard_all_along(CIRCLE)
            shop.settle()
        elif what == "edit":
            windows, size = shop.windows, 4 + number % 7
            shop.use(village(planned(name, size)))
            shop.windows = windows
            shop.settle()
        elif what == "lose" and shop.waiting():
            shop.confirm(shop.waiting()[0].cause, "expired")
        shop.live(shop.at_ms + number * DAY_MS)
        for row in shop.waiting():
            shop.confirm(row.cause)
    due = [one.at_ms for one in occurrences(WHEN[name], BERLIN, BEGUN_MS, shop.at_ms + 1)]
    told = {int(str(at)): str(outcome) for at, outcome in shop.rows("select due_ms, outcome from slot")}
    assert sorted(told) == due
    assert {outcome.partition(":")[0] for outcome in told.values()} <= {"done", "expired", "passed"}
    assert all(outcome != "passed: " for outcome in told.values())
    steps = [step for (step,) in shop.rows("select step from journal union all select step from outbox")]
    assert len(steps) == len(set(steps))
    heard = [str(item) for (item,) in shop.rows("select item from slot where event is not null order by due_ms")]
    assert all(len(list(same)) == 1 for _, same in groupby(heard))  # no round's end meets the next one's beginning
    shop.close()


def planned(name: str, size: int) -> PromptSchedule:
    asked = deck(*(question(f"Question {n}?") for n in range(size)))
    return schedule(asked=asked, when=WHEN[name], grace_ms=2 * HOUR_MS, id=name)
