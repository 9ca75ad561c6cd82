"""The sweep beneath ``resolving``: moves once over all that decides about one part of a room."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import chain
from typing import Any, Generic, TypeVar

from orchestrator.documents.declared import Temporary
from orchestrator.model.cadence import Span
from orchestrator.model.clock import FOREVER_MS
from orchestrator.model.ids import RoomKey, UserId
from orchestrator.schedule import instant_ms

from .things import Ledger, Override, Part, Plan, Served, Shift, Stretch, Why

T = TypeVar("T")


def temporary_span(plan: Plan, temporary: Temporary) -> Span:
    """Find when a temporary schedule holds: from the first time its start is shown to the last time its end is."""
    return Span(instant_ms(temporary.start, plan.zone), instant_ms(temporary.end, plan.zone, last=True))


def temporary_turns(plan: Plan) -> Iterator[tuple[UserId, Span]]:
    """List who is on by temporary schedules, each turn cut to its schedule; of turns that overlap the first written counts."""
    for temporary in plan.rota.temporary:
        whole = temporary_span(plan, temporary)
        for turn in temporary.turns:
            start_ms, end_ms = instant_ms(turn.start, plan.zone), instant_ms(turn.end, plan.zone, last=True)
            cut = whole.common(Span(start_ms, end_ms))
            if cut is not None:
                yield turn.who, cut


def is_away(away: Mapping[UserId, tuple[Span, ...]], user: UserId, span: Span) -> bool:
    """Tell whether somebody is away in any part of a span."""
    spans = away.get(user)
    if not spans:
        return False
    # In order and apart: only the last one that begins before the span ends can reach into it.
    place = bisect_right(spans, Span(span.end_ms - 1, FOREVER_MS))
    return place > 0 and spans[place - 1].end_ms > span.start_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What decides about one part of a room; each kind with its strongest first where two hold at a time."""

    plan: Plan
    part: Part
    served: Sequence[tuple[Span, Served]]
    whole: Sequence[tuple[Span, None]]
    turns: Sequence[tuple[Span, UserId]]
    overrides: Sequence[tuple[Span, Override]]
    shifts: Sequence[tuple[Span, Shift]]
    away: Mapping[UserId, tuple[Span, ...]]
    fallback: tuple[UserId, ...]

    @classmethod
    def of(
        cls,
        plan: Plan,
        part: Part,
        shifts: Iterable[Shift],
        ledger: Ledger,
        now_ms: int,
        *,
        standing: bool = True,
    ) -> Sources:
        """Gather them; without what is ``standing`` there is no fallback."""
        main = part is Part.FACILITATOR
        ranks = {layer.name: place for place, layer in enumerate(plan.rota.layers)}
        mine = [shift for shift in shifts if shift.slot.part is part]
        mine.sort(key=lambda one: (ranks.get(one.slot.layer, len(ranks)), one.slot.span))
        done = sorted(
            (one for one in ledger.served if one.room == plan.room and one.part is part), key=lambda one: one.span
        )
        changes = [one for one in ledger.overrides if one.room == plan.room and one.part is part]
        return cls(
            plan=plan,
            part=part,
            served=[(Span(one.span.start_ms, min(one.span.end_ms, now_ms)), one) for one in done],
            whole=[(temporary_span(plan, one), None) for one in plan.rota.temporary],
            turns=[(span, user) for user, span in temporary_turns(plan)] if main else [],
            overrides=[(one.span, one) for one in sorted(changes, key=lambda one: (one.made_ms, one.id))],
            shifts=[(one.slot.span, one) for one in mine],
            away=ledger.away,
            fallback=plan.fallback if main and standing else (),
        )

    def people(self) -> Iterator[UserId]:
        """List, some more than once, who may be on."""
        yield from self.fallback
        yield from (user for _, user in self.turns)
        yield from (one.taker for _, one in self.overrides if one.taker is not None)
        yield from (one.user for _, one in self.shifts if one.user is not None)

    def here(self, user: UserId | None, at_ms: int) -> bool:
        """Tell whether somebody is named and not away."""
        return user is not None and not is_away(self.away, user, Span(at_ms, at_ms + 1))

    def fixed(self, user: UserId | None, at_ms: int) -> _Decided | None:
        """Decide by a temporary schedule alone."""
        if self.part is not Part.FACILITATOR:
            return None
        if self.here(user, at_ms):
            return _Decided(user, Why.TEMPORARY, user, None, None)
        return _Decided(None, Why.GAP, None, None, None)

    def changed(self, shift: Shift | None, overrides: Iterable[Override], at_ms: int) -> _Decided | None:
        """Decide by a shift, what was changed about it, and the fallback."""
        if shift is None and not self.fallback:
            return None
        instead = next((user for user in self.fallback if self.here(user, at_ms)), None)
        holder, by = None if shift is None else shift.user, None
        for one in overrides:
            absent = not self.here(holder, at_ms)
            # Somebody who is away leaves an opening that may be taken, also by a swap that was agreed with them.
            if one.giver == holder or (absent and one.giver in {None, instead}):
                holder, by = one.taker, one.id
        if self.here(holder, at_ms):
            return _Decided(holder, Why.SHIFT if by is None else Why.OVERRIDE, None, shift, by)
        if instead is not None:
            return _Decided(instead, Why.FALLBACK, None, shift, by)
        return _Decided(None, Why.GAP, None, shift, by)


