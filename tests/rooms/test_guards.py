"""What is held back before anything is written, whatever a plan contains."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.model.ids import CommunityKey, RoomId, RoomKey
from orchestrator.rooms import Change, Plan, Slot, State
from orchestrator.rooms.planning.guards import guard
from orchestrator.rooms.planning.live import LiveRoom, LiveState
from tests.declared import ANA, BO, CY, ME, community, room

LOUNGE = RoomId("!lounge")
POWER = "m.room.power_levels"


def change(path: str, value: Any, *claim_path: str, type_: str = POWER, key: str = "lounge", **more: Any) -> Change:
    said: dict[str, Any] = {"state": State.UPDATE, "applied": 1, **more}
    return Change(
        room=RoomKey(key),
        path=path,
        slot=Slot(LOUNGE, type_),
        claim_path=claim_path,
        value=value,
        owner="template",
        **said,
    )


def lounge(own: int) -> LiveRoom:
    levels = {"users": {ME: own}, "state_default": 50}
    state = {(POWER, ""): LiveState("$power", ANA, levels, "")}  # type: ignore[arg-type]
    return LiveRoom(id=LOUNGE, seen=True, version="11", state=state)


def guarded(*changes: Change, managed: int = 0, leads: Any = (ANA, BO), **more: Any) -> list[str]:
    quiet = [change(f"name-{n}", 1, "x", state=State.NO_OP, key=f"room-{n}") for n in range(managed)]
    plan = Plan(CommunityKey("grove"), (*quiet, *changes))
    live = {RoomKey("lounge"): lounge(100)}
    refused = guard(community(room("lounge"), leads=leads), plan, changes, live, ME, **more)
    return [each.guard for each in refused]


@pytest.mark.parametrize("force", [False, True])
def test_the_bots_own_level_is_never_touched(force: bool) -> None:
    assert guarded(change(f"power.users.{ME}", None, "users", ME), force=force) == ["lockout"]


@pytest.mark.parametrize(
    ("path", "claim_path", "value", "held"),
    [
        ("power.events.m.room.power_levels", ("events", POWER), 101, True),
        ("power.events.m.room.power_levels", ("events", POWER), 100, False),
        ("power.state_default", ("state_default",), 150, True),
        ("power.ban", ("ban",), 100, False),
    ],
)
def test_what_the_bot_needs_stays_within_its_reach(path: str, claim_path: Any, value: int, held: bool) -> None:
    assert guarded(change(path, value, *claim_path), force=True) == (["lockout"] if held else [])


def test_taking_power_from_a_lead_needs_two_who_stay_and_are_there() -> None:
    gone = change(f"leads.{CY}", None, "users", CY)
    assert guarded(gone, force=True) == []
    assert guarded(gone, force=True, absent={BO}) == ["last-lead"]
    assert guarded(gone, force=True, leads=(ANA,)) == ["last-lead"]
    assert guarded(change(f"leads.{CY}", 100, "users", CY), leads=(ANA,)) == []


def test_an_acl_is_looked_at_with_what_stands_beside_it() -> None:
    acl = "m.room.server_acl"
    deny = change("settings.acl.deny", ["grove.example"], "deny", type_=acl)
    assert guarded(deny, force=True) == ["own-server"]
    narrow = change("settings.acl.allow", ["elsewhere.example"], "allow", type_=acl)
    assert guarded(narrow, force=True) == ["own-server"]
    assert guarded(change("settings.acl.deny", ["evil.example"], "deny", type_=acl)) == []


@pytest.mark.parametrize(("touched", "managed", "held"), [(3, 7, False), (4, 6, True), (9, 0, False), (10, 0, True)])
def test_at_most_three_in_ten_change_at_once(touched: int, managed: int, held: bool) -> None:
    changes = [change("name", "x", "name", type_="m.room.name", key=f"circle-{n}") for n in range(touched)]
    assert guarded(*changes, managed=managed) == (["blast-radius"] if held else [])
    assert guarded(*changes, managed=managed, force=True) == []


def test_too_much_at_once_is_said_in_the_number_that_counts() -> None:
    changes = [change("name", "x", "name", type_="m.room.name", key=f"circle-{n}") for n in range(4)]
    quiet = [change(f"name-{n}", 1, "x", state=State.NO_OP, key=f"room-{n}") for n in range(6)]
    plan = Plan(CommunityKey("grove"), (*quiet, *changes))
    (refused,) = guard(community(room("lounge")), plan, changes, {RoomKey("lounge"): lounge(100)}, ME)
    assert "4 of 10 things at once, and that is more than three in ten" in refused.reason


def test_what_is_new_or_taken_over_or_already_so_is_no_change_of_what_is_managed() -> None:
    for state in (State.CREATE, State.ADOPT, State.CONVERGED):
        changes = [change("name", "x", "name", key=f"circle-{n}", state=state) for n in range(12)]
        assert guarded(*changes) == []


def test_one_line_of_a_template_is_one_thing_and_the_order_of_rooms_is_of_no_weight() -> None:
    levels = [change(f"power.events.m.{n}", 90, "events", f"m.{n}") for n in range(20)]
    assert guarded(*levels, managed=9) == []
    orders = [change("order", "00020", "order", key=f"circle-{n}") for n in range(20)]
    assert guarded(*orders) == []
