"""What was, written down as it was: who had heard of their turn, was on the rota, and was there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import Community, Room
from orchestrator.facilitation import news
from orchestrator.facilitation.duty import is_gone
from orchestrator.facilitation.offers.turns import is_asked_about, is_touched
from orchestrator.facilitation.records.holdings import Held
from orchestrator.facilitation.records.ledger import ledger_of
from orchestrator.facilitation.records.offers import offers_of
from orchestrator.facilitation.records.served import add_served, note_recorded, recorded_ms, set_back
from orchestrator.facilitation.records.shifts import Given, State, put_shift, shifts_of
from orchestrator.facilitation.rota.assigning import assign
from orchestrator.facilitation.rota.people import unserved
from orchestrator.facilitation.rota.resolving import resolve
from orchestrator.facilitation.rota.things import Plan, Shift, Slot, Stretch, Why
from orchestrator.facilitation.view import standing
from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS, MINUTE_MS
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import RoomKey, UserId
from orchestrator.schedule import subtract
from orchestrator.store import bindings

LATE_MS: Final = 15 * MINUTE_MS
"""A turn that is begun so much later than it should have been, nobody could begin in time who had not heard of it."""
LEAP_MS: Final = 2 * DAY_MS
"""A clock that is set back by more than this ran ahead before; by less it may be corrected a little, and nothing is lost."""


def record(
    tx: Tx, community: Community, now: Now, *, were: Mapping[tuple[RoomKey, UserId], bool] | None = None
) -> None:
    """Write down who was on until now, as it stood; before anything is changed that could make it look otherwise.

    Args:
        tx: the transaction.
        community: whose rooms.
        now: when.
        were: who was in a room until now, or was not, where that is other than it is now.
    """
    plans = standing(tx, community)
    since = {plan.room: recorded_ms(tx, community.key, plan.room) for plan in plans}
    behind = {room: at_ms for room, at_ms in since.items() if at_ms is not None and at_ms < now.at_ms}
    for key, at_ms in since.items():
        if at_ms is None:
            note_recorded(tx, community.key, key, now.at_ms)
        elif at_ms > now.at_ms + LEAP_MS:
            set_back(tx, community.key, key, now.at_ms)
    if not behind:
        return
    ledger = ledger_of(tx, community.key)
    window = Span(min(behind.values()), now.at_ms + 1)
    shifts = assign(plans, ledger, window)
    given = {one.shift.slot: one for one in shifts_of(tx, community.key, window)}
    shifts = tuple(_as_heard(tx, community, shift, given, behind, now) for shift in shifts)
    for plan in plans:
        room, from_ms = community.room(plan.room), behind.get(plan.room)
        if room is None or from_ms is None:
            continue
        # A turn that has just begun and was given to nobody yet is given first, and written down after that.
        begun = [
            shift.slot.span.start_ms
            for shift in shifts
            if shift.slot.room == plan.room
            and now.at_ms in shift.slot.span
            and shift.slot not in given
            and shift.slot.span.start_ms >= now.at_ms - LATE_MS
        ]
        until_ms = max(min([now.at_ms, *begun]), from_ms)
        found = resolve(plan, shifts, ledger, Span(from_ms, until_ms), from_ms)
        there = {user: there for (key, user), there in (were or {}).items() if key == plan.room}
        add_served(tx, community.key, _as_there(tx, community, room, plan, found, there))
        note_recorded(tx, community.key, plan.room, until_ms)


def _as_heard(
    tx: Tx,
    community: Community,
    shift: Shift,
    given: Mapping[Slot, Given],
    behind: Mapping[RoomKey, int],
    now: Now,
) -> Shift:
    """Leave to nobody what began while nobody looked, where whoever would have had it never heard of it.

    So whose turn it is goes on from whoever had the last one and knew.
    """
    slot, one = shift.slot, given.get(shift.slot)
    since_ms = behind.get(slot.room)
    seen = since_ms is None or slot.span.start_ms <= since_ms or slot.span.start_ms >= now.at_ms - LATE_MS
    if seen or shift.user is None or (one is not None and _has_heard(tx, community, one, shift.user)):
        return shift
    nobody = replace(shift, user=None, gave_way=frozenset())
    if one is not None and slot.span.end_ms <= now.at_ms:
        put_shift(tx, community.key, Given(shift=nobody, state=State.OPEN))
    return nobody


def _has_heard(tx: Tx, community: Community, given: Given, user: UserId) -> bool:
    slot = given.shift.slot
    if given.state in {State.ACCEPTED, State.UNCONFIRMED} or is_touched(tx, community, given):
        return True
    if any(offer.user == user for offer in offers_of(tx, community.key, slot)):
        return True
    held = Held(room=slot.room, part=slot.part, span=slot.span, user=user)
    return not is_asked_about(community, given) and not news.is_untold(tx, community, held)


def _as_there(
    tx: Tx, community: Community, room: Room, plan: Plan, found: Iterable[Stretch], there: Mapping[UserId, bool]
) -> Iterator[Stretch]:
    """Leave out who was not on the rota any more, or not in the room."""
    bound = bindings.bound_room(tx, community.key, room.key)
    for one in found:
        if one.user is None:
            yield one
        elif not there.get(one.user, not is_gone(tx, bound, one.user)):
            yield replace(one, user=None, why=Why.GAP)
        elif one.why in {Why.TEMPORARY, Why.FALLBACK} or one.user in community.leads or one.user in plan.fallback:
            yield one
        else:
            off = unserved(plan, one.user, one.part, one.span)
            pieces = [replace(one, span=span, user=None, why=Why.GAP) for span in off]
            pieces += [replace(one, span=span) for span in subtract([one.span], off)]
            yield from sorted(pieces, key=lambda piece: piece.span)
