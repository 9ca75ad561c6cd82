"""What was done is known for a while, and then no more."""

from __future__ import annotations

import pytest

from orchestrator.model.effects import AnyEffect, CreateRoom, Outcome, SendDirect, SetMembership
from orchestrator.model.feature import Tx
from orchestrator.model.ids import CommunityKey, EventId, RoomId, RoomKey
from orchestrator.store import bindings, journal, outbox
from tests.declared import ME

from .sync import rolled_back
from .words import CY, ROOM, send

PRIVATE = RoomId("!with-cy")


def did(tx: Tx, craft: str, at_ms: int, *, private: bool = False) -> None:
    effect = SendDirect(step="s", user=CY, content={}) if private else send("Hello.")
    cause = outbox.record(tx, f"${craft}{at_ms}", craft, effect, at_ms)
    assert cause is not None
    outbox.finish(tx, cause, "done", at_ms, event=EventId("$e"), room=PRIVATE if private else ROOM)


def done(tx: Tx, effect: AnyEffect, at_ms: int, *, outcome: Outcome = "done") -> None:
    cause = outbox.record(tx, f"${effect.step}{at_ms}", "craft", effect, at_ms)
    assert cause is not None
    outbox.finish(tx, cause, outcome, at_ms)


def known(tx: Tx) -> list[tuple[object, object]]:
    rows = tx.rows("select craft, at_ms from journal where account = :account order by at_ms")
    return [(row["craft"], row["at_ms"]) for row in rows]


def test_what_was_done_before_a_time_is_forgotten() -> None:
    def work(tx: Tx) -> None:
        did(tx, "culture", 1)
        did(tx, "prompts", 2)
        journal.forget(tx, 2)
        assert known(tx) == [("prompts", 2)]

    rolled_back(work)


def test_one_craft_may_forget_sooner() -> None:
    def work(tx: Tx) -> None:
        did(tx, "culture", 1)
        did(tx, "prompts", 1)
        journal.forget_of(tx, "culture", 2)
        assert known(tx) == [("prompts", 1)]

    rolled_back(work)


@pytest.mark.parametrize("closed", [False, True])
def test_what_was_said_in_private_is_forgotten_sooner_than_what_was_said_in_rooms(closed: bool) -> None:
    def work(tx: Tx) -> None:
        bindings.bind(tx, CommunityKey("grove"), RoomKey("tuesday"), ROOM, "made")
        bindings.set_direct(tx, CY, PRIVATE)
        did(tx, "belonging", 1, private=True)
        done(tx, send("An answer.", step="answer", room=PRIVATE), 2)
        done(tx, SetMembership(step=f"accept:{CY}:{PRIVATE}", room=PRIVATE, user=ME, membership="join"), 2)
        done(tx, CreateRoom(step="direct", locator="l", body={}, user=CY), 2)
        done(tx, SendDirect(step="why", user=CY, content={}), 2, outcome="expired")
        did(tx, "prompts", 1)
        did(tx, "belonging", 9, private=True)
        if closed:
            bindings.drop_direct(tx, PRIVATE)
        journal.forget_private(tx, 5)
        assert known(tx) == [("prompts", 1), ("belonging", 9)]

    rolled_back(work)


def test_what_was_done_about_a_room_that_was_to_be_made_is_not_private() -> None:
    def work(tx: Tx) -> None:
        tuesday = CreateRoom(step="c", locator="l", body={}, community=CommunityKey("grove"), key=RoomKey("tuesday"))
        done(tx, tuesday, 1, outcome="refused")
        journal.forget_private(tx, 5)
        assert known(tx) == [("craft", 1)]

    rolled_back(work)
