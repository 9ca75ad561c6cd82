"""What was done is known for a while, and then no more."""

from __future__ import annotations

from orchestrator.model.effects import SendDirect
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, RoomId
from orchestrator.store import bindings, journal, outbox

from .sync import rolled_back
from .words import CY, ROOM, send

PRIVATE = RoomId("!with-cy")


def did(tx: Tx, craft: str, at_ms: int, *, private: bool = False) -> None:
    effect = SendDirect(step="s", user=CY, content={}) if private else send("Hello.")
    cause = outbox.record(tx, f"${craft}{at_ms}", craft, effect, at_ms)
    assert cause is not None
    outbox.finish(tx, cause, "done", at_ms, event=EventId("$e"), room=PRIVATE if private else ROOM)


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


def test_what_was_said_in_private_is_forgotten_sooner_than_what_was_said_in_rooms() -> None:
    def work(tx: Tx) -> None:
        bindings.set_direct(tx, CY, PRIVATE)
        did(tx, "belonging", 1, private=True)
        did(tx, "prompts", 1)
        did(tx, "belonging", 9, private=True)
        journal.forget_private(tx, 5)
        assert known(tx) == [("prompts", 1), ("belonging", 9)]

    rolled_back(work)
