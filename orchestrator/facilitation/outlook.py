"""What is coming, as it will happen: turns that are given, and those that come next after them. For previews and calendars."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS

from .rota.assigning import RANK, assign
from .rota.resolving import joined, resolve
from .rota.things import GaveWay, Ledger, Plan, Shift, Stretch


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
    shifts = _given(plans, ledger, window, now_ms)
    hull = Span(
        min([window.start_ms, *(shift.slot.span.start_ms for shift in shifts)]),
        max([window.end_ms, *(shift.slot.span.end_ms for shift in shifts)]),
    )
    found = []
    for place, plan in enumerate(plans):
        # Of a turn that is running a part is history already.
        for stretch in joined(resolve(plan, shifts, ledger, hull, now_ms)):
            shown = stretch.span if stretch.shift is not None else stretch.span.common(window)
            if shown is not None and shown.shares(window):
                found.append((shown.start_ms, place, RANK[stretch.part], replace(stretch, span=shown)))
    found.sort(key=lambda one: one[:3])
    return tuple(stretch for *_order, stretch in found)


def _given(plans: Sequence[Plan], ledger: Ledger, window: Span, now_ms: int) -> tuple[Shift, ...]:
    """Give turns as they will be published: in order of start, or in pieces where rooms publish at different times."""
    known = set(ledger.shifts)
    if len({plan.rota.publish_ms for plan in plans}) > 1:
        # What one room has given for later binds what another gives for sooner: so it is done day by day, as it will be.
        ledger = replace(ledger, shifts=(*ledger.shifts, *_day_by_day(plans, ledger, window, now_ms)))
    return tuple(_as_published(shift, known, now_ms) for shift in assign(plans, ledger, window))


def _day_by_day(plans: Sequence[Plan], ledger: Ledger, window: Span, now_ms: int) -> tuple[Shift, ...]:
    """List what will be published in a window, each day with what was before as facts."""
    found: tuple[Shift, ...] = ()
    for at_ms in range(now_ms, window.end_ms, DAY_MS):
        ahead_ms = {plan.room: at_ms + plan.rota.publish_ms for plan in plans}
        # A turn that nobody could have is tried again as long as it has not begun.
        found = tuple(shift for shift in found if shift.user is not None or shift.slot.span.start_ms <= at_ms)
        facts = (*ledger.shifts, *found)
        known = set(facts)
        shifts = assign(plans, replace(ledger, shifts=facts), Span(at_ms, max(ahead_ms.values())))
        found += tuple(
            _as_published(shift, known, at_ms)
            for shift in shifts
            if shift not in known and shift.slot.span.start_ms < ahead_ms.get(shift.slot.room, 0)
        )
    return found


def _as_published(shift: Shift, known: Collection[Shift], now_ms: int) -> Shift:
    """Leave to nobody what has begun and would have had to be asked."""
    begun = shift.slot.span.start_ms <= now_ms and shift not in known
    return replace(shift, user=None, gave_way=frozenset()) if begun and GaveWay.REST in shift.gave_way else shift
