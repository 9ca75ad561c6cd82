"""What a person decided is written over what another person did, exactly as far as it was decided; the rest stays theirs."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.model.ids import EventId, Json, RoomId
from orchestrator.rooms import ComposeContext, compose
from orchestrator.rooms.state.compose import APPLIED, ON_DRIFT, READ
from orchestrator.store.claims import Claim
from orchestrator.store.mirror import digest_of
from tests.declared import ANA, ME

ROOM = RoomId("!lounge")
THEIRS = EventId("$theirs")


def claim(type_: str, path: tuple[str, ...], value: Json, **more: Any) -> Claim:
    return Claim(room=ROOM, type=type_, path=path, owner=more.pop("owner", "template"), value=value, **more)


def decided(type_: str, on: str, *paths: tuple[str, ...]) -> Claim:
    return claim(type_, APPLIED, {"on": on, "paths": [list(path) for path in paths]}, ended=True)


def context(*, by_me: bool = False, event: str = THEIRS) -> ComposeContext:
    return ComposeContext(room_version="12", creators=frozenset({ME}), me=ME, by_me=by_me, event=event)


NAME = "m.room.name"
CAKE: dict[str, Json] = {"name": "Cake", "x": 1}


@pytest.mark.parametrize("stance", ["report", "accept"])
def test_a_name_that_a_person_set_stays_until_another_decides_otherwise(stance: str) -> None:
    claims = [claim(NAME, ("name",), "Lounge"), claim(NAME, ON_DRIFT, stance)]
    assert compose(NAME, CAKE, claims, context()) == CAKE
    word = decided(NAME, THEIRS, ("name",))
    assert compose(NAME, CAKE, [*claims, word], context()) == {"name": "Lounge", "x": 1}


def test_a_decision_counts_only_over_the_event_that_it_was_made_about() -> None:
    claims = [claim(NAME, ("name",), "Lounge"), claim(NAME, ON_DRIFT, "report")]
    word = decided(NAME, "$earlier", ("name",))
    assert compose(NAME, CAKE, [*claims, word], context()) == CAKE
    read = decided(NAME, f"{READ}{digest_of(CAKE)}", ("name",))
    assert compose(NAME, CAKE, [*claims, read], context(event="")) == {"name": "Lounge", "x": 1}


def test_of_what_stands_in_one_event_only_what_was_decided_is_written() -> None:
    rules = "m.room.join_rules"
    live: dict[str, Json] = {"join_rule": "public", "allow": []}
    claims = [
        claim(rules, ("join_rule",), "restricted"),
        claim(rules, ("allow",), [{"type": "m.room_membership", "room_id": "!space"}]),
        claim(rules, ON_DRIFT, "report"),
    ]
    word = decided(rules, THEIRS, ("join_rule",))
    assert compose(rules, live, [*claims, word], context()) == {"join_rule": "restricted", "allow": []}


POWER = "m.room.power_levels"
LEVELS: dict[str, Json] = {"users": {}, "users_default": 0, "ban": 75, "redact": 75, "events": {"m.room.topic": 0}}


@pytest.mark.parametrize("by_me", [False, True])
def test_levels_that_a_person_set_stay_though_the_bot_writes_for_other_reasons(by_me: bool) -> None:
    claims = [
        claim(POWER, ("ban",), 50),
        claim(POWER, ("redact",), 50),
        claim(POWER, ("events", "m.room.topic"), 50),
        claim(POWER, ("users", ANA), 100, owner="role"),
        claim(POWER, ON_DRIFT, "report"),
    ]
    now: Any = compose(POWER, LEVELS, claims, context(by_me=by_me))
    assert now == {**LEVELS, "users": {ANA: 100}}
    word = decided(POWER, THEIRS, ("redact",), ("events", "m.room.topic"))
    now = compose(POWER, LEVELS, [*claims, word], context(by_me=by_me))
    assert (now["ban"], now["redact"], now["events"]) == (75, 50, {"m.room.topic": 50})


def test_what_a_lockdown_leaves_is_filled_again_also_where_levels_are_only_reported() -> None:
    claims = [
        claim(POWER, ("events_default",), 0),
        claim(POWER, ("events_default",), 100, owner="lockdown", ended=True, before=()),
        claim(POWER, ON_DRIFT, "report"),
    ]
    now: Any = compose(POWER, {**LEVELS, "events_default": 100}, claims, context(by_me=True))
    assert now["events_default"] == 0


def test_a_link_is_order_and_recommendation_in_one_and_no_recommendation_is_not_written() -> None:
    child = "m.space.child"
    claims = [
        claim(child, ("via",), ["grove.example"]),
        claim(child, ("order",), "00010"),
        claim(child, ("suggested",), value=False),
    ]
    live: dict[str, Json] = {"via": ["elsewhere.example"], "suggested": True, "x": 1}
    linked: dict[str, Json] = {"via": ["grove.example", "elsewhere.example"], "order": "00010", "x": 1}
    assert compose(child, live, claims, context(by_me=True)) == linked
    ended = [claim(child, c.path, c.value, ended=True) for c in claims]
    assert compose(child, linked, ended, context(by_me=True)) == {}
