"""Questions of members that were taken in: texts without a name, which join the questions that a room is asked."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from orchestrator.documents.declared import Deck, Prompt, PromptSchedule, Room
from orchestrator.model.feature import Tx
from orchestrator.store.rows import number, text


def take_in(tx: Tx, room: Room, words: str, tier: int) -> None:
    """Keep a question for a room; one that is there already stays as it is."""
    tx.run(
        "insert into member_prompt (account, community, key, item, text, tier) values (:account, :community, :key, :item,"
        " :text, :tier) on conflict do nothing",
        community=room.community,
        key=room.key,
        item=_id(words),
        text=words,
        tier=tier,
    )


def take_out(tx: Tx, room: Room, item: str) -> bool:
    """Throw a question away; tells whether it was there."""
    return (
        tx.run(
            "delete from member_prompt where account = :account and community = :community and key = :key and item = :item",
            community=room.community,
            key=room.key,
            item=item,
        )
        > 0
    )


def taken_in(tx: Tx, room: Room) -> list[Prompt]:
    """List the questions of members that a room has, in an order that tells nothing."""
    rows = tx.rows(
        "select item, text, tier from member_prompt where account = :account and community = :community and key = :key"
        " order by item",
        community=room.community,
        key=room.key,
    )
    return [
        Prompt(id=text(row, "item"), text=text(row, "text"), tier=number(row, "tier"), note="", tags=()) for row in rows
    ]


def asking_members(room: Room) -> PromptSchedule | None:
    """Choose by which schedule of a room members' questions are asked: the first that asks of all its deck, or the first.

    They come in one round alone, or the same one would come twice within days where a room has several decks.
    """
    whole = (one for one in room.prompts if _bag(one) == one.deck.name)
    return next(whole, next(iter(room.prompts), None))


def deck_for(tx: Tx, room: Room, schedule: PromptSchedule) -> Deck:
    """Give what may be asked by a schedule: its deck, and what members of the room suggested."""
    joined = asking_members(room)
    if joined is None or _bag(joined) != _bag(schedule):
        return schedule.deck
    known = {one.id for one in schedule.deck.prompts}
    more = (one for one in taken_in(tx, room) if one.id not in known and one.tier <= schedule.tier_most)
    return replace(schedule.deck, prompts=(*schedule.deck.prompts, *more))


def _bag(schedule: PromptSchedule) -> str:
    return schedule.bag or schedule.deck.name


def _id(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()[:16]
