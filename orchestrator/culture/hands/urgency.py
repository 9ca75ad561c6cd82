"""How urgent a raised hand is: asked in private, and passed on then, or when nobody answers, or when it cannot be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from orchestrator.culture.notices import Duty
from orchestrator.culture.places import NAME
from orchestrator.documents.declared import Community, Documents
from orchestrator.i18n import speaking
from orchestrator.model import content
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.effects import AnyEffect, AskDirect, Priority, SendDirect
from orchestrator.model.feature import Answer, Now, Timer, Tx
from orchestrator.model.ids import JsonObject, UserId
from orchestrator.store import questions
from orchestrator.store.rows import dump, load_object
from orchestrator.store.timers import clear_timer, set_timer

from . import calling, chain, former, hush, levels, records, whereabouts, words
from .levels import UNNAMED, Level
from .records import Hand, State
from .words import Asked

DO_LEVEL: Final = "raise-level"
LEVEL: Final = "hand-level:"
"""The subject of the question how urgent it is, and the timer of whoever does not answer it."""
MOST_WAIT_MS: Final = 5 * MINUTE_MS
"""After this long without an answer how urgent it is, people are asked to look."""


def ask_level(
    tx: Tx, documents: Documents, duty: Duty, hands: Sequence[Hand], tag: JsonObject, now: Now, *, step: str = "level"
) -> Sequence[AnyEffect]:
    """Ask in private how urgent it is; nobody is called before that, or before they take too long to answer."""
    user, communities = hands[0].user, of_documents(documents, hands)
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
    hands = waiting(tx, tag)
    if not of_documents(documents, hands) or answer.choice is None:
        return ()
    if answer.choice == UNNAMED:
        unnamed = [replace(hand, named=False) for hand in hands]
        rest = {key: value for key, value in tag.items() if key not in {"do", "hands"}}
        return ask_level(tx, documents, duty, unnamed, rest, now, step="level-unnamed")
    if "rooms" in tag:
        found = whereabouts.chosen(answer)
        if found is not None:
            records.drop(tx, [hand.id for hand in hands if hand.id != found[0]])
            key = found[1]
            hands = [
                replace(hand, key=former.key_of(community, key))
                for community, hand in of_documents(documents, hands)
                if hand.id == found[0]
            ]
        return send_and_tell(tx, documents, duty, hands, now, asked_where=True)
    hands = [replace(hand, level=Level(int(answer.choice))) for hand in hands]
    # Whoever fears for somebody is not asked first where.
    where = [] if hands[0].level is Level.FEAR else _ask_where_first(tx, documents, hands, tag, now)
    return where or send_and_tell(tx, documents, duty, hands, now)


def _ask_where_first(
    tx: Tx, documents: Documents, hands: Sequence[Hand], tag: JsonObject, now: Now
) -> Sequence[AnyEffect]:
    """Ask which room it is about, where that is not clear; whoever does not answer is passed on all the same."""
    found = of_documents(documents, hands)
    name, wait_ms = f"{LEVEL}{hands[0].user}", _wait_ms(found)
    asked = whereabouts.questions_for(tx, found, unsent=name, tag=tag, open_ms=wait_ms)
    if asked:
        for hand in hands:
            records.keep(tx, hand)
        payload: JsonObject = {"hands": [hand.id for hand in hands]}
        set_timer(tx, Timer(craft=NAME, key=name, due_ms=now.at_ms + wait_ms, payload=payload))
    return asked


def stop_asking(tx: Tx, user: UserId) -> None:
    """Take the question how urgent it is back."""
    questions.withdraw(tx, NAME, f"{LEVEL}{user}")
    clear_timer(tx, NAME, f"{LEVEL}{user}")
    records.drop(tx, [hand.id for hand in records.hands_of(tx, user, State.ASKING)])


def due(tx: Tx, documents: Documents, duty: Duty, timer: Timer, now: Now) -> Sequence[AnyEffect]:
    """Pass a hand on though nobody said how urgent it is."""
    questions.withdraw(tx, NAME, timer.key)
    hands = waiting(tx, timer.payload)
    return send_and_tell(tx, documents, duty, hands, now) if of_documents(documents, hands) else ()


def _wait_ms(found: Sequence[tuple[Community, Hand]]) -> int:
    return min(MOST_WAIT_MS, *(calling.settings_of(community, hand).answer_within_ms for community, hand in found))


def send_and_tell(
    tx: Tx, documents: Documents, duty: Duty, hands: Sequence[Hand], now: Now, *, asked_where: bool = False
) -> Sequence[AnyEffect]:
    """Call people, and tell in private what became of it."""
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
    return [*effects, answer, *(() if asked_where else ask_where(tx, documents, hands))]


def ask_where(tx: Tx, documents: Documents, hands: Sequence[Hand]) -> Sequence[AnyEffect]:
    """Ask which room it is about, now that people were called."""
    called = [(c, hand) for c, hand in of_documents(documents, hands) if records.hand_of(tx, hand.id) is not None]
    return whereabouts.questions_for(tx, called) if called else ()


def waiting(tx: Tx, payload: JsonObject) -> list[Hand]:
    """List the hands that a question is about, if it is not settled how urgent they are."""
    known = payload.get("hands")
    found = [records.hand_of(tx, str(one)) for one in known] if isinstance(known, list) else []
    return [hand for hand in found if hand is not None and hand.state is State.ASKING]


def send(
    tx: Tx, documents: Documents, duty: Duty, hands: Sequence[Hand], now: Now
) -> tuple[Sequence[AnyEffect], str, Sequence[UserId]]:
    """Call people, and tell what whoever raised the hand is to hear, with the people who are named in it."""
    effects: list[AnyEffect] = []
    found: list[tuple[Asked, Community]] = []
    for community, hand in of_documents(documents, hands):
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


def of_documents(documents: Documents, hands: Sequence[Hand]) -> list[tuple[Community, Hand]]:
    """Find the community of each hand; without those that are declared no more."""
    found = ((documents.community(hand.community), hand) for hand in hands)
    return [(community, hand) for community, hand in found if community is not None]
