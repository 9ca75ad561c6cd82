"""A turn of a temporary schedule is whose the files say: who cannot is told whom to ask, and the leads hear of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from orchestrator.documents.declared import FixedTurn, Temporary
from tests.house import CIRCLE

from .consent import ANA, BERLIN, BO, CONTROL, CY, DEE, EVE, Circle, asking_rota, circle, grove

WALL = datetime.fromisoformat
WHEN = "Tuesday 8 December, 19:00 to Tuesday 15 December, 19:00"
CHRISTMAS = Temporary(
    start=WALL("2026-12-08 19:00"),
    end=WALL("2026-12-17 19:00"),
    turns=(FixedTurn(who=DEE, start=WALL("2026-12-08 19:00"), end=WALL("2026-12-15 19:00")),),
)


@pytest.fixture
def shop() -> Iterator[Circle]:
    shop = Circle(grove(circle(ANA, CY, DEE, kept=asking_rota(accept_within_ms=None, temporary=(CHRISTMAS,)))))
    shop.begin(EVE)
    shop.carry_out()
    shop.heard.clear()
    yield shop
    shop.close()


@pytest.mark.parametrize("said", ["!swap 9 Dec", "!swap 8 Dec", "!decline 9 Dec", f"!swap 9 Dec with {ANA}"])
@pytest.mark.parametrize("where", [None, CIRCLE])
def test_who_would_hand_it_on_hears_whom_to_ask(shop: Circle, said: str, where: None) -> None:
    assert shop.write(DEE, said, where) == [
        (
            f"Tuesday circle, {WHEN}, is yours by a temporary schedule, which only a lead can change."
            f" Please tell one of them: {BO}."
        )
    ]
    assert shop.changes() == []


def test_who_has_other_turns_hands_those_on_as_ever(shop: Circle) -> None:
    mine = next(
        one for one in shop.given() if one.shift.user == DEE and one.shift.slot.span.start_ms > shop.at_ms
    ).shift.slot.span
    shop.write(DEE, "!swap")
    shop.tap(DEE, "yes" if len(shop.view().held_by(DEE)) == 2 else "0")
    assert [one.span for one in shop.changes()] == [mine]


def test_who_is_away_then_is_off_and_the_leads_hear_of_it_once_with_what_to_do(shop: Circle) -> None:
    (asked,) = shop.write(DEE, "!away 9-10 Dec")
    fixed = "This is yours by a temporary schedule, which only a lead can change; they hear that nobody is there then:"
    assert fixed in asked
    shop.tap(DEE, "yes")
    assert fixed in shop.write(DEE, "!away")[-1] or shop.on("2026-12-09 12:00") is None
    (told,) = [line for line in shop.told(CONTROL) if "Nobody is on" in line]
    assert "Wednesday 9 December, 00:00 to Friday 11 December, 00:00" in told
    assert "please change that schedule in the files" in told
    assert str(DEE) not in told
    assert shop.asked(CONTROL) == []
    shop.pass_time(shop.at_ms + 3 * 24 * 3_600_000)
    assert [line for line in shop.told(CONTROL) if "Nobody is on" in line] == []


def test_time_that_the_schedule_itself_leaves_empty_is_no_gap(shop: Circle) -> None:
    shop.pass_time(shop.at_ms + 5 * 24 * 3_600_000)
    assert [line for line in shop.told(CONTROL) if "17 December" in line] == []


def test_a_swap_is_offered_to_nobody_who_is_on_there_then(shop: Circle) -> None:
    shop.use(grove(circle(ANA, CY, DEE, kept=asking_rota(accept_within_ms=None, co_facilitator=True))))
    shop.settle()
    shop.ring()
    on = {one.part: one.user for one in shop.view().stretches if one.span.start_ms > shop.at_ms + 86_400_000}
    first, second = list(on.values())[:2]
    assert first is not None
    start = next(one.span for one in shop.view().held_by(first) if one.span.start_ms > shop.at_ms + 86_400_000)
    beside = next(one.user for one in shop.view().stretches if one.span == start and one.user not in {first, None})
    day = datetime.fromtimestamp(start.start_ms / 1000, BERLIN).strftime("%Y-%m-%d")
    (said,) = shop.write(first, f"!swap {day} with {beside}")
    assert said.startswith(f"{beside} is on for Tuesday circle then already: ")
    assert second is not None
    assert shop.changes() == []
