"""What is asked and said about a knock, and how it is answered: the question to the keepers, the word to who knocks.

Whoever is asked about is told privately, once a room, that they were heard, with what is asked of them there and what is
agreed on. The reason beside a declined knock stands in the room for all to read, so it says nothing about the person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, SPACE_KEY, Community, Room
from orchestrator.i18n import _
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.effects import AnyEffect, Choice, Priority, Send, SendDirect, SetMembership
from orchestrator.model.feature import Now, Role, Tx
from orchestrator.rooms.asking import CRAFT, ask_keepers, written
from orchestrator.store import bindings, doors, journal, questions
from orchestrator.store.doors import Asked, Knock

from . import door_words

KNOCK: Final = "knock"
MANY: Final = "knocks"
GREETED: Final = "heard-knock:"

MOST_OPEN: Final = 5
"""How many knocks of one community are asked about at a time."""

TIMES: Final = 3
OPEN_MS: Final = DAY_MS
"""How often it is asked about a knock, and how long each time."""

MANY_AGAIN_MS: Final = 6 * HOUR_MS


def subject_of(knock: Knock) -> str:
    """Name the one question that there is about a knock."""
    return written(KNOCK, room=knock.room, user=knock.user)


def ask(tx: Tx, community: Community, room: Room, knock: Knock, now: Now) -> Iterator[AnyEffect]:
    """Ask the keepers about a knock, and tell who knocks that they were heard."""
    times = 1 if knock.times >= TIMES else knock.times + 1  # who came and went again a day later is a first again
    doors.put_knock(tx, replace(knock, state=Asked.OPEN, times=times, next_ms=now.at_ms + OPEN_MS))
    yield from ask_keepers(
        tx,
        community,
        door_words.shall_i_let_in(room, knock.user, first=times == 1, last=times == TIMES),
        (Choice("✅", _("let them in"), "yes"), Choice("❌", _("not now"), "no")),
        step=f"knock:{knock.event}:{knock.user}:{now.at_ms}",
        subject=subject_of(knock),
        needs=Role.FACILITATOR,
        about_room=None if room.key == SPACE_KEY else room.key,
        open_ms=OPEN_MS,
        people=[knock.user],
    )
    yield from _greet(tx, community, room, knock)


def _greet(tx: Tx, community: Community, room: Room, knock: Knock) -> Iterator[AnyEffect]:
    """Tell who knocks, once, that they were heard, what is asked of them and what is agreed on there."""
    step = f"{GREETED}{knock.user}:{knock.room}"
    if journal.was_said(tx, CRAFT, step):
        return
    policy = room.policy or community.policy()
    norms = None if policy is None or journal.was_told(tx, CRAFT, knock.user, policy.document) else policy
    yield SendDirect(
        step=step,
        priority=Priority.REPLY,
        user=knock.user,
        content=content.text(door_words.heard_you_knock(community, room, norms)),
        rule="" if norms is None else norms.document,
    )


def ask_about_many(tx: Tx, community: Community, waiting: Sequence[Knock], now: Now) -> Iterator[AnyEffect]:
    """Say how many more there are, now and then, and offer to turn them away: it may be a flood of strangers."""
    step = f"{MANY}:{community.key}:{now.at_ms // MANY_AGAIN_MS}"
    if journal.was_said(tx, CRAFT, step) or journal.was_said(tx, CRAFT, f"{step}:{community.leads[0]}"):
        return
    subject = written(MANY, community=community.key, until_ms=now.at_ms)
    nobody = Choice("❌", _("not now, to all of them"), "no")
    words = door_words.many_more(len(waiting), MOST_OPEN)
    yield from ask_keepers(
        tx, community, words, (nobody,), step=step, subject=subject, needs=Role.LEAD, open_ms=MANY_AGAIN_MS
    )


def decide(tx: Tx, knock: Knock, *, let_in: bool, priority: Priority) -> SetMembership:
    """Let somebody in, or turn them away; whoever was let in by hand meanwhile, or went, is left alone."""
    doors.put_knock(tx, replace(knock, state=Asked.DECIDED))
    return SetMembership(
        step=f"door:{knock.room}:{knock.user}:{knock.event}",
        priority=priority,
        room=knock.room,
        user=knock.user,
        membership="invite" if let_in else "leave",
        only_from=("knock",),
        reason="" if let_in else _("Thank you for asking. It does not fit just now; please do not take it to heart."),
        rule=KNOCK,
        tag=subject_of(knock),
    )


def settled_itself(tx: Tx, community: Community, knock: Knock, *, by_themselves: bool) -> Iterator[AnyEffect]:
    """Close a question whose answer nobody needs any more, and say so under it where it was already asked."""
    control = bindings.bound_room(tx, community.key, CONTROL_KEY)
    asked = [] if control is None else questions.questions_in(tx, control)
    subject = subject_of(knock)
    questions.withdraw(tx, CRAFT, subject)
    words = door_words.settled_itself(knock.user, by_themselves=by_themselves)
    for question in asked:
        if question.craft == CRAFT and question.subject == subject:
            said = content.notice(words, people=[knock.user])
            yield Send(
                step=f"settled:{question.event}", room=question.room, content=content.reply(said, to=question.event)
            )
