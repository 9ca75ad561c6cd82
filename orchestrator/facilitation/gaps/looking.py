"""Which times nobody is on for, and which of them the leads have not heard of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community
from orchestrator.facilitation import NAME, saying
from orchestrator.facilitation.records.offers import Said, offers_of
from orchestrator.facilitation.records.overrides import changes_of
from orchestrator.facilitation.records.said import said_with, say_once, unsay
from orchestrator.facilitation.records.shifts import State, shifts_of
from orchestrator.facilitation.rota.things import Part, Stretch
from orchestrator.facilitation.view import AHEAD_MS, View, piece_of
from orchestrator.facilitation.waking import waking_ms
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.cadence import NIGHT, Span
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.effects import AnyEffect, Ask, Choice, Priority, Send, SendDirect
from orchestrator.model.feature import Now, Role, Timer, Tx
from orchestrator.model.ids import RoomKey, UserId
from orchestrator.store import bindings, questions
from orchestrator.store.rows import dump
from orchestrator.store.timers import set_timer

from . import words

GAP: Final = "gap:"
AWAKE: Final = 12 * HOUR_MS
"""A gap that begins sooner than this is told of at any hour."""
AGAIN: Final = DAY_MS


def plan(tx: Tx, community: Community, now: Now) -> None:
    """Look for gaps as soon as what is done now is done."""
    set_timer(tx, Timer(craft=NAME, key=f"{GAP}{community.key}", due_ms=now.at_ms))


def look(tx: Tx, community: Community, now: Now) -> Iterator[AnyEffect]:
    """Tell the leads of gaps that they have not heard of; forget those that are none any more."""
    set_timer(tx, Timer(craft=NAME, key=f"{GAP}{community.key}", due_ms=now.at_ms + AGAIN))
    view = View.of(tx, community, now.at_ms)
    # About these somebody is being asked just now.
    asked = [
        one.shift.slot
        for one in shifts_of(tx, community.key, Span.since(now.at_ms))
        if one.state in {State.PUBLISHED, State.OFFERED}
        and one.shift.slot.span.start_ms > now.at_ms
        and (one.shift.user is None or not one.promised)
    ]
    found = [
        gap
        for gap in view.gaps()
        if gap.span.start_ms < now.at_ms + AHEAD_MS and not (gap.shift is not None and gap.shift.slot in asked)
    ]
    found += [gap for gap in view.unkept() if gap.span.start_ms < now.at_ms + AHEAD_MS]
    new = _unheard(tx, community, found)
    if not new:
        return
    awake_ms = waking_ms(now.at_ms, NIGHT, community.zone)
    if awake_ms > now.at_ms and min(gap.span.start_ms for gap in new) > now.at_ms + AWAKE:
        set_timer(tx, Timer(craft=NAME, key=f"{GAP}{community.key}", due_ms=awake_ms))
        return
    for gap in new:
        say_once(tx, _name(community, gap), now.at_ms)
    with speaking(community.locale):
        for gaps in ([gap for gap in new if gap.shift is not None], [gap for gap in new if gap.shift is None]):
            if gaps:
                yield from _tell(tx, view, gaps, now)


def _tell(tx: Tx, view: View, gaps: Sequence[Stretch], now: Now) -> Iterator[AnyEffect]:
    """Say in the control room who could help; where there is none, to each lead."""
    community = view.community
    lines, people = [], set()
    say = words.one if len(gaps) == 1 else words.line
    for gap in gaps:
        could = [one.user for one in view.could(piece_of(gap), _unable(tx, community, gap))]
        people.update(could[:3])
        lines.append(say(community.name_of(gap.room), saying.stretch(gap.span, community.zone), could))
    written = gaps[0].shift is None
    how = words.write_somebody() if written else words.take_one(f"{community.prefix}take")
    said = lines[0] if len(lines) == 1 else words.several(lines)
    if len(lines) > 1 or written:
        said += f"\n\n{how}"
    step = f"{_name(community, gaps[0])}:{now.at_ms}"
    control = bindings.bound_room(tx, community.key, CONTROL_KEY)
    if control is None:
        for lead in community.leads:
            yield SendDirect(step=f"{step}:{lead}", user=lead, content=content.notice(said, people=people))
        return
    expires_ms = max(gap.span.end_ms for gap in gaps)
    if len(gaps) > 1 or written:
        notice = content.notice(said, mentions=community.leads, people=people)
        yield Send(step=step, room=control, priority=Priority.STRUCTURE, expires_ms=expires_ms, content=notice)
        return
    gap, choice = gaps[0], Choice("🙋", _("I take it"), "take")
    yield Ask(
        step=step,
        room=control,
        priority=Priority.STRUCTURE,
        expires_ms=expires_ms,
        content=content.asking(said, (choice,), mentions=community.leads, people=people),
        choices=(choice,),
        needs=Role.MEMBER,
        about=community.key,
        open_ms=max(gap.span.end_ms - now.at_ms, 1),
        subject=subject(community, gap.room, gap.part),
        tag=dump({"start": gap.span.start_ms, "end": gap.span.end_ms}),
    )


def _unable(tx: Tx, community: Community, gap: Stretch) -> set[UserId]:
    """List who said that they cannot."""
    found = {
        one.giver
        for one in changes_of(tx, community.key, gap.span)
        if (one.room, one.part) == (gap.room, gap.part) and one.holds and one.taker is None and one.giver is not None
    }
    if gap.shift is not None:
        found.update(one.user for one in offers_of(tx, community.key, gap.shift.slot) if one.answer is Said.NO)
    return found


def subject(community: Community, room: RoomKey, part: Part) -> str:
    """Name what is asked about the gaps of a room."""
    return f"{GAP}{community.key}/{room}/{part}"


def _unheard(tx: Tx, community: Community, gaps: Sequence[Stretch]) -> list[Stretch]:
    """Choose the gaps that nobody told of, and write down what is left of those that somebody did."""
    prefix = f"{GAP}{community.key}/"
    heard = said_with(tx, prefix)
    new, still = [], set()
    for gap in gaps:
        inside = [what for what in heard if _covers(what, prefix, gap)]
        if inside:
            still.update(inside)
        else:
            new.append(gap)
    for what in heard:
        if what not in still:
            unsay(tx, what)
            room, part, *_span = what.removeprefix(prefix).rsplit("/", 3)
            if not any((gap.room, gap.part) == (room, part) for gap in gaps):
                questions.withdraw(tx, NAME, f"{prefix}{room}/{part}")
    return new


def _covers(what: str, prefix: str, gap: Stretch) -> bool:
    room, part, start, end = what.removeprefix(prefix).rsplit("/", 3)
    told = Span(int(start), int(end))
    return (room, part) == (gap.room, gap.part) and told.covers(gap.span)


def _name(community: Community, gap: Stretch) -> str:
    return f"{GAP}{community.key}/{gap.room}/{gap.part}/{gap.span.start_ms}/{gap.span.end_ms}"
