"""Who may talk to the bot in private, and which rooms that makes direct rooms.

Only direct invitations are taken, only from people that the bot has to do with, and only a few a day from each. A lead
may ask it back into a room of ours that it was taken out of. Everything else is declined without a word.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.documents.declared import Documents
from orchestrator.i18n import _
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Priority, Result, SetMembership
from orchestrator.model.events import Event, Member
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import RoomId, UserId
from orchestrator.store import bindings, timers
from orchestrator.store.rows import number

CRAFT = "rooms"
PER_DAY = 3
"""How many direct rooms one person may open in a day."""

DECLINES_WAITING = 20
"""How many refusals may wait to be sent; invitations beyond that stay unanswered, so that a flood costs nothing."""

AWAITED = "awaited:"
"""How the keys of timers begin that name a room to which a lead is about to invite us, so that it is taken over."""

_ACCEPT = "accept:"
_DECLINE = "decline:"


def answer_invite(
    tx: Tx, documents: Documents, room: RoomId, inviter: UserId, now: Now, *, direct: bool
) -> Iterator[AnyEffect]:
    """Come, or decline."""
    binding = bindings.binding_of(tx, room)
    if binding is not None:
        community = documents.community(binding.community)
        if community is not None and inviter in community.leads:
            yield SetMembership(
                step=f"return:{room}",
                priority=Priority.STRUCTURE,
                room=room,
                user=now.me,
                membership="join",
                rule="asked-back",
            )
            return
    elif timers.timer_of(tx, CRAFT, f"{AWAITED}{room}") is not None and any(
        inviter in community.leads for community in documents.of(tx.account).communities
    ):
        yield SetMembership(
            step=f"awaited:{room}",
            priority=Priority.STRUCTURE,
            room=room,
            user=now.me,
            membership="join",
            rule="awaited",
        )
        return
    elif direct and _knows(tx, documents, inviter) and _asked(tx, f"{_ACCEPT}{inviter}:", now.at_ms - DAY_MS) < PER_DAY:
        yield SetMembership(
            step=f"{_ACCEPT}{inviter}:{room}",
            priority=Priority.REPLY,
            person=inviter,
            room=room,
            user=now.me,
            membership="join",
            tag=inviter,
            rule="direct",
        )
        return
    if _waiting(tx, _DECLINE) < DECLINES_WAITING:
        yield SetMembership(step=f"{_DECLINE}{room}", room=room, user=now.me, membership="leave", rule="declined")


def came(tx: Tx, result: Result, now: Now) -> Iterator[AnyEffect]:
    """Take note that an invitation was followed: the room is this person's, unless somebody else is in it too."""
    if result.outcome == "done" and result.room is not None and result.step.startswith(_ACCEPT):
        user = UserId(result.tag)
        bindings.set_direct(tx, user, result.room)
        if not bindings.is_private(tx, result.room, user, now.me):
            bindings.drop_direct(tx, result.room)
            yield _too_many(result.room, now.me)


def watch_direct(tx: Tx, event: Event, now: Now) -> Iterator[AnyEffect]:
    """Leave a direct room when a third person is in it, and when its person has left.

    An invitation that was declined is different: the door stays as it is, and nobody is asked again through a new one.
    """
    user = bindings.direct_user(tx, event.room)
    if user is None:
        return
    third, gone = event.sender != user, False
    if isinstance(event, Member):
        third = False  # the mirror knows already
        gone = event.user == user and event.membership in {"leave", "ban"} and event.before == "join"
    if third or not bindings.is_private(tx, event.room, user, now.me):
        bindings.drop_direct(tx, event.room)
        yield _too_many(event.room, now.me)
    elif gone:
        bindings.drop_direct(tx, event.room)
        yield SetMembership(
            step=f"close:{event.room}", room=event.room, user=now.me, membership="leave", rule="left-alone"
        )


def _knows(tx: Tx, documents: Documents, user: UserId) -> bool:
    """Tell whether somebody is in a community of ours, named by one, or was the subject of something we did."""
    if any(user in community.staff() for community in documents.communities) or bindings.communities_of(tx, user):
        return True
    row = tx.one(
        'select 1 as known from reason where account = :account and "user" = :user'
        " union all select 1 from journal where account = :account and target = :user limit 1",
        user=user,
    )
    return row is not None


def _asked(tx: Tx, prefix: str, since_ms: int) -> int:
    """Count effects of ours whose step begins so, waiting or done since then."""
    row = tx.one(
        "select count(*) as n from journal where account = :account and craft = :craft"
        " and substr(step, 1, :length) = :prefix and at_ms > :since_ms",
        craft=CRAFT,
        prefix=prefix,
        length=len(prefix),
        since_ms=since_ms,
    )
    return _waiting(tx, prefix) + (0 if row is None else number(row, "n"))


def _waiting(tx: Tx, prefix: str) -> int:
    row = tx.one(
        "select count(*) as n from outbox where account = :account and craft = :craft"
        " and substr(step, 1, :length) = :prefix",
        craft=CRAFT,
        prefix=prefix,
        length=len(prefix),
    )
    return 0 if row is None else number(row, "n")


def _too_many(room: RoomId, me: UserId) -> SetMembership:
    reason = _("Here I only talk with one person at a time. Write to me alone whenever you like.")
    return SetMembership(
        step=f"third:{room}",
        priority=Priority.STRUCTURE,
        room=room,
        user=me,
        membership="leave",
        reason=reason,
        rule="third-person",
    )
