"""Power levels composed from claims: always accepted by the room's rules, never the bot's own way out."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.model.ids import Json, RoomId, UserId
from orchestrator.rooms import ComposeContext, compose, room_body
from orchestrator.rooms.state.compose import ON_DRIFT
from orchestrator.store.claims import Claim
from tests.declared import ANA, BO, CY, DEE, EVE, ME, community, room, settings

from . import rules

ROOM = RoomId("!room")
LEVELS = "m.room.power_levels"
ENFORCE = Claim(room=ROOM, type=LEVELS, path=ON_DRIFT, owner="template", value="enforce")
VERSIONS = st.sampled_from(["10", "11", "12"])


def user_claim(user: UserId, level: Json, owner: str = "duty", *, ended: bool = False) -> Claim:
    return Claim(room=ROOM, type=LEVELS, path=("users", user), owner=owner, value=level, ended=ended)


def context(version: str = "12", *creators: UserId, me: UserId = ME) -> ComposeContext:
    return ComposeContext(room_version=version, creators=frozenset(creators or (ME,)), me=me)


def fresh(version: str = "12") -> dict[str, Any]:
    declared = community(room(made=settings(room_version=version)), room_version=version)
    body: dict[str, Any] = dict(room_body(declared, declared.rooms[0], ME, space=RoomId("!space")))
    return dict(body["power_level_content_override"])


def roles() -> list[Claim]:
    return [ENFORCE, user_claim(ANA, 100, "role"), user_claim(BO, 100, "role")]


def composed(live: Mapping[str, Any] | None, claims: list[Claim], where: ComposeContext) -> Any:
    return compose(LEVELS, live, claims, where)


@pytest.mark.parametrize("version", ["10", "11", "12"])
def test_duty_is_given_and_taken_back(version: str) -> None:
    live = fresh(version)
    on_duty = composed(live, [*roles(), user_claim(CY, 50)], context(version))
    assert on_duty["users"][CY] == 50
    assert composed(on_duty, [*roles(), user_claim(CY, 50, ended=True)], context(version)) == live


@pytest.mark.parametrize("version", ["10", "11", "12"])
def test_power_that_nobody_wants_is_taken_back_where_the_template_enforces_it(version: str) -> None:
    live = fresh(version)
    by_hand = {**live, "users": {**live["users"], EVE: 75}}
    assert composed(by_hand, roles(), context(version)) == live


def test_power_given_by_hand_stays_where_the_template_does_not_enforce_it() -> None:
    live = {"users": {EVE: 75, CY: 50}}
    claims = [user_claim(ANA, 100, "role"), user_claim(CY, 50, ended=True)]
    assert composed(live, claims, context())["users"] == {EVE: 75, ANA: 100}


def test_what_a_person_changed_since_is_not_taken_for_ours() -> None:
    live = {"users": {CY: 75}}
    assert composed(live, [user_claim(CY, 50, ended=True)], context()) == live


def test_a_lead_who_left_the_file_loses_the_level_and_keeps_the_room() -> None:
    live = fresh()
    after = composed(live, [ENFORCE, user_claim(ANA, 100, "role"), user_claim(BO, 100, "role", ended=True)], context())
    assert after["users"] == {ANA: 100}


def test_a_lead_on_duty_stays_a_lead() -> None:
    assert composed(fresh(), [*roles(), user_claim(ANA, 50)], context()) == fresh()


def test_of_what_somebody_is_granted_the_highest_holds() -> None:
    claims = [
        *roles(),
        user_claim(CY, 60),
        user_claim(CY, 40, "role"),
        user_claim(DEE, 40),
        user_claim(DEE, 60, "role"),
    ]
    users = composed(fresh(), claims, context())["users"]
    assert (users[CY], users[DEE]) == (60, 60)


def test_a_mute_silences_while_it_lasts_and_leaves_no_trace() -> None:
    live = fresh()
    muted = composed(live, [*roles(), user_claim(EVE, -1, "mute")], context())
    assert rules.level_of(muted, EVE, version="12", creators=frozenset({ME})) < rules.needed_for_message(
        muted, "m.room.message"
    )
    assert composed(muted, [*roles(), user_claim(EVE, -1, "mute", ended=True)], context()) == live


def test_a_level_given_by_hand_is_put_back_when_a_mute_ends() -> None:
    live = {**fresh(), "users": {**fresh()["users"], EVE: 20}}
    keeping = [user_claim(ANA, 100, "role"), user_claim(BO, 100, "role")]  # no template that enforces its own
    muted = composed(live, [*keeping, user_claim(EVE, -1, "mute")], context())
    assert muted["users"][EVE] < 0
    ended = replace(user_claim(EVE, -1, "mute", ended=True), before=(20,))
    assert composed(muted, [*keeping, ended], context()) == live
    assert composed({**muted, "users": {**muted["users"], EVE: 5}}, [*keeping, ended], context())["users"][EVE] == 5


def test_a_mute_is_below_everything_that_could_be_said() -> None:
    live = {**fresh(), "users_default": 10, "events_default": 5, "events": {"m.reaction": -3}}
    muted = composed(live, [ENFORCE, user_claim(EVE, -1, "mute")], context())
    assert muted["users"][EVE] == -4


def test_a_mute_stands_above_duty_but_a_lead_is_never_muted() -> None:
    claims = [*roles(), user_claim(CY, 50), user_claim(CY, -1, "mute"), user_claim(ANA, -1, "mute")]
    users = composed(fresh(), claims, context())["users"]
    assert users[CY] == -1
    assert users[ANA] == 100


def test_a_mute_by_a_persons_hand_is_theirs_to_end() -> None:
    live = {**fresh(), "users": {ANA: 100, BO: 100, EVE: -1}}
    assert composed(live, roles(), context()) == live


@pytest.mark.parametrize("version", ["10", "11"])
def test_no_claim_moves_the_bot(version: str) -> None:
    claims = [*roles(), user_claim(ME, 0, "role"), user_claim(ME, -1, "mute"), user_claim(ME, 150, ended=True)]
    assert composed(fresh(version), claims, context(version)) == fresh(version)


@pytest.mark.parametrize("version", ["10", "11"])
def test_in_a_room_without_levels_the_bot_takes_its_place_first(version: str) -> None:
    users = composed(None, roles(), context(version))["users"]
    assert users == {ME: 150, ANA: 100, BO: 100}


def test_from_version_12_on_creators_are_not_listed_whatever_is_claimed() -> None:
    claims = [*roles(), user_claim(ME, 150, "role"), user_claim(DEE, 100, "role")]
    users = composed(fresh(), claims, context("12", ME, DEE))["users"]
    assert users == {ANA: 100, BO: 100}


@pytest.mark.parametrize("version", ["10", "11"])
def test_nobody_is_put_beside_the_bot(version: str) -> None:
    assert composed(fresh(version), [*roles(), user_claim(CY, 200)], context(version))["users"][CY] == 149


def test_where_the_bot_is_only_a_lead_it_leaves_the_other_leads_alone_and_does_the_rest() -> None:
    live = {"users": {ME: 100, EVE: 100, DEE: 50}, "events": {"m.room.tombstone": 120}}
    claims = [
        ENFORCE,
        user_claim(ANA, 100, "role"),
        Claim(room=ROOM, type=LEVELS, path=("events", "m.room.tombstone"), owner="template", value=50),
        Claim(room=ROOM, type=LEVELS, path=("ban",), owner="template", value=120),
    ]
    after = composed(live, claims, context("11", EVE))
    assert after == {"users": {ME: 100, EVE: 100, ANA: 100}, "events": {"m.room.tombstone": 120}}


def test_where_the_bot_may_not_write_power_levels_nothing_is_tried() -> None:
    live = {"users": {ME: 50, EVE: 100}, "events": {LEVELS: 100}}
    assert composed(live, [*roles(), user_claim(CY, 50)], context("11", EVE)) == live


def test_junk_means_its_default_and_other_keys_stay() -> None:
    live: dict[str, Any] = {
        "users": {ANA: "100", "nonsense": 5, CY: 1.5, BO: True},
        "events": ["m.room.name"],
        "ban": "50",
        "historical": 100,
        "notifications": {"room": 20, "other": None},
    }
    after = composed(live, roles(), context())
    assert after == {
        "users": {ANA: 100, BO: 100},
        "events": {},
        "historical": 100,
        "notifications": {"room": 20},
    }


def test_a_room_that_sync_has_not_shown_yet_is_left_alone() -> None:
    assert composed(fresh("11"), [ENFORCE, user_claim(CY, 50)], context("")) == fresh("11")


def test_without_the_templates_word_nobody_loses_power() -> None:
    live = fresh()
    muted = composed(live, [user_claim(EVE, -1, "mute")], context())
    assert muted["users"] == {**live["users"], EVE: -1}


# -- properties --------------------------------------------------------------------------------------------------------

PEOPLE = st.sampled_from([ME, ANA, BO, CY, DEE, EVE])
LEVEL = st.integers(-20, 220)
TYPES = st.sampled_from([LEVELS, "m.room.topic", "m.room.message", "m.room.tombstone"])
NUMBERS = st.sampled_from(rules.NUMBERS)


@st.composite
def live_levels(draw: st.DrawFn, version: str, creators: frozenset[UserId]) -> dict[str, Any] | None:
    """Draw levels that a server of this version could hold."""
    if draw(st.integers(0, 9)) == 0:
        return None
    live: dict[str, Any] = dict(draw(st.dictionaries(NUMBERS, LEVEL)))
    if draw(st.booleans()):
        live["users"] = dict(draw(st.dictionaries(PEOPLE, LEVEL)))
        if version == "12":
            live["users"] = {user: level for user, level in live["users"].items() if user not in creators}
    if draw(st.booleans()):
        live["events"] = dict(draw(st.dictionaries(TYPES, LEVEL)))
    if draw(st.booleans()):
        live["notifications"] = {"room": draw(LEVEL)}
    return live


@st.composite
def some_claims(draw: st.DrawFn) -> list[Claim]:
    value = st.one_of(LEVEL, st.sampled_from([None, "50", True, 1.5]))
    path = st.one_of(
        st.tuples(st.just("users"), PEOPLE),
        st.tuples(st.just("events"), TYPES),
        st.tuples(st.just("notifications"), st.just("room")),
        st.tuples(NUMBERS),
        st.just(()),
        st.just(("users",)),
    )
    drawn = draw(
        st.lists(
            st.builds(
                Claim,
                room=st.just(ROOM),
                type=st.just(LEVELS),
                path=path,
                owner=st.sampled_from(["role", "duty", "mute", "template", "another"]),
                value=value,
                ended=st.booleans(),
            ),
            max_size=8,
            unique_by=lambda claim: (claim.path, claim.owner),
        )
    )
    return [ENFORCE, *drawn] if draw(st.booleans()) else drawn


CREATORS = st.sets(st.sampled_from([ME, ANA, EVE]), min_size=1).map(frozenset)


@given(st.data(), VERSIONS, CREATORS, some_claims())
def test_what_is_composed_is_always_accepted_by_the_rooms_rules(
    data: st.DataObject, version: str, creators: frozenset[UserId], claims: list[Claim]
) -> None:
    live = data.draw(live_levels(version, creators))
    assume(live is not None or ME in creators)
    where = ComposeContext(room_version=version, creators=creators, me=ME)
    after = composed(live, claims, where)
    if after is not None and after != live:
        rules.check_power_change(live, after, ME, version=version, creators=creators)


@given(st.data(), VERSIONS, CREATORS, some_claims())
def test_the_bot_never_loses_its_own_way_to_set_power_levels(
    data: st.DataObject, version: str, creators: frozenset[UserId], claims: list[Claim]
) -> None:
    live = data.draw(live_levels(version, creators))
    assume(live is not None or ME in creators)
    where = ComposeContext(room_version=version, creators=creators, me=ME)
    after = composed(live, claims, where)
    if after is None:
        return
    held = rules.level_of(live, ME, version=version, creators=creators)
    holds = rules.level_of(after, ME, version=version, creators=creators)
    assert holds == held or (live is None and holds == 150)
    if held >= rules.needed_for_state(live, LEVELS):
        assert holds >= rules.needed_for_state(after, LEVELS)


@given(st.data(), VERSIONS, CREATORS, some_claims(), st.randoms())
def test_composing_again_changes_nothing_and_the_order_of_claims_does_not_matter(
    data: st.DataObject, version: str, creators: frozenset[UserId], claims: list[Claim], rng: random.Random
) -> None:
    live = data.draw(live_levels(version, creators))
    where = ComposeContext(room_version=version, creators=creators, me=ME)
    once = composed(live, claims, where)
    assert composed(once, claims, where) == once
    shuffled = claims[:]
    rng.shuffle(shuffled)
    assert composed(live, shuffled, where) == once


@given(VERSIONS, st.dictionaries(st.sampled_from([CY, DEE, EVE]), st.integers(1, 140)), some_claims())
def test_in_a_room_of_ours_nobody_keeps_a_level_that_no_claim_wants(
    version: str, by_hand: dict[UserId, int], claims: list[Claim]
) -> None:
    live = fresh(version)
    live["users"] = {**live["users"], **by_hand}
    users_only = [claim for claim in claims if claim.path[:1] == ("users",)]
    after = composed(live, [ENFORCE, *users_only], context(version))
    wanted = {
        claim.path[1] for claim in users_only if len(claim.path) == 2 and not claim.ended and type(claim.value) is int
    }
    above = {user for user, level in after["users"].items() if level > 0 and user != ME}
    assert above <= wanted
