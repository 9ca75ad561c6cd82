"""What a yes and a no about a turn do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from orchestrator.documents.declared import Community
from orchestrator.errors import Refusal
from orchestrator.facilitation import NAME, saying
from orchestrator.facilitation.records.offers import Offer, Said, offers_of, put_offer
from orchestrator.facilitation.records.preferences import zone_of
from orchestrator.facilitation.records.shifts import Given, State, put_shift
from orchestrator.facilitation.rota.things import Part, Shift
from orchestrator.facilitation.swaps import changing
from orchestrator.facilitation.swaps import words as swap_words
from orchestrator.facilitation.view import View
from orchestrator.model.cadence import Span
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import UserId
from orchestrator.store import questions

from . import asking, turns, words


def accept(tx: Tx, community: Community, given: Given, user: UserId, now: Now) -> tuple[str, list[AnyEffect]]:
    """Put somebody on for a turn; tells what to answer.

    Raises:
        Refusal: nobody asked them, or it is settled otherwise by now.
    """
    slot = given.shift.slot
    name, when = community.name_of(slot.room), saying.stretch(slot.span, zone_of(tx, user, community))
    return words.yours(name, when), list(_accept(tx, community, given, user, now, name, when))


def _accept(
    tx: Tx, community: Community, given: Given, user: UserId, now: Now, name: str, when: str
) -> Iterator[AnyEffect]:
    slot, holder = given.shift.slot, given.shift.user
    offers = {offer.user: offer for offer in offers_of(tx, community.key, slot)}
    view = View.of(tx, community, now.at_ms)
    if view.is_held_by(user, slot.room, slot.part, slot.span.common(Span(now.at_ms, slot.span.end_ms)) or slot.span):
        if holder != user or given.state is State.ACCEPTED or slot.span.start_ms <= now.at_ms:
            return  # it is theirs already
    elif slot.span.start_ms <= now.at_ms or turns.is_touched(tx, community, given) or given.state is State.ACCEPTED:
        raise Refusal(words.gone(name, when))
    shift = given.shift
    if holder != user or not given.promised:
        if holder != user and user not in offers:
            raise Refusal(words.nothing_to_answer(community.prefix))
        besides = {one.user for one in view.could(slot)} - {user}
        found = view.could(slot, besides)
        if not found:
            raise Refusal(words.gone(name, when))
        shift = Shift(slot=slot, user=user, gave_way=found[0].gave_way)
    if user in offers:
        put_offer(tx, community.key, replace(offers[user], answer=Said.YES))
    taken = Given(shift=shift, state=State.ACCEPTED)
    put_shift(tx, community.key, taken)
    # Whoever had it and did not answer hears that it is not theirs any more as everybody does whose turns move.
    yield from asking.close(tx, community, taken, now, but=(user,) if holder is None else (user, holder))


def decline(tx: Tx, community: Community, given: Given, user: UserId, now: Now) -> tuple[str, list[AnyEffect]]:
    """Take somebody off a turn, or let them say no to it; tells what to answer.

    Raises:
        Refusal: it is not theirs, and nobody asked them.
    """
    slot, holder = given.shift.slot, given.shift.user
    name, when = community.name_of(slot.room), saying.stretch(slot.span, zone_of(tx, user, community))
    offers = {offer.user: offer for offer in offers_of(tx, community.key, slot)}
    if user in offers:
        put_offer(tx, community.key, replace(offers[user], answer=Said.NO))
    begun = slot.span.start_ms <= now.at_ms
    if holder == user and not begun and not turns.is_touched(tx, community, given):
        if user not in offers:
            put_offer(
                tx,
                community.key,
                Offer(
                    room=slot.room,
                    part=slot.part,
                    start_ms=slot.span.start_ms,
                    user=user,
                    asked_ms=now.at_ms,
                    until_ms=now.at_ms,
                    answer=Said.NO,
                ),
            )
        questions.withdraw(tx, NAME, turns.leads_key(community, given))
        nobody = Given(shift=Shift(slot=slot, user=None), state=State.OFFERED)
        put_shift(tx, community.key, nobody)
        return words.noted(name, when), list(asking.step(tx, community, nobody, now))
    held = [
        one
        for one in View.of(tx, community, now.at_ms).held_by(user, Part(slot.part))
        if one.room == slot.room and one.span.shares(slot.span) and one.shift is not None
    ]
    if held:
        # It was shared out, was taken by a swap, or runs: then they are off for what is left of it.
        effects = []
        for one in held:
            effects += changing.let_go(tx, community, one, one.span.common(slot.span) or one.span, now)
        return words.not_all_yours(name, when), effects
    if user not in offers:
        raise Refusal(words.nothing_to_answer(community.prefix))
    return swap_words.fine(), [] if begun else list(asking.step(tx, community, given, now))
