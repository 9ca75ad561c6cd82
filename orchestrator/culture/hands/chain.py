"""Who is asked first, who next, and who last. Pure, but for the question who is on duty."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from orchestrator.culture.notices import Duty, whom_to_ask
from orchestrator.culture.places import NAME
from orchestrator.documents.declared import Community
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import UserId
from orchestrator.store.timers import timer_of

from .records import NOTICED, Hand
from .words import Asked

REST = "rest:"


def first(
    tx: Tx, duty: Duty, community: Community, hand: Hand, now: Now
) -> tuple[Sequence[UserId], Sequence[UserId], Asked]:
    """Tell who is asked first, who is asked beside them in case they cannot, and what whoever asks may be told.

    Those on duty in the room, else anywhere, and the backup; with nobody on duty the leads; where it is about one of them,
    leads alone.
    """
    skipped = hand.skipped
    leads = [one for one in community.leads if one not in skipped]
    others = sorted(community.staff() - skipped)
    if hand.about and hand.about != NOTICED:
        return (leads, (), Asked.LEADS) if leads else (others, (), Asked.OTHERS)
    # Who is on duty, or leads, may need somebody, too.
    on_duty = [one for one in whom_to_ask(tx, duty, community.key, hand.key, now) if one not in skipped]
    if on_duty:
        backup = _following(tx, duty, community, hand, on_duty, now)[:1]
        if (
            backup
            and all(is_resting(tx, community, one, now) for one in on_duty)
            and not is_resting(tx, community, backup[0], now)
        ):
            # Who went through something hard not long ago is asked beside the other one, and not before them.
            return backup, on_duty, Asked.ON_DUTY
        return on_duty, backup, Asked.ON_DUTY
    return (leads, (), Asked.LEADS) if leads else (others, (), Asked.OTHERS)


def following(tx: Tx, duty: Duty, community: Community, hand: Hand, now: Now) -> Sequence[UserId]:
    """Tell who is asked when nobody answered: the next one on the room's rota, then all leads; nobody after these."""
    if not hand.private or hand.about == NOTICED:
        asked = {*hand.asked, *hand.skipped}
        on_rota = [one for one in _following(tx, duty, community, hand, hand.asked, now) if one not in community.leads]
        on_rota.sort(key=lambda one: is_resting(tx, community, one, now))
        if hand.step == 0 and on_rota:
            return on_rota[:1]
        return [one for one in community.leads if one not in asked]
    return ()


def is_resting(tx: Tx, community: Community, user: UserId, now: Now) -> bool:
    """Tell whether somebody took something hard lately, so that others are asked first."""
    timer = timer_of(tx, NAME, rest_key(community, user))
    return timer is not None and timer.due_ms > now.at_ms


def rest_key(community: Community, user: UserId) -> str:
    """Name the timer of somebody's rest."""
    return f"{REST}{community.key}/{user}"


def _following(
    tx: Tx, duty: Duty, community: Community, hand: Hand, asked: Collection[UserId], now: Now
) -> list[UserId]:
    if hand.key is None:
        return []
    in_turn = duty.in_turn(tx, community.key, hand.key, now)
    return [one for one in in_turn if one not in asked and one not in hand.skipped]
