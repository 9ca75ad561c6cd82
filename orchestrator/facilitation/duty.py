"""Who is on duty: the rota's one answer, for everybody who asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from orchestrator.documents.declared import Community, Room
from orchestrator.model.cadence import Span
from orchestrator.model.feature import Tx
from orchestrator.model.ids import CommunityKey, RoomId, RoomKey, UserId
from orchestrator.store import bindings, mirror
from orchestrator.store.rows import number, text

from .plans import plan_of, plans_of
from .records.ledger import ledger_of
from .rota.assigning import assign, slots
from .rota.picking import ranked
from .rota.resolving import on_at, resolve
from .rota.things import Ledger, Part, Plan, Shift, Slot, Stretch, Why

KEEPING = (Part.FACILITATOR, Part.CO)
"""Who watches holds no power, and is not on duty."""


def stretches(tx: Tx, community: Community, room: Room, window: Span, now_ms: int) -> tuple[Stretch, ...]:
    """List who is on in a room in a window; what nobody was given yet is as it will come."""
    plan = plan_of(community, room)
    if plan is None:
        return ()
    ledger = ledger_of(tx, community.key)
    shifts = assign(plans_of(community), ledger, window)
    return tuple(resolve(plan, shifts, ledger, window, now_ms))


def on_now(tx: Tx, community: Community, room: Room, at_ms: int) -> dict[Part, Stretch]:
    """Tell who is on in each part of a room at an instant that is now, whoever is not there any more left out.

    Only who is on then is looked at: a stretch may end earlier than it says, where something else decides later.
    """
    plan = plan_of(community, room)
    if plan is None:
        return {}
    plan = without_gone_behind(tx, community, plan)
    shifts, ledger = _around(tx, community, plan, Span(at_ms, at_ms + 1))
    found = on_at(plan, shifts, ledger, at_ms)
    bound = bindings.bound_room(tx, community.key, room.key)
    return {part: without_gone(tx, community, room, bound, one, at_ms) for part, one in found.items()}


def _around(tx: Tx, community: Community, plan: Plan, window: Span) -> tuple[tuple[Shift, ...], Ledger]:
    ledger = ledger_of(tx, community.key, window)
    given = {shift.slot for shift in ledger.shifts}
    if all(slot in given for slot in slots(plan, window)):
        return ledger.shifts, ledger
    ledger = ledger_of(tx, community.key)  # nothing is published yet: whose turn it is rests on all that was
    return assign(plans_of(community), ledger, window), ledger


def without_gone(tx: Tx, community: Community, room: Room, bound: RoomId | None, one: Stretch, at_ms: int) -> Stretch:
    """Leave out of a stretch somebody who is not on the rota any more, or left the room: they are off at once."""
    if one.user is None:
        return one
    if may_be_on(community, room, one, at_ms) and not is_gone(tx, bound, one.user):
        return one
    return replace(one, user=None, why=Why.GAP)


def may_be_on(community: Community, room: Room, one: Stretch, at_ms: int) -> bool:
    """Tell whether the files let somebody be on at an instant, whatever the rows say."""
    plan = plan_of(community, room)
    if plan is None or one.user is None:
        return False
    if one.why in {Why.TEMPORARY, Why.FALLBACK} or one.user in community.leads or one.user in plan.fallback:
        return True
    if one.part is Part.SHADOW:
        return one.user in plan.shadows
    return any(keeper.user == one.user and keeper.serves(Span(at_ms, at_ms + 1)) for keeper in plan.keepers)


def without_gone_behind(tx: Tx, community: Community, plan: Plan) -> Plan:
    """Leave out of those who stand in where nobody else is on who is not in the room any more: the next of them does."""
    if not plan.fallback:
        return plan
    bound = bindings.bound_room(tx, community.key, plan.room)
    return replace(plan, fallback=tuple(user for user in plan.fallback if not is_gone(tx, bound, user)))


def is_gone(tx: Tx, bound: RoomId | None, user: UserId) -> bool:
    """Tell whether somebody was in a room and is not any more; whoever has never been seen may yet come."""
    seen = mirror.member(tx, bound, user) if bound is not None else None
    return seen is not None and seen.membership not in {"join", "invite"}


def on_duty(tx: Tx, community: Community, room: Room, at_ms: int) -> tuple[UserId, ...]:
    """List who is on duty in a room: whose turn it is, who is beside them, and who covers for something that came up.

    Without a rota all its facilitators are, always.
    """
    return tuple(dict.fromkeys((*keeping(tx, community, room, at_ms), *covers(tx, community, room.key, at_ms))))


def keeping(tx: Tx, community: Community, room: Room, at_ms: int) -> tuple[UserId, ...]:
    """List whose turn it is, and who is beside them."""
    if room.rota is None:
        bound = bindings.bound_room(tx, community.key, room.key)
        return () if room.archive else tuple(user for user in room.facilitators if not is_gone(tx, bound, user))
    on = on_now(tx, community, room, at_ms)
    people = (on[part].user for part in KEEPING if part in on)
    return tuple(dict.fromkeys(user for user in people if user is not None))


def in_turn(tx: Tx, community: Community, room: Room, at_ms: int) -> tuple[UserId, ...]:
    """List everybody who keeps a room, in the order in which they are asked: who is on duty, then who could take over."""
    on = on_duty(tx, community, room, at_ms)
    return tuple(dict.fromkeys((*on, *backups(tx, community, room, at_ms), *room.facilitators)))


def backups(tx: Tx, community: Community, room: Room, at_ms: int, until_ms: int | None = None) -> tuple[UserId, ...]:
    """List who could take over what somebody is on for, the best first; who is on in the room is not among them."""
    plan = plan_of(community, room)
    if plan is None:
        return ()
    on = on_now(tx, community, room, at_ms)
    stretch = on.get(Part.FACILITATOR)
    slot = stretch.shift.slot if stretch is not None and stretch.shift is not None else None
    end_ms = at_ms + 1 if until_ms is None else until_ms
    layer, weight = (plan.rota.layers[0].name, 1) if slot is None else (slot.layer, slot.weight)
    wanted = Slot(Span(at_ms, end_ms), room.key, Part.FACILITATOR, layer, weight)
    besides = {one.user for one in on.values() if one.user is not None}
    found = ranked(plans_of(community), wanted, ledger_of(tx, community.key, reserved=True), besides)
    bound = bindings.bound_room(tx, community.key, room.key)
    return tuple(one.user for one in found if not is_gone(tx, bound, one.user))


def covers(tx: Tx, community: Community, key: RoomKey, at_ms: int) -> dict[UserId, int]:
    """List who covers in a room at an instant, each with when that ends; under ``SPACE_KEY``: in the community as a whole.

    Whoever has gone from there, or looks after the community no longer, covers no more.
    """
    rows = tx.rows(
        'select "user", max(end_ms) as end_ms from cover where account = :account and community = :community'
        ' and key = :key and start_ms <= :at_ms and end_ms > :at_ms group by "user" order by min(start_ms), "user"',
        community=community.key,
        key=key,
        at_ms=at_ms,
    )
    found = {UserId(text(row, "user")): number(row, "end_ms") for row in rows}
    bound, staff = bindings.bound_room(tx, community.key, key), community.staff()
    return {user: end_ms for user, end_ms in found.items() if user in staff and not is_gone(tx, bound, user)}


def note_cover(tx: Tx, community: CommunityKey, key: RoomKey, user: UserId, span: Span) -> None:
    """Write down that somebody is on duty for a while, beside whoever is on the rota; writing it again changes nothing."""
    tx.run(
        'insert into cover (account, community, key, start_ms, end_ms, "user") values (:account, :community, :key,'
        " :start_ms, :end_ms, :user) on conflict do nothing",
        community=community,
        key=key,
        start_ms=span.start_ms,
        end_ms=span.end_ms,
        user=user,
    )


def tidy_covers(tx: Tx, before_ms: int) -> None:
    """Forget who covered until before an instant."""
    tx.run("delete from cover where account = :account and end_ms < :before_ms", before_ms=before_ms)


def of_part(found: Iterable[Stretch], part: Part) -> tuple[Stretch, ...]:
    """Leave only one part."""
    return tuple(one for one in found if one.part is part)
