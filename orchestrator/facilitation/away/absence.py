"""What it means that somebody cannot for a while, or can again: nobody is on duty while away."""

from __future__ import annotations

from dataclasses import dataclass, replace

from orchestrator.documents.declared import Community
from orchestrator.errors import Refusal
from orchestrator.facilitation.offers.answers import decline
from orchestrator.facilitation.records.away import add_away, away_of, cut_away
from orchestrator.facilitation.records.offers import Said, offers_of
from orchestrator.facilitation.records.overrides import Change, Kind, State, changes_of, put_change
from orchestrator.facilitation.records.said import say_once, was_said
from orchestrator.facilitation.records.shifts import shifts_of
from orchestrator.facilitation.rota.things import Stretch, Why
from orchestrator.facilitation.swaps import asking, changing
from orchestrator.facilitation.view import View
from orchestrator.model.cadence import Span
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import UserId
from orchestrator.schedule import subtract

from . import words


@dataclass(frozen=True, slots=True)
class Back:
    """What became of somebody's turns when they are back.

    Attributes:
        struck: when they are not away any more.
        again: what is theirs again.
        gone: what somebody else took, and keeps.
        effects: what those hear who were asked to take it.
    """

    struck: tuple[Span, ...]
    again: tuple[tuple[Change, Span], ...] = ()
    gone: tuple[tuple[Change, Span], ...] = ()
    effects: tuple[AnyEffect, ...] = ()


def touched(tx: Tx, community: Community, user: UserId, span: Span, now: Now) -> list[tuple[Stretch, Span]]:
    """List what somebody is on for in a span, each with the part that lies in it."""
    return [
        (one, both)
        for one in View.of(tx, community, now.at_ms).held_by(user)
        if one.shift is not None and (both := one.span.common(span)) is not None
    ]


def written(tx: Tx, community: Community, user: UserId, span: Span, now: Now) -> list[tuple[Stretch, Span]]:
    """List what somebody is on for in a span by a temporary schedule, each with the part that lies in it."""
    return [
        (one, both)
        for one in View.of(tx, community, now.at_ms).written_for(user)
        if (both := one.span.common(span)) is not None
    ]


def leave(tx: Tx, community: Community, user: UserId, span: Span, now: Now) -> list[AnyEffect]:
    """Write down that somebody is away: what they are on for is open from now on, and they are given nothing else."""
    found = [] if user not in community.staff() else touched(tx, community, user, span, now)
    add_away(tx, community.key, user, span)
    effects: list[AnyEffect] = []
    for stretch, both in found:
        effects += changing.let_go(tx, community, stretch, both, now)
    for given in shifts_of(tx, community.key, span):
        slot = given.shift.slot
        waits = any(
            offer.user == user and offer.answer in {Said.WAITING, Said.SILENT}
            for offer in offers_of(tx, community.key, slot)
        )
        if slot.span.start_ms > now.at_ms and (waits or (given.shift.user == user and not given.promised)):
            effects += decline(tx, community, given, user, now)[1]
    for change in changes_of(tx, community.key, span):
        about = f"{asking.key_of(community, change)} {user}"
        # Who was asked to take something has answered by that: the next one is asked at once.
        if change.state is State.OPEN and was_said(tx, f"asked:{about}") and say_once(tx, f"no:{about}", now.at_ms):
            effects += asking.step(tx, community, change, now)
    return effects


def come_back(tx: Tx, community: Community, user: UserId, span: Span, now: Now, *, whole: bool) -> Back:
    """Strike out that somebody is away in a span (``whole``: wherever it touches); what nobody took is theirs again.

    Raises:
        Refusal: they are not away then.
    """
    away = [one for one in away_of(tx, community.key, user) if one.shares(span)]
    struck = tuple(one if whole else (one.common(span) or one) for one in away)
    struck = tuple(Span(max(one.start_ms, now.at_ms), one.end_ms) for one in struck if one.end_ms > now.at_ms)
    if not struck:
        raise Refusal(words.nothing_to_undo(community.prefix))
    view = View.of(tx, community, now.at_ms)
    for one in struck:
        cut_away(tx, community.key, user, one)
    again: list[tuple[Change, Span]] = []
    gone: list[tuple[Change, Span]] = []
    effects: list[AnyEffect] = []
    for change in changes_of(tx, community.key):
        if change.kind is not Kind.AWAY or change.giver != user or not change.holds:
            continue
        open_ = [
            both
            for one in view.on_in(change.room, change.part, change.span)
            if one.user is None or one.why is Why.FALLBACK
            for each in struck
            if (both := one.span.common(each)) is not None
        ]
        gone += [
            (change, both)
            for one in view.on_in(change.room, change.part, change.span)
            if one.user not in {None, user} and one.why is not Why.FALLBACK
            for each in struck
            if (both := one.span.common(each)) is not None
        ]
        if not open_:
            continue
        again += [(change, one) for one in open_]
        effects += asking.close(tx, community, change, State.WITHDRAWN, now)
        for n, rest in enumerate(subtract([change.span], open_)):
            # It still comes before whatever was taken of it.
            put_change(tx, community.key, replace(change, id=f"{change.id}.{n}", span=rest, changed_ms=now.at_ms))
    asking.plan(tx, community, now)
    return Back(struck, tuple(again), tuple(gone), tuple(effects))
