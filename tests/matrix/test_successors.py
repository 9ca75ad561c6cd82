"""A room that takes another one's place is made once, as it is asked for, and everything that led to the old one follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.model.effects import CreateRoom
from orchestrator.model.ids import LOCATOR_TYPE, CommunityKey, Json, RoomId, RoomKey, UserId, locator_of
from orchestrator.model.things import ALIAS
from orchestrator.store import claims
from orchestrator.store.claims import Claim
from tests.fakes import CutBody, FakeHomeserver, Fault, HtmlError, LoseResponse, Room
from tests.matrix.hands import Killed, Life, kill_at, living
from tests.matrix.listening import KEEPER

ANA = UserId("@ana:grove.example")
NAMING = "m.room.canonical_alias"
TUESDAY = "#tuesday:grove.example"


def circle(hs: FakeHomeserver, version: str = "11") -> Room:
    """Make the room that is to be replaced, as the bot would have made it."""
    state: Any = [
        {"type": LOCATOR_TYPE, "state_key": "", "content": {"locator": locator_of(KEEPER, "grove", "tuesday")}}
    ]
    return hs.person(KEEPER).create_room(
        room_version=version, room_alias_name="tuesday", name="Tuesday", initial_state=state
    )


def successor(old: Room, version: str, *, founders: bool = False) -> CreateRoom:
    creation: dict[str, Json] = {"predecessor": {"room_id": old.room_id}, "org.example.kept": True}
    if founders:
        creation["additional_creators"] = [ANA]
    locator = locator_of(KEEPER, "grove", "tuesday", "next")
    return CreateRoom(
        step="upgrade",
        locator=locator,
        body={
            "room_version": version,
            "preset": "private_chat",
            "creation_content": creation,
            "room_alias_name": "tuesday",
            "initial_state": [{"type": LOCATOR_TYPE, "state_key": "", "content": {"locator": locator}}],
        },
        community=CommunityKey("grove"),
        key=RoomKey("tuesday"),
    )


def made(hs: FakeHomeserver, old: Room) -> Room:
    (room,) = [room for room in hs.rooms if room is not old]
    return room


@pytest.mark.parametrize("fault", [None, LoseResponse(), CutBody(), HtmlError(502, acts=True)], ids=str)
@pytest.mark.parametrize(("before", "after"), [("10", "11"), ("11", "12"), ("12", "12")])
async def test_a_successor_is_made_once_and_as_it_is_asked_for(
    hs: FakeHomeserver, tmp_path: Path, before: str, after: str, fault: Fault | None
) -> None:
    old = circle(hs, before)
    async with living(hs, tmp_path) as bot:
        if fault is not None:
            hs.faults.add(fault, "POST", "/createRoom", times=2)
        await bot.ask(successor(old, after, founders=after == "12"))
        await bot.rest()
        new = made(hs, old)
        assert bot.asker.results[0].room == new.room_id
    create = new.state("m.room.create") or {}
    assert new.version.id == after
    assert create["org.example.kept"] is True
    assert create["predecessor"]["room_id"] == old.room_id  # type: ignore[call-overload, index]
    assert create.get("additional_creators") == ([ANA] if after == "12" else None)


@pytest.mark.parametrize("failpoint", ["create.before_send", "create.after_send", "create.before_confirm"])
@pytest.mark.parametrize("device", ["KEEPER", "ANOTHER"])
async def test_killed_anywhere_a_half_made_successor_is_found_and_the_old_room_is_not_taken_for_it(
    hs: FakeHomeserver, tmp_path: Path, failpoint: str, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = circle(hs)
    async with living(hs, tmp_path) as bot:
        await bot.ask(successor(old, "12"))
        with monkeypatch.context() as patch:
            kill_at(patch, failpoint)
            with pytest.raises(Killed):
                await bot.rest()
    async with living(hs, tmp_path, device=device) as bot:
        await bot.rest()
        assert bot.asker.results[0].room == made(hs, old).room_id


@pytest.mark.parametrize("failpoint", [None, "state.before_send", "state.after_send", "state.before_confirm"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
async def test_the_old_room_points_to_the_new_one_and_its_alias_and_name_move(
    hs: FakeHomeserver, tmp_path: Path, failpoint: str | None, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = circle(hs)
    async with living(hs, tmp_path) as bot:
        for type_, key, value in ((ALIAS, "tuesday", {"here": True}), (NAMING, "", {"alias": TUESDAY})):
            await claim(bot, old, type_, value, key)
        await bot.rest()
        await bot.ask(successor(old, "12"))
        await bot.rest()
        new = made(hs, old)
        await claim(bot, new, ALIAS, {"here": True}, "tuesday")
        await claim(bot, new, NAMING, {"alias": TUESDAY})
        await claim(bot, old, ALIAS, {}, "tuesday")
        await bot.rows.run(claims.drop_claim, RoomId(old.room_id), NAMING, "template", hs.clock.now_ms())
        await claim(bot, old, "m.room.tombstone", {"body": "We moved.", "replacement_room": new.room_id})
        if failpoint is not None:
            with monkeypatch.context() as patch:
                kill_at(patch, failpoint, nth)
                with pytest.raises(Killed):
                    await bot.rest()
    async with living(hs, tmp_path) as bot:
        await bot.rest()
        await bot.sync()
        await bot.rest()
        assert await bot.rows.run(claims.unsettled) == []
    assert hs.aliases_of(new) == (TUESDAY,)
    assert new.state(NAMING) == {"alias": TUESDAY}
    assert old.state(NAMING) == {}
    assert old.state("m.room.tombstone") == {"body": "We moved.", "replacement_room": new.room_id}
    assert len(old.history("m.room.tombstone")) == len(new.history(NAMING)) == 1


async def claim(bot: Life, room: Room, type_: str, value: Json, key: str = "") -> None:
    wanted = Claim(room=RoomId(room.room_id), type=type_, key=key, owner="template", value=value)
    await bot.rows.run(claims.put_claim, wanted, bot.hs.clock.now_ms())
