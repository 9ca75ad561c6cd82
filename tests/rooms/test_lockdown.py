"""Lockdown: nobody but the leads can write or come in, and afterwards all is as it was, to the letter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.documents.declared import Community
from orchestrator.model.ids import CommunityKey, JsonObject, RoomId, RoomKey
from orchestrator.rooms import ComposeContext, compose
from orchestrator.rooms.planning.plan import plan_community
from orchestrator.store import claims, locks
from orchestrator.store.claims import Claim
from tests.declared import ANA, BO, CY, DEE, EVE, ME, community, policy, room, settings
from tests.fakes import FakeHomeserver, Room

from .pump import Pump, pumping

VERSIONS = ("10", "11", "12")
MEMBER = "@mo:grove.example"
POWER = "m.room.power_levels"
JOIN = "m.room.join_rules"

State = dict[str, dict[str, JsonObject | None]]


def grove(version: str = "12", *more: str) -> Community:
    made = settings(room_version=version)
    tuesday = room("tuesday", made=made, facilitators=[CY], norms=policy())
    rooms = (room(key, made=made) for key in ("lounge", *more))
    return community(tuesday, *rooms, room_version=version)


class Grove:
    """A bot in its grove, with people in it."""

    def __init__(self, hs: FakeHomeserver, bot: Pump) -> None:
        self.hs, self.bot = hs, bot

    async def settle(self) -> None:
        """Make the rooms and let people in."""
        await self.bot.run()
        bound = await self.bot.bound()
        for person in (ANA, BO, CY):
            self.hs.person(person).join(bound[""])
        self.hs.person(ANA).invite(bound[""], MEMBER)
        self.hs.person(MEMBER).join(bound[""])
        for user in (str(ANA), BO, CY, MEMBER):
            for key in ("tuesday", "lounge"):
                self.hs.person(user).join(bound[key])
        for person in (ANA, BO, CY):
            self.hs.person(person).join(bound["control"])
        await self.bot.run()

    async def room(self, key: str) -> Room:
        return self.hs.room((await self.bot.bound())[key])

    async def say(self, who: str, words: str, key: str = "tuesday") -> None:
        self.hs.person(who).say(await self.room(key), words)
        await self.bot.run()

    async def state(self) -> State:
        """Read all that a lockdown touches."""
        rooms = {key: self.hs.room(where) for key, where in (await self.bot.bound()).items()}
        return {key: {type_: found.state(type_) for type_ in (POWER, JOIN)} for key, found in rooms.items()}


@asynccontextmanager
async def grown(directory: Path, version: str = "12", *more: str) -> AsyncIterator[Grove]:
    async with FakeHomeserver() as hs, pumping(hs, directory, grove(version, *more)) as bot:
        found = Grove(hs, bot)
        await found.settle()
        yield found


def may(found: Room, user: str, type_: str) -> bool:
    levels: Any = found.state(POWER)
    least: int = levels["events"].get(type_, levels["events_default"])
    return found.level(user) >= least


WRITING = ("m.room.message", "m.room.encrypted", "m.reaction", "m.sticker", "m.poll.start", "org.example.wave")


def is_closed(found: Room) -> bool:
    levels: Mapping[str, Any] = found.state(POWER) or {}
    members = [who for who in (MEMBER, CY) if any(may(found, who, type_) for type_ in WRITING)]
    leads = [who for who in (ANA, BO) if not all(may(found, who, type_) for type_ in WRITING)]
    shut = bool(levels["invite"] > 50 and found.state(JOIN) == {**JOINS, "join_rule": "invite"})
    return shut and not members and not leads


JOINS: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def _no_allow() -> None:
    JOINS.clear()


# -- one room ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_locked_room_is_for_leads_alone_and_lifting_it_restores_it_to_the_letter(
    version: str, tmp_path: Path
) -> None:
    async with grown(tmp_path, version) as grove_:
        tuesday = await grove_.room("tuesday")
        levels: dict[str, Any] = dict(tuesday.state(POWER) or {})
        # What a person set by hand, and no document knows.
        by_hand = {**levels["events"], "m.reaction": 5, "m.sticker": -3, "org.example.wave": 100, "m.poll.start": 0}
        # None of it is more than the lead has, who writes it.
        grove_.hs.person(ANA).put_state(tuesday, POWER, {**levels, "invite": 7, "state_default": 60, "events": by_hand})
        await grove_.bot.run()
        before = await grove_.state()
        JOINS.update(before["tuesday"][JOIN] or {})
        await grove_.say(ANA, "!lockdown")
        assert is_closed(tuesday)
        assert await grove_.state() == {**before, "tuesday": (await grove_.state())["tuesday"]}
        assert tuesday.members() >= {MEMBER, CY, ANA, BO, ME}
        await grove_.say(ANA, "!unlock")
        assert await grove_.state() == before


async def test_people_can_take_back_their_own_words_while_a_room_is_locked(tmp_path: Path) -> None:
    async with grown(tmp_path) as grove_:
        tuesday = await grove_.room("tuesday")
        said = grove_.hs.person(MEMBER).say(tuesday, "something I would rather not have said")
        await grove_.say(ANA, "!lockdown")
        assert not may(tuesday, MEMBER, "m.room.message")
        grove_.hs.person(MEMBER).redact(tuesday, said)


async def test_the_room_is_told_once_kindly_and_so_are_those_who_keep_it(tmp_path: Path) -> None:
    async with grown(tmp_path) as grove_:
        bound = await grove_.bot.bound()
        grove_.bot.said.clear()
        await grove_.say(ANA, "!lockdown")
        # The answer and the word to all stand in the room, the other in the control room.
        assert sorted(grove_.bot.said) == sorted([bound["tuesday"]] * 2 + [bound["control"]])
        grove_.bot.said.clear()
        await grove_.say(BO, "!lockdown")
        assert grove_.bot.said.count(bound["tuesday"]) == 1


async def test_a_second_lockdown_and_a_second_unlock_write_nothing(tmp_path: Path) -> None:
    async with grown(tmp_path) as grove_:
        before = await grove_.state()
        await grove_.say(ANA, "!lockdown")
        written = len(grove_.bot.writes("/state/"))
        await grove_.say(BO, "!lockdown")
        assert len(grove_.bot.writes("/state/")) == written
        await grove_.say(ANA, "!unlock")
        written = len(grove_.bot.writes("/state/"))
        await grove_.say(ANA, "!unlock")
        assert len(grove_.bot.writes("/state/")) == written
        assert await grove_.state() == before


async def test_a_lockdown_that_is_lifted_before_it_was_ever_written_takes_nothing_away(tmp_path: Path) -> None:
    async with grown(tmp_path) as grove_:
        before = await grove_.state()
        tuesday = await grove_.room("tuesday")
        grove_.hs.person(ANA).say(tuesday, "!lockdown")
        await grove_.bot.sync()
        grove_.hs.person(ANA).say(tuesday, "!unlock")
        await grove_.bot.sync()
        await grove_.bot.run()
        assert await grove_.state() == before
        assert not grove_.bot.writes("/state/m.room.power_levels")


async def test_locked_again_before_the_opening_was_written_it_still_knows_what_was_before(tmp_path: Path) -> None:
    async with grown(tmp_path) as grove_:
        before = await grove_.state()
        tuesday = await grove_.room("tuesday")
        await grove_.say(ANA, "!lockdown")
        for words in ("!unlock", "!lockdown"):
            grove_.hs.person(ANA).say(tuesday, words)
            await grove_.bot.sync()
        await grove_.bot.run()
        JOINS.update(before["tuesday"][JOIN] or {})
        assert is_closed(tuesday)
        await grove_.say(ANA, "!unlock")
        assert await grove_.state() == before


async def test_roles_shifts_and_mutes_that_change_meanwhile_are_kept_and_the_rest_is_restored(tmp_path: Path) -> None:
    async with grown(tmp_path, "11") as grove_:
        before = await grove_.state()
        tuesday = await grove_.room("tuesday")
        where, now_ms = RoomId(tuesday.room_id), grove_.hs.clock.now_ms()

        def users(user: str, value: int, owner: str) -> Claim:
            return Claim(room=where, type=POWER, path=("users", user), owner=owner, value=value)

        await grove_.bot.rows.run(claims.put_claim, users(CY, 50, "duty"), now_ms)
        await grove_.bot.run()
        await grove_.say(ANA, "!lockdown")
        await grove_.bot.rows.run(claims.drop_claim, where, POWER, "duty", now_ms, path=("users", CY))
        await grove_.bot.rows.run(claims.put_claim, users(DEE, 50, "duty"), now_ms)
        await grove_.bot.rows.run(claims.put_claim, users(MEMBER, -1, "mute"), now_ms)
        await grove_.bot.run()
        assert not may(tuesday, DEE, "m.room.message")
        await grove_.say(ANA, "!unlock")
        after: Any = await grove_.state()
        expected: Any = before["tuesday"][POWER]
        assert after["tuesday"][POWER] == {**expected, "users": {**expected["users"], DEE: 50, MEMBER: -1}}
        assert may(tuesday, DEE, "m.room.message")
        assert not may(tuesday, MEMBER, "m.room.message")


async def test_whoever_opens_a_locked_room_by_hand_is_overruled_until_it_is_unlocked(tmp_path: Path) -> None:
    async with grown(tmp_path) as grove_:
        before = await grove_.state()
        tuesday = await grove_.room("tuesday")
        await grove_.say(ANA, "!lockdown")
        grove_.hs.person(BO).put_state(tuesday, JOIN, {"join_rule": "public"})
        await grove_.bot.run()
        assert (tuesday.state(JOIN) or {})["join_rule"] == "invite"
        await grove_.say(ANA, "!unlock")
        assert (tuesday.state(JOIN) or {})["join_rule"] == (before["tuesday"][JOIN] or {})["join_rule"]


# -- all of them -------------------------------------------------------------------------------------------------------


async def test_all_rooms_are_closed_by_one_command_but_for_the_one_where_it_is_talked_about(tmp_path: Path) -> None:
    async with grown(tmp_path, "11") as grove_:
        before = await grove_.state()
        await grove_.say(BO, "!lockdown all", "control")
        after = await grove_.state()
        assert after["control"] == before["control"]
        for key in ("", "tuesday", "lounge"):
            levels: Any = after[key][POWER]
            assert levels["events_default"] == 100
            assert levels["invite"] == 100
            assert (after[key][JOIN] or {})["join_rule"] == "invite"
        await grove_.say(ANA, "!unlock all", "lounge")
        assert await grove_.state() == before


async def test_a_room_that_is_made_meanwhile_is_locked_too_and_one_can_be_opened_before_the_others(
    tmp_path: Path,
) -> None:
    async with FakeHomeserver() as hs:
        async with pumping(hs, tmp_path, grove()) as bot:
            grove_ = Grove(hs, bot)
            await grove_.settle()
            before = await grove_.state()
            await grove_.say(ANA, "!lockdown all", "control")
            await grove_.say(ANA, "!unlock lounge", "control")
            assert (await grove_.state())["lounge"] == before["lounge"]
        async with pumping(hs, tmp_path, grove("12", "garden")) as bot:
            grove_ = Grove(hs, bot)
            await bot.run()
            levels: Any = (await grove_.state())["garden"][POWER]
            assert levels["events_default"] == 100
            assert (await grove_.state())["lounge"] == before["lounge"]
            await grove_.say(ANA, "!unlock all", "control")
            after: Any = await grove_.state()
            assert {key: after[key] for key in before} == before
            assert after["garden"][POWER]["events_default"] == 0
            assert after["garden"][JOIN] == before["lounge"][JOIN]


# -- who may -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (MEMBER, "!lockdown"),
        (MEMBER, "!lockdown all"),
        (MEMBER, "!lockdown tuesday"),
        (EVE, "!lockdown"),
        (CY, "!lockdown all"),
        (CY, "!lockdown lounge"),
        (CY, "!lockdown control"),
        (ANA, "!lockdown somewhere"),
    ],
)
async def test_nobody_closes_what_is_not_theirs_to_close(who: str, words: str, tmp_path: Path) -> None:
    async with grown(tmp_path) as grove_:
        before, bound = await grove_.state(), await grove_.bot.bound()
        if who == EVE:
            grove_.hs.person(ANA).invite(bound["tuesday"], EVE)
            grove_.hs.person(EVE).join(bound["tuesday"])
        await give_duty(grove_)
        for key in ("tuesday", "lounge"):
            if grove_.hs.room(bound[key]).membership(who) == "join":
                await grove_.say(who, words if key == "tuesday" else words.replace("!lockdown lounge", "!lockdown all"))
        after: Any = await grove_.state()
        assert after["lounge"] == before["lounge"]
        assert after["tuesday"][JOIN] == before["tuesday"][JOIN]


async def give_duty(grove_: Grove) -> None:
    where = (await grove_.bot.bound())["tuesday"]
    duty = Claim(room=where, type=POWER, path=("users", CY), owner="duty", value=50)
    await grove_.bot.rows.run(claims.put_claim, duty, grove_.hs.clock.now_ms())
    await grove_.bot.run()


async def test_who_facilitates_closes_and_opens_their_own_room_but_not_what_a_lead_closed(tmp_path: Path) -> None:
    async with grown(tmp_path) as grove_:
        await give_duty(grove_)
        before = await grove_.state()
        JOINS.update(before["tuesday"][JOIN] or {})
        tuesday = await grove_.room("tuesday")
        await grove_.say(CY, "!lockdown")
        assert is_closed(tuesday)
        cy = grove_.hs.person(CY)
        private = cy.direct_room(ME)
        await grove_.bot.run()
        cy.say(private, "!unlock tuesday")
        await grove_.bot.run()
        assert await grove_.state() == before
        await grove_.say(ANA, "!lockdown")
        cy.say(private, "!unlock tuesday")
        await grove_.bot.run()
        assert is_closed(tuesday)


async def test_where_it_is_about_no_room_who_facilitates_is_told_which_ones_they_may_close(tmp_path: Path) -> None:
    async with grown(tmp_path) as grove_:
        await give_duty(grove_)
        before = await grove_.state()
        for command in ("!lockdown", "!unlock"):
            await grove_.say(CY, command, "control")
            assert grove_.bot.words[-1] == f"Which room do you mean? Write it like this: {command} tuesday"
        assert await grove_.state() == before
        JOINS.update(before["tuesday"][JOIN] or {})
        await grove_.say(CY, "!lockdown tuesday", "control")
        assert is_closed(await grove_.room("tuesday"))


async def test_where_it_is_about_no_room_whoever_may_close_none_is_told_who_may(tmp_path: Path) -> None:
    async with grown(tmp_path) as grove_:
        before = await grove_.state()
        await grove_.say(CY, "!lockdown", "control")
        assert "whoever is facilitating" in grove_.bot.words[-1]
        await grove_.say(BO, "!lockdown", "control")
        assert "lockdown all" in grove_.bot.words[-1]
        assert await grove_.state() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("!lockdown all", "Only a lead can do that for all rooms at once. Whoever is facilitating can do it for"),
        ("!lockdown control", "Only a lead can do that for the control room."),
        ("!unlock control", "Only a lead can do that for the control room."),
    ],
)
async def test_what_only_leads_may_close_is_said_as_it_is_to_whoever_keeps_nothing(
    words: str, said: str, tmp_path: Path
) -> None:
    async with grown(tmp_path) as grove_:
        await grove_.say(CY, words, "control")
        assert grove_.bot.words[-1].startswith(said)


async def test_where_the_bot_may_not_change_power_it_says_so_and_locks_nothing(tmp_path: Path) -> None:
    async with grown(tmp_path, "11") as grove_:
        tuesday = await grove_.room("tuesday")
        levels: Any = tuesday.state(POWER)
        grove_.hs.user(ME).put_state(tuesday, POWER, {**levels, "users": {**levels["users"], ME: 10}})
        await grove_.bot.run()
        before = await grove_.state()
        await grove_.say(ANA, "!lockdown")
        assert await grove_.state() == before
        assert not await grove_.bot.rows.run(locks.is_locked, CommunityKey("grove"), RoomKey("tuesday"))


# -- bad luck ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["!lockdown all", "!unlock all"])
async def test_killed_at_any_request_it_comes_to_the_same_end(words: str, tmp_path: Path) -> None:
    for nth in range(1, 60):
        async with FakeHomeserver() as hs:
            place = tmp_path / f"{nth}"
            async with pumping(hs, place, grove("11")) as bot:
                grove_ = Grove(hs, bot)
                await grove_.settle()
                before = await grove_.state()
                if words == "!unlock all":
                    await grove_.say(ANA, "!lockdown all", "control")
                hs.person(ANA).say(await grove_.room("control"), words)
                killed = await bot.run_until_killed(nth, answered=bool(nth % 2))
            async with pumping(hs, place, grove("11")) as bot:
                grove_ = Grove(hs, bot)
                await bot.run()
                if words == "!lockdown all":
                    closed: Any = await grove_.state()
                    assert all(closed[key][POWER]["events_default"] == 100 for key in ("", "tuesday", "lounge"))
                    await grove_.say(ANA, "!unlock all", "control")
                assert await grove_.state() == before
        if not killed:
            break
    assert not killed
    assert nth > 12


# -- the merging by itself ---------------------------------------------------------------------------------------------

LEVELS = st.integers(-5, 120)
EVENTS = st.dictionaries(st.sampled_from(["m.reaction", "m.room.message", "m.room.topic", "x"]), LEVELS)
CONTENTS = st.fixed_dictionaries(
    {"users": st.just({ANA: 100})}, optional={"events_default": LEVELS, "invite": LEVELS, "events": EVENTS}
)
CONTEXT = ComposeContext(room_version="12", creators=frozenset({ME}), me=ME)


@given(live=CONTENTS, locked=st.sets(st.sampled_from(["events_default", "invite", "m.reaction", "x"])))
def test_what_a_lockdown_put_there_is_replaced_by_what_it_remembers(live: dict[str, Any], locked: set[str]) -> None:
    where = RoomId("!room")

    def claim(name: str, *, ended: bool) -> Claim:
        table = live if name in {"events_default", "invite"} else live.get("events", {})
        path = (name,) if table is live else ("events", name)
        before = (table[name],) if name in table else ()
        return Claim(room=where, type=POWER, path=path, owner="lockdown", value=100, ended=ended, before=before)

    closed = compose(POWER, live, [claim(name, ended=False) for name in locked], CONTEXT)
    assert closed is not None
    opened: Any = compose(POWER, closed, [claim(name, ended=True) for name in locked], CONTEXT)
    assert {**opened, "events": opened.get("events", {})} == {**live, "events": live.get("events", {})}


async def test_a_lockdown_is_nobodys_change_and_a_plan_shows_nothing_of_it(tmp_path: Path) -> None:
    async with grown(tmp_path) as grove_:
        before = await grove_.bot.rows.run(plan_community, grove(), ME)
        await grove_.say(ANA, "!lockdown all", "control")
        after = await grove_.bot.rows.run(plan_community, grove(), ME)
        assert [change.name for change in after.differences] == [change.name for change in before.differences] == []
