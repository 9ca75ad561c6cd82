"""Which turns there are, and to whom each is given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from orchestrator.documents.declared import RotaLayer
from orchestrator.model.cadence import Span, Weekday
from orchestrator.model.ids import RoomKey
from orchestrator.schedule import merge, subtract, turns

from .book import Book
from .picking import best
from .things import Ledger, Part, Plan, Shift, Slot
from .timeline import temporary_span

RANK = {part: place for place, part in enumerate(Part)}


def slots(plan: Plan, window: Span) -> Iterator[Slot]:
    """List every turn of every layer and part that shares time with a window, whole, in order of start.

    A lower layer gets what the higher ones left: its turns are cut, and each piece is a turn of its own. Without people on
    the rota the turns are the same; nobody can have them.
    """
    parts = [Part.FACILITATOR]
    if plan.rota.co_facilitator:
        parts.append(Part.CO)
    if plan.shadows:
        parts.append(Part.SHADOW)
    found = []
    for place, layer in enumerate(plan.rota.layers):
        for span, weight in _pieces(plan, place, window):
            found += [Slot(span, plan.room, part, layer.name, weight) for part in parts]
    found.sort(key=lambda slot: (slot.span.start_ms, RANK[slot.part]))
    yield from found


def assign(plans: Sequence[Plan], ledger: Ledger, window: Span) -> tuple[Shift, ...]:
    """Give every turn in a window to somebody, for the rooms of one community together, in order of start.

    What ``ledger.shifts`` has in the window stands as it is, whatever the plans say by now, and has its time; only what it
    leaves is given. So what comes after depends on nothing but what came before, and a window may be done in pieces, each
    with what the ones before gave as facts. A turn that lies wholly in a temporary schedule is given to nobody and left out:
    it would count as somebody's without being it. Where nobody can, ``user`` is None.
    """
    book = Book(plans, ledger)
    facts = [shift for shift in ledger.shifts if shift.slot.span.shares(window)]
    taken: defaultdict[tuple[RoomKey, Part], list[Span]] = defaultdict(list)
    for shift in ledger.shifts:
        taken[shift.slot.room, shift.slot.part].append(shift.slot.span)
    by_room = {plan.room: plan for plan in plans}
    places = {plan.room: place for place, plan in enumerate(plans)}
    open_slots = [
        one
        for plan in plans
        for slot in _unplanned(plan, slots(plan, window))
        for one in _left(slot, taken.get((slot.room, slot.part), []), window)
    ]
    open_slots.sort(key=lambda slot: (slot.span.start_ms, RANK[slot.part], places[slot.room]))
    given = []
    for slot in open_slots:
        found = best(by_room[slot.room], slot, book)
        shift = (
            Shift(slot=slot, user=None) if found is None else Shift(slot=slot, user=found.user, gave_way=found.gave_way)
        )
        book.add(shift)
        given.append(shift)
    order = {room: place for place, room in enumerate(dict.fromkeys([*places, *(one.slot.room for one in facts)]))}
    return tuple(
        sorted(
            [*facts, *given],
            key=lambda one: (one.slot.span.start_ms, order[one.slot.room], RANK[one.slot.part], one.slot),
        )
    )


def _pieces(plan: Plan, place: int, window: Span) -> Iterator[tuple[Span, int]]:
    """List the turns of a layer, cut by those above it, each with its weight."""
    layer, above = plan.rota.layers[place], plan.rota.layers[:place]
    whole = list(_turns(plan, layer, window))
    if not whole:
        return
    taken: tuple[Span, ...] = ()
    if above:
        hull = Span(whole[0][0].start_ms, whole[-1][0].end_ms)
        taken = merge(span for higher in above for span, _ in _turns(plan, higher, hull))
    first = 0
    for span, weight in whole:
        while first < len(taken) and taken[first].end_ms <= span.start_ms:
            first += 1
        last = first
        while last < len(taken) and taken[last].start_ms < span.end_ms:
            last += 1
        for piece in subtract([span], taken[first:last]) if last > first else (span,):
            if piece.shares(window):
                yield piece, weight


def _turns(plan: Plan, layer: RotaLayer, window: Span) -> Iterator[tuple[Span, int]]:
    for turn in turns(layer.cadence, plan.zone, window.start_ms, window.end_ms, lasts=layer.lasts):
        yield turn.span, layer.weights.get(Weekday(turn.slot.weekday()), 1) if layer.weights else 1


def _unplanned(plan: Plan, all_of: Iterator[Slot]) -> Iterator[Slot]:
    planned = merge(temporary_span(plan, one) for one in plan.rota.temporary)
    for slot in all_of:
        if not any(one.covers(slot.span) for one in planned):
            yield slot


def _left(slot: Slot, taken: Sequence[Span], window: Span) -> Iterator[Slot]:
    """Cut out what has been given before."""
    near = [span for span in taken if span.shares(slot.span)]
    if not near:
        yield slot
    elif any(span.covers(slot.span) for span in near):
        return
    else:
        for piece in subtract([slot.span], near):
            if piece.shares(window):
                yield Slot(piece, slot.room, slot.part, slot.layer, slot.weight)
