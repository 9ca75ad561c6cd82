"""What follows for a published turn: who is asked, whose silence counts, and when leads hear that nobody answered."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Room
from orchestrator.facilitation import NAME, saying
from orchestrator.facilitation.records.offers import Offer, Said, offers_of, put_offer
from orchestrator.facilitation.records.preferences import language_of, zone_of
from orchestrator.facilitation.records.shifts import Given, State, put_shift, shifts_of
from orchestrator.facilitation.rota.picking import Candidate
from orchestrator.facilitation.rota.things import GaveWay, Part, Shift, Slot
from orchestrator.facilitation.view import View
from orchestrator.facilitation.waking import quiet_of, waking_ms
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Ask, AskDirect, Choice, Priority, SendDirect
from orchestrator.model.feature import Now, Role, Timer, Tx
from orchestrator.model.ids import UserId
from orchestrator.store import bindings, questions
from orchestrator.store.timers import clear_timer, set_timer, timer_of, timers_of

from . import words
from .turns import OFFER, is_asked_about, is_touched, key_of, leads_key

WITHIN_MS: Final = 2 * DAY_MS
"""How long somebody has to answer about a turn with too little rest before it, where a rota asks nobody else."""


def plan(tx: Tx, community: Community, now: Now) -> None:
    """Set the timers of turns about which something may have to be asked, where there are none."""
    known = set()
    for given in shifts_of(tx, community.key):
        key = key_of(community, given)
        known.add(key)
        if _is_unsettled(tx, community, given, now) and timer_of(tx, NAME, key) is None:
            set_timer(tx, Timer(craft=NAME, key=key, due_ms=now.at_ms))
    for timer in timers_of(tx, NAME, f"{OFFER}{community.key}/"):
        if timer.key not in known:
            clear_timer(tx, NAME, timer.key)


def _is_unsettled(tx: Tx, community: Community, given: Given, now: Now) -> bool:
    if given.shift.slot.span.start_ms <= now.at_ms:
        return given.state is State.OFFERED
    if given.state in {State.PUBLISHED, State.OFFERED}:
        return is_asked_about(community, given)
    if given.state is State.OPEN:
        asked = {offer.user for offer in offers_of(tx, community.key, given.shift.slot)}
        return (
            is_asked_about(community, given)
            and not is_touched(tx, community, given)
            and bool(View.of(tx, community, now.at_ms).could(given.shift.slot, asked))
        )
    return False


def step(tx: Tx, community: Community, given: Given, now: Now) -> Iterator[AnyEffect]:
    """Do what is to be done about a turn by now, and set its timer for what comes next."""
    slot, key = given.shift.slot, key_of(community, given)
    room = community.room(slot.room)
    clear_timer(tx, NAME, key)
    if room is None or room.rota is None:
        return
    start_ms = slot.span.start_ms
    if now.at_ms >= start_ms:
        yield from _begin(tx, community, given, now)
        return
    offers = _heard(tx, community, slot, now)
    if waits_ms := _answer_due_ms(offers):
        _again(tx, key, waits_ms)
    elif given.state in {State.ACCEPTED, State.UNCONFIRMED}:
        _end_with(tx, key, offers, start_ms)
    elif not is_asked_about(community, given):
        yield from _unasked(tx, community, given, now)
    elif is_touched(tx, community, given):
        yield from _leave_alone(tx, community, given, now)
    elif now.at_ms < start_ms - room.rota.offer_ms:
        _again(tx, key, start_ms - room.rota.offer_ms)
    else:
        yield from _ask_next(tx, community, room, _given_up(tx, community, given, offers), offers, now)


def _answer_due_ms(offers: Sequence[Offer]) -> int | None:
    """Tell until when somebody may think about it; None: nobody does."""
    return min((offer.until_ms for offer in offers if offer.answer is Said.WAITING), default=None)


def _end_with(tx: Tx, key: str, offers: Sequence[Offer], start_ms: int) -> None:
    """Come back when the turn begins, where somebody was asked who should hear an end then."""
    if any(offer.answer is Said.SILENT for offer in offers):
        _again(tx, key, start_ms)


def _unasked(tx: Tx, community: Community, given: Given, now: Now) -> Iterator[AnyEffect]:
    """Where nobody is asked and somebody can't, the leads see it."""
    if given.state is State.OFFERED:
        yield from _nobody_left(tx, community, given, now)


