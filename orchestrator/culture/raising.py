"""A hand that is raised: somebody asks to be contacted by a person, and the people who look after them hear of it.

Their words are not passed on; they choose what to say to whom. What is sent because of it goes before everything else that
waits. When nobody can be told (``calling``) the person is told so, with names to turn to: nobody is left waiting for an
answer that will not come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orchestrator.documents.declared import Community, Documents
from orchestrator.errors import Refusal
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import AnyEffect, Priority, Result, Send, SendDirect
from orchestrator.model.feature import Call, Now, Timer, Tx
from orchestrator.model.ids import CommunityKey, EventId, JsonObject, RoomId, RoomKey, UserId
from orchestrator.store import bindings
from orchestrator.store.rows import dump

from . import calling
from . import calling_words as words
from .calling import DO_ASK, DO_LEAD
from .calling_words import Asked
from .notices import Duty

DO_PRIVATE: Final = "private"
WORTH_ANSWERING_MS: Final = HOUR_MS

__all__ = ["DO_ASK", "DO_LEAD", "DO_PRIVATE", "done", "due", "lead_told", "privately", "raise_hand"]


def raise_hand(tx: Tx, documents: Documents, duty: Duty, call: Call, now: Now) -> Sequence[AnyEffect]:
    """Tell those who look after the caller's community that they would like to be contacted, and tell the caller so.

    In a room the community is the room's. In a direct room it is the one named after the command, or else every community
    whose rooms the caller is in: better one person too many hears of it than nobody.

    Raises:
        Refusal: the caller is in none of our rooms.
    """
    communities = _communities(tx, documents, call)
    if not communities:
        raise Refusal(
            _(
                "I'm sorry, I can't ask anybody for you: I don't know a group that we are both part of. If you are in"
                " danger right now, please call your local emergency number, or go to someone near you."
            )
        )
    effects: list[AnyEffect] = []
    found: list[tuple[Asked, Community]] = []
    for community in communities:
        key = None if call.direct else call.room_key
        asked, calls = calling.call_people(tx, duty, community, call.event.sender, key, now)
        found.append((asked, community))
        effects += calls
    best = min(asked for asked, _community in found)
    # Where somebody is called, what is known elsewhere can wait.
    named = [community for asked, community in found if asked is best or asked <= Asked.OTHERS]
    with speaking(communities[0].locale):
        said = words.what_became_of_it(named, best, call.event.sender)
    return [*effects, privately(call, said, now, priority=Priority.SAFETY, people=words.leads_of(named))]


def due(tx: Tx, documents: Documents, timer: Timer, now: Now) -> Sequence[AnyEffect]:
    """Let a hand be raised again; or say that nobody was reached in a whole day."""
    if not timer.key.startswith(calling.COUNT):
        calling.may_call_again(tx, timer, now)
        return ()
    community = documents.community(CommunityKey(str(timer.payload.get("community"))))
    if community is None or timer.payload.get("reached") is not False:
        return ()
    return calling.nobody(tx, community, UserId(str(timer.payload.get("user"))))


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


def done(tx: Tx, documents: Documents, result: Result, tag: JsonObject, now: Now) -> Sequence[AnyEffect]:
    """Follow up on what could not be said, or not in time."""
    if result.outcome not in ("refused", "expired"):
        return ()
    community = documents.community(CommunityKey(str(tag.get("community"))))
    if community is None:
        return ()
    if tag.get("do") == DO_PRIVATE:
        return _tell_in_room(community, tag, now)
    user, key, called = UserId(str(tag.get("user"))), tag.get("key"), tag.get("called")
    people = [UserId(str(one)) for one in called] if isinstance(called, list) else []
    return calling.call_in_private(tx, community, user, RoomKey(key) if isinstance(key, str) else None, people, now)


def lead_told(tx: Tx, documents: Documents, result: Result, tag: JsonObject) -> Sequence[AnyEffect]:
    """Count who was reached in private."""
    community = documents.community(CommunityKey(str(tag.get("community"))))
    if community is None:
        return ()
    return calling.count(tx, community, UserId(str(tag.get("user"))), reached=result.outcome == "done")


def _communities(tx: Tx, documents: Documents, call: Call) -> list[Community]:
    if not call.direct:
        found = documents.community(call.community) if call.community is not None else None
        return [] if found is None else [found]
    mine = documents.answering_to(bindings.communities_of(tx, call.event.sender))
    named = " ".join(call.args).casefold()
    return [c for c in mine if named in (c.key.casefold(), c.name.casefold())] or list(mine)


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
