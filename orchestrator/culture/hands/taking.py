"""Somebody takes a raised hand, or nobody does: who hears of it, who is asked next, and who is told that nobody came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from orchestrator.culture.notices import Duty
from orchestrator.culture.places import NAME, control_room
from orchestrator.documents.declared import Community, Documents
from orchestrator.i18n import speaking
from orchestrator.model import content
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import AnyEffect, Priority, Send, SendDirect
from orchestrator.model.feature import Answer, Now, Timer, Tx
from orchestrator.model.ids import UserId
from orchestrator.store import journal, mirror
from orchestrator.store.timers import set_timer

from . import after, calling, calls, chain, records, words
from .calling import CHAIN, OVER, SUBJECT
from .records import NOTICED, OPEN_MS, Hand, State

_OPEN: Final = (State.CALLED, State.SILENT)


def due(tx: Tx, documents: Documents, duty: Duty, timer: Timer, now: Now) -> Sequence[AnyEffect]:
    """Ask the next, when nobody answered in time; when everybody was asked, tell whoever waits."""
    hand = records.hand_of(tx, timer.key.removeprefix(CHAIN))
    community = documents.community(hand.community) if hand is not None else None
    if hand is None or community is None or hand.state is not State.CALLED:
        return ()
    more = chain.following(tx, duty, community, hand, now)
    if not more:
        records.keep(tx, replace(hand, state=State.SILENT))
        with speaking(community.locale):
            said = content.notice(words.no_answer([community], hand), people=community.leads)
        return (SendDirect(step="silent", priority=Priority.SAFETY, user=hand.user, content=said),)
    hand = replace(hand, step=hand.step + 1, asked=(*hand.asked, *more))
    records.keep(tx, hand)
    due_ms = now.at_ms + calling.settings_of(community, hand).answer_within_ms
    set_timer(tx, Timer(craft=NAME, key=timer.key, due_ms=due_ms))
    calls = calling.privately(tx, community, hand, more)
    if hand.private or not _can_call(tx, community, hand):
        return calls
    return (calling.in_control(tx, community, hand, more, f"still:{hand.step}"), *calls)


def answered(tx: Tx, documents: Documents, duty: Duty, answer: Answer, now: Now) -> Sequence[AnyEffect]:
    """Let somebody take a hand: they are on duty for it for a while, and whoever raised it hears that it was seen."""
    hand = records.hand_of(tx, answer.subject.removeprefix(SUBJECT))
    community = documents.community(hand.community) if hand is not None else None
    if hand is None or community is None or answer.choice is None or answer.by is None:
        return ()
    with speaking(community.locale):
        if hand.state not in _OPEN:
            return [content.conclusion(answer, calls.already_taken(hand.taken_by), now)]
        if answer.by in hand.skipped or answer.by not in community.staff():
            # Whoever may not take it leaves it open for the others.
            if answer.room == control_room(tx, community):
                return [calling.in_control(tx, community, hand, (), f"open:{answer.question}")]
            return [content.conclusion(answer, calls.others_look(), now)]
        return _take(tx, duty, community, hand, answer, answer.by, now)


def over(tx: Tx, documents: Documents, timer: Timer, now: Now) -> Sequence[AnyEffect]:
    """Forget whose hand it was, and who was written to because of it; whoever waits still is told to wait no longer."""
    hand = records.hand_of(tx, timer.key.removeprefix(OVER))
    community = documents.community(hand.community) if hand is not None else None
    effects: list[AnyEffect] = []
    if hand is not None:
        if community is not None:
            calling.lower(tx, community, hand)
            if hand.state in _OPEN and hand.asked and hand.about != NOTICED:
                with speaking(community.locale):
                    said = content.notice(words.gave_up([community], hand), people=community.leads)
                effects.append(SendDirect(step="over", priority=Priority.SAFETY, user=hand.user, content=said))
        records.forget_who(tx, hand.id)
    journal.blur_private(tx, NAME, now.at_ms + 1)
    return effects


def _take(
    tx: Tx, duty: Duty, community: Community, hand: Hand, answer: Answer, by: UserId, now: Now
) -> Sequence[AnyEffect]:
    calling.lower(tx, community, hand)
    until_ms = now.at_ms + calling.settings_of(community, hand).cover_ms
    # Whoever took it is thanked when their shift for it is over: it is known until then.
    over_ms = max(now.at_ms + OPEN_MS, until_ms + HOUR_MS)
    set_timer(tx, Timer(craft=NAME, key=f"{OVER}{hand.id}", due_ms=over_ms))
    if not hand.is_about_keepers:  # who is on duty shows to everybody
        duty.cover(tx, by, community.key, hand.key, until_ms, now)
    hand = replace(hand, state=State.TAKEN, taken_by=by, taken_ms=now.at_ms)
    records.keep(tx, hand)
    after.plan(tx, hand, until_ms)
    people = [hand.user, by] if hand.named else [by]
    until = calls.moment(community, until_ms)
    room = control_room(tx, community)
    goes = content.notice(calls.somebody_goes(hand, by), people=people)
    effects: list[AnyEffect] = [
        SendDirect(
            step="seen",
            priority=Priority.SAFETY,
            user=hand.user,
            content=content.notice(words.seen_by(hand, by), people=[by]),
        ),
        content.conclusion(answer, calls.thanks(hand, until, calling.link(tx, hand)), now, people=people),
    ]
    if room is not None and not hand.private:
        effects.append(Send(step="goes", priority=Priority.REPLY, room=room, content=goes))
    reading = (
        {known.user for known in mirror.members(tx, room, "join")} if room is not None and not hand.private else set()
    )
    effects += [
        SendDirect(step=f"goes:{one}", priority=Priority.REPLY, user=one, content=goes)
        for one in hand.asked
        if one != by and one not in reading
    ]
    return effects


def _can_call(tx: Tx, community: Community, hand: Hand) -> bool:
    room = control_room(tx, community)
    present = set() if room is None else {known.user for known in mirror.members(tx, room, "join")}
    return room is not None and not present.isdisjoint(community.staff() - {hand.user})
