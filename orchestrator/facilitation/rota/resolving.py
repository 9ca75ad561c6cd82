"""Who is on when, out of all that is declared, given, changed and done: one answer for everything that asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from orchestrator.model.cadence import Span
from orchestrator.model.clock import FOREVER_MS

from .things import Ledger, Override, Part, Plan, Shift, Stretch
from .timeline import Sources, stretches


def resolve(plan: Plan, shifts: Iterable[Shift], ledger: Ledger, window: Span, now_ms: int) -> Iterator[Stretch]:
    """Tell who is on in one room, by part and in order of time, cut to the window.

    What was (before ``now_ms``) comes before a temporary schedule, that before overrides in the order in which they were
    made, those before the shifts (``assign``'s, of any rooms), those before the fallback; after that it is a gap: ``user``
    is None. Covered are exactly the turns that ``shifts`` fill, temporary schedules and what was; where there is a fallback,
    everything. A fallback and a temporary schedule are about facilitators: nobody is on beside them then.
    Nobody who is away is on, whatever else says so; only what was is not changed by that.
    """
    own = [shift for shift in shifts if shift.slot.room == plan.room]
    for part in Part:
        yield from stretches(Sources.of(plan, part, own, ledger, now_ms), window, now_ms)


def joined(found: Iterable[Stretch]) -> Iterator[Stretch]:
    """Join neighbours that only differ in what decided them."""
    last: Stretch | None = None
    for one in found:
        if (
            last is not None
            and (last.room, last.part, last.user, last.shift) == (one.room, one.part, one.user, one.shift)
            and last.span.end_ms == one.span.start_ms
        ):
            last = replace(last, span=Span(last.span.start_ms, one.span.end_ms))
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def on_at(plan: Plan, shifts: Iterable[Shift], ledger: Ledger, at_ms: int) -> Mapping[Part, Stretch]:
    """Tell who is on at an instant (which is now) in each part that there is then, each with the rest of its stretch.

    A stretch ends where something else decides at the latest, or where ``shifts`` end.
    """
    window = Span.since(at_ms)
    own = [shift for shift in shifts if shift.slot.room == plan.room]
    first = {part: next(stretches(Sources.of(plan, part, own, ledger, at_ms), window, at_ms), None) for part in Part}
    return {part: one for part, one in first.items() if one is not None and at_ms in one.span}


def next_change_ms(plan: Plan, shifts: Iterable[Shift], ledger: Ledger, after_ms: int) -> int | None:
    """Find the first instant after one (which is now) at which a stretch of any part of a room begins or ends.

    None: as far as ``shifts`` reach nothing changes any more.
    """
    window = Span.since(after_ms)
    own = [shift for shift in shifts if shift.slot.room == plan.room]
    found = []
    for part in Part:
        for stretch in stretches(Sources.of(plan, part, own, ledger, after_ms), window, after_ms):
            found.append(stretch.span.start_ms if stretch.span.start_ms > after_ms else stretch.span.end_ms)
            break
    return min((at_ms for at_ms in found if at_ms < FOREVER_MS), default=None)


def conflict(override: Override, existing: Iterable[Override]) -> str | None:
    """Name an override that is about the same person as a new one, as giver or as taker, in the same part and time."""
    for other in existing:
        if (
            other.id != override.id
            and (other.room, other.part) == (override.room, override.part)
            and other.span.shares(override.span)
            and (
                (other.giver is not None and other.giver == override.giver)
                or (other.taker is not None and other.taker == override.taker)
            )
        ):
            return other.id
    return None
