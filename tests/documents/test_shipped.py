"""The words that the project ships: what they must say, and what they must never ask.

The practice behind them: people are heard, not fixed; nobody is asked who or where they are; nothing touches bodies, food or
ways to do harm; passing and just reading are fine; it is said what this place is not.
"""

from __future__ import annotations

import re

import pytest

from orchestrator.documents.declared import Deck, Mode, Policy
from orchestrator.documents.load import Loaded, load

from .authors import SHIPPED, TODAY

RISKY = """
    eat eating ate food meal meals diet hungry appetite calories weight thin fat body bodies mirror looks skin
    drink drinking drunk alcohol drug drugs pill pills smoke cut cutting blade rope bridge kill die dying dead death
    suicide suicidal harm overdose exercise workout gym habit habits unhealthy diagnosis medication
"""
PRYING = """
    how old|your age|your name|real name|where do you live|where are you from|which city|which country|your job
    |do for a living|your work|your school|your address|married|your partner|your gender|your religion|your phone|photo
"""
ADVICE = "should|advice|advise|recommend|suggest|tip|tips|how do you|how can|how to|what helps|what works|solution"
POLICING = "violation|forbidden|prohibited|banned|punish|comply|must|rule-breaking|zero tolerance|warning"


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load(SHIPPED / "config.yaml", overlay={}, today=TODAY)


@pytest.fixture(params=["gentle-checkin", "going-deeper"])
def deck(request: pytest.FixtureRequest, loaded: Loaded) -> Deck:
    return loaded.decks[str(request.param)]


@pytest.fixture
def policy(loaded: Loaded) -> Policy:
    return loaded.policies["gentle-circle"]


def found(words: str, text: str, *, separator: str | None = None) -> list[str]:
    listed = [word.strip() for word in words.split(separator)]
    return [word for word in listed if re.search(rf"\b{re.escape(word)}\b", text.lower())]


def test_a_deck_lasts_for_more_than_half_a_year_of_weeks(deck: Deck) -> None:
    assert len(deck.prompts) >= 30
    assert len({prompt.id for prompt in deck.prompts}) == len(deck.prompts)


def test_every_question_is_short_and_can_be_answered_in_a_line(deck: Deck) -> None:
    for prompt in deck.prompts:
        assert prompt.text.count("?") == 1, prompt.text
        assert len(prompt.text) <= 90, prompt.text


def test_no_question_touches_bodies_food_or_ways_to_do_harm(deck: Deck) -> None:
    assert [prompt.text for prompt in deck.prompts if found(RISKY, prompt.text)] == []


def test_no_question_asks_who_or_where_somebody_is(deck: Deck) -> None:
    assert [prompt.text for prompt in deck.prompts if found(PRYING, prompt.text, separator="|")] == []


def test_no_question_asks_for_advice(deck: Deck) -> None:
    assert [prompt.text for prompt in deck.prompts if found(ADVICE, prompt.text, separator="|")] == []


def test_whatever_may_touch_something_says_what_it_is_about(deck: Deck) -> None:
    assert [prompt.text for prompt in deck.prompts if (prompt.tier > 1) != bool(prompt.note)] == []


def test_the_check_in_is_light_and_the_other_deck_goes_deeper(loaded: Loaded) -> None:
    light = [prompt.tier for prompt in loaded.decks["gentle-checkin"].prompts]
    deep = [prompt.tier for prompt in loaded.decks["going-deeper"].prompts]
    assert light.count(1) >= 30
    assert 3 not in light
    assert set(deep) == {1, 2, 3}


@pytest.mark.parametrize(
    "practice",
    [
        "What is said here stays here",
        "Speak from “I”",
        "No advice unless somebody asks for it",
        "“Me too” is welcome",
        "OK to pass, and it is OK to just read",
        "Share the air",
        "Every feeling may be here",
        "We support each other in the room",
        "We are not a crisis service",
        "your local emergency number",
        "To reach a person",
        "These words belong to all of us",
    ],
)
def test_the_norms_say_what_such_rooms_need(policy: Policy, practice: str) -> None:
    assert practice in policy.norms.text


def test_nothing_that_people_read_sounds_like_a_policeman(loaded: Loaded, policy: Policy) -> None:
    rooms = [room for community in loaded.documents.communities for room in community.every_room()]
    texts = [policy.norms.summary, policy.norms.text, *(rule.because for rule in policy.rules)]
    texts += [room.topic for room in rooms] + [room.welcome.text for room in rooms if room.welcome]
    assert [text for text in texts if found(POLICING, text, separator="|") or "!" in text] == []


def test_the_norms_fit_on_a_phone_and_in_a_topic(policy: Policy) -> None:
    assert len(policy.norms.summary) <= 120
    assert len(policy.norms.text) <= 2_200


def test_a_new_rule_only_watches(policy: Policy) -> None:
    assert [rule.mode for rule in policy.rules] == [Mode.OBSERVE]


def test_helplines_may_always_be_named(policy: Policy) -> None:
    named = {host for one in policy.care.resources for host in re.findall(r"https://([a-z.]+)", one.text)}
    assert named
    for rule in policy.rules:
        assert named <= set(rule.when.links_allowed or ())


def test_every_shipped_room_is_private(loaded: Loaded) -> None:
    for community in loaded.documents.communities:
        for room in (community.control, *community.rooms):
            settings = room.settings
            assert (settings.room_version, settings.history, settings.guests) == ("12", "joined", False)
            assert settings.encryption
            assert not settings.listed
            assert settings.join == ("invite" if room is community.control else "restricted")


def test_the_rota_of_the_tuesday_circle_begins_on_a_tuesday(loaded: Loaded) -> None:
    circle = loaded.documents.communities[0].rooms[0]
    assert circle.rota is not None
    assert circle.rota.cadence.anchor.strftime("%A") == "Tuesday"
    assert circle.prompts[0].weekly.at > circle.rota.cadence.anchor.time()
