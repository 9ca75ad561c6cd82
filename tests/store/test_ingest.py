"""Where we are, what was missed, and what could not be read yet."""

from __future__ import annotations

from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, RoomId
from orchestrator.store import ingest
from orchestrator.store.ingest import Gap, Late

from .sync import rolled_back
from .words import ROOM

LOUNGE = RoomId("!lounge")


def test_at_the_very_start_there_is_no_cursor() -> None:
    def work(tx: Tx) -> None:
        assert ingest.cursor(tx) is None
        ingest.set_cursor(tx, "s1")
        ingest.set_cursor(tx, "s2")
        ingest.set_cursor(tx, "t7", kind="transaction")
        assert (ingest.cursor(tx), ingest.cursor(tx, "transaction")) == ("s2", "t7")

    rolled_back(work)


def test_a_gap_grows_only_at_its_newer_end() -> None:
    def work(tx: Tx) -> None:
        ingest.open_gap(tx, ROOM, "s1", "s2", 1)
        ingest.open_gap(tx, ROOM, "s2", "s3", 2)
        assert ingest.gap_in(tx, ROOM) == Gap(ROOM, "s1", "s3")
        assert ingest.gap_in(tx, LOUNGE) is None

    rolled_back(work)


def test_gaps_are_listed_oldest_first() -> None:
    def work(tx: Tx) -> None:
        ingest.open_gap(tx, ROOM, "s5", "s6", 9)
        ingest.open_gap(tx, LOUNGE, "s1", "s2", 3)
        ingest.open_gap(tx, LOUNGE, "s2", "s4", 12)
        assert [gap.room for gap in ingest.gaps(tx)] == [LOUNGE, ROOM]

    rolled_back(work)


def test_a_gap_that_was_read_to_its_end_closes_and_what_was_decided_is_remembered_for_a_while() -> None:
    def work(tx: Tx) -> None:
        ingest.open_gap(tx, ROOM, "s1", "s2", 1)
        ingest.note_decided(tx, ROOM, EventId("$1"), 5)
        ingest.note_decided(tx, LOUNGE, EventId("$1"), 5)
        assert ingest.close_gap(tx, Gap(ROOM, "s1", "s2"))
        assert ingest.gaps(tx) == []
        assert ingest.was_decided(tx, ROOM, EventId("$1"))
        assert ingest.close_gap(tx, Gap(ROOM, "s1", "s2"))
        assert ingest.drop_old_decided(tx, 5) == 0
        assert ingest.drop_old_decided(tx, 6) == 2
        assert not ingest.was_decided(tx, ROOM, EventId("$1"))

    rolled_back(work)


def test_a_gap_that_grew_while_it_was_read_stays_open_for_the_rest() -> None:
    def work(tx: Tx) -> None:
        ingest.open_gap(tx, ROOM, "s1", "s2", 1)
        reading = Gap(ROOM, "s1", "s2")
        ingest.note_decided(tx, ROOM, EventId("$1"), 5)
        ingest.open_gap(tx, ROOM, "s2", "s3", 2)
        assert not ingest.close_gap(tx, reading)
        assert ingest.gap_in(tx, ROOM) == Gap(ROOM, "s2", "s3")
        assert ingest.was_decided(tx, ROOM, EventId("$1"))
        assert ingest.close_gap(tx, Gap(ROOM, "s2", "s3"))

    rolled_back(work)


def test_an_event_is_remembered_as_decided_once() -> None:
    def work(tx: Tx) -> None:
        assert not ingest.was_decided(tx, ROOM, EventId("$1"))
        ingest.note_decided(tx, ROOM, EventId("$1"), 5)
        ingest.note_decided(tx, ROOM, EventId("$1"), 5)
        assert ingest.was_decided(tx, ROOM, EventId("$1"))
        assert not ingest.was_decided(tx, LOUNGE, EventId("$1"))

    rolled_back(work)


def test_an_event_whose_key_is_missing_is_decided_once() -> None:
    def work(tx: Tx) -> None:
        late = Late(ROOM, EventId("$1"), "session")
        ingest.keep_late(tx, late, 5)
        ingest.keep_late(tx, late, 9)
        assert ingest.lates(tx) == [late]
        assert ingest.drop_late(tx, ROOM, EventId("$1"))
        assert not ingest.drop_late(tx, ROOM, EventId("$1"))
        assert ingest.lates(tx) == []

    rolled_back(work)


def test_what_could_never_be_read_is_given_up_after_its_time() -> None:
    def work(tx: Tx) -> None:
        for n in range(5):
            ingest.keep_late(tx, Late(ROOM, EventId(f"${n}"), "session"), n)
        assert ingest.drop_old_lates(tx, 3) == 3
        assert [late.event for late in ingest.lates(tx)] == ["$3", "$4"]
        assert ingest.drop_old_lates(tx, 3) == 0

    rolled_back(work)
