"""Turns are given to people some weeks ahead, and stand from then on: so everybody can plan, and nothing reshuffles them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import Community, Documents
from orchestrator.i18n import speaking
from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.store.timers import clear_timer, set_timer, timer_of, timers_of

from . import NAME
from .forgetting import forget
from .gaps import looking
from .moved import Changed
from .offers import asking
from .plans import rooms_of
from .records import overrides
from .records.ledger import ledger_of
from .records.offers import drop_offers, offers_of
from .records.overrides import Change, Kind, changes_of, put_change
from .records.shifts import Given, State, drop_shift, put_shift, shifts_of
from .rota.assigning import assign
from .rota.people import unserved
from .rota.things import GaveWay, Ledger, Plan, Shift, Stretch
from .swaps import asking as swapping
from .view import View, standing

PUBLISH: Final = "publish:"
LATE_MS: Final = 7 * DAY_MS
"""Later than this the clock may have leapt: what seems long over is forgotten a day later, if it still seems so then."""


class Publishing:
    """Publishes.

    Args:
        documents: what the authors wrote.
        changed: who else has to know that something changed.
    """

    def __init__(self, documents: Documents, changed: Changed) -> None:
        self._documents, self._changed = documents, changed

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Publish at once, and every day."""
        for community in self._documents.communities:
            yield from self.publish(tx, community, now)
            key = f"{PUBLISH}{community.key}"
            timer = timer_of(tx, NAME, key)
            if timer is None or timer.due_ms > now.at_ms + DAY_MS:  # set by a clock that ran ahead
                set_timer(tx, Timer(craft=NAME, key=key, due_ms=now.at_ms + DAY_MS))
        known = {f"{PUBLISH}{community.key}" for community in self._documents.communities}
        for timer in timers_of(tx, NAME, PUBLISH):
            if timer.key not in known:
                clear_timer(tx, NAME, timer.key)

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Publish once a day, and forget what is long over."""
        if not timer.key.startswith(PUBLISH):
            return None
        found = [one for one in self._documents.communities if timer.key == f"{PUBLISH}{one.key}"]
        if found:
            set_timer(tx, Timer(craft=NAME, key=timer.key, due_ms=now.at_ms + DAY_MS))
        if now.at_ms < timer.due_ms + LATE_MS:
            forget(tx, self._documents, now)
        return [effect for community in found for effect in self.publish(tx, community, now)]

    def publish(self, tx: Tx, community: Community, now: Now) -> Iterable[AnyEffect]:
        """Give what is to be given by now, and take back what nobody can have; doing it again changes nothing."""
        with speaking(community.locale):
            before = (shifts_of(tx, community.key), changes_of(tx, community.key))
            effects = list(_publish(tx, community, now))
            asking.plan(tx, community, now)
            swapping.plan(tx, community, now)
            if (shifts_of(tx, community.key), changes_of(tx, community.key)) != before:
                looking.plan(tx, community, now)
                effects += self._changed(tx, community, now, None)
        return effects


def _publish(tx: Tx, community: Community, now: Now) -> Iterator[AnyEffect]:
    plans = standing(tx, community)
    yield from _withdraw(tx, community, plans, now)
    yield from _part(tx, community, plans, now)
    changes = [
        one for one in changes_of(tx, community.key) if one.state in {overrides.State.OPEN, overrides.State.TAKEN}
    ]
    # Nobody could have these, and nobody was asked: perhaps somebody can by now.
    again = {
        given.shift
        for given in shifts_of(tx, community.key)
        if given.shift.user is None
        and given.shift.slot.span.start_ms > now.at_ms
        and not _touched(given, changes)
        and not offers_of(tx, community.key, given.shift.slot)
    }
    ledger = ledger_of(tx, community.key, reserved=True)
    ledger = replace(ledger, shifts=tuple(shift for shift in ledger.shifts if shift not in again))
    known = set(ledger.shifts)
    ahead_ms = {plan.room: now.at_ms + plan.rota.publish_ms for plan in plans}
    window = Span(now.at_ms, max(ahead_ms.values(), default=now.at_ms))
    for shift in assign(plans, ledger, window):
        if shift in known or shift.slot.span.start_ms >= ahead_ms.get(shift.slot.room, 0):
            continue
        # What has begun is given without asking; what would have to be asked is nobody's then.
        begun = shift.slot.span.start_ms <= now.at_ms
        if begun and GaveWay.REST in shift.gave_way:
            shift = replace(shift, user=None, gave_way=frozenset())  # noqa: PLW2901
        state = State.OPEN if shift.user is None else State.PUBLISHED
        put_shift(tx, community.key, Given(shift=shift, state=state))


def _withdraw(tx: Tx, community: Community, plans: Sequence[Plan], now: Now) -> Iterator[AnyEffect]:
    """Take back what is to come and is no turn any more."""
    given = shifts_of(tx, community.key)
    coming = [one for one in given if one.shift.slot.span.start_ms > now.at_ms]
    if not coming:
        return
    begun = tuple(one.shift for one in given if one.shift.slot.span.start_ms <= now.at_ms)
    last_ms = max(one.shift.slot.span.start_ms for one in coming)
    turns = {shift.slot for shift in assign(plans, Ledger(shifts=begun), Span(now.at_ms, last_ms + 1))}
    rooms = {plan.room for plan in plans}
    waiting = rooms_of(community)  # those whose room is not there just now keep what was given
    for one in coming:
        slot = one.shift.slot
        if slot in turns or (slot.room not in rooms and slot.room in waiting):
            continue
        # Whoever had it hears of that with all else that changed for them.
        yield from asking.close(tx, community, one, now, but=() if one.shift.user is None else (one.shift.user,))
        drop_offers(tx, community.key, slot)
        drop_shift(tx, community.key, slot)
        for change in changes_of(tx, community.key, slot.span):
            if (change.room, change.part) == (slot.room, slot.part) and slot.span.covers(change.span):
                yield from swapping.close(tx, community, change, overrides.State.WITHDRAWN, now)


def _part(tx: Tx, community: Community, plans: Sequence[Plan], now: Now) -> Iterator[AnyEffect]:
    """Take what is to come from whoever is not on the rota any more, and end what they are on for."""
    by_room = {plan.room: plan for plan in plans}
    changes = [one for one in changes_of(tx, community.key) if one.holds or one.state is overrides.State.OPEN]
    for change in changes:
        plan, giver = by_room.get(change.room), change.giver
        swap = change.state is overrides.State.OPEN and change.kind is Kind.SWAP
        if swap and plan is not None and giver is not None and unserved(plan, giver, change.part, change.span):
            yield from swapping.close(tx, community, change, overrides.State.WITHDRAWN, now)
        if change.kind is Kind.LEFT and change.taker is None and plan is not None:
            yield from _give_back(tx, community, plan, change, now)
    changes = [one for one in changes_of(tx, community.key) if one.holds]
    for given in shifts_of(tx, community.key, Span.since(now.at_ms)):
        shift, slot = given.shift, given.shift.slot
        plan = by_room.get(slot.room)
        if plan is None or shift.user is None or slot.span.start_ms <= now.at_ms or _touched(given, changes):
            continue
        if unserved(plan, shift.user, slot.part, slot.span):
            asked = [offer.user for offer in offers_of(tx, community.key, slot)]
            yield from asking.close(tx, community, given, now, but=(shift.user,))
            found = View.of(tx, community, now.at_ms).could(slot, {*asked, shift.user})
            new = (
                Shift(slot=slot, user=found[0].user, gave_way=found[0].gave_way)
                if found
                else Shift(slot=slot, user=None)
            )
            put_shift(tx, community.key, Given(shift=new, state=State.PUBLISHED if found else State.OPEN))
    for stretch in View.of(tx, community, now.at_ms).stretches:
        plan = by_room[stretch.room]
        if stretch.user is None or not _is_published(tx, community, stretch) or stretch.user in plan.rota.fallback:
            continue
        taken = stretch.override is not None and stretch.user in community.leads  # they may take any turn
        for span in () if taken else unserved(plan, stretch.user, stretch.part, stretch.span):
            put_change(
                tx,
                community.key,
                Change(
                    id=swapping.fresh_id(tx, now),
                    room=stretch.room,
                    part=stretch.part,
                    span=span,
                    giver=stretch.user,
                    kind=Kind.LEFT,
                    made_ms=now.at_ms,
                    changed_ms=now.at_ms,
                ),
            )


def _give_back(tx: Tx, community: Community, plan: Plan, change: Change, now: Now) -> Iterator[AnyEffect]:
    """Let somebody who is on the rota again, and for whom nobody stepped in, have what is left of their turn."""
    start_ms, end_ms = max(change.span.start_ms, now.at_ms), change.span.end_ms
    if change.giver is None or start_ms >= end_ms or unserved(plan, change.giver, change.part, Span(start_ms, end_ms)):
        return
    for other in changes_of(tx, community.key, Span(start_ms, end_ms)):
        if (other.room, other.part) == (change.room, change.part) and other.holds and other.id != change.id:
            return  # somebody stepped in
    yield from swapping.close(tx, community, change, overrides.State.WITHDRAWN, now)
    if start_ms > change.span.start_ms:
        # What is past of it stays as it was.
        past = replace(change, span=Span(change.span.start_ms, start_ms), state=overrides.State.OVER)
        put_change(tx, community.key, replace(past, changed_ms=now.at_ms))


def _is_published(tx: Tx, community: Community, stretch: Stretch) -> bool:
    """Tell whether a stretch rests on a published turn: only such a one can be changed."""
    return stretch.shift is not None and any(
        one.shift.slot == stretch.shift.slot for one in shifts_of(tx, community.key, stretch.shift.slot.span)
    )


def _touched(given: Given, changes: Iterable[Change]) -> bool:
    slot = given.shift.slot
    return any((one.room, one.part) == (slot.room, slot.part) and one.span.shares(slot.span) for one in changes)
