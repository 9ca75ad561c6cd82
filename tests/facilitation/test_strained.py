"""Rotas that cannot keep their own rules: told by ``check`` before somebody has to bear it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.verbs.rotas import strained
from tests.documents.authors import Author, settle

CONFIG = "config.yaml"
NOW_MS = 1_795_430_000_000
PEOPLE = 'facilitators: ["@ana:grove.example", "@cy:grove.example", "@dee:grove.example"]'


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return settle(tmp_path)


def say(author: Author, *lines: str) -> None:
    """Let the circle say more, below its facilitators (line 28)."""
    author.edit(CONFIG, PEOPLE, "\n        ".join([PEOPLE, *lines]))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("rota: {rest: 30d}", "the rest cannot be kept"),
        ("rota: {max_terms: 1, rest: 30d}", "nobody is left for some turns"),
        ("rota: {rest: 30d, co_facilitator: true}", "the rest cannot be kept"),
    ],
)
def test_a_rota_that_cannot_keep_its_own_rules_is_advised_on_beforehand(author: Author, line: str, says: str) -> None:
    assert strained(author.load(), NOW_MS) == []
    say(author, line)
    found = [str(advice).removeprefix(f"{author.place}/") for advice in strained(author.load(), NOW_MS)]
    assert any(one.startswith(f"{CONFIG}:29:") and says in one for one in found), found


def test_a_layer_that_never_has_a_turn_is_advised_on(author: Author) -> None:
    layer = '{name: all, anchor: "2026-01-06 19:00", every: 1 week}'
    say(author, "rota:", f"  layers: [{layer}]")
    (advice,) = strained(author.load(), NOW_MS)
    assert "leave it no time at all" in str(advice)
