"""One handoff: what was is written down, power goes on to whoever is on now, the room hears of it, and the next is set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Room
from orchestrator.facilitation import saying
from orchestrator.facilitation.duty import is_gone
from orchestrator.facilitation.notes.passing import pass_on
from orchestrator.facilitation.records.ledger import ledger_of
from orchestrator.facilitation.records.said import say_once
from orchestrator.facilitation.records.served import (
    Announced,
    add_served,
    announced,
    note_announced,
    note_recorded,
    recorded_ms,
)
from orchestrator.facilitation.records.shifts import Given, State, put_shift
from orchestrator.facilitation.rota.assigning import assign
from orchestrator.facilitation.rota.resolving import next_change_ms, on_at, resolve
from orchestrator.facilitation.rota.things import Ledger, Part, Plan, Shift, Stretch
from orchestrator.facilitation.view import standing
from orchestrator.i18n import speaking
from orchestrator.model import content
from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Priority, Send
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.model.ids import RoomId, RoomKey
from orchestrator.store import bindings, mirror
from orchestrator.store.timers import clear_timer, set_timer

from . import powers, words

NAME: Final = "facilitation"
HANDOFF: Final = "handoff:"
AHEAD_MS: Final = 7 * DAY_MS
"""How far one looks beyond what is published for the next handoff; it is looked at anew every day."""


def timer_key(room: Room) -> str:
    """Name the timer of a room's next handoff."""
    return f"{HANDOFF}{room.community}/{room.key}"


def record(tx: Tx, community: Community, now: Now) -> None:
    """Write down who was on until now, as it stood; before anything is changed that could make it look otherwise."""
    plans = standing(tx, community)
    since = {plan.room: recorded_ms(tx, community.key, plan.room) for plan in plans}
    behind = [at_ms for at_ms in since.values() if at_ms is not None and at_ms < now.at_ms]
    shifts, given = tuple[Shift, ...](), set[Shift]()
    ledger = Ledger()
    if behind:
        ledger = ledger_of(tx, community.key)
        shifts = assign(plans, ledger, Span(min(behind), now.at_ms + 1))
        given = set(ledger.shifts)
        for shift in shifts:
            # What nobody could be told of in time went on in its order all the same, and the next turns go on from there.
            if shift not in given and shift.slot.span.end_ms <= now.at_ms:
                put_shift(
                    tx, community.key, Given(shift=shift, state=State.OPEN if shift.user is None else State.PUBLISHED)
                )
    for plan in plans:
        from_ms = since[plan.room]
        if from_ms is None:
            note_recorded(tx, community.key, plan.room, now.at_ms)
        elif from_ms < now.at_ms:
            # A turn that runs and was given to nobody yet is given first, and written down after that.
            running = [
                shift.slot.span.start_ms
                for shift in shifts
                if shift.slot.room == plan.room and now.at_ms in shift.slot.span and shift not in given
            ]
            until_ms = max(min([now.at_ms, *running]), from_ms)
            add_served(tx, community.key, resolve(plan, shifts, ledger, Span(from_ms, until_ms), from_ms))
            note_recorded(tx, community.key, plan.room, until_ms)


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
        if plan is not None:
            _set_next(tx, room, plan, found.shifts, found.ledger, now)
            yield from _announce(tx, community, room, bound, there, now)
            yield from _left(tx, community, room, on, there, now)
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


def _announce(
    tx: Tx, community: Community, room: Room, bound: RoomId, on: Mapping[Part, Stretch], now: Now
) -> Iterator[AnyEffect]:
    """Say who comes, once, as soon as somebody is there to hear it; quietly note what is not worth telling."""
    if recorded_ms(tx, community.key, room.key) is None:
        note_recorded(tx, community.key, room.key, now.at_ms)
    before = announced(tx, community.key, room.key)
    first, second = on.get(Part.FACILITATOR), on.get(Part.CO)
    user = first.user if first is not None else None
    beside = second.user if second is not None else None
    if first is None or user is None:
        if before is not None and (before.user, before.beside) != (None, None) and now.at_ms >= before.at_ms:
            said = Announced(now.at_ms, before.turn_ms, None, None)
            note_announced(tx, community.key, room.key, said)
        return
    if before is not None and ((before.user, before.beside) == (user, beside) or now.at_ms < before.at_ms):
        return
    if not mirror.anyone_beside(tx, bound, now.me):
        return
    turn_ms = first.span.start_ms if first.shift is None else first.shift.slot.span.start_ms
    note_announced(tx, community.key, room.key, Announced(now.at_ms, turn_ms, user, beside))
    went = before.user if before is not None else None
    until_ms = first.span.end_ms
    with speaking(community.locale):
        until = saying.moment(until_ms, community.zone)
        if went == user:
            if beside is None or second is None:
                return
            until_ms = second.span.end_ms
            said_ = words.joins(beside, user, saying.moment(until_ms, community.zone))
        elif went is None:
            said_ = words.begins(user, beside, until)
        else:
            said_ = words.takes_over(user, beside, went, until)
    new = [
        one for one in (user, beside) if one is not None and (before is None or one not in {before.user, before.beside})
    ]
    named = [one for one in (user, beside, went) if one is not None]
    yield Send(
        step=f"handoff:{room.community}/{room.key}:{now.at_ms}",
        room=bound,
        priority=Priority.ROUTINE,
        expires_ms=until_ms,
        # Notices make no sound, mentions or not; whoever takes over should hear of it.
        content=content.text(said_, mentions=new, people=named),
    )


def _left(
    tx: Tx, community: Community, room: Room, on: Mapping[Part, Stretch], there: Mapping[Part, Stretch], now: Now
) -> Iterator[AnyEffect]:
    """Tell the leads, once, that whoever should be on duty is not in the room any more."""
    control = bindings.bound_room(tx, community.key, CONTROL_KEY)
    bound, one = bindings.bound_room(tx, community.key, room.key), on.get(Part.FACILITATOR)
    if control is None or one is None or one.user is None or there[Part.FACILITATOR].user is not None:
        return
    if not is_gone(tx, bound, one.user):
        return  # the files say so, and whoever changed those knows
    turn_ms = one.span.start_ms if one.shift is None else one.shift.slot.span.start_ms
    if not say_once(tx, f"left:{room.community}/{room.key}/{turn_ms}/{one.user}", now.at_ms):
        return
    with speaking(community.locale):
        said = words.has_left(one.user, room.name, saying.moment(one.span.end_ms, community.zone))
        yield Send(
            step=f"left:{room.community}/{room.key}:{now.at_ms}",
            room=control,
            priority=Priority.STRUCTURE,
            expires_ms=one.span.end_ms,
            content=content.text(said, mentions=community.leads, people=[one.user]),
        )
