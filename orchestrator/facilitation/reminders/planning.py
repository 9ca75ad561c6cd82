"""When somebody is reminded of a turn: a timer for each turn, and a row for each reminder that was said or dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from orchestrator.documents.declared import Community, Room
from orchestrator.facilitation import NAME
from orchestrator.facilitation.records.holdings import Held, held_in
from orchestrator.facilitation.records.preferences import reminders_of, zone_of
from orchestrator.facilitation.records.said import said_with, say_once
from orchestrator.facilitation.waking import evening_before_ms, quiet_of, waking_ms
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.store.timers import clear_timer, set_timer, timer_of, timers_of

REMINDER: Final = "reminder:"


@dataclass(frozen=True, slots=True)
class Reminder:
    """One reminder of one turn.

    Attributes:
        lead_ms: how long before the turn it was wanted.
        due_ms: when it is said: then, or the evening before where they sleep then.
        stale_ms: from when on it is of no use any more.
    """

    lead_ms: int
    due_ms: int
    stale_ms: int


def timer_key(community: Community, held: Held) -> str:
    """Name the timer of the reminders of a turn; the names of those that were said begin with it."""
    return f"{REMINDER}{community.key}/{held.name}"


def mark(community: Community, held: Held, reminder: Reminder) -> str:
    """Name a reminder, as it is noted when it was said."""
    return f"{timer_key(community, held)}/{reminder.lead_ms}"


def reminders(tx: Tx, community: Community, room: Room, held: Held) -> Iterator[Reminder]:
    """List the reminders of a turn, the earliest first; once half of its lead has passed one is stale."""
    if room.rota is None:
        return
    zone, start_ms = zone_of(tx, held.user, community), held.span.start_ms
    for lead_ms in reminders_of(tx, held.user, room.rota.reminders_ms):
        due_ms = evening_before_ms(start_ms - lead_ms, quiet_of(room), zone)
        yield Reminder(lead_ms, due_ms, start_ms - lead_ms // 2)


def plan_reminders(tx: Tx, community: Community, now: Now) -> None:
    """Set the timers of turns that somebody is to be reminded of, and clear those of turns that are nobody's any more."""
    known = set()
    for held in held_in(tx, community.key, now.at_ms):
        room = community.room(held.room)
        if held.gone_ms is not None or held.span.start_ms <= now.at_ms or room is None:
            continue
        next_ms = next_due_ms(tx, community, room, held, now)
        if next_ms is not None:
            key = timer_key(community, held)
            known.add(key)
            before = timer_of(tx, NAME, key)
            if before is None or before.due_ms != next_ms:
                set_timer(tx, Timer(craft=NAME, key=key, due_ms=next_ms))
    for timer in timers_of(tx, NAME, f"{REMINDER}{community.key}/"):
        if timer.key not in known:
            clear_timer(tx, NAME, timer.key)


def drop_past(tx: Tx, community: Community, held: Held, now: Now) -> None:
    """Leave out the reminders of a turn that would have been before somebody got it: they just heard of it."""
    room = community.room(held.room)
    for one in () if room is None else unsaid(tx, community, room, held):
        if one.due_ms <= now.at_ms:
            say_once(tx, mark(community, held, one), now.at_ms)


def next_due_ms(tx: Tx, community: Community, room: Room, held: Held, now: Now) -> int | None:
    """Tell when the next reminder of a turn is to be said, at the earliest now; None: there is none any more."""
    due = [one for one in unsaid(tx, community, room, held) if one.stale_ms > now.at_ms]
    if not due:
        return None
    at_ms = max(min(one.due_ms for one in due), now.at_ms)
    awake_ms = waking_ms(at_ms, quiet_of(room), zone_of(tx, held.user, community))
    return awake_ms if awake_ms < held.span.start_ms else at_ms


def unsaid(tx: Tx, community: Community, room: Room, held: Held) -> list[Reminder]:
    """List the reminders of a turn that were neither said nor dropped, the earliest first."""
    said = set(said_with(tx, f"{timer_key(community, held)}/"))
    return [one for one in reminders(tx, community, room, held) if mark(community, held, one) not in said]
