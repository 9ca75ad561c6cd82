"""The resolver against a walk minute by minute, over rotas and mishaps made up at random, where clocks are awkward.

``ROTA_STORIES`` says how many (a few by default); where it is set, two whole years are walked in every zone besides.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise

import pytest

from orchestrator.facilitation.rota.assigning import slots
from orchestrator.facilitation.rota.resolving import next_change_ms, on_at, resolve
from orchestrator.facilitation.rota.things import Part, Why
from orchestrator.model.cadence import Span
from tests.facilitation.rota.naive import Walk, wall
from tests.facilitation.rota.stories import ZONES, Story, story
from tests.schedule.oracle import DAY_MINUTES, MINUTE_MS, transitions

STORIES = int(os.environ.get("ROTA_STORIES", "0"))
BATCHES = max(5, STORIES // 100)
LEAD_MINUTES = 16 * DAY_MINUTES
TWO_YEARS = (28_401_120, 28_401_120 + 731 * DAY_MINUTES)
"""2024 and 2025, in UTC minutes."""

PIECE_MS = 15 * DAY_MINUTES * MINUTE_MS

Minutes = dict[int, tuple[str | None, str]]


def walked(walk: Walk, part: Part, window: Span) -> Minutes:
    found = {}
    for minute in range(window.start_ms // MINUTE_MS, window.end_ms // MINUTE_MS):
        if (who := walk.who(part, minute)) is not None:
            found[minute] = who
    return found


def resolved(told: Story, part: Part, window: Span) -> Minutes:
    found: Minutes = {}
    stretches = [one for one in resolve(told.plan, told.shifts, told.ledger, window, told.now_ms) if one.part is part]
    for one, following in pairwise(stretches):
        assert one.span.end_ms <= following.span.start_ms
    for one in stretches:
        assert window.start_ms <= one.span.start_ms < one.span.end_ms <= window.end_ms
        assert (one.user is None) <= (one.why in {Why.GAP, Why.HISTORY})
        for minute in range(one.span.start_ms // MINUTE_MS, one.span.end_ms // MINUTE_MS):
            found[minute] = one.user, str(one.why)
    return found


def judge(told: Story) -> None:
    parts = {Part.FACILITATOR, *(shift.slot.part for shift in told.shifts), *(one.part for one in told.ledger.served)}
    for window in pieces(told.window):
        from_minute, until_minute = window.start_ms // MINUTE_MS, window.end_ms // MINUTE_MS
        day = from_minute // DAY_MINUTES * DAY_MINUTES
        clock = wall(told.zone, day - LEAD_MINUTES, max(until_minute, day + 3 * DAY_MINUTES) + 3 * DAY_MINUTES)
        near = [one for one in told.shifts if one.slot.span.start_ms < window.end_ms]
        near = [one for one in near if one.slot.span.end_ms > window.start_ms]
        walk = Walk(told.plan, tuple(near), told.ledger, told.now_ms, clock)
        for part in parts:
            expected, found = walked(walk, part, window), resolved(told, part, window)
            if expected != found:
                at = min(m for m in expected.keys() | found.keys() if expected.get(m) != found.get(m))
                pytest.fail(f"{told.zone} {part} at minute {at}: {found.get(at)} instead of {expected.get(at)}")


def pieces(window: Span) -> Iterator[Span]:
    start_ms = window.start_ms
    while start_ms < window.end_ms:
        yield Span(start_ms, min(start_ms + PIECE_MS, window.end_ms))
        start_ms += PIECE_MS


@pytest.mark.parametrize("batch", range(BATCHES))
def test_at_every_minute_the_resolver_says_what_a_walk_by_the_minute_finds(batch: int) -> None:
    for seed in range(batch, STORIES or 60, BATCHES):
        try:
            judge(story(seed))
        except BaseException as error:
            error.add_note(f"story {seed}")
            raise


@pytest.mark.parametrize("zone", ZONES)
def test_turns_of_layers_share_out_time_as_the_wall_shows_it(zone: str) -> None:
    for seed in range(max(2, STORIES // 50)):
        told = story(1_000_000 + seed, zone)
        from_minute, until_minute = told.window.start_ms // MINUTE_MS, told.window.end_ms // MINUTE_MS
        clock = wall(zone, from_minute - LEAD_MINUTES, until_minute + 3 * DAY_MINUTES)
        walk = Walk(told.plan, (), told.ledger, told.now_ms, clock)
        expected = {minute: walk.layer(minute) for minute in range(from_minute, until_minute)}
        found: dict[int, str | None] = dict.fromkeys(range(from_minute, until_minute))
        for slot in slots(told.plan, told.window):
            if slot.part is Part.FACILITATOR:
                for minute in range(slot.span.start_ms // MINUTE_MS, slot.span.end_ms // MINUTE_MS):
                    if minute in found:
                        assert found[minute] is None, "two turns at one time"
                        found[minute] = slot.layer
        assert found == expected, (zone, seed)


@pytest.mark.parametrize("zone", ZONES)
def test_two_years_hold_no_gap_and_no_overlap_that_the_wall_does_not_show(zone: str) -> None:
    years = TWO_YEARS
    if STORIES:
        judge(story(7, zone, years[0], years[1] - years[0]))
        return
    for minute in transitions(zone)[-2:]:
        judge(story(minute, zone, minute))


def test_asking_for_one_instant_or_the_next_change_answers_as_the_whole_does() -> None:
    for seed in range(60):
        told = story(seed)
        # From the middle on: what was is known up to now.
        at_ms = told.window.start_ms + DAY_MINUTES // 2 * MINUTE_MS
        whole = list(resolve(told.plan, told.shifts, told.ledger, Span(at_ms, told.window.end_ms), at_ms))
        on = on_at(told.plan, told.shifts, told.ledger, at_ms)
        assert {part: (one.user, one.why) for part, one in on.items()} == {
            one.part: (one.user, one.why) for one in whole if at_ms in one.span
        }
        edges = {edge for one in whole for edge in (one.span.start_ms, one.span.end_ms)}
        following = next_change_ms(told.plan, told.shifts, told.ledger, at_ms)
        later = min((edge for edge in edges if at_ms < edge < told.window.end_ms), default=None)
        if later is not None:
            assert following == later, seed
        else:
            assert following is None or following >= told.window.end_ms
