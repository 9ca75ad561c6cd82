"""Draws questions so that none comes again until the deck is through, and never the same one at a round's seam. Pure.

Each question's place in a round is a hash of the room, the round and the question itself, so adding or mending one leaves
the order of the others alone. A question of more weight has several places in a round, apart from each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from orchestrator.documents.declared import Prompt

Place = tuple[str, Prompt, float]
"""A place in a round: its name, whose it is, and how far into the round it lies."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A question drawn: in which round, and at which place of it.

    Attributes:
        item: what of the round is used up by it: the question's id, or one of its further places. "" where it is none of
            the round: a question for this very day.
    """

    prompt: Prompt
    round: int
    place: int
    item: str = ""


def draw(
    prompts: Sequence[Prompt],
    seed: str,
    round_: int,
    asked: Sequence[str],
    before: Sequence[str],
    *,
    tier_most: int,
    day: date | None = None,
    today: Collection[str] = (),
) -> Draw | None:
    """Draw the next question: one that is for this day, or else the next one of the round.

    Args:
        prompts: the deck.
        seed: names the room and deck; the same seed draws the same order.
        round_: the round we are in, from 0.
        asked: items asked in this round so far, in order.
        before: items asked in the round before, in order.
        tier_most: the highest tier that may be asked now.
        day: the day in the room; None: only what is for no day and no season.
        today: ids of the questions that were asked there on this day already.

    Returns:
        None when no question of the deck may be asked now.
    """
    for_day = [one for one in prompts if one.tier <= tier_most and day is not None and one.is_for(day)]
    fresh = [one for one in for_day if one.id not in today]
    if fresh:
        chosen = min(fresh, key=lambda one: _share(seed, round_, one.id))
        return Draw(chosen, round_, len(asked))
    allowed = may_be_asked(prompts, tier_most, day)
    places = list(_places(allowed, seed, round_))
    last = next(iter([*asked[-1:], *before[-1:]]), "")
    drawn = _pick(places, asked, {*_seam(len(places), len(asked), before), _id(last)}, last)
    if drawn is not None:
        return Draw(drawn[1], round_, len(asked), drawn[0])
    places = list(_places(allowed, seed, round_ + 1))
    drawn = _pick(places, (), {*_seam(len(places), 0, asked), _id(last)}, last)
    return None if drawn is None else Draw(drawn[1], round_ + 1, 0, drawn[0])


def may_be_asked(prompts: Sequence[Prompt], tier_most: int, day: date | None) -> list[Prompt]:
    """Keep what takes part in rounds now: nothing too deep, nothing for one day alone, nothing of another season."""
    return [
        one
        for one in prompts
        if one.tier <= tier_most
        and one.on is None
        and (not one.months or (day is not None and day.month in one.months))
    ]


def left(prompts: Sequence[Prompt], asked: Collection[str], *, tier_most: int, day: date | None = None) -> int:
    """Tell how many times a question can still be drawn in this round before it begins anew."""
    names = {name for name, *_ in _places(may_be_asked(prompts, tier_most, day), "", 0)}
    return len(names.difference(asked))


def _places(allowed: Sequence[Prompt], seed: str, round_: int) -> Iterator[Place]:
    for prompt in allowed:
        for number in range(prompt.weight):
            name = f"{prompt.id}~{number}" if number else prompt.id
            # Each of its places lies in a part of the round of its own, so they are apart.
            yield name, prompt, (number + _share(seed, round_, name)) / prompt.weight


def _seam(size: int, place: int, before: Sequence[str]) -> set[str]:
    """List what the end of the last round forbids at the beginning of this one: its last third, for the first third.

    Of two questions the last one; of a single one nothing.
    """
    width = max(size // 3, min(size - 1, 1))
    return set(map(_id, before[-width:])) if width > 0 and place < width else set()


def _pick(places: Sequence[Place], asked: Collection[str], seam: Collection[str], last: str) -> Place | None:
    open_ = [place for place in places if place[0] not in asked]
    # A deck that shrank may leave only what the seam forbids: then a near repeat is better than silence, and any other is
    # better than the very last one.
    fresh = [place for place in open_ if place[1].id not in seam]
    other = [place for place in open_ if place[1].id != _id(last)]
    return min(fresh or other or open_, key=lambda place: place[2], default=None)


def _id(item: str) -> str:
    return item.partition("~")[0]


def _share(seed: str, round_: int, name: str) -> float:
    """Hash it to a number from 0 to 1."""
    digest = hashlib.sha256(f"{seed}\n{round_}\n{name}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
