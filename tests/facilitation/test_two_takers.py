"""Two who take one turn in the same breath, with a kill in between: one has it, and the other hears kindly who was first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.facilitation.records.overrides import State
from orchestrator.model.batch import RoomUpdate, SyncBatch
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.events import Event, Message, Reaction
from orchestrator.model.ids import EventId, RoomId, UserId

from .consent import ANA, CONTROL, CY, DAY_MS, DEE, EVE, Circle, asking_rota, circle, direct, grove

EIGHTH = "2026-12-09 12:00"


@pytest.fixture
def shop() -> Iterator[Circle]:
    """Ana hands on the turn from 8 December on; Cy and Dee could take it."""
    shop = Circle(grove(circle(ANA, CY, DEE, kept=asking_rota(accept_within_ms=None))))
    shop.begin(EVE)
    shop.write(ANA, "!swap 8 Dec")
    shop.tap(ANA, "yes")
    shop.carry_out()
    yield shop
    shop.close()


def tapped(shop: Circle, user: UserId, choice: str, where: RoomId) -> Reaction:
    """What the server tells of a tap under the last question that offers it."""
    found = [one for one in shop.asked(where) if choice in {each.means for each in one.choices}]
    question = max(found, key=lambda one: int(one.event.removeprefix("$sent")))
    key = next(each.key for each in question.choices if each.means == choice)
    return Reaction(
        room=where, id=EventId(f"$tap{user}"), sender=user, at_ms=shop.at_ms, target=question.event, key=key
    )


def arrives(shop: Circle, events: list[Event]) -> None:
    """Let one answer of the server bring it all: first to a bot that dies over it, then whole, and then once more."""
    rooms: dict[RoomId, list[Event]] = {}
    for event in events:
        rooms.setdefault(event.room, []).append(event)
    updates = tuple(RoomUpdate(room=room, membership="join", timeline=tuple(line)) for room, line in rooms.items())
    batch = SyncBatch(since="s", until="s-after", rooms=updates)
    before = shop.everything()
    shop.turn(lambda intake, turn: intake.take(turn, batch, catching_up=False), crash=True)
    assert shop.everything() == before
    for _time in range(2):
        shop.turn(lambda intake, turn: intake.take(turn, batch, catching_up=False))
        shop.restart()  # killed before anything is said
        shop.settle()
        shop.ring()


def one_has_it(shop: Circle, first: UserId, second: UserId) -> None:
    assert shop.on(EIGHTH) == first
    assert [one.taker for one in shop.changes(State.TAKEN)] == [first]
    assert shop.changes(State.OPEN) == []
    shop.pass_time(shop.at_ms + DAY_MS)
    assert shop.on(EIGHTH) == first
    assert second not in {one.taker for one in shop.changes()}


BOTH_WAYS = pytest.mark.parametrize(("first", "second"), [(CY, DEE), (DEE, CY)])


@BOTH_WAYS
def test_two_who_were_asked_back_in_private(shop: Circle, first: UserId, second: UserId) -> None:
    for user in (first, second):
        shop.write(user, "!take 8 Dec")
    taps: list[Event] = [tapped(shop, user, "yes", direct(user)) for user in (first, second)]
    shop.heard.clear()
    arrives(shop, taps)
    shop.carry_out()
    assert shop.heard[direct(first)] == [
        "Thank you! You are on for Tuesday circle, Tuesday 8 December, 19:00 to Tuesday 15 December, 19:00."
    ]
    assert shop.heard[direct(second)] == [
        (
            f"Thank you for offering! {first} was first: Tuesday circle is taken care of, Tuesday 8 December, 19:00 to Tuesday"
            " 15 December, 19:00."
        )
    ]
    one_has_it(shop, first, second)


@BOTH_WAYS
def test_two_who_tap_the_same_words(shop: Circle, first: UserId, second: UserId) -> None:
    taps: list[Event] = [tapped(shop, user, "take", CONTROL) for user in (first, second)]
    shop.heard.clear()
    arrives(shop, taps)
    shop.carry_out()
    # Both read who has it under what both tapped.
    assert [line for line in shop.heard[CONTROL] if "Thank you" in line] == [
        f"{first} takes Tuesday circle, Tuesday 8 December, 19:00 to Tuesday 15 December, 19:00. Thank you!"
    ]
    one_has_it(shop, first, second)


@BOTH_WAYS
def test_one_who_taps_and_one_who_confirmed(shop: Circle, first: UserId, second: UserId) -> None:
    shop.write(second, "!take 8 Dec")
    late = tapped(shop, second, "yes", direct(second))
    shop.heard.clear()
    arrives(shop, [tapped(shop, first, "take", CONTROL), late])
    shop.carry_out()
    (said,) = shop.heard[direct(second)]
    assert said.startswith(f"Thank you for offering! {first} was first")
    one_has_it(shop, first, second)


@BOTH_WAYS
def test_two_who_take_over_what_runs(shop: Circle, first: UserId, second: UserId) -> None:
    (runs,) = {one.user for one in shop.view().stretches if shop.at_ms in one.span}
    people = [user for user in (first, second, ANA) if user != runs][:2]
    written: list[Event] = [
        Message(
            room=direct(user),
            id=EventId(f"$said{user}"),
            sender=user,
            at_ms=shop.at_ms,
            kind="m.text",
            body="!take now",
        )
        for user in people
    ]
    shop.heard.clear()
    arrives(shop, written)
    shop.carry_out()
    assert [one.taker for one in shop.changes(State.TAKEN)] == people[:1]
    assert shop.on("2026-12-01 12:01") == people[0]
    (said,) = shop.heard[direct(people[1])]
    assert said.startswith(f"Thank you for offering! {people[0]} was first")
    shop.at_ms += MINUTE_MS
    shop.write(people[1], "!take now")  # they mean it
    assert shop.on("2026-12-01 12:02") == people[1]
