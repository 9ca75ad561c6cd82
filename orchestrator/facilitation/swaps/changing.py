"""What is changed about published turns, decided on how things are at that moment: two who take one thing cannot both have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestrator.documents.declared import Community
from orchestrator.errors import Refusal
from orchestrator.facilitation import saying
from orchestrator.facilitation.offers import asking as offering
from orchestrator.facilitation.records.away import away_of
from orchestrator.facilitation.records.overrides import Change, Kind, State, change_at, changes_of, put_change
from orchestrator.facilitation.records.shifts import Given, put_shift, shifts_of
from orchestrator.facilitation.records.shifts import State as ShiftState
from orchestrator.facilitation.rota.resolving import conflict
from orchestrator.facilitation.rota.things import Override, Part, Shift, Stretch
from orchestrator.facilitation.view import View, check_can_keep, check_may_keep
from orchestrator.model.cadence import EVER, Span
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import RoomKey, UserId
from orchestrator.schedule import clip, subtract

from . import asking, words


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody would like to take.

    Attributes:
        swap: the request that it is about; "": what nobody has.
        at_once: take over whatever runs, whoever is on.
    """

    room: RoomKey
    part: Part
    span: Span
    swap: str = ""
    at_once: bool = False


def open_swap(
    tx: Tx, community: Community, giver: UserId, wish: Wish, now: Now, *, only: UserId | None = None
) -> tuple[Change, list[AnyEffect]]:
    """Look for somebody who takes a stretch from ``giver``; until then nothing changes.

    Raises:
        Refusal: it is over, is not theirs, or is asked already.
    """
    span = _ahead(wish.span, now)
    if not View.of(tx, community, now.at_ms).is_held_by(giver, wish.room, wish.part, span):
        raise Refusal(words.nothing_to_hand_on(saying.stretch(span, community.zone), community.prefix))
    check_not_asked(tx, community, giver, replace(wish, span=span))
    change = Change(
        id=asking.fresh_id(tx, now),
        room=wish.room,
        part=wish.part,
        span=span,
        giver=giver,
        only=only,
        kind=Kind.SWAP,
        made_ms=now.at_ms,
        changed_ms=now.at_ms,
    )
    put_change(tx, community.key, change)
    return change, [*asking.announce(tx, community, change, now), *asking.step(tx, community, change, now)]


def check_not_asked(tx: Tx, community: Community, giver: UserId, wish: Wish) -> None:
    """Check that nobody is looked for already: whoever asks twice about one time means one of the two.

    Raises:
        Refusal: it names the request that is in the way.
    """
    asked = {
        one.id: one
        for one in changes_of(tx, community.key, wish.span)
        if one.state is State.OPEN and one.kind is Kind.SWAP
    }
    wanted = Override(id="", room=wish.room, part=wish.part, span=wish.span, giver=giver, taker=None, made_ms=0)
    found = conflict(wanted, (one.override() for one in asked.values()))
    if found is not None:
        other = asked[found]
        raise Refusal(
            words.already_asked(
                community.name_of(other.room),
                saying.stretch(other.span, community.zone),
                f"{community.prefix}swap cancel {saying.day(other.span.start_ms, community.zone)}",
            )
        )


def take_back(
    tx: Tx, community: Community, giver: UserId, span: Span | None, now: Now
) -> tuple[Change, list[AnyEffect]]:
    """Stop looking for somebody; the first of their requests in a span.

    Raises:
        Refusal: there is none.
    """
    for change in changes_of(tx, community.key, EVER if span is None else span):
        if change.state is State.OPEN and change.kind is Kind.SWAP and change.giver == giver:
            return change, list(asking.close(tx, community, change, State.WITHDRAWN, now))
    raise Refusal(words.nothing_to_take_back())


