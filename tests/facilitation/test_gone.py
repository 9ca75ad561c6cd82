"""Whoever has gone, from a room or from its list, is put on for nothing, and holds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from orchestrator.documents.declared import Origin, Serving
from orchestrator.facilitation.craft import Facilitation
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.events import MembershipName
from orchestrator.model.feature import Now
from orchestrator.model.ids import RoomId, UserId
from tests.declared import rota
from tests.facilitation.consent import (
    ANA,
    BO,
    CONTROL,
    CY,
    DAY_MS,
    DEE,
    EVE,
    GROVE,
    HOUR_MS,
    ME,
    START_MS,
    TUESDAY,
    asking_rota,
    circle,
    grove,
)
from tests.facilitation.whole import Whole
from tests.house import CIRCLE


def whole(*people: UserId, asking: bool = False) -> Whole:
    shop = Whole(grove(circle(*people, kept=asking_rota() if asking else rota())))
    shop.begin(EVE)
    shop.carry_out()
    shop.heard.clear()
    return shop


@pytest.fixture
def shop() -> Iterator[Whole]:
    shop = whole(ANA, CY, DEE)
    yield shop
    shop.close()


wall = datetime.fromisoformat


def off(shop: Whole) -> UserId:
    """Somebody on the list who is not on."""
    return next(user for user in (ANA, CY, DEE) if user not in shop.duty())


def cover(shop: Whole, user: UserId) -> None:
    """Put somebody on beside whose turn it is, for a day."""
    craft = Facilitation(shop.documents)
    now = Now(at_ms=shop.at_ms, me=ME)
    shop.run(craft.cover, user, GROVE, TUESDAY, shop.at_ms + DAY_MS, now)


@pytest.mark.parametrize("how", ["leave", "ban"])
def test_who_covers_and_goes_from_the_room_covers_no_more_and_holds_no_power(shop: Whole, how: MembershipName) -> None:
    on, one = shop.duty(), off(shop)
    cover(shop, one)
    assert (shop.duty(), one in shop.powers()) == ((*on, one), True)
    shop.join(one, CIRCLE, how)
    assert (shop.duty(), tuple(shop.powers())) == (on, on)


def test_who_covers_and_is_taken_off_the_list_covers_no_more_and_holds_no_power(shop: Whole) -> None:
    on, one = shop.duty(), off(shop)
    cover(shop, one)
    shop.use(grove(circle(*(user for user in (ANA, CY, DEE) if user != one))))
    shop.settle()
    assert (shop.duty(), tuple(shop.powers())) == (on, on)


@pytest.mark.parametrize("how", ["leave", "ban"])
@pytest.mark.parametrize("where", [None, CONTROL])
def test_who_has_gone_from_a_room_takes_nothing_over_there(
    shop: Whole, how: MembershipName, where: RoomId | None
) -> None:
    on, one = shop.duty(), off(shop)
    shop.join(one, CIRCLE, how)
    said = shop.write(one, "!take now", where)
    assert said == [
        "You are not in Tuesday circle any more, so I can't put you on for it. Once you are there again, ask me again."
    ]
    assert (shop.duty(), tuple(shop.powers())) == (on, on)
    shop.join(one, CIRCLE)
    shop.write(one, "!take now", where)
    assert (shop.duty(), tuple(shop.powers())) == ((one,), (one,))


def test_who_knocks_after_they_left_is_not_on_before_they_are_let_in(shop: Whole) -> None:
    (on,) = shop.duty()
    shop.join(on, CIRCLE, "leave")
    shop.join(on, CIRCLE, "knock")
    assert (shop.duty(), shop.powers()) == ((), {})
    shop.join(on, CIRCLE, "invite")
    assert (shop.duty(), tuple(shop.powers())) == ((on,), (on,))


def test_who_is_on_the_list_at_other_times_only_takes_nothing_now(shop: Whole) -> None:
    on, one = shop.duty(), off(shop)
    for serving in (Serving(start=wall("2026-12-24")), Serving(end=wall("2026-11-30"))):
        shop.use(grove(replace(circle(ANA, CY, DEE, kept=rota()), serving={one: serving})))
        shop.settle()
        (said,) = shop.write(one, "!take now")
        assert said.startswith("You are on the list for Tuesday circle at other times")
        assert (shop.duty(), tuple(shop.powers())) == (on, on)


def test_who_has_gone_from_a_room_is_not_asked_to_stand_in_there() -> None:
    shop = whole(ANA, CY, DEE, asking=True)
    holder = shop.on("2026-12-09 12:00")
    assert holder is not None
    first, second = (user for user in (ANA, CY, DEE) if user != holder)
    shop.join(first, CIRCLE, "leave")
    shop.carry_out()
    shop.heard.clear()
    shop.tap(holder, "no")
    shop.pass_time(START_MS + 3 * HOUR_MS)
    assert (shop.asked_of(second), any("Can you keep" in line for line in shop.told(first))) == (True, False)
    shop.close()


def test_turns_that_move_and_move_back_are_told_both_times_though_both_is_found_at_a_start(shop: Whole) -> None:
    later = grove(circle(ANA, CY, DEE, kept=rota("2026-01-06 20:00")))
    moves = []
    for declared in (later, grove(circle(ANA, CY, DEE, kept=rota())), later):
        shop.at_ms += MINUTE_MS
        shop.use(declared)
        shop.settle()
        shop.settle()
        moves.append([line for line in shop.told(ANA) if line.startswith("Your turns have changed")])
    assert [len(said) for said in moves] == [1, 1, 1]
    assert moves[0] == moves[2] != moves[1]


def test_whose_time_on_a_list_is_over_is_taken_out_of_what_a_lead_wrote_when_it_is(shop: Whole) -> None:
    serving = {DEE: Serving(end=wall("2026-12-10"))}
    kept = replace(circle(ANA, CY, DEE, kept=rota()), serving=serving, origins={"facilitators": Origin("overlay")})
    shop.use(grove(kept))
    for _ in range(2):
        shop.settle()
    shop.live(START_MS + 8 * DAY_MS)
    assert amended(shop) == []
    shop.live(START_MS + 9 * DAY_MS)
    assert amended(shop) == [[ANA, CY]]


def amended(shop: Whole) -> list[object]:
    """What is to be written into the overlay."""
    return [row.payload["value"] for row in shop.waiting() if row.kind == "amend"]


def test_leads_hear_once_before_each_turn_that_somebody_who_takes_turns_has_left_the_room(shop: Whole) -> None:
    one = shop.on("2026-12-09 12:00")
    assert one is not None
    assert one not in shop.duty()
    shop.join(one, CIRCLE, "leave")
    for _ in range(2):
        shop.settle()
    said = (
        f"{one} is not in Tuesday circle any more, and still on the list: their next turn there begins on Tuesday 8 December,"
        f" 19:00. If they won't be back, !rota remove tuesday {one} gives their turns to others."
    )
    assert shop.told(CONTROL) == [said]
    shop.pass_time(START_MS + 8 * DAY_MS)
    heard = [line for line in shop.told(CONTROL) if "first turn" not in line]
    assert [f"{one} would be keeping" in line for line in heard] == [True]
    shop.pass_time(START_MS + 15 * DAY_MS)
    assert [
        line.partition(" begins on ")[2].partition(".")[0] for line in shop.told(CONTROL) if "still on the list" in line
    ] == ["Tuesday 29 December, 19:00"]
    shop.join(one, CIRCLE)
    shop.join(one, CIRCLE, "leave")
    assert sum("still on the list" in line for line in shop.told(CONTROL)) == 1


def test_leads_hear_of_it_too_where_nobody_takes_turns() -> None:
    shop = Whole(grove(replace(circle(ANA, CY), rota=None)))
    shop.begin()
    shop.carry_out()
    shop.heard.clear()
    shop.join(CY, CIRCLE, "leave")
    shop.settle()
    assert shop.told(CONTROL) == [
        f"{CY} is not in Tuesday circle any more, and still on the list of those who look after it."
    ]
    assert (shop.duty(), list(shop.powers())) == ((ANA,), [ANA])
    shop.close()


def test_where_who_would_stand_in_has_left_the_room_the_next_one_does() -> None:
    shop = Whole(grove(circle(CY, kept=rota(fallback=(BO, DEE))), leads=(ANA, BO, DEE)))
    shop.begin(EVE)
    shop.write(CY, "!away today")
    shop.tap(CY, "yes")
    assert (shop.duty(), list(shop.powers())) == ((BO,), [BO])
    shop.join(BO, CIRCLE, "leave")
    assert (shop.duty(), list(shop.powers())) == ((DEE,), [DEE])
    shop.join(BO, CIRCLE)
    assert (shop.duty(), list(shop.powers())) == ((BO,), [BO])
    shop.close()


def test_who_is_asked_to_stand_in_and_is_away_then_has_answered_and_the_next_is_asked_at_once(shop: Whole) -> None:
    (on,) = shop.duty()
    shop.write(on, "!away today")
    shop.tap(on, "yes")
    first, second = sorted({ANA, CY, DEE} - {on}, key=lambda user: not shop.asked_of(user))
    assert (shop.asked_of(first), shop.asked_of(second)) == (True, False)
    shop.write(first, "!away today")
    shop.tap(first, "yes")
    assert shop.asked_of(second)
    shop.tap(second, "take")
    assert (shop.duty(), [line for line in shop.told(first) if "is settled now" in line]) == ((second,), [])
