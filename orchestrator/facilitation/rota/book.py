"""What everybody has had and will have by now, across the rooms of a community: the memory beneath ``picking``."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TypeAlias

from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS, FOREVER_MS
from orchestrator.model.ids import RoomKey, UserId
from orchestrator.schedule import local_at

from .people import distance_ms, people_of
from .things import Keeper, Ledger, Override, Part, Plan, Served, Shift, Slot, Why
from .timeline import Sources, stretches, temporary_turns

Row: TypeAlias = tuple[RoomKey, Part]
_CLOCKS_MS = DAY_MS
"""The most that the clocks of any zone were ever changed by at once."""


@dataclass(slots=True)
class Held:
    """One turn that somebody has, or the hull of the pieces of it that are theirs."""

    span: Span
    weight: int
    rest_ms: int
    watching: bool
    key: tuple[RoomKey, Part, int]


@dataclass(slots=True)
class Holdings:
    """The turns of one person, in order of start. They overlap only where somebody wanted it so."""

    starts: list[int] = field(default_factory=list)
    turns: list[Held] = field(default_factory=list)
    heavy: list[Held] = field(default_factory=list)
    longest_ms: int = 0

    def add(self, held: Held) -> None:
        """Enter a turn; pieces of one are joined."""
        place = bisect_left(self.starts, held.span.start_ms)
        for near in range(max(0, place - 1), min(len(self.turns), place + 1)):
            old = self.turns[near]
            if old.key == held.key:
                whole = Span(min(old.span.start_ms, held.span.start_ms), max(old.span.end_ms, held.span.end_ms))
                old.span, self.starts[near] = whole, whole.start_ms
                self.longest_ms = max(self.longest_ms, whole.length_ms)
                return
        self.starts.insert(place, held.span.start_ms)
        self.turns.insert(place, held)
        self.longest_ms = max(self.longest_ms, held.span.length_ms)
        if held.weight > 1 and not held.watching:
            insort(self.heavy, held, key=lambda one: one.span.end_ms)

    def busy(self, span: Span) -> bool:
        """Tell whether they are on, in whatever part, in any part of a span."""
        for place in range(bisect_left(self.starts, span.end_ms) - 1, -1, -1):
            if self.starts[place] + self.longest_ms <= span.start_ms:
                return False
            if self.turns[place].span.end_ms > span.start_ms:
                return True
        return False

    def before(self, at_ms: int) -> Iterator[Held]:
        """Go back over the turns that begin before an instant; where one only watches does not count."""
        for place in range(bisect_left(self.starts, at_ms) - 1, -1, -1):
            if not self.turns[place].watching:
                yield self.turns[place]

    def after(self, at_ms: int) -> Iterator[Held]:
        """Go on over the turns that begin at an instant or later."""
        for place in range(bisect_left(self.starts, at_ms), len(self.turns)):
            if not self.turns[place].watching:
                yield self.turns[place]

    def tired(self, span: Span, rest_ms: int | None, zone: tzinfo) -> bool:
        """Tell whether a turn would come too soon after the one before, or too soon before the next."""
        earlier, later = next(self.before(span.start_ms), None), next(self.after(span.end_ms), None)
        own = rest_ms or 0
        return (
            earlier is not None and not rested(earlier.span.end_ms, span.start_ms, max(own, earlier.rest_ms), zone)
        ) or (later is not None and not rested(span.end_ms, later.span.start_ms, max(own, later.rest_ms), zone))

    def touches(self, span: Span) -> bool:
        """Tell whether a turn would come right after another, or right before one."""
        earlier, later = next(self.before(span.start_ms), None), next(self.after(span.end_ms), None)
        return (earlier is not None and earlier.span.end_ms == span.start_ms) or (
            later is not None and later.span.start_ms == span.end_ms
        )

    def run(self, span: Span, rest_ms: int | None, zone: tzinfo) -> int:
        """Count the turns that come before and after one without a rest between them, or without any time."""
        least_ms, count = max(rest_ms or 0, 1), 0
        start_ms = span.start_ms
        for held in self.before(start_ms):
            if rested(held.span.end_ms, start_ms, least_ms, zone):
                break
            start_ms, count = held.span.start_ms, count + 1
        end_ms = span.end_ms
        for held in self.after(end_ms):
            if rested(end_ms, held.span.start_ms, least_ms, zone):
                break
            end_ms, count = held.span.end_ms, count + 1
        return count

    def counts_until_ms(self, at_ms: int, unit_ms: int, most: int) -> int | None:
        """Tell until when the turns before an instant count: to the end, heavy ones so many turns longer. None: had none."""
        last = self.turns[-1] if self.turns else None
        if last is None or last.watching or last.span.start_ms >= at_ms:  # seldom: turns are given in order
            last = next(self.before(at_ms), None)
            if last is None:
                return None
        until_ms = last.span.end_ms
        for held in reversed(self.heavy):
            if held.span.end_ms + most * unit_ms <= until_ms:
                break
            if held.span.start_ms < at_ms:
                until_ms = max(until_ms, held.span.end_ms + min(held.weight - 1, most) * unit_ms)
        return until_ms


class Book:
    """Enters what the ledger has, then whatever is given; answers what ``picking`` asks."""

    def __init__(self, plans: Sequence[Plan], ledger: Ledger, without: Slot | None = None) -> None:
        self.away = ledger.away
        self._plans = {plan.room: plan for plan in plans}
        self._people: dict[tuple[RoomKey, str, Part], dict[UserId, list[Keeper]]] = {}
        self._held: dict[UserId, Holdings] = {}
        self._turns: defaultdict[tuple[RoomKey, Part, str], list[tuple[int, int, UserId]]] = defaultdict(list)
        self._on: defaultdict[tuple[RoomKey, str], dict[int, set[UserId]]] = defaultdict(dict)
        self._beginnings: defaultdict[tuple[RoomKey, str], list[int]] = defaultdict(list)
        self._changes = _by_row(plans, ledger)
        own = [one for one in ledger.shifts if without is None or not _is_about(one, without)]
        self._served(ledger.served, own)
        for plan in plans:
            for user, span in temporary_turns(plan):
                self._enter(user, span, 1, (plan.room, Part.FACILITATOR, span.start_ms))
        by_row: defaultdict[Row, list[Shift]] = defaultdict(list)
        for shift in own:
            by_row[shift.slot.room, shift.slot.part].append(shift)
        for shifts in by_row.values():
            self._add(shifts)

    def people(self, plan: Plan, slot: Slot) -> dict[UserId, list[Keeper]]:
        """List who takes turns of this kind."""
        key = slot.room, slot.layer, slot.part
        if key not in self._people:
            self._people[key] = people_of(plan, slot.layer, slot.part)
        return self._people[key]

    def of(self, user: UserId) -> Holdings | None:
        """Look up what somebody has; None: nothing at all."""
        return self._held.get(user)

    def add(self, shift: Shift) -> None:
        """Enter a turn that is given, as it is after all that was changed about it."""
        self._add([shift])

    def _add(self, shifts: Sequence[Shift]) -> None:
        """Enter turns of one part of a room."""
        holders: defaultdict[tuple[int, str], set[UserId]] = defaultdict(set)
        for shift, user, span in self._changed(shifts):
            slot = shift.slot
            self._enter(user, span, slot.weight, (slot.room, slot.part, slot.span.start_ms))
            holders[slot.span.start_ms, slot.layer].add(user)
        for shift in shifts:
            slot = shift.slot
            start_ms = slot.span.start_ms
            insort(
                self._turns[slot.room, slot.part, slot.layer], (start_ms, slot.span.end_ms, shift.user or UserId(""))
            )
            if slot.part is Part.SHADOW:
                continue
            on = self._on[slot.room, slot.layer]
            if start_ms not in on:
                insort(self._beginnings[slot.room, slot.layer], start_ms)
                on[start_ms] = set()
            on[start_ms] |= holders.get((start_ms, slot.layer), set())

    def last(self, slot: Slot, people: Collection[UserId]) -> UserId | None:
        """Find who of some people had the last turn of a layer before this one."""
        had = self._turns.get((slot.room, slot.part, slot.layer), [])
        for place in range(bisect_left(had, (slot.span.start_ms,)) - 1, -1, -1):
            user = had[place][2]
            if user in people:
                return user
        return None

    def neighbours(self, plan: Plan, slot: Slot) -> set[UserId]:
        """List who is on in the turn right before this one and in the one right after, of the same layer."""
        beginnings = self._beginnings.get((slot.room, slot.layer), [])
        on = self._on[slot.room, slot.layer]
        start_ms = slot.span.start_ms
        near_ms = distance_ms(plan, slot.layer)[1] + _CLOCKS_MS
        place = bisect_left(beginnings, start_ms)
        found: set[UserId] = set()
        if place > 0 and start_ms - beginnings[place - 1] <= near_ms:
            found |= on[beginnings[place - 1]]
        if place < len(beginnings) and beginnings[place] == start_ms:
            place += 1
        if place < len(beginnings) and beginnings[place] - start_ms <= near_ms:
            found |= on[beginnings[place]]
        return found

    def _enter(self, user: UserId, span: Span, weight: int, key: tuple[RoomKey, Part, int]) -> None:
        plan = self._plans.get(key[0])
        rest_ms = 0 if plan is None else plan.rota.rest_ms or 0
        if user not in self._held:
            self._held[user] = Holdings()
        self._held[user].add(Held(span, weight, rest_ms, key[1] is Part.SHADOW, key))

    def _changed(self, shifts: Sequence[Shift]) -> Iterator[tuple[Shift, UserId, Span]]:
        """List who has turns after overrides, temporary schedules and what was, piece by piece."""
        first = shifts[0].slot
        plan, changes = self._plans.get(first.room), self._changes.get((first.room, first.part))
        if plan is None or changes is None:
            for shift in shifts:
                if shift.user is not None and shift.slot.span.start_ms < shift.slot.span.end_ms:
                    yield shift, shift.user, shift.slot.span
            return
        hull = Span(min(one.slot.span.start_ms for one in shifts), max(one.slot.span.end_ms for one in shifts))
        sources = Sources.of(plan, first.part, shifts, changes, FOREVER_MS, standing=False)
        for stretch in stretches(sources, hull, FOREVER_MS):
            if stretch.user is not None and stretch.shift is not None and stretch.why in {Why.SHIFT, Why.OVERRIDE}:
                yield stretch.shift, stretch.user, stretch.span

    def _served(self, served: Sequence[Served], shifts: Sequence[Shift]) -> None:
        """Enter what was; what was part of a turn that is known is a piece of that turn."""
        known: defaultdict[Row, list[Span]] = defaultdict(list)
        for shift in shifts:
            insort(known[shift.slot.room, shift.slot.part], shift.slot.span)
        for one in served:
            if one.user is None or one.span.start_ms >= one.span.end_ms:
                continue
            spans = known.get((one.room, one.part), [])
            place = bisect_left(spans, Span(one.span.start_ms + 1, 0)) - 1
            inside = place >= 0 and one.span.start_ms < spans[place].end_ms
            start_ms = spans[place].start_ms if inside else one.span.start_ms
            self._enter(one.user, one.span, one.weight, (one.room, one.part, start_ms))


def _by_row(plans: Sequence[Plan], ledger: Ledger) -> dict[Row, Ledger]:
    """Sort out what was changed and done by part of a room; a part in which nothing was is not there."""
    overrides: defaultdict[Row, list[Override]] = defaultdict(list)
    served: defaultdict[Row, list[Served]] = defaultdict(list)
    for override in ledger.overrides:
        overrides[override.room, override.part].append(override)
    for one in ledger.served:
        served[one.room, one.part].append(one)
    planned = {(plan.room, part) for plan in plans if plan.rota.temporary for part in Part}
    return {
        row: Ledger(overrides=tuple(overrides[row]), served=tuple(served[row]), away=ledger.away)
        for row in {*overrides, *served, *planned}
    }


def rested(end_ms: int, start_ms: int, rest_ms: int, zone: tzinfo) -> bool:
    """Tell whether so much time lies between the end of a turn and the start of another.

    A rest of whole days is one on the clock on the wall: two people who change each week have their week of rest also
    when it is an hour shorter.
    """
    if start_ms - end_ms >= rest_ms:
        return True
    if rest_ms < DAY_MS or start_ms - end_ms < rest_ms - _CLOCKS_MS:
        return False
    return (local_at(start_ms, zone) - local_at(end_ms, zone)).total_seconds() * 1000 >= rest_ms


def _is_about(shift: Shift, slot: Slot) -> bool:
    return (shift.slot.room, shift.slot.part) == (slot.room, slot.part) and shift.slot.span.shares(slot.span)
