"""What a policy list says, and whom it is about."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.culture.lists.entries import Entry, Kind, Matcher, entry_of, hash_of
from orchestrator.model.ids import Json, UserId

SPAM = UserId("@spam:bad.example")
BAN = "m.ban"


def ban(entity: str, recommendation: str = BAN) -> dict[str, Json]:
    return {"entity": entity, "recommendation": recommendation, "reason": "somebody's words"}


def about(user: str, *entries: Entry) -> list[str]:
    return sorted(Matcher((str(n), entry) for n, entry in enumerate(entries)).about(UserId(user)))


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("m.policy.rule.user", Kind.USER),
        ("m.policy.rule.server", Kind.SERVER),
        ("m.policy.rule.room", Kind.ROOM),
        ("m.room.rule.user", Kind.USER),
        ("org.matrix.mjolnir.rule.user", Kind.USER),
        ("org.matrix.mjolnir.rule.server", Kind.SERVER),
    ],
)
def test_entries_are_read_under_every_name_they_have_had(type_: str, kind: Kind) -> None:
    assert entry_of(type_, ban("bad.example")) == Entry(kind=kind, entity="bad.example")


@pytest.mark.parametrize(
    ("recommendation", "bans"),
    [
        ("m.ban", True),
        ("org.matrix.mjolnir.ban", True),
        ("m.takedown", True),
        ("org.matrix.msc4204.takedown", True),
        ("m.warn", False),
        ("m.opinion", False),
        ("allow", False),
        ("", False),
        (None, False),
        (["m.ban"], False),
    ],
)
def test_only_what_recommends_a_ban_is_one(recommendation: Json, bans: bool) -> None:
    content: dict[str, Json] = {"entity": SPAM, "recommendation": recommendation}
    assert (entry_of("m.policy.rule.user", content) is not None) is bans


@pytest.mark.parametrize(
    "content", [{}, {"recommendation": BAN}, ban(""), {"entity": 7, "recommendation": BAN}, ban("@" * 600)]
)
def test_what_makes_no_sense_or_was_taken_back_is_no_entry(content: dict[str, Json]) -> None:
    assert entry_of("m.policy.rule.user", content) is None


def test_an_event_of_another_kind_is_no_entry() -> None:
    assert entry_of("m.room.topic", ban(SPAM)) is None


def test_people_are_found_by_their_id_their_glob_their_server_and_their_hash() -> None:
    entries = (
        Entry(kind=Kind.USER, entity=SPAM),
        Entry(kind=Kind.USER, entity="@spam*:*"),
        Entry(kind=Kind.SERVER, entity="bad.example"),
        Entry(kind=Kind.SERVER, entity="*.example"),
        Entry(kind=Kind.USER, hashed=hash_of(SPAM)),
        Entry(kind=Kind.USER, entity="@?pam:bad.example"),
        Entry(kind=Kind.ROOM, entity=SPAM),
    )
    assert about(SPAM, *entries) == ["0", "1", "2", "3", "4", "5"]
    assert about("@ana:grove.org", *entries) == []
    assert about("@spammer:good.org", *entries) == ["1"]


def test_a_hash_is_read_under_its_stable_and_its_unstable_name() -> None:
    for name in ("hashes", "org.matrix.msc4205.hashes"):
        content: dict[str, Json] = {"recommendation": BAN, name: {"sha256": hash_of(SPAM) + "="}}
        entry = entry_of("m.policy.rule.user", content)
        assert entry == Entry(kind=Kind.USER, hashed=hash_of(SPAM))
        assert entry is not None
        assert about(SPAM, entry) == ["0"]


def test_servers_are_the_same_however_they_are_spelled_and_with_any_port() -> None:
    entry = entry_of("m.policy.rule.server", ban("BAD.Example"))
    assert entry is not None
    assert about("@a:bad.example", entry) == ["0"]
    assert about("@a:Bad.Example:8448", entry) == ["0"]
    assert about("@a:notbad.example", entry) == []


def test_peoples_ids_are_told_apart_by_case() -> None:
    assert about("@Spam:bad.example", Entry(kind=Kind.USER, entity=SPAM)) == []


@pytest.mark.parametrize(
    ("entity", "everybody"), [("*", True), ("@*:*", True), ("*.*", True), ("?*", True), ("*.example", False)]
)
def test_an_entry_that_means_everybody_is_known_as_such(entity: str, everybody: bool) -> None:
    assert Entry(kind=Kind.USER, entity=entity).means_everybody is everybody


SIGNS = st.text(alphabet="ab.*?:@+()[]\\^$|{}é\n", max_size=12)


@given(glob=SIGNS, entity=SIGNS)
def test_a_glob_means_what_its_two_signs_say_and_nothing_else(glob: str, entity: str) -> None:
    pattern = "".join(".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in glob)
    expected = bool(glob) and re.fullmatch(pattern, entity, re.DOTALL) is not None
    matcher = Matcher([("it", Entry(kind=Kind.ROOM, entity=glob))] if glob else [])
    assert (matcher.about_room(entity) == ["it"]) is expected


def test_thousands_of_globs_are_looked_through_in_several_parts() -> None:
    entries = [(str(n), Entry(kind=Kind.USER, entity=f"@spam{n}x*:*")) for n in range(2_500)]
    matcher = Matcher(entries)
    assert matcher.about(UserId("@spam7x1:a.example")) == ["7"]
    assert matcher.about(UserId("@spam2499xyz:a.example")) == ["2499"]
    assert matcher.about(UserId("@spam2500x:a.example")) == []
