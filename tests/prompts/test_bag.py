"""Questions: none again until the deck is through, none twice running, and an edit reshuffles nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.documents.declared import FixedDay, Prompt
from orchestrator.prompts.bag import Draw, draw, left
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

    def draw(self, deck: Sequence[Prompt], tier_most: int = 3, day: date | None = None) -> Draw | None:
        round_ = max(self.rounds)
        asked, before = self.rounds[round_], self.rounds.get(round_ - 1, [])
        drawn = draw(deck, self.seed, round_, asked, before, tier_most=tier_most, day=day)
        if drawn is not None:
            self.rounds.setdefault(drawn.round, []).append(drawn.item)
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


# -- weights, days and seasons -----------------------------------------------------------------------------------------


@given(seeds, st.lists(st.integers(1, 3), min_size=1, max_size=9), st.integers(1, 3))
def test_a_question_of_more_weight_comes_as_often_in_each_round(seed: str, weights: list[int], rounds: int) -> None:
    deck = [question(f"Question {n}?", weight=weight) for n, weight in enumerate(weights)]
    size = sum(weights)
    ids = Bag(seed).ids(deck, rounds * size)
    for n in range(rounds):
        held = ids[n * size : (n + 1) * size]
        assert [held.count(prompt.id) for prompt in deck] == weights


@given(seeds, st.integers(3, 12), st.integers(0, 20))
def test_however_much_it_weighs_nothing_comes_twice_running_while_something_else_is_left(
    seed: str, size: int, heavy: int
) -> None:
    deck = [question(f"Question {n}?", weight=3 if n == heavy % size else 1) for n in range(size)]
    bag = Bag(seed)
    total = size + 2
    for n in range(3 * total):
        before = bag.drawn[-1].prompt.id if bag.drawn else ""
        drawn = bag.draw(deck)
        assert drawn is not None
        if drawn.prompt.id == before:
            remaining = {prompt.id for prompt in deck} - {item.partition("~")[0] for item in bag.rounds[drawn.round]}
            assert not remaining - {before}, n


@given(seeds, st.integers(2, 8), st.integers(1, 3))
def test_weighing_one_question_leaves_the_order_of_the_others(seed: str, size: int, weight: int) -> None:
    deck = [question(f"Question {n}?") for n in range(size)]
    heavy = [question("Question 0?", weight=weight), *deck[1:]]
    rest = {prompt.id for prompt in deck[1:]}
    assert [one for one in Bag(seed).ids(heavy, size + weight - 1) if one in rest] == [
        one for one in Bag(seed).ids(deck, size) if one in rest
    ]


NEW_YEAR = question("What may stay behind?", on=FixedDay(12, 31), tier=2)


def test_what_is_for_one_day_comes_first_on_it_and_on_no_other() -> None:
    deck = [*a_deck(3), NEW_YEAR, question("Once?", on=FixedDay(12, 31, 2027))]
    eve = date(2026, 12, 31)
    drawn = draw(deck, "seed", 0, [], [], tier_most=3, day=eve)
    assert drawn == Draw(NEW_YEAR, 0, 0)
    assert draw(deck, "seed", 0, [], [], tier_most=1, day=eve) != drawn
    again = draw(deck, "seed", 0, [], [], tier_most=3, day=eve, today=[NEW_YEAR.id])
    assert again is not None
    assert again.prompt.on is None
    both = {
        found.prompt.text
        for today in ([], [NEW_YEAR.id])
        if (found := draw(deck, "seed", 0, [], [], tier_most=3, day=date(2027, 12, 31), today=today)) is not None
    }
    assert "Once?" in both
    for day in (None, date(2026, 12, 30), date(2027, 1, 1)):
        for asked in ([], [prompt.id for prompt in deck[:2]], [prompt.id for prompt in deck[:3]]):
            found = draw(deck, "seed", 0, asked, [], tier_most=3, day=day)
            assert found is not None
            assert found.prompt.on is None


def test_what_is_for_a_season_comes_in_it_alone() -> None:
    spring, always = question("What grows?", months=(3, 4, 5)), question("What is?")
    march, june = date(2027, 3, 1), date(2027, 6, 1)
    assert draw([spring], "seed", 0, [], [], tier_most=3, day=june) is None
    assert draw([spring], "seed", 0, [], [], tier_most=3) is None
    assert left([spring, always], [], tier_most=3, day=march) == 2
    assert left([spring, always], [], tier_most=3, day=june) == 1
    found = draw([spring, always], "seed", 0, [always.id], [], tier_most=3, day=march)
    assert found is not None
    assert (found.prompt, found.round) == (spring, 0)
    found = draw([spring, always], "seed", 0, [always.id], [], tier_most=3, day=june)
    assert found is not None
    assert (found.prompt, found.round) == (always, 1)


@given(seeds, st.lists(st.integers(1, 3), max_size=8), st.integers(0, 24))
def test_how_many_are_left_is_how_many_come_before_the_round_begins_anew(
    seed: str, weights: list[int], drawn: int
) -> None:
    deck, bag = [question(f"Question {n}?", weight=weight) for n, weight in enumerate(weights)], Bag(seed)
    bag.ids(deck, drawn % (sum(weights) + 1))
    expected = left(deck, bag.rounds[0], tier_most=3)
    assert expected == sum(weights) - len(bag.rounds[0])
    bag.ids(deck, expected)
    assert max(bag.rounds) == 0
    assert bag.draw(deck) is None or max(bag.rounds) == 1


# -- years -------------------------------------------------------------------------------------------------------------


@st.composite
def years(draw_: st.DrawFn) -> list[tuple[str, int]]:
    """What happens on each of many days: a question is asked, one is lost on its way, the deck is edited."""
    happening = st.sampled_from(["ask"] * 8 + ["lose", "lose", "add", "drop"])
    return draw_(st.lists(st.tuples(happening, st.integers(0, 99)), min_size=50, max_size=400))


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(4, 12), years())
def test_over_years_of_edits_and_losses_nothing_repeats_in_a_round_and_no_ends_meet(
    seed: str, size: int, days: list[tuple[str, int]]
) -> None:
    numbers = iter(range(size, 10_000))
    deck, bag = [question(f"Question {n}?", weight=1 + n % 2) for n in range(size)], Bag(seed)
    day, heard = date(2026, 1, 1), ""
    for happening, number in days:
        day += timedelta(days=1)
        if happening == "add":
            deck.insert(number % (len(deck) + 1), question(f"Question {next(numbers)}?"))
        elif happening == "drop" and len(deck) > 4:
            del deck[number % len(deck)]
        else:
            drawn = bag.draw(deck, day=day)
            assert drawn is not None
            asked = bag.rounds[drawn.round]
            assert len(asked) == len(set(asked))
            if happening == "lose":
                asked.remove(drawn.item)  # put back: nobody heard it
                continue
            assert drawn.prompt.id != heard or only_left(deck, asked, drawn)
            heard = drawn.prompt.id


def only_left(deck: Sequence[Prompt], asked: Sequence[str], drawn: Draw) -> bool:
    """Whether nothing else was left of the round when it was drawn."""
    before = [item for item in asked if item != drawn.item]
    return [one.id for one in deck if left([one], before, tier_most=3)] == [drawn.prompt.id]
