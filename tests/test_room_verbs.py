"""``explain``, ``export``, ``adopt`` and ``handover`` as a person types them."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.errors import SetupError
from orchestrator.verbs.handover import handover
from tests.fakes import FakeHomeserver, Room
from tests.starting import KEEPER, Grove, community_rooms, settle_grove
from tests.test_plan_command import named, written

ANA, CY = "@ana:grove.example", "@cy:grove.example"
OLD = "      old:\n        template: lounge\n        name: Old lounge\n"


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver(lets_publish=True) as server:
        yield server


@pytest.fixture
async def grove(tmp_path: Path, hs: FakeHomeserver) -> Grove:
    grove = settle_grove(tmp_path / "grove", hs)
    await grove.starts_well(hs)
    return grove


async def test_explain_names_the_line_what_is_live_and_what_comes_nearest(grove: Grove, hs: FakeHomeserver) -> None:
    hs.requests.clear()
    told = await grove.start("explain", "tuesday", "settings.history")
    assert told.code == 0, told
    assert re.search(r"set at +\S+/room_templates/circle\.yaml:\d+:\d+, its template", told.out)
    assert f"live        joined, last set by {KEEPER}" in told.out
    assert "wanted by   your files: joined" in told.out
    as_json = json.loads((await grove.start("explain", "grove/tuesday", "name", "--json")).out)
    assert as_json["origin"]["layer"] == "room"
    assert as_json["change"]["state"] == "no-op"
    wrong_path = await grove.start("explain", "tuesday", "settings.histroy")
    wrong_room = await grove.start("explain", "tueday", "name")
    assert wrong_path.complaint == "Nothing is called 'settings.histroy' in tuesday. Did you mean settings.history?"
    assert wrong_room.complaint == "There is no room 'tueday' in your files. Did you mean grove/tuesday?"
    assert written(hs) == []


async def test_export_writes_a_template_that_plans_as_no_change(grove: Grove, hs: FakeHomeserver) -> None:
    hs.requests.clear()
    told = await grove.start("export", "lounge")
    assert told.code == 0, told
    grove.author.write("room_templates/exported.yaml", told.out)
    text = grove.author.config.read_text()
    grove.author.write("config.yaml", text.replace("template: lounge", "template: exported"))
    planned = await grove.start("plan")
    assert planned.code == 0, planned.out
    nowhere = await grove.start("export", "!nowhere:grove.example")
    assert nowhere.complaint.startswith("The bot is not in !nowhere:grove.example.")
    assert written(hs) == []


async def test_a_room_that_somebody_else_made_is_taken_over_after_all_was_shown(
    grove: Grove, hs: FakeHomeserver
) -> None:
    ana = hs.person(ANA)
    theirs = ana.create_room(name="Old lounge", preset="private_chat", room_version="11")
    async with grove.at_work(hs) as running:
        await running.until(hs.until_polling(KEEPER))
        grove.author.edit("config.yaml", "      lounge:\n", f"{OLD}      lounge:\n")
        before = await grove.start("adopt", theirs.room_id, "grove/old", "--yes")
        assert "Let a lead invite it within the next hour" in before.complaint
        hs.person("@eve:grove.example").join(ana.create_room(preset="public_chat"))
        ana.invite(theirs, KEEPER)
        await running.until(hs.until(lambda: KEEPER in theirs.members()))
        levels = theirs.state("m.room.power_levels") or {}
        ana.put_state(theirs, "m.room.power_levels", {**levels, "users": {ANA: 100, KEEPER: 100}})
        state = {place: event.content for place, event in theirs.state_map().items()}
        unasked = await grove.start("adopt", theirs.room_id, "grove/old")
        assert (unasked.code, "Add --yes" in unasked.err) == (1, True)
        assert "settings.guests: allowed -> forbidden" in unasked.out
        taken = await grove.start("adopt", theirs.room_id, "grove/old", "--yes")
        assert taken.code == 0, taken
        again = await grove.start("adopt", theirs.room_id, "grove/lounge", "--yes")
        assert "That room is grove/old already." in again.err
        now = {place: event.content for place, event in theirs.state_map().items()}
        assert {place: now[place] for place in state if place[0] != "m.room.member"} == {
            place: content for place, content in state.items() if place[0] != "m.room.member"
        }
        await grove.start("apply", "--yes", "--adopt", "--room", "old")
    assert theirs.state("m.room.guest_access") == {"guest_access": "forbidden"}
    assert (
        len([room for room in community_rooms(hs) if (room.state("m.room.name") or {}).get("name") == "Old lounge"])
        == 1
    )


async def test_handover_says_who_holds_what_and_makes_a_founder(grove: Grove, hs: FakeHomeserver) -> None:
    told = await grove.start("handover")
    assert told.code == 0, told
    for room in community_rooms(hs):
        assert room.room_id in told.out
    hs.requests.clear()
    unasked = await grove.start("handover", "--to", CY)
    assert (unasked.code, "Add --yes" in unasked.err) == (1, True)
    assert "each has to be replaced" in unasked.out
    assert not (grove.data / "overlay" / "config.yaml").exists()
    made = await grove.start("handover", "--to", CY, "--yes")
    assert made.code == 0, made
    assert CY in (grove.data / "overlay" / "config.yaml").read_text()
    assert (await grove.start("check")).code == 0
    assert written(hs) == []
    wrong = await grove.start("handover", "--to", "cy")
    assert wrong.complaint == 'cy is no Matrix user id. They look like "@ana:grove.example".'
    assert named(hs, "Lounge").room_id


async def test_handover_replaces_nothing_and_names_nobody_while_the_bot_is_not_there_to_do_it(
    grove: Grove, hs: FakeHomeserver
) -> None:
    hs.requests.clear()
    told = await grove.start("handover", "--to", CY, "--replace", "--yes")
    assert (told.code, "Start it, and run this again." in told.err) == (1, True)
    assert "as a creator beside the bot" not in told.out
    assert not (grove.data / "overlay" / "config.yaml").exists()
    assert written(hs) == []


async def test_a_founder_of_old_is_not_written_down_again(grove: Grove) -> None:
    await grove.start("handover", "--to", CY, "--yes")
    before = (grove.data / "overlay" / "config.yaml").read_text()
    again = await grove.start("handover", "--to", CY)
    assert again.code == 0, again
    assert "is a founder already" in again.out
    assert "written in the overlay" not in again.out
    assert (grove.data / "overlay" / "config.yaml").read_text() == before


async def test_handover_says_when_the_bot_stops_before_the_rooms_are_replaced(
    grove: Grove, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def gone(_data: Path, verb: str, **_args: object) -> dict[str, object] | None:
        return {} if verb == "found" else None

    async def ran(_data: Path) -> bool:
        return True

    monkeypatch.setattr("orchestrator.verbs.handover.control.ask", gone)
    monkeypatch.setattr("orchestrator.verbs.handover.bot_runs", ran)
    with pytest.raises(SetupError, match="The bot was stopped meanwhile"):
        await handover(grove.author.config, None, to=CY, yes=True, replace=True)
    assert "The bot is at it" not in capsys.readouterr().out


async def test_a_new_room_with_the_founder_as_creator_takes_the_place_of_each_and_members_follow(
    grove: Grove, hs: FakeHomeserver
) -> None:
    eve, olds = hs.person("@eve:grove.example"), community_rooms(hs)
    space, lounge, circle = (named(hs, name) for name in ("The Grove", "Lounge", "Tuesday circle"))
    hs.person(ANA).join(space)
    hs.person(ANA).invite(space, eve)
    eve.join(space)
    eve.join(lounge)
    async with grove.at_work(hs) as running:
        await running.until(hs.until_polling(KEEPER))
        told = await grove.start("handover", "--to", CY, "--replace", "--yes")
        assert told.code == 0, told
        assert "The bot is at it." in told.out
        await running.until(hs.until(lambda: all(_successor(old) for old in olds), within_s=100))
        new_space = hs.room(_successor(space))
        await running.until(hs.until(lambda: eve.user_id in new_space.members("invite"), within_s=100))
        eve.join(new_space)
        eve.join(_successor(lounge))
        tuesday = hs.room(_successor(circle))
        await running.until(hs.until(lambda: hs.aliases_of(tuesday) != (), within_s=100))
    assert len(community_rooms(hs)) == 2 * len(olds)
    for old in olds:
        new = hs.room(_successor(old))
        create = new.state("m.room.create") or {}
        assert create["additional_creators"] == [CY]
        assert create["predecessor"] == {"room_id": old.room_id}
        assert new.level(CY) == float("inf")
        assert new.state("m.room.name") == old.state("m.room.name")
    assert new_space.state("m.space.child", _successor(lounge))


def _successor(room: Room) -> str:
    said = (room.state("m.room.tombstone") or {}).get("replacement_room")
    return said if isinstance(said, str) else ""
