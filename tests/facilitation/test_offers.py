"""Offers: yes, no and silence, each with what follows from it, and an end for everybody who was asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.facilitation.records.offers import Said, offers_of
from orchestrator.facilitation.records.preferences import Preference, put_preference
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.ids import UserId

from .consent import (
    ANA,
    BO,
    CONTROL,
    CY,
    DAY_MS,
    DEE,
    EVE,
    FIN,
    GROVE,
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


@pytest.fixture
def shop() -> Iterator[Circle]:
    """Ana, Cy and Dee keep the circle; the turn of the 8th of December is Ana's, and she was asked."""
    shop = Circle(grove(circle(ANA, CY, DEE)))
    shop.begin(EVE)
    shop.carry_out()
    yield shop
    shop.close()


def answers(shop: Circle, said: str = EIGHTH) -> dict[UserId, str]:
    return {one.user: str(one.answer) for one in shop.run(offers_of, GROVE, shop.row(said).shift.slot)}


def test_whose_turn_it_is_is_asked_once_with_full_dates(shop: Circle) -> None:
    assert shop.told(ANA) == [
        (
            f"Can you keep Tuesday circle from {WHEN}?\n\nPlease tell me by Thursday 3 December, 12:00, if you can."
            f"\n\n- ✅ yes\n- ❌ no, I can't{HOW}"
        )
    ]
    shop.restart()
    shop.settle()
    shop.ring()
    assert shop.told(ANA) == []
    assert shop.holds(EIGHTH) == (ANA, "offered")
    assert shop.holds(FIFTEENTH) == (CY, "published")


def test_a_turn_is_asked_about_only_so_far_ahead_as_the_rota_says(shop: Circle) -> None:
    shop.pass_time(at(FIFTEENTH) - 14 * DAY_MS - MINUTE_MS)
    assert answers(shop, FIFTEENTH) == {}
    shop.pass_time(at("2026-12-02 09:00"))
    assert answers(shop, FIFTEENTH) == {CY: "waiting"}


def test_nobody_is_asked_in_their_night(shop: Circle) -> None:
    shop.run(put_preference, CY, Preference(zone="America/Los_Angeles"))
    # The 1st of December 19:00 in Berlin is 10:00 there; at 21:00 here their day is on.
    shop.pass_time(at("2026-12-01 19:05"))
    assert answers(shop, FIFTEENTH) == {CY: "waiting"}


def test_in_the_evening_one_is_asked_on_the_next_morning() -> None:
    shop = Circle(grove(circle(ANA, CY, DEE)), at_ms=at("2026-12-01 22:00"))
    shop.begin()
    assert answers(shop) == {}
    shop.pass_time(at("2026-12-02 08:00"))
    assert answers(shop) == {ANA: "waiting"}
    shop.close()


def test_a_yes_is_thanked_for_and_nobody_else_is_asked(shop: Circle) -> None:
    shop.tap(ANA, "yes")
    assert shop.told(direct(ANA)) == [f"Thank you! You are on for Tuesday circle, {WHEN}."]
    shop.pass_time(at(EIGHTH) - HOUR_MS)
    assert shop.holds(EIGHTH) == (ANA, "accepted")
    assert answers(shop) == {ANA: "yes"}


@pytest.mark.parametrize("said", ["!accept", "!accept 8 Dec", "!accept tue 8 Dec", "yes"])
def test_a_yes_may_be_said_in_words(shop: Circle, said: str) -> None:
    shop.write(DEE, "!accept")  # of the turn that begins tonight
    assert shop.write(ANA, said)[-1] == f"Thank you! You are on for Tuesday circle, {WHEN}."
    assert shop.holds(EIGHTH) == (ANA, "accepted")


def test_a_no_is_nobodys_business_and_the_next_is_asked(shop: Circle) -> None:
    shop.tap(ANA, "no")
    assert shop.told(direct(ANA)) == [
        f"Thank you for telling me. You are not on for Tuesday circle, {WHEN}; I am looking for somebody else."
    ]
    (asked,) = shop.told(CY)
    assert WHEN in asked
    assert ANA not in asked
    assert shop.holds(EIGHTH) == (None, "offered")
    shop.tap(CY, "yes")
    assert shop.holds(EIGHTH) == (CY, "accepted")
    # Nothing else was reshuffled.
    assert shop.holds(FIFTEENTH)[0] == CY
    assert shop.told(CONTROL) == []


