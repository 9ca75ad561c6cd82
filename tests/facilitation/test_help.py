"""``!help``: everybody sees what they can use, those who keep a room theirs too, and each command with examples."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.facilitation.craft import Facilitation
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.feature import Command
from tests.facilitation.consent import ANA, CONTROL, CY, DEE, EVE, circle, grove
from tests.facilitation.whole import Whole, whole

KEEPERS = ("accept", "away", "decline", "handoff", "my", "note", "swap", "take")


@pytest.fixture
def shop() -> Iterator[Whole]:
    shop = whole(ANA, CY, DEE)
    yield shop
    shop.close()


def commands() -> tuple[Command, ...]:
    return tuple(Facilitation(grove(circle(ANA, CY))).commands)


def test_a_member_sees_nothing_that_is_for_those_who_keep_a_room(shop: Whole) -> None:
    (said,) = shop.write(EVE, "!help")
    assert all(f"!{name}" in said for name in ("who", "next", "rota"))
    assert not any(f"!{name}" in said for name in KEEPERS)
    assert "For everybody" not in said


def test_whoever_keeps_a_room_sees_theirs_also_while_off_duty(shop: Whole) -> None:
    assert DEE not in shop.duty()
    for where in (CONTROL, None):
        (said,) = shop.write(DEE, "!help", where)
        everybody, _, keepers = said.partition("For those who keep a room")
        assert all(f"- !{name}" in keepers for name in KEEPERS)
        assert not any(f"- !{name}" in everybody for name in KEEPERS)
        assert "For everybody" in everybody


@pytest.mark.parametrize("name", [command.name for command in commands()])
def test_each_command_is_explained_with_examples(shop: Whole, name: str) -> None:
    (said,) = shop.write(DEE, f"!help {name}", CONTROL)
    first, _, examples = said.partition("\n\nFor example:\n\n")
    assert first.startswith(f"!{name}")
    assert f"- !{name}" in examples


def test_what_is_for_keepers_is_kindly_not_explained_to_others(shop: Whole) -> None:
    (said,) = shop.write(EVE, "!help swap")
    assert said == "That is for those who keep a room. !help shows what you can ask me."


def test_leads_see_how_a_rota_is_changed_and_others_do_not() -> None:
    (rota,) = [command for command in commands() if command.name == "rota"]
    assert [one.words for one in rota.examples if one.needs == 0] == [""]
    assert {one.words.split()[0] for one in rota.examples if one.words} >= {"add", "remove", "order", "effective-from"}


def test_every_example_is_understood(shop: Whole) -> None:
    """What help tells people to write is never answered with how it should have been written."""
    (keeper,) = shop.duty()
    puzzled = ("don't understand", "don't know what", "such as", "Did you mean", "could not read")
    for command in commands():
        for example in command.examples:
            if command.name == "rota" and example.words:
                continue  # for leads: tests/facilitation/test_roster.py
            shop.at_ms += MINUTE_MS
            said = shop.write(keeper, f"!{command.name} {example.words}".strip(), CONTROL)
            assert said, command.name
            assert not [line for line in said for word in puzzled if word in line], (command.name, example.words)
