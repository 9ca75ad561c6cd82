"""A declared room as the one call that makes it."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.documents.declared import Community, History, JoinRule, Room
from orchestrator.model.ids import LOCATOR_TYPE, RoomId, locator_of
from orchestrator.rooms import ComposeContext, compose, direct_body, direct_version, room_body
from orchestrator.rooms.planning.wants import wanted_claims
from orchestrator.rooms.state.topic import MOST_LETTERS, topic_content
from tests.declared import ANA, BO, CY, ME, SUMMARY, community, policy, power, room, settings, space

from . import rules

VERSIONS = ("10", "11", "12")
SPACE = RoomId("!space:grove.example")


def of(version: str, *more: Room) -> Community:
    return community(
        room("tuesday", alias="grove-tuesday", made=settings(room_version=version), norms=policy(), facilitators=[CY]),
        *more,
        room_version=version,
    )


def bodies(declared: Community) -> list[tuple[Room, dict[str, Any]]]:
    return [
        (each, dict(room_body(declared, each, ME, space=None if each.kind == "space" else SPACE)))
        for each in declared.every_room()
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_room_is_made_whole_with_nothing_left_to_the_server(version: str) -> None:
    for _, body in bodies(of(version)):
        state = rules.made(body, ME)
        assert state["m.room.create", ""]["room_version"] == version


@pytest.mark.parametrize("version", VERSIONS)
def test_members_can_change_nothing_that_protects_them(version: str) -> None:
    for _, body in bodies(of(version)):
        assert rules.open_to_members(body["power_level_content_override"]) == set()


@pytest.mark.parametrize("version", VERSIONS)
def test_leads_hold_their_level_and_the_bot_stands_above_them(version: str) -> None:
    for _, body in bodies(of(version)):
        levels = body["power_level_content_override"]
        assert {user: level for user, level in levels["users"].items() if user != ME} == {ANA: 100, BO: 100}
        assert levels["users"].get(ME) == (None if version == "12" else 150)
        own = rules.level_of(levels, ME, version=version, creators=frozenset({ME}))
        assert all(own > level for user, level in levels["users"].items() if user != ME)


@pytest.mark.parametrize("version", ["10", "11"])
def test_a_lead_never_stands_beside_the_bot_where_it_could_not_be_moved_again(version: str) -> None:
    declared = community(room(made=settings(room_version=version), levels=power(lead=150)), room_version=version)
    levels = dict(bodies(declared)[2][1]["power_level_content_override"])
    assert levels["users"] == {ANA: 149, BO: 149, ME: 150}


def test_leads_can_go_on_without_the_bot() -> None:
    levels = room_body(of("12"), of("12").rooms[0], ME, space=SPACE)["power_level_content_override"]
    for needed in ("m.room.power_levels", "m.room.join_rules", "m.room.server_acl", "m.space.child"):
        assert rules.needed_for_state(levels, needed) == 100  # type: ignore[arg-type]


def test_only_the_bot_can_say_which_room_this_is_even_if_a_template_lowers_it() -> None:
    declared = community(room(levels=power(events={LOCATOR_TYPE: 0})))
    levels: Any = bodies(declared)[2][1]["power_level_content_override"]
    assert levels["events"][LOCATOR_TYPE] == 150


def test_from_version_12_on_a_tombstone_needs_more_than_a_lead_has() -> None:
    levels: Any = bodies(of("12"))[2][1]["power_level_content_override"]
    assert levels["events"]["m.room.tombstone"] == 150


@pytest.mark.parametrize("join", ["restricted", "knock_restricted"])
def test_a_restricted_room_lets_the_people_of_the_space_in(join: JoinRule) -> None:
    declared = community(room(made=settings(join=join)))
    state = rules.made(bodies(declared)[2][1], ME)
    allow = [{"type": "m.room_membership", "room_id": SPACE}]
    assert state["m.room.join_rules", ""] == {"join_rule": join, "allow": allow}
    assert state["m.space.parent", SPACE] == {"via": ["grove.example"], "canonical": True}


@pytest.mark.parametrize(("join", "becomes"), [("restricted", "invite"), ("knock_restricted", "knock")])
def test_a_space_with_nothing_to_be_restricted_to_stays_shut(join: JoinRule, becomes: str) -> None:
    declared = community()
    lonely = space(join=join)
    state = rules.made(room_body(declared, lonely, ME), ME)
    assert state["m.room.join_rules", ""] == {"join_rule": becomes}


@pytest.mark.parametrize("join", ["invite", "knock", "public"])
@pytest.mark.parametrize("history", ["joined", "invited", "shared", "world_readable"])
@pytest.mark.parametrize("open_", [False, True])
def test_settings_are_what_the_template_says(join: JoinRule, history: History, open_: bool) -> None:
    made = settings(join=join, history=history, guests=open_, encryption=open_, listed=open_, federate=open_)
    body = bodies(community(room(made=made)))[2][1]
    state = rules.made(body, ME)
    assert state["m.room.join_rules", ""] == {"join_rule": join}
    assert state["m.room.history_visibility", ""] == {"history_visibility": history}
    assert state["m.room.guest_access", ""] == {"guest_access": "can_join" if open_ else "forbidden"}
    assert (("m.room.encryption", "") in state) is open_
    assert body["visibility"] == ("public" if open_ else "private")
    assert state["m.room.create", ""].get("m.federate", True) is open_


def test_the_space_is_a_space_whose_timeline_is_not_for_talking() -> None:
    declared = of("12")
    state = rules.made(room_body(declared, declared.space, ME), ME)
    assert state["m.room.create", ""]["type"] == "m.space"
    assert state["m.room.power_levels", ""]["events_default"] == 100
    assert ("m.room.encryption", "") not in state
    assert state["m.room.canonical_alias", ""] == {"alias": "#grove:grove.example"}


def test_the_control_room_is_private_whatever_its_settings_say() -> None:
    declared = community(room())
    loose = room(
        "control",
        alias="grove-control",
        made=settings(join="public", history="shared", guests=True, encryption=False, listed=True),
    )
    body = room_body(declared, loose, ME, space=SPACE)
    state = rules.made(body, ME)
    assert state["m.room.join_rules", ""] == {"join_rule": "invite"}
    assert state["m.room.history_visibility", ""] == {"history_visibility": "joined"}
    assert state["m.room.guest_access", ""] == {"guest_access": "forbidden"}
    assert state["m.room.encryption", ""] == {"algorithm": "m.megolm.v1.aes-sha2"}
    assert body["visibility"] == "private"
    assert ("m.room.canonical_alias", "") not in state


def test_in_the_control_room_nobody_but_the_bot_invites_and_members_cannot_remove_each_other() -> None:
    declared = of("12")
    levels: Any = room_body(declared, declared.control, ME, space=SPACE)["power_level_content_override"]
    assert levels["invite"] == 150
    assert levels["kick"] == levels["ban"] == levels["redact"] == 100


def test_a_room_says_which_it_is_in_words_that_say_nothing() -> None:
    for each, body in bodies(of("12")):
        content = rules.made(body, ME)[LOCATOR_TYPE, ""]
        assert content == {"locator": locator_of(ME, "grove", each.key)}
        assert each.key == "" or each.key not in str(content)
        assert body["initial_state"][-1]["type"] == LOCATOR_TYPE


def test_who_may_speak_in_an_encrypted_room_is_who_may_send_encrypted_messages() -> None:
    quiet = power(events={"m.room.message": 50})
    levels: Any = bodies(community(room(levels=quiet)))[2][1]["power_level_content_override"]
    assert levels["events"]["m.room.encrypted"] == 50
    plain = community(room(levels=quiet, made=settings(encryption=False)))
    levels = bodies(plain)[2][1]["power_level_content_override"]
    assert "m.room.encrypted" not in levels["events"]


def test_the_topic_carries_the_norms_in_short() -> None:
    state = rules.made(bodies(of("12"))[2][1], ME)
    topic = state["m.room.topic", ""]
    assert topic["topic"] == f"Somewhere to say how it really is.\n{SUMMARY}"
    assert [text.get("mimetype") for text in topic["m.topic"]["m.text"]] == ["text/html", None]


def test_a_topic_is_never_markup_by_accident_and_never_long() -> None:
    content: Any = topic_content({"topic": "a < b & <script>", "duty": "word " * 400})
    html = content["m.topic"]["m.text"][0]["body"]
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert len(content["topic"]) <= 2 * MOST_LETTERS
    assert content["topic"].endswith("word…")
    assert topic_content({"topic": " ", "norms": ""}) == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_room_is_made_with_is_what_the_documents_claim_of_it(version: str) -> None:
    declared = of(version)
    ids = {each.key: RoomId(f"!{each.key or 'space'}") for each in declared.every_room()}
    for each, body in bodies(declared):
        state = rules.made(body, ME)
        for type_ in ("m.room.power_levels", "m.room.name"):
            claims = [c for c in wanted_claims(declared, ids, ME) if c.room == ids[each.key] and c.type == type_]
            context = ComposeContext(room_version=version, creators=frozenset({ME}), me=ME, by_me=True)
            assert claims
            assert compose(type_, state[type_, ""], claims, context) == state[type_, ""]


def test_a_direct_room_has_the_lowest_version_of_any_declared_room() -> None:
    assert direct_version([of("12"), of("11"), of("12")]) == "11"
    assert direct_version([of("12"), of("10")]) == "10"
    assert direct_version([]) == direct_version([of("org.example.new")]) == "12"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_direct_room_is_for_two_and_readable_from_the_invitation_on(version: str) -> None:
    body = direct_body(ME, CY, room_version=version)
    state = rules.made(body, ME)
    assert "invite" not in body, "a server that may not invite just now would refuse a room that it made"
    assert state["m.room.history_visibility", ""] == {"history_visibility": "invited"}
    assert state["m.room.join_rules", ""] == {"join_rule": "invite"}
    assert state["m.room.guest_access", ""] == {"guest_access": "forbidden"}
    assert ("m.room.encryption", "") in state
    assert state[LOCATOR_TYPE, ""] == {"locator": locator_of(ME, "direct", CY)}
    levels: Any = state["m.room.power_levels", ""]
    theirs = rules.level_of(levels, CY, version=version, creators=frozenset({ME}))
    assert theirs == 0 == rules.needed_for_message(levels, "m.room.encrypted")
    assert all(levels[act] > theirs for act in ("invite", "kick", "ban", "redact", "state_default"))
    assert rules.open_to_members(levels) == set()
