"""What is open is offered around: who is asked, who is reminded when, and how that ends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community
from orchestrator.facilitation import NAME, saying
from orchestrator.facilitation.records.overrides import Change, Kind, State, changes_of, put_change
from orchestrator.facilitation.records.preferences import language_of, zone_of
from orchestrator.facilitation.records.said import said_at_ms, said_with, say_once, was_said
from orchestrator.facilitation.rota.things import Slot
from orchestrator.facilitation.view import View
from orchestrator.facilitation.waking import quiet_of, waking_ms
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.effects import AnyEffect, Ask, AskDirect, Choice, Priority, SendDirect
from orchestrator.model.feature import Now, Role, Timer, Tx
from orchestrator.model.ids import UserId
from orchestrator.store import bindings, questions
from orchestrator.store.rows import number
from orchestrator.store.timers import clear_timer, set_timer, timer_of, timers_of

from . import words

SWAP: Final = "swap:"
NUDGES_MS: Final = (*(days * DAY_MS for days in (28, 21, 14, 7, 3, 2, 1)), 12 * HOUR_MS)
"""How long before it begins people are reminded that something is open."""
WITHIN_MS: Final = DAY_MS
"""How long somebody has to answer before the next is asked, where a rota says nothing."""


def key_of(community: Community, change: Change) -> str:
    """Name a request among all communities: its timer, and the subject of what is asked about it."""
    return f"{SWAP}{community.key}/{change.id}"


def fresh_id(tx: Tx, now: Now) -> str:
    """Find an id for a change that is made now: they sort in the order in which they were made."""
    prefix = f"{now.at_ms:013d}-"
    row = tx.one(
        "select count(*) as n from override where account = :account and substr(id, 1, :n) = :prefix",
        prefix=prefix,
        n=len(prefix),
    )
    return f"{prefix}{0 if row is None else number(row, 'n'):03d}"


def plan(tx: Tx, community: Community, now: Now) -> None:
    """Set the timers of what is open, where there are none."""
    known = set()
    for change in changes_of(tx, community.key):
        if change.state is State.OPEN:
            key = key_of(community, change)
            known.add(key)
            if timer_of(tx, NAME, key) is None:
                set_timer(tx, Timer(craft=NAME, key=key, due_ms=now.at_ms))
    for timer in timers_of(tx, NAME, f"{SWAP}{community.key}/"):
        if timer.key not in known:
            clear_timer(tx, NAME, timer.key)


def step(tx: Tx, community: Community, change: Change, now: Now) -> Iterator[AnyEffect]:
    """Do what is to be done about an open request by now, and set its timer for what comes next."""
    clear_timer(tx, NAME, key_of(community, change))
    room = community.room(change.room)
    if change.state is not State.OPEN or room is None:
        return
    swap = change.kind is Kind.SWAP
    if now.at_ms >= end_of(change):
        yield from close(tx, community, change, State.OVER, now)
        if swap and change.giver is not None:
            yield _tell(tx, community, change, change.giver, words.nobody_took, now)
        return
    view = View.of(tx, community, now.at_ms)
    left = wanted(view, change)
    if not left:
        yield from close(tx, community, change, State.WITHDRAWN if swap else State.TAKEN, now)
        return
    times = [change.span.start_ms - before_ms for before_ms in NUDGES_MS]
    nudge_ms = max((ms for ms in times if change.made_ms < ms <= now.at_ms), default=None)
    chosen, again_ms = _chosen(tx, view, change, left[0], now, everybody=nudge_ms is not None)
    due = [end_of(change), *again_ms, *(ms for ms in times if ms > now.at_ms)]
    for user in chosen:
        awake_ms = waking_ms(now.at_ms, quiet_of(room), zone_of(tx, user, community))
        if awake_ms > now.at_ms:
            due.append(awake_ms)
        else:
            yield from _say(tx, community, change, left[0], user, nudge_ms, now)
    set_timer(tx, Timer(craft=NAME, key=key_of(community, change), due_ms=min(due)))


def _chosen(
    tx: Tx, view: View, change: Change, span: Span, now: Now, *, everybody: bool
) -> tuple[list[UserId], list[int]]:
    """Choose who is asked or reminded now; tells also when to come back, should they not answer."""
    key = key_of(view.community, change)
    slot = Slot(span, change.room, change.part, _layer(view, change))
    could = [one.user for one in view.could(slot, () if change.giver is None else (change.giver,))]
    if change.only is not None:
        could = [change.only] if change.only in could or change.only in view.community.leads else []
    could = [user for user in could if not was_said(tx, f"no:{key} {user}")]
    if everybody:
        return could, []
    new = [user for user in could if not was_said(tx, f"asked:{key} {user}")]
    if change.kind is Kind.SWAP:
        return (new if change.only is not None else []), []
    plan = view.plan(change.room)
    within_ms = (plan.rota.accept_within_ms if plan is not None else None) or WITHIN_MS
    asked_ms = said_at_ms(tx, f"asked:{key} ")
    if asked_ms is not None and now.at_ms < asked_ms + within_ms and not _all_said_no(tx, key):
        return [], [asked_ms + within_ms]
    return new[:1], [now.at_ms + within_ms] if new else []


def _all_said_no(tx: Tx, key: str) -> bool:
    """Tell whether everybody who was asked said no: then there is nothing to wait for."""
    asked = [what.removeprefix("asked:") for what in said_with(tx, f"asked:{key} ")]
    return all(was_said(tx, f"no:{one}") for one in asked)


def _say(
    tx: Tx, community: Community, change: Change, span: Span, user: UserId, nudge_ms: int | None, now: Now
) -> Iterator[AnyEffect]:
    """Ask somebody, or remind them if they were asked before; each once."""
    key = key_of(community, change)
    reminds = nudge_ms is not None and say_once(tx, f"nudge:{nudge_ms}:{key} {user}", now.at_ms)
    if say_once(tx, f"asked:{key} {user}", now.at_ms):
        yield _ask(tx, community, change, span, user, now)
    elif reminds and nudge_ms is not None:
        yield _nudge(tx, community, change, span, user, nudge_ms)


def end_of(change: Change) -> int:
    """Tell until when it can be taken: until it begins, where it had not begun when it was asked, and else to its end."""
    waits = change.kind is Kind.SWAP and change.made_ms < change.span.start_ms
    return change.span.start_ms if waits else change.span.end_ms


def wanted(view: View, change: Change) -> list[Span]:
    """List what of an open request is still wanted: what its giver still has, or nobody."""
    holder = change.giver if change.kind is Kind.SWAP else None
    return [one.span for one in view.on_in(change.room, change.part, change.span) if one.user == holder]


def announce(tx: Tx, community: Community, change: Change, now: Now) -> Iterator[AnyEffect]:
    """Tell those who take turns, once, that somebody would like to hand on; whoever may can take it there."""
    control = bindings.bound_room(tx, community.key, CONTROL_KEY)
    if control is None or change.giver is None:
        return
    with speaking(community.locale):
        choice = take_choice()
        said = words.looking(
            change.giver, community.name_of(change.room), saying.stretch(change.span, community.zone), change.only
        )
        people = [change.giver] if change.only is None else [change.giver, change.only]
        yield Ask(
            step=f"swap:{change.id}:{now.at_ms}",
            room=control,
            priority=Priority.STRUCTURE,
            content=content.asking(said, (choice,), people=people),
            choices=(choice,),
            needs=Role.MEMBER,
            about=community.key,
            open_ms=max(end_of(change) - now.at_ms, 1),
            expires_ms=end_of(change),
            subject=key_of(community, change),
            tag="control",
        )


def take_choice() -> Choice:
    """Offer to take it."""
    return Choice("🙋", _("I take it"), "take")


def close(
    tx: Tx, community: Community, change: Change, state: State, now: Now, *, but: Collection[UserId] = ()
) -> Iterator[AnyEffect]:
    """End a request: nobody is asked any more, and those who were and did not answer hear that it is settled."""
    put_change(tx, community.key, replace(change, state=state, changed_ms=now.at_ms))
    key = key_of(community, change)
    questions.withdraw(tx, NAME, key)
    clear_timer(tx, NAME, key)
    for what in said_with(tx, f"asked:{key} "):
        user = UserId(what.rpartition(" ")[2])
        if user not in but and user != change.taker and not was_said(tx, f"no:{key} {user}"):
            yield _tell(tx, community, change, user, words.settled, now)


def _tell(
    tx: Tx, community: Community, change: Change, user: UserId, said: Callable[[str, str], str], now: Now
) -> AnyEffect:
    with speaking(language_of(tx, user, community)):
        when = saying.stretch(change.span, zone_of(tx, user, community))
        told = content.notice(said(community.name_of(change.room), when))
    return SendDirect(
        step=f"{said.__name__}:{change.id}:{user}", user=user, expires_ms=now.at_ms + 2 * DAY_MS, content=told
    )


def _ask(tx: Tx, community: Community, change: Change, span: Span, user: UserId, now: Now) -> AnyEffect:
    with speaking(language_of(tx, user, community)):
        choices = (take_choice(), Choice("❌", _("no, I can't"), "no"))
        said = words.could_you(community.name_of(change.room), saying.stretch(span, zone_of(tx, user, community)))
        asked = content.asking(said, choices)
    return AskDirect(
        step=f"swap:{change.id}:{user}",
        priority=Priority.STRUCTURE,
        user=user,
        content=asked,
        choices=choices,
        open_ms=max(end_of(change) - now.at_ms, 1),
        expires_ms=end_of(change),
        subject=key_of(community, change),
        about=community.key,
    )


def _nudge(tx: Tx, community: Community, change: Change, span: Span, user: UserId, nudge_ms: int) -> AnyEffect:
    zone = zone_of(tx, user, community)
    with speaking(language_of(tx, user, community)):
        how = f"{community.prefix}take {saying.day(span.start_ms, zone)}"
        said = words.still_open(community.name_of(change.room), saying.stretch(span, zone), how)
        told = content.notice(said)
    return SendDirect(
        step=f"nudge:{change.id}:{user}:{nudge_ms}",
        user=user,
        expires_ms=span.end_ms,
        merge=f"nudge:{change.id}:{user}",
        content=told,
    )


def _layer(view: View, change: Change) -> str:
    found = view.on_in(change.room, change.part, change.span)
    return next((one.shift.slot.layer for one in found if one.shift is not None), "")
