"""Ids, and the hashes that stand for things in public."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.ids import AccountKey, UserId, cause_of, is_user_id, locator_of, server_of, shorten

any_text = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    "user",
    [
        "@ana:grove.example",
        "@ana:grove.example:8448",
        "@ana:127.0.0.1:8008",
        "@ana:[2001:db8::1]:8448",
        "@Ana*Historic~:grove.example",
        "@_ana=x/y+z-1.2:grove.example",
    ],
)
def test_a_user_id_is_one(user: str) -> None:
    assert is_user_id(user)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "@:",
        "@ana",
        "@ana:",
        "ana:grove.example",
        "#ana:grove.example",
        "@ana b:grove.example",
        "@ana:grove example",
        "@ana:grove.example\n",
        "@ana:grove.example ",
        "@änna:grove.example",
        "@ana:gröve.example",
        "@" + "a" * 243 + ":grove.example",
    ],
)
def test_what_is_no_user_id_is_none(text: str) -> None:
    assert not is_user_id(text)


@given(st.text(st.characters(exclude_categories=[])))
def test_no_text_is_too_odd_to_be_asked_about(text: str) -> None:
    assert is_user_id(text) in {True, False}


def test_the_server_of_a_user_may_have_a_port() -> None:
    assert server_of(UserId("@ana:grove.example:8448")) == "grove.example:8448"
    assert server_of(UserId("@ana")) == ""


@given(any_text, any_text)
def test_a_shortened_id_is_short_and_shows_nothing_but_its_kind(one: str, other: str) -> None:
    short = shorten("@" + one)
    assert re.fullmatch(r"@[\w-]{6}", short)
    assert shorten("@" + one) == short
    assert shorten("") == ""


def test_a_cause_is_the_same_for_the_same_decision_and_opaque() -> None:
    cause = cause_of(AccountKey("keeper"), "$event", "culture", "remove")
    assert cause == cause_of(AccountKey("keeper"), "$event", "culture", "remove")
    assert re.fullmatch(r"[\w-]{27}", cause)


parts = st.tuples(any_text, any_text, any_text, any_text)


@given(parts, parts)
def test_different_decisions_have_different_causes(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    causes = {cause_of(AccountKey(a), b, c, d) for a, b, c, d in (one, other)}
    assert len(causes) == len({one, other})


def test_moving_a_letter_from_one_part_to_the_next_is_another_cause() -> None:
    assert cause_of(AccountKey("k"), "ab", "c", "d") != cause_of(AccountKey("k"), "a", "bc", "d")


def test_a_locator_says_nothing_to_who_does_not_know_the_configuration() -> None:
    me = UserId("@keeper:grove.example")
    locator = locator_of(me, "grove", "tuesday")
    assert locator == locator_of(me, "grove", "tuesday")
    assert locator not in {
        locator_of(me, "grovet", "uesday"),
        locator_of(me, "grove", "lounge"),
        locator_of(me, "grove"),
    }
    assert "tuesday" not in locator
