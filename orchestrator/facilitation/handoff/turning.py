"""One handoff: power goes on to whoever is on now, the room hears of it, and the next is set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from orchestrator.documents.declared import Community, Room
from orchestrator.facilitation import NAME, saying
from orchestrator.facilitation.notes.passing import pass_on
from orchestrator.facilitation.records.ledger import ledger_of
from orchestrator.facilitation.rota.assigning import assign
from orchestrator.facilitation.rota.resolving import next_change_ms, on_at
from orchestrator.facilitation.rota.things import Ledger, Part, Plan, Shift, Stretch
from orchestrator.facilitation.view import standing
from orchestrator.i18n import speaking
from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.model.ids import RoomId, RoomKey
from orchestrator.store import bindings
from orchestrator.store.timers import clear_timer, set_timer

from . import powers, words
from .telling import announce, gone, left

HANDOFF: Final = "handoff:"
AHEAD_MS: Final = 7 * DAY_MS
"""How far one looks beyond what is published for the next handoff; it is looked at anew every day."""


def timer_key(room: Room) -> str:
    """Name the timer of a room's next handoff."""
    return f"{HANDOFF}{room.community}/{room.key}"


@dataclass(frozen=True, slots=True)
class _Now:
    """Who is on in the rooms of a community that are there: by the rota, and of those who is there in fact."""

    plans: Mapping[RoomKey, Plan]
    shifts: tuple[Shift, ...]
    ledger: Ledger

    @classmethod
    def of(cls, tx: Tx, community: Community, now: Now) -> _Now:
        plans = {plan.room: plan for plan in standing(tx, community)}
        if not plans:
            return cls(plans, (), Ledger())
        ledger = ledger_of(tx, community.key)
        shifts = assign(tuple(plans.values()), ledger, Span(now.at_ms, now.at_ms + _ahead_ms(plans)))
        return cls(plans, shifts, ledger)

    def on(self, room: RoomKey, now: Now) -> Mapping[Part, Stretch]:
        plan = self.plans.get(room)
        return {} if plan is None else on_at(plan, self.shifts, self.ledger, now.at_ms)


def powers_of(tx: Tx, community: Community, now: Now, *, only: RoomKey) -> None:
    """Bring power in one room in line with who is on now, and nothing else."""
    room, bound = community.room(only), bindings.bound_room(tx, community.key, only)
    if room is not None and bound is not None:
        on = _Now.of(tx, community, now).on(only, now)
        there = powers.present(tx, community, room, bound, on, now.at_ms)
        powers.give(tx, room, bound, powers.holders(tx, community, room, bound, there, now.at_ms), now.at_ms)


def hand_over(tx: Tx, community: Community, now: Now) -> Iterator[AnyEffect]:
    """Bring power, topic and timers of a community's rooms in line with who is on now, and tell the rooms who comes."""
    found = _Now.of(tx, community, now)
    for room in community.rooms:
        bound, plan = bindings.bound_room(tx, community.key, room.key), found.plans.get(room.key)
        if bound is None or plan is None:
            clear_timer(tx, NAME, timer_key(room))
        if bound is None:
            continue
        on = found.on(room.key, now)
        there = powers.present(tx, community, room, bound, on, now.at_ms)
        powers.give(tx, room, bound, powers.holders(tx, community, room, bound, there, now.at_ms), now.at_ms)
        _show(tx, community, room, bound, there, now)
        yield from gone(tx, community, room, bound, on, now)
        if plan is not None:
            _set_next(tx, room, plan, found.shifts, found.ledger, now)
            yield from announce(tx, community, room, bound, there, now)
            yield from left(tx, community, room, on, there, now)
            keeper = there.get(Part.FACILITATOR)
            yield from pass_on(tx, community, room, None if keeper is None else keeper.user)


def _ahead_ms(plans: Mapping[RoomKey, Plan]) -> int:
    return max(plan.rota.publish_ms for plan in plans.values()) + AHEAD_MS


def _set_next(tx: Tx, room: Room, plan: Plan, shifts: tuple[Shift, ...], ledger: Ledger, now: Now) -> None:
    bounds = [at_ms for keeper in plan.keepers for at_ms in (keeper.from_ms, keeper.until_ms) if at_ms is not None]
    changes = [next_change_ms(plan, shifts, ledger, now.at_ms), *bounds]
    ahead = [at_ms for at_ms in changes if at_ms is not None and at_ms > now.at_ms]
    if ahead:
        set_timer(tx, Timer(craft=NAME, key=timer_key(room), due_ms=min(ahead)))
    else:
        clear_timer(tx, NAME, timer_key(room))


def _show(tx: Tx, community: Community, room: Room, bound: RoomId, on: Mapping[Part, Stretch], now: Now) -> None:
    first, second = on.get(Part.FACILITATOR), on.get(Part.CO)
    if room.rota is None or room.rota.show != "topic" or first is None or first.user is None:
        powers.show(tx, bound, "", None, now.at_ms)
        return
    with speaking(community.locale):
        until = saying.moment(first.span.end_ms, community.zone)
        said = words.topic(first.user, second.user if second is not None else None, until)
    powers.show(tx, bound, said, first.span.end_ms, now.at_ms)
