"""What is a command, and what is somebody talking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.ids import UserId
from orchestrator.model.wording import CRIES as CRY_NAMES
from orchestrator.model.wording import clearly_a_command, is_addressed, read_command
from tests.declared import ME

from .distress import ALMOST, CRIES

NAMES = ("help", "norms", "who", "next", "rule", "why", "raise")


def in_private(body: str, *, mentioned: bool = False) -> tuple[str, tuple[str, ...]] | None:
    return read_command(body, prefix="!", names=NAMES, direct=True, mentioned=mentioned, me=ME)


def in_a_room(body: str, *, mentioned: bool = False) -> tuple[str, tuple[str, ...]] | None:
    return read_command(body, prefix="!", names=NAMES, direct=False, mentioned=mentioned, me=ME)


@pytest.mark.parametrize("body", [cry for cry in CRIES if cry not in ALMOST])
def test_what_people_in_distress_write_is_no_command(body: str) -> None:
    assert not clearly_a_command(body, NAMES)
    assert in_private(body, mentioned=True) is None


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ("!help", ("help", ())),
        ("  !Help  ", ("help", ())),
        ("!help who", ("help", ("who",))),
        ("!help !who", ("help", ("!who",))),
        ("!raise", ("raise", ())),
        ("! raise", ("raise", ())),
        ("\uff01raise", ("raise", ())),
        ("`!raise`", ("raise", ())),
        ("!raise.", ("raise", ())),
        ("!RAISE!!!", ("raise", ())),
        ("“!raise”", ("raise", ())),
        ("\u200e!raise", ("raise", ())),
        ("!raise I want to die", ("raise", ("I", "want", "to", "die"))),
        ("!why", ("why", ())),
        ("!why did you remove it", ("why", ("did", "you", "remove", "it"))),
        ("norms", ("norms", ())),
        ("Next", ("next", ())),
        ("who", ("who", ())),
        ("who #tuesday:grove.example", ("who", ("#tuesday:grove.example",))),
        ("next 3", ("next", ("3",))),
        ("!rule links-from-newcomers enforce", ("rule", ("links-from-newcomers", "enforce"))),
    ],
)
def test_in_private_what_is_plainly_a_command_is_one(body: str, command: tuple[str, tuple[str, ...]]) -> None:
    assert in_private(body) == command


def test_in_private_words_after_a_bare_name_must_be_known_ones() -> None:
    keywords = {"tuesday", "observe", "links-from-newcomers"}
    assert clearly_a_command("who tuesday", NAMES, keywords=keywords)
    assert clearly_a_command("rule links-from-newcomers observe", NAMES, keywords=keywords)
    assert not clearly_a_command("who cares", NAMES, keywords=keywords)
    assert not clearly_a_command("who tuesday tuesday tuesday tuesday", NAMES, keywords=keywords)


def test_another_prefix_is_another_prefix() -> None:
    assert read_command("?who", prefix="?", names=NAMES, direct=True) == ("who", ())
    assert read_command("ck who", prefix="ck ", names=NAMES, direct=True) == ("who", ())
    assert read_command("!who", prefix="?", names=NAMES, direct=True) is None


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ("!norms", ("norms", ())),
        ("!help I am lost", ("help", ("I", "am", "lost"))),
        ("!nroms", ("nroms", ())),
        ("!other-bot do it", ("other-bot", ("do", "it"))),
    ],
)
def test_in_a_room_what_has_the_prefix_is_a_command_known_or_not(
    body: str, command: tuple[str, tuple[str, ...]]
) -> None:
    assert in_a_room(body) == command


@pytest.mark.parametrize("body", ["norms", "who", "!", "!!!", "! norms", "!?", "!1", "hey !norms", "!" + "a" * 60, ""])
def test_in_a_room_all_else_is_talk(body: str) -> None:
    assert in_a_room(body) is None


@pytest.mark.parametrize(
    "body",
    ["@keeper:grove.example who", "@keeper:grove.example: who", "keeper: who", "Circle Keeper who", "keeper !who"],
)
def test_a_mention_with_a_name_is_a_command(body: str) -> None:
    assert in_a_room(body, mentioned=True) == ("who", ())
    assert in_private(body, mentioned=True) == ("who", ())
    assert in_a_room(body) is None


@pytest.mark.parametrize(
    "body", ["keeper why does it hurt", "thank you keeper", "I asked keeper and who knows", "@keeper:grove.example"]
)
def test_a_mention_in_a_sentence_is_talk(body: str) -> None:
    assert in_a_room(body, mentioned=True) is None


@pytest.mark.parametrize("body", ["raise", "Raise", "raise.", " raise! ", "“raise”", "@keeper:grove.example raise"])
def test_in_private_the_word_we_told_them_to_write_is_understood_without_the_prefix(body: str) -> None:
    assert in_private(body, mentioned=body.startswith("@")) == ("raise", ())
    assert in_a_room("raise") is None


@pytest.mark.parametrize("name", sorted(CRY_NAMES & set(NAMES) - {"raise"}))
def test_in_private_a_cry_needs_the_prefix_even_with_a_mention(name: str) -> None:
    assert in_private(name) is None
    assert in_private(f"keeper {name}", mentioned=True) is None
    assert in_private(f"!{name}") == (name, ())


def test_a_command_of_60_000_characters_is_still_a_raised_hand() -> None:
    command = in_private("!raise " + "please " * 9_000)
    assert command is not None
    assert command[0] == "raise"
    assert len(command[1]) <= 32


@given(st.text(st.characters(exclude_categories=())), st.booleans(), st.booleans())
def test_no_text_makes_it_stumble(body: str, direct: bool, mentioned: bool) -> None:
    read_command(body, prefix="!", names=NAMES, direct=direct, mentioned=mentioned, me=UserId("@k:x"))


words = st.lists(
    st.sampled_from(["i", "can't", "help", "why", "who", "me", "next", "please", "raise", "it"]), min_size=2
)


@given(words)
def test_in_private_a_sentence_without_the_prefix_is_never_a_command(sentence: list[str]) -> None:
    assert in_private(" ".join(sentence)) is None


@given(st.text(min_size=1).filter(lambda s: s.strip()))
def test_in_private_a_name_is_always_one_that_exists(body: str) -> None:
    command = in_private("!" + body)
    assert command is None or command[0] in NAMES


@pytest.mark.parametrize(
    "body", ["keeper: raise please", "@keeper raise, I cannot go on like this any more", "keeper raise!", "! raise"]
)
def test_in_a_room_whoever_calls_for_a_person_is_understood_whatever_else_they_say(body: str) -> None:
    command = in_a_room(body, mentioned=not body.startswith("!"))
    assert command is not None
    assert command[0] == "raise"
    assert in_private(body, mentioned=True) is None or "please" not in body


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("@keeper please help me", ""),
        ("@keeper:grove.example please help me", ""),
        ("keeper: please help me", ""),
        ("Circle Keeper, are you there", ""),
        (
            "Circle Keeper are you there",
            '<a href="https://matrix.to/#/@keeper:grove.example">Circle Keeper</a> are you there',
        ),
        ("Keeper please", ' <p><a href="https://matrix.to/#/%40keeper%3Agrove.example">Keeper</a> please</p>'),
    ],
)
def test_who_begins_with_the_bots_name_speaks_to_it(body: str, html: str) -> None:
    assert is_addressed(body, html, ME)


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("", ""),
        ("thank you keeper", ""),
        ("what keeper asked: that is hard", ""),
        ("yes", '<mx-reply><a href="https://matrix.to/#/@keeper:grove.example">Keeper</a></mx-reply>yes'),
        ("ana is kind", '<a href="https://matrix.to/#/@ana:grove.example">ana</a> is kind'),
        ("Rain, says keeper", 'Rain, says <a href="https://matrix.to/#/@keeper:grove.example">keeper</a>'),
    ],
)
def test_who_only_names_the_bot_does_not(body: str, html: str) -> None:
    assert not is_addressed(body, html, ME)
