"""Draws questions so that none comes again until the deck is through, and never the same one at a round's seam. Pure.

Each question's place in a round is a hash of the room, the round and the question itself, so adding or mending one leaves
the order of the others alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from orchestrator.documents.declared import Prompt


@dataclass(frozen=True, slots=True)
class Draw:
    """A question drawn: in which round, and at which place of it."""

    prompt: Prompt
    round: int
    place: int


def draw(
    prompts: Sequence[Prompt], seed: str, round_: int, asked: Sequence[str], before: Sequence[str], *, tier_most: int
) -> Draw | None:
    """Draw the next question.

    Args:
        prompts: the deck.
        seed: names the room and deck; the same seed draws the same order.
        round_: the round we are in, from 0.
        asked: ids asked in this round so far, in order.
        before: ids asked in the round before, in order.
        tier_most: the highest tier that may be asked now.

    Returns:
        None when no question of the deck may be asked now.
    """
    allowed = [prompt for prompt in prompts if prompt.tier <= tier_most]
    if not allowed:
        return None
    drawn = _pick(allowed, seed, round_, asked, _seam(len(allowed), len(asked), before))
    if drawn is not None:
        return Draw(drawn, round_, len(asked))
    drawn = _pick(allowed, seed, round_ + 1, (), _seam(len(allowed), 0, asked))
    return None if drawn is None else Draw(drawn, round_ + 1, 0)


def _seam(size: int, place: int, before: Sequence[str]) -> Collection[str]:
    """List what the end of the last round forbids at the beginning of this one: its last third, for the first third.

    Of two questions the last one; of a single one nothing.
    """
    width = max(size // 3, min(size - 1, 1))
    return before[-width:] if place < width else ()


def _pick(
    allowed: Sequence[Prompt], seed: str, round_: int, asked: Collection[str], seam: Collection[str]
) -> Prompt | None:
    left = [prompt for prompt in allowed if prompt.id not in asked]
    # A deck that shrank may leave only what the seam forbids: then a near repeat is better than silence.
    fresh = [prompt for prompt in left if prompt.id not in seam] or left
    return min(fresh, key=lambda prompt: _rank(seed, round_, prompt.id), default=None)


def _rank(seed: str, round_: int, prompt: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{round_}\n{prompt}".encode()).digest()
