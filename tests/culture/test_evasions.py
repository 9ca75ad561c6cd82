"""Whoever dresses up a word is seen, and whoever wrote something else is let be."""

from __future__ import annotations

from html import escape

import pytest

from orchestrator.culture.rules import Author, Rulebook, Scene
from orchestrator.documents.load import load
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.events import Message
from orchestrator.model.ids import EventId
from tests.culture.evasions import evasions, innocents
from tests.culture.evasions.policy import RULES
from tests.culture.judging import NOW_MS, a_message, a_scene
from tests.declared import policy
from tests.documents.authors import SHIPPED, TODAY

BOOK = Rulebook(policy(rules=RULES))
SHIPPED_BOOKS = {
    name: Rulebook(one) for name, one in load(SHIPPED / "config.yaml", overlay={}, today=TODAY).policies.items()
}
NEWCOMER = Author(staff=False, since_ms=NOW_MS - HOUR_MS)


def seen(message: Message, book: Rulebook = BOOK, scene: Scene | None = None) -> list[str]:
    return sorted(verdict.rule.id for verdict in book.judge(message, NEWCOMER, scene or a_scene()))


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len([text for text, rules in evasions() if rules]) >= 200
    assert len(innocents()) >= 170
    assert len({text for text, _rules in evasions()} | set(innocents())) == len(evasions()) + len(innocents())


@pytest.mark.parametrize(("text", "rules"), evasions())
def test_an_evasion_is_seen(text: str, rules: list[str]) -> None:
    assert seen(a_message(text)) == sorted(rules)
    assert seen(a_message(f"Hello there, {text} .")) == sorted(rules)


@pytest.mark.parametrize("text", innocents())
def test_an_innocent_look_alike_is_let_be(text: str) -> None:
    assert seen(a_message(text)) == []


@pytest.mark.parametrize("text", [text for text, rules in evasions() if rules == ["words"]])
def test_an_evasion_is_seen_wherever_it_is_shown(text: str) -> None:
    letters = "".join(f"<b>{escape(letter)}</b>" if letter.isalnum() else escape(letter) for letter in text)
    for message in (
        a_message("hello", html=f"<p>{escape(text)}</p>"),
        a_message("hello", html=letters),
        a_message("a.png", has_file=True, kind="m.image", file_name=text),
        a_message(f"What now?\nYes\n{text}", kind="m.poll.start"),
        a_message("hello", edits=EventId("$before"), also=(f"* {text}", "")),
        a_message(text, edits=EventId("$before"), also=("* hello", "")),
        a_message(text, thread=EventId("$root")),
    ):
        assert "words" in seen(message), message.kind


@pytest.mark.parametrize("name", sorted(SHIPPED_BOOKS))
def test_shipped_rules_see_the_links_of_newcomers_and_nothing_else_that_people_say(name: str) -> None:
    book = SHIPPED_BOOKS[name]
    if not book.rules:
        return
    for text, rules in evasions():
        found = seen(a_message(text), book)
        assert ("links-from-newcomers" in found) is (not {"links", "denied"}.isdisjoint(rules)), text
        if not {"words", "patterns", "outside"}.isdisjoint(rules):
            assert found == [], text
    for text in innocents():
        if "wikipedia" not in text:
            assert seen(a_message(text), book) == [], text


def test_no_shipped_rule_goes_by_words() -> None:
    assert not [rule.id for book in SHIPPED_BOOKS.values() for rule in book.rules if rule.when.on_words]
