"""Durable timers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.feature import Timer, Tx
from orchestrator.store import timers

from .sync import rolled_back


def timer(key: str = "slot:tuesday", due_ms: int = 100, craft: str = "prompts") -> Timer:
    return Timer(craft=craft, key=key, due_ms=due_ms, payload={"due_ms": due_ms})


def test_a_timer_that_is_set_again_moves() -> None:
    def work(tx: Tx) -> None:
        timers.set_timer(tx, timer(due_ms=100))
        timers.set_timer(tx, timer(due_ms=50))
        assert timers.timers_of(tx, "prompts") == [timer(due_ms=50)]
        assert timers.timer_of(tx, "prompts", "slot:tuesday") == timer(due_ms=50)
        assert timers.next_due_ms(tx) == 50

    rolled_back(work)


def test_a_timer_is_due_at_its_time_and_not_before() -> None:
    def work(tx: Tx) -> None:
        timers.set_timer(tx, timer(due_ms=100))
        assert timers.due_timers(tx, 99) == []
        assert timers.due_timers(tx, 100) == [timer(due_ms=100)]

    rolled_back(work)


def test_a_timer_is_cleared_once() -> None:
    def work(tx: Tx) -> None:
        assert timers.next_due_ms(tx) is None
        timers.set_timer(tx, timer())
        assert not timers.clear_timer(tx, "facilitation", "slot:tuesday")
        assert timers.clear_timer(tx, "prompts", "slot:tuesday")
        assert not timers.clear_timer(tx, "prompts", "slot:tuesday")
        assert timers.next_due_ms(tx) is None

    rolled_back(work)


def test_a_crafts_timers_are_found_by_how_their_key_begins() -> None:
    def work(tx: Tx) -> None:
        for key in ("slot:b", "slot:a", "slots", "SLOT:c", "handoff:%", "slot_x"):
            timers.set_timer(tx, timer(key))
        timers.set_timer(tx, timer("slot:theirs", craft="culture"))
        assert [one.key for one in timers.timers_of(tx, "prompts", "slot:")] == ["slot:a", "slot:b"]
        assert [one.key for one in timers.timers_of(tx, "prompts", "handoff:%")] == ["handoff:%"]
        assert timers.timer_of(tx, "prompts", "slot:") is None
        assert len(timers.timers_of(tx, "prompts")) == 6

    rolled_back(work)


@given(st.lists(st.integers(0, 20), max_size=12), st.integers(0, 20), st.integers(1, 5))
def test_what_is_due_comes_earliest_first_and_a_few_at_a_time(dues: list[int], now_ms: int, limit: int) -> None:
    def work(tx: Tx) -> None:
        for n, due_ms in enumerate(dues):
            timers.set_timer(tx, timer(f"{n:02}", due_ms))
        due = sorted((due_ms, f"{n:02}") for n, due_ms in enumerate(dues) if due_ms <= now_ms)
        assert [(one.due_ms, one.key) for one in timers.due_timers(tx, now_ms, limit)] == due[:limit]
        assert timers.next_due_ms(tx) == min(dues, default=None)

    rolled_back(work)
