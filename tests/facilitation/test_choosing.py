"""What somebody means, and who may: answered at once, where only they read it, and without asking everybody anew."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.facilitation.records.overrides import Kind, State
from orchestrator.model.ids import UserId
from tests.declared import rota
from tests.house import CIRCLE

from .consent import ANA, BO, CONTROL, CY, DAY_MS, DEE, EVE, FIN, Circle, asking_rota, circle, grove
from .whole import Whole, whole


@pytest.fixture
def shop() -> Iterator[Circle]:
    """Ana has the turn from 8 December on, Dee that of the first."""
    shop = Circle(grove(circle(ANA, CY, DEE, kept=asking_rota(accept_within_ms=None), shadows=[FIN])))
    shop.begin(EVE)
    shop.carry_out()
    shop.heard.clear()
    yield shop
    shop.close()


def requests(shop: Circle) -> list[str]:
    return [line for line in shop.told(CONTROL) if "is looking for somebody" in line]


def test_who_may_not_take_it_hears_so_and_it_stays_open_for_others_without_being_asked_anew(shop: Circle) -> None:
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    assert len(requests(shop)) == 1
    (question,) = shop.asked(CONTROL)
    for _time in range(2):
        shop.at_ms += 1_000
        shop.tap(FIN, "take", CONTROL)
        (said,) = shop.told(CONTROL)
        assert said.startswith("You are still watching how it is done")
    assert shop.asked(CONTROL) == [question]
    shop.tap(CY, "take", CONTROL)
    assert shop.on("2026-12-09 12:00") == CY
    assert shop.asked(CONTROL) == []


def test_a_gap_stays_open_in_the_same_words_when_somebody_who_may_not_takes_it(shop: Circle) -> None:
    shop.write(ANA, "!decline 8 Dec")
    shop.pass_time(shop.at_ms + 5 * DAY_MS)
    asked = shop.asked(CONTROL)
    if not asked:  # somebody else was put on for it
        pytest.fail("nobody is on, and the leads were not asked")
    shop.told(CONTROL)
    shop.tap(FIN, "take", CONTROL)
    (said,) = shop.told(CONTROL)
    assert said.startswith("You are still watching how it is done")
    assert shop.asked(CONTROL) == asked
    shop.tap(BO, "take", CONTROL)
    assert shop.on("2026-12-09 12:00") == BO


def test_what_is_handed_on_already_is_said_at_once(shop: Circle) -> None:
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    (said,) = shop.write(ANA, "!swap 8 Dec")
    assert said.startswith("I am already looking for somebody for Tuesday circle, Tuesday 8 December, 19:00")
    assert [(one.kind, one.state) for one in shop.changes()] == [(Kind.SWAP, State.OPEN)]


def test_a_day_on_which_one_turn_ends_and_another_begins_means_the_one_that_begins(shop: Circle) -> None:
    shop.write(DEE, "!swap 1 Dec")
    shop.tap(DEE, "yes")
    (said,) = shop.write(CY, "!take 8 Dec")
    assert said.startswith("Nobody is needed there (Tuesday 8 December")
    (said,) = shop.write(DEE, "!take 8 Dec")
    assert said.startswith("Nobody is needed there (Tuesday 8 December")
    (said,) = shop.write(CY, "!take 7 Dec")
    assert "Tuesday 1 December, 19:00" in said


def test_a_turn_within_a_day_is_meant_by_it() -> None:
    kept = asking_rota(accept_within_ms=None)
    shop = Circle(grove(circle(ANA, CY, DEE, kept=kept)))
    shop.begin(EVE)
    shop.write(ANA, "!swap 9 Dec 19:00-20:00")
    shop.tap(ANA, "yes")
    (said,) = shop.write(CY, "!take 9 Dec")
    assert "Wednesday 9 December, 19:00" in said
    shop.close()


@pytest.mark.parametrize("said", ["zone asia/tokyo", "zone", "language de", "reminders 7d", "reminders", "shifts"])
def test_what_somebody_wants_of_us_is_answered_in_private(said: str) -> None:
    shop = whole(ANA, CY, DEE)
    assert shop.write(ANA, f"!my {said}", CIRCLE) == ["I have written to you in private."]
    assert len(shop.told(ANA)) == 1
    shop.close()


def test_of_a_turn_that_runs_only_the_end_is_said() -> None:
    shop = whole(ANA, CY, DEE)
    runs = on(shop)
    (said,) = shop.write(runs, "!my shifts")
    assert "- now, until Tuesday 1 December, 19:00, Tuesday circle" in said
    shop.close()


def on(shop: Whole) -> UserId:
    (user,) = shop.duty()
    return user


def test_what_could_not_be_kept_is_shown_to_those_who_take_turns_and_to_nobody_else() -> None:
    shop = whole(ANA, CY, kept=rota(back_to_back=False))
    assert "two in a row" not in shop.write(BO, "!rota", CONTROL)[0]
    shop.use(grove(circle(ANA, kept=rota(back_to_back=False))))
    shop.settle()
    shop.pass_time(shop.at_ms + 30 * DAY_MS)
    shop.heard.clear()
    (said,) = shop.write(BO, "!rota", CONTROL)
    assert f"{ANA} (two in a row)" in said
    (said,) = shop.write(ANA, "!rota", CIRCLE)
    assert "two in a row" not in said
    shop.close()
