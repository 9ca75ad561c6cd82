"""Who asks for it is mentioned with the questions of a room, for a while; nobody else is, and never the room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.model.clock import DAY_MS, HOUR_MS
from tests.declared import CY, EVE, community, documents, room, schedule
from tests.house import CIRCLE, content_of, mentions_of
from tests.prompts.test_craft import FIRST_MS, WEEK_MS
from tests.prompts.test_form import opened, said_in
from tests.workshop import Workshop


def offering(*, mention: bool = True, key: str = "tuesday", previously: tuple[str, ...] = ()) -> Workshop:
    circle = room(key, prompts=[schedule(mention=mention)], previously=previously)
    return opened(documents(community(circle)))


@pytest.fixture
def shop() -> Iterator[Workshop]:
    shop = offering()
    yield shop
    shop.close()


def told(shop: Workshop, words: str, user: str = EVE) -> str:
    """Say something in the circle, and read what comes of it in private, or in the room if nothing does."""
    before = {row.cause for row in shop.waiting()}
    shop.say(user, words, CIRCLE)  # type: ignore[arg-type]
    rows = [row for row in shop.waiting() if row.cause not in before]
    said = [str(content_of(row)["body"]) for row in rows]
    for row in rows:
        shop.confirm(row.cause)
    return said[0]


def rung(shop: Workshop, at_ms: int) -> list[str]:
    """Live until a question is asked, and tell whom it mentions."""
    shop.live(at_ms)
    row = max(said_in(shop), key=lambda one: one.expires_ms or 0)
    found = [str(one) for one in mentions_of(row)]
    content = content_of(row)
    assert "room" not in content["m.mentions"]  # type: ignore[operator]
    assert not [one for one in found if one in str(content["body"]) or one in str(content["formatted_body"])]
    shop.deliver()
    return found


def test_who_asks_is_mentioned_for_three_months_and_told_in_private_how_to_stop(shop: Workshop) -> None:
    said = told(shop, "!mention me")
    assert "until Monday 6 April 2026" in said
    assert "`!mention stop`" in said or "!mention stop" in said
    assert rung(shop, FIRST_MS) == [EVE]
    assert rung(shop, FIRST_MS + 12 * WEEK_MS) == [EVE]
    assert rung(shop, FIRST_MS + 13 * WEEK_MS) == []
    shop.live(FIRST_MS - HOUR_MS + 92 * DAY_MS)
    assert shop.rows("select * from mention") == []


def test_nobody_who_did_not_ask_is_mentioned(shop: Workshop) -> None:
    assert rung(shop, FIRST_MS) == []


def test_until_a_day_means_that_day_too(shop: Workshop) -> None:
    assert "Tuesday 13 January 2026" in told(shop, "!mention me until 13 Jan")
    assert rung(shop, FIRST_MS + WEEK_MS) == [EVE]
    assert rung(shop, FIRST_MS + 2 * WEEK_MS) == []


def test_who_says_stop_or_leaves_is_forgotten_at_once(shop: Workshop) -> None:
    told(shop, "!mention me")
    told(shop, "!mention me", CY)
    told(shop, "!mention stop")
    assert shop.rows('select "user" from mention') == [(CY,)]
    shop.join(CY, CIRCLE, "leave")
    assert shop.rows("select * from mention") == []
    assert "not mentioned any more" in told(shop, "!mention stop")


def test_asking_again_says_a_new_day(shop: Workshop) -> None:
    told(shop, "!mention me")
    told(shop, "!mention me until 7 Jan")
    assert len(shop.rows("select * from mention")) == 1
    assert rung(shop, FIRST_MS + WEEK_MS) == []


@pytest.mark.parametrize(
    "words",
    ["!mention", "!mention all", "!mention me until", "!mention me until 2019-01-01", "!mention me until 2029-01-01"],
)
def test_what_makes_no_sense_is_answered_kindly_and_nothing_is_written(shop: Workshop, words: str) -> None:
    assert told(shop, words)
    assert shop.rows("select * from mention") == []


def test_where_it_is_not_offered_any_more_everybody_is_forgotten(shop: Workshop) -> None:
    told(shop, "!mention me")
    shop.use(documents(community(room("tuesday", prompts=[schedule()]))))
    shop.settle()
    assert shop.rows("select * from mention") == []
    assert rung(shop, FIRST_MS) == []


def test_a_room_that_goes_by_another_key_keeps_who_asked(shop: Workshop) -> None:
    told(shop, "!mention me")
    shop.use(documents(community(room("evening", prompts=[schedule(mention=True)], previously=["tuesday"]))))
    shop.settle()
    assert shop.rows('select key, "user" from mention') == [("evening", EVE)]
