"""Hands that are raised without a command, where a group chose that: by a reaction, or by words that it named itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from orchestrator.culture.notices import Duty
from orchestrator.culture.places import Place
from orchestrator.culture.rules import Author, Rulebook, Scene
from orchestrator.documents.declared import Documents
from orchestrator.documents.policy import Action, Care, Mode, Norms, Policy, Rule, When
from orchestrator.i18n import speaking
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, Priority, Redact, SendDirect, plainly
from orchestrator.model.events import Message, Reaction
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import JsonObject

from . import calling, records, urgency, words
from .levels import Level
from .records import NOTICED, Hand, State
from .words import Asked


def on_reaction(
    tx: Tx, documents: Documents, duty: Duty, place: Place, event: Reaction, now: Now
) -> Sequence[AnyEffect]:
    """Take the reaction away at once, and ask in private what ``!raise`` asks."""
    chosen = place.policy.hands.reaction
    if not chosen or plainly(event.key) != plainly(chosen):
        return ()
    away = Redact(step="take-away", priority=Priority.SAFETY, room=place.id, target=event.id)
    if records.hands_of(tx, event.sender, State.ASKING):
        return (away,)
    hand = replace(_hand(place, event, now), event=event.target)
    tag: JsonObject = {
        "room": event.room,
        "event": event.target,
        "direct": True,
    }  # nothing about it is said in the room
    return (away, *urgency.ask_level(tx, documents, duty, [hand], tag, now))


def on_message(tx: Tx, duty: Duty, place: Place, event: Message, now: Now) -> Sequence[AnyEffect]:
    """Tell those on duty, in private, and whoever wrote it, too: nobody is watched behind their back."""
    chosen = place.policy.hands.words
    if not chosen or event.sender in place.community.staff() or event.edits is not None:
        return ()
    scene = Scene(
        at_ms=now.at_ms,
        zone=place.community.zone,
        room=place.room.key,
        repeated=lambda _within_ms: 1,
        written=lambda _within_ms: 1,
    )
    if not _looking_for(chosen).judge(event, Author(staff=False, since_ms=None), scene):
        return ()
    hand = replace(_hand(place, event, now), event=event.id, about=NOTICED)
    asked, calls = calling.call_people(tx, duty, place.community, hand, now)
    if asked in (Asked.KNOWN, Asked.TRYING, Asked.NOBODY):
        return calls
    with speaking(place.community.locale):
        said = content.notice(words.noticed([place.community], hand))
    told = SendDirect(step="noticed", priority=Priority.SAFETY, user=event.sender, content=said)
    return (*calls, told)


@lru_cache(maxsize=32)
def _looking_for(chosen: tuple[str, ...]) -> Rulebook:
    """Make ready what is looked for; it is found as words in rules are."""
    rule = Rule(
        id="hands.words",
        when=When(words=chosen),
        then=Action.RAISE,
        because="",
        mode=Mode.ENFORCE,
        accept_misfires=False,
    )
    policy = Policy(
        name="",
        document="",
        title="",
        norms=Norms(summary="", text="", review_by=None, digest=""),
        rules=(rule,),
        ladder=(),
        ladder_forget_ms=None,
        lists=(),
        care=Care(resources=(), contact_emergency_services="group_decides"),
    )
    return Rulebook(policy)


def _hand(place: Place, event: Message | Reaction, now: Now) -> Hand:
    return Hand(
        id=records.id_of(event.id, place.community.key),
        community=place.community.key,
        key=place.room.key,
        user=event.sender,
        level=Level.LOOK,
        named=True,
        about="",
        event=None,
        state=State.ASKING,
        step=0,
        asked=(),
        since_ms=now.at_ms,
    )
