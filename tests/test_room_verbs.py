"""``explain``, ``export``, ``adopt`` and ``handover`` as a person types them."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes import FakeHomeserver
from tests.starting import KEEPER, Grove, settle_grove
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
    assert len([room for room in hs.rooms if (room.state("m.room.name") or {}).get("name") == "Old lounge"]) == 1


async def test_handover_says_who_holds_what_and_makes_a_founder(grove: Grove, hs: FakeHomeserver) -> None:
    told = await grove.start("handover")
    assert told.code == 0, told
    for room in hs.rooms:
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