def _leave_alone(tx: Tx, community: Community, given: Given, now: Now) -> Iterator[AnyEffect]:
    """Ask no more: somebody took some of it, or its holder can't, and what is left is asked about by that."""
    yield from close(tx, community, given, now, but=())
    if given.shift.user is not None and given.promised:
        put_shift(tx, community.key, replace(given, state=State.ACCEPTED))


def _given_up(tx: Tx, community: Community, given: Given, offers: Sequence[Offer]) -> Given:
    """Take a turn from whoever should rest before it and did not say yes."""
    holder = given.shift.user
    if given.promised or not any(offer.user == holder and offer.answer is Said.SILENT for offer in offers):
        return given
    nobody = Given(shift=Shift(slot=given.shift.slot, user=None), state=State.OPEN)
    put_shift(tx, community.key, nobody)
    return nobody


def _ask_next(
    tx: Tx, community: Community, room: Room, given: Given, offers: Sequence[Offer], now: Now
) -> Iterator[AnyEffect]:
    slot, key = given.shift.slot, key_of(community, given)
    start_ms = slot.span.start_ms
    found = _whom(tx, community, given, offers, now)
    if found is None:
        yield from _nobody_left(tx, community, given, now)
        _end_with(tx, key, offers, start_ms)
        return
    awake_ms = waking_ms(now.at_ms, quiet_of(room), zone_of(tx, found.user, community))
    if now.at_ms < awake_ms < start_ms:
        _again(tx, key, awake_ms)
        return
    within_ms = (room.rota.accept_within_ms if room.rota is not None else None) or WITHIN_MS
    offer = Offer(
        room=slot.room,
        part=slot.part,
        start_ms=start_ms,
        user=found.user,
        asked_ms=now.at_ms,
        until_ms=min(now.at_ms + within_ms, start_ms),
    )
    put_offer(tx, community.key, offer)
    put_shift(tx, community.key, replace(given, state=State.OFFERED))
    _again(tx, key, offer.until_ms)
    yield _ask(tx, community, given, offer, found)


def _again(tx: Tx, key: str, due_ms: int) -> None:
    set_timer(tx, Timer(craft=NAME, key=key, due_ms=due_ms))


def _heard(tx: Tx, community: Community, slot: Slot, now: Now) -> list[Offer]:
    """Count as silent who had long enough."""
    found = []
    for offer in offers_of(tx, community.key, slot):
        if offer.answer is Said.WAITING and offer.until_ms <= now.at_ms:
            offer = replace(offer, answer=Said.SILENT)  # noqa: PLW2901
            put_offer(tx, community.key, offer)
        found.append(offer)
    return found


def _whom(tx: Tx, community: Community, given: Given, offers: Sequence[Offer], now: Now) -> Candidate | None:
    """Choose who is asked next: whose turn it is, then one backup, and where nobody has it one after another."""
    asked, holder = {offer.user for offer in offers}, given.shift.user
    if holder is not None:
        if holder not in asked:
            return Candidate(holder, given.shift.gave_way)
        since_ms = _asked_ms(offers, holder)
        if any(offer.asked_ms >= since_ms for offer in offers if offer.user != holder):
            return None
        asked.add(holder)
    could = View.of(tx, community, now.at_ms).could(given.shift.slot, asked)
    return could[0] if could else None


def _asked_ms(offers: Iterable[Offer], user: UserId) -> int:
    return next((offer.asked_ms for offer in offers if offer.user == user), 0)


