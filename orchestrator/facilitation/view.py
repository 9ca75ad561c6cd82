"""A community's rota as it is at one moment: who is on from now on, what is open, and who could take it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from orchestrator.documents.declared import Community
from orchestrator.errors import Refusal
from orchestrator.i18n import _
from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS
from orchestrator.model.feature import Tx
from orchestrator.model.ids import RoomKey, UserId
from orchestrator.store import bindings

from . import wording
from .duty import is_gone, without_gone_behind
from .plans import plan_of, plans_of
from .records.ledger import ledger_of
from .rota.assigning import assign
from .rota.picking import Candidate, ranked
from .rota.resolving import joined, resolve
from .rota.things import Ledger, Part, Plan, Slot, Stretch, Why
from .rota.timeline import temporary_turns

AHEAD_MS = 30 * DAY_MS
"""How far one looks at least, also where less is published: what nobody could take there is known, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Who is on from a moment on.

    Attributes:
        plans: of the rooms that are there, and have a rota.
        reserved: all that was settled, where a turn that waits for somebody's yes counts as theirs.
        stretches: from now on, of all rooms and parts, in order of start; of what runs only the rest.
        gone: who takes turns in a room by the files, and is not in it any more.
    """

    community: Community
    now_ms: int
    plans: tuple[Plan, ...]
    reserved: Ledger
    stretches: tuple[Stretch, ...]
    gone: Mapping[RoomKey, frozenset[UserId]]

    @classmethod
    def of(cls, tx: Tx, community: Community, now_ms: int) -> View:
        """Look at a community's rota as it is now."""
        plans = standing(tx, community)
        ledger = ledger_of(tx, community.key)
        ahead_ms = max([AHEAD_MS, *(plan.rota.publish_ms for plan in plans)])
        shifts = assign(plans, ledger, Span(now_ms, now_ms + ahead_ms))
        until_ms = max((shift.slot.span.end_ms for shift in shifts), default=now_ms)
        window = Span(now_ms, max(until_ms, now_ms + ahead_ms))
        found = [one for plan in plans for one in resolve(plan, shifts, ledger, window, now_ms)]
        return cls(
            community=community,
            now_ms=now_ms,
            plans=plans,
            reserved=ledger_of(tx, community.key, reserved=True),
            stretches=tuple(sorted(joined(found), key=lambda one: (one.span.start_ms, one.room, one.part))),
            gone={plan.room: gone_from(tx, community, plan) for plan in plans},
        )

    def held_by(self, user: UserId, part: Part | None = None) -> list[Stretch]:
        """List what somebody is on for, in order of start."""
        return [one for one in self.stretches if one.user == user and part in {None, one.part}]

    def gaps(self) -> list[Stretch]:
        """List when nobody is on who should be, in order of start; watching is no duty."""
        return [
            one for one in self.stretches if one.user is None and one.part is not Part.SHADOW and one.shift is not None
        ]

    def unkept(self) -> list[Stretch]:
        """List when whoever a temporary schedule names is not on, as they are away: only the files put somebody else on."""
        return [
            replace(one, span=overlap)
            for plan in self.plans
            for _user, span in temporary_turns(plan)
            for one in self.stretches
            if (one.room, one.part, one.user, one.shift) == (plan.room, Part.FACILITATOR, None, None)
            and (overlap := one.span.common(span)) is not None
        ]

    def written_for(self, user: UserId) -> list[Stretch]:
        """List what somebody is on for by a temporary schedule: nobody can hand that on."""
        return [one for one in self.held_by(user) if one.why is Why.TEMPORARY]

    def on_in(self, room: RoomKey, part: Part, span: Span) -> list[Stretch]:
        """List who is on in a span, cut to it."""
        return [
            replace(one, span=overlap)
            for one in self.stretches
            if one.room == room and one.part is part and (overlap := one.span.common(span)) is not None
        ]

    def is_held_by(self, user: UserId | None, room: RoomKey, part: Part, span: Span) -> bool:
        """Tell whether somebody is on all through a span, and nobody else in any part of it."""
        found = self.on_in(room, part, span)
        held_ms = sum(one.span.length_ms for one in found)
        return held_ms == span.length_ms and all(one.user == user for one in found)

    def could(self, slot: Slot, besides: Iterable[UserId] = ()) -> tuple[Candidate, ...]:
        """List who could take a turn or a piece of one, the best first; nobody who has left the room."""
        return ranked(self.plans, slot, self.reserved, self.gone.get(slot.room, frozenset()).union(besides))

    def plan(self, room: RoomKey) -> Plan | None:
        """Find a room's plan."""
        return next((plan for plan in self.plans if plan.room == room), None)


def standing(tx: Tx, community: Community) -> tuple[Plan, ...]:
    """Build the plans of the rooms that exist; nobody stands in who has left."""
    plans = (plan for plan in plans_of(community) if bindings.bound_room(tx, community.key, plan.room) is not None)
    return tuple(without_gone_behind(tx, community, plan) for plan in plans)


def gone_from(tx: Tx, community: Community, plan: Plan) -> frozenset[UserId]:
    """List who takes turns in a room, or watches, and is not in it any more."""
    bound = bindings.bound_room(tx, community.key, plan.room)
    people = {*(keeper.user for keeper in plan.keepers), *plan.shadows}
    return frozenset(user for user in people if is_gone(tx, bound, user))


def piece_of(stretch: Stretch, span: Span | None = None) -> Slot:
    """Make a stretch, or a span of it, a turn of its own, such that one can ask who could take it."""
    slot = stretch.shift.slot if stretch.shift is not None else None
    return Slot(
        stretch.span if span is None else span,
        stretch.room,
        stretch.part,
        "" if slot is None else slot.layer,
        1 if slot is None else slot.weight,
    )


def check_may_keep(community: Community, room: RoomKey, user: UserId) -> None:
    """Check that somebody may take a turn in a room.

    Raises:
        Refusal: they are nobody who keeps it.
    """
    found = community.room(room)
    if user in community.leads or (found is not None and user in found.facilitators):
        return
    check_staff(community, user)
    if found is not None and user in found.shadows:
        raise Refusal(
            _(
                "You are still watching how it is done in {room}. When you would like to keep it yourself, tell a lead."
            ).format(room=found.name)
        )
    raise Refusal(
        _("You are not on the list for {room} yet. If you would like to help out there, tell a lead.").format(
            room=community.name_of(room)
        )
    )


def check_can_keep(tx: Tx, community: Community, room: RoomKey, user: UserId, span: Span) -> None:
    """Check that somebody can be on in a room in a span: they are there, and on its list then.

    Raises:
        Refusal: they are not.
    """
    found, name = community.room(room), community.name_of(room)
    if is_gone(tx, bindings.bound_room(tx, community.key, room), user):
        raise Refusal(
            _(
                "You are not in {room} any more, so I can't put you on for it. Once you are there again, ask me again."
            ).format(room=name)
        )
    plan = None if found is None else plan_of(community, found)
    if plan is None or user in community.leads or user in plan.fallback:
        return
    if not any(keeper.user == user and keeper.serves(span) for keeper in plan.keepers):
        raise Refusal(
            _(
                "You are on the list for {room} at other times, and not all through that. To change it, tell a lead."
            ).format(room=name)
        )


def check_staff(community: Community, user: UserId) -> None:
    """Check that somebody looks after a community.

    Raises:
        Refusal: they do not.
    """
    if user not in community.staff():
        raise Refusal(wording.for_keepers())