def test_when_all_say_no_it_is_open_and_the_leads_see_it(shop: Circle) -> None:
    for user in (ANA, CY, DEE):
        shop.tap(user, "no", nth=-1)
    assert shop.holds(EIGHTH) == (None, "open")
    (said,) = shop.told(CONTROL)
    assert said.startswith(f"Nobody is on for Tuesday circle, {WHEN}. I know nobody who could.") or WHEN in said
    shop.tap(BO, "take", CONTROL)
    assert shop.told(CONTROL) == [f"{BO} takes Tuesday circle, {WHEN}. Thank you!"]
    assert shop.on("2026-12-10 12:00") == BO


def test_silence_asks_a_backup_while_it_stays_with_whose_turn_it_is(shop: Circle) -> None:
    shop.told(ANA)
    shop.pass_time(at("2026-12-03 12:00"))
    assert shop.holds(EIGHTH) == (ANA, "offered")
    assert answers(shop) == {ANA: "silent", CY: "waiting"}
    shop.tap(CY, "yes")
    assert shop.holds(EIGHTH) == (CY, "accepted")
    assert answers(shop) == {ANA: "over", CY: "yes"}
    # Ana hears of it as everybody does whose turns move, and not twice.
    assert shop.told(ANA) == []


def test_who_answers_late_still_has_it_and_the_backup_hears_that_it_is_settled(shop: Circle) -> None:
    shop.pass_time(at("2026-12-03 12:00"))
    shop.told(CY)
    shop.tap(ANA, "yes")
    assert shop.holds(EIGHTH) == (ANA, "accepted")
    assert shop.told(CY) == [f"About Tuesday circle, {WHEN}: that is settled now, and you need not answer. Thank you."]
    assert not [q for q in shop.asked(direct(CY)) if str(at(EIGHTH)) in q.subject]


def test_when_all_are_silent_it_stays_and_the_leads_see_it_once(shop: Circle) -> None:
    shop.tap(DEE, "yes")
    shop.pass_time(at("2026-12-05 13:00"))
    assert shop.holds(EIGHTH) == (ANA, "unconfirmed")
    assert shop.told(CONTROL) == [
        (
            f"{ANA} has not answered yet whether they can keep Tuesday circle, {WHEN}. They stay on for it unless somebody"
            f" here takes it.\n\n- 🙋 I take it{HOW}"
        )
    ]
    shop.told(CY)
    shop.pass_time(at(EIGHTH))
    assert shop.holds(EIGHTH) == (ANA, "unconfirmed")
    assert shop.on(EIGHTH) == ANA
    assert shop.told(CY)[0] == f"About Tuesday circle, {WHEN}: that is settled now, and you need not answer. Thank you."


def test_a_lead_takes_what_nobody_answered_about(shop: Circle) -> None:
    shop.tap(DEE, "yes")
    shop.pass_time(at("2026-12-05 13:00"))
    shop.told(CONTROL)
    shop.tap(BO, "take", CONTROL)
    assert shop.on(EIGHTH) == BO
    assert shop.told(CONTROL) == [f"{BO} takes Tuesday circle, {WHEN}. Thank you!"]
    assert answers(shop) == {ANA: "over", CY: "over"}


def test_an_unconfirmed_turn_can_still_be_said_yes_or_no_to(shop: Circle) -> None:
    shop.tap(DEE, "yes")
    shop.pass_time(at("2026-12-05 13:00"))
    assert shop.write(ANA, "!accept 8 Dec") == [f"Thank you! You are on for Tuesday circle, {WHEN}."]
    assert not shop.asked(CONTROL)
    shop.write(ANA, "!decline 8 Dec")
    assert shop.holds(EIGHTH)[0] is None


def test_who_accepted_may_change_their_mind(shop: Circle) -> None:
    shop.tap(ANA, "yes")
    assert shop.write(ANA, "!decline 8 Dec")[-1].startswith("Thank you for telling me.")
    assert shop.holds(EIGHTH) == (None, "offered")
    assert answers(shop) == {ANA: "no", CY: "waiting"}


def test_a_yes_that_comes_when_it_is_settled_is_refused_kindly(shop: Circle) -> None:
    shop.tap(ANA, "no")
    shop.tap(CY, "yes")
    assert shop.write(ANA, "!accept 8 Dec") == [
        "There is no turn of yours that waits for an answer. To see what is yours, write !my shifts."
    ]