def take(
    tx: Tx, community: Community, taker: UserId, wish: Wish, now: Now, *, alone: bool = False
) -> tuple[Span, list[AnyEffect]]:
    """Let somebody take what is open right now, or over what runs; tells what they have got.

    That they are away is said only where they are ``alone`` with the answer.

    Raises:
        Refusal: they may not, they are away, or somebody was first.
    """
    check_may_keep(community, wish.room, taker)
    span = _ahead(wish.span, now)
    check_can_keep(tx, community, wish.room, taker, span)
    view = View.of(tx, community, now.at_ms)
    found = view.on_in(wish.room, wish.part, span)
    name = community.name_of(wish.room)
    when = saying.stretch(span, community.zone)
    if found and all(one.user == taker for one in found):
        raise Refusal(words.already_yours(name, when))
    for one in view.held_by(taker):
        if one.room == wish.room and one.part is not Part.SHADOW and (both := one.span.common(span)) is not None:
            raise Refusal(words.already_yours(name, saying.stretch(both, community.zone)))
    _check_here(tx, community, taker, wish.room, span, alone=alone)
    if wish.at_once:
        _check_first(tx, community, taker, found, name, now)
        pieces = [one for one in found if one.shift is not None]
    elif wish.swap:
        change = change_at(tx, community.key, wish.swap)
        if change is not None and change.only not in {None, taker} and change.state is State.OPEN:
            raise Refusal(words.only_for(change.only))
        if change is None or change.state is not State.OPEN or change.giver == taker:
            raise _too_late(found, name, when)
        pieces = [one for one in found if one.user == change.giver and one.shift is not None]
    else:
        pieces = [one for one in found if one.user is None and one.shift is not None]
    if not pieces:
        raise _too_late(found, name, when)
    effects = []
    for piece in pieces:
        effects += _give(tx, community, piece, taker, wish, now)
    effects += _tidy(tx, community, wish, Span(pieces[0].span.start_ms, pieces[-1].span.end_ms), taker, now)
    return Span(pieces[0].span.start_ms, pieces[-1].span.end_ms), effects


def let_go(tx: Tx, community: Community, stretch: Stretch, span: Span, now: Now) -> list[AnyEffect]:
    """Take somebody off what they are on for, at once; it is open from then on."""
    change = Change(
        id=asking.fresh_id(tx, now),
        room=stretch.room,
        part=stretch.part,
        span=span,
        giver=stretch.user,
        kind=Kind.AWAY,
        made_ms=now.at_ms,
        changed_ms=now.at_ms,
    )
    put_change(tx, community.key, change)
    wish = Wish(room=stretch.room, part=stretch.part, span=span)
    effects = _tidy(tx, community, wish, span, None, now)
    return [*effects, *asking.step(tx, community, change, now)]


def _give(tx: Tx, community: Community, piece: Stretch, taker: UserId, wish: Wish, now: Now) -> list[AnyEffect]:
    """Write down that a piece is somebody's from now on."""
    if piece.shift is not None and not any(
        one.shift.slot == piece.shift.slot for one in shifts_of(tx, community.key, piece.shift.slot.span)
    ):
        # It was not published yet: then it is now, and with nobody but whoever takes it.
        nobody = Shift(slot=piece.shift.slot, user=None)
        put_shift(tx, community.key, Given(shift=nobody, state=ShiftState.OPEN))
    kind, giver, id_ = Kind.SWAP if wish.swap else Kind.TAKE, piece.user, asking.fresh_id(tx, now)
    effects: list[AnyEffect] = []
    if wish.swap:
        change = change_at(tx, community.key, wish.swap)
        if change is not None and change.state is State.OPEN:
            left = subtract(clip([change.span], Span(now.at_ms, change.span.end_ms)), [piece.span])
            effects += asking.close(tx, community, change, State.WITHDRAWN, now, but=(taker,))
            for span in left:
                rest = replace(change, id=asking.fresh_id(tx, now), span=span, changed_ms=now.at_ms)
                put_change(tx, community.key, rest)
                effects += asking.announce(tx, community, rest, now)
            id_ = asking.fresh_id(tx, now)
    put_change(
        tx,
        community.key,
        Change(
            id=id_,
            room=piece.room,
            part=piece.part,
            span=piece.span,
            giver=giver,
            taker=taker,
            kind=kind,
            state=State.TAKEN,
            made_ms=now.at_ms,
            changed_ms=now.at_ms,
        ),
    )
    return effects


