"""Who is called when somebody raises a hand, where they hear of it, and whether they have yet.

They are called in the control room. A mention rings only for who is in the room, so whoever is called and is not there is
told in private as well; and when nobody is there who could read it, the leads are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from orchestrator.documents.declared import Community
from orchestrator.i18n import speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.effects import AnyEffect, Priority, Send, SendDirect
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.model.ids import JsonObject, RoomKey, UserId
from orchestrator.store import mirror, outbox
from orchestrator.store.rows import dump
from orchestrator.store.timers import clear_timer, set_timer, timer_of

from . import calling_words as words
from .calling_words import Asked
from .notices import Duty, whom_to_ask
from .places import NAME, control_room

DO_ASK: Final = "raise"
DO_LEAD: Final = "raise-lead"
RAISED: Final = "raised:"
COUNT: Final = "leads:"

AGAIN_AFTER_MS: Final = (5 * MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS)
"""A hand raised again within this time of the first, second ... is answered, and not passed on: whoever is asked must not be
called by the minute, or they will stop listening."""

FORGOTTEN_AFTER_MS: Final = DAY_MS
"""After so long without one the next is a first again."""

COUNTED_WITHIN_MS: Final = DAY_MS
"""When nobody could be told in private within this time, the person is told so, though it is still tried."""


def call_people(
    tx: Tx, duty: Duty, community: Community, user: UserId, key: RoomKey | None, now: Now
) -> tuple[Asked, Sequence[AnyEffect]]:
    """Call those who look after a community, unless they were called a moment ago; tells what the person can be told."""
    called, asked = _whom(tx, duty, community, user, key, now)
    if not called:
        return Asked.NOBODY, ()
    if _is_trying(tx, community, user, now):
        return Asked.TRYING, ()
    if not _is_time(tx, community, user, now):
        return Asked.KNOWN, ()
    room = control_room(tx, community)
    present = set() if room is None else {known.user for known in mirror.members(tx, room)}
    if room is None or present.isdisjoint(community.staff() - {user}):
        return asked, call_in_private(tx, community, user, key, called, now)
    with speaking(community.locale):
        said = words.asks_for_contact(user, _name(community, key), called)
    tag: JsonObject = {"do": DO_ASK, "community": community.key, "user": user, "key": key, "called": list(called)}
    call = Send(
        step=f"raise:{community.key}",
        priority=Priority.SAFETY,
        room=room,
        # Not a notice: notices never ring, whoever they mention (push rule .m.rule.suppress_notices).
        content=content.text(said, mentions=called, people=[user]),
        merge=_hand(community, user),
        tag=dump(tag),
    )
    return asked, (call, *_privately(community, user, key, [one for one in called if one not in present]))


def call_in_private(
    tx: Tx, community: Community, user: UserId, key: RoomKey | None, called: Iterable[UserId], now: Now
) -> Sequence[AnyEffect]:
    """Tell every lead, and whoever else is called, in private; counted, so that it is known when nobody was reached."""
    people = [one for one in dict.fromkeys((*called, *community.leads)) if one != user]
    if not people:
        return nobody(tx, community, user)
    payload: JsonObject = {"left": len(people), "reached": False, "community": community.key, "user": user}
    due_ms = now.at_ms + COUNTED_WITHIN_MS
    set_timer(tx, Timer(craft=NAME, key=_count_key(community, user), due_ms=due_ms, payload=payload))
    return _privately(community, user, key, people, {"do": DO_LEAD, "community": community.key, "user": user})


def count(tx: Tx, community: Community, user: UserId, *, reached: bool) -> Sequence[AnyEffect]:
    """Count who was reached in private; when nobody was, say so to the one who asked."""
    timer = timer_of(tx, NAME, _count_key(community, user))
    if timer is None:
        return ()
    left = timer.payload.get("left")
    left = left - 1 if isinstance(left, int) else 0
    reached = reached or timer.payload.get("reached") is True
    if left > 0:
        payload: JsonObject = {**timer.payload, "left": left, "reached": reached}
        set_timer(tx, Timer(craft=NAME, key=timer.key, due_ms=timer.due_ms, payload=payload))
        return ()
    clear_timer(tx, NAME, timer.key)
    return () if reached else nobody(tx, community, user)


def nobody(tx: Tx, community: Community, user: UserId) -> Sequence[AnyEffect]:
    """Tell somebody that nobody could be reached; should they ask again, it is tried again."""
    clear_timer(tx, NAME, _raised_key(community, user))
    with speaking(community.locale):
        said = content.notice(words.nobody_reached([community], user), people=community.leads)
    return (SendDirect(step=f"nobody:{community.key}", priority=Priority.SAFETY, user=user, content=said),)


def may_call_again(tx: Tx, timer: Timer, now: Now) -> None:
    """Let a hand be raised again, and remember for a while how often it was."""
    if timer.payload.get("shut") is True:
        payload = {**timer.payload, "shut": False}
        set_timer(tx, Timer(craft=NAME, key=timer.key, due_ms=now.at_ms + FORGOTTEN_AFTER_MS, payload=payload))


def _whom(
    tx: Tx, duty: Duty, community: Community, user: UserId, key: RoomKey | None, now: Now
) -> tuple[Sequence[UserId], Asked]:
    # Who is on duty, or leads, may need somebody, too.
    on_duty = [one for one in whom_to_ask(tx, duty, community.key, key, now) if one != user]
    if on_duty:
        return on_duty, Asked.ON_DUTY
    leads = [one for one in community.leads if one != user]
    return (leads, Asked.LEADS) if leads else (sorted(community.staff() - {user}), Asked.OTHERS)


def _is_trying(tx: Tx, community: Community, user: UserId, now: Now) -> bool:
    """Tell whether nobody was reached yet, and it is still tried."""
    if outbox.merging(tx, NAME, _hand(community, user)) is not None:
        return True
    counted = timer_of(tx, NAME, _count_key(community, user))
    return counted is not None and counted.due_ms > now.at_ms and counted.payload.get("reached") is not True


def _is_time(tx: Tx, community: Community, user: UserId, now: Now) -> bool:
    """Tell whether to pass a hand on now, and note that it was."""
    key = _raised_key(community, user)
    timer, times = timer_of(tx, NAME, key), 0
    # After we were away it may be long overdue: messages are taken in before timers are.
    overdue_ms = 0 if timer is None else now.at_ms - timer.due_ms
    if timer is not None and timer.payload.get("shut") is True:
        if overdue_ms < 0:
            return False
        overdue_ms -= FORGOTTEN_AFTER_MS
    if timer is not None and overdue_ms < 0:
        known = timer.payload.get("times")
        times = known if isinstance(known, int) else 0
    wait_ms = AGAIN_AFTER_MS[min(times, len(AGAIN_AFTER_MS) - 1)]
    payload: JsonObject = {"shut": True, "times": times + 1}
    set_timer(tx, Timer(craft=NAME, key=key, due_ms=now.at_ms + wait_ms, payload=payload))
    return True


def _privately(
    community: Community, user: UserId, key: RoomKey | None, people: Iterable[UserId], tag: JsonObject | None = None
) -> Sequence[AnyEffect]:
    with speaking(community.locale):
        said = words.asks_for_contact(user, _name(community, key), (), private=True)
    return tuple(
        SendDirect(
            step=f"raise:{community.key}:{person}",
            priority=Priority.SAFETY,
            user=person,
            content=content.text(said, people=[user]),
            merge=f"{_hand(community, user)} {person}",
            tag="" if tag is None else dump(tag),
        )
        for person in people
    )


def _hand(community: Community, user: UserId) -> str:
    return f"hand:{community.key}/{user}"


def _raised_key(community: Community, user: UserId) -> str:
    return f"{RAISED}{community.key}/{user}"


def _count_key(community: Community, user: UserId) -> str:
    return f"{COUNT}{community.key}/{user}"


def _name(community: Community, key: RoomKey | None) -> str | None:
    room = None if key is None else community.room(key)
    return None if room is None else room.name
