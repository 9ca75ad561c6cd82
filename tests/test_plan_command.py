"""``circlekeeper plan`` as a person types it: it shows what would change, and writes nothing, anywhere."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes import FakeHomeserver, HtmlError, Room
from tests.starting import KEEPER, Grove, settle_grove

DIGEST = re.compile(r"--digest ([0-9a-f]{16})")


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver(lets_publish=True) as server:
        yield server


@pytest.fixture
def grove(tmp_path: Path, hs: FakeHomeserver) -> Grove:
    return settle_grove(tmp_path / "grove", hs)


def written(hs: FakeHomeserver) -> list[str]:
    """List what was asked of the server since the last ``clear`` that was no question; /sync counts, too."""
    return [
        f"{seen.method} {seen.path}"
        for seen in hs.requests
        if (seen.method != "GET" or seen.path.endswith("/sync")) and not seen.path.endswith(("/login", "/logout"))
    ]


def named(hs: FakeHomeserver, name: str) -> Room:
    return next(room for room in hs.rooms if (room.state("m.room.name") or {}).get("name") == name)


async def test_before_the_first_start_everything_is_to_be_made_and_nothing_is_written(
    grove: Grove, hs: FakeHomeserver
) -> None:
    before = sorted(grove.place.rglob("*"))
    planned = await grove.start("plan")
    assert planned.code == 2, planned.err
    assert planned.out.count("will be made") == 4
    assert DIGEST.search(planned.out)
    assert (written(hs), hs.rooms) == ([], ())
    assert sorted(grove.place.rglob("*")) == before
    # Its login is gone again, and was not the bot's.
    assert hs.requests.count("POST", "/login") == hs.requests.count("POST", "/logout") == 1


async def test_rooms_that_are_there_are_found_when_the_database_is_lost(grove: Grove, hs: FakeHomeserver) -> None:
    await grove.starts_well(hs)
    shutil.rmtree(grove.data)
    hs.requests.clear()
    planned = await grove.start("plan")
    assert (planned.code, planned.out.strip()) == (0, "Everything is as your files say. There is nothing to do.")
    assert written(hs) == []
    assert not grove.data.exists()


async def test_beside_a_running_bot_a_quiet_community_is_planned_without_a_question(
    grove: Grove, hs: FakeHomeserver
) -> None:
    await grove.starts_well(hs)
    async with grove.at_work(hs) as running:
        await running.until(hs.until_polling(KEEPER))
        hs.requests.clear()
        planned = await grove.start("plan")
        # The bot beside it asks this and that; but nobody begins to ask without finding out first who is there.
        asked = [seen.path for seen in hs.requests if seen.path.endswith(("/versions", "/whoami", "/login"))]
    assert planned.code == 0, planned.out
    assert asked == []


async def test_what_the_files_change_is_shown_for_people_programs_and_discussions(
    grove: Grove, hs: FakeHomeserver
) -> None:
    await grove.starts_well(hs)
    grove.author.edit("config.yaml", "name: Tuesday circle", "name: Tuesday evening")
    hs.requests.clear()
    words, data, page = [await grove.start("plan", *form) for form in ((), ("--json",), ("--markdown",))]
    assert (words.code, data.code, page.code) == (2, 2, 2)
    assert '~ name: "Tuesday circle" -> "Tuesday evening"' in words.out
    assert f"{grove.author.config}:" in words.out
    assert max(map(len, words.out.splitlines())) <= max(80, len(str(grove.place)) + 40)
    digest = DIGEST.search(words.out)
    assert digest is not None
    plan = json.loads(data.out)
    assert plan["digest"] == digest[1]
    assert plan["changes"] == [
        {
            "room": "tuesday",
            "path": "name",
            "state": "update",
            "desired": "Tuesday evening",
            "applied": "Tuesday circle",
            "live": "Tuesday circle",
            "reason": "",
        }
    ]
    assert '| grove/tuesday | name | update | "Tuesday circle" | "Tuesday evening" |' in page.out
    assert written(hs) == []


async def test_what_somebody_changed_by_hand_stands_apart_from_what_the_files_change(
    grove: Grove, hs: FakeHomeserver
) -> None:
    await grove.starts_well(hs)
    lounge = named(hs, "Lounge")
    hs.person(KEEPER).invite(lounge, "@ana:grove.example")
    hs.person("@ana:grove.example").join(lounge)
    hs.person("@ana:grove.example").put_state(lounge, "m.room.name", {"name": "The sofa"})
    grove.author.edit("config.yaml", "name: Tuesday circle", "name: Tuesday evening")
    planned = await grove.start("plan")
    assert planned.code == 2
    proposed, _, by_hand = planned.out.partition("Changed by hand, not by your files")
    assert "Tuesday evening" in proposed
    assert "The sofa" not in proposed
    assert '! name: "The sofa" (your files: Lounge)' in by_hand
    assert "--take ours" in by_hand


async def test_mistakes_in_the_files_are_told_as_check_tells_them(grove: Grove, hs: FakeHomeserver) -> None:
    grove.author.edit("room_templates/circle.yaml", "policy: gentle-circle", "policy: gentle-circel")
    checked = await grove.start("check")
    planned = await grove.start("plan")
    assert planned.complaint == checked.out.splitlines()[-2]
    assert len(hs.requests) == 0


async def test_a_homeserver_that_cannot_be_reached_is_one_plain_sentence(grove: Grove, hs: FakeHomeserver) -> None:
    hs.faults.add(HtmlError(502), "GET", "/versions", times=None)
    planned = await grove.start("plan")
    assert f"The homeserver at {hs.base_url} is not well. Try again in a while." in planned.complaint
    assert not grove.data.exists()


async def test_one_room_alone_can_be_looked_at_and_a_near_miss_is_named(grove: Grove, hs: FakeHomeserver) -> None:
    await grove.starts_well(hs)
    grove.author.edit("config.yaml", "name: Tuesday circle", "name: Tuesday evening")
    other = await grove.start("plan", "--room", "lounge")
    this = await grove.start("plan", "--room", "grove/tuesday")
    wrong = await grove.start("plan", "--room", "tuesdya")
    assert (other.code, this.code) == (0, 2)
    assert "--room grove/tuesday" in this.out
    assert wrong.complaint == "There is no room 'tuesdya' in your files. Did you mean grove/tuesday?"


async def test_a_room_the_bot_was_put_out_of_is_unknown_and_hides_no_other(grove: Grove, hs: FakeHomeserver) -> None:
    await grove.starts_well(hs)
    lounge = named(hs, "Lounge")
    hs.person(KEEPER).leave(lounge)
    grove.author.edit("config.yaml", "name: Tuesday circle", "name: Tuesday evening")
    planned = await grove.start("plan")
    assert planned.code == 2
    assert "I am not in this room" in " ".join(planned.out.split())
    assert "Tuesday evening" in planned.out
    assert "will be made" not in planned.out
