"""Which questions will be asked when, found out by going through the time to come as the craft will.

The same gates are asked and the same bag is drawn from. What nobody can foresee is taken as quiet: that no conversation is
going on when a question falls due, and that nobody raises a hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import islice

from orchestrator.culture import is_hushed
from orchestrator.documents.declared import Community, Prompt, PromptSchedule, Room
from orchestrator.model.cadence import Span
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import RoomKey, UserId
from orchestrator.schedule import next_at, occurrences
from orchestrator.store import locks
from orchestrator.store.rows import number, text
from orchestrator.store.timers import timer_of

from .chosen import chosen_for, drop, take
from .duty import NAME
from .gates import LOOK_AGAIN_MS, Moment, Opinion, Verdict, look
from .looking import Covered, Seen, draw_ahead, key_of, next_look_ms, seen_of
from .meetings.ahead import Asking, is_on, questions_ahead
from .meetings.saying import schedule_of
from .pauses import paused_until
from .places import places_in, slot_of
from .slots import draw_for, is_claimed, last_asked_ms
from .suggestions.taken import deck_for

_NOBODY = UserId("")


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A question in a room; ``at_ms`` is when it is asked."""

    room: Room
    at_ms: int
    deck: str
    prompt: Prompt


@dataclass(frozen=True, slots=True, order=True)
class _Due:
    """A slot that falls due, in the order in which the engine takes what is due at one time."""

    at_ms: int
    key: str
    slot_ms: int


def foresee(
    tx: Tx, community: Community, rooms: Iterable[Room], after_ms: int, until_ms: int, covered: Covered
) -> Iterator[Foreseen]:
    """List the questions of some rooms after one instant and before another, in order.

    It draws from the bag as the craft does, and writes that down: run it on a copy of the rows.
    """
    rooms = [room for room in rooms if not room.archive]
    schedules = {place.timer: (place.room, place.schedule) for room in rooms for place in places_in(community, room)}
    last_ms: dict[RoomKey, int | None] = {room.key: last_asked_ms(tx, room) for room in rooms}
    met = {
        _Due(one.at_ms, f"{one.place.timer}:{one.due.step}", one.due.at_ms): one
        for one in questions_ahead(tx, community, rooms, after_ms, until_ms)
    }
    first = (_first(tx, community, room, one, key, after_ms) for key, (room, one) in schedules.items())
    looks = {key_of(room): room for room in rooms if room.prompts}
    seen = {key: seen_of(timer_of(tx, NAME, key)) for key in looks}
    due = [*met, *(one for one in first if one is not None)]
    due += [one for key, room in looks.items() for one in _next_look(tx, community, room, after_ms, seen[key])]
    heapify(due)
    while due and due[0].at_ms < until_ms:
        one = heappop(due)
        if one in met:
            found = _in_meeting(tx, met[one], covered)
            if found is not None:
                last_ms[found.room.key] = one.slot_ms
                yield found
            continue
        if one.key in looks:  # what is shown to keepers ahead is drawn then
            room = looks[one.key]
            seen[one.key] = draw_ahead(tx, community, room, one.at_ms, seen[one.key], covered).seen
            for following_look in _next_look(tx, community, room, one.at_ms, seen[one.key]):
                heappush(due, following_look)
            continue
        room, schedule = schedules[one.key]
        chosen = chosen_for(tx, room, schedule, one.slot_ms)
        opinion = (
            Opinion(Verdict.PASS, "skipped")
            if chosen is not None and chosen.draw is None
            else _look(tx, community, room, schedule, one.at_ms, covered, last_ms[room.key])
        )
        if opinion.verdict is Verdict.WAIT and one.at_ms + LOOK_AGAIN_MS - one.slot_ms <= schedule.grace_ms:
            heappush(due, _Due(one.at_ms + LOOK_AGAIN_MS, one.key, one.slot_ms))
            continue
        following = next_at(schedule.when, community.zone, one.at_ms)
        if following is not None:
            heappush(due, _Due(following.at_ms, one.key, following.at_ms))
        drawn = None
        if opinion.verdict is Verdict.GO:
            drawn = take(tx, room, schedule, one.slot_ms, opinion.tier_most, one.at_ms, community.zone)
        else:
            drop(tx, room, schedule, one.slot_ms)
        if drawn is not None:
            last_ms[room.key] = one.slot_ms
            yield Foreseen(room, one.at_ms, schedule.deck.name, drawn.prompt)


