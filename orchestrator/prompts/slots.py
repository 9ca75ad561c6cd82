"""Which slots were filled or passed over and why, and which questions a room was asked: the rows behind the craft."""

from __future__ import annotations

from orchestrator.documents.declared import PromptSchedule, Room
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId
from orchestrator.store.rows import number, text

from .bag import Draw, draw

PINS_REMEMBERED = 5


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


def draw_for(tx: Tx, room: Room, schedule: PromptSchedule, tier_most: int) -> Draw | None:
    """Draw the next question of a room's deck and write it down as asked."""
    where = {"community": room.community, "key": room.key, "deck": schedule.deck.name}
    latest = tx.one(
        "select max(round) as round from asked where account = :account and community = :community"
        " and key = :key and deck = :deck",
        **where,
    )
    round_ = number(latest, "round") if latest is not None and latest["round"] is not None else 0
    seed = f"{room.community}/{room.key}/{schedule.deck.name}"
    asked, before = _asked(tx, room, schedule, round_), _asked(tx, room, schedule, round_ - 1)
    drawn = draw(schedule.deck.prompts, seed, round_, asked, before, tier_most=tier_most)
    if drawn is not None:
        tx.run(
            "insert into asked (account, community, key, deck, item, round, place)"
            " values (:account, :community, :key, :deck, :item, :round, :place)",
            item=drawn.prompt.id,
            round=drawn.round,
            place=drawn.place,
            **where,
        )
        tx.run(
            "delete from asked where account = :account and community = :community and key = :key and deck = :deck"
            " and round < :oldest",
            oldest=drawn.round - 1,
            **where,
        )
    return drawn


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


def _asked(tx: Tx, room: Room, schedule: PromptSchedule, round_: int) -> list[str]:
    rows = tx.rows(
        "select item from asked where account = :account and community = :community and key = :key and deck = :deck"
        " and round = :round order by place, item",
        community=room.community,
        key=room.key,
        deck=schedule.deck.name,
        round=round_,
    )
    return [text(row, "item") for row in rows]
