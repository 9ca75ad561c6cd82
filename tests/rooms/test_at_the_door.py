"""Knocks and goodbyes all the way: over HTTP, by the rooms' own rules, with the bot started anew at every step."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from orchestrator.documents.declared import Community
from orchestrator.model.ids import RoomId, UserId
from orchestrator.store import bindings, outbox, questions
from orchestrator.store.questions import Question
from tests.declared import ANA, BO, CY, DEE, EVE, community, policy, room, settings
from tests.fakes import CloseBefore, FakeHomeserver, HtmlError, LoseResponse
from tests.fakes.faults import Fault

from .pump import Pump, pumping

VERSIONS = ("10", "11", "12")
MO = UserId("@mo:grove.example")


def grove(version: str = "12") -> Community:
    made = settings(room_version=version, join="knock_restricted")
    tuesday = room("tuesday", made=made, facilitators=[CY, DEE], norms=policy())
    return community(tuesday, room("lounge", made=settings(room_version=version)), room_version=version)


class Garden:
    """One homeserver, and the bot that is started anew for everything it hears."""

    def __init__(self, hs: FakeHomeserver, directory: Path, version: str) -> None:
        self.hs, self.directory, self.version = hs, directory, version
        self.bound: dict[str, RoomId] = {}
        self.said: list[str] = []

    async def run(self) -> None:
        async with pumping(self.hs, self.directory, grove(self.version)) as bot:
            await bot.run()
            self.bound = await bot.bound()
            self.said += bot.said

    async def furnish(self) -> None:
        """Make the rooms, and let people in."""
        await self.run()
        for person in (ANA, BO, CY, DEE):
            for key in ("", "control", "tuesday", "lounge"):
                self.hs.person(person).join(self.bound[key])
        self.hs.person(ANA).invite(self.bound[""], MO)
        for key in ("", "tuesday", "lounge"):
            self.hs.person(MO).join(self.bound[key])
        await self.run()

    async def questions(self, key: str = "control") -> list[Question]:
        async with pumping(self.hs, self.directory, grove(self.version)) as bot:
            return await bot.rows.run(questions.questions_in, self.bound[key])

    def membership(self, key: str, user: UserId) -> str | None:
        return self.hs.room(self.bound[key]).membership(user)

    def changes(self, key: str, user: UserId) -> int:
        """Count what the bot asked of the server about somebody's membership in a room."""
        room_id = self.bound[key]
        return sum(
            request.method == "PUT" and f"/rooms/{room_id}/state/m.room.member/{user}" in _plain(request.path)
            for request in self.hs.requests
        )


def _plain(path: str) -> str:
    return unquote(path)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("key", "becomes"), [("✅", "invite"), ("❌", "leave")])
async def test_a_knock_is_asked_about_and_answered_once_with_a_start_between_all_steps(
    version: str, key: str, becomes: str, tmp_path: Path
) -> None:
    async with FakeHomeserver() as hs:
        garden = Garden(hs, tmp_path, version)
        await garden.furnish()
        hs.person(EVE).knock(garden.bound["tuesday"], reason="I have nobody else")
        await garden.run()
        await garden.run()
        (question,) = await garden.questions()
        hs.person(MO).react(garden.bound["tuesday"], question.event, key)
        await garden.run()
        assert garden.membership("tuesday", EVE) == "knock"
        hs.person(BO).react(question.room, question.event, key)
        await garden.run()
        await garden.run()
        assert garden.membership("tuesday", EVE) == becomes
        assert garden.changes("tuesday", EVE) == 1
        assert garden.said.count(EVE) <= 1
        assert await garden.questions() == []
        assert "nobody else" not in _everything_in(tmp_path)