@pytest.mark.parametrize("said", ["!accept", "!decline"])
def test_who_was_asked_nothing_hears_so(shop: Circle, said: str) -> None:
    (answer,) = shop.write(BO, said)
    assert answer == "There is no turn of yours that waits for an answer. To see what is yours, write !my shifts."


@pytest.mark.parametrize("said", ["!accept", "!decline", "!swap tue", "!take tue", "!take now", "!away 12-20 Dec"])
def test_a_member_is_told_kindly_that_it_is_for_those_who_take_turns(shop: Circle, said: str) -> None:
    (answer,) = shop.write(EVE, said)
    assert answer == (
        "This is for the people who take turns keeping a room. If you would like to be one of them, tell a lead."
    )


def test_more_than_one_offer_is_asked_back_with_dates(shop: Circle) -> None:
    shop.pass_time(at("2026-12-08 09:00"))
    shop.told(DEE)
    # By now Dee was asked as a backup, and about the 22nd.
    answer = shop.write(DEE, "!accept")[-1]
    if answer.startswith("Which one"):
        assert answer.count("Tuesday circle, Tuesday") > 1


def test_where_nobody_is_to_be_asked_nobody_is_but_no_and_yes_are_heard() -> None:
    shop = Circle(grove(circle(ANA, CY, DEE, kept=asking_rota(accept_within_ms=None))))
    shop.begin()
    shop.pass_time(at("2026-12-03 12:00"))
    assert not shop.asked(direct(ANA))
    assert shop.holds(EIGHTH) == (ANA, "published")
    shop.write(ANA, "!decline 8 Dec")
    assert shop.holds(EIGHTH)[0] is None
    shop.pass_time(at("2026-12-03 14:00"))
    assert any(WHEN in said for said in shop.told(CONTROL))
    shop.close()


def test_a_turn_with_too_little_rest_is_nobodys_before_they_said_yes() -> None:
    alone = Circle(grove(circle(ANA, kept=asking_rota(rest_ms=7 * DAY_MS))))
    alone.begin()
    (asked, *_more) = alone.told(ANA)
    assert "less rest before it than you should. It is only yours if you say yes." in asked
    assert alone.on(EIGHTH) is None
    alone.tap(ANA, "yes", nth=0)
    taken = [one for one in alone.given() if str(one.state) == "accepted"]
    assert len(taken) == 1
    alone.pass_time(at("2026-12-08 18:59"))
    others = [one for one in alone.given() if one not in taken and one.shift.slot.span.start_ms <= at(EIGHTH)]
    assert all(str(one.state) in {"open", "published"} for one in others)
    assert [said for said in alone.told(CONTROL) if "Nobody is on" in said]
    alone.close()


def test_a_co_facilitator_and_a_shadow_are_asked_for_what_they_do() -> None:
    kept = replace(asking_rota(), co_facilitator=True)
    shop = Circle(grove(circle(ANA, CY, DEE, kept=kept, shadows=[FIN])))
    shop.begin()
    told = [said.splitlines()[0] for user in (ANA, CY, DEE, FIN) for said in shop.told(user)]
    assert any(said.startswith("Can you be beside whoever keeps Tuesday circle, from") for said in told)
    assert any(said.startswith("Would you like to watch how Tuesday circle is kept, from") for said in told)
    shop.close()


def test_what_is_undone_in_the_middle_is_done_again_once(shop: Circle) -> None:
    shop.tap(DEE, "yes")
    shop.at_ms = at("2026-12-03 12:00")
    shop.ring(crash=True)
    assert answers(shop) == {ANA: "waiting"}
    shop.ring()
    shop.ring()
    assert answers(shop) == {ANA: "silent", CY: "waiting"}
    assert len([said for said in shop.told(CY) if WHEN in said]) == 1


def test_nobody_is_asked_about_a_turn_twice(shop: Circle) -> None:
    shop.pass_time(at("2027-01-12 12:00"))
    for user in (ANA, CY, DEE):
        asked = [said.splitlines()[0] for said in shop.told(user) if said.startswith("Can you keep")]
        assert len(asked) == len(set(asked))
    assert Said.SILENT not in {Said(one) for one in answers(shop).values()}