def _tidy(tx: Tx, community: Community, wish: Wish, span: Span, taker: UserId | None, now: Now) -> list[AnyEffect]:
    """End what is asked about turns and requests that have changed."""
    effects: list[AnyEffect] = []
    for given in shifts_of(tx, community.key, span):
        slot = given.shift.slot
        if (slot.room, slot.part) != (wish.room, wish.part):
            continue
        effects += offering.close(tx, community, given, now, but=() if taker is None else (taker,))
        if given.state in {ShiftState.PUBLISHED, ShiftState.OFFERED, ShiftState.UNCONFIRMED}:
            # Whoever had it had a say by now; where it waited for a yes, nobody gave one.
            kept = given.promised and given.shift.user is not None
            shift = given.shift if kept else Shift(slot=slot, user=None)
            put_shift(tx, community.key, Given(shift=shift, state=ShiftState.ACCEPTED if kept else ShiftState.OPEN))
    view = View.of(tx, community, now.at_ms)
    for change in changes_of(tx, community.key, span):
        if change.state is not State.OPEN or (change.room, change.part) != (wish.room, wish.part):
            continue
        left = asking.wanted(view, change)
        if not left:
            over = State.WITHDRAWN if change.kind is Kind.SWAP else State.TAKEN
            effects += asking.close(tx, community, change, over, now, but=() if taker is None else (taker,))
        elif change.kind is Kind.SWAP and clip(left, change.span) != (change.span,):
            effects += asking.close(tx, community, change, State.WITHDRAWN, now, but=() if taker is None else (taker,))
            for rest in clip(left, change.span):
                put_change(tx, community.key, replace(change, id=asking.fresh_id(tx, now), span=rest))
    asking.plan(tx, community, now)
    return effects


def _check_first(tx: Tx, community: Community, taker: UserId, found: Sequence[Stretch], name: str, now: Now) -> None:
    """Check that nobody else took over from somebody just now: who wrote in the same breath did not mean to from them."""
    for one in found:
        change = None if one.override is None else change_at(tx, community.key, one.override)
        if change is None or change.taker is None or change.giver == taker:
            continue
        if now.at_ms - change.made_ms < MINUTE_MS:
            raise Refusal(words.who_was_first(change.taker, name, saying.stretch(one.span, community.zone)))


def _too_late(found: Sequence[Stretch], name: str, when: str) -> Refusal:
    people = list(dict.fromkeys(one.user for one in found if one.user is not None))
    if len(people) == 1:
        return Refusal(words.who_was_first(people[0], name, when))
    return Refusal(words.not_open(name, when))


def _check_here(tx: Tx, community: Community, taker: UserId, room: RoomKey, span: Span, *, alone: bool) -> None:
    away = next((one for one in away_of(tx, community.key, taker) if one.shares(span)), None)
    if away is not None and not alone:
        how = f"{community.prefix}take {saying.day(span.start_ms, community.zone)}"
        raise Refusal(words.not_you_then(community.name_of(room), saying.stretch(span, community.zone), how))
    if away is not None:
        how = f"{community.prefix}away cancel {saying.day(away.start_ms, community.zone)}"
        raise Refusal(words.you_are_away(saying.stretch(away, community.zone), how))


def _ahead(span: Span, now: Now) -> Span:
    """Cut off what is over."""
    if span.end_ms <= now.at_ms:
        raise Refusal(words.is_past())
    return Span(max(span.start_ms, now.at_ms), span.end_ms)


__all__ = ["Wish", "check_not_asked", "let_go", "open_swap", "take", "take_back"]
