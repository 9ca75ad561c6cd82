"""Handing on and taking: nothing changes before somebody takes it, and two never have the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.facilitation.records.overrides import Kind, State
from orchestrator.facilitation.rota.things import Part
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.ids import RoomKey

from .consent import (
    ANA,
    BO,
    CONTROL,
    CY,
    DAY_MS,
    DEE,
    EVE,
    FIN,
    HOUR_MS,
    Circle,
    asking_rota,
    at,
    circle,
    direct,
    grove,
)

EIGHTH, FIFTEENTH = "2026-12-08 19:00", "2026-12-15 19:00"
WHEN = "Tuesday 8 December, 19:00 to Tuesday 15 December, 19:00"
HOW = "\n\nTo answer, react with one of these, or reply with its word."
CIRCLE = "Tuesday circle"
SUNDAY = RoomKey("sunday")


@pytest.fixture
def shop() -> Iterator[Circle]:
    """The turn of the 8th is Ana's, that of the 15th Cy's, and nobody is asked whether they can."""
    shop = Circle(grove(circle(ANA, CY, DEE, kept=asking_rota(accept_within_ms=None), shadows=[FIN])))
    shop.begin(EVE)
    shop.carry_out()
    shop.heard.clear()
    yield shop
    shop.close()


def test_a_swap_is_asked_back_in_full_and_told_once_in_the_control_room(shop: Circle) -> None:
    assert shop.write(ANA, "!swap 8 Dec") == [
        (
            f"Shall I look for somebody to take {CIRCLE}, {WHEN}? Until somebody does, it stays yours."
            f"\n\n- ✅ yes\n- ❌ no{HOW}"
        )
    ]
    assert shop.changes() == []
    shop.tap(ANA, "yes")
    assert shop.told(direct(ANA))[-1] == (
        f"I am looking for somebody to take {CIRCLE}, {WHEN}. Until somebody does, it stays yours."
    )
    assert shop.told(CONTROL) == [
        f"{ANA} is looking for somebody to take {CIRCLE}, {WHEN}. Until then it stays with {ANA}.\n\n- 🙋 I take it{HOW}"
    ]
    assert shop.on(EIGHTH) == ANA


def test_who_thinks_better_of_it_changes_nothing(shop: Circle) -> None:
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "no")
    assert shop.told(direct(ANA))[-1] == "All right, I leave everything as it is."
    assert shop.changes() == []


def test_whoever_takes_it_first_has_it_and_a_second_hears_who_was(shop: Circle) -> None:
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    shop.write(DEE, "!take 8 Dec")
    shop.tap(CY, "take", CONTROL)
    shop.tap(DEE, "yes")
    assert shop.told(direct(DEE))[-1].startswith(f"Thank you for offering! {CY} was first: {CIRCLE} is taken care of, ")
    assert shop.told(CONTROL)[1:] == [f"{CY} takes {CIRCLE}, {WHEN}. Thank you!"]
    assert (shop.on(EIGHTH), shop.on(FIFTEENTH)) == (CY, CY)
    assert shop.holds(EIGHTH) == (ANA, "accepted")
    assert [(one.giver, one.taker, one.state) for one in shop.changes(State.TAKEN)] == [(ANA, CY, State.TAKEN)]


def test_nobody_takes_it_and_it_stays_with_whose_it_is(shop: Circle) -> None:
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    shop.told(direct(ANA))
    shop.pass_time(at(EIGHTH))
    assert shop.on(EIGHTH) == ANA
    assert [one.state for one in shop.changes()] == [State.OVER]
    assert shop.told(ANA) == [f"Nobody could take {CIRCLE}, {WHEN}. I am sorry: you are still on for it."]
    assert not shop.asked(CONTROL)


def test_people_who_could_are_reminded_before_and_never_in_the_night(shop: Circle) -> None:
    shop.write(CY, "!swap 15 Dec")
    shop.tap(CY, "yes")
    heard = []
    while shop.at_ms < at(FIFTEENTH):
        shop.pass_time(shop.at_ms + HOUR_MS)
        heard += [(shop.at_ms, said) for said in shop.told(DEE)]
    times = [(at(FIFTEENTH) - ms) // HOUR_MS for ms, said in heard]
    # Twelve hours before is too early in the morning: then it is at eight.
    assert times == [14 * 24, 7 * 24, 3 * 24, 2 * 24, 24, 11, 0]
    assert "Could you take it?" in heard[0][1]
    assert "If you can, write !take 15 Dec. If not, that is fine." in heard[1][1]
    assert all(8 <= (ms - at("2026-12-01 00:00")) // HOUR_MS % 24 < 21 for ms, _said in heard)


def test_who_said_no_is_not_reminded(shop: Circle) -> None:
    shop.write(CY, "!swap 15 Dec")
    shop.tap(CY, "yes")
    shop.pass_time(at(FIFTEENTH) - 7 * DAY_MS)
    shop.tap(DEE, "no")
    assert shop.told(direct(DEE)) == ["That is fine. Thank you for telling me."]
    shop.told(DEE)
    shop.pass_time(at(FIFTEENTH) - HOUR_MS)
    assert shop.told(DEE) == []


def test_a_part_can_be_handed_on_and_the_rest_stays(shop: Circle) -> None:
    shop.write(ANA, "!swap 10 Dec 18:00-22:00")
    shop.tap(ANA, "yes")
    assert shop.told(CONTROL)[-1].startswith(
        f"{ANA} is looking for somebody to take {CIRCLE}, Thursday 10 December, 18:00 to Thursday 10 December, 22:00."
    )
    shop.tap(DEE, "take", CONTROL)
    assert [shop.on(f"2026-12-10 {time}") for time in ("17:59", "18:00", "21:59", "22:00")] == [ANA, DEE, DEE, ANA]


def test_a_part_of_what_is_handed_on_can_be_taken_and_the_rest_stays_open(shop: Circle) -> None:
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    shop.write(DEE, "!take 10 Dec 18:00-22:00")
    shop.tap(DEE, "yes")
    assert [shop.on(f"2026-12-10 {time}") for time in ("17:59", "18:00", "22:00")] == [ANA, DEE, ANA]
    left = [one.span for one in shop.changes(State.OPEN)]
    assert [(span.start_ms, span.end_ms) for span in left] == [
        (at(EIGHTH), at("2026-12-10 18:00")),
        (at("2026-12-10 22:00"), at(FIFTEENTH)),
    ]
    shop.pass_time(at(EIGHTH) + MINUTE_MS)
    assert shop.on("2026-12-09 12:00") == ANA


def test_asking_twice_about_one_time_names_what_is_asked_already(shop: Circle) -> None:
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    assert shop.write(ANA, "!swap 10 Dec 18:00-22:00") == [
        (
            f"I am already looking for somebody for {CIRCLE}, {WHEN}. If you would rather change that, write"
            " !swap cancel 8 Dec first."
        )
    ]
    assert shop.write(ANA, "!swap cancel 8 Dec") == [f"I am not looking any more. {CIRCLE}, {WHEN}, stays yours."]
    assert not shop.asked(CONTROL)
    assert [one.state for one in shop.changes()] == [State.WITHDRAWN]
    assert shop.write(ANA, "!swap cancel") == ["I find no open request of yours there."]


def test_what_is_over_can_not_be_handed_on(shop: Circle) -> None:
    (said,) = shop.write(ANA, "!swap 2026-11-24")
    assert "is over already" in said
    shop.write(ANA, "!swap 10 Dec 18:00-22:00")
    shop.at_ms = at("2026-12-10 22:00")
    # The question is closed by then; so somebody who answers late changes nothing.
    shop.ring()
    assert shop.changes() == []


def test_only_what_is_theirs_can_be_handed_on(shop: Circle) -> None:
    assert shop.write(ANA, "!swap 15 Dec 20:00-21:00") == [
        (
            "I find no turn of yours there (Tuesday 15 December, 20:00 to Tuesday 15 December, 21:00). To see what is yours,"
            " write !my shifts."
        )
    ]


def test_without_a_date_or_with_more_than_one_it_is_asked_back_with_dates(shop: Circle) -> None:
    (said,) = shop.write(ANA, "!swap")
    assert said.startswith(("Which one would you like to hand on?", "Shall I look for"))
    (said,) = shop.write(BO, "!swap")
    assert said == "I find no turn of yours that is still to come."
    shop.write(CY, "!swap 15 Dec")
    shop.tap(CY, "yes")
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    (said,) = shop.write(DEE, "!take")
    assert said.startswith(
        f"Which one would you like to take?\n\n- 1️⃣ {CIRCLE}, {WHEN}\n- 2️⃣ {CIRCLE}, Tuesday 15 December, 19:00 to"
    )
    shop.tap(DEE, "1")
    assert (shop.on(EIGHTH), shop.on(FIFTEENTH)) == (ANA, DEE)


def test_offered_to_one_only_nobody_else_takes_it(shop: Circle) -> None:
    shop.write(ANA, f"!swap 8 Dec with {DEE}")
    shop.tap(ANA, "yes")
    assert shop.told(CONTROL)[-1].startswith(f"{ANA} asks {DEE} to take {CIRCLE}, {WHEN}.")
    assert "Could you take it?" in shop.told(DEE)[-1]
    shop.tap(CY, "take", CONTROL)
    assert shop.told(CONTROL) == [f"Thank you for offering! This one was offered to {DEE} only."]
    shop.tap(DEE, "take")
    assert shop.on(EIGHTH) == DEE


def test_it_can_only_be_offered_to_somebody_who_takes_turns_there(shop: Circle) -> None:
    assert shop.write(ANA, f"!swap 8 Dec with {EVE}") == [
        f"{EVE} does not take turns in that room, so I can't ask them."
    ]


def test_a_lead_may_ask_for_somebody_else_and_nobody_else_may(shop: Circle) -> None:
    assert shop.write(CY, f"!swap 8 Dec for {ANA}") == ["For somebody else only a lead can ask that."]
    shop.write(BO, f"!swap 8 Dec for {ANA}")
    shop.tap(BO, "yes")
    (change,) = shop.changes()
    assert (change.giver, change.state) == (ANA, State.OPEN)


def test_a_lead_who_is_on_no_rota_may_take_and_who_still_watches_may_not(shop: Circle) -> None:
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    shop.told(CONTROL)
    shop.tap(FIN, "take", CONTROL)
    (said,) = shop.told(CONTROL)
    assert said.startswith(f"You are still watching how it is done in {CIRCLE}.")
    assert shop.write(FIN, "!take 8 Dec")[-1].startswith(f"You are still watching how it is done in {CIRCLE}.")
    shop.tap(BO, "take", CONTROL)
    assert shop.on(EIGHTH) == BO


def test_who_is_away_then_is_told_how_to_end_that(shop: Circle) -> None:
    shop.write(DEE, "!away 9 Dec")
    shop.tap(DEE, "yes")
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    shop.write(DEE, "!take 8 Dec")
    shop.tap(DEE, "yes")
    assert shop.told(direct(DEE))[-1] == (
        "You told me that you are away then (Wednesday 9 December, 00:00 to Thursday 10 December, 00:00). If you are back,"
        " write !away cancel 9 Dec first."
    )
    assert shop.on(EIGHTH) == ANA


def test_whoever_is_on_elsewhere_at_that_time_is_told_and_may_still_take_it() -> None:
    kept = asking_rota(accept_within_ms=None)
    shop = Circle(grove(circle(ANA, DEE, kept=kept), circle(DEE, key="sunday", kept=kept)))
    shop.begin()
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    shop.told(direct(DEE))
    (said,) = shop.write(DEE, "!take 8 Dec")
    assert said.startswith(
        f"Shall I put you on for {CIRCLE}, {WHEN}?\n\nYou are on for Sunday circle at that time, too: {WHEN}."
    )
    shop.tap(DEE, "yes")
    assert (shop.on(EIGHTH), shop.on(EIGHTH, SUNDAY)) == (DEE, DEE)
    shop.close()


# -- at once -----------------------------------------------------------------------------------------------------------


def test_take_now_takes_over_what_runs_from_this_minute_to_its_end(shop: Circle) -> None:
    shop.pass_time(at("2026-12-09 12:00"))
    assert shop.on("2026-12-09 12:00") == ANA
    assert shop.write(DEE, "!take now") == [
        f"Thank you! You are on for {CIRCLE}, Wednesday 9 December, 12:00 to Tuesday 15 December, 19:00."
    ]
    assert (shop.on("2026-12-09 12:00"), shop.on("2026-12-15 18:59"), shop.on(FIFTEENTH)) == (DEE, DEE, CY)
    assert shop.told(CONTROL)[-1].startswith(f"{DEE} takes {CIRCLE}, Wednesday 9 December, 12:00")
    assert shop.write(DEE, "!take now") == ["No turn runs there right now, so there is nothing to take over."]
    shop.write(ANA, "!take now")
    assert shop.on("2026-12-10 12:00") == ANA
    assert [one.kind for one in shop.changes(State.TAKEN)] == [Kind.TAKE, Kind.TAKE]


def test_what_runs_can_be_handed_on_and_is_theirs_who_takes_it_from_then_on(shop: Circle) -> None:
    shop.pass_time(at("2026-12-09 12:00"))
    shop.write(ANA, "!swap today")
    shop.tap(ANA, "yes")
    shop.pass_time(at("2026-12-10 09:00"))
    assert shop.on("2026-12-10 09:00") == ANA
    shop.tap(DEE, "take", CONTROL)
    assert shop.on("2026-12-10 09:00") == DEE
    assert [one.state for one in shop.changes(State.OPEN)] == []


def test_a_swap_of_a_swap_goes_on_to_the_next(shop: Circle) -> None:
    for giver, taker in ((ANA, CY), (CY, DEE), (DEE, ANA)):
        shop.write(giver, "!swap 8 Dec 19:00-23:00")
        shop.tap(giver, "yes")
        shop.tap(taker, "take", CONTROL)
        assert shop.on("2026-12-08 20:00") == taker
    assert shop.on("2026-12-09 12:00") == ANA


def test_what_is_undone_in_the_middle_can_be_asked_again(shop: Circle) -> None:
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    before = [one.id for one in shop.changes()]
    shop.at_ms = at(EIGHTH)
    shop.ring(crash=True)
    assert [one.state for one in shop.changes()] == [State.OPEN]
    shop.ring()
    assert [(one.id, one.state) for one in shop.changes()] == [(before[0], State.OVER)]


def test_who_may_take_both_parts_of_one_turn_can_tell_them_apart() -> None:
    shop = Circle(grove(circle(ANA, CY, DEE, kept=asking_rota(co_facilitator=True, accept_within_ms=None))))
    shop.begin()
    on = [shop.on("2026-12-01 14:00", part=part) for part in (Part.FACILITATOR, Part.CO)]
    for user in on:
        assert user is not None
        shop.write(user, "!away today")
        shop.tap(user, "yes")
    (third,) = {ANA, CY, DEE} - set(on)
    (asked,) = shop.write(third, "!take 1 Dec")
    assert "1️⃣ Tuesday circle, Tuesday 1 December, 12:00" in asked
    assert "2️⃣ Tuesday circle, beside somebody, Tuesday 1 December, 12:00" in asked
    shop.tap(third, "1")
    assert shop.on("2026-12-01 14:00", part=Part.CO) == third
    shop.close()