@dataclass(frozen=True, slots=True)
class _Decided:
    user: UserId | None
    why: Why
    source: Served | UserId | None
    shift: Shift | None
    override: str | None


class _Active(Generic[T]):
    """What of one kind holds at a moment that only moves on; the strongest first."""

    def __init__(self, all_of: Sequence[tuple[Span, T]], from_ms: int) -> None:
        self._coming = sorted(
            ((span, rank) for rank, (span, _) in enumerate(all_of) if max(from_ms, span.start_ms) < span.end_ms),
            reverse=True,
        )
        self._all = all_of
        self._heap: list[int] = []

    def move(self, at_ms: int) -> None:
        while self._coming and self._coming[-1][0].start_ms <= at_ms:
            heappush(self._heap, self._coming.pop()[1])
        while self._heap and self._all[self._heap[0]][0].end_ms <= at_ms:
            heappop(self._heap)

    @property
    def first(self) -> tuple[Span, T] | None:
        return self._all[self._heap[0]] if self._heap else None

    def every(self, at_ms: int) -> Iterator[T]:
        for rank in sorted(self._heap):
            span, one = self._all[rank]
            if at_ms < span.end_ms:
                yield one


def stretches(sources: Sources, window: Span, now_ms: int) -> Iterator[Stretch]:
    """Move over a window and tell who is on; time that nothing covers is left out."""
    part, room = sources.part, sources.plan.room
    begun_ms, decided = window.start_ms, None
    for at_ms, found in _moments(sources, window, now_ms):
        if found == decided:
            continue
        if decided is not None:
            yield _stretch(room, part, Span(begun_ms, at_ms), decided)
        begun_ms, decided = at_ms, found
    if decided is not None:
        yield _stretch(room, part, Span(begun_ms, window.end_ms), decided)


def _stretch(room: RoomKey, part: Part, span: Span, decided: _Decided) -> Stretch:
    return Stretch(
        room=room,
        part=part,
        span=span,
        user=decided.user,
        why=decided.why,
        shift=decided.shift,
        override=decided.override,
    )


def _moments(sources: Sources, window: Span, now_ms: int) -> Iterator[tuple[int, _Decided | None]]:
    """List the instants at which something may change, each with what is so from then on."""
    if window.start_ms >= window.end_ms:
        return
    start_ms = window.start_ms
    served, whole = _Active(sources.served, start_ms), _Active(sources.whole, start_ms)
    turns, shifts = _Active(sources.turns, start_ms), _Active(sources.shifts, start_ms)
    overrides = _Active(sources.overrides, start_ms)
    moving: tuple[_Active[Any], ...] = (served, whole, turns, shifts, overrides)
    for at_ms in _edges(sources, window, now_ms):
        for one in moving:
            one.move(at_ms)
        shift = None if shifts.first is None else shifts.first[1]
        if served.first is not None:
            past = served.first[1]
            yield at_ms, _Decided(past.user, Why.HISTORY, past, shift, None)
        elif whole.first is not None:
            yield at_ms, sources.fixed(None if turns.first is None else turns.first[1], at_ms)
        else:
            yield at_ms, sources.changed(shift, overrides.every(at_ms), at_ms)


def _edges(sources: Sources, window: Span, now_ms: int) -> list[int]:
    spans = chain(
        (span for span, _ in chain(sources.served, sources.whole, sources.turns, sources.overrides, sources.shifts)),
        chain.from_iterable(sources.away.get(user, ()) for user in set(sources.people())),
    )
    edges = {window.start_ms, now_ms}
    for span in spans:
        edges.add(span.start_ms)
        edges.add(span.end_ms)
    return sorted(edge for edge in edges if edge in window)
