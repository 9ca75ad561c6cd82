"""Who is asked into which room: once, and a no is a no for ever.

Leads and facilitators are invited to the space and to the control room; all other rooms they enter from the space, but
for those that nobody can enter uninvited. Members are not invited: they come by the space. Whoever left or declined, or
was removed by a person, is not asked again; only whom the bot itself took out of the control room, because they were no
longer on the roster, is asked again when they are back on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.documents.declared import CONTROL_KEY, Community, Room
from orchestrator.i18n import _
from orchestrator.model.effects import Priority, SetMembership
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, RoomId, UserId
from orchestrator.store import mirror

from .create import joins_by_itself


def invitations(tx: Tx, community: Community, room: Room, where: RoomId, me: UserId) -> Iterator[SetMembership]:
    """List whom to invite to a room that exists."""
    for user in sorted(_asked(community, room) - {me}):
        seen = mirror.member(tx, where, user)
        if seen is None:
            yield _invite(where, user, f"invite:{where}:{user}")
        elif room.key == CONTROL_KEY and seen.membership == "leave" and seen.sender == me:
            yield _invite(where, user, f"invite:{where}:{user}:{seen.event}", based_on=seen.event)


def departures(tx: Tx, community: Community, where: RoomId, me: UserId) -> Iterator[SetMembership]:
    """List who is in the control room, or invited to it, and not on the roster any more.

    What members raise in confidence is read there, so this does not wait behind other things.
    """
    staff = community.staff()
    for present in (*mirror.members(tx, where, "join"), *mirror.members(tx, where, "invite")):
        if present.user != me and present.user not in staff:
            yield SetMembership(
                step=f"roster:{where}:{present.user}:{present.event}",
                priority=Priority.SAFETY,
                room=where,
                user=present.user,
                membership="leave",
                reason=_("This room is for those who keep the rooms at the moment. Thank you for everything you gave."),
                based_on=present.event,
                rule="roster",
            )


def _asked(community: Community, room: Room) -> frozenset[UserId]:
    if room.kind == "space" or room.key == CONTROL_KEY:
        return community.staff()
    return frozenset() if joins_by_itself(room) else frozenset((*community.leads, *room.facilitators))


def _invite(room: RoomId, user: UserId, step: str, *, based_on: EventId | None = None) -> SetMembership:
    # Where the person has a membership that we did not know of, delivery leaves it at that.
    return SetMembership(
        step=step,
        priority=Priority.STRUCTURE,
        room=room,
        user=user,
        membership="invite",
        based_on=based_on,
        rule="roster",
    )
