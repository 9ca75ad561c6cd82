"""A hand that is raised: somebody asks to be contacted by a person, and the people who look after them hear of it.

Their words are not passed on; they choose what to say to whom. What is sent because of it goes before everything else that
waits. How urgent it is, is asked in private; whoever does not answer is passed on all the same, and so is whoever asks
twice. When nobody can be told the person is told so, with names to turn to: nobody is left waiting for an answer that will
not come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orchestrator.culture.notices import Duty
from orchestrator.documents.declared import Community, Documents
from orchestrator.errors import Refusal
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import AnyEffect, Priority, Result, Send, SendDirect
from orchestrator.model.feature import Call, Now, Tx
from orchestrator.model.ids import EventId, JsonObject, RoomId, RoomKey, UserId
from orchestrator.store import bindings
from orchestrator.store.rows import dump

from . import calling, former, levels, records, urgency, whereabouts, words
from .levels import Level, Wish
from .records import UNKNOWN, Hand, State

DO_PRIVATE: Final = "private"

WORTH_ANSWERING_MS: Final = HOUR_MS


def raise_hand(tx: Tx, documents: Documents, duty: Duty, call: Call, now: Now) -> Sequence[AnyEffect]:
    """Ask the caller how urgent it is, or, where they said it or ask again, pass it on at once.

    In a room the community is the room's. In a direct room it is the one named after the command, or else every community
    whose rooms the caller is in: better one person too many hears of it than nobody.

    Raises:
        Refusal: the caller is in none of our rooms.
    """
    user = call.event.sender
    communities, wish = _communities(tx, documents, call), Wish()
    if communities:
        keepers = frozenset().union(*(community.staff() for community in communities)) - {user}
        wish = levels.read(call.args, call.event.mentions, keepers)
    if wish.about is not None:
        communities = [one for one in communities if wish.about in one.staff()]
    if not communities:
        raise Refusal(
            _(
                "I'm sorry, I can't ask anybody for you: I don't know a group that we are both part of. If you are in"
                " danger right now, please call your local emergency number, or go to someone near you."
            )
        )
    linked = whereabouts.linked(tx, user, wish)
    waiting = records.hands_of(tx, user, State.ASKING)
    if linked is not None and wish.level is None and (told := whereabouts.told(tx, documents, duty, user, linked, now)):
        return told
    if linked is not None:
        communities = [one for one in communities if one.key == linked[0].community] or communities
    level = wish.level or (Level.COME if waiting else _raised_before(tx, user, communities))
    if level is None and now.at_ms - call.event.at_ms > urgency.MOST_WAIT_MS:
        level = Level.LOOK  # we were away, and they have waited long enough
    urgency.stop_asking(tx, user)
    hands = [
        Hand(
            id=records.id_of(call.event.id, community.key),
            community=community.key,
            key=_room_of(tx, call, community, linked),
            user=user,
            level=level or Level.LOOK,
            named=wish.named,
            about=wish.about or (UNKNOWN if wish.about_someone else ""),
            event=_event_of(call, wish, linked),
            state=State.ASKING,
            step=0,
            asked=(),
            since_ms=now.at_ms,
        )
        for community in communities
    ]
    tag: JsonObject = {"room": call.event.room, "event": call.event.id, "direct": call.direct}
    if level is None:
        return urgency.ask_level(tx, documents, duty, hands, tag, now)
    effects, said, people = urgency.send(tx, documents, duty, hands, now)
    return [
        *effects,
        privately(call, said, now, priority=Priority.SAFETY, people=people),
        *urgency.ask_where(tx, documents, hands),
    ]


def _raised_before(tx: Tx, user: UserId, communities: Sequence[Community]) -> Level | None:
    """Tell how urgent it was where a hand of theirs is still up: that is not asked again."""
    keys = {community.key for community in communities}
    up = records.hands_of(tx, user, State.CALLED, State.SILENT)
    return max((hand.level for hand in up if hand.community in keys), default=None)


def privately(
    call: Call, said: str, now: Now, *, priority: Priority = Priority.REPLY, people: Sequence[UserId] = ()
) -> AnyEffect:
    """Answer a command so that only the caller reads it; if that fails, the room is told no more than that."""
    user = call.event.sender
    answer = content.notice(said, people=people)
    if call.direct:
        return Send(
            step="answer",
            priority=priority,
            room=call.event.room,
            person=user,
            expires_ms=now.at_ms + WORTH_ANSWERING_MS,
            merge=f"answer:{call.name}:{user}",
            content=content.reply(answer, to=call.event.id, thread=call.event.thread) if call.event.thread else answer,
        )
    return SendDirect(
        step="answer",
        priority=priority,
        user=user,
        person=user,
        expires_ms=now.at_ms + WORTH_ANSWERING_MS,
        merge=f"answer:{call.name}:{user}",
        content=answer,
        tag=dump({"do": DO_PRIVATE, "room": call.event.room, "event": call.event.id, "community": call.community}),
    )


def done(tx: Tx, documents: Documents, duty: Duty, result: Result, tag: JsonObject, now: Now) -> Sequence[AnyEffect]:
    """Follow up on what could not be said, or not in time."""
    do, lost = tag.get("do"), result.outcome in ("refused", "expired")
    if do == calling.DO_LEAD:
        return _lead_told(tx, documents, tag, reached=result.outcome == "done")
    if not lost:
        return ()
    if do == urgency.DO_LEVEL:
        return _could_not_ask(tx, documents, duty, tag, now)
    community = former.community_of(documents, tag.get("community"))
    hand = records.hand_of(tx, str(tag.get("hand")))
    if community is not None and do == DO_PRIVATE:
        return _tell_in_room(community, tag, now)
    if community is None or hand is None or hand.state not in (State.CALLED, State.SILENT):
        return ()
    return calling.call_in_private(tx, community, hand, hand.asked, now=now)


def _could_not_ask(tx: Tx, documents: Documents, duty: Duty, tag: JsonObject, now: Now) -> Sequence[AnyEffect]:
    """Pass a hand on at once whose owner never saw the question: nobody waits for an answer to it."""
    found = urgency.of_documents(documents, urgency.waiting(tx, tag))
    if not found:
        return ()
    told = () if tag.get("direct") is True else _tell_in_room(found[0][0], tag, now)
    return [*told, *urgency.send_and_tell(tx, documents, duty, [hand for _community, hand in found], now)]


def _lead_told(tx: Tx, documents: Documents, tag: JsonObject, *, reached: bool) -> Sequence[AnyEffect]:
    """Count who was reached in private."""
    community = former.community_of(documents, tag.get("community"))
    hand = records.hand_of(tx, str(tag.get("hand")))
    return () if community is None or hand is None else calling.count(tx, community, hand, reached=reached)


def _communities(tx: Tx, documents: Documents, call: Call) -> list[Community]:
    if not call.direct:
        found = documents.community(call.community) if call.community is not None else None
        return [] if found is None else [found]
    mine = documents.answering_to(bindings.communities_of(tx, call.event.sender))
    spoken = " ".join(call.args).casefold()
    levelled = " ".join(call.args[1:]).casefold()
    return [c for c in mine if {c.key.casefold(), c.name.casefold()} & {spoken, levelled}] or list(mine)


def _room_of(
    tx: Tx, call: Call, community: Community, linked: tuple[bindings.Binding, EventId] | None
) -> RoomKey | None:
    if linked is not None and linked[0].community == community.key:
        return linked[0].key
    if not call.direct:
        return call.room_key
    theirs = whereabouts.rooms_of(tx, community, call.event.sender)
    return theirs[0] if len(theirs) == 1 else None


def _event_of(call: Call, wish: Wish, linked: tuple[bindings.Binding, EventId] | None) -> EventId | None:
    """Find the message it is about: the one linked to, or answered; else where it was asked for, if they may be known."""
    if linked is not None:
        return linked[1]
    if call.direct:
        return None
    return call.event.reply_to or (call.event.id if wish.named else None)


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
