"""The words that the project ships: what they must say, and what they must never ask.

The practice behind them: people are heard, not fixed; nobody is asked who or where they are; nothing touches bodies, food or
ways to do harm; passing and just reading are fine; it is said what this place is not.
"""

from __future__ import annotations

import re

import pytest

from orchestrator.documents.asking import think_about
from orchestrator.documents.authored import PromptSpec, Template
from orchestrator.documents.declared import Deck
from orchestrator.documents.load import Loaded, load
from orchestrator.documents.policy import Mode, Policy
from orchestrator.model.cadence import Weekly

from .authors import SHIPPED, TODAY, Author

POLICING = "violation|forbidden|prohibited|banned|punish|comply|must|rule-breaking|zero tolerance|warning"


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load(SHIPPED / "config.yaml", overlay={}, today=TODAY)


DECKS = sorted(file.stem for file in (SHIPPED / "room_templates/decks").glob("*.yaml"))
POLICIES = sorted(file.stem for file in (SHIPPED / "policies").glob("*.yaml"))
ROOMS = sorted(
    file.stem for file in (SHIPPED / "room_templates").glob("*.yaml") if file.stem not in {"community", "control"}
)


@pytest.fixture(params=DECKS)
def deck(request: pytest.FixtureRequest, loaded: Loaded) -> Deck:
    return loaded.decks[str(request.param)]


@pytest.fixture(params=POLICIES)
def policy(request: pytest.FixtureRequest, loaded: Loaded) -> Policy:
    return loaded.policies[str(request.param)]


@pytest.fixture(params=ROOMS)
def template(request: pytest.FixtureRequest, loaded: Loaded) -> Template:
    return loaded.templates[str(request.param)]


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


def test_there_is_nothing_to_think_about_in_a_shipped_question(deck: Deck) -> None:
    assert list(think_about(deck)) == []


def test_every_note_goes_on_with_the_sentence_it_is_put_into(deck: Deck) -> None:
    """The sentence is "A word before: this one ..."."""
    notes = [prompt.note for prompt in deck.prompts if prompt.note]
    assert [note for note in notes if note.split()[0] not in {"is", "may", "mentions"}] == []


def test_whatever_may_touch_something_says_what_it_is_about(deck: Deck) -> None:
    assert [prompt.text for prompt in deck.prompts if (prompt.tier > 1) != bool(prompt.note)] == []


def test_the_templates_are_things_that_groups_do() -> None:
    assert {"book-circle", "circle", "heavy-topics", "lounge", "newcomers", "quiet-room", "walk-and-talk"} == set(ROOMS)


def test_the_check_in_is_light_and_the_other_deck_goes_deeper(loaded: Loaded) -> None:
    light = [prompt.tier for prompt in loaded.decks["gentle-checkin"].prompts]
    deep = [prompt.tier for prompt in loaded.decks["going-deeper"].prompts]
    assert light.count(1) >= 30
    assert 3 not in light
    assert set(deep) == {1, 2, 3}
    assert {prompt.tier for prompt in loaded.decks["about-a-book"].prompts} == {1}
    assert {prompt.tier for prompt in loaded.decks["when-it-is-heavy"].prompts} == {2, 3}


@pytest.mark.parametrize(
    "practice",
    [
        "What is said here stays here",
        "Speak from “I”",
        "No advice unless somebody asks for it",
        "OK to pass, and it is OK to just read",
        "ome under any name you like|ome as you are, under any name you like",
        "Please don't ask who somebody is",
        "We are not a crisis service",
        "your local emergency number",
        "To reach a person",
        "These words belong to all of us",
    ],
)
def test_the_norms_say_what_such_rooms_need(policy: Policy, practice: str) -> None:
    assert any(one in " ".join(policy.norms.text.split()) for one in practice.split("|"))


@pytest.mark.parametrize(
    ("name", "practice"),
    [
        ("gentle-circle", "“Me too” is welcome"),
        ("gentle-circle", "Share the air"),
        ("gentle-circle", "Every feeling may be here"),
        ("gentle-circle", "We support each other in the room"),
        ("heavy-topics", "you can go at any moment"),
        ("heavy-topics", "Begin with a word on what it is about"),
        ("heavy-topics", "leave out how somebody could do themselves harm"),
        ("heavy-topics", "no promises that it will pass"),
        ("heavy-topics", "While we are open, somebody is here with you"),
        ("meeting-in-person", "turn around at any moment"),
        ("meeting-in-person", "where other people are, by daylight"),
        ("meeting-in-person", "No photos"),
        ("meeting-in-person", "at the pace of the slowest"),
        ("meeting-in-person", "Ask before you touch"),
    ],
)
def test_the_norms_say_what_just_these_rooms_need(loaded: Loaded, name: str, practice: str) -> None:
    assert practice in " ".join(loaded.policies[name].norms.text.split())


