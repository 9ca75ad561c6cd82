"""A note goes to whoever comes next by a link, never by its words, and is gone after a week."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.model.ids import RoomId, UserId
from tests.declared import rota
from tests.facilitation.consent import ANA, BO, CONTROL, CY, DAY_MS, DEE, EVE, HOUR_MS, START_MS, WEEK_MS, circle, grove
from tests.facilitation.whole import Whole
from tests.house import CIRCLE

TONIGHT_MS = START_MS + 7 * HOUR_MS
WORDS = "somebody was very quiet on Sunday"


@pytest.fixture
def shop() -> Iterator[Whole]:
    shop = Whole(grove(circle(ANA, CY, DEE, kept=rota())))
    shop.begin(EVE)
    shop.carry_out()
    shop.heard.clear()
    yield shop
    shop.close()


def pair(shop: Whole) -> tuple[UserId, UserId]:
    (now,) = shop.duty()
    after = shop.on("2026-12-02 12:00")
    assert after is not None
    return now, after


def linked(shop: Whole) -> list[str]:
    return [line for line in shop.told(CONTROL) if "left you a note" in line]


def test_a_note_waits_for_whoever_comes_next_and_is_shown_by_a_link(shop: Whole) -> None:
    before, after = pair(shop)
    (said,) = shop.write(before, f"!note {WORDS}", CONTROL)
    assert said == "Thank you. I show it to whoever keeps Tuesday circle next, and take it away in a week."
    assert linked(shop) == []
    shop.pass_time(TONIGHT_MS)
    (line,) = linked(shop)
    assert line.startswith(
        f"{after}, {before} left you a note about Tuesday circle: https://matrix.to/#/!control/$said"
    )
    shop.restart()
    shop.settle()
    shop.pass_time(TONIGHT_MS + DAY_MS)
    assert linked(shop) == []


def test_what_it_says_is_nowhere_in_our_rows(shop: Whole) -> None:
    before, _after = pair(shop)
    shop.write(before, f"!note {WORDS}", CONTROL)
    shop.pass_time(TONIGHT_MS)
    assert not any("quiet" in line for line in shop.everything())


def test_a_note_after_the_handoff_is_shown_at_once(shop: Whole) -> None:
    before, after = pair(shop)
    shop.pass_time(TONIGHT_MS)
    shop.told(CONTROL)
    shop.write(before, f"!note {WORDS}", CONTROL)
    (line,) = linked(shop)
    assert line.startswith(after)


def test_after_a_week_the_note_and_what_points_to_it_are_taken_away(shop: Whole) -> None:
    before, _after = pair(shop)
    shop.write(before, f"!note {WORDS}", CONTROL)
    shop.pass_time(TONIGHT_MS)
    shop.at_ms = TONIGHT_MS + WEEK_MS + DAY_MS
    shop.restart()
    shop.settle()
    shop.ring()
    gone = [row for row in shop.waiting() if row.kind == "redact"]
    assert [row.room for row in gone] == [CONTROL, CONTROL]
    assert shop.rows("select * from note") == []


@pytest.mark.parametrize("where", [CIRCLE, None])
def test_elsewhere_a_note_is_kindly_sent_to_the_control_room(shop: Whole, where: RoomId | None) -> None:
    before, _after = pair(shop)
    said = shop.write(before, f"!note {WORDS}", where)
    assert any("control room" in line for line in said)
    assert any(("delete it" if where else "https://matrix.to/#/!control") in line for line in said)
    assert shop.rows("select * from note") == []


def test_who_has_nothing_to_do_with_a_rota_is_refused_kindly(shop: Whole) -> None:
    for words in ("!note hello", "!handoff", "!my shifts"):
        assert any("take turns" in line for line in shop.write(EVE, words, CIRCLE))


def test_handoff_says_who_comes_and_links_what_waits_for_them(shop: Whole) -> None:
    before, after = pair(shop)
    shop.write(before, f"!note {WORDS}", CONTROL)
    said = shop.write(before, "!handoff", CONTROL)[-1]
    assert f"{after} takes over from {before} on Tuesday 1 December, 19:00." in said
    assert "https://matrix.to/#/!control/" in said
    assert "https://matrix.to" not in shop.write(before, "!handoff", CIRCLE)[-1]


def test_whoever_is_on_can_hand_over_early_and_stays_on_until_somebody_takes_it(shop: Whole) -> None:
    before, after = pair(shop)
    assert "!handoff now looks for somebody" in shop.write(before, "!handoff", CONTROL)[-1]
    assert "!take now" in shop.write(after, "!handoff", CONTROL)[-1]
    shop.write(before, f"!handoff now to {after}")
    shop.tap(before, "yes")
    assert shop.duty() == (before,)
    shop.carry_out()
    shop.tap(after, "take")
    assert shop.duty() == (after,)


# -- what is shown -----------------------------------------------------------------------------------------------------


def test_the_table_says_every_turn_of_thirty_days_to_its_end(shop: Whole) -> None:
    before, after = pair(shop)
    lines = shop.write(EVE, "!rota", CIRCLE)[-1].splitlines()
    assert lines[2:4] == [
        f"- now, until Tuesday 1 December, 19:00: {before}",
        f"- Tuesday 1 December, 19:00 to Tuesday 8 December, 19:00: {after}",
    ]
    assert lines[-1].startswith("- Tuesday 29 December, 19:00 to Tuesday 5 January, 19:00: ")


def test_the_score_is_for_leads_and_never_said_in_the_room(shop: Whole) -> None:
    (refused,) = shop.write(ANA, "!rota score")
    assert "for the leads" in refused
    shop.told(BO)
    (said,) = shop.write(BO, "!rota score", CIRCLE)
    assert said == "I have written to you in private."
    (told,) = shop.told(BO)
    assert "how evenly the turns are spread" in told


def test_ones_own_turns_are_said_in_private_with_how_ones_share_stands(shop: Whole) -> None:
    _before, after = pair(shop)
    shop.told(after)
    (said,) = shop.write(after, "!my shifts", CIRCLE)
    assert said == "I have written to you in private."
    (told,) = [line for line in shop.told(after) if "Your turns in" in line]
    assert "- Tuesday 1 December, 19:00 to Tuesday 8 December, 19:00, Tuesday circle" in told