async def test_a_knock_that_came_and_went_while_the_bot_was_down_is_not_asked_about(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        garden = Garden(hs, tmp_path, "12")
        await garden.furnish()
        hs.person(EVE).knock(garden.bound["tuesday"])
        for _ in range(80):  # more than one answer of sync holds
            hs.person(MO).say(garden.bound["tuesday"], "hm")
        hs.person(EVE).leave(garden.bound["tuesday"])
        await garden.run()
        assert await garden.questions() == []


async def test_a_knock_in_a_gap_is_found(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        garden = Garden(hs, tmp_path, "12")
        await garden.furnish()
        hs.person(EVE).knock(garden.bound["tuesday"])
        for _ in range(80):
            hs.person(MO).say(garden.bound["tuesday"], "hm")
        await garden.run()
        assert len(await garden.questions()) == 1


@pytest.mark.parametrize("fault", [LoseResponse(), CloseBefore(), HtmlError(502)])
@pytest.mark.parametrize("yes", [True, False])
async def test_an_answer_that_the_server_never_gave_lets_nobody_in_twice_and_puts_nobody_out_twice(
    fault: Fault, yes: bool, tmp_path: Path
) -> None:
    async with FakeHomeserver() as hs:
        garden = Garden(hs, tmp_path, "12")
        await garden.furnish()
        hs.person(EVE).knock(garden.bound["tuesday"])
        await garden.run()
        (question,) = await garden.questions()
        hs.person(ANA).react(question.room, question.event, "✅" if yes else "❌")
        hs.faults.add(fault, "PUT", r"/state/m.room.member/", times=1)
        for _ in range(4):
            async with pumping(hs, tmp_path, grove()) as bot:
                try:
                    await bot.run()
                except Pump.passing:
                    continue
        assert garden.membership("tuesday", EVE) == ("invite" if yes else "leave")
        members = [event for event in hs.room(garden.bound["tuesday"]).history() if _is_of(event, EVE)]
        assert len(members) == 2


async def test_who_was_let_in_by_hand_before_the_no_arrived_stays_in(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        garden = Garden(hs, tmp_path, "12")
        await garden.furnish()
        hs.person(EVE).knock(garden.bound["tuesday"])
        await garden.run()
        (question,) = await garden.questions()
        hs.person(ANA).react(question.room, question.event, "❌")
        async with pumping(hs, tmp_path, grove()) as bot:
            await bot.sync()  # decided, and not yet carried out
            hs.person(ANA).invite(garden.bound["tuesday"], EVE)
            hs.person(EVE).join(garden.bound["tuesday"])
            for row in [row for row in await bot.rows.run(outbox.waiting) if row.kind == "member"]:
                await bot.try_once(row)
            await bot.run()
        assert garden.membership("tuesday", EVE) == "join"


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_person_is_taken_out_of_all_rooms_and_a_ban_is_lifted_again(version: str, tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        garden = Garden(hs, tmp_path, version)
        await garden.furnish()
        for command, becomes in (("ban", "ban"), ("unban", "leave")):
            hs.person(ANA).say(garden.bound["control"], f"!{command} {MO}")
            await garden.run()
            (question,) = await garden.questions()
            hs.person(ANA).react(question.room, question.event, "✅")
            await garden.run()
            await garden.run()
            assert {garden.membership(key, MO) for key in ("", "tuesday", "lounge")} == {becomes}
        assert {garden.changes(key, MO) for key in ("", "tuesday", "lounge")} == {2}


@pytest.mark.parametrize("version", VERSIONS)
async def test_somebody_goes_from_everywhere_and_others_hear_nothing(version: str, tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        garden = Garden(hs, tmp_path, version)
        await garden.furnish()
        home = hs.person(MO).direct_room(hs.user("@keeper:grove.example"))
        await garden.run()
        before = {key: _said(hs, where) for key, where in garden.bound.items()}
        hs.person(MO).say(home, "!leave everything")
        await garden.run()
        async with pumping(hs, tmp_path, grove(version)) as bot:
            assert await bot.rows.run(bindings.direct_room, MO) == home.room_id
            (question,) = await bot.rows.run(questions.questions_in, RoomId(home.room_id))
        hs.person(MO).react(home, question.event, "✅")
        await garden.run()
        await garden.run()
        assert {garden.membership(key, MO) for key in ("", "tuesday", "lounge")} == {"leave"}
        assert {key: _said(hs, where) for key, where in garden.bound.items()} == before


def _said(hs: FakeHomeserver, where: RoomId) -> int:
    return sum(event.type == "m.room.message" for event in hs.room(where).history())


def _is_of(event: Any, user: UserId) -> bool:
    return bool(event.type == "m.room.member" and event.state_key == user)


def _everything_in(directory: Path) -> str:
    return "".join(file.read_bytes().decode(errors="replace") for file in directory.rglob("*") if file.is_file())


async def test_a_knock_that_waits_is_asked_about_after_the_database_was_lost(tmp_path: Path) -> None:
    async with FakeHomeserver() as hs:
        garden = Garden(hs, tmp_path / "one", "12")
        await garden.furnish()
        hs.person(EVE).knock(garden.bound["tuesday"])
        await garden.run()
        garden.directory = tmp_path / "two"
        await garden.run()
        assert len(await garden.questions()) == 1
