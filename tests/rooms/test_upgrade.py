"""A room moves to a new version: everything of it is in the new one, everybody can come along, and there is only one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.documents.declared import Community
from orchestrator.errors import Refusal
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import LOCATOR_TYPE, CommunityKey, RoomKey
from orchestrator.rooms import Applied, Choices, apply_community
from orchestrator.rooms.changes import Slot
from orchestrator.rooms.closing.upgrade import start_upgrade
from orchestrator.rooms.planning.plan import plan_community
from orchestrator.rooms.state.create import room_locator
from orchestrator.store import claims, locks, outbox
from orchestrator.store.claims import Claim
from tests.declared import ANA, BO, CY, EVE, ME, community, policy, room, settings
from tests.fakes import FakeHomeserver, Room

from .pump import Pump, pumping

MO = "@mo:grove.example"
KAI = "@kai:grove.example"
POWER = "m.room.power_levels"
JOIN = "m.room.join_rules"


def grove(version: str = "11", *, space: str | None = None, join: Any = "restricted") -> Community:
    made = settings(room_version=version, join=join)
    tuesday = room("tuesday", made=made, facilitators=[CY], norms=policy(), alias="grove-tuesday")
    lounge = room("lounge", made=settings(room_version="11"))
    found = community(lounge, tuesday, room_version=space or "11")
    control = replace(found.control, settings=replace(found.control.settings, room_version="11"))
    hub = replace(found.space, on_drift={**found.space.on_drift, "links": "report"})  # where people put things stays
    return replace(found, control=control, space=hub)


@asynccontextmanager
async def grown(hs: FakeHomeserver, directory: Path, *, join: Any = "restricted") -> AsyncIterator[Pump]:
    """A grove of version 11 that people live in."""
    async with pumping(hs, directory, grove(join=join)) as bot:
        await bot.run()
        bound = await bot.bound()
        ana = hs.person(ANA)
        for person in (ANA, BO, CY):
            hs.person(person).join(bound[""])
            hs.person(person).join(bound["control"])
        await bot.run()
        for guest in (MO, KAI):
            ana.invite(bound[""], guest)
            hs.person(guest).join(bound[""])
        tuesday = hs.room(bound["tuesday"])
        for user in (str(ANA), CY, MO, KAI):
            if join == "invite" and user not in (ANA, BO, CY):
                hs.user(ME).invite(tuesday, user)
            hs.person(user).join(tuesday)
        hs.person(KAI).leave(tuesday)
        ana.put_state(bound[""], "m.space.child", {"via": ["grove.example"], "order": "00077"}, bound["tuesday"])
        levels: Any = tuesday.state(POWER)
        events = {**levels["events"], "m.reaction": 3}
        ana.put_state(tuesday, POWER, {**levels, "events": events})
        ana.put_state(tuesday, "m.room.topic", {"topic": "Our own words about it"})
        ana.put_state(tuesday, "m.room.avatar", {"url": "mxc://grove.example/tree"})
        ana.put_state(tuesday, "m.room.server_acl", {"allow": ["*"], "deny": ["bad.example"]})
        ana.ban(tuesday, EVE)
        await bot.run()
        yield bot


async def begin(bot: Pump, declared: Community, *keys: str) -> None:
    """Have rooms moved, as apply does, and the crafts work with the documents as they are now."""
    now = Now(at_ms=bot.hs.clock.now_ms(), me=ME)

    def work(tx: Tx) -> None:
        for key in keys:
            named = next(one for one in declared.every_room() if one.key == key)
            for effect in start_upgrade(tx, declared, named, now):
                outbox.record(tx, f"$asked{now.at_ms}", "rooms", effect, now.at_ms)

    await bot.rows.run(work)


def named(hs: FakeHomeserver, *, heirs_of: Sequence[str]) -> list[Room]:
    """List the rooms that say that they take the place of one of these."""
    found = []
    for one in hs.rooms:
        creation: Any = one.state("m.room.create")
        if creation.get("predecessor", {}).get("room_id") in heirs_of:
            found.append(one)
    return found


def check_moved(hs: FakeHomeserver, old: Room, new: Room, space: Room, before: dict[str, Any]) -> None:
    """Go through the whole checklist."""
    creation: Any = new.state("m.room.create")
    assert creation["room_version"] == "12"
    assert creation["predecessor"] == {"room_id": old.room_id}
    for type_ in (
        "m.room.name",
        "m.room.topic",
        "m.room.avatar",
        "m.room.server_acl",
        "m.room.history_visibility",
        "m.room.guest_access",
        "m.room.encryption",
        "m.room.canonical_alias",
    ):
        assert new.state(type_) == before[type_], type_
    assert new.state(JOIN) == before[JOIN]
    levels: Any = new.state(POWER)
    assert ME not in levels["users"]
    assert levels["users"] == {user: level for user, level in before[POWER]["users"].items() if user != ME}
    assert levels["events"]["m.reaction"] == 3
    assert levels["events"]["m.room.tombstone"] > levels["state_default"]
    assert {**before[POWER]["events"], **levels["events"]} == levels["events"]
    assert (new.state(LOCATOR_TYPE) or {})["locator"] == room_locator(ME, CommunityKey("grove"), RoomKey("tuesday"))
    assert (old.state(LOCATOR_TYPE) or {})["locator"] != (new.state(LOCATOR_TYPE) or {})["locator"]
    assert (space.state("m.space.child", new.room_id) or {})["order"] == "00077"
    assert not (space.state("m.space.child", old.room_id) or {}).get("via")
    assert (new.state("m.space.parent", space.room_id) or {})["canonical"] is True
    assert hs.aliases_of(new) == ("#grove-tuesday:grove.example",)
    assert hs.aliases_of(old) == ()
    assert new.members("ban") == {EVE}
    assert (old.state("m.room.tombstone") or {})["replacement_room"] == new.room_id
    shut: Any = old.state(POWER)
    assert (shut["events_default"], shut["invite"]) == (100, 100)
    assert (old.state(JOIN) or {})["join_rule"] == "invite"
    assert ME in old.members()


async def state_of(found: Room) -> dict[str, Any]:
    """Read what has to be the same afterwards."""
    types = ("name", "topic", "avatar", "server_acl", "history_visibility", "guest_access", "encryption")
    more = ("canonical_alias", "join_rules", "power_levels")
    return {f"m.room.{type_}": found.state(f"m.room.{type_}") for type_ in (*types, *more)}


async def test_a_room_moves_with_all_it_has_and_the_old_one_is_closed_behind_it(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        bound = await bot.bound()
        old, space = hs.room(bound["tuesday"]), hs.room(bound[""])
        before = await state_of(old)
        bot.use(grove("12"))
        bot.said.clear()
        await begin(bot, grove("12"), "tuesday")
        await bot.run()
        new = hs.room((await bot.bound())["tuesday"])
        assert new.room_id != old.room_id
        check_moved(hs, old, new, space, before)
        # Told in the old room, and to those who keep it; nobody is asked in who can come by the space.
        assert bot.said.count(old.room_id) == 1
        assert bot.said.count(bound["control"]) == 1
        assert new.members("invite") == frozenset()
        for user in (MO, CY, ANA):
            hs.person(user).join(new)
        written = len(bot.writes())
        await bot.run()
        assert len(bot.writes()) == written


async def test_where_nobody_comes_by_the_space_everybody_who_is_there_is_asked_in_and_nobody_who_left(
    tmp_path: Path,
) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path, join="invite") as bot:
        bot.use(grove("12", join="invite"))
        await begin(bot, grove("12", join="invite"), "tuesday")
        await bot.run()
        new = hs.room((await bot.bound())["tuesday"])
        # Bo was asked into the old one and has not answered yet; Kai has left.
        assert new.members("invite") == {ANA, BO, CY, MO}
        hs.person(MO).join(new)
        await bot.run()
        assert MO in new.members()


async def test_a_space_that_moves_takes_along_what_hangs_in_it_and_who_may_come_in_by_it(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        bound = await bot.bound()
        old = hs.room(bound[""])
        links = {key: old.state("m.space.child", bound[key]) for key in ("tuesday", "lounge")}
        hs.person(BO).leave(old)
        await bot.run()
        bot.use(grove(space="12"))
        await begin(bot, grove(space="12"), "")
        await bot.run()
        new = hs.room((await bot.bound())[""])
        assert new.room_id != old.room_id
        assert {key: new.state("m.space.child", bound[key]) for key in ("tuesday", "lounge")} == links
        for key in ("tuesday", "lounge", "control"):
            found = hs.room(bound[key])
            assert (found.state("m.space.parent", new.room_id) or {}).get("via"), key
            assert not (found.state("m.space.parent", old.room_id) or {}).get("via"), key
        for key in ("tuesday", "lounge"):
            rules: Any = hs.room(bound[key]).state(JOIN)
            assert [one["room_id"] for one in rules["allow"]] == [new.room_id]
        # Everybody is asked into the new space, but for those who had left the old one, leads as well.
        assert new.members("invite") == {ANA, CY, MO, KAI}
        assert (old.state("m.room.tombstone") or {})["replacement_room"] == new.room_id


async def test_a_space_and_a_room_in_it_can_move_together_the_space_first(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        bound = await bot.bound()
        bot.use(grove("12", space="12"))
        await begin(bot, grove("12", space="12"), "tuesday", "")
        await bot.run()
        after = await bot.bound()
        assert len(named(hs, heirs_of=list(bound.values()))) == 2
        tuesday: Any = hs.room(after["tuesday"]).state(JOIN)
        assert [one["room_id"] for one in tuesday["allow"]] == [after[""]]
        space = hs.room(after[""])
        assert (space.state("m.space.child", after["tuesday"]) or {}).get("order") == "00077"
        assert not (space.state("m.space.child", bound["tuesday"]) or {}).get("via")
        assert (hs.room(after["tuesday"]).state("m.space.parent", after[""]) or {}).get("via")


async def test_what_nobody_applied_does_not_come_in_by_the_back_door(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        old = hs.room((await bot.bound())["tuesday"])
        before = await state_of(old)
        declared = grove("12")
        open_ = replace(declared.rooms[1].settings, join="public", history="world_readable", guests=True, listed=True)
        declared = replace(declared, rooms=(declared.rooms[0], replace(declared.rooms[1], settings=open_)))
        await begin(bot, declared, "tuesday")
        await bot.run()
        new = hs.room((await bot.bound())["tuesday"])
        for type_ in (JOIN, "m.room.history_visibility", "m.room.guest_access"):
            assert new.state(type_) == before[type_]


async def test_founders_are_creators_of_the_new_room_and_stand_in_no_list_of_power(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        declared = replace(grove("12"), founders=(ANA,))
        bot.use(declared)
        await begin(bot, declared, "tuesday")
        await bot.run()
        new = hs.room((await bot.bound())["tuesday"])
        creation: Any = new.state("m.room.create")
        levels: Any = new.state(POWER)
        assert creation["additional_creators"] == [ANA]
        assert ANA not in levels["users"]
        assert levels["users"][BO] == 100
        assert new.level(ANA) == float("inf")


async def test_a_mute_goes_along_and_ends_when_it_would_have_ended(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        where, now_ms = (await bot.bound())["tuesday"], hs.clock.now_ms()
        mute = Claim(room=where, type=POWER, path=("users", MO), owner="mute", value=-1, until_ms=now_ms + 3_600_000)
        await bot.rows.run(claims.put_claim, mute, now_ms)
        await bot.run()
        bot.use(grove("12"))
        await begin(bot, grove("12"), "tuesday")
        await bot.run()
        new = hs.room((await bot.bound())["tuesday"])
        assert new.level(MO) == -1
        hs.clock.advance(3_600_001)
        await bot.rows.run(claims.end_claims, hs.clock.now_ms())
        await bot.run()
        assert new.level(MO) == 0


@pytest.mark.parametrize("trouble", ["locked", "powerless", "gone"])
async def test_a_room_that_cannot_move_now_is_left_alone_and_a_sentence_says_why(trouble: str, tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        where = (await bot.bound())["tuesday"]
        if trouble == "locked":
            await bot.rows.run(_lock)
        elif trouble == "powerless":
            levels: Any = hs.room(where).state(POWER)
            hs.user(ME).put_state(where, POWER, {**levels, "users": {**levels["users"], ME: 60}})
        else:
            hs.user(ME).leave(where)
        await bot.sync()
        rooms, written = len(hs.rooms), len(bot.writes())
        with pytest.raises(Refusal):
            await begin(bot, grove("12"), "tuesday")
        assert (len(hs.rooms), len(bot.writes())) == (rooms, written)


def _lock(tx: Tx) -> None:
    locks.lock(tx, CommunityKey("grove"), RoomKey("tuesday"), by_lead=True)


async def test_a_room_the_server_refuses_to_make_is_asked_for_again_and_the_old_one_stays_in_use(
    tmp_path: Path,
) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        old = (await bot.bound())["tuesday"]
        bot.use(grove("12"))
        bot.refuse_making = True
        await begin(bot, grove("12"), "tuesday")
        await bot.run()
        assert (await bot.bound())["tuesday"] == old
        assert hs.room(old).state("m.room.tombstone") is None
        bot.refuse_making = False
        hs.clock.advance(3_600_001)
        await bot.ring()
        await bot.run()
        assert (await bot.bound())["tuesday"] != old
        assert len(named(hs, heirs_of=[old])) == 1


@pytest.mark.parametrize("life", [11, 12, 13, 14, 15, 17, 19, 22])
async def test_killed_again_and_again_a_move_comes_to_the_same_end_with_one_new_room(life: int, tmp_path: Path) -> None:
    """Each life lasts a few requests, the last of which is answered in every other one."""
    async with FakeHomeserver() as hs:
        async with grown(hs, tmp_path) as bot:
            bound = await bot.bound()
            old, space = hs.room(bound["tuesday"]), hs.room(bound[""])
            before = await state_of(old)
            bot.use(grove("12"))
            await begin(bot, grove("12"), "tuesday")
        deaths = 0
        while True:
            async with pumping(hs, tmp_path, grove("12")) as bot:
                if not await bot.run_until_killed(life, answered=bool(deaths % 2)):
                    break
            hs.clock.advance(60_000)
            deaths += 1
            assert deaths < 100
        (new,) = named(hs, heirs_of=[old.room_id])
        async with pumping(hs, tmp_path, grove("12")) as bot:
            await bot.run()
            assert (await bot.bound())["tuesday"] == new.room_id
        check_moved(hs, old, new, space, before)
        bans = [event for event in new.history("m.room.member") if event.state_key == EVE]
        assert (len(old.history("m.room.tombstone")), len(bans)) == (1, 1)
        assert deaths > 1


async def test_a_database_that_is_lost_on_the_way_does_not_leave_two_new_rooms(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        async with grown(hs, tmp_path / "one") as bot:
            old = (await bot.bound())["tuesday"]
            bot.use(grove("12"))
            await begin(bot, grove("12"), "tuesday")
            rows = [row for row in await bot.rows.run(outbox.waiting) if row.kind == "create"]
            await bot.try_once(rows[0])
        async with pumping(hs, tmp_path / "two", grove("12")) as bot:
            await bot.run()
            assert (await bot.bound())["tuesday"] == old
            await begin(bot, grove("12"), "tuesday")
            await bot.run()
            (new,) = named(hs, heirs_of=[old])
            assert (await bot.bound())["tuesday"] == new.room_id
            assert new.members("ban") == {EVE}
        async with pumping(hs, tmp_path / "three", grove("12")) as bot:
            await bot.run()
            assert (await bot.bound())["tuesday"] == new.room_id


async def test_apply_moves_rooms_only_where_that_is_allowed_and_a_plan_is_empty_afterwards(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        bound = await bot.bound()
        declared = grove("12")

        def apply(tx: Tx, choices: Choices) -> Applied:
            return apply_community(tx, declared, Now(at_ms=hs.clock.now_ms(), me=ME), None, choices, {}, _unseen(tx))

        refused = await bot.rows.run(apply, Choices(only=frozenset({"tuesday"})))
        assert refused.upgrades == ()
        applied = await bot.rows.run(apply, Choices(only=frozenset({"tuesday"}), allow_upgrade=True, force=True))
        assert applied.upgrades == ("tuesday",)
        bot.use(declared)
        await bot.run()
        assert (await bot.bound())["tuesday"] != bound["tuesday"]
        after = await bot.rows.run(lambda tx: plan_community(tx, declared, ME, {}, _unseen(tx)))
        left = {change.path for change in after.differences if change.room == "tuesday"}
        # What people wrote and set by hand is as it was; nothing else is left to do.
        assert left <= {"topic", "name", "avatar", "order"}


def _unseen(tx: Tx) -> frozenset[Slot]:
    """List what a plan would read from the server, which here is unreadable."""
    return plan_community(tx, grove("12"), ME).needed


async def test_a_room_that_is_locked_while_it_waits_to_move_is_locked_there_and_opens_as_it_was(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        before = await state_of(hs.room((await bot.bound())["tuesday"]))
        declared = grove("12", space="12")
        bot.use(declared)
        await begin(bot, declared, "", "tuesday")
        hs.person(ANA).say((await bot.bound())["control"], "!lockdown tuesday")
        await bot.run()
        new = hs.room((await bot.bound())["tuesday"])
        assert len(named(hs, heirs_of=[(await bot.bound())["tuesday"], new.room_id])) == 0
        locked: Any = new.state(POWER)
        assert (locked["events_default"], (new.state(JOIN) or {})["join_rule"]) == (100, "invite")
        hs.person(ANA).say((await bot.bound())["control"], "!unlock tuesday")
        await bot.run()
        opened: Any = new.state(POWER)
        assert opened["events"]["m.reaction"] == 3
        assert (opened["events_default"], opened["invite"]) == (0, before[POWER]["invite"])
        assert (new.state(JOIN) or {})["join_rule"] == before[JOIN]["join_rule"]


async def test_who_is_banned_while_a_room_moves_is_banned_in_the_new_one(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, grown(hs, tmp_path) as bot:
        old = hs.room((await bot.bound())["tuesday"])
        bot.use(grove("12"))
        await begin(bot, grove("12"), "tuesday")
        (making,) = [row for row in await bot.rows.run(outbox.waiting) if row.kind == "create"]
        await bot.try_once(making)
        hs.person(ANA).ban(old, MO)
        await bot.run()
        new = hs.room((await bot.bound())["tuesday"])
        assert new.members("ban") == {EVE, MO}
