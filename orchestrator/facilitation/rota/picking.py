"""Who could take a turn, the best first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from orchestrator.model.clock import FOREVER_MS
from orchestrator.model.ids import UserId
from orchestrator.schedule import latest_at

from .book import Book
from .people import distance_ms, layer_of
from .things import GaveWay, Ledger, Part, Plan, Slot
from .timeline import is_away

NOTHING: frozenset[GaveWay] = frozenset()


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who could take a turn, and what could not be kept if they did."""

    user: UserId
    gave_way: frozenset[GaveWay] = NOTHING


def ranked(
    plans: Sequence[Plan], slot: Slot, ledger: Ledger, besides: Collection[UserId] = ()
) -> tuple[Candidate, ...]:
    """List who could take a turn, or a part of one, the best first; whoever has it by now counts as if they had not.

    Never somebody who is not on the rota all through it, is away in any part of it, is on elsewhere at the time, or has had
    as many turns as the rota allows without a rest. What else a rota asks gives way: first weights, then no two turns in a
    row, then rest; those with whom nothing gives way come first.

    Args:
        plans: of the rooms of one community, that of the turn among them.
        slot: its span may be any piece of a turn.
        ledger: what is given, changed and done, for all these rooms.
        besides: who is not meant: those who were asked before, say.
    """
    plan = next((plan for plan in plans if plan.room == slot.room), None)
    if plan is None:
        return ()
    found = [one for one in _candidates(plan, slot, Book(plans, ledger, slot)) if one[1].user not in besides]
    return tuple(candidate for _, candidate in sorted(found, key=lambda one: one[0]))


def best(plan: Plan, slot: Slot, book: Book) -> Candidate | None:
    """Find the first of those ``ranked`` would list."""
    chosen: tuple[tuple[bool, bool], Candidate] | None = None
    for cost, candidate in _candidates(plan, slot, book):
        if not any(cost):
            return candidate
        if chosen is None or cost < chosen[0]:
            chosen = cost, candidate
    return None if chosen is None else chosen[1]


def _candidates(plan: Plan, slot: Slot, book: Book) -> Iterator[tuple[tuple[bool, bool], Candidate]]:
    """List who could, in the order of turns, each with whether rest and back-to-back give way."""
    people = book.people(plan, slot)
    rota, span = plan.rota, slot.span
    watching = slot.part is Part.SHADOW
    fair = rota.mode == "fair" and not watching
    order = (
        _longest_first(plan, slot, book, people)
        if fair
        else ((user, False) for user in _in_turn(plan, slot, book, people))
    )
    for user, heavy in order:
        if not any(keeper.serves(span) for keeper in people[user]) or is_away(book.away, user, span):
            continue
        held = book.of(user)
        if held is None:
            yield (False, False), Candidate(user)
            continue
        if held.busy(span):
            continue
        if watching:
            yield (False, False), Candidate(user)
            continue
        if rota.max_terms is not None and held.run(span, rota.rest_ms, plan.zone) >= rota.max_terms:
            continue
        tired = held.tired(span, rota.rest_ms, plan.zone)
        again = not rota.back_to_back and (user in book.neighbours(plan, slot) or held.touches(span))
        if not (heavy or again or tired):
            yield (False, False), Candidate(user)
        else:
            kept = ((GaveWay.WEIGHTS, heavy), (GaveWay.BACK_TO_BACK, again), (GaveWay.REST, tired))
            yield (tired, again), Candidate(user, frozenset(rule for rule, gave_way in kept if gave_way))


def _in_turn(plan: Plan, slot: Slot, book: Book, people: Collection[UserId]) -> list[UserId]:
    """List people as they are written, beginning after whoever had the last turn of this layer."""
    order = list(people)
    if not order:
        return order
    last = book.last(slot, people)
    if last is not None:
        first = order.index(last) + 1
    else:
        layer = layer_of(plan, slot.layer) or plan.rota.layers[0]
        occurrence = latest_at(layer.cadence, plan.zone, slot.span.start_ms)
        first = 0 if occurrence is None else occurrence.index
    first %= len(order)
    return order[first:] + order[:first]


def _longest_first(plan: Plan, slot: Slot, book: Book, people: Collection[UserId]) -> list[tuple[UserId, bool]]:
    """List people by how long ago their last turn ended, those without one first; with each whether a heavy one still counts.

    A turn of weight w makes one wait as if it had ended w-1 turns later; never more turns than there are other people, so
    that nobody waits for more than 2n-1 turns among n.
    """
    start_ms, unit_ms, most = slot.span.start_ms, distance_ms(plan, slot.layer)[0], len(people) - 1
    found = []
    for place, user in enumerate(people):
        held = book.of(user)
        since_ms = None if held is None else held.counts_until_ms(start_ms, unit_ms, most)
        found.append((-FOREVER_MS if since_ms is None else since_ms, place, user))
    found.sort()
    return [(user, since_ms > start_ms) for since_ms, _, user in found]
