"""Who may do what in a room, as its version means it."""

from __future__ import annotations

import math
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.ids import Json, UserId
from orchestrator.model.power import Power, creators_have_power

ANA = UserId("@ana:grove.example")
BO = UserId("@bo:grove.example")
CY = UserId("@cy:grove.example")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just(ANA), inner, max_size=3),
    max_leaves=12,
)
KNOWN = ("users", "users_default", "events", "events_default", "state_default", "ban", "kick", "redact", "invite")


def power(version: str, content: dict[str, Json] | None, *creators: UserId) -> Power:
    return Power(version, frozenset(creators), content)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("10", False),
        ("11", False),
        ("12", True),
        ("13", True),
        ("", False),
        ("1", False),
        ("org.example.mine", False),
        ("12.1", False),
        ("-12", False),
        ("²", False),
        ("١٢", False),
        ("9" * 5_000, False),
        ("12\n", False),
    ],
)
def test_creators_stand_above_all_from_version_12_on(version: str, *, expected: bool) -> None:
    assert creators_have_power(version) is expected


@pytest.mark.parametrize("version", ["10", "11", "12"])
def test_a_level_is_the_users_own_or_the_default(version: str) -> None:
    levels = power(version, {"users": {ANA: 100, BO: -1}, "users_default": 5})
    assert [levels.of(user) for user in (ANA, BO, CY)] == [100, -1, 5]


def test_a_creator_of_version_12_is_above_every_number_whatever_is_written() -> None:
    levels = power("12", {"users": {ANA: 0, BO: 2**53}}, ANA)
    assert levels.of(ANA) == math.inf
    assert levels.of(ANA) > levels.of(BO)
    assert levels.can_send(ANA, "m.room.power_levels", state=True)


@pytest.mark.parametrize("version", ["10", "11"])
def test_a_creator_of_an_older_version_has_what_is_written(version: str) -> None:
    assert power(version, {"users": {BO: 100}}, ANA).of(ANA) == 0
    assert power(version, {"users": {ANA: 50}}, ANA).of(ANA) == 50


@pytest.mark.parametrize(("version", "level"), [("10", 100), ("11", 100), ("12", math.inf)])
def test_where_no_levels_were_set_the_creator_has_all_and_others_may_do_everything_but_act_on_others(
    version: str, level: float
) -> None:
    levels = power(version, None, ANA)
    assert (levels.of(ANA), levels.of(CY)) == (level, 0)
    assert levels.to_send("m.room.message") == 0
    assert levels.to_send("m.room.name", state=True) == 0
    assert [levels.to_act(action) for action in ("ban", "kick", "redact", "invite")] == [50, 50, 50, 0]


def test_empty_levels_are_not_the_same_as_none() -> None:
    levels = power("11", {}, ANA)
    assert levels.of(ANA) == 0
    assert levels.to_send("m.room.name", state=True) == 50
    assert levels.to_send("m.room.message") == 0


@pytest.mark.parametrize(
    ("content", "type_", "state", "needed"),
    [
        ({"events_default": 7}, "m.room.message", False, 7),
        ({"state_default": 7}, "m.room.name", True, 7),
        ({"state_default": 7, "events_default": 3}, "m.reaction", False, 3),
        ({"events": {"m.room.name": 90}, "state_default": 7}, "m.room.name", True, 90),
        ({"events": {"m.room.message": 20}}, "m.room.message", False, 20),
        ({"events": {"m.room.message": -5}}, "m.room.message", False, -5),
    ],
)
def test_what_is_needed_to_send_is_the_types_own_or_the_default(
    content: dict[str, Json], type_: str, needed: int, *, state: bool
) -> None:
    levels = power("12", {**content, "users": {BO: needed, CY: needed - 1}})
    assert levels.to_send(type_, state=state) == needed
    assert levels.can_send(BO, type_, state=state)
    assert not levels.can_send(CY, type_, state=state)


@pytest.mark.parametrize("junk", [True, False, "100", 100.0, None, [100], {"level": 100}])
def test_what_is_no_integer_counts_as_if_it_were_not_there(junk: Json) -> None:
    levels = power(
        "11",
        {
            "users": {ANA: junk},
            "users_default": junk,
            "events": {"m.room.name": junk},
            "ban": junk,
            "state_default": junk,
        },
    )
    assert levels.of(ANA) == 0
    assert levels.of(BO) == 0
    assert levels.to_act("ban") == 50
    assert levels.to_send("m.room.topic", state=True) == 50


@given(
    st.text() | st.sampled_from(["10", "11", "12"]),
    st.none() | st.dictionaries(st.sampled_from(KNOWN) | st.text(), json_values),
    st.frozensets(st.sampled_from([ANA, BO])),
)
def test_no_json_is_too_odd_to_be_read(
    version: str, content: dict[str, Json] | None, creators: frozenset[UserId]
) -> None:
    levels = Power(version, creators, content)
    for user in (ANA, BO, CY):
        assert isinstance(levels.of(user), int) or levels.of(user) == math.inf
        assert isinstance(levels.can_send(user, "m.room.name", state=True), bool)
    for action in ("invite", "kick", "ban", "redact"):
        assert type(levels.to_act(action)) is int
    assert type(levels.to_send("m.room.message")) is int


def test_levels_are_not_shown_by_repr() -> None:
    assert ANA not in repr(power("12", {"users": {ANA: cast("Json", 1)}}))
