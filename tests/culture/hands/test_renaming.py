"""A room or a community that goes by another key now: nothing that is up in it is lost, and nothing is said twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.culture import is_hushed
from orchestrator.documents.declared import Community, Documents
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import CommunityKey, RoomKey
from orchestrator.store import bindings
from tests.declared import ANA, CY, DEE, EVE, ME
from tests.house import CIRCLE, CONTROL, House, body_of, direct

from .circle import FAY, LOUNGE, WITHIN_MS, a_circle, a_kept_community, called, everybody_called, react, take

THE_ROOM = "the room"
THE_COMMUNITY = "the community"
BOTH = "both"


def renamed(what: str) -> Community:
    """The community, after its author gave it, or the circle, another key."""
    made = a_kept_community()
    if what in (THE_ROOM, BOTH):
        rooms = [
            replace(room, key=RoomKey("evening"), previously=(RoomKey("tuesday"),)) if room.key == "tuesday" else room
            for room in made.rooms
        ]
        made = replace(made, rooms=tuple(rooms))
    if what in (THE_COMMUNITY, BOTH):
        made = replace(made, key=CommunityKey("wood"), previously=(CommunityKey("grove"),))
    return made


async def rename(house: House, what: str, *, times: int = 2) -> Community:
    """Let the author do that, and the bot follow, as often as it likes."""
    community = renamed(what)

    def rebind(tx: Tx) -> None:
        for room in community.every_room():
            key = RoomKey("tuesday") if room.key == "evening" else room.key
            bindings.rename(tx, (CommunityKey("grove"), key), (community.key, room.key))

    await house.store.run(rebind)
    house.use(Documents(communities=(community,)))
    for _time in range(times):
        await house.engine.settle()
    return community


async def hushed(house: House, community: Community, room: str) -> bool:
    now = Now(at_ms=house.clock.at_ms, me=ME)
    return await house.store.run(lambda tx: is_hushed(tx, community.key, RoomKey(room), now))


def new_key(what: str) -> str:
    return "tuesday" if what == THE_COMMUNITY else "evening"


RENAMES = pytest.mark.parametrize("what", [THE_ROOM, THE_COMMUNITY, BOTH])


@RENAMES
@pytest.mark.parametrize("asked", [True, False])
async def test_a_silence_goes_with_its_room_and_can_be_lifted_there(tmp_path: Path, what: str, asked: bool) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 3")
        if asked:
            await house.deliver()
        community = await rename(house, what)
        assert await hushed(house, community, new_key(what))
        assert not await hushed(house, community, "lounge")
        await house.deliver()
        await react(house, ANA, "▶️", CONTROL, "hush:")
        assert not await hushed(house, community, new_key(what))
        assert len([said for said in await house.said(CONTROL) if "again from now on" in said]) == 1
        assert await house.rows("select key from timer where key like 'hush:%'") == []
        assert await house.rows("select event from question where subject like 'hush:%'") == []
        assert house.troubles == []


@RENAMES
async def test_a_silence_ends_when_it_was_to_end_and_once(tmp_path: Path, what: str) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 3")
        await house.deliver()
        await house.wait(HOUR_MS)
        await house.deliver()
        community = await rename(house, what)
        await house.wait(DAY_MS - HOUR_MS - 1)
        await house.deliver()
        assert await hushed(house, community, new_key(what))
        await house.wait(HOUR_MS)
        assert len([said for said in await house.said(CONTROL) if "I ask questions in" in said]) == 1


async def test_of_two_silences_the_later_end_holds(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 3")
        await house.deliver()
        community = await rename(house, THE_ROOM)

        def known_already(tx: Tx) -> None:
            tx.run("update timer set key = 'hush:grove/tuesday' where key = 'hush:grove/evening'")
            tx.run(
                "insert into timer select account, craft, 'hush:grove/evening', due_ms - 1000, payload from timer"
                " where key = 'hush:grove/tuesday'"
            )

        await house.store.run(known_already)
        await house.engine.settle()
        rows = await house.rows("select key, due_ms from timer where key like 'hush:%'")
        assert [row["key"] for row in rows] == ["hush:grove/evening"]
        assert rows[0]["due_ms"] == house.clock.at_ms + DAY_MS
        assert await hushed(house, community, "evening")


@RENAMES
async def test_hands_that_wait_are_asked_about_on_and_can_be_taken(tmp_path: Path, what: str) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.join(EVE, CIRCLE)
        await house.whisper(CY, "!raise 2")
        await house.say(EVE, "!raise 1")
        await house.deliver()
        community = await rename(house, what)
        assert await everybody_called(house) == []
        rows = await house.rows("select community, key from hand")
        assert [(row["community"], row["key"]) for row in rows] == [(community.key, new_key(what))] * 2
        await house.wait(WITHIN_MS)
        assert any("nobody has answered" in said for said in await house.said(CONTROL))
        await house.deliver()
        await take(house, DEE)
        await take(house, DEE, CONTROL)
        seen = [user for user in (CY, EVE) for said in await house.told(user) if "has seen it" in said]
        assert seen == [CY, EVE]
        assert house.troubles == []


@RENAMES
async def test_the_question_how_urgent_it_is_can_still_be_answered(tmp_path: Path, what: str) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise")
        await house.deliver()
        await rename(house, what)
        await react(house, CY, "2️⃣")
        assert [said for said in await house.told(CY) if "Thank you for asking" in said]
        assert await called(house, DEE)


@RENAMES
async def test_what_was_on_its_way_still_finds_its_hand(tmp_path: Path, what: str) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2")
        await rename(house, what)
        await house.deliver("send", outcome="refused")
        assert await called(house, DEE)
        assert await called(house, FAY)
        assert await called(house, ANA)


@RENAMES
async def test_which_room_it_is_about_can_still_be_said(tmp_path: Path, what: str) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE, LOUNGE)
        await house.whisper(CY, "!raise 3")
        await house.deliver()
        community = await rename(house, what)
        await react(house, CY, "1️⃣", subject="hand-room:")
        assert any("about Tuesday circle" in said for said in await house.told(DEE) + await house.said(CONTROL))
        assert await hushed(house, community, new_key(what))
        assert not await hushed(house, community, "quiet")


async def test_who_raised_a_hand_a_moment_ago_is_known_in_a_renamed_community(tmp_path: Path) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE)
        await house.whisper(CY, "!raise 2")
        await house.deliver()
        await rename(house, THE_COMMUNITY)
        await house.whisper(CY, "!raise 2")
        answers = [said for row in await house.waiting("send") for said in [body_of(row)] if row.room == direct(CY)]
        assert any("They already know" in said for said in answers)
        assert await everybody_called(house) == []
