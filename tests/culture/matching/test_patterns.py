"""Patterns are found as RE2 finds them, though most are never tried."""

# ruff: noqa: RUF001 - look-alikes are what this is about
from __future__ import annotations

import re

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.culture.matching.literals import needed
from orchestrator.culture.matching.patterns import SHARD, Patterns
from orchestrator.culture.matching.views import MOST_RUNS, views

NEEDED = [
    ("abcd", {"abcd"}),
    ("Straße", {"strasse"}),
    (r"\bkill\s+yourself\b", {"yourself"}),
    ("buy (cheap|free) pills", {" pills"}),
    ("(cheap|free)", {"cheap", "free"}),
    ("(?i)(?:one|(?:two|three))", {"one", "two", "three"}),
    ("(ab)?cde", {"cde"}),
    ("(ab){0}cde", {"cde"}),
    ("(abcd){2,}e", {"abcd"}),
    ("ab+cd", {"bcd"}),
    ("ab*cd", {"cd"}),
    ("colou?r", {"colo"}),
    (r"a\.com", {"a.com"}),
    ("[a-c]xyz[]d]", {"xyz"}),
    ("[^]]xyz", {"xyz"}),
    (r"[\]]xyz", {"xyz"}),
    ("[[:alpha:]]xyz", {"xyz"}),
    (r"\pLxyz\p{Greek}", {"xyz"}),
    ("(?P<name>hey)+", {"hey"}),
    ("^hello$", {"hello"}),
    ("ab{2}c", {"ab"}),
]


@pytest.mark.parametrize(("pattern", "texts"), NEEDED)
def test_what_a_pattern_cannot_match_without_is_known(pattern: str, texts: set[str]) -> None:
    re2.compile(pattern)
    assert needed(pattern) == frozenset(texts)


@pytest.mark.parametrize(
    "pattern", [r"\d+", "a|", "a||b", ".*", "(ab)?", "[ab]", r"\x61bc", r"\Qabc\E", "a?", "", "(?:)"]
)
def test_a_pattern_of_which_nothing_is_known_needs_nothing(pattern: str) -> None:
    assert needed(pattern) is None


PIECE = st.sampled_from(
    ["a", "b", "ab", "abc", "xyz", r"\.", ".", "[ab]", "[^a]", r"\d", r"\b", "^", "$", "x", "hello", "ß", "é", "世界"]
)
REPEAT = st.sampled_from(["", "", "", "?", "*", "+", "{2}", "{0,2}", "{1,}", "+?"])
PATTERN = st.recursive(
    st.lists(st.tuples(PIECE, REPEAT).map("".join), min_size=1, max_size=4).map("".join),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("|".join),
        st.tuples(inner, REPEAT).map(lambda both: f"({both[0]}){both[1]}"),
        st.tuples(inner, inner).map("".join),
    ),
    max_leaves=5,
)


@given(PATTERN, st.data())
def test_whatever_a_pattern_matches_holds_what_it_needs(pattern: str, data: st.DataObject) -> None:
    try:
        made, python = re2.compile(pattern), re.compile(pattern, re.IGNORECASE)
    except (re2.error, re.error):
        return
    texts = needed(pattern)
    matching = data.draw(st.from_regex(python))
    if texts is not None and made.search(matching):
        assert any(text in matching.casefold() for text in texts)


@given(st.text())
def test_no_text_is_a_pattern_that_makes_the_reader_stumble(text: str) -> None:
    needed(text)


@given(st.lists(PATTERN, max_size=6), st.text(alphabet="abxyzhelo.1 ßé世界\n", max_size=40))
def test_what_is_found_is_what_each_would_find_alone(written: list[str], text: str) -> None:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    usable = []
    for pattern in written:
        try:
            usable.append((pattern, re2.compile(pattern, options)))
        except re2.error:
            continue
    found = Patterns((pattern, number) for number, (pattern, _made) in enumerate(usable)).find([text])
    alone = {number for number, (_pattern, made) in enumerate(usable) if made.search(text)}
    # RE2's bounds of words know ASCII only, and ours are stricter.
    assert found <= alone
    if text.isascii():
        assert found == alone


def test_bounds_of_words_hold_where_there_are_other_letters_than_ours() -> None:
    bar = Patterns([(r"\bbar\b", 0)])
    assert bar.find(["an der bar, überall"])
    assert bar.find(["fübar bar"])
    assert not bar.find(["fübar"])
    assert not bar.find(["barü"])


def test_more_patterns_than_a_set_holds_are_found_all_the_same() -> None:
    many = Patterns([(rf"x\d{{{number % 5 + 1}}}y{number}", number) for number in range(2 * SHARD + 7)])
    assert many.find(["x12y501"]) == {501}
    assert many.find(["nothing", "x1y0", "x123y502"]) == {0, 502}
    assert many.find([""]) == frozenset()


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("hello there", ("hello there",)),
        ("h e l l o there", ("h e l l o there", "hello there")),
        ("hellooo", ("hellooo", "hello", "helloo")),
        ("he\u200bllo", ("he\u200bllo", "hello")),
        ("ｈéllo", ("ｈéllo", "hello")),
        ("h3llo a$$", ("h3llo a$$", "hello ass")),
        ("A55 and B12", ("A55 and B12",)),
        ("STRASSE", ("STRASSE",)),
    ],
)
def test_a_text_is_read_as_it_is_and_undressed(text: str, seen: tuple[str, ...]) -> None:
    assert views(text) == seen


@given(st.text())
def test_a_text_is_read_in_a_few_forms_and_first_as_it_is(text: str) -> None:
    forms = views(text)
    assert forms[0] == text
    assert len(forms) == len(set(forms)) <= 3 + 2**MOST_RUNS
