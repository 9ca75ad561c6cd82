"""``circlekeeper decks try``: a year of a deck, day by day, and what is said where there is none."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from orchestrator.cli import app
from tests.documents.authors import Author, settle

OWN = """
version: 1
title: Our own
prompts:
  - {text: {en: "What was good?", de: "Was war gut?"}, tags: [light], weight: 2}
  - {text: "What was heavy?", tier: 2, note: is heavy}
  - {text: "What may stay behind?", on: 12-31}
  - {text: "What grows?", season: spring}
"""


@pytest.fixture
def author(tmp_path: Path) -> Author:
    made = settle(tmp_path)
    made.write("room_templates/decks/own.yaml", OWN)
    return made


def run(author: Author, *words: str) -> int:
    code = app(
        ["decks", "try", *words, "--config", str(author.config)], result_action="return_value", exit_on_error=False
    )
    assert isinstance(code, int)
    return code


def test_a_year_is_printed_week_by_week(author: Author, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(author, "gentle-checkin", "--year", "2027") == 0
    lines = capsys.readouterr().out.splitlines()
    asked = [line for line in lines if line.startswith("Mon 2027-")]
    assert (len(asked), asked[0][:14]) == (52, "Mon 2027-01-04")
    assert lines[-1] == "52 questions of “Gentle check-in”, which has 47."
    assert lines[47] == "  -- from here on the deck begins anew --"
    texts = [line.partition("  ")[2] for line in asked]
    assert len(set(texts[:47])) == 47
    assert not {*texts[47:]} & {*texts[40:47]}


def test_programs_get_each_question_with_its_round(author: Author, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(author, "own", "--year", "2027", "--every", "day", "--json") == 0
    asked = json.loads(capsys.readouterr().out)
    assert len(asked) == 365
    assert asked[-1]["day"] == "2027-12-31"
    assert asked[-1]["text"] == {"": "What may stay behind?"}
    assert Counter(one["text"][""] for one in asked[:-1] if "" in one["text"])["What may stay behind?"] == 0
    assert {one["day"][5:7] for one in asked if one["text"].get("") == "What grows?"} == {"03", "04", "05"}
    held = Counter((one["round"], one["id"]) for one in asked[:-1])
    assert max(held.values()) == 2
    good = [one for one in asked if one["tags"]]
    assert {count for key, count in held.items() if key[1] != good[0]["id"]} == {1}
    assert {one["note"].get("") for one in asked if one["tier"] == 2} == {"is heavy"}


def test_another_word_gives_another_order_and_the_same_word_the_same(
    author: Author, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for seed in ("one", "two", "one"):
        run(author, "gentle-checkin", "--year", "2027", "--seed", seed)
        told.append(capsys.readouterr().out)
    assert told[0] == told[2] != told[1]


def test_what_is_for_a_day_on_which_nothing_is_asked_is_said(
    author: Author, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(author, "own", "--year", "2027") == 0
    out = capsys.readouterr().out
    assert "What was heavy? (tier 2)" in out
    assert out.endswith("which has 4. 1 more is for one day only, and nothing is asked on that one here.\n")


def test_words_are_those_of_the_language_of_the_files(author: Author, capsys: pytest.CaptureFixture[str]) -> None:
    author.edit("config.yaml", "locale: en", "locale: de")
    assert run(author, "own", "--year", "2027") == 0
    assert "Was war gut?" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nope"], "There is no deck of this name. Decks here: about-a-book, being-heard"),
        (["own", "--year", "27"], "Write a year from 2000 to 2999"),
    ],
)
def test_what_cannot_be_tried_is_said(
    author: Author, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(author, *words) == 1
    assert says in capsys.readouterr().err


def test_a_deck_that_is_written_where_it_is_asked_can_be_tried_too(
    author: Author, capsys: pytest.CaptureFixture[str]
) -> None:
    author.edit(
        "config.yaml",
        "name: Lounge",
        'name: Lounge\n        prompts: [{deck: {title: For tea, prompts: [{text: "Tea?"}]}, at: "10:00"}]',
    )
    assert run(author, "for-tea", "--year", "2027") == 0
    assert "52 questions of “For tea”, which has 1." in capsys.readouterr().out