def _ask(tx: Tx, community: Community, given: Given, offer: Offer, found: Candidate) -> AnyEffect:
    slot = given.shift.slot
    zone = zone_of(tx, offer.user, community)
    with speaking(language_of(tx, offer.user, community)):
        choices = content.yes_or_no(_("yes"), _("no, I can't"))
        said = words.asks(
            community.name_of(slot.room),
            saying.stretch(slot.span, zone),
            slot.part,
            saying.moment(offer.until_ms, zone),
            rest=GaveWay.REST in found.gave_way,
        )
        asked = content.asking(said, choices)
    return AskDirect(
        step=f"offer:{community.key}/{given.name}:{offer.user}",
        priority=Priority.STRUCTURE,
        user=offer.user,
        content=asked,
        choices=choices,
        # Late is better than never: until it begins, or somebody else has it.
        open_ms=slot.span.start_ms - offer.asked_ms,
        expires_ms=slot.span.start_ms,
        subject=key_of(community, given),
        about=community.key,
    )


def _nobody_left(tx: Tx, community: Community, given: Given, now: Now) -> Iterator[AnyEffect]:
    """Leave a turn as it is when nobody is left to ask, and let the leads see it."""
    if given.shift.user is None:
        put_shift(tx, community.key, replace(given, state=State.OPEN))
        return  # the leads hear of it as of any other gap
    put_shift(tx, community.key, replace(given, state=State.UNCONFIRMED))
    if given.shift.slot.part is Part.SHADOW:
        return  # nothing rests on who only watches, and nobody can do it for them
    yield from to_leads(tx, community, given, now)


def to_leads(tx: Tx, community: Community, given: Given, now: Now) -> Iterator[AnyEffect]:
    """Tell the leads that somebody has not answered; whoever may can take it there."""
    slot, holder = given.shift.slot, given.shift.user
    control = bindings.bound_room(tx, community.key, CONTROL_KEY)
    if control is None or holder is None:
        return
    with speaking(community.locale):
        choice = Choice("🙋", _("I take it"), "take")
        said = words.unconfirmed(holder, community.name_of(slot.room), saying.stretch(slot.span, community.zone))
        yield Ask(
            step=f"unconfirmed:{community.key}/{given.name}:{now.at_ms}",
            room=control,
            priority=Priority.STRUCTURE,
            content=content.asking(said, (choice,), people=[holder]),
            choices=(choice,),
            needs=Role.MEMBER,
            about=community.key,
            open_ms=slot.span.start_ms - now.at_ms,
            expires_ms=slot.span.start_ms,
            subject=leads_key(community, given),
        )


def close(tx: Tx, community: Community, given: Given, now: Now, *, but: Collection[UserId]) -> Iterator[AnyEffect]:
    """Take back what is asked about a turn, and tell those who were asked and did not answer, but for some."""
    for subject in (key_of(community, given), leads_key(community, given)):
        questions.withdraw(tx, NAME, subject)
    clear_timer(tx, NAME, key_of(community, given))
    slot = given.shift.slot
    for offer in offers_of(tx, community.key, slot):
        if offer.answer not in {Said.WAITING, Said.SILENT}:
            continue
        put_offer(tx, community.key, replace(offer, answer=Said.OVER))
        if offer.user in but:
            continue
        zone = zone_of(tx, offer.user, community)
        with speaking(language_of(tx, offer.user, community)):
            said = words.settled(community.name_of(slot.room), saying.stretch(slot.span, zone))
        yield SendDirect(
            step=f"settled:{community.key}/{given.name}:{offer.user}:{now.at_ms}",
            user=offer.user,
            expires_ms=now.at_ms + 2 * DAY_MS,
            content=content.notice(said),
        )


def _begin(tx: Tx, community: Community, given: Given, now: Now) -> Iterator[AnyEffect]:
    """End the asking: the turn begins."""
    holder = given.shift.user
    yield from close(tx, community, given, now, but=() if holder is None else (holder,))
    if given.state is State.OFFERED or (given.state is State.PUBLISHED and not given.promised):
        kept = given.promised and holder is not None
        shift = given.shift if kept else Shift(slot=given.shift.slot, user=None)
        put_shift(tx, community.key, Given(shift=shift, state=State.UNCONFIRMED if kept else State.OPEN))
