"""A hand that is raised: somebody asks to be contacted by a person, and the people who look after them hear of it.

Their words are not passed on; they choose what to say to whom. What is sent because of it goes before everything else that
waits. How urgent it is, is asked in private; whoever does not answer is passed on all the same, and so is whoever asks
twice. When nobody can be told the person is told so, with names to turn to: nobody is left waiting for an answer that will
not come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from orchestrator.culture.notices import Duty
from orchestrator.culture.places import NAME
from orchestrator.documents.declared import Community, Documents
from orchestrator.errors import Refusal
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import HOUR_MS, MINUTE_MS
from orchestrator.model.effects import AnyEffect, AskDirect, Priority, Result, Send, SendDirect
from orchestrator.model.feature import Answer, Call, Now, Timer, Tx
from orchestrator.model.ids import CommunityKey, EventId, JsonObject, RoomId, RoomKey, UserId
from orchestrator.store import bindings, questions
from orchestrator.store.rows import dump, load_object
from orchestrator.store.timers import clear_timer, set_timer

from . import calling, chain, hush, levels, records, whereabouts, words
from .levels import UNNAMED, Level, Wish
from .records import UNKNOWN, Hand, State
from .words import Asked

DO_PRIVATE: Final = "private"
DO_LEVEL: Final = "raise-level"
LEVEL: Final = "hand-level:"
"""The subject of the question how urgent it is, and the timer of whoever does not answer it."""

WORTH_ANSWERING_MS: Final = HOUR_MS
MOST_WAIT_MS: Final = 5 * MINUTE_MS
"""After this long without an answer how urgent it is, people are asked to look."""


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
    if level is None and now.at_ms - call.event.at_ms > MOST_WAIT_MS:
        level = Level.LOOK  # we were away, and they have waited long enough
    stop_asking(tx, user)
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
        return ask_level(tx, documents, duty, hands, tag, now)
    effects, said, people = send(tx, documents, duty, hands, now)
    return [
        *effects,
        privately(call, said, now, priority=Priority.SAFETY, people=people),
        *_ask_where(tx, documents, hands),
    ]


def _raised_before(tx: Tx, user: UserId, communities: Sequence[Community]) -> Level | None:
    """Tell how urgent it was where a hand of theirs is still up: that is not asked again."""
    keys = {community.key for community in communities}
    up = records.hands_of(tx, user, State.CALLED, State.SILENT)
    return max((hand.level for hand in up if hand.community in keys), default=None)


# -- how urgent it is ---------------------------------------------------------------------------------------------------


def ask_level(
    tx: Tx, documents: Documents, duty: Duty, hands: Sequence[Hand], tag: JsonObject, now: Now, *, step: str = "level"
) -> Sequence[AnyEffect]:
    """Ask in private how urgent it is; nobody is called before that, or before they take too long to answer."""
    user, communities = hands[0].user, _of(documents, hands)
    wait_ms = _wait_ms(communities)
    for hand in hands:
        records.keep(tx, hand)
    payload: JsonObject = {**tag, "hands": [hand.id for hand in hands]}
    set_timer(tx, Timer(craft=NAME, key=f"{LEVEL}{user}", due_ms=now.at_ms + wait_ms, payload=payload))
    readers: list[UserId] = []
    for community, hand in communities:
        first, beside, _asked = chain.first(tx, duty, community, hand, now)
        readers += [*first, *beside]
    with speaking(communities[0][0].locale):
        choices = levels.choices(named=hands[0].named)
        people = list(dict.fromkeys(readers))
        said = words.how_urgent([c for c, _hand in communities], people, choices, hands[0], wait_ms)
    return (
        AskDirect(
            step=step,
            priority=Priority.SAFETY,
            user=user,
            expires_ms=now.at_ms + wait_ms,
            merge=f"{LEVEL}{user}",
            content=content.notice(said, people=people),
            tag=dump({"do": DO_LEVEL, **payload}),
            choices=choices,
            open_ms=wait_ms,
            subject=f"{LEVEL}{user}",
            about=communities[0][0].key,
        ),
    )


def answered(tx: Tx, documents: Documents, duty: Duty, answer: Answer, now: Now) -> Sequence[AnyEffect]:
    """Pass a hand on now that it is known how urgent it is; leave out who it is, and ask again, if they want that.

    What nobody answered is passed on by the timer.
    """
    tag = load_object(answer.tag)
    hands = _waiting(tx, tag)
    if not hands or answer.choice is None:
        return ()
    if answer.choice == UNNAMED:
        unnamed = [replace(hand, named=False) for hand in hands]
        rest = {key: value for key, value in tag.items() if key not in {"do", "hands"}}
        return ask_level(tx, documents, duty, unnamed, rest, now, step="level-unnamed")
    if "rooms" in tag:
        found = whereabouts.chosen(answer)
        if found is not None:
            records.drop(tx, [hand.id for hand in hands if hand.id != found[0]])
            hands = [replace(hand, key=found[1]) for hand in hands if hand.id == found[0]]
        return _send_and_tell(tx, documents, duty, hands, now, asked_where=True)
    hands = [replace(hand, level=Level(int(answer.choice))) for hand in hands]
    # Whoever fears for somebody is not asked first where.
    where = [] if hands[0].level is Level.FEAR else _ask_where_first(tx, documents, hands, tag, now)
    return where or _send_and_tell(tx, documents, duty, hands, now)


def _ask_where_first(
    tx: Tx, documents: Documents, hands: Sequence[Hand], tag: JsonObject, now: Now
) -> Sequence[AnyEffect]:
    """Ask which room it is about, where that is not clear; whoever does not answer is passed on all the same."""
    found = _of(documents, hands)
    name, wait_ms = f"{LEVEL}{hands[0].user}", _wait_ms(found)
    asked = whereabouts.questions_for(tx, found, unsent=name, tag=tag, open_ms=wait_ms)
    if asked:
        for hand in hands:
            records.keep(tx, hand)
        payload: JsonObject = {"hands": [hand.id for hand in hands]}
        set_timer(tx, Timer(craft=NAME, key=name, due_ms=now.at_ms + wait_ms, payload=payload))
    return asked


def _wait_ms(found: Sequence[tuple[Community, Hand]]) -> int:
    return min(MOST_WAIT_MS, *(calling.settings_of(community, hand).answer_within_ms for community, hand in found))


def stop_asking(tx: Tx, user: UserId) -> None:
    """Take the question how urgent it is back."""
    questions.withdraw(tx, NAME, f"{LEVEL}{user}")
    clear_timer(tx, NAME, f"{LEVEL}{user}")
    records.drop(tx, [hand.id for hand in records.hands_of(tx, user, State.ASKING)])


def due(tx: Tx, documents: Documents, duty: Duty, timer: Timer, now: Now) -> Sequence[AnyEffect]:
    """Pass a hand on though nobody said how urgent it is."""
    questions.withdraw(tx, NAME, timer.key)
    hands = _waiting(tx, timer.payload)
    return _send_and_tell(tx, documents, duty, hands, now) if hands else ()


def _send_and_tell(
    tx: Tx, documents: Documents, duty: Duty, hands: Sequence[Hand], now: Now, *, asked_where: bool = False
) -> Sequence[AnyEffect]:
    user = hands[0].user
    clear_timer(tx, NAME, f"{LEVEL}{user}")
    effects, said, people = send(tx, documents, duty, hands, now)
    answer = SendDirect(
        step="answer",
        priority=Priority.SAFETY,
        user=user,
        merge=f"answer:raise:{user}",
        content=content.notice(said, people=people),
    )
    return [*effects, answer, *(() if asked_where else _ask_where(tx, documents, hands))]


def _ask_where(tx: Tx, documents: Documents, hands: Sequence[Hand]) -> Sequence[AnyEffect]:
    """Ask which room it is about, now that people were called."""
    called = [(c, hand) for c, hand in _of(documents, hands) if records.hand_of(tx, hand.id) is not None]
    return whereabouts.questions_for(tx, called) if called else ()


def _waiting(tx: Tx, payload: JsonObject) -> list[Hand]:
    known = payload.get("hands")
    found = [records.hand_of(tx, str(one)) for one in known] if isinstance(known, list) else []
    return [hand for hand in found if hand is not None and hand.state is State.ASKING]


# -- passing it on ------------------------------------------------------------------------------------------------------


def send(
    tx: Tx, documents: Documents, duty: Duty, hands: Sequence[Hand], now: Now
) -> tuple[Sequence[AnyEffect], str, Sequence[UserId]]:
    """Call people, and tell what whoever raised the hand is to hear, with the people who are named in it."""
    effects: list[AnyEffect] = []
    found: list[tuple[Asked, Community]] = []
    for community, hand in _of(documents, hands):
        asked, calls = calling.call_people(tx, duty, community, hand, now)
        found.append((asked, community))
        effects += calls
        if hand.level is Level.FEAR and asked is not Asked.NOBODY:
            effects += hush.begin(tx, community, hand, now)
    if not found:
        return (), words.in_danger(), ()
    best = min(asked for asked, _community in found)
    # Where somebody is called, what is known elsewhere can wait.
    named = [community for asked, community in found if asked is best or asked <= Asked.OTHERS]
    with speaking(found[0][1].locale):
        said = words.what_became_of_it(named, best, hands[0])
    return effects, said, words.leads_of(named)


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
    if do == DO_LEVEL:
        return _could_not_ask(tx, documents, duty, tag, now)
    community = documents.community(CommunityKey(str(tag.get("community"))))
    hand = records.hand_of(tx, str(tag.get("hand")))
    if community is not None and do == DO_PRIVATE:
        return _tell_in_room(community, tag, now)
    if community is None or hand is None or hand.state not in (State.CALLED, State.SILENT):
        return ()
    return calling.call_in_private(tx, community, hand, hand.asked, now=now)


def _could_not_ask(tx: Tx, documents: Documents, duty: Duty, tag: JsonObject, now: Now) -> Sequence[AnyEffect]:
    """Pass a hand on at once whose owner never saw the question: nobody waits for an answer to it."""
    found = _of(documents, _waiting(tx, tag))
    if not found:
        return ()
    told = () if tag.get("direct") is True else _tell_in_room(found[0][0], tag, now)
    return [*told, *_send_and_tell(tx, documents, duty, [hand for _community, hand in found], now)]


def _lead_told(tx: Tx, documents: Documents, tag: JsonObject, *, reached: bool) -> Sequence[AnyEffect]:
    """Count who was reached in private."""
    community = documents.community(CommunityKey(str(tag.get("community"))))
    hand = records.hand_of(tx, str(tag.get("hand")))
    return () if community is None or hand is None else calling.count(tx, community, hand, reached=reached)


def _of(documents: Documents, hands: Sequence[Hand]) -> list[tuple[Community, Hand]]:
    found = ((documents.community(hand.community), hand) for hand in hands)
    return [(community, hand) for community, hand in found if community is not None]


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
