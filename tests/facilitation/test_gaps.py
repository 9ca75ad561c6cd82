"""Gaps: the leads hear of each once, with who could help, and whoever may can fill it."""

from __future__ import annotations

from .consent import (
    ANA,
    BO,
    CONTROL,
    CY,
    DAY_MS,
    DEE,
    EVE,
    Circle,
    asking_rota,
    at,
    circle,
    direct,
    grove,
)

QUIET_ROTA = asking_rota(accept_within_ms=None)


def begin(*people: object, at_ms: int | None = None) -> Circle:
    shop = Circle(grove(circle(*people, kept=QUIET_ROTA)), at_ms=at_ms or at("2026-12-01 12:00"))  # type: ignore[arg-type]
    shop.begin(EVE)
    return shop


def test_without_anybody_all_that_comes_is_told_in_one_message() -> None:
    shop = begin()
    (said,) = shop.told(CONTROL)
    assert said.startswith(
        "Nobody is on at these times:\n\n- Tuesday circle, Tuesday 1 December, 12:00 to Tuesday 1 December, 19:00."
    )
    assert said.count("I know nobody who could.") == 6
    assert said.endswith("Whoever takes turns there can take one with !take and the day.")
    for _ in range(3):
        shop.restart()
        shop.settle()
        shop.ring()
    shop.pass_time(shop.at_ms + 6 * DAY_MS)
    # What comes into sight is told, too, and nothing twice.
    later = shop.told(CONTROL)
    assert all("29 December" in one or "5 January" in one for one in later)
    assert len(later) <= 1
    shop.close()


def test_a_lead_fills_a_gap_where_they_read_of_it() -> None:
    shop = begin(ANA, CY)
    shop.told(CONTROL)
    shop.write(ANA, "!decline 8 Dec")
    said = shop.told(CONTROL)
    mine = next(one for one in shop.given() if one.shift.user is None)
    assert len(said) == 1, said
    assert f"Could help out: {CY}" in said[0]
    shop.tap(EVE, "take", CONTROL)
    (kind,) = shop.told(CONTROL)
    assert kind.startswith("This is for the people who take turns keeping a room.")
    shop.tap(BO, "take", CONTROL)
    assert shop.view().is_held_by(BO, mine.shift.slot.room, mine.shift.slot.part, mine.shift.slot.span)
    assert not shop.asked(CONTROL)
    shop.close()


def test_take_with_a_day_fills_a_gap() -> None:
    shop = begin(ANA, CY, DEE)
    shop.write(ANA, "!decline 8 Dec")
    shop.told(CONTROL)
    shop.write(DEE, "!take 8 Dec")
    shop.tap(DEE, "yes")
    assert shop.on("2026-12-09 12:00") == DEE
    # It fell away: nobody needs to hear of that gap again.
    shop.pass_time(shop.at_ms + 2 * DAY_MS)
    assert not any("Nobody is on" in said for said in shop.told(CONTROL))
    shop.close()


def test_a_gap_that_comes_back_is_told_again() -> None:
    shop = begin(ANA, CY, DEE)
    shop.write(ANA, "!decline 8 Dec")
    shop.told(CONTROL)
    shop.write(DEE, "!take 8 Dec")
    shop.tap(DEE, "yes")
    shop.told(CONTROL)
    shop.write(DEE, "!away 8-15 Dec")
    shop.tap(DEE, "yes")
    assert any("Nobody is on" in said and "Tuesday 8 December, 19:00 to" in said for said in shop.told(CONTROL))
    shop.close()


def test_what_is_not_yet_published_can_be_taken_too() -> None:
    shop = begin()
    shop.told(CONTROL)
    shop.write(BO, "!take 29 Dec")
    shop.tap(BO, "yes")
    assert shop.on("2026-12-30 12:00") == BO
    shop.pass_time(at("2026-12-30 12:00"))
    assert shop.on("2026-12-30 12:00") == BO
    shop.close()


def test_at_night_leads_are_left_alone_unless_it_is_soon() -> None:
    shop = begin(ANA, CY, DEE, at_ms=at("2026-12-01 22:00"))
    shop.write(CY, "!away 14 Dec")
    shop.write(ANA, "!away 14 Dec")
    holder = shop.on("2026-12-14 12:00")
    assert holder is not None
    if holder not in {ANA, CY}:
        shop.write(holder, "!away 14 Dec")
    shop.tap(holder, "yes")
    assert shop.told(CONTROL) == []
    shop.pass_time(at("2026-12-02 08:00"))
    assert len(shop.told(CONTROL)) == 1
    soon = shop.on("2026-12-02 10:00")
    assert soon is not None
    shop.at_ms = at("2026-12-02 23:00")
    shop.write(soon, "!away 3 Dec")
    shop.tap(soon, "yes")
    assert any("3 December" in said for said in shop.told(CONTROL))
    assert direct(ANA)
    shop.close()
