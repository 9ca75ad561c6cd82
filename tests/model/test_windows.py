"""What happened in the last minutes: staged with a batch, kept only when the batch was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.windows import KEEP_MS, MOST_PER_KEY, Windows

SPOKE = ("spoke", "!tuesday")


def test_a_staged_mark_counts_at_once() -> None:
    windows = Windows()
    windows.stage(SPOKE, 10, "ana")
    assert windows.since(SPOKE, 10) == [(10, "ana")]
    assert windows.since(SPOKE, 11) == []
    assert windows.since(("spoke", "!lounge"), 0) == []


def test_a_mark_stays_when_its_batch_was_committed() -> None:
    windows = Windows()
    windows.stage(SPOKE, 10, "ana")
    windows.publish()
    windows.discard()
    assert windows.since(SPOKE, 0) == [(10, "ana")]


def test_a_mark_is_gone_when_its_batch_was_rolled_back() -> None:
    windows = Windows()
    windows.stage(SPOKE, 10, "ana")
    windows.publish()
    windows.stage(SPOKE, 11, "bo")
    windows.discard()
    windows.publish()
    assert windows.since(SPOKE, 0) == [(10, "ana")]


def test_what_is_older_than_an_hour_is_dropped() -> None:
    windows = Windows()
    for at_ms in (0, 1, KEEP_MS, KEEP_MS + 1):
        windows.stage(SPOKE, at_ms, "ana")
    windows.publish()
    assert windows.since(SPOKE, 0) == [(at_ms, "ana") for at_ms in (1, KEEP_MS, KEEP_MS + 1)]


def test_a_flood_takes_no_more_memory_than_a_talk() -> None:
    windows = Windows()
    for n in range(MOST_PER_KEY + 50):
        windows.stage(SPOKE, n, "ana")
    windows.publish()
    assert windows.since(SPOKE, 0) == [(n, "ana") for n in range(50, MOST_PER_KEY + 50)]


def test_a_room_where_nothing_happens_any_more_is_swept_away() -> None:
    windows = Windows()
    for room, at_ms in (("!old", 0), ("!new", KEEP_MS)):
        windows.stage(("spoke", room), at_ms, "ana")
    windows.publish()
    windows.sweep(KEEP_MS + 1)
    assert windows.since(("spoke", "!old"), 0) == []
    assert windows.since(("spoke", "!new"), 0) == [(KEEP_MS, "ana")]


def test_what_was_missed_and_read_later_does_not_sweep_away_what_is_new() -> None:
    windows = Windows()
    for at_ms in (KEEP_MS + 5, 0):
        windows.stage(SPOKE, at_ms, "ana")
    windows.publish()
    windows.sweep(KEEP_MS + 6)
    assert windows.since(SPOKE, 1) == [(KEEP_MS + 5, "ana")]


def test_what_was_never_heard_is_not_known_and_so_not_quiet() -> None:
    windows = Windows()
    assert not windows.is_known_since(SPOKE, 0)
    windows.known_since_ms[SPOKE] = 100
    assert not windows.is_known_since(SPOKE, 99)
    assert windows.is_known_since(SPOKE, 100)
    assert not windows.is_known_since(("spoke", "!lounge"), 100)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=30), st.integers(0, 60))
def test_the_window_holds_what_the_committed_batches_brought(batches: list[tuple[int, int]], start_ms: int) -> None:
    windows, kept = Windows(), list[tuple[int, str]]()
    for n, (fate, at_ms) in enumerate(batches):
        windows.stage(SPOKE, at_ms, str(n))
        if fate:
            windows.publish()
            kept.append((at_ms, str(n)))
        else:
            windows.discard()
    assert windows.since(SPOKE, start_ms) == [mark for mark in kept if mark[0] >= start_ms]
