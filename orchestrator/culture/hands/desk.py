"""Where everything about raised hands comes in: commands, events, timers, answers, results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orchestrator.culture.notices import Duty
from orchestrator.culture.places import NAME, Place
from orchestrator.documents.declared import Documents
from orchestrator.i18n import N_
from orchestrator.model.effects import AnyEffect, Result
from orchestrator.model.events import Message, Reaction
from orchestrator.model.feature import Answer, Command, Example, Now, Role, Timer, Tx
from orchestrator.model.ids import CommunityKey, JsonObject
from orchestrator.store import journal

from . import after, calling, chain, hush, noticing, raising, records, renamed, taking, urgency, whereabouts

DOES: Final = frozenset({calling.DO_ASK, calling.DO_LEAD, raising.DO_PRIVATE, urgency.DO_LEVEL})
"""What the tags of its effects say that they do."""


def commands(documents: Documents, duty: Duty) -> Sequence[Command]:
    """``!raise`` and ``!hush``."""
    return (
        Command(
            name="raise",
            usage="",
            summary=N_("ask a person to get in touch with you"),
            needs=Role.MEMBER,
            run=lambda tx, call, now: raising.raise_hand(tx, documents, duty, call, now),
            urgent=True,
            examples=(
                Example("", N_("I ask you in private how soon; nobody else in the room sees your answer")),
                Example("2", N_("please come soon; 1 is when somebody can, 3 is fear for someone's safety")),
            ),
        ),
        Command(
            name="hush",
            usage="[lift]",
            summary=N_("where I hold my questions back after a raised hand; I ask them again with lift"),
            needs=Role.FACILITATOR,
            run=lambda tx, call, now: hush.command(tx, documents, call, now),
            elsewhere=True,
            examples=(
                Example("", N_("where I ask no questions for now")),
                Example("lift", N_("I ask them again, wherever you may say so")),
                Example("lift tuesday", N_("only in the room with that key")),
            ),
        ),
    )


def settle(tx: Tx, documents: Documents) -> None:
    """Let what is up in rooms follow them to the keys that they go by now."""
    renamed.settle(tx, documents)


def decide(
    tx: Tx, documents: Documents, duty: Duty, place: Place, event: Message | Reaction, now: Now
) -> Sequence[AnyEffect]:
    """Notice hands that are raised without a command, where a group chose that."""
    if isinstance(event, Reaction):
        return noticing.on_reaction(tx, documents, duty, place, event, now)
    return noticing.on_message(tx, duty, place, event, now)


def due(tx: Tx, documents: Documents, duty: Duty, timer: Timer, now: Now) -> Sequence[AnyEffect] | None:
    """Decide about a timer; None when it is none of ours."""
    effects: Sequence[AnyEffect] | None = ()
    match f"{timer.key.partition(':')[0]}:":
        case urgency.LEVEL:
            effects = urgency.due(tx, documents, duty, timer, now)
        case calling.CHAIN:
            effects = taking.due(tx, documents, duty, timer, now)
        case hush.HUSH:
            effects = hush.due(tx, documents, timer)
        case after.AFTER:
            effects = after.due(tx, documents, timer, now)
        case calling.COUNT:
            effects = _nobody(tx, documents, timer)
        case calling.OVER:
            effects = taking.over(tx, documents, timer, now)
        case calling.RAISED:
            calling.may_call_again(tx, timer, now)
        case chain.REST:
            pass  # others need not be asked first any more
        case _:
            effects = None
    return effects


def done(tx: Tx, documents: Documents, duty: Duty, result: Result, tag: JsonObject, now: Now) -> Sequence[AnyEffect]:
    """Follow up on what became of a word."""
    return raising.done(tx, documents, duty, result, tag, now)


def answered(tx: Tx, documents: Documents, duty: Duty, answer: Answer, now: Now) -> Sequence[AnyEffect] | None:
    """Act on an answer; None when it is to none of our questions."""
    match f"{answer.subject.partition(':')[0]}:":
        case urgency.LEVEL:
            return urgency.answered(tx, documents, duty, answer, now)
        case calling.SUBJECT:
            return taking.answered(tx, documents, duty, answer, now)
        case whereabouts.WHERE:
            return whereabouts.answered(tx, documents, duty, answer, now)
        case hush.HUSH:
            return hush.answered(tx, documents, answer)
    return None


def tidy(tx: Tx, now: Now) -> None:
    """Forget what is old."""
    records.tidy(tx, now.at_ms)
    journal.blur_private(tx, NAME, now.at_ms + 1)


def _nobody(tx: Tx, documents: Documents, timer: Timer) -> Sequence[AnyEffect]:
    """Say that nobody was reached in a whole day."""
    community = documents.community(CommunityKey(str(timer.payload.get("community"))))
    hand = records.hand_of(tx, str(timer.payload.get("hand")))
    if community is None or hand is None or timer.payload.get("reached") is not False:
        return ()
    return calling.nobody(tx, community, hand)
