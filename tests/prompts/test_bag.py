"""Questions: none again until the deck is through, none twice running, and an edit reshuffles nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.documents.declared import Prompt
from orchestrator.prompts.bag import Draw, draw
from tests.declared import question

sizes = st.integers(1, 12)
seeds = st.text(max_size=4)


def a_deck(size: int) -> list[Prompt]:
    return [question(f"Question {n}?", tier=1 + n % 3) for n in range(size)]


class Bag:
    """Draws as the rows behind the craft do: by the round we are in, and what was asked in it and in the one before."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.rounds: dict[int, list[str]] = {0: []}
        self.drawn: list[Draw] = []

    def draw(self, deck: Sequence[Prompt], tier_most: int = 3) -> Draw | None:
        round_ = max(self.rounds)
        asked, before = self.rounds[round_], self.rounds.get(round_ - 1, [])
        drawn = draw(deck, self.seed, round_, asked, before, tier_most=tier_most)
        if drawn is not None:
            self.rounds.setdefault(drawn.round, []).append(drawn.prompt.id)
            self.drawn.append(drawn)
        return drawn

    def ids(self, deck: Sequence[Prompt], n: int) -> list[str]:
        return [drawn.prompt.id for drawn in (self.draw(deck) for _ in range(n)) if drawn is not None]


@given(seeds, sizes, st.integers(1, 4))
def test_each_round_asks_every_question_once(seed: str, size: int, rounds: int) -> None:
    deck, bag = a_deck(size), Bag(seed)
    ids = bag.ids(deck, rounds * size)
    for n in range(rounds):
        assert sorted(ids[n * size : (n + 1) * size]) == sorted(prompt.id for prompt in deck)
    assert [(drawn.round, drawn.place) for drawn in bag.drawn] == [divmod(n, size) for n in range(rounds * size)]


@given(seeds, st.integers(2, 12))
def test_no_question_comes_twice_running_and_the_end_of_a_round_not_at_the_beginning_of_the_next(
    seed: str, size: int
) -> None:
    ids = Bag(seed).ids(a_deck(size), 6 * size)
    assert all(one != following for one, following in pairwise(ids))
    third = max(size // 3, 1)
    for start in range(size, 6 * size, size):
        assert not set(ids[start - third : start]) & set(ids[start : start + third])


def test_a_deck_of_one_question_asks_it_every_time() -> None:
    deck = a_deck(1)
    assert Bag("seed").ids(deck, 4) == [deck[0].id] * 4


def test_an_empty_deck_asks_nothing() -> None:
    assert Bag("seed").draw([]) is None


@given(seeds, sizes)
def test_the_same_seed_asks_in_the_same_order(seed: str, size: int) -> None:
    assert Bag(seed).ids(a_deck(size), 3 * size) == Bag(seed).ids(list(reversed(a_deck(size))), 3 * size)


def test_two_rooms_and_two_rounds_do_not_ask_in_the_same_order() -> None:
    deck = a_deck(12)
    assert Bag("grove/tuesday").ids(deck, 12) != Bag("grove/lounge").ids(deck, 12)
    twice = Bag("grove/tuesday").ids(deck, 24)
    assert twice[:12] != twice[12:]


# -- tiers -------------------------------------------------------------------------------------------------------------


@given(seeds, sizes, st.lists(st.integers(0, 3), max_size=30))
def test_nothing_deeper_is_asked_than_may_be_and_nothing_again_while_something_is_left(
    seed: str, size: int, tiers: list[int]
) -> None:
    deck, bag = a_deck(size), Bag(seed)
    for tier_most in tiers:
        allowed = {prompt.id for prompt in deck if prompt.tier <= tier_most}
        asked = set(bag.rounds[max(bag.rounds)])
        drawn = bag.draw(deck, tier_most)
        assert (drawn is None) == (not allowed)
        if drawn is not None:
            assert drawn.prompt.id in allowed
            assert drawn.prompt.id not in asked or allowed <= asked


# -- edits -------------------------------------------------------------------------------------------------------------


@given(seeds, st.lists(st.integers(0, 30), min_size=1, max_size=12, unique=True), st.integers(31, 60), st.data())
def test_a_question_that_is_added_taken_out_or_mended_leaves_the_order_of_the_others(
    seed: str, numbers: list[int], other: int, data: st.DataObject
) -> None:
    deck = [question(f"Question {n}?") for n in numbers]
    before = Bag(seed).ids(deck, len(deck))
    place = data.draw(st.integers(0, len(deck)))
    added = [*deck[:place], question(f"Question {other}?"), *deck[place:]]
    after = Bag(seed).ids(added, len(added))
    assert [prompt for prompt in after if prompt in before] == before
    victim = data.draw(st.integers(0, len(deck) - 1))
    left = [prompt for n, prompt in enumerate(deck) if n != victim]
    assert Bag(seed).ids(left, len(left)) == [prompt for prompt in before if prompt != deck[victim].id]
    mended = [*left, question(f"Question {other}, said better?")]
    kept = {prompt.id for prompt in left}
    assert [p for p in Bag(seed).ids(mended, len(mended)) if p in kept] == [p for p in before if p in kept]


@given(seeds, st.integers(2, 10), st.integers(0, 10), st.integers(0, 10))
def test_in_the_middle_of_a_round_an_edit_repeats_nothing(seed: str, size: int, asked: int, gone: int) -> None:
    deck, bag = a_deck(size), Bag(seed)
    first = bag.ids(deck, min(asked, size - 1))
    edited = [*(prompt for n, prompt in enumerate(deck) if n != gone % size), question("A new one?")]
    left = [prompt.id for prompt in edited if prompt.id not in first]
    assert sorted(bag.ids(edited, len(left))) == sorted(left)


@pytest.mark.parametrize("seed", ["a", "b", "c", "d"])
def test_a_deck_that_shrank_to_what_was_just_asked_asks_on(seed: str) -> None:
    deck, bag = a_deck(6), Bag(seed)
    last = bag.ids(deck, 6)[-1]
    (only,) = [prompt for prompt in deck if prompt.id == last]
    assert bag.ids([only], 2) == [last, last]
