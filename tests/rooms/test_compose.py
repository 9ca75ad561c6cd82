"""Pins, topics, links and names composed from claims, beside what people put there."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.ids import Json, RoomId
from orchestrator.rooms import ComposeContext, compose
from orchestrator.rooms.state.compose import ON_DRIFT
from orchestrator.rooms.state.topic import topic_content
from orchestrator.store.claims import Claim
from tests.declared import ME

ROOM = RoomId("!room")
THEIRS = ComposeContext(room_version="12", creators=frozenset({ME}), me=ME)
OURS = ComposeContext(room_version="12", creators=frozenset({ME}), me=ME, by_me=True)


def claim(
    type_: str, path: tuple[str, ...], value: Json, owner: str = "template", *, key: str = "", ended: bool = False
) -> Claim:
    return Claim(room=ROOM, type=type_, key=key, path=path, owner=owner, value=value, ended=ended)


def pin(slot: str, event: str, *unpin: str, ended: bool = False) -> Claim:
    owner = "norms" if slot == "norms" else "prompt"
    return claim("m.room.pinned_events", ("pins", slot), {"pin": event, "unpin": list(unpin)}, owner, ended=ended)


def pinned(live: list[str] | None, *claims: Claim) -> Any:
    content = None if live is None else {"pinned": live}
    after = compose("m.room.pinned_events", content, claims, THEIRS)
    return None if after is None else after["pinned"]


def part(slot: str, text: str, *, ended: bool = False) -> Claim:
    return claim("m.room.topic", ("parts", slot), text, "duty" if slot == "duty" else "template", ended=ended)


# -- pins --------------------------------------------------------------------------------------------------------------


def test_the_norms_stand_first_and_other_peoples_pins_stay_in_their_order() -> None:
    assert pinned(["$a", "$b"], pin("norms", "$norms")) == ["$norms", "$a", "$b"]
    assert pinned(["$a", "$norms", "$b"], pin("norms", "$norms")) == ["$norms", "$a", "$b"]


def test_what_a_new_pin_replaces_is_unpinned() -> None:
    assert pinned(["$old", "$a"], pin("norms", "$new", "$old")) == ["$new", "$a"]
    assert pinned(["$norms", "$q1", "$a"], pin("norms", "$norms"), pin("prompt:1", "$q2", "$q1")) == [
        "$norms",
        "$a",
        "$q2",
    ]


def test_a_prompt_that_is_pinned_already_keeps_its_place() -> None:
    assert pinned(["$q", "$a"], pin("prompt:1", "$q")) == ["$q", "$a"]


def test_a_pin_that_ended_is_taken_out_and_no_other() -> None:
    assert pinned(["$norms", "$q", "$a"], pin("norms", "$norms"), pin("prompt:1", "$q", ended=True)) == ["$norms", "$a"]


def test_where_nothing_is_to_be_pinned_nothing_is_written() -> None:
    assert pinned(None, pin("prompt:1", "$q", ended=True)) is None
    assert pinned(["$a"], pin("prompt:1", "$q", ended=True)) == ["$a"]


def test_a_pin_that_two_want_is_pinned_once_and_not_unpinned_by_either() -> None:
    assert pinned(["$a"], pin("prompt:1", "$q"), pin("prompt:2", "$q"), pin("prompt:3", "$r", "$q")) == [
        "$a",
        "$q",
        "$r",
    ]


def test_junk_among_the_pins_is_dropped_and_other_keys_are_kept() -> None:
    live: dict[str, Json] = {"pinned": ["$a", 5, None, "$a"], "org.example.note": 1}
    after = compose("m.room.pinned_events", live, [pin("norms", "$n")], THEIRS)
    assert after == {"pinned": ["$n", "$a"], "org.example.note": 1}


EVENTS = st.sampled_from(["$a", "$b", "$c", "$d", "$e", "$f"])


@st.composite
def pin_claims(draw: st.DrawFn) -> list[Claim]:
    slots = draw(st.lists(st.sampled_from(["norms", "prompt:1", "prompt:2"]), unique=True))
    return [pin(slot, draw(EVENTS), *draw(st.lists(EVENTS, max_size=2)), ended=draw(st.booleans())) for slot in slots]


@given(st.none() | st.lists(EVENTS, unique=True), pin_claims(), st.randoms())
def test_pins_composed_again_stay_and_everybody_elses_are_kept(
    live: list[str] | None, claims: list[Claim], rng: random.Random
) -> None:
    after = pinned(live, *claims)
    assert pinned(after, *claims) == after
    shuffled = claims[:]
    rng.shuffle(shuffled)
    assert pinned(live, *shuffled) == after
    touched = {event for c in claims for event in (c.value["pin"], *c.value["unpin"])}  # type: ignore[index,misc,call-overload]
    assert [e for e in after or [] if e not in touched] == [e for e in live or [] if e not in touched]
    for each in claims:
        if not each.ended:
            assert each.value["pin"] in after  # type: ignore[index,call-overload]


# -- topic -------------------------------------------------------------------------------------------------------------


def test_a_topic_has_its_parts_in_a_fixed_order() -> None:
    parts = [part("duty", "Cy is here this week."), part("topic", "For Tuesdays."), part("norms", "Be kind.")]
    after = compose("m.room.topic", None, parts, THEIRS)
    assert after == topic_content({"topic": "For Tuesdays.", "norms": "Be kind.", "duty": "Cy is here this week."})
    assert after is not None
    assert after["topic"] == "For Tuesdays.\nBe kind.\nCy is here this week."


def test_a_part_that_ended_is_gone_from_the_topic() -> None:
    live = topic_content({"topic": "For Tuesdays.", "duty": "Cy is here this week."})
    parts = [part("topic", "For Tuesdays."), part("duty", "Cy is here this week.", ended=True)]
    assert compose("m.room.topic", live, parts, OURS) == topic_content({"topic": "For Tuesdays."})


@pytest.mark.parametrize("stance", ["accept", "report"])
def test_a_topic_that_a_person_set_is_theirs_unless_the_template_enforces_its_own(stance: str) -> None:
    live = {"topic": "Cake at four!"}
    parts = [part("topic", "For Tuesdays.")]
    assert compose("m.room.topic", live, [*parts, claim("m.room.topic", ON_DRIFT, stance)], THEIRS) == live
    ours = topic_content({"topic": "For Tuesdays."})
    assert compose("m.room.topic", live, [*parts, claim("m.room.topic", ON_DRIFT, stance)], OURS) == ours
    assert compose("m.room.topic", live, [*parts, claim("m.room.topic", ON_DRIFT, "enforce")], THEIRS) == ours


def test_an_old_rich_topic_does_not_contradict_the_new_plain_one() -> None:
    live: dict[str, Json] = {"topic": "old", "org.matrix.msc3765.topic": [{"body": "old"}], "org.example.note": 1}
    after = compose("m.room.topic", live, [part("topic", "new")], OURS)
    assert after == {**topic_content({"topic": "new"}), "org.example.note": 1}


def test_a_topic_that_says_nothing_is_not_written_and_one_that_said_something_is_emptied() -> None:
    assert compose("m.room.topic", None, [part("topic", "")], OURS) is None
    assert compose("m.room.topic", topic_content({"topic": "x"}), [part("topic", "")], OURS) == {"topic": ""}
    assert compose("m.room.topic", {"topic": ""}, [part("topic", "")], OURS) == {"topic": ""}


@given(
    st.none() | st.fixed_dictionaries({"topic": st.text(max_size=5)}),
    st.lists(st.builds(part, st.sampled_from(["topic", "norms", "duty", "other"]), st.text(max_size=600)), max_size=4),
    st.booleans(),
)
def test_a_topic_composed_again_stays_and_stays_small(
    live: dict[str, Json] | None, parts: list[Claim], by_me: bool
) -> None:
    where = OURS if by_me else THEIRS
    after = compose("m.room.topic", live, parts, where)
    assert compose("m.room.topic", after, parts, where) == after
    assert len(str(after)) < 30_000


# -- links, names and the rest -----------------------------------------------------------------------------------------


def test_a_link_keeps_the_routes_that_others_added_and_takes_our_place() -> None:
    live: dict[str, Json] = {"via": ["elsewhere.example"], "order": "zz", "suggested": True}
    wanted: Json = {"via": ["grove.example"], "order": "00010"}
    after = compose("m.space.child", live, [claim("m.space.child", (), wanted, key="!child")], THEIRS)
    assert after == {"via": ["grove.example", "elsewhere.example"], "order": "00010", "suggested": True}


def test_a_link_that_somebody_cut_is_made_again_unless_the_template_lets_it_be() -> None:
    wanted = claim("m.space.child", (), {"via": ["grove.example"]}, key="!child")
    assert compose("m.space.child", {}, [wanted], THEIRS) == {"via": ["grove.example"]}
    let_be = claim("m.space.child", ON_DRIFT, "accept", key="!child")
    assert compose("m.space.child", {}, [wanted, let_be], THEIRS) == {}


def test_a_link_that_is_no_longer_wanted_is_cut() -> None:
    ended = claim("m.space.child", (), {"via": ["grove.example"]}, key="!child", ended=True)
    assert compose("m.space.child", {"via": ["grove.example"]}, [ended], THEIRS) == {}
    assert compose("m.space.child", None, [ended], THEIRS) is None


def test_a_name_is_the_documents_until_a_person_chooses_another() -> None:
    wanted = [claim("m.room.name", (), {"name": "Tuesday circle"}), claim("m.room.name", ON_DRIFT, "report")]
    assert compose("m.room.name", {"name": "Tues"}, wanted, OURS) == {"name": "Tuesday circle"}
    assert compose("m.room.name", {"name": "Tea"}, wanted, THEIRS) == {"name": "Tea"}
    assert compose("m.room.name", None, wanted, THEIRS) == {"name": "Tuesday circle"}


def test_of_two_owners_the_greater_wins_and_other_keys_survive() -> None:
    claims = [
        claim("org.example.thing", ("a", "b"), 1, "template"),
        claim("org.example.thing", ("a", "b"), 2, "role"),
        claim("org.example.thing", ("a", "c"), 3, "another"),
    ]
    live: dict[str, Json] = {"a": {"d": 4}, "e": 5}
    assert compose("org.example.thing", live, claims, THEIRS) == {"a": {"b": 2, "c": 3, "d": 4}, "e": 5}


def test_what_ended_is_taken_out_only_while_it_still_stands() -> None:
    ended = [claim("org.example.thing", ("a", "b"), 1, ended=True)]
    assert compose("org.example.thing", {"a": {"b": 1, "d": 4}}, ended, THEIRS) == {"a": {"d": 4}}
    assert compose("org.example.thing", {"a": {"b": 2, "d": 4}}, ended, THEIRS) == {"a": {"b": 2, "d": 4}}


def test_without_claims_everything_stays_as_it_is() -> None:
    for type_ in ("m.room.power_levels", "m.room.topic", "m.room.pinned_events", "m.space.child", "m.room.name"):
        assert compose(type_, None, [], OURS) is None
        live: dict[str, Json] = {"anything": 1}
        assert compose(type_, live, [], OURS) in (live, {"anything": 1, "pinned": []})
