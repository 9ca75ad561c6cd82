"""Who is called when somebody raises a hand, where they hear of it, and whether they have yet.

They are called in the control room, and whoever is on duty and the one behind them in private, too: there they are alone
with it. When nobody is in the control room who could read it, or nothing is to be read there, it all goes in private.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from orchestrator.culture.notices import Duty
from orchestrator.culture.places import NAME, control_room
from orchestrator.documents.declared import Community
from orchestrator.documents.policy import Hands
from orchestrator.i18n import speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.effects import AnyEffect, Ask, AskDirect, Priority, SendDirect
from orchestrator.model.feature import Now, Role, Timer, Tx
from orchestrator.model.ids import JsonObject, UserId
from orchestrator.store import bindings, mirror, outbox, questions
from orchestrator.store.rows import dump
from orchestrator.store.timers import clear_timer, set_timer, timer_of

from . import calls, chain, records, words
from .records import OPEN_MS, Hand, State
from .words import Asked

DO_ASK: Final = "raise"
DO_LEAD: Final = "raise-lead"
SUBJECT: Final = "hand:"
RAISED: Final = "raised:"
COUNT: Final = "leads:"
CHAIN: Final = "chain:"
OVER: Final = "over:"

AGAIN_AFTER_MS: Final = (5 * MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS)
"""A hand raised again within this time of the first, second ... is answered, and not passed on: whoever is asked must not be
called by the minute, or they will stop listening."""

MOST_STEPS: Final = 3
"""Who is asked first, the next one, all leads."""

FORGOTTEN_AFTER_MS: Final = DAY_MS
"""After so long without one the next is a first again, and it is not known any more that there was one."""

COUNTED_WITHIN_MS: Final = DAY_MS
"""When nobody could be told in private within this time, the person is told so, though it is still tried."""


def call_people(tx: Tx, duty: Duty, community: Community, hand: Hand, now: Now) -> tuple[Asked, Sequence[AnyEffect]]:
    """Call those who look after a community, unless they were called a moment ago; tells what the person can be told."""
    earlier = [one for one in records.hands_of(tx, hand.user, State.CALLED, State.SILENT) if _is_one_with(one, hand)]
    first, beside, asked = chain.first(tx, duty, community, hand, now)
    # Somebody who fears more than a moment ago is heard at once.
    louder = bool(earlier) and hand.level > max(one.level for one in earlier)
    said = _may_call(tx, community, hand, now, louder=louder) if first else Asked.NOBODY
    if said is not None:
        records.drop(tx, [hand.id])
        return said, ()
    before = [user for one in earlier for user in one.asked]
    step = max((one.step for one in earlier), default=0)
    called = [one for one in dict.fromkeys((*first, *before)) if one not in beside and one not in hand.skipped]
    for one in earlier:
        lower(tx, community, one)
        records.drop(tx, [one.id])
    hand = replace(hand, state=State.CALLED, asked=(*called, *beside), step=step)
    records.keep(tx, hand)
    wait_ms = settings_of(community, hand).answer_within_ms
    set_timer(tx, Timer(craft=NAME, key=f"{CHAIN}{hand.id}", due_ms=now.at_ms + wait_ms))
    set_timer(tx, Timer(craft=NAME, key=f"{OVER}{hand.id}", due_ms=now.at_ms + open_ms(community, hand)))
    room = control_room(tx, community)
    present = set() if room is None else {known.user for known in mirror.members(tx, room)}
    if hand.private:
        return asked, call_in_private(tx, community, hand, hand.asked, leads=False, now=now)
    if room is None or present.isdisjoint(community.staff() - {hand.user}):
        return asked, call_in_private(tx, community, hand, hand.asked, now=now)
    return asked, (in_control(tx, community, hand, called), *privately(tx, community, hand, hand.asked))


def _is_one_with(earlier: Hand, hand: Hand) -> bool:
    """Tell whether a hand is the same one, raised again: who is asked now may know of the other one, too."""
    return earlier.community == hand.community and earlier.id != hand.id and earlier.about == hand.about


def _may_call(tx: Tx, community: Community, hand: Hand, now: Now, *, louder: bool) -> Asked | None:
    """Note that a hand is passed on, or tell why it is not."""
    if not louder and _is_trying(tx, community, hand, now):
        return Asked.TRYING
    return None if _is_time(tx, community, hand, now) or louder else Asked.KNOWN


def in_control(tx: Tx, community: Community, hand: Hand, called: Sequence[UserId], step: str = "raise") -> AnyEffect:
    """Call people in the control room; whoever is there and looks after the community may take it."""
    room = control_room(tx, community)
    assert room is not None  # noqa: S101 - who calls there has looked
    people = [hand.user] if hand.named else []
    with speaking(community.locale):
        choice = calls.take_choice()
        if step == "raise":
            said = calls.asks_for_contact(hand, where(community, hand), called, link(tx, hand), choice)
        else:
            said = calls.still_nobody(hand, called, choice)
    tag: JsonObject = {"do": DO_ASK, "community": community.key, "hand": hand.id}
    return Ask(
        step=f"{step}:{community.key}",
        priority=Priority.SAFETY,
        room=room,
        # Not a notice: notices never ring, whoever they mention (push rule .m.rule.suppress_notices).
        content=content.text(said, mentions=called, people=people),
        merge=f"{_hand(community, hand)} {step}",
        tag=dump(tag),
        choices=(choice,),
        needs=Role.MEMBER,  # off duty one may take it too; whether they look after the community is looked at then
        about=community.key,
        open_ms=open_ms(community, hand),
        subject=f"{SUBJECT}{hand.id}",
    )


def call_in_private(
    tx: Tx, community: Community, hand: Hand, called: Iterable[UserId], *, leads: bool = True, now: Now
) -> Sequence[AnyEffect]:
    """Tell whoever is called, and every lead, in private; counted, so that it is known when nobody was reached."""
    people = [one for one in dict.fromkeys((*called, *(community.leads if leads else ()))) if one not in hand.skipped]
    if not people:
        return nobody(tx, community, hand)
    records.keep(tx, replace(hand, asked=tuple(people)))
    payload: JsonObject = {"left": len(people), "reached": False, "community": community.key, "hand": hand.id}
    due_ms = now.at_ms + COUNTED_WITHIN_MS
    set_timer(tx, Timer(craft=NAME, key=_count_key(community, hand), due_ms=due_ms, payload=payload))
    return privately(tx, community, hand, people, {"do": DO_LEAD, "community": community.key, "hand": hand.id})


def count(tx: Tx, community: Community, hand: Hand, *, reached: bool) -> Sequence[AnyEffect]:
    """Count who was reached in private; when nobody was, say so to the one who asked."""
    timer = timer_of(tx, NAME, _count_key(community, hand))
    if timer is None or timer.payload.get("hand") != hand.id:
        return ()
    left = timer.payload.get("left")
    left = left - 1 if isinstance(left, int) else 0
    reached = reached or timer.payload.get("reached") is True
    if left > 0:
        payload: JsonObject = {**timer.payload, "left": left, "reached": reached}
        set_timer(tx, Timer(craft=NAME, key=timer.key, due_ms=timer.due_ms, payload=payload))
        return ()
    clear_timer(tx, NAME, timer.key)
    return () if reached else nobody(tx, community, hand)


def nobody(tx: Tx, community: Community, hand: Hand) -> Sequence[AnyEffect]:
    """Tell somebody that nobody could be reached; should they ask again, it is tried again."""
    clear_timer(tx, NAME, _raised_key(community, hand))
    clear_timer(tx, NAME, f"{CHAIN}{hand.id}")
    records.keep(tx, replace(hand, state=State.SILENT, asked=()))
    with speaking(community.locale):
        said = content.notice(words.nobody_reached([community], hand), people=community.leads)
    return (SendDirect(step=f"nobody:{community.key}", priority=Priority.SAFETY, user=hand.user, content=said),)


def may_call_again(tx: Tx, timer: Timer, now: Now) -> None:
    """Let a hand be raised again, and remember for a while how often it was."""
    if timer.payload.get("shut") is True:
        until_ms = timer.payload.get("until_ms")
        due_ms = until_ms if isinstance(until_ms, int) else now.at_ms + FORGOTTEN_AFTER_MS
        if due_ms > now.at_ms:
            payload = {**timer.payload, "shut": False}
            set_timer(tx, Timer(craft=NAME, key=timer.key, due_ms=due_ms, payload=payload))


def lower(tx: Tx, community: Community, hand: Hand) -> None:
    """Call nobody any more: it was taken, or raised anew; what is not yet said is not wanted any more."""
    questions.withdraw(tx, NAME, f"{SUBJECT}{hand.id}")
    for key in (f"{CHAIN}{hand.id}", f"{OVER}{hand.id}"):
        clear_timer(tx, NAME, key)
    counted = timer_of(tx, NAME, _count_key(community, hand))
    if counted is not None and counted.payload.get("hand") == hand.id:
        clear_timer(tx, NAME, counted.key)


def settings_of(community: Community, hand: Hand) -> Hands:
    """Find what the group chose for hands: in the room, or else in the community."""
    room = community.room(hand.key) if hand.key is not None else None
    policy = room.policy if room is not None and room.policy is not None else community.policy()
    return Hands() if policy is None else policy.hands


def open_ms(community: Community, hand: Hand) -> int:
    """Tell how long somebody can take a hand: longer than it takes until everybody was asked."""
    return max(OPEN_MS, (MOST_STEPS + 1) * settings_of(community, hand).answer_within_ms)


def where(community: Community, hand: Hand) -> str | None:
    """Name the room a hand is about."""
    room = None if hand.key is None else community.room(hand.key)
    return None if room is None else room.name


def link(tx: Tx, hand: Hand) -> str:
    """Link to the message a hand is about, or to its room; "" where neither is known."""
    room = bindings.bound_room(tx, hand.community, hand.key) if hand.key is not None else None
    if room is None:
        return ""
    return content.permalink(room, hand.event or "")


def privately(
    tx: Tx, community: Community, hand: Hand, people: Iterable[UserId], tag: JsonObject | None = None
) -> Sequence[AnyEffect]:
    """Call people in private; each of them may take it there."""
    named = [hand.user] if hand.named else []
    with speaking(community.locale):
        choice = calls.take_choice()
        said = calls.asks_for_contact(hand, where(community, hand), (), link(tx, hand), choice, private=True)
    return tuple(
        AskDirect(
            step=f"raise:{community.key}:{person}",
            priority=Priority.SAFETY,
            user=person,
            content=content.text(said, people=named),
            merge=f"{_hand(community, hand)} {person}",
            tag="" if tag is None else dump(tag),
            choices=(choice,),
            about=community.key,
            open_ms=open_ms(community, hand),
            subject=f"{SUBJECT}{hand.id}",
        )
        for person in people
    )


def _is_trying(tx: Tx, community: Community, hand: Hand, now: Now) -> bool:
    """Tell whether nobody was reached yet, and it is still tried."""
    if outbox.merging(tx, NAME, f"{_hand(community, hand)} raise") is not None:
        return True
    counted = timer_of(tx, NAME, _count_key(community, hand))
    return counted is not None and counted.due_ms > now.at_ms and counted.payload.get("reached") is not True


def _is_time(tx: Tx, community: Community, hand: Hand, now: Now) -> bool:
    """Tell whether to pass a hand on now, and note that it was."""
    key = _raised_key(community, hand)
    timer, times = timer_of(tx, NAME, key), 0
    # After we were away it may be long overdue: messages are taken in before timers are.
    overdue_ms = 0 if timer is None else now.at_ms - timer.due_ms
    if timer is not None and timer.payload.get("shut") is True:
        if overdue_ms < 0:
            return False
        until_ms = timer.payload.get("until_ms")
        overdue_ms = now.at_ms - until_ms if isinstance(until_ms, int) else overdue_ms - FORGOTTEN_AFTER_MS
    if timer is not None and overdue_ms < 0:
        known = timer.payload.get("times")
        times = known if isinstance(known, int) else 0
    wait_ms = AGAIN_AFTER_MS[min(times, len(AGAIN_AFTER_MS) - 1)]
    payload: JsonObject = {"shut": True, "times": times + 1, "until_ms": now.at_ms + FORGOTTEN_AFTER_MS}
    set_timer(tx, Timer(craft=NAME, key=key, due_ms=now.at_ms + wait_ms, payload=payload))
    return True


def _hand(community: Community, hand: Hand) -> str:
    return f"hand:{community.key}/{hand.user}{_way(hand)}"


def _raised_key(community: Community, hand: Hand) -> str:
    return f"{RAISED}{community.key}/{hand.user}{_way(hand)}"


def _count_key(community: Community, hand: Hand) -> str:
    return f"{COUNT}{community.key}/{hand.user}{_way(hand)}"


def _way(hand: Hand) -> str:
    # A hand about one of them is another one than the one that all of them know of.
    return f"/{hand.about}" if hand.about else ""
