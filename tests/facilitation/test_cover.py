"""Whoever takes something that came up is on duty for a while, beside whoever is on the rota; one answer for all who ask."""

from __future__ import annotations

from orchestrator.facilitation.craft import Facilitation
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.feature import Now
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from tests.declared import ANA, BO, CY, DEE, ME
from tests.workshop import Workshop

from .test_craft import FIRST_MS, WEEK_MS, holders, on_duty, shop

__all__ = ["shop"]

GROVE, TUESDAY = CommunityKey("grove"), RoomKey("tuesday")


def cover(shop: Workshop, user: UserId, until_ms: int, room: RoomKey | None = TUESDAY) -> None:
    now = Now(at_ms=shop.at_ms, me=ME)
    shop.run(Facilitation(shop.documents).cover, user, GROVE, room, until_ms, now)


def test_who_covers_is_on_duty_and_holds_its_power_until_the_end(shop: Workshop) -> None:
    shop.settle()
    until_ms = shop.at_ms + 2 * HOUR_MS
    cover(shop, DEE, until_ms)
    cover(shop, DEE, until_ms)
    assert on_duty(shop) == on_duty(shop, None) == (ANA, DEE)
    assert holders(shop) == {ANA: FIRST_MS + WEEK_MS, DEE: until_ms}
    shop.restart()
    shop.settle()
    assert holders(shop) == {ANA: FIRST_MS + WEEK_MS, DEE: until_ms}
    shop.live(until_ms)
    assert on_duty(shop) == (ANA,)


def test_power_is_never_held_for_less_long_because_somebody_covers_too(shop: Workshop) -> None:
    shop.settle()
    cover(shop, ANA, shop.at_ms + HOUR_MS)
    assert holders(shop) == {ANA: FIRST_MS + WEEK_MS}
    shop.live(FIRST_MS + WEEK_MS - HOUR_MS)
    cover(shop, CY, shop.at_ms + 2 * HOUR_MS)
    shop.live(FIRST_MS + WEEK_MS)
    assert holders(shop) == {CY: FIRST_MS + 2 * WEEK_MS}
    assert on_duty(shop) == (CY,)


def test_a_cover_that_outlasts_ones_own_shift_keeps_its_power(shop: Workshop) -> None:
    shop.settle()
    shop.live(FIRST_MS + WEEK_MS - HOUR_MS)
    cover(shop, ANA, shop.at_ms + DAY_MS)
    assert holders(shop)[ANA] == FIRST_MS + WEEK_MS - HOUR_MS + DAY_MS
    shop.live(FIRST_MS + WEEK_MS)
    assert on_duty(shop) == (CY, ANA)


def test_without_a_room_it_holds_for_the_community_and_gives_no_power_in_any(shop: Workshop) -> None:
    shop.settle()
    before = holders(shop)
    cover(shop, BO, shop.at_ms + HOUR_MS, None)
    assert on_duty(shop, None) == (ANA, BO)
    assert on_duty(shop) == (ANA,)
    assert holders(shop) == before


def test_people_are_asked_in_the_order_of_their_turns_and_who_covers_before_them(shop: Workshop) -> None:
    shop.settle()

    def in_turn() -> tuple[UserId, ...]:
        return shop.run(Facilitation(shop.documents).in_turn, GROVE, TUESDAY, Now(at_ms=shop.at_ms, me=ME))

    assert in_turn() == (ANA, CY, DEE)
    shop.live(FIRST_MS + WEEK_MS)
    assert in_turn() == (CY, DEE, ANA)
    cover(shop, ANA, shop.at_ms + HOUR_MS)
    assert in_turn() == (CY, ANA, DEE)
