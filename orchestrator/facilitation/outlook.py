"""What is coming, as it will happen: turns that are given, and those that come next after them. For previews and calendars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from orchestrator.model.cadence import Span

from .rota.assigning import assign
from .rota.resolving import resolve
from .rota.things import Ledger, Part, Plan, Stretch

RANK = {part: place for place, part in enumerate(Part)}


def outlook(plans: Sequence[Plan], ledger: Ledger, window: Span, now_ms: int) -> tuple[Stretch, ...]:
    """List who is on in a window in the rooms of one community, in order of start.

    A stretch of a shift is whole, also where it goes beyond the window; others are cut to it.

    Args:
        plans: of all rooms of the community that have a rota: whose turn it is in one depends on the others.
        ledger: what has been settled, about the window and what lies before it.
        window: what to look at. Turns that nobody was given yet are given from its start on, so it should not begin later
            than now where something has been settled before.
        now_ms: what lies before is history.
    """
    shifts = assign(plans, ledger, window)
    hull = Span(
        min([window.start_ms, *(shift.slot.span.start_ms for shift in shifts)]),
        max([window.end_ms, *(shift.slot.span.end_ms for shift in shifts)]),
    )
    found = []
    for place, plan in enumerate(plans):
        for stretch in _joined(resolve(plan, shifts, ledger, hull, now_ms)):
            shown = stretch if stretch.shift is not None else replace(stretch, span=_cut(stretch.span, window))
            if shown.span.start_ms < window.end_ms and window.start_ms < shown.span.end_ms:
                found.append((shown.span.start_ms, place, RANK[shown.part], shown))
    found.sort(key=lambda one: one[:3])
    return tuple(stretch for *_order, stretch in found)


def _joined(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    """Join what only differs in what decided it: of a turn that is running a part is history already."""
    last: Stretch | None = None
    for stretch in stretches:
        if last is not None and _goes_on(last, stretch):
            last = replace(last, span=Span(last.span.start_ms, stretch.span.end_ms))
            continue
        if last is not None:
            yield last
        last = stretch
    if last is not None:
        yield last


def _goes_on(one: Stretch, following: Stretch) -> bool:
    return (
        one.part is following.part
        and one.user == following.user
        and one.shift == following.shift
        and one.span.end_ms == following.span.start_ms
    )


def _cut(span: Span, window: Span) -> Span:
    return Span(max(span.start_ms, window.start_ms), min(span.end_ms, window.end_ms))
