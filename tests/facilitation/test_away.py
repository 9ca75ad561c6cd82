"""Away: nobody is on while away, nobody is told, and what nobody took is theirs again when they are back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.facilitation.records.away import away_of
from orchestrator.facilitation.records.overrides import Kind, State
from orchestrator.model.cadence import Span
from tests.house import CIRCLE as ROOM

from .consent import (
    ANA,
    BO,
    CONTROL,
    CY,
    DAY_MS,
    DEE,
    EVE,
    GROVE,
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
    """The turn of the 8th is Ana's, that of the 15th Cy's, that of the 22nd Dee's; nobody is asked whether they can."""
    shop = Circle(grove(circle(ANA, CY, DEE, kept=asking_rota(accept_within_ms=None))))
    shop.begin(EVE)
    shop.carry_out()
    shop.heard.clear()
    yield shop
    shop.close()


def away(shop: Circle) -> tuple[Span, ...]:
    return shop.run(away_of, GROVE, ANA)


def test_it_is_asked_back_in_full_with_what_it_would_mean(shop: Circle) -> None:
    assert shop.write(ANA, "!away 10-12 Dec") == [
        (
            "You would be away: Thursday 10 December 2026 to Saturday 12 December 2026.\n\nYou would be off for this, and I"
            " would look for somebody else:\n\n- Tuesday circle, Thursday 10 December, 00:00 to Sunday 13 December, 00:00\n\n"
            "Shall I write that down? You need not say why, and I tell nobody that you are away.\n\n"
            f"- ✅ yes\n- ❌ no{HOW}"
        )
    ]
    shop.tap(ANA, "no")
    assert shop.told(direct(ANA))[-1] == "All right, I have written nothing down."
    assert away(shop) == ()


def test_who_is_away_is_off_at_once_and_the_gap_is_told(shop: Circle) -> None:
    shop.write(ANA, "!away 10-12 Dec")
    shop.tap(ANA, "yes")
    assert shop.told(direct(ANA))[-1] == (
        "You are away, Thursday 10 December, 00:00 to Sunday 13 December, 00:00. I give you no turns then.\n\nYou are off"
        " for this, and I am looking for somebody else:\n\n- Tuesday circle, Thursday 10 December, 00:00 to Sunday 13"
        " December, 00:00\n\nShould that change, write !away cancel 10 Dec."
    )
    assert [shop.on(f"2026-12-{time}") for time in ("09 23:59", "10 00:00", "12 23:59", "13 00:00")] == [
        ANA,
        None,
        None,
        ANA,
    ]
    (said,) = shop.told(CONTROL)
    assert said.startswith(
        "Nobody is on for Tuesday circle, Thursday 10 December, 00:00 to Sunday 13 December, 00:00. Could help out: "
    )
    # Nobody hears that she is away, or why.
    assert "away" not in said
    assert ANA not in said
    asked = [one for user in (CY, DEE) for one in shop.told(user)]
    assert len(asked) == 1
    assert asked[0].startswith("Somebody is needed for Tuesday circle, Thursday 10 December, 00:00 to")


def test_one_backup_after_another_is_asked(shop: Circle) -> None:
    shop.write(ANA, "!away 10-12 Dec")
    shop.tap(ANA, "yes")
    first = [user for user in (CY, DEE) if shop.told(user)]
    shop.pass_time(shop.at_ms + DAY_MS)
    second = [user for user in (CY, DEE) if any("Could you take it?" in said for said in shop.told(user))]
    assert sorted(first + second) == [CY, DEE]
    shop.tap(second[0], "take")
    assert shop.on("2026-12-10 12:00") == second[0]
    assert any("that is settled now" in said for said in shop.told(first[0]))
    assert shop.changes(State.OPEN) == []
    assert not shop.asked(CONTROL)


def test_who_is_away_is_given_nothing_then(shop: Circle) -> None:
    shop.write(ANA, "!away 28 Dec - 10 Jan")
    shop.tap(ANA, "yes")
    shop.pass_time(at("2026-12-20 12:00"))
    coming = [one.shift for one in shop.given() if one.shift.slot.span.end_ms > at("2026-12-28 00:00")]
    assert coming
    assert ANA not in {shift.user for shift in coming if shift.slot.span.start_ms < at("2027-01-11 00:00")}


def test_what_runs_ends_now_when_it_has_begun(shop: Circle) -> None:
    shop.pass_time(at("2026-12-09 12:00"))
    shop.write(ANA, "!away today")
    shop.tap(ANA, "yes")
    assert shop.on("2026-12-09 12:00") is None
    assert shop.on("2026-12-10 00:00") == ANA
    assert any(
        said.startswith("Nobody is on for Tuesday circle, Wednesday 9 December, 12:00") for said in shop.told(CONTROL)
    )


