"""Somebody's words come to stand in a message of ours as text, and can be found again in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model import content
from orchestrator.model.quoting import REMARKS, WORDS, filled
from orchestrator.model.wording import words_after

SAID = content.text(f"Look:\n\n**“{WORDS}”**\n\nWhat do you say? {REMARKS}")


def test_words_and_remarks_come_to_stand_in_their_places() -> None:
    full = filled(SAID, "Is <b>this</b> & *that*?", ["Mind <this>.", "Mind that."])
    assert full["body"] == "Look:\n\n“Is <b>this</b> & *that*?”\n\nWhat do you say? Mind <this>. Mind that."
    assert "<strong>“Is &lt;b&gt;this&lt;/b&gt; &amp; *that*?”</strong>" in str(full["formatted_body"])
    assert "What do you say? Mind &lt;this&gt;. Mind that.</p>" in str(full["formatted_body"])
    assert full["org.circlekeeper.quoted"] == "Is <b>this</b> & *that*?"
    assert full["m.mentions"] == {}


def test_without_remarks_nothing_stands_in_their_place() -> None:
    assert str(filled(SAID, "Tea?", [])["body"]).endswith("What do you say?")


@given(st.text())
def test_whatever_is_said_nothing_of_it_is_read_as_a_mark_or_a_place(words: str) -> None:
    full = filled(SAID, words, [])
    assert WORDS not in str(full)
    assert REMARKS not in str(full)
    html = str(full["formatted_body"])
    assert html.count("<") == str(SAID["formatted_body"]).count("<")


def test_words_after_a_command_are_whole_however_they_are_written() -> None:
    many = " ".join(f"word{n}" for n in range(80))
    for said in (
        f"!suggest {many}",
        f"  !suggest\n{many}",
        f"! suggest {many}".replace("! ", "!"),
        f"!Suggest {many}",
        f"!suggest: {many}",
        f"@keeper:grove.example: !suggest {many}",
        f"Keeper !suggest\u200b {many}",
        many,
    ):
        assert words_after(said, "suggest") == many


def test_a_word_of_theirs_is_not_taken_for_the_command() -> None:
    assert words_after("What would you suggest to a friend?", "suggest") == "What would you suggest to a friend?"
    assert words_after("!suggest What would you suggest?", "suggest") == "What would you suggest?"
    assert words_after("!suggest", "suggest") == ""
