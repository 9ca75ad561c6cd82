"""What was is written down as it was: who had heard of their turn, was on the list, and was there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from orchestrator.documents.declared import Serving
from orchestrator.model.events import Member, MembershipName
from orchestrator.model.ids import EventId, UserId
from tests.declared import rota
from tests.facilitation.consent import (
    ANA,
    CY,
    DAY_MS,
    DEE,
    EVE,
    HOUR_MS,
    START_MS,
    WEEK_MS,
    asking_rota,
    at,
    circle,
    grove,
)
from tests.facilitation.whole import Whole, whole
from tests.house import CIRCLE

TONIGHT_MS = START_MS + 7 * HOUR_MS


@pytest.fixture
def shop() -> Iterator[Whole]:
    """Cy is on, Dee from tonight, and Ana a week later."""
    shop = whole(ANA, CY, DEE)
    assert shop.duty() == (CY,)
    yield shop
    shop.close()


def served(shop: Whole) -> list[tuple[int, int, UserId | None]]:
    """List who was on, with neighbours joined."""
    rows = shop.rows("select start_ms, end_ms, \"user\" from served where part = 'facilitator' order by start_ms")
    found: list[tuple[int, int, UserId | None]] = []
    for start, end, user in rows:
        one = (int(str(start)), int(str(end)), None if user is None else UserId(str(user)))
        if found and found[-1][1:] == (one[0], one[2]):
            found[-1] = (found[-1][0], one[1], one[2])
        else:
            found.append(one)
    return found


def away_until(shop: Whole, at_ms: int) -> None:
    """Let the bot be away, and start again."""
    shop.at_ms = at_ms
    shop.restart()
    shop.settle()
    shop.ring()
    shop.carry_out()


def move(shop: Whole, user: UserId, membership: MembershipName, before: MembershipName, at_ms: int) -> None:
    shop.hear(
        Member(
            room=CIRCLE,
            id=EventId(f"${membership}{at_ms}"),
            sender=user,
            at_ms=at_ms,
            user=user,
            membership=membership,
            before=before,
        )
    )
    shop.ring()


def test_who_was_told_before_has_had_their_turn_though_the_bot_was_away(shop: Whole) -> None:
    away_until(shop, TONIGHT_MS + WEEK_MS + DAY_MS)
    assert served(shop) == [
        (START_MS, TONIGHT_MS, CY),
        (TONIGHT_MS, TONIGHT_MS + WEEK_MS, DEE),
        (TONIGHT_MS + WEEK_MS, shop.at_ms, ANA),
    ]


def test_who_never_heard_has_had_no_turn_and_the_next_one_is_theirs() -> None:
    shop = whole(ANA, CY, DEE, kept=rota(mode="fair", publish_ms=3 * DAY_MS))
    now, first = shop.duty()[0], shop.on("2026-12-02 12:00")
    (third,) = {ANA, CY, DEE} - {now, first}
    away_until(shop, TONIGHT_MS + 2 * WEEK_MS + DAY_MS)
    assert served(shop) == [
        (START_MS, TONIGHT_MS, now),
        (TONIGHT_MS, TONIGHT_MS + WEEK_MS, first),  # published three days ahead, and told of
        (TONIGHT_MS + WEEK_MS, shop.at_ms, None),
    ]
    # Of the turn that runs somebody hears now: it is that of who was never on.
    assert shop.duty() == (third,)
    shop.pass_time(TONIGHT_MS + 3 * WEEK_MS + HOUR_MS)
    assert served(shop)[-1] == (TONIGHT_MS + 2 * WEEK_MS + DAY_MS, TONIGHT_MS + 3 * WEEK_MS, third)
    shop.close()


def test_where_people_are_asked_only_who_was_asked_has_had_their_turn() -> None:
    shop = Whole(grove(circle(ANA, CY, DEE, kept=asking_rota(offer_ms=5 * DAY_MS))))
    shop.begin(EVE)
    shop.carry_out()
    now, first = shop.duty()[0], shop.on("2026-12-02 12:00")
    assert first is not None
    away_until(shop, TONIGHT_MS + 2 * WEEK_MS + DAY_MS)
    assert served(shop) == [
        (START_MS, TONIGHT_MS, now),
        (TONIGHT_MS, TONIGHT_MS + WEEK_MS, first),  # asked, and silent
        (TONIGHT_MS + WEEK_MS, shop.at_ms, None),  # published, and never asked
    ]
    shop.close()


def test_who_took_a_turn_has_had_it_also_when_it_began_while_the_bot_was_away() -> None:
    shop = Whole(grove(circle(ANA, CY, DEE, kept=asking_rota(offer_ms=5 * DAY_MS))))
    shop.begin(EVE)
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    shop.write(CY, "!take 8 Dec")
    shop.tap(CY, "yes")
    away_until(shop, TONIGHT_MS + 2 * WEEK_MS)
    assert (TONIGHT_MS + WEEK_MS, TONIGHT_MS + 2 * WEEK_MS, CY) in served(shop)
    shop.close()


def test_a_handoff_that_is_a_moment_late_leaves_no_hole(shop: Whole) -> None:
    shop.at_ms = TONIGHT_MS + 5_000
    shop.ring()
    shop.pass_time(TONIGHT_MS + WEEK_MS + HOUR_MS)
    assert [one[2] for one in served(shop)] == [CY, DEE]


def test_who_leaves_the_room_was_on_until_then(shop: Whole) -> None:
    shop.at_ms = START_MS + 2 * HOUR_MS
    move(shop, CY, "leave", "join", shop.at_ms)
    shop.pass_time(TONIGHT_MS + HOUR_MS)
    assert served(shop) == [(START_MS, START_MS + 2 * HOUR_MS, CY), (START_MS + 2 * HOUR_MS, TONIGHT_MS, None)]


def test_who_leaves_the_room_while_the_bot_is_away_was_on_until_then(shop: Whole) -> None:
    away_until(shop, START_MS + 5 * HOUR_MS)  # it starts, and then hears what happened meanwhile
    move(shop, CY, "leave", "join", START_MS + 2 * HOUR_MS)
    shop.pass_time(TONIGHT_MS + HOUR_MS)
    assert served(shop) == [(START_MS, START_MS + 2 * HOUR_MS, CY), (START_MS + 2 * HOUR_MS, TONIGHT_MS, None)]


def test_who_comes_back_is_on_again_from_then(shop: Whole) -> None:
    for hours, membership, before in ((1, "leave", "join"), (3, "join", "leave")):
        shop.at_ms = START_MS + hours * HOUR_MS
        move(shop, CY, membership, before, shop.at_ms)  # type: ignore[arg-type]
    shop.pass_time(TONIGHT_MS + HOUR_MS)
    assert served(shop) == [
        (START_MS, START_MS + HOUR_MS, CY),
        (START_MS + HOUR_MS, START_MS + 3 * HOUR_MS, None),
        (START_MS + 3 * HOUR_MS, TONIGHT_MS, CY),
    ]


def test_whose_time_on_the_list_ends_in_mid_turn_was_on_until_then(shop: Whole) -> None:
    ends = datetime.fromisoformat("2026-12-01 15:00")
    shop.use(grove(replace(circle(ANA, CY, DEE, kept=rota()), serving={CY: Serving(None, ends)})))
    away_until(shop, TONIGHT_MS + HOUR_MS)
    assert served(shop)[:2] == [
        (START_MS, at("2026-12-01 15:00"), CY),
        (at("2026-12-01 15:00"), TONIGHT_MS, None),
    ]
