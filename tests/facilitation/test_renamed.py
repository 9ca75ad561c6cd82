"""A room or a community that goes by another key now: turns, questions and marks go with it, and nothing is said twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.documents.declared import Documents
from orchestrator.facilitation.records.ledger import ledger_of
from orchestrator.facilitation.records.shifts import State, shifts_of
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from orchestrator.store import bindings

from .consent import ANA, CONTROL, CY, DAY_MS, DEE, EVE, HOUR_MS, TUESDAY, asking_rota, at, circle, direct, grove
from .whole import Whole

KEPT = asking_rota(offer_ms=10 * DAY_MS, reminders_ms=(3 * DAY_MS,))

ROOM, COMMUNITY, BOTH = "the room", "the community", "both"
RENAMES = pytest.mark.parametrize("what", [ROOM, COMMUNITY, BOTH])


@pytest.fixture
def shop() -> Iterator[Whole]:
    shop = Whole(grove(circle(ANA, CY, DEE, kept=KEPT)))
    shop.begin(EVE)
    shop.carry_out()
    yield shop
    shop.close()


def rename(shop: Whole, what: str) -> tuple[CommunityKey, RoomKey]:
    """Let the author give another key, and the bot follow."""
    (before,) = shop.documents.communities
    room = RoomKey("evening" if what != COMMUNITY else TUESDAY)
    key = CommunityKey("wood" if what != ROOM else before.key)
    rooms = tuple(
        replace(one, key=room, community=key, previously=(TUESDAY,) if room != TUESDAY else ()) for one in before.rooms
    )
    after = replace(before, key=key, rooms=rooms, previously=(before.key,) if key != before.key else ())
    for old, new in zip(before.every_room(), after.every_room(), strict=True):
        shop.run(bindings.rename, (before.key, old.key), (after.key, new.key))
    shop.use(Documents(communities=(after,)))
    for _time in range(2):
        shop.settle()
        shop.ring()
        shop.carry_out()
    return key, room


@RENAMES
def test_who_is_asked_about_a_turn_is_still_heard(shop: Whole, what: str) -> None:
    assert shop.asked_of(DEE)
    community, room = rename(shop, what)
    shop.tap(DEE, "yes")
    (found,) = [one for one in shop.run(shifts_of, community) if one.shift.slot.span.start_ms == at("2026-12-01 19:00")]
    assert (found.shift.slot.room, found.shift.user, found.state) == (room, DEE, State.ACCEPTED)
    assert shop.told(direct(DEE))[-1].startswith("Thank you!")


@RENAMES
def test_a_swap_that_is_asked_for_can_be_taken_still(shop: Whole, what: str) -> None:
    shop.tap(DEE, "yes")
    shop.write(DEE, "!swap 1 Dec")
    shop.tap(DEE, "yes")
    community, room = rename(shop, what)
    shop.tap(CY, "take", CONTROL)
    shop.pass_time(at("2026-12-01 19:30"))
    assert CY in shop.powers()
    assert shop.run(ledger_of, community).overrides[0].room == room


@RENAMES
def test_what_was_is_written_down_as_it_was(shop: Whole, what: str) -> None:
    shop.tap(DEE, "yes")
    shop.write(DEE, "!swap 1 Dec")
    shop.tap(DEE, "yes")
    shop.tap(CY, "take", CONTROL)
    shop.at_ms = at("2026-12-01 19:00") + 2 * HOUR_MS  # nothing was at work when it began
    community, room = rename(shop, what)
    shop.at_ms += HOUR_MS
    shop.settle()
    served = [one for one in shop.run(ledger_of, community).served if one.span.start_ms == at("2026-12-01 19:00")]
    assert [(one.room, one.user) for one in served] == [(room, CY)]


@RENAMES
def test_nobody_is_reminded_or_told_anew(shop: Whole, what: str) -> None:
    shop.tap(DEE, "yes")
    shop.pass_time(at("2026-11-30 12:00"))
    shop.heard.clear()
    rename(shop, what)
    shop.pass_time(at("2026-12-01 18:00"))
    told: dict[UserId | str, list[str]] = {
        who: lines
        for who, lines in shop.heard.items()
        if any("reminder" in line or "changed" in line for line in lines)
    }
    assert told == {}


@RENAMES
def test_who_is_away_stays_away(shop: Whole, what: str) -> None:
    shop.write(CY, "!away 7-20 Dec")
    shop.tap(CY, "yes")
    community, _room = rename(shop, what)
    assert shop.run(ledger_of, community).away[CY]
