"""What is said with !raise is read kindly: what it does not say is asked, and nothing else of it counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.culture.hands.levels import UNNAMED, Level, Wish, choices, read
from orchestrator.model.ids import EventId, RoomId, UserId
from tests.declared import ANA, BO, CY

KEEPERS = frozenset({ANA, BO})


def said(words: str, *mentions: UserId) -> Wish:
    return read(words.split(), mentions, KEEPERS)


@pytest.mark.parametrize(
    ("words", "level"),
    [
        ("", None),
        ("1", Level.LOOK),
        ("2", Level.COME),
        ("3", Level.FEAR),
        ("3!", Level.FEAR),
        ("2️⃣", Level.COME),
        ("2 please", Level.COME),
        ("I have 3 children", None),
        ("4", None),
        ("33", None),
        ("0", None),
        ("about @bo 2", Level.COME),
        ("about @bo:grove.example 3", Level.FEAR),
        ("3 about @bo", Level.FEAR),
    ],
)
def test_a_level_counts_where_it_stands_alone_at_the_beginning(words: str, level: Level | None) -> None:
    assert said(words).level is level


@pytest.mark.parametrize(
    ("words", "mentions", "about", "someone"),
    [
        ("about @bo", (), BO, False),
        ("about @bo:grove.example", (), BO, False),
        ("about Bo", (), BO, False),
        ("about BO.", (), BO, False),
        ("2 about bo", (), BO, False),
        ("about Bobby", (BO,), BO, False),
        ("about Bobby", (), None, True),
        ("about", (), None, True),
        ("about Ana and Bo", (ANA, BO), None, True),
        ("about @cy:grove.example", (), None, False),
        ("about @bo:elsewhere.example", (), None, False),
        ("bo is kind", (), None, False),
        ("anonymous 2 about @bo", (), BO, False),
        ("about @bobby", (), None, True),
        ("about my brother", (), None, False),
        ("about last night", (), None, False),
        ("2 what bo said about Ana", (), None, False),
        ("hello", (BO,), None, False),
    ],
)
def test_whom_it_is_about_is_found_or_known_to_be_unclear(
    words: str, mentions: tuple[UserId, ...], about: UserId | None, someone: bool
) -> None:
    wish = said(words, *mentions)
    assert (wish.about, wish.about_someone) == (about, someone)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("2", True),
        ("2 anonymous", False),
        ("anonymous", False),
        ("Anonymously, please", False),
        ("2 my name is Cy", True),
    ],
)
def test_somebody_can_ask_to_be_left_unnamed(words: str, named: bool) -> None:
    assert said(words).named is named


@pytest.mark.parametrize(
    "link",
    [
        "https://matrix.to/#/!tuesday:grove.example/$said?via=grove.example",
        "https://matrix.to/#/%21tuesday%3Agrove.example/%24said",
        "matrix:roomid/tuesday:grove.example/e/said?via=grove.example",
        "<https://matrix.to/#/!tuesday:grove.example/$said?via=a&via=b>",
    ],
)
def test_a_link_to_a_message_is_understood(link: str) -> None:
    assert said(f"2 {link}").linked == (RoomId("!tuesday:grove.example"), EventId("$said"))


def test_whoever_could_be_named_can_choose_not_to_be() -> None:
    assert [choice.means for choice in choices(named=True)] == ["1", "2", "3", UNNAMED]
    assert [choice.means for choice in choices(named=False)] == ["1", "2", "3"]
    for answer in ("1", "1️⃣", "1.", "please look when you can"):
        assert [choice.means for choice in choices(named=True) if choice.is_meant_by(answer)] == ["1"]


@given(st.lists(st.text(max_size=30), max_size=8))
def test_whatever_somebody_writes_can_be_read(words: list[str]) -> None:
    wish = read(words, [CY], KEEPERS)
    assert wish.about in {None, ANA, BO}
