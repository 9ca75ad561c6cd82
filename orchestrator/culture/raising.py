"""A hand that is raised: somebody asks to be contacted by a person, and the people who look after them hear of it.

Their words are not passed on; they choose what to say to whom. What is sent to the control room goes before everything
else that waits. Where it cannot be said there, every lead is told in private, and when that fails too the person is told
so, with names to turn to: nobody is left waiting for an answer that will not come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orchestrator.documents.declared import Community, Documents
from orchestrator.errors import Refusal
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.effects import AnyEffect, Priority, Result, Send, SendDirect
from orchestrator.model.feature import Call, Now, Timer, Tx
from orchestrator.model.ids import CommunityKey, EventId, JsonObject, RoomId, RoomKey, UserId
from orchestrator.store import bindings
from orchestrator.store.rows import dump
from orchestrator.store.timers import clear_timer, set_timer, timer_of

from . import words
from .notices import Duty, whom_to_ask
from .places import NAME, control_room

DO_ASK: Final = "raise"
DO_LEAD: Final = "raise-lead"
DO_PRIVATE: Final = "private"
TIMER: Final = "raised:"
COUNT: Final = "leads:"

AGAIN_AFTER_MS: Final = (5 * MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS)
"""A hand raised again within this time of the first, second ... is answered, and not passed on: whoever is asked must not be
called by the minute, or they will stop listening."""

FORGOTTEN_AFTER_MS: Final = DAY_MS
"""After so long without one the next is a first again."""

WORTH_ANSWERING_MS: Final = HOUR_MS
COUNTED_WITHIN_MS: Final = DAY_MS


def raise_hand(tx: Tx, documents: Documents, duty: Duty, call: Call, now: Now) -> Sequence[AnyEffect]:
    """Tell those who look after the caller's community that they would like to be contacted, and tell the caller so.

    In a room the community is the room's. In a direct room it is the one named after the command, or else every community
    whose rooms the caller is in: better one person too many hears of it than nobody.

    Raises:
        Refusal: the caller is in none of our rooms.
    """
    user = call.event.sender
    communities = _communities(tx, documents, call)
    if not communities:
        raise Refusal(
            _(
                "I'm sorry, I can't ask anybody for you: I don't know a group that we are both part of. If you are in"
                " danger right now, please call your local emergency number, or go to someone near you."
            )
        )
    effects: list[AnyEffect] = []
    on_duty, again = False, True
    for community in communities:
        asked = whom_to_ask(tx, duty, community.key, None if call.direct else call.room_key, now)
        people = [person for person in asked if person != user]  # who is on duty may need somebody, too
        on_duty = on_duty or bool(people)
        if _is_time(tx, community, user, now):
            effects += _ask(tx, community, user, None if call.direct else call.room_key, people, now)
            again = False
    with speaking(communities[0].locale):
        said = words.passed_on(communities, on_duty=on_duty, again=again)
    return [*effects, privately(call, said, now)]


def due(tx: Tx, timer: Timer, now: Now) -> None:
    """Let a hand be raised again, and remember for a while how often it was."""
    if timer.payload.get("shut") is True:
        payload = {**timer.payload, "shut": False}
        set_timer(tx, Timer(craft=NAME, key=timer.key, due_ms=now.at_ms + FORGOTTEN_AFTER_MS, payload=payload))


def _is_time(tx: Tx, community: Community, user: UserId, now: Now) -> bool:
    """Tell whether to pass a hand on now, and note that it was."""
    key = f"{TIMER}{community.key}/{user}"
    timer = timer_of(tx, NAME, key)
    if timer is not None and timer.payload.get("shut") is True:
        return False
    times = timer.payload.get("times") if timer is not None else 0
    times = times if isinstance(times, int) else 0
    wait_ms = AGAIN_AFTER_MS[min(times, len(AGAIN_AFTER_MS) - 1)]
    payload: JsonObject = {"shut": True, "times": times + 1}
    set_timer(tx, Timer(craft=NAME, key=key, due_ms=now.at_ms + wait_ms, payload=payload))
    return True


def privately(call: Call, said: str, now: Now) -> AnyEffect:
    """Answer a command so that only the caller reads it; if that fails, the room is told no more than that."""
    user = call.event.sender
    if call.direct:
        answer = content.notice(said)
        return Send(
            step="answer",
            priority=Priority.REPLY,
            room=call.event.room,
            person=user,
            expires_ms=now.at_ms + WORTH_ANSWERING_MS,
            merge=f"answer:{call.name}:{user}",
            content=content.reply(answer, to=call.event.id, thread=call.event.thread) if call.event.thread else answer,
        )
    return SendDirect(
        step="answer",
        priority=Priority.REPLY,
        user=user,
        person=user,
        expires_ms=now.at_ms + WORTH_ANSWERING_MS,
        merge=f"answer:{call.name}:{user}",
        content=content.notice(said),
        tag=dump({"do": DO_PRIVATE, "room": call.event.room, "event": call.event.id, "community": call.community}),
    )


def done(tx: Tx, documents: Documents, result: Result, tag: JsonObject, now: Now) -> Sequence[AnyEffect]:
    """Follow up on what could not be said."""
    if result.outcome not in ("refused", "expired"):
        return ()
    community = documents.community(CommunityKey(str(tag.get("community"))))
    if community is None:
        return ()
    if tag.get("do") == DO_PRIVATE:
        return _tell_in_room(community, tag, now) if result.outcome == "refused" else ()
    user = UserId(str(tag.get("user")))
    key = tag.get("key")
    return _ask_leads(tx, community, user, RoomKey(key) if isinstance(key, str) else None, now)


def lead_told(tx: Tx, documents: Documents, result: Result, tag: JsonObject) -> Sequence[AnyEffect]:
    """Count who of the leads was reached; when nobody was, say so to the one who asked."""
    user, community = UserId(str(tag.get("user"))), documents.community(CommunityKey(str(tag.get("community"))))
    timer = None if community is None else timer_of(tx, NAME, _count_key(community, user))
    if community is None or timer is None:
        return ()
    left = timer.payload.get("left")
    left = left - 1 if isinstance(left, int) else 0
    reached = timer.payload.get("reached") is True or result.outcome == "done"
    if left > 0:
        set_timer(tx, Timer(craft=NAME, key=timer.key, due_ms=timer.due_ms, payload={"left": left, "reached": reached}))
        return ()
    clear_timer(tx, NAME, timer.key)
    return () if reached else _nobody(community, user)


def _communities(tx: Tx, documents: Documents, call: Call) -> list[Community]:
    if not call.direct:
        found = documents.community(call.community) if call.community is not None else None
        return [] if found is None else [found]
    mine = documents.answering_to(bindings.communities_of(tx, call.event.sender))
    named = " ".join(call.args).casefold()
    return [c for c in mine if named in (c.key.casefold(), c.name.casefold())] or list(mine)


def _ask(
    tx: Tx, community: Community, user: UserId, key: RoomKey | None, people: Sequence[UserId], now: Now
) -> Sequence[AnyEffect]:
    room = control_room(tx, community)
    if room is None:
        return _ask_leads(tx, community, user, key, now)
    called = people or [lead for lead in community.leads if lead != user]
    with speaking(community.locale):
        said = words.asks_for_contact(user, _name(community, key), called)
    return (
        Send(
            step=f"raise:{community.key}",
            priority=Priority.SAFETY,
            room=room,
            # Not a notice: notices never ring, whoever they mention (push rule .m.rule.suppress_notices).
            content=content.text(said, mentions=called, people=[user]),
            tag=dump({"do": DO_ASK, "community": community.key, "user": user, "key": key}),
        ),
    )


def _ask_leads(tx: Tx, community: Community, user: UserId, key: RoomKey | None, now: Now) -> Sequence[AnyEffect]:
    leads = [lead for lead in community.leads if lead != user]
    if not leads:
        return _nobody(community, user)
    payload = {"left": len(leads), "reached": False}
    set_timer(
        tx, Timer(craft=NAME, key=_count_key(community, user), due_ms=now.at_ms + COUNTED_WITHIN_MS, payload=payload)
    )
    with speaking(community.locale):
        said = words.asks_for_contact(user, _name(community, key), ())
    return tuple(
        SendDirect(
            step=f"raise:{community.key}:{lead}",
            priority=Priority.SAFETY,
            user=lead,
            content=content.text(said, people=[user]),
            tag=dump({"do": DO_LEAD, "community": community.key, "user": user}),
        )
        for lead in leads
    )


def _nobody(community: Community, user: UserId) -> Sequence[AnyEffect]:
    with speaking(community.locale):
        said = content.notice(words.nobody_reached([community]), people=community.leads)
    return (SendDirect(step=f"nobody:{community.key}", priority=Priority.REPLY, user=user, content=said),)


def _count_key(community: Community, user: UserId) -> str:
    return f"{COUNT}{community.key}/{user}"


def _name(community: Community, key: RoomKey | None) -> str | None:
    room = None if key is None else community.room(key)
    return None if room is None else room.name


def _tell_in_room(community: Community, tag: JsonObject, now: Now) -> Sequence[AnyEffect]:
    with speaking(community.locale):
        said = content.notice(words.could_not_write())
    return (
        Send(
            step="could-not-write",
            priority=Priority.REPLY,
            room=RoomId(str(tag.get("room"))),
            expires_ms=now.at_ms + WORTH_ANSWERING_MS,
            content=content.reply(said, to=EventId(str(tag.get("event")))),
        ),
    )
