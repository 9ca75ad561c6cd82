"""Who is on, found out as plainly as can be: minute by minute, with the clock on the wall written down beside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from orchestrator.documents.declared import RotaLayer
from orchestrator.facilitation.rota.things import Ledger, Part, Plan, Shift
from orchestrator.model.cadence import Every, Unit
from orchestrator.model.ids import UserId
from tests.schedule.oracle import MINUTE, MINUTE_MS, falls_due, walls

STEP = {Unit.HOUR: timedelta(hours=1), Unit.DAY: timedelta(days=1), Unit.WEEK: timedelta(weeks=1)}


@dataclass(frozen=True)
class Wall:
    """What one zone's clock shows from one UTC minute to another.

    Attributes:
        first: the UTC minute that first shows a wall minute, or jumps past it.
        last: the one that last shows it or, where none does, jumps past it.
    """

    from_minute: int
    until_minute: int
    first: dict[datetime, int]
    last: dict[datetime, int]


@lru_cache(maxsize=8)
def wall(zone: str, from_minute: int, until_minute: int) -> Wall:
    table = walls.__wrapped__(zone, from_minute, until_minute)
    first: dict[datetime, int] = {}
    last: dict[datetime, int] = {}
    shown = table[0] - MINUTE
    for minute, now in enumerate(table, from_minute):
        while shown < now:
            shown += MINUTE
            first[shown] = last[shown] = minute
        last[now] = minute
    return Wall(from_minute, until_minute, first, last)


def turns_of(layer: RotaLayer, clock: Wall) -> list[tuple[int, int, datetime]]:
    """The turns that begin in the table, in UTC minutes, with the wall minute each stands for; the last one may be cut."""
    begins: dict[int, datetime] = {}
    for slot in sorted(clock.first):
        if slot.minute == layer.cadence.anchor.minute and falls_due(layer.cadence, slot):
            begins[clock.first[slot]] = slot  # two at one minute: the later one counts
    found = []
    starts = sorted(begins)
    for place, start in enumerate(starts):
        end = starts[place + 1] if place + 1 < len(starts) else clock.until_minute
        if layer.lasts is not None:
            end = min(end, clock.last.get(later(begins[start], layer.lasts), clock.until_minute))
        if start < end:
            found.append((start, end, begins[start]))
    return found


def later(slot: datetime, lasts: Every) -> datetime:
    return slot + lasts.count * STEP[lasts.unit]


def away(ledger: Ledger, user: UserId | None, at_ms: int) -> bool:
    return user is not None and any(at_ms in span for span in ledger.away.get(user, ()))


class Walk:
    """One room, walked minute by minute."""

    def __init__(self, plan: Plan, shifts: tuple[Shift, ...], ledger: Ledger, now_ms: int, clock: Wall) -> None:
        self.plan, self.ledger, self.now_ms = plan, ledger, now_ms
        self.shifts = [shift for shift in shifts if shift.slot.room == plan.room]
        self.overrides = sorted(ledger.overrides, key=lambda one: (one.made_ms, one.id))
        # Whose turn each minute is: the first layer that has one then.
        self.turn: dict[int, str] = {}
        for layer in plan.rota.layers:
            for start, end, _ in turns_of(layer, clock):
                for minute in range(start, end):
                    self.turn.setdefault(minute, layer.name)
        self.given: dict[tuple[Part, str, int], Shift] = {}
        for shift in self.shifts:
            slot = shift.slot
            for at_ms in range(slot.span.start_ms, slot.span.end_ms, MINUTE_MS):
                key = (slot.part, slot.layer, at_ms // MINUTE_MS)
                assert self.given.setdefault(key, shift) is shift, "two shifts at one time"
        self.temporary = [
            (
                clock.first[one.start],
                clock.last[one.end],
                [(turn.who, clock.first[turn.start], clock.last[turn.end]) for turn in one.turns],
            )
            for one in plan.rota.temporary
            if one.start in clock.first and one.end in clock.first
        ]

    def who(self, part: Part, minute: int) -> tuple[str | None, str] | None:  # noqa: C901, PLR0911, PLR0912 - one walk
        """Who is on in a minute, and why; None where nobody has to be."""
        at_ms = minute * MINUTE_MS
        if at_ms < self.now_ms:
            for past in self.ledger.served:
                if past.room == self.plan.room and past.part is part and at_ms in past.span:
                    return past.user, "history"
        for start, end, turns in self.temporary:
            if start <= minute < end:
                if part is not Part.FACILITATOR:
                    return None
                for who, turn_start, turn_end in turns:
                    if turn_start <= minute < turn_end:
                        return (None, "gap") if away(self.ledger, who, at_ms) else (who, "temporary")
                return None, "gap"
        shift = self.shift(part, minute)
        instead = None
        if part is Part.FACILITATOR:
            for user in self.plan.fallback:
                if instead is None and not away(self.ledger, user, at_ms):
                    instead = user
            if shift is None and not self.plan.fallback:
                return None
        elif shift is None:
            return None
        holder, why = (None if shift is None else shift.user), "shift"
        for one in self.overrides:
            if one.room == self.plan.room and one.part is part and at_ms in one.span:
                nobody = holder is None or away(self.ledger, holder, at_ms)
                if one.giver == holder or (nobody and (one.giver is None or one.giver == instead)):
                    holder, why = one.taker, "override"
        if holder is not None and not away(self.ledger, holder, at_ms):
            return holder, why
        return (None, "gap") if instead is None else (instead, "fallback")

    def layer(self, minute: int) -> str | None:
        """Whose turn a minute is."""
        return self.turn.get(minute)

    def shift(self, part: Part, minute: int) -> Shift | None:
        name = self.layer(minute)
        return None if name is None else self.given.get((part, name, minute))
