"""Rooms all the way: declared, made over HTTP, joined by people, found again, and never twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.documents.declared import Community
from orchestrator.model.effects import SendDirect
from orchestrator.model.feature import Tx
from orchestrator.model.ids import LOCATOR_TYPE, RoomId, locator_of
from orchestrator.store import bindings, outbox
from tests.declared import ANA, BO, CY, DEE, EVE, ME, community, policy, room, settings
from tests.fakes import CloseBefore, FakeHomeserver, HtmlError, LoseResponse

from .pump import Pump, pumping

VERSIONS = ("10", "11", "12")


def grove(version: str = "12", *more: str) -> Community:
    made = settings(room_version=version)
    # Without a summary: culture, whose part of a topic that is, is not at work here.
    tuesday = room("tuesday", made=made, facilitators=[CY, DEE], norms=policy(summary=""), alias="grove-tuesday")
    return community(tuesday, *(room(key, made=made) for key in ("lounge", *more)), room_version=version)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_community_is_made_in_one_request_a_room_and_a_second_start_changes_nothing(
    version: str, tmp_path: Path
) -> None:
    async with FakeHomeserver() as hs:
        async with pumping(hs, tmp_path, grove(version)) as bot:
            await bot.run()
            assert bot.made() == 4
            assert len(bot.writes("/state/m.space.child/")) == 2
            assert len(bot.writes("/state/m.room.member/")) == 8
            # Culture, which says the norms' part of a topic, is not at work here; all else was right from the start.
            kinds = {write.rpartition("/state/")[2].partition("/")[0] for write in bot.writes("/state/")}
            assert kinds <= {"m.space.child", "m.room.member", "m.room.topic"}
        written = len(bot.writes())
        async with pumping(hs, tmp_path, grove(version)) as bot:
            await bot.run()
            assert len(bot.writes()) == written


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_start_after_the_database_was_deleted_finds_every_room_and_writes_nothing(
    version: str, tmp_path: Path
) -> None:
    async with FakeHomeserver() as hs:
        async with pumping(hs, tmp_path / "one", grove(version)) as bot:
            await bot.run()
            before = await bot.bound()
        hs.person(ANA).join(before["control"])
        hs.person(BO).leave(before["control"])
        hs.person(BO).leave(before[""])
        for _ in range(60):
            # So much is said afterwards that a first sync shows nothing of who left.
            hs.user(ME).say(before["control"], "hm")
            hs.user(ME).say(before[""], "hm")
        written = len(bot.writes())
        async with pumping(hs, tmp_path / "two", grove(version)) as bot:
            await bot.run()
            assert await bot.bound() == before
            assert bot.writes()[written:] == []
        assert hs.room(before["control"]).membership(BO) == "leave"


@pytest.mark.parametrize("fault", [LoseResponse(), CloseBefore(), HtmlError(502)])
async def test_an_answer_that_never_came_does_not_make_a_second_room(
    fault: LoseResponse | CloseBefore | HtmlError, tmp_path: Path
) -> None:
    async with FakeHomeserver() as hs, pumping(hs, tmp_path, grove()) as bot:
        hs.faults.add(fault, "POST", r"/createRoom", times=1)
        await retrying(bot)
        assert len(hs.user(ME).rooms()) == 4
        assert set((await bot.bound()).values()) == {r.room_id for r in hs.user(ME).rooms()}


async def test_a_forged_locator_is_not_believed_even_when_a_room_is_missing(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, pumping(hs, tmp_path, grove("12", "garden")) as bot:
        eve = hs.person(EVE)
        forged = eve.create_room(name="The Grove", invite=[ME])
        for key in ("", "control", "tuesday", "lounge", "garden"):
            eve.put_state(forged, LOCATOR_TYPE, {"locator": locator_of(ME, "grove", key)})
        hs.user(ME).join(forged)
        await bot.run()
        assert forged.room_id not in (await bot.bound()).values()
        assert bot.made() == 5


async def test_a_room_of_eves_that_carries_our_own_word_is_not_believed_either(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, pumping(hs, tmp_path, grove("12", "garden")) as bot:
        eve, keeper = hs.person(EVE), hs.user(ME)
        trap = eve.create_room(name="The Garden", invite=[ME], creation_content={"additional_creators": [ME]})
        keeper.join(trap)
        keeper.put_state(trap, LOCATOR_TYPE, {"locator": locator_of(ME, "grove", "garden")})
        await bot.run()
        assert trap.room_id not in (await bot.bound()).values()
        assert bot.made() == 5


async def test_an_alias_that_somebody_else_has_does_not_keep_a_room_from_being(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, pumping(hs, tmp_path, grove()) as bot:
        hs.person(EVE.replace("elsewhere", "grove")).create_room(room_alias_name="grove-tuesday")
        await bot.run()
        tuesday = hs.room((await bot.bound())["tuesday"])
        assert tuesday.state("m.room.canonical_alias") is None
        assert tuesday.state("m.room.encryption") is not None


async def test_what_is_for_one_person_is_not_said_where_somebody_else_listens(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, pumping(hs, tmp_path, grove()) as bot:
        await bot.run()
        dee, eve, keeper = hs.person(DEE), hs.person(EVE), hs.user(ME)
        crowded = dee.direct_room(keeper, preset="private_chat")
        keeper.join(crowded)
        dee.invite(crowded, eve)
        eve.join(crowded)
        await bot.sync()
        await bot.rows.run(bindings.set_direct, DEE, RoomId(crowded.room_id))

        def whisper(tx: Tx) -> None:
            outbox.record(tx, "$why", "culture", SendDirect(step="why", user=DEE, content={"body": "x"}), 0)

        await bot.rows.run(whisper)
        (row,) = await bot.rows.run(outbox.waiting)
        await bot.try_once(row)
        assert await bot.rows.run(bindings.direct_user, RoomId(crowded.room_id)) is None
        assert not [event for event in crowded.history("m.room.message") if event.sender == ME]


async def test_a_silent_third_person_who_was_there_before_the_bot_is_noticed(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs, pumping(hs, tmp_path, grove()) as bot:
        await bot.run()
        dee, eve = hs.person(DEE), hs.person(EVE)
        crowded = dee.create_room(preset="private_chat", invite=[EVE])
        eve.join(crowded)
        for _ in range(60):
            dee.say(crowded, "so much that sync, which tells of those who speak, never mentions Eve")
        dee.invite(crowded, ME, is_direct=True)
        await bot.run()
        dee.say(crowded, "!why")
        await bot.run()
        assert await bot.rows.run(bindings.direct_room, DEE) is None
        assert crowded.membership(ME) == "leave"
        assert not [event for event in crowded.history("m.room.message") if event.sender == ME]


async def retrying(bot: Pump) -> None:
    """Run through failures that pass, as delivery does."""
    for _ in range(5):
        try:
            await bot.run()
        except bot.passing:
            bot.hs.clock.advance(60_000)
        else:
            return
    raise AssertionError("it never got through")
