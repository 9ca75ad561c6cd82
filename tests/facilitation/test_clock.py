"""A clock that ran ahead, or is set back: nothing is said twice or lost for it, and nobody stays on for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.facilitation.records.away import everybody_away
from orchestrator.model.ids import UserId
from tests.facilitation.consent import (
    ANA,
    CY,
    DAY_MS,
    DEE,
    EVE,
    GROVE,
    HOUR_MS,
    START_MS,
    WEEK_MS,
    asking_rota,
    circle,
    grove,
)
from tests.facilitation.whole import Whole
from tests.house import CIRCLE

YEARS_MS = 2 * 365 * DAY_MS
TONIGHT_MS = START_MS + 7 * HOUR_MS


@pytest.fixture
def shop() -> Iterator[Whole]:
    shop = Whole(grove(circle(ANA, CY, DEE, kept=asking_rota(reminders_ms=(DAY_MS,)))))
    shop.begin(EVE)
    shop.pass_time(START_MS + DAY_MS)
    shop.carry_out()
    shop.heard.clear()
    yield shop
    shop.close()


def start(shop: Whole, at_ms: int) -> None:
    shop.at_ms = at_ms
    shop.restart()
    shop.settle()
    shop.ring()
    shop.carry_out()


def accepted(shop: Whole) -> dict[int, UserId | None]:
    """Who said yes to which turn, by when it begins."""
    return {one.shift.slot.span.start_ms: one.shift.user for one in shop.given() if one.state == "accepted"}


def test_a_clock_that_was_years_ahead_once_costs_nobody_their_word_and_no_room_a_handoff(shop: Whole) -> None:
    shop.tap(ANA, "yes")
    shop.write(CY, "!away 22 dec")
    shop.tap(CY, "yes")
    began_ms, said_yes, away = shop.at_ms, accepted(shop), shop.run(everybody_away, GROVE)
    assert (ANA in said_yes.values(), list(away)) == (True, [CY])
    start(shop, began_ms + YEARS_MS)
    start(shop, began_ms + HOUR_MS)
    assert (accepted(shop), shop.run(everybody_away, GROVE)) == (said_yes, away)
    assert (shop.duty(), shop.powers()) == ((DEE,), {DEE: TONIGHT_MS + WEEK_MS})
    daily = [timer.due_ms for timer in shop.timers("facilitation") if timer.key in {"publish:grove", "gap:grove"}]
    assert [due_ms <= shop.at_ms + DAY_MS for due_ms in daily] == [True, True]
    shop.heard.clear()
    shop.pass_time(TONIGHT_MS + WEEK_MS)
    assert [line.partition(" and is")[0] for line in shop.told(CIRCLE)] == [f"{ANA} takes over from {DEE}"]
    assert (shop.duty(), list(shop.powers())) == ((ANA,), [ANA])


def test_nobody_hears_of_turns_that_were_given_for_a_time_years_from_now(shop: Whole) -> None:
    start(shop, shop.at_ms + YEARS_MS)
    shop.heard.clear()
    start(shop, START_MS + DAY_MS + HOUR_MS)
    assert [line for said in shop.heard.values() for line in said if "Your turns have changed" in line] == []


def test_who_had_turns_while_the_clock_was_ahead_counts_as_little_as_if_it_had_not_been(shop: Whole) -> None:
    start(shop, shop.at_ms + YEARS_MS)
    start(shop, START_MS + DAY_MS + HOUR_MS)
    assert shop.rows(f"select 1 from served where end_ms > {shop.at_ms}") == []
    shop.pass_time(START_MS + 3 * WEEK_MS)
    ends = [int(str(row[0])) for row in shop.rows("select max(end_ms) from served")]
    assert ends == [TONIGHT_MS + 2 * WEEK_MS]


@pytest.mark.parametrize("back_ms", [HOUR_MS, DAY_MS])
def test_a_clock_that_is_set_back_says_nothing_twice_and_leaves_power_with_whoever_is_on(
    shop: Whole, back_ms: int
) -> None:
    shop.pass_time(TONIGHT_MS + WEEK_MS)
    heard = {who: list(said) for who, said in shop.heard.items()}
    assert any("takes over from" in line for line in heard[CIRCLE])
    shop.heard.clear()
    for _ in range(2):
        start(shop, TONIGHT_MS + WEEK_MS - back_ms)
        assert shop.duty() == tuple(shop.powers())
    shop.pass_time(TONIGHT_MS + WEEK_MS + HOUR_MS)
    assert shop.duty() == tuple(shop.powers())
    again = {who: sorted(set(said) & set(heard.get(who, []))) for who, said in shop.heard.items()}
    assert {who: said for who, said in again.items() if said} == {}