def test_nothing_that_people_read_sounds_like_a_policeman(loaded: Loaded, policy: Policy) -> None:
    texts = [policy.norms.summary, policy.norms.text, *(rule.because for rule in policy.rules)]
    for one in loaded.templates.values():
        texts += [one.topic, one.purpose or "", one.knock_question, one.welcome.text if one.welcome else ""]
    assert [text for text in texts if found(POLICING, text, separator="|") or "!" in text] == []


def test_the_norms_fit_on_a_phone_and_in_a_topic(policy: Policy) -> None:
    assert len(policy.norms.summary) <= 120
    assert len(policy.norms.text) <= 2_200


def test_a_new_rule_only_watches(policy: Policy) -> None:
    assert {rule.mode for rule in policy.rules} == {Mode.OBSERVE}


def test_helplines_may_always_be_named(policy: Policy) -> None:
    named = {host for one in policy.care.resources for host in re.findall(r"https://([a-z.]+)", one.text)}
    assert named
    (links,) = [rule.when.links for rule in policy.rules if rule.when.links is not None]
    assert named <= set(links.allow or ())


def test_every_template_keeps_its_rooms_private(template: Template) -> None:
    settings = template.settings
    assert (settings.room_version, settings.history, settings.guests) == ("12", "joined", False)
    assert settings.encryption
    assert not settings.listed
    assert settings.join in {"restricted", "knock"}


def test_every_template_says_what_it_is_for_and_has_norms(template: Template) -> None:
    assert template.policy in POLICIES
    assert template.purpose or "{purpose}" in template.topic
    assert template.welcome is not None


def test_heavy_things_are_only_asked_where_somebody_is_there(loaded: Loaded) -> None:
    for one in loaded.templates.values():
        for prompt in one.prompts:
            tiers = {
                question.tier for question in loaded.decks[prompt.deck].prompts if question.tier <= prompt.tier_max
            }
            assert max(tiers) == 1 or "coverage" in prompt.gates, one.key
    heavy = loaded.templates["heavy-topics"]
    assert heavy.settings.join == "knock"
    assert heavy.knock_question
    assert not heavy.suggested
    assert heavy.rota is not None
    (prompt,) = heavy.prompts
    # With nobody on duty only tier 1 is asked, and the deck has none of it.
    assert min(question.tier for question in loaded.decks[prompt.deck].prompts) == 2


def test_every_turn_begins_before_the_question_of_that_day(template: Template) -> None:
    assert all(gate_is_open(template, prompt) for prompt in template.prompts)


def gate_is_open(template: Template, prompt: PromptSpec) -> bool:
    if template.rota is None:
        return True
    anchor = template.rota.cadence.anchor
    assert isinstance(prompt.when, Weekly)
    same_day = not prompt.when.on or anchor.weekday() in prompt.when.on
    return not same_day or prompt.when.at > anchor.time()


def test_where_people_meet_is_never_readable_by_servers(loaded: Loaded) -> None:
    walk = loaded.templates["walk-and-talk"]
    assert list(walk.variables) == ["day"]
    assert "where, is said in the room" in walk.topic


def test_nothing_is_asked_where_reading_is_enough(loaded: Loaded) -> None:
    quiet = loaded.templates["quiet-room"]
    assert (quiet.prompts, quiet.rota) == ((), None)


def test_rooms_of_every_template_can_be_made_side_by_side(author: Author) -> None:
    lines = "".join(
        f"      {key}-too:\n        template: {key}\n        name: Another\n"
        '        facilitators: ["@ana:grove.example", "@bo:grove.example"]\n'
        + ("        variables: {day: Sundays}\n" if key == "walk-and-talk" else "")
        for key in ROOMS
    )
    author.edit("config.yaml", "      lounge:\n", f"{lines}      lounge:\n")
    assert author.errors() == []
    assert author.advice() == []
    topics = [room.topic for room in author.load().documents.communities[0].rooms]
    assert not any("{" in topic for topic in topics)
    assert max(map(len, topics)) <= 160


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
    assert isinstance(circle.prompts[0].when, Weekly)
    assert circle.prompts[0].when.at > circle.rota.cadence.anchor.time()
