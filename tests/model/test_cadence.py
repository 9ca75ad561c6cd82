"""Spans of time: half-open, and what two of them share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.cadence import EVER, Span

SPANS = st.builds(Span, st.integers(0, 12), st.integers(0, 12))


def _instants(span: Span) -> set[int]:
    return {at for at in range(13) if at in span}


@given(SPANS, SPANS)
def test_two_spans_share_the_instants_that_lie_in_both(one: Span, other: Span) -> None:
    both = _instants(one) & _instants(other)
    shared = one.common(other)
    assert (set() if shared is None else _instants(shared)) == both
    assert one.shares(other) is other.shares(one) is (shared is not None)


@given(SPANS, SPANS)
def test_a_span_covers_another_when_nothing_of_it_lies_outside(one: Span, other: Span) -> None:
    if one.covers(other):
        assert _instants(other) <= _instants(one)
    if _instants(other) and _instants(other) <= _instants(one):
        assert one.covers(other)


def test_all_of_time_begins_with_the_first_instant_and_has_no_end() -> None:
    assert 0 in EVER
    assert EVER.covers(Span(5, 1 << 60))
    assert Span.since(5).common(Span(0, 9)) == Span(5, 9)
    assert Span(3, 9).length_ms == 6