def test_back_again_what_nobody_took_is_theirs(shop: Circle) -> None:
    shop.write(ANA, "!away 10-12 Dec")
    shop.tap(ANA, "yes")
    shop.write(DEE, "!take 10 Dec 12:00-18:00")
    shop.tap(DEE, "yes")
    said = shop.write(ANA, "!away cancel 10 Dec")[-1]
    assert said == (
        "Welcome back! I have struck out that you are away, Thursday 10 December, 00:00 to Sunday 13 December, 00:00."
        "\n\nYou are on for this again:\n\n- Tuesday circle, Thursday 10 December, 00:00 to Thursday 10 December, 12:00"
        "\n- Tuesday circle, Thursday 10 December, 18:00 to Sunday 13 December, 00:00\n\nThis was taken by somebody"
        " else, and stays theirs:\n\n- Tuesday circle, Thursday 10 December, 12:00 to Thursday 10 December, 18:00"
    )
    assert [shop.on(f"2026-12-10 {time}") for time in ("11:59", "12:00", "17:59", "18:00")] == [ANA, DEE, DEE, ANA]
    assert away(shop) == ()
    assert not shop.asked(CONTROL)
    assert shop.write(ANA, "!away cancel 10 Dec")[-1].startswith("I have nothing written down there.")


def test_some_days_of_it_can_be_struck_out(shop: Circle) -> None:
    shop.write(ANA, "!away 10-14 Dec")
    shop.tap(ANA, "yes")
    shop.write(ANA, "!away cancel 11-12 Dec")
    assert away(shop) == (
        Span(at("2026-12-10 00:00"), at("2026-12-11 00:00")),
        Span(at("2026-12-13 00:00"), at("2026-12-15 00:00")),
    )
    assert [shop.on(f"2026-12-{day} 12:00") for day in (10, 11, 12, 13)] == [None, ANA, ANA, None]


def test_it_is_listed_on_being_asked(shop: Circle) -> None:
    assert shop.write(ANA, "!away")[-1].startswith("You have not told me of any time when you are away.")
    shop.write(ANA, "!away 10-12 Dec")
    shop.tap(ANA, "yes")
    assert shop.write(ANA, "!away")[-1] == (
        "You are away:\n\n- Thursday 10 December, 00:00 to Sunday 13 December, 00:00"
    )


def test_in_a_room_it_is_answered_in_private(shop: Circle) -> None:
    assert shop.write(ANA, "!away 10-12 Dec", ROOM) == ["I have written to you in private."]
    assert shop.told(ANA)[-1].startswith("You would be away: Thursday 10 December")
    shop.tap(ANA, "yes")
    assert away(shop)
    assert not any("away" in said for said in shop.told(ROOM))


def test_a_swap_of_ones_own_that_is_open_ends_with_it(shop: Circle) -> None:
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    shop.write(ANA, "!away 10-12 Dec")
    shop.tap(ANA, "yes")
    open_ = [(one.kind, one.span) for one in shop.changes(State.OPEN)]
    assert sorted(open_) == [
        (Kind.AWAY, Span(at("2026-12-10 00:00"), at("2026-12-13 00:00"))),
        (Kind.SWAP, Span(at(EIGHTH), at("2026-12-10 00:00"))),
        (Kind.SWAP, Span(at("2026-12-13 00:00"), at(FIFTEENTH))),
    ]


def test_who_was_asked_and_goes_away_need_not_answer() -> None:
    shop = Circle(grove(circle(ANA, CY, DEE)))
    shop.begin()
    shop.tap(ANA, "no")  # of the 8th; now Cy is asked
    shop.write(CY, "!away 10-12 Dec")
    shop.tap(CY, "yes", nth=-1)
    assert shop.on("2026-12-10 12:00") is None
    assert any(WHEN in said for said in shop.told(DEE))
    shop.close()


def test_dates_that_can_not_be_are_refused(shop: Circle) -> None:
    (said,) = shop.write(ANA, "!away 31 Feb")
    assert "30" in said or "February" in said
    (said,) = shop.write(BO, "!away soon enough")
    assert said.startswith("I couldn't find a date there.")
    assert away(shop) == ()


def test_it_is_forgotten_a_week_after(shop: Circle) -> None:
    shop.write(ANA, "!away 10-12 Dec")
    shop.tap(ANA, "yes")
    shop.pass_time(at("2026-12-19 12:00"))
    assert away(shop)
    shop.pass_time(at("2026-12-22 12:00"))
    assert away(shop) == ()
