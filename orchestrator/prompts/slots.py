"""Which slots were filled or passed over and why, and which questions a room was asked: the rows behind the craft."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo

from orchestrator.documents.declared import PromptSchedule, Room
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId
from orchestrator.schedule import instant_ms, local_at
from orchestrator.store.rows import number, text

from .bag import Draw, draw
from .suggestions.taken import deck_for

PINS_REMEMBERED = 5
JUST_NOW_MS = 10 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of a slot: ``done``, ``claimed`` while it is on its way, ``passed: ...``, or as a ``Result`` says it."""

    due_ms: int
    outcome: str


def claim_slot(tx: Tx, room: Room, schedule: PromptSchedule, due_ms: int, outcome: str, item: str = "") -> bool:
    """Write down what becomes of a slot; tells False when that was written before, so that it happens once."""
    return (
        tx.run(
            "insert into slot (account, community, key, schedule, due_ms, deck, item, outcome, event)"
            " values (:account, :community, :key, :schedule, :due_ms, :deck, :item, :outcome, null) on conflict do nothing",
            community=room.community,
            key=room.key,
            schedule=schedule.id,
            due_ms=due_ms,
            deck=schedule.deck.name,
            item=item,
            outcome=outcome,
        )
        > 0
    )


def is_claimed(tx: Tx, room: Room, schedule: PromptSchedule, due_ms: int) -> bool:
    """Tell whether it is written down what becomes of a slot."""
    row = tx.one(
        "select 1 as known from slot where account = :account and community = :community and key = :key"
        " and schedule = :schedule and due_ms = :due_ms",
        community=room.community,
        key=room.key,
        schedule=schedule.id,
        due_ms=due_ms,
    )
    return row is not None


def note_outcome(tx: Tx, room: Room, schedule: str, due_ms: int, outcome: str, event: EventId | None) -> None:
    """Note what a slot became."""
    tx.run(
        "update slot set outcome = :outcome, event = :event where account = :account and community = :community"
        " and key = :key and schedule = :schedule and due_ms = :due_ms",
        community=room.community,
        key=room.key,
        schedule=schedule,
        due_ms=due_ms,
        outcome=outcome,
        event=event,
    )


def posted(tx: Tx, room: Room, schedule: str) -> list[EventId]:
    """List the last prompts posted for a schedule, newest first."""
    rows = tx.rows(
        "select event from slot where account = :account and community = :community and key = :key"
        " and schedule = :schedule and event is not null order by due_ms desc limit :most",
        community=room.community,
        key=room.key,
        schedule=schedule,
        most=PINS_REMEMBERED,
    )
    return [EventId(text(row, "event")) for row in rows]


def lately(tx: Tx, room: Room, most: int) -> list[Filled]:
    """List the last slots of a room, newest first, but for the questions of its meetings."""
    rows = tx.rows(
        "select due_ms, outcome from slot where account = :account and community = :community and key = :key"
        " and schedule not like 'meeting:%' order by due_ms desc limit :most",
        community=room.community,
        key=room.key,
        most=most,
    )
    return [Filled(number(row, "due_ms"), text(row, "outcome")) for row in rows]


def draw_for(
    tx: Tx, room: Room, schedule: PromptSchedule, tier_most: int, at_ms: int = 0, zone: tzinfo = UTC
) -> Draw | None:
    """Draw the next question of a room's deck and write it down as asked.

    Nothing above ``tier_most`` is drawn. Which day it is there is told by ``at_ms`` (now) and ``zone``.
    """
    where = {"community": room.community, "key": room.key, "deck": bag_of(schedule)}
    day = local_at(at_ms, zone).date()
    round_, asked = this_round(tx, room, bag_of(schedule))
    seed = f"{room.community}/{room.key}/{bag_of(schedule)}"
    before = _asked(tx, room, bag_of(schedule), round_ - 1)
    today = _asked_since(tx, room, instant_ms(datetime.combine(day, time()), zone))
    drawn = draw(
        deck_for(tx, room, schedule).prompts, seed, round_, asked, before, tier_most=tier_most, day=day, today=today
    )
    if drawn is not None and drawn.item:
        # What was put back leaves its place empty: the next one comes after the last all the same.
        latest = tx.one(
            "select max(place) as place from asked where account = :account and community = :community"
            " and key = :key and deck = :deck and round = :round",
            round=drawn.round,
            **where,
        )
        place = number(latest, "place") + 1 if latest is not None and latest["place"] is not None else 0
        tx.run(
            "insert into asked (account, community, key, deck, item, round, place)"
            " values (:account, :community, :key, :deck, :item, :round, :place)",
            item=drawn.item,
            round=drawn.round,
            place=place,
            **where,
        )
        tx.run(
            "delete from asked where account = :account and community = :community and key = :key and deck = :deck"
            " and round < :oldest",
            oldest=drawn.round - 1,
            **where,
        )
    return drawn


def this_round(tx: Tx, room: Room, bag: str) -> tuple[int, list[str]]:
    """Tell which round of a bag it is, and what was drawn in it."""
    latest = tx.one(
        "select max(round) as round from asked where account = :account and community = :community"
        " and key = :key and deck = :deck",
        community=room.community,
        key=room.key,
        deck=bag,
    )
    round_ = number(latest, "round") if latest is not None and latest["round"] is not None else 0
    return round_, _asked(tx, room, bag, round_)


def put_back(tx: Tx, room: Room, deck: str, item: str, round_: int) -> None:
    """Put a question back that was drawn and never posted."""
    tx.run(
        "delete from asked where account = :account and community = :community and key = :key and deck = :deck"
        " and item = :item and round = :round",
        community=room.community,
        key=room.key,
        deck=deck,
        item=item,
        round=round_,
    )


def bag_of(schedule: PromptSchedule) -> str:
    """Name the questions that share their rounds within a room."""
    return schedule.bag or schedule.deck.name


def last_asked_ms(tx: Tx, room: Room) -> int | None:
    """Tell for when the last question was asked in a room, of whichever schedule; None: none yet."""
    row = tx.one(
        "select max(due_ms) as due_ms from slot where account = :account and community = :community and key = :key"
        " and (event is not null or outcome = 'claimed')",
        community=room.community,
        key=room.key,
    )
    return number(row, "due_ms") if row is not None and row["due_ms"] is not None else None


def was_asked_just_now(tx: Tx, room: Room, at_ms: int) -> bool:
    """Tell whether a question came so lately that whoever wants one may not have seen it, or wrote twice."""
    last_ms = last_asked_ms(tx, room)
    return last_ms is not None and abs(at_ms - last_ms) < JUST_NOW_MS


def _asked_since(tx: Tx, room: Room, since_ms: int) -> set[str]:
    """List the ids of the questions that were asked in a room since an instant, or will be, of whichever schedule."""
    rows = tx.rows(
        "select item from slot where account = :account and community = :community and key = :key"
        " and due_ms >= :since_ms and (event is not null or outcome = 'claimed')"
        " union select prompt from chosen where account = :account and community = :community and key = :key"
        " and due_ms >= :since_ms",
        community=room.community,
        key=room.key,
        since_ms=since_ms,
    )
    return {text(row, "item") for row in rows}


def _asked(tx: Tx, room: Room, bag: str, round_: int) -> list[str]:
    rows = tx.rows(
        "select item from asked where account = :account and community = :community and key = :key and deck = :deck"
        " and round = :round order by place, item",
        community=room.community,
        key=room.key,
        deck=bag,
        round=round_,
    )
    return [text(row, "item") for row in rows]
