"""Who is given turns without being asked hears of them in private: once, all together, and not in the night."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from orchestrator.model.cadence import Unit
from orchestrator.model.ids import UserId
from tests.declared import rota
from tests.facilitation.consent import ANA, CY, DAY_MS, DEE, EVE, HOUR_MS, START_MS, asking_rota, at, circle, grove
from tests.facilitation.whole import Whole

PEOPLE = (ANA, CY, DEE)


def begun(*people: UserId, at_ms: int = START_MS, **kept: object) -> Whole:
    shop = Whole(grove(circle(*people, kept=rota(**kept))), at_ms=at_ms)  # type: ignore[arg-type]
    shop.begin(EVE)
    shop.carry_out()
    return shop


@pytest.fixture
def shop() -> Iterator[Whole]:
    shop = begun(*PEOPLE)
    yield shop
    shop.close()


def news(shop: Whole, *people: UserId) -> list[str]:
    """Read what people were told of their turns since the last time."""
    shop.carry_out()
    return [
        line
        for user in people or PEOPLE
        for line in shop.heard.pop(user, [])
        if line.startswith("You have these turns")
    ]


def test_each_hears_once_of_all_that_was_given_to_them(shop: Whole) -> None:
    (said,) = news(shop, DEE)
    assert said == (
        "You have these turns:\n\n"
        "- Tuesday 1 December, 19:00 to Tuesday 8 December, 19:00, Tuesday circle\n"
        "- Tuesday 22 December, 19:00 to Tuesday 29 December, 19:00, Tuesday circle\n\n"
        "If one of them does not suit you, !swap finds somebody else."
    )
    assert [len(news(shop, user)) for user in (ANA, CY)] == [1, 1]
    shop.restart()
    shop.settle()
    shop.ring()
    shop.pass_time(at("2026-12-01 18:00"))
    assert news(shop) == []


def test_what_is_given_later_is_told_when_it_is(shop: Whole) -> None:
    news(shop)
    shop.pass_time(at("2026-12-02 12:00"))
    (said,) = news(shop)
    assert "29 December" in said


def test_who_is_asked_about_a_turn_is_not_told_of_it_beforehand() -> None:
    shop = Whole(grove(circle(*PEOPLE, kept=asking_rota())))
    shop.begin(EVE)
    shop.pass_time(at("2026-12-20 12:00"))
    assert news(shop) == []
    shop.close()


def test_nobody_is_told_in_the_night_unless_the_turn_begins_in_it() -> None:
    night_ms = at("2026-12-01 23:00")
    shop = begun(*PEOPLE, at_ms=night_ms)
    assert news(shop) == []
    shop.pass_time(at("2026-12-02 08:00"))
    assert len(news(shop)) == 3
    shop.close()
    soon = begun(*PEOPLE, at_ms=night_ms, anchor="2026-12-01 02:00", every=1, unit=Unit.DAY)
    (first,) = [user for user in PEOPLE if soon.on("2026-12-02 03:00") == user]
    assert len(news(soon, first)) == 1
    assert news(soon) == []
    soon.close()


def test_the_night_is_that_of_the_person(shop: Whole) -> None:
    shop.write(ANA, "!my zone America/Lima")
    news(shop)
    shop.pass_time(at("2026-12-08 19:05"))  # somebody is given one more: in Lima it is noon
    news(shop)
    shop.pass_time(at("2026-12-25 12:00"))
    lima = ZoneInfo("America/Lima")
    assert all(8 <= datetime.fromtimestamp(ms / 1000, lima).hour < 21 for ms in told_at(shop, ANA))


def told_at(shop: Whole, user: UserId) -> list[int]:
    shop.carry_out()
    rows = shop.run(
        lambda tx: tx.rows("select at_ms from said where account = :account and what = :w", w=f"told:grove/{user}")
    )
    return [int(str(row["at_ms"])) for row in rows]


def test_short_turns_make_for_one_message_a_day_at_most() -> None:
    shop = begun(*PEOPLE, anchor="2026-01-06 00:00", every=4, unit=Unit.HOUR, publish_ms=3 * DAY_MS)
    assert len(news(shop)) == 3
    shop.pass_time(START_MS + 6 * DAY_MS)
    found = [len(news(shop, user)) for user in PEOPLE]
    assert all(4 <= count <= 6 for count in found), found
    shop.close()


def test_a_turn_that_went_before_its_person_heard_of_it_is_not_spoken_of() -> None:
    shop = begun(*PEOPLE, at_ms=at("2026-12-01 22:00"))
    shop.use(grove(circle(CY, DEE, kept=rota())))
    shop.settle()
    shop.ring()
    shop.carry_out()
    assert shop.heard.pop(ANA, []) == []
    shop.pass_time(at("2026-12-02 12:00"))
    assert shop.heard.pop(ANA, []) == []
    assert len(news(shop, CY, DEE)) == 2
    shop.close()


def test_after_that_reminders_come_as_ever() -> None:
    shop = begun(*PEOPLE, reminders_ms=(DAY_MS,))
    shop.pass_time(START_MS + 8 * HOUR_MS)
    shop.heard.clear()
    shop.pass_time(at("2026-12-08 19:00"))
    assert [line for line in shop.heard.get(ANA, []) if "A little reminder" in line] != []
    shop.close()
