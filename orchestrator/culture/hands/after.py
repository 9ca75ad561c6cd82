"""After a hand that was raised for somebody's safety: a word among the keepers, and a rest for whoever took it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orchestrator.culture.places import NAME, control_room
from orchestrator.documents.declared import Documents
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Priority, Send, SendDirect
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.store.timers import set_timer

from . import calling, chain, records
from .levels import Level
from .records import Hand

AFTER: Final = "after:"
REST_MS: Final = 2 * DAY_MS
"""How long others are asked first."""


def plan(tx: Tx, hand: Hand, until_ms: int) -> None:
    """Think of it when whoever took it is off duty again."""
    if hand.level is Level.FEAR:
        set_timer(tx, Timer(craft=NAME, key=f"{AFTER}{hand.id}", due_ms=until_ms))


def due(tx: Tx, documents: Documents, timer: Timer, now: Now) -> Sequence[AnyEffect]:
    """Propose a word together, and let others be asked first for a while."""
    hand = records.hand_of(tx, timer.key.removeprefix(AFTER))
    community = documents.community(hand.community) if hand is not None else None
    if hand is None or community is None or hand.taken_by is None:
        return ()
    set_timer(tx, Timer(craft=NAME, key=chain.rest_key(community, hand.taken_by), due_ms=now.at_ms + REST_MS))
    with speaking(community.locale):
        rest = _(
            "You were there for something hard today. Thank you. For the next two days I ask others first. If you can, talk"
            " it over with another keeper, and do something that is good for you. What was told to you in confidence can stay"
            " with you; how it was for you need not."
        )
        debrief = _(
            "A hand was raised out of fear for somebody's safety ({room}), and {helper} was there for it. Please find a time"
            " for a word together, in the next days: what happened, what helped, what you need now. Leave out what was told"
            " in confidence."
        ).format(room=calling.where(community, hand) or community.name, helper=hand.taken_by)
    effects: list[AnyEffect] = [
        SendDirect(step="rest", priority=Priority.REPLY, user=hand.taken_by, content=content.notice(rest))
    ]
    room = control_room(tx, community)
    if room is not None and not hand.private:
        said = content.text(debrief, mentions=community.leads, people=[hand.taken_by])
        effects.append(Send(step="debrief", priority=Priority.REPLY, room=room, content=said))
    return effects
