"""Which question a slot to come will be asked: drawn ahead, so that what keepers are shown is what is asked.

What is drawn is out of the bag, and so is what was not wanted for that slot. It goes back once the slot is over, but for the
one that was asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import TypeAlias

from orchestrator.documents.declared import Prompt, PromptSchedule, Room
from orchestrator.model.feature import Row, Tx
from orchestrator.store.rows import number, text

from .bag import Draw
from .slots import bag_of, draw_for, put_back
from .suggestions.taken import deck_for

Held: TypeAlias = list[tuple[str, int]]
"""Places of the bag that were drawn: item and round."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a slot will be asked; ``draw`` is None where nothing is to be asked then."""

    due_ms: int
    draw: Draw | None


def chosen_for(tx: Tx, room: Room, schedule: PromptSchedule, due_ms: int) -> Chosen | None:
    """Tell what was chosen for a slot; None: nothing yet, or something that the deck does not hold any more."""
    row = _row(tx, room, schedule.id, due_ms)
    if row is None:
        return None
    if not (id_ := text(row, "prompt")):
        return Chosen(due_ms, None)
    prompt = next((one for one in deck_for(tx, room, schedule).prompts if one.id == id_), None)
    if prompt is None:
        drop(tx, room, schedule, due_ms)
        return None
    return Chosen(due_ms, Draw(prompt, number(row, "round"), 0, text(row, "item")))


def choose(
    tx: Tx, room: Room, schedule: PromptSchedule, due_ms: int, zone: tzinfo, tier_most: int = 3
) -> Prompt | None:
    """Choose the question of a slot, if that was not done yet; None where there is none, or none is wanted."""
    known = chosen_for(tx, room, schedule, due_ms)
    draw = draw_for(tx, room, schedule, tier_most, due_ms, zone) if known is None else known.draw
    if known is None and draw is not None:
        _put(tx, room, schedule, due_ms, draw)
    return None if draw is None else draw.prompt


def choose_another(
    tx: Tx, room: Room, schedule: PromptSchedule, due_ms: int, zone: tzinfo, tier_most: int = 3
) -> Prompt | None:
    """Choose another question for a slot, none that was not wanted for it before.

    None where this round of the deck holds no other: what was chosen stays.
    """
    row = _row(tx, room, schedule.id, due_ms)
    known = chosen_for(tx, room, schedule, due_ms)
    before = None if known is None else known.draw
    draw = draw_for(tx, room, schedule, tier_most, due_ms, zone)
    if draw is None:
        return None
    if before is not None and (draw.prompt.id == before.prompt.id or draw.round != before.round):
        put_back(tx, room, bag_of(schedule), draw.item, draw.round)
        return None
    held = [] if row is None else _held(row)
    _put(tx, room, schedule, due_ms, draw, [*held, *([] if before is None else [(before.item, before.round)])])
    return draw.prompt


def skip(tx: Tx, room: Room, schedule: PromptSchedule, due_ms: int) -> None:
    """Have nothing asked at a slot."""
    drop(tx, room, schedule, due_ms)
    _put(tx, room, schedule, due_ms, None)


def skipped(tx: Tx, room: Room, schedule: PromptSchedule) -> list[int]:
    """List the slots at which nothing is to be asked."""
    rows = tx.rows(
        "select due_ms from chosen where account = :account and community = :community and key = :key"
        " and schedule = :schedule and prompt = '' order by due_ms",
        community=room.community,
        key=room.key,
        schedule=schedule.id,
    )
    return [number(row, "due_ms") for row in rows]


def take(
    tx: Tx, room: Room, schedule: PromptSchedule, due_ms: int, tier_most: int, at_ms: int, zone: tzinfo
) -> Draw | None:
    """Take the question of a slot that is asked now: the one that was chosen, or else the next of the bag.

    One that is too deep for the moment is left for another time.
    """
    known = chosen_for(tx, room, schedule, due_ms)
    draw = None if known is None else known.draw
    if draw is None or draw.prompt.tier > tier_most:
        draw = draw_for(tx, room, schedule, tier_most, at_ms, zone)
    row = _row(tx, room, schedule.id, due_ms)
    if row is not None:
        _release(tx, room, row, but=draw)
    return draw


def drop(tx: Tx, room: Room, schedule: PromptSchedule, due_ms: int) -> None:
    """Forget what was chosen for a slot; the question goes back into the bag."""
    row = _row(tx, room, schedule.id, due_ms)
    if row is not None:
        _release(tx, room, row)


def drop_where_no_slot_is(tx: Tx, room: Room, is_slot: Callable[[str, int], bool]) -> None:
    """Forget what was chosen in a room for slots that are none any more: ``is_slot`` is asked by schedule and time."""
    rows = tx.rows(
        "select * from chosen where account = :account and community = :community and key = :key",
        community=room.community,
        key=room.key,
    )
    for row in rows:
        if not is_slot(text(row, "schedule"), number(row, "due_ms")):
            _release(tx, room, row)


def _row(tx: Tx, room: Room, schedule: str, due_ms: int) -> Row | None:
    return tx.one(
        "select * from chosen where account = :account and community = :community and key = :key"
        " and schedule = :schedule and due_ms = :due_ms",
        community=room.community,
        key=room.key,
        schedule=schedule,
        due_ms=due_ms,
    )


def _held(row: Row) -> Held:
    return [(str(item), int(round_)) for item, round_ in json.loads(text(row, "held"))]


def _release(tx: Tx, room: Room, row: Row, *, but: Draw | None = None) -> None:
    """Put back what a slot held, but for what is asked."""
    for item, round_ in [*_held(row), (text(row, "item"), number(row, "round"))]:
        if but is None or (item, round_) != (but.item, but.round):
            put_back(tx, room, text(row, "bag"), item, round_)
    tx.run(
        "delete from chosen where account = :account and community = :community and key = :key"
        " and schedule = :schedule and due_ms = :due_ms",
        community=room.community,
        key=room.key,
        schedule=row["schedule"],
        due_ms=row["due_ms"],
    )


def _put(
    tx: Tx, room: Room, schedule: PromptSchedule, due_ms: int, draw: Draw | None, held: Held | None = None
) -> None:
    tx.run(
        "insert into chosen (account, community, key, schedule, due_ms, bag, prompt, item, round, held)"
        " values (:account, :community, :key, :schedule, :due_ms, :bag, :prompt, :item, :round, :held)"
        " on conflict (account, community, key, schedule, due_ms) do update set bag = excluded.bag,"
        " prompt = excluded.prompt, item = excluded.item, round = excluded.round, held = excluded.held",
        community=room.community,
        key=room.key,
        schedule=schedule.id,
        due_ms=due_ms,
        bag=bag_of(schedule),
        prompt="" if draw is None else draw.prompt.id,
        item="" if draw is None else draw.item,
        round=0 if draw is None else draw.round,
        held=json.dumps(held or []),
    )
