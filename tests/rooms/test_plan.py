"""Plans of a community on a homeserver: what differs and how, and what applying it makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.documents.declared import Acl, Community, OnDrift, Origin, Retention
from orchestrator.model.ids import CommunityKey, RoomKey
from orchestrator.model.things import ALIAS, LISTED
from orchestrator.rooms import Choices, StalePlan, plan_community
from orchestrator.store import bindings, claims
from tests.declared import ANA, BO, CY, DEE, EVE, ME, community, policy, power, room, settings

from .house import House
from .planning import ALL, apply, one, plan, planned, told

TUESDAY = room("tuesday", facilitators=[CY, DEE], norms=policy(), alias="grove-tuesday")
LOUNGE = room("lounge")
GROVE = community(TUESDAY, LOUNGE)


def with_lounge(**changed: Any) -> Community:
    return community(TUESDAY, room("lounge", **changed))


async def state(house: House, key: str, type_: str, state_key: str = "") -> Any:
    return house.rooms[(await house.bound())[key]].state.get((type_, state_key))


async def by_hand(house: House, key: str, type_: str, content: dict[str, Any], state_key: str = "") -> None:
    await house.put(house.rooms[(await house.bound())[key]], ANA, type_, state_key, content)
    await house.deliver()


async def levels_by_hand(house: House, key: str, **changed: Any) -> None:
    await by_hand(house, key, "m.room.power_levels", {**await state(house, key, "m.room.power_levels"), **changed})


# -- what is there and what is not -------------------------------------------------------------------------------------


async def test_before_anything_is_there_all_rooms_are_to_be_made(house: House) -> None:
    assert told(await plan(house, GROVE)) == {
        "space/exists": "create",
        "control/exists": "create",
        "tuesday/exists": "create",
        "lounge/exists": "create",
    }


async def test_rooms_that_were_just_made_differ_in_nothing_and_nothing_has_to_be_read(house: House) -> None:
    await house.settle()
    made, fetched = await planned(house, GROVE)
    assert told(made) == {}
    assert made.is_empty
    assert fetched == {}


async def test_a_room_that_the_bot_was_put_out_of_is_unknown_and_not_missing(house: House) -> None:
    await house.settle()
    await house.member(house.rooms[(await house.bound())["lounge"]], ME, "leave", by=ANA)
    made = await plan(house, GROVE)
    assert told(made) == {"lounge/exists": "unknown"}
    assert one(made, "lounge/exists").reason
    applied = await apply(house, GROVE, ALL)
    assert [left.change.name for left in applied.left] == ["lounge/exists"]
    assert applied.done == ()


async def test_what_cannot_be_read_is_unknown_and_never_written(house: House) -> None:
    await house.settle()
    await by_hand(house, "lounge", "m.room.name", {"name": "Cake"})
    made, _ = await planned(house, GROVE)
    slot = one(made, "lounge/name").slot
    assert slot is not None
    blind = await house.rows.run(plan_community, with_lounge(name="Parlour"), ME, {}, {slot})
    assert blind.needed == frozenset()
    assert told(blind) == {"lounge/name": "unknown"}


# -- the three-way table -----------------------------------------------------------------------------------------------


async def test_a_new_name_in_the_files_is_an_update_and_waits_for_a_word(house: House) -> None:
    await house.settle()
    renamed = with_lounge(name="Parlour")
    house.use(renamed)
    await house.settle()
    assert (await state(house, "lounge", "m.room.name"))["name"] == "Lounge circle"
    change = one(await plan(house, renamed), "lounge/name")
    assert (change.state, change.desired, change.applied, change.live) == (
        "update",
        "Parlour",
        "Lounge circle",
        "Lounge circle",
    )
    applied = await apply(house, renamed)
    assert [c.name for c in applied.done] == ["lounge/name"]
    assert (await state(house, "lounge", "m.room.name"))["name"] == "Parlour"
    assert told(await plan(house, renamed)) == {}


async def test_a_name_changed_by_hand_is_drift_that_is_told_and_left(house: House) -> None:
    await house.settle()
    await by_hand(house, "lounge", "m.room.name", {"name": "Cake"})
    change = one(await plan(house, GROVE), "lounge/name")
    assert (change.state, change.desired, change.applied, change.live) == (
        "drift",
        "Lounge circle",
        "Lounge circle",
        "Cake",
    )
    applied = await apply(house, GROVE)
    assert applied.done == ()
    assert (await state(house, "lounge", "m.room.name"))["name"] == "Cake"
    await apply(house, GROVE, Choices(take="theirs"))
    assert (await state(house, "lounge", "m.room.name"))["name"] == "Cake"
    assert told(await plan(house, GROVE)) == {}
    await by_hand(house, "lounge", "m.room.name", {"name": "Tea"})
    await apply(house, GROVE, Choices(take="ours"))
    assert (await state(house, "lounge", "m.room.name"))["name"] == "Lounge circle"
    assert told(await plan(house, GROVE)) == {}


async def test_what_was_put_back_once_is_not_held_against_the_next_change_by_hand(house: House) -> None:
    await house.settle()
    await by_hand(house, "lounge", "m.room.name", {"name": "Cake"})
    await apply(house, GROVE, Choices(take="ours"))
    await by_hand(house, "lounge", "m.room.name", {"name": "Cake"})
    assert (await state(house, "lounge", "m.room.name"))["name"] == "Cake"
    assert told(await plan(house, GROVE)) == {"lounge/name": "drift"}


@pytest.mark.parametrize(("stance", "state_"), [("report", "drift"), ("accept", None), ("enforce", None)])
async def test_what_is_done_about_a_change_by_hand_is_the_templates_choice(
    house: House, stance: OnDrift, state_: str | None
) -> None:
    grove = with_lounge(on_drift={"join": stance})
    house.use(grove)
    await house.settle()
    await by_hand(house, "lounge", "m.room.join_rules", {"join_rule": "invite"})
    made = await plan(house, grove)
    assert told(made) == ({} if state_ is None else {"lounge/settings.join": "drift", "lounge/settings.allow": "drift"})
    live = (await state(house, "lounge", "m.room.join_rules"))["join_rule"]
    assert live == ("restricted" if stance == "enforce" else "invite")


async def test_an_accepted_change_stays_quiet_but_says_so(house: House) -> None:
    await house.settle()
    await by_hand(house, "lounge", "m.room.topic", {"topic": "Cake at four"})
    change = one(await plan(house, GROVE), "lounge/topic")
    assert (change.state, change.live) == ("no-op", "Cake at four")
    assert change.reason


async def test_what_was_changed_in_the_files_and_by_hand_is_a_conflict_that_needs_a_choice(house: House) -> None:
    await house.settle()
    await by_hand(house, "lounge", "m.room.name", {"name": "Cake"})
    parlour = with_lounge(name="Parlour")
    house.use(parlour)
    assert told(await plan(house, parlour)) == {"lounge/name": "conflict"}
    applied = await apply(house, parlour)
    assert applied.done == ()
    assert "--take" in applied.left[0].reason
    await apply(house, parlour, Choices(take="theirs"))
    assert (await state(house, "lounge", "m.room.name"))["name"] == "Cake"
    assert told(await plan(house, parlour)) == {}
    await by_hand(house, "lounge", "m.room.name", {"name": "Tea"})
    await apply(house, parlour, Choices(take="ours"))
    assert (await state(house, "lounge", "m.room.name"))["name"] == "Parlour"
    assert told(await plan(house, parlour)) == {}


async def test_what_is_already_as_the_files_say_is_only_remembered(house: House) -> None:
    await house.settle()
    await by_hand(house, "lounge", "m.room.name", {"name": "Parlour"})
    parlour = with_lounge(name="Parlour")
    house.use(parlour)
    assert told(await plan(house, parlour)) == {"lounge/name": "converged"}
    house.writes.clear()
    await apply(house, parlour)
    assert house.writes == []
    assert told(await plan(house, parlour)) == {}


async def test_a_room_that_left_the_files_is_let_go_and_stays_as_it_is(house: House) -> None:
    await house.settle()
    bound = await house.bound()
    smaller = community(TUESDAY)
    house.use(smaller)
    await house.settle()
    change = one(await plan(house, smaller), "lounge/exists")
    assert change.state == "orphan"
    house.writes.clear()
    await apply(house, smaller)
    assert house.writes == []
    assert "lounge" not in await house.bound()
    assert house.rooms[bound[""]].state["m.space.child", bound["lounge"]]["via"]
    assert told(await plan(house, smaller)) == {}


async def test_a_room_that_comes_back_to_the_files_is_found_and_differs_in_nothing(house: House) -> None:
    await house.settle()
    lounge = (await house.bound())["lounge"]
    house.use(community(TUESDAY))
    await apply(house, community(TUESDAY))
    house.use(GROVE)
    await house.settle()
    assert (await house.bound())["lounge"] == lounge
    assert told(await plan(house, GROVE)) == {}


async def test_a_room_that_is_to_be_closed_is_closed_once(house: House) -> None:
    await house.settle()
    closing = community(TUESDAY, replace(LOUNGE, archive=True))
    house.use(closing)
    await house.settle()
    assert told(await plan(house, closing)) == {"lounge/exists": "orphan"}
    await apply(house, closing)
    assert (await state(house, "", "m.space.child", (await house.bound())["lounge"])) == {}
    assert told(await plan(house, closing)) == {}


# -- what is in the way or in danger -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "name", "type_", "key", "value"),
    [
        ({"join": "public"}, "settings.join", "m.room.join_rules", "join_rule", "public"),
        ({"join": "knock_restricted"}, "settings.join", "m.room.join_rules", "join_rule", "knock_restricted"),
        ({"history": "shared"}, "settings.history", "m.room.history_visibility", "history_visibility", "shared"),
        ({"guests": True}, "settings.guests", "m.room.guest_access", "guest_access", "can_join"),
        ({"listed": True}, "settings.directory", LISTED, "listed", True),
    ],
)
async def test_what_lets_more_people_in_or_read_needs_a_word_of_its_own(
    house: House, changed: Any, name: str, type_: str, key: str, value: Any
) -> None:
    await house.settle()
    wider = with_lounge(made=settings(**changed))
    house.use(wider)
    assert told(await plan(house, wider))[f"lounge/{name}"] == "exposes"
    before = await everything(house)
    applied = await apply(house, wider)
    assert f"lounge/{name}" in [left.change.name for left in applied.left]
    assert await everything(house) == before
    await apply(house, wider, Choices(allow_expose=True))
    assert (await state(house, "lounge", type_))[key] == value
    assert told(await plan(house, wider)) == {}


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ({"join": "public"}, {"join": "restricted"}, "settings.join"),
        ({"history": "world_readable"}, {"history": "joined"}, "settings.history"),
        ({"guests": True}, {}, "settings.guests"),
        ({"listed": True}, {}, "settings.directory"),
    ],
)
async def test_what_shuts_a_room_further_is_a_plain_update(house: House, before: Any, after: Any, name: str) -> None:
    house.use(with_lounge(made=settings(**before)))
    await house.settle()
    tighter = with_lounge(made=settings(**after))
    house.use(tighter)
    change = one(await plan(house, tighter), f"lounge/{name}")
    assert change.state == "update"
    assert bool(change.reason) is (name == "settings.history")
    await apply(house, tighter)
    assert told(await plan(house, tighter)) == {}


async def test_lower_levels_expose_and_higher_ones_do_not(house: House) -> None:
    await house.settle()
    loose = with_lounge(levels=power(facilitator=10, events={"m.room.name": 0}))
    house.use(loose)
    states = told(await plan(house, loose))
    assert states["lounge/power.events.m.room.name"] == "exposes"
    assert states["lounge/power.ban"] == "exposes"
    await apply(house, loose, Choices(allow_expose=True))
    assert told(await plan(house, loose)) == {}
    house.use(GROVE)
    assert set(told(await plan(house, GROVE)).values()) == {"update"}
    await apply(house, GROVE)
    assert (await state(house, "lounge", "m.room.power_levels"))["ban"] == 50
    assert told(await plan(house, GROVE)) == {}


async def test_encryption_is_turned_on_only_when_confirmed_by_name_and_never_off(house: House) -> None:
    plain = with_lounge(made=settings(encryption=False))
    house.use(plain)
    await house.settle()
    house.use(GROVE)
    assert told(await plan(house, GROVE)) == {"lounge/settings.encryption": "one-way"}
    before = await everything(house)
    await apply(house, GROVE, Choices(allow_expose=True, adopt=True, force=True, take="ours"))
    assert await everything(house) == before
    await apply(house, GROVE, Choices(one_way=frozenset({"lounge/settings.encryption"})))
    assert (await state(house, "lounge", "m.room.encryption"))["algorithm"] == "m.megolm.v1.aes-sha2"
    assert told(await plan(house, GROVE)) == {}
    house.use(plain)
    blocked = one(await plan(house, plain), "lounge/settings.encryption")
    assert (blocked.state, blocked.desired, blocked.live) == ("blocked", "none", "required")


@pytest.mark.parametrize("made", [settings(room_version="11"), settings(federate=False)])
async def test_what_is_for_ever_asks_for_another_room(house: House, made: Any) -> None:
    await house.settle()
    other = with_lounge(made=made)
    house.use(other)
    (change,) = (await plan(house, other)).differences
    assert change.state == "upgrade"
    before = await everything(house)
    applied = await apply(house, other)
    assert applied.upgrades == ()
    assert await everything(house) == before


async def test_an_alias_that_is_somebody_elses_is_left_to_them_and_the_rest_is_done(house: House) -> None:
    await house.settle()
    named = with_lounge(alias="grove-lounge", name="Parlour")
    lounge = house.rooms[(await house.bound())["lounge"]]
    lounge.state[ALIAS, "grove-lounge"] = {"elsewhere": True}
    house.use(named)
    made = await plan(house, named)
    assert told(made) == {
        "lounge/name": "update",
        "lounge/alias.grove-lounge": "blocked",
        "lounge/alias": "blocked",
    }
    assert "#grove-lounge" in one(made, "lounge/alias").reason
    await apply(house, named)
    assert (await state(house, "lounge", "m.room.name"))["name"] == "Parlour"
    assert await state(house, "lounge", "m.room.canonical_alias") is None


async def test_an_alias_is_taken_and_changed_and_the_old_one_is_freed(house: House) -> None:
    await house.settle()
    for alias in ("lounge", "parlour"):
        named = with_lounge(alias=alias)
        house.use(named)
        await apply(house, named)
        assert told(await plan(house, named)) == {}
        assert (await state(house, "lounge", "m.room.canonical_alias"))["alias"] == f"#{alias}:grove.example"
    assert await state(house, "lounge", ALIAS, "lounge") == {}
    assert await state(house, "lounge", ALIAS, "parlour") == {"here": True}
    house.use(GROVE)
    assert set(told(await plan(house, GROVE)).values()) == {"orphan"}
    house.writes.clear()
    await apply(house, GROVE)
    assert house.writes == []
    assert told(await plan(house, GROVE)) == {}


# -- who answers for it ------------------------------------------------------------------------------------------------


async def test_a_lead_who_left_the_file_loses_power_everywhere_once_that_is_applied(house: House) -> None:
    grove = community(TUESDAY, LOUNGE, leads=[ANA, BO, CY])
    house.use(grove)
    await house.settle()
    fewer = community(TUESDAY, LOUNGE, leads=[ANA, CY])
    house.use(fewer)
    await house.settle()
    for hosted in house.rooms.values():
        assert BO in hosted.state["m.room.power_levels", ""]["users"]
    assert set(told(await plan(house, fewer)).values()) == {"update"}
    await apply(house, fewer)
    for hosted in house.rooms.values():
        assert set(hosted.state["m.room.power_levels", ""]["users"]) == {ANA, CY}
    assert told(await plan(house, fewer)) == {}


async def test_the_control_room_is_taken_from_who_is_on_no_list_any_more_once_that_is_applied(house: House) -> None:
    await house.settle()
    control = house.rooms[(await house.bound())["control"]]
    for user in (CY, DEE):
        await house.member(control, user, "join")
    without_dee = community(replace(TUESDAY, facilitators=(CY,)), LOUNGE)
    house.use(without_dee)
    await house.settle()
    assert control.membership(DEE) == "join"
    made = await plan(house, without_dee)
    assert told(made) == {f"control/members.{DEE}": "update"}
    assert "in confidence" in made.differences[0].reason
    applied = await apply(house, without_dee, digest=made.digest)
    assert [change.name for change in applied.done] == [f"control/members.{DEE}"]
    assert (control.membership(CY), control.membership(DEE)) == ("join", "leave")
    assert (await plan(house, without_dee)).is_empty


async def test_the_last_two_leads_stay_whatever_is_forced(house: House) -> None:
    await house.settle()
    alone = community(TUESDAY, LOUNGE, leads=[ANA])
    house.use(alone)
    before = await everything(house)
    applied = await apply(house, alone, ALL)
    assert [refused.guard for refused in applied.refused] == ["last-lead"]
    assert await everything(house) == before


async def test_a_lead_who_has_left_is_no_lead_to_go_on(house: House) -> None:
    grove = community(TUESDAY, LOUNGE, leads=[ANA, BO, CY])
    house.use(grove)
    await house.settle()
    await house.member(house.rooms[(await house.bound())[""]], CY, "leave")
    fewer = community(TUESDAY, LOUNGE, leads=[ANA, CY])
    house.use(fewer)
    applied = await apply(house, fewer, ALL)
    assert [refused.guard for refused in applied.refused] == ["last-lead"]


async def test_power_that_a_founder_has_for_ever_is_said_and_the_rest_is_done(house: House) -> None:
    grove = replace(community(TUESDAY, LOUNGE, leads=[ANA, BO, CY]), founders=(BO,))
    house.use(grove)
    await house.settle()
    assert BO not in (await state(house, "lounge", "m.room.power_levels"))["users"]
    assert told(await plan(house, grove)) == {}
    fewer = community(TUESDAY, room("lounge", name="Parlour"), leads=[ANA, CY])
    house.use(fewer)
    made = await plan(house, fewer)
    assert one(made, f"lounge/leads.{BO}").state == "blocked"
    assert "creator" in one(made, f"lounge/leads.{BO}").reason
    await apply(house, fewer)
    assert (await state(house, "lounge", "m.room.name"))["name"] == "Parlour"


async def test_power_given_by_hand_is_taken_back_at_once_where_the_template_says_so(house: House) -> None:
    await house.settle()
    users = (await state(house, "lounge", "m.room.power_levels"))["users"]
    await levels_by_hand(house, "lounge", users={**users, EVE: 60})
    assert EVE not in (await state(house, "lounge", "m.room.power_levels"))["users"]


async def test_levels_changed_by_hand_are_only_told_where_the_template_says_so_and_stay_when_others_change(
    house: House,
) -> None:
    grove = with_lounge(on_drift={"power": "report"})
    house.use(grove)
    await house.settle()
    await levels_by_hand(house, "lounge", ban=75)
    await levels_by_hand(house, "lounge", redact=75)
    assert told(await plan(house, grove)) == {"lounge/power.ban": "drift", "lounge/power.redact": "drift"}
    more = community(TUESDAY, room("lounge", on_drift={"power": "report"}), leads=[ANA, BO, CY])
    house.use(more)
    await apply(house, more, Choices(only=frozenset({f"lounge/leads.{CY}"})))
    levels = await state(house, "lounge", "m.room.power_levels")
    assert (levels["ban"], levels["redact"], levels["users"][CY]) == (75, 75, 100)
    await apply(house, more, Choices(take="ours", allow_expose=True))
    levels = await state(house, "lounge", "m.room.power_levels")
    assert (levels["ban"], levels["redact"]) == (50, 50)
    assert told(await plan(house, more)) == {}


# -- settings that not every room has ----------------------------------------------------------------------------------


async def test_retention_comes_and_changes_and_is_left_alone_when_it_is_no_longer_said(house: House) -> None:
    await house.settle()
    kept = with_lounge(made=replace(settings(), retention=Retention(max_ms=86_400_000, min_ms=3_600_000)))
    house.use(kept)
    made = await plan(house, kept)
    assert one(made, "lounge/settings.retention").desired == "1d"
    assert told(made) == {"lounge/settings.retention": "create", "lounge/settings.retention.min": "create"}
    await apply(house, kept)
    assert told(await plan(house, kept)) == {}
    shorter = with_lounge(made=replace(settings(), retention=Retention(max_ms=43_200_000)))
    house.use(shorter)
    await apply(house, shorter)
    assert await state(house, "lounge", "m.room.retention") == {"max_lifetime": 43_200_000}
    house.use(GROVE)
    assert told(await plan(house, GROVE)) == {"lounge/settings.retention": "orphan"}
    await apply(house, GROVE)
    assert await state(house, "lounge", "m.room.retention") == {"max_lifetime": 43_200_000}
    assert told(await plan(house, GROVE)) == {}


async def test_a_server_acl_keeps_what_others_added_beside_it(house: House) -> None:
    await house.settle()
    shut = with_lounge(made=replace(settings(), acl=Acl(deny=("evil.example",), ip_literals=False)))
    house.use(shut)
    await apply(house, shut)
    assert told(await plan(house, shut)) == {}
    await by_hand(house, "lounge", "m.room.server_acl", {**await state(house, "lounge", "m.room.server_acl"), "x": 1})
    made, fetched = await planned(house, shut)
    assert told(made) == {}
    assert len(fetched) == 1
    more = with_lounge(made=replace(settings(), acl=Acl(deny=("evil.example", "bad.example"), ip_literals=False)))
    house.use(more)
    await apply(house, more)
    assert await state(house, "lounge", "m.room.server_acl") == {
        "allow": ["*"],
        "deny": ["evil.example", "bad.example"],
        "allow_ip_literals": False,
        "x": 1,
    }


async def test_what_a_person_took_out_stays_out_when_something_else_of_the_same_is_applied(house: House) -> None:
    await house.settle()
    shut = with_lounge(made=replace(settings(), acl=Acl(deny=("evil.example",), ip_literals=False)))
    house.use(shut)
    await apply(house, shut)
    await by_hand(house, "lounge", "m.room.server_acl", {"allow": ["*"], "deny": ["evil.example"]})
    more = with_lounge(made=replace(settings(), acl=Acl(deny=("evil.example", "bad.example"), ip_literals=False)))
    house.use(more)
    for _ in range(2):
        await apply(house, more)
        kept = await state(house, "lounge", "m.room.server_acl")
        assert kept == {"allow": ["*"], "deny": ["evil.example", "bad.example"]}
        assert told(await plan(house, more)) == {"lounge/settings.acl.ip_literals": "drift"}
        await house.rows.run(claims.mark_room, (await house.bound())["lounge"], house.clock.now_ms())
        await house.deliver()
    await apply(house, more, Choices(take="ours"))
    assert (await state(house, "lounge", "m.room.server_acl"))["allow_ip_literals"] is False
    assert (await plan(house, more)).is_empty


@pytest.mark.parametrize("acl", [Acl(deny=("*.example",)), Acl(allow=("elsewhere.example",))])
async def test_no_acl_ever_shuts_out_our_own_server(house: House, acl: Acl) -> None:
    await house.settle()
    shut = with_lounge(made=replace(settings(), acl=acl))
    house.use(shut)
    before = await everything(house)
    applied = await apply(house, shut, ALL)
    assert {refused.guard for refused in applied.refused} <= {"own-server"}
    assert applied.done == ()
    assert await everything(house) == before


async def test_who_would_be_shut_out_is_named_in_the_plan(house: House) -> None:
    await house.settle()
    await house.member(house.rooms[(await house.bound())["lounge"]], EVE, "join")
    shut = with_lounge(made=replace(settings(), acl=Acl(deny=("elsewhere.example",))))
    house.use(shut)
    assert "elsewhere.example" in one(await plan(house, shut), "lounge/settings.acl.deny").reason


async def test_rooms_are_let_in_by_name(house: House) -> None:
    opened = community(TUESDAY, room("lounge", made=replace(settings(), allow=(RoomKey("tuesday"),))))
    house.use(opened)
    await house.settle()
    bound = await house.bound()
    allow = [{"type": "m.room_membership", "room_id": bound["tuesday"]}]
    assert (await state(house, "lounge", "m.room.join_rules"))["allow"] == allow
    assert told(await plan(house, opened)) == {}
    house.use(GROVE)
    change = one(await plan(house, GROVE), "lounge/settings.allow")
    assert (change.state, change.desired, change.live) == ("exposes", ["space"], ["tuesday"])


async def test_nested_spaces_are_made_before_what_hangs_in_them_and_rooms_move_between_them(house: House) -> None:
    quiet = room("quiet", kind="space", name="Quiet rooms", made=settings(encryption=False))
    inside = community(quiet, TUESDAY, replace(LOUNGE, within=RoomKey("quiet"), suggested=True))
    house.use(inside)
    await house.settle()
    bound = await house.bound()
    link = house.rooms[bound["quiet"]].state["m.space.child", bound["lounge"]]
    assert link == {"via": ["grove.example"], "order": "00010", "suggested": True}
    assert ("m.space.parent", bound["quiet"]) in house.rooms[bound["lounge"]].state
    assert told(await plan(house, inside)) == {}
    outside = community(quiet, TUESDAY, LOUNGE)
    house.use(outside)
    states = told(await plan(house, outside))
    assert states["lounge/link"] == "create"
    assert states["lounge/link.quiet"] == "update"
    await apply(house, outside, Choices(allow_expose=True))
    assert house.rooms[bound["quiet"]].state["m.space.child", bound["lounge"]] == {}
    assert house.rooms[bound[""]].state["m.space.child", bound["lounge"]]["via"] == ["grove.example"]
    assert house.rooms[bound["lounge"]].state["m.space.parent", bound["quiet"]] == {}
    assert told(await plan(house, outside)) == {}


# -- rooms of somebody else's ------------------------------------------------------------------------------------------


async def test_an_adopted_room_shows_everything_that_differs_and_nothing_changes_unasked(house: House) -> None:
    await house.settle()
    garden = await adopted(house)
    grown = community(TUESDAY, LOUNGE, room("garden", made=settings(room_version="11")))
    house.use(grown)
    await house.settle()
    assert house.rooms[garden].state["m.room.power_levels", ""]["users"][EVE] == 60
    made = await plan(house, grown)
    states = {change.path: change.state.value for change in made.differences if change.room == "garden"}
    assert states["name"] == "adopt"
    assert states[f"power.users.{EVE}"] == "adopt"
    assert states["settings.history"] == "adopt"
    assert states["link"] == "create"
    assert states[f"leads.{BO}"] == "create"
    before = house.rooms[garden].state["m.room.name", ""]
    await apply(house, grown)
    assert house.rooms[garden].state["m.room.name", ""] == before
    await apply(house, grown, Choices(adopt=True, one_way=frozenset({"garden"}), allow_expose=True, force=True))
    assert house.rooms[garden].state["m.room.name", ""] == {"name": "Garden circle"}
    assert EVE not in house.rooms[garden].state["m.room.power_levels", ""]["users"]
    assert house.rooms[garden].state["m.room.power_levels", ""]["users"][ME] == 150
    assert told(await plan(house, grown)) == {}


async def test_where_the_bot_stands_no_higher_than_a_lead_the_plan_says_so(house: House) -> None:
    await house.settle()
    garden = await adopted(house, mine=100)
    grown = community(TUESDAY, LOUNGE, room("garden", made=settings(room_version="11")), leads=[BO, CY])
    house.use(grown)
    await house.settle()
    blocked = one(await plan(house, grown), f"garden/power.users.{ANA}")
    assert blocked.state == "blocked"
    assert "100" in blocked.reason
    await apply(house, grown, ALL)
    assert house.rooms[garden].state["m.room.power_levels", ""]["users"][ANA] == 100


async def test_a_room_in_which_the_bot_may_do_nothing_is_blocked_and_the_others_are_done(house: House) -> None:
    await house.settle()
    await adopted(house, mine=0)
    grown = community(TUESDAY, room("lounge", name="Parlour"), room("garden", made=settings(room_version="11")))
    house.use(grown)
    await house.settle()
    made = await plan(house, grown)
    states = {change.state.value for change in made.differences if change.room == "garden" and change.path != "link"}
    assert "adopt" not in states
    assert "blocked" in states
    await apply(house, grown, ALL)
    assert (await state(house, "lounge", "m.room.name"))["name"] == "Parlour"


# -- all at once -------------------------------------------------------------------------------------------------------


async def test_a_plan_that_is_no_longer_true_is_refused_whole(house: House) -> None:
    await house.settle()
    parlour = with_lounge(name="Parlour")
    house.use(parlour)
    shown = (await plan(house, parlour)).digest
    await by_hand(house, "lounge", "m.room.name", {"name": "Cake"})
    before = await everything(house)
    with pytest.raises(StalePlan):
        await apply(house, parlour, ALL, digest=shown)
    assert await everything(house) == before
    again = (await plan(house, parlour)).digest
    assert again != shown
    await apply(house, parlour, ALL, digest=again)
    assert (await state(house, "lounge", "m.room.name"))["name"] == "Parlour"


async def test_too_much_at_once_is_refused_unless_it_is_forced(house: House) -> None:
    rooms = [room(f"circle-{n}") for n in range(10)]
    house.use(community(*rooms))
    await house.settle()
    renamed = community(*(replace(each, name=f"Group {n}") for n, each in enumerate(rooms)))
    house.use(renamed)
    before = await everything(house)
    applied = await apply(house, renamed)
    assert [refused.guard for refused in applied.refused] == ["blast-radius"]
    assert "10" in applied.refused[0].reason
    assert await everything(house) == before
    few = Choices(only=frozenset(f"circle-{n}/name" for n in range(3)))
    assert len((await apply(house, renamed, few)).done) == 3
    await apply(house, renamed, Choices(force=True))
    assert told(await plan(house, renamed)) == {}


async def test_only_what_was_asked_for_is_done(house: House) -> None:
    await house.settle()
    both = community(replace(TUESDAY, name="Two"), replace(LOUNGE, name="One"))
    house.use(both)
    await apply(house, both, Choices(only=frozenset({"lounge"})))
    assert told(await plan(house, both)) == {"tuesday/name": "update"}
    await apply(house, both, Choices(only=frozenset({"tuesday/name"})))
    assert told(await plan(house, both)) == {}


async def test_every_change_says_where_it_is_written(house: House) -> None:
    await house.settle()
    origin = Origin("room", "config.yaml", 12, 7)
    parlour = community(TUESDAY, replace(room("lounge", name="Parlour"), origins={"name": origin}))
    house.use(parlour)
    made = await plan(house, parlour)
    assert one(made, "lounge/name").origin == origin
    assert made.as_json()["digest"] == made.digest


async def everything(house: House) -> object:
    """Write down all there is in the rooms and all that is claimed, to see whether anything was written."""

    def read(tx: Any) -> list[dict[str, Any]]:
        return [
            dict(row) for row in tx.rows("select * from claim where account = :account order by room, type, key, path")
        ]

    return {where: dict(hosted.state) for where, hosted in house.rooms.items()}, await house.rows.run(read)


async def adopted(house: House, *, mine: int = 150) -> Any:
    """Have a room that Ana made, in which Eve has power, and let it be taken over."""
    levels = {
        "users": {ANA: 100, EVE: 60, ME: mine},
        "users_default": 0,
        "events": {"m.room.name": 50},
        "state_default": 50,
        "ban": 50,
    }
    hosted = house.host(
        {
            ("m.room.create", ""): {"room_version": "11"},
            ("m.room.power_levels", ""): levels,
            ("m.room.name", ""): {"name": "The old garden"},
            ("m.room.join_rules", ""): {"join_rule": "public"},
            ("m.room.history_visibility", ""): {"history_visibility": "shared"},
        },
        ANA,
    )
    house._set_member(hosted, ANA, ME, "join")
    await house.show(hosted)
    await house.rows.run(bindings.bind, CommunityKey("grove"), RoomKey("garden"), hosted.id, "adopted")
    return hosted.id