def _next_look(tx: Tx, community: Community, room: Room, now_ms: int, seen: Seen) -> list[_Due]:
    at_ms = next_look_ms(tx, community, room, now_ms, seen)
    return [] if at_ms is None else [_Due(at_ms, key_of(room), at_ms)]


def _in_meeting(tx: Tx, asking: Asking, covered: Covered) -> Foreseen | None:
    """Draw the question of a meeting, if one will be asked; it comes from the same bag as all others."""
    community, room, at_ms = asking.place.community, asking.place.room, asking.at_ms
    still = is_hushed(tx, community.key, room.key, Now(at_ms=at_ms, me=_NOBODY))
    if still or locks.is_locked(tx, community.key, room.key) or paused_until(tx, room, at_ms) is not None:
        return None
    schedule = schedule_of(asking.place, asking.due.step)
    tier_most = 3 if covered(room, at_ms) else 1
    drawn = draw_for(tx, room, schedule, tier_most, asking.session.start_ms, community.zone)
    return None if drawn is None else Foreseen(room, at_ms, schedule.deck.name, drawn.prompt)


class _Undo(Exception):
    """Takes back what was written while looking ahead."""


def foreseen(  # as foresee
    tx: Tx, community: Community, rooms: Iterable[Room], after_ms: int, until_ms: int, covered: Covered, *, most: int
) -> list[Foreseen]:
    """List the first questions of some rooms between two instants, and leave the rows as they were."""
    found: list[Foreseen] = []
    with suppress(_Undo), tx.savepoint():
        found += islice(foresee(tx, community, rooms, after_ms, until_ms, covered), most)
        raise _Undo
    return found


def _first(tx: Tx, community: Community, room: Room, schedule: PromptSchedule, key: str, after_ms: int) -> _Due | None:
    """Find the first slot: one that waits for a better moment, or was missed a moment ago, or else the next."""
    timer = timer_of(tx, NAME, key)
    if timer is not None:
        slots = [slot_of(timer)]
        slots += [one.at_ms for one in occurrences(schedule.when, community.zone, slots[0] + 1, after_ms + 1)]
        at_ms = max(timer.due_ms, after_ms)
        late = at_ms - slots[-1] > schedule.grace_ms
        if not late and not is_claimed(tx, room, schedule, slots[-1]):
            return _Due(at_ms, key, slots[-1])
    following = next_at(schedule.when, community.zone, after_ms)
    return None if following is None else _Due(following.at_ms, key, following.at_ms)


def _look(  # the moment, as far as it can be foreseen
    tx: Tx,
    community: Community,
    room: Room,
    schedule: PromptSchedule,
    at_ms: int,
    covered: Covered,
    last_ms: int | None,
) -> Opinion:
    if locks.is_locked(tx, community.key, room.key):
        return Opinion(Verdict.PASS, "locked")
    moment = Moment(
        at_ms=at_ms,
        zone=community.zone,
        quiet=room.quiet,
        spoken=(),
        spoken_known=True,
        covered=covered(room, at_ms),
        hushed=is_hushed(tx, community.key, room.key, Now(at_ms=at_ms, me=_NOBODY)),
        paused=paused_until(tx, room, at_ms) is not None,
        meeting=is_on(tx, community, room, at_ms),
        last_ms=last_ms,
    )
    return look(schedule.gates, moment, cool_off_ms=schedule.cool_off_ms)


def asked(tx: Tx, rooms: Iterable[Room], window: Span) -> Iterator[Foreseen]:
    """List what was asked in some rooms, in order; what its deck does not hold any more is left out."""
    found = []
    for room in rooms:
        decks = {deck.name: deck for deck in room.decks()}
        decks |= {schedule.deck.name: deck_for(tx, room, schedule) for schedule in reversed(room.prompts)}
        rows = tx.rows(
            "select due_ms, deck, item from slot where account = :account and community = :community and key = :key"
            " and event is not null and due_ms >= :start_ms and due_ms < :end_ms",
            community=room.community,
            key=room.key,
            start_ms=window.start_ms,
            end_ms=window.end_ms,
        )
        for row in rows:
            deck = decks.get(text(row, "deck"))
            prompt = next((one for one in deck.prompts if one.id == row["item"]), None) if deck is not None else None
            if deck is not None and prompt is not None:
                found.append(Foreseen(room, number(row, "due_ms"), deck.name, prompt))
    yield from sorted(found, key=lambda one: (one.at_ms, one.room.key))
