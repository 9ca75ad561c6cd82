"""What lets more people in, or lets them read or do more."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.rooms.planning.exposure import level_before, shut_out, widens
from orchestrator.rooms.planning.reading import ABSENT

OPEN = [{"type": "m.room_membership", "room_id": "!space"}]
MORE = [*OPEN, {"type": "m.room_membership", "room_id": "!other"}]


@pytest.mark.parametrize(
    ("path", "before", "after", "wider"),
    [
        ("settings.join", "invite", "knock", True),
        ("settings.join", "invite", "restricted", True),
        ("settings.join", "knock", "restricted", True),
        ("settings.join", "restricted", "knock", True),
        ("settings.join", "restricted", "knock_restricted", True),
        ("settings.join", "knock_restricted", "public", True),
        ("settings.join", "knock_restricted", "knock", False),
        ("settings.join", "public", "restricted", False),
        ("settings.join", "restricted", "invite", False),
        ("settings.join", ABSENT, "invite", False),
        ("settings.join", ABSENT, "knock", True),
        ("settings.allow", OPEN, MORE, True),
        ("settings.allow", MORE, OPEN, False),
        ("settings.allow", ABSENT, OPEN, True),
        ("settings.history", "joined", "invited", True),
        ("settings.history", "shared", "world_readable", True),
        ("settings.history", "shared", "joined", False),
        ("settings.history", ABSENT, "shared", False),
        ("settings.history", ABSENT, "world_readable", True),
        ("settings.guests", ABSENT, "can_join", True),
        ("settings.guests", "can_join", "forbidden", False),
        ("settings.directory", False, True, True),
        ("settings.directory", True, False, False),
        ("settings.encryption", "m.megolm.v1.aes-sha2", ABSENT, True),
        ("settings.acl.allow", ["grove.example"], ["grove.example", "other.example"], True),
        ("settings.acl.allow", ["*"], ["grove.example"], False),
        ("settings.acl.allow", ABSENT, ["grove.example"], False),
        ("settings.acl.deny", ["evil.example"], [], True),
        ("settings.acl.deny", ["evil.example"], ["*"], False),
        ("settings.acl.deny", ["Evil.example"], ["evil.example", "bad.example"], False),
        ("settings.acl.ip_literals", False, True, True),
        ("settings.acl.ip_literals", ABSENT, False, False),
        ("power.member", 0, 10, True),
        ("power.member", 10, 0, False),
        ("power.ban", 50, 25, True),
        ("power.ban", ABSENT, 25, True),
        ("power.ban", ABSENT, 75, False),
        ("power.invite", ABSENT, 0, False),
        ("power.events.m.room.name", 100, 50, True),
        ("power.events.m.room.name", 50, 100, False),
        ("power.users.@eve:elsewhere.example", 60, ABSENT, False),
        ("name", "a", "b", False),
        ("settings.retention", 1, 2, False),
    ],
)
def test_what_widens_is_known_for_every_attribute(path: str, before: Any, after: Any, wider: bool) -> None:
    assert widens(path, before, after) is wider


JOINS = st.sampled_from(("invite", "knock", "restricted", "knock_restricted", "public"))


@given(JOINS, JOINS, JOINS)
def test_ways_in_are_ordered_so_that_two_steps_that_widen_nothing_widen_nothing_together(
    a: str, b: str, c: str
) -> None:
    assert not widens("settings.join", a, a)
    if not widens("settings.join", a, b) and not widens("settings.join", b, c):
        assert not widens("settings.join", a, c)


def test_a_level_that_is_not_named_is_that_of_all_other_state_or_of_what_is_said() -> None:
    levels = {"state_default": 75, "events_default": 10}
    assert level_before("power.events.m.room.name", ("events", "m.room.name"), levels) == 75
    assert level_before("power.events.m.room.message", ("events", "m.room.message"), levels) == 10
    assert level_before("power.events.m.room.name", ("events", "m.room.name"), None) == 50
    assert level_before("power.notifications.room", ("notifications", "room"), levels) == 50


@pytest.mark.parametrize(
    ("acl", "server", "out"),
    [
        ({"allow": ["*"]}, "grove.example", False),
        ({"allow": ["*"], "deny": ["grove.example"]}, "grove.example:8448", True),
        ({"allow": ["*"], "deny": ["*.example"]}, "GROVE.example", True),
        ({"allow": ["*"], "deny": ["gr?ve.example"]}, "grove.example", True),
        ({"allow": ["*"], "deny": ["grove-example"]}, "grove.example", False),
        ({"allow": []}, "grove.example", True),
        ({"allow": ["*"], "allow_ip_literals": False}, "127.0.0.1:8008", True),
        ({"allow": ["*"], "allow_ip_literals": False}, "[::1]:8008", True),
        ({"allow": ["*"], "allow_ip_literals": True}, "127.0.0.1", False),
    ],
)
def test_whom_an_acl_keeps_out(acl: dict[str, Any], server: str, out: bool) -> None:
    assert shut_out(acl, server) is out
