"""Which question a slot to come will be asked: drawn ahead, so that what keepers are shown is what is asked.

What is drawn is out of the bag. It goes back where the slot asks nothing after all, or another one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import tzinfo

from orchestrator.documents.declared import Prompt, PromptSchedule, Room
from orchestrator.model.feature import Tx
from orchestrator.model.ids import RoomKey
from orchestrator.store.rows import number, text

from .bag import Draw
from .slots import bag_of, draw_for, put_back
from .suggestions.taken import deck_for


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a slot will be asked; ``draw`` is None where nothing is to be asked then."""

    due_ms: int
    draw: Draw | None


def chosen_for(tx: Tx, room: Room, schedule: PromptSchedule, due_ms: int) -> Chosen | None:
    """Tell what was chosen for a slot; None: nothing yet, or something that the deck does not hold any more."""
    row = tx.one(
        "select prompt, item, round from chosen where account = :account and community = :community and key = :key"
        " and schedule = :schedule and due_ms = :due_ms",
        **_where(room, schedule),
        due_ms=due_ms,
    )
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
    """Choose another question for a slot; None where the deck holds no other, and what was chosen stays."""
    known = chosen_for(tx, room, schedule, due_ms)
    draw = draw_for(tx, room, schedule, tier_most, due_ms, zone)
    before = None if known is None else known.draw
    if draw is None or (before is not None and before.prompt.id == draw.prompt.id):
        if draw is not None:
            _back(tx, room, schedule, draw)
        return None
    if before is not None:
        _back(tx, room, schedule, before)
    _put(tx, room, schedule, due_ms, draw)
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
        **_where(room, schedule),
    )
    return [number(row, "due_ms") for row in rows]


def take(
    tx: Tx, room: Room, schedule: PromptSchedule, due_ms: int, tier_most: int, at_ms: int, zone: tzinfo
) -> Draw | None:
    """Take the question of a slot that is asked now: the one that was chosen, or else the next of the bag.

    One that is too deep for the moment is left for another time.
    """
    known = chosen_for(tx, room, schedule, due_ms)
    if known is not None and known.draw is not None and known.draw.prompt.tier <= tier_most:
        _delete(tx, room, schedule.id, due_ms)
        return known.draw
    draw = draw_for(tx, room, schedule, tier_most, at_ms, zone)
    drop(tx, room, schedule, due_ms)
    return draw


def drop(tx: Tx, room: Room, schedule: PromptSchedule, due_ms: int) -> None:
    """Forget what was chosen for a slot; the question goes back into the bag."""
    row = tx.one(
        "select item, round from chosen where account = :account and community = :community and key = :key"
        " and schedule = :schedule and due_ms = :due_ms",
        **_where(room, schedule),
        due_ms=due_ms,
    )
    if row is not None:
        put_back(tx, room, bag_of(schedule), text(row, "item"), number(row, "round"))
        _delete(tx, room, schedule.id, due_ms)


def drop_others(tx: Tx, room: Room, slots: Collection[tuple[str, int]]) -> None:
    """Forget what was chosen in a room for slots that are none any more: all but these (schedule, due_ms)."""
    rows = tx.rows(
        "select schedule, due_ms, bag, item, round from chosen where account = :account and community = :community"
        " and key = :key",
        community=room.community,
        key=room.key,
    )
    for row in rows:
        if (text(row, "schedule"), number(row, "due_ms")) not in slots:
            put_back(tx, room, text(row, "bag"), text(row, "item"), number(row, "round"))
            _delete(tx, room, text(row, "schedule"), number(row, "due_ms"))


def _delete(tx: Tx, room: Room, schedule: str, due_ms: int) -> None:
    tx.run(
        "delete from chosen where account = :account and community = :community and key = :key"
        " and schedule = :schedule and due_ms = :due_ms",
        community=room.community,
        key=room.key,
        schedule=schedule,
        due_ms=due_ms,
    )


def _where(room: Room, schedule: PromptSchedule) -> dict[str, str | RoomKey]:
    return {"community": room.community, "key": room.key, "schedule": schedule.id}


def _back(tx: Tx, room: Room, schedule: PromptSchedule, draw: Draw) -> None:
    put_back(tx, room, bag_of(schedule), draw.item, draw.round)


def _put(tx: Tx, room: Room, schedule: PromptSchedule, due_ms: int, draw: Draw | None) -> None:
    tx.run(
        "insert into chosen (account, community, key, schedule, due_ms, bag, prompt, item, round)"
        " values (:account, :community, :key, :schedule, :due_ms, :bag, :prompt, :item, :round)"
        " on conflict (account, community, key, schedule, due_ms) do update set bag = excluded.bag,"
        " prompt = excluded.prompt, item = excluded.item, round = excluded.round",
        **_where(room, schedule),
        due_ms=due_ms,
        bag=bag_of(schedule),
        prompt="" if draw is None else draw.prompt.id,
        item="" if draw is None else draw.item,
        round=0 if draw is None else draw.round,
    )
