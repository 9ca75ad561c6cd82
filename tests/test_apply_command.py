"""``circlekeeper apply`` as a person types it: what was agreed to is done, and every refusal leaves everything alone."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes import FakeHomeserver, HtmlError, Room
from tests.starting import KEEPER, Ended, Grove, community_rooms, settle_grove
from tests.test_plan_command import DIGEST, named, written

ANA = "@ana:grove.example"
NEEDED = 4


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver(lets_publish=True) as server:
        yield server


@pytest.fixture
async def grove(tmp_path: Path, hs: FakeHomeserver) -> Grove:
    """Set a community up that is whole, with Ana in all of its rooms."""
    grove = settle_grove(tmp_path / "grove", hs)
    await grove.starts_well(hs)
    for room in community_rooms(hs):
        if room.membership(ANA) is None:
            hs.person(KEEPER).invite(room, ANA)
        hs.person(ANA).join(room)
    return grove


def rename(grove: Grove, name: str = "Tuesday evening") -> None:
    text = grove.author.config.read_text()
    grove.author.write("config.yaml", re.sub(r"name: Tuesday \w+", f"name: {name}", text))


def name_of(room: Room) -> object:
    return (room.state("m.room.name") or {}).get("name")


def changed(hs: FakeHomeserver) -> list[str]:
    """List the state that was written, and rooms made, since the requests were cleared; pins are no plan's business."""
    lines = [line for line in written(hs) if "m.room.pinned_events" not in line]
    return [line for line in lines if "/state/" in line or "createRoom" in line or "/directory/" in line]


async def digest_of(grove: Grove) -> str:
    planned = await grove.start("plan")
    found = DIGEST.search(planned.out)
    assert found is not None, planned
    return found[1]


def plain(ended: Ended) -> str:
    return " ".join(ended.out.split())


# -- it does what was agreed to ----------------------------------------------------------------------------------------


async def test_through_the_running_bot_by_the_digest_of_the_plan(grove: Grove, hs: FakeHomeserver) -> None:
    tuesday = named(hs, "Tuesday circle")
    async with grove.at_work(hs) as running:
        await running.until(hs.until_polling(KEEPER))
        rename(grove)
        digest = await digest_of(grove)
        hs.requests.clear()
        applied = await grove.start("apply", "--digest", digest)
        again = await grove.start("plan")
        assert (await running.stopped()).code == 0
    assert applied.code == 0, applied
    assert "Done: 1 change." in applied.out
    assert name_of(tuesday) == "Tuesday evening"
    assert len(changed(hs)) == 1
    assert again.code == 0, again.out


async def test_without_a_running_bot_and_nothing_is_left_running(grove: Grove, hs: FakeHomeserver) -> None:
    tuesday = named(hs, "Tuesday circle")
    rename(grove)
    digest = await digest_of(grove)
    applied = await grove.start("apply", "--digest", digest)
    assert applied.code == 0, applied
    assert name_of(tuesday) == "Tuesday evening"
    assert not (grove.data / "control.sock").exists()
    assert (await grove.start("plan")).code == 0


async def test_the_first_time_it_makes_everything(tmp_path: Path, hs: FakeHomeserver) -> None:
    grove = settle_grove(tmp_path / "new", hs)
    applied = await grove.start("apply", "--yes", "--json")
    assert applied.code == 0, applied
    events = [json.loads(line) for line in applied.out.splitlines()]
    assert [event["event"] for event in events if event["event"] != "progress"][:2] == ["plan", "begun"]
    assert events[-1]["ok"] is True
    assert [change["state"] for change in events[-1]["done"]] == ["create"] * NEEDED
    assert len(community_rooms(hs)) == NEEDED
    assert (await grove.start("plan")).code == 0


async def test_a_server_that_stumbles_is_waited_for(grove: Grove, hs: FakeHomeserver) -> None:
    tuesday = named(hs, "Tuesday circle")
    rename(grove)
    hs.faults.add(HtmlError(502), "PUT", "/state/m.room.name", times=2)
    applied = await grove.start("apply", "--yes")
    assert applied.code == 0, applied
    assert name_of(tuesday) == "Tuesday evening"


async def test_killed_in_the_middle_it_goes_on_the_next_time(grove: Grove, hs: FakeHomeserver) -> None:
    tuesday = named(hs, "Tuesday circle")
    rename(grove)
    fault = hs.faults.add(HtmlError(502), "PUT", "/state/m.room.name", times=None)
    async with grove.running("apply", "--yes") as running:
        await running.until(hs.until(lambda: hs.requests.count("PUT", "/state/m.room.name") >= 1))
        await running.end()
    assert name_of(tuesday) == "Tuesday circle"
    hs.faults.remove(fault)
    again = await grove.start("apply", "--yes")
    assert again.code == 0, again
    assert name_of(tuesday) == "Tuesday evening"
    assert (await grove.start("plan")).code == 0


async def test_whoever_stops_waiting_does_not_stop_the_bot(grove: Grove, hs: FakeHomeserver) -> None:
    tuesday = named(hs, "Tuesday circle")
    fault = hs.faults.add(HtmlError(502), "PUT", "/state/m.room.name", times=None)
    async with grove.at_work(hs) as running:
        await running.until(hs.until_polling(KEEPER))
        rename(grove)
        async with grove.running("apply", "--yes") as applying:
            await applying.until(hs.until(lambda: hs.requests.count("PUT", "/state/m.room.name") >= 1))
            applying.send(signal.SIGINT)
            ended = await applying.ended()
        assert ended.code == 130, ended
        assert "The bot goes on with it by itself." in ended.out
        hs.faults.remove(fault)
        await running.until(hs.until(lambda: name_of(tuesday) == "Tuesday evening"))


# -- what it refuses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_work", [False, True], ids=["alone", "beside the bot"])
async def test_a_stale_digest_leaves_everything_alone(grove: Grove, hs: FakeHomeserver, at_work: bool) -> None:
    async def refused() -> Ended:
        rename(grove)
        digest = await digest_of(grove)
        rename(grove, "Tuesday night")
        hs.requests.clear()
        return await grove.start("apply", "--digest", digest)

    if at_work:
        async with grove.at_work(hs) as running:
            await running.until(hs.until_polling(KEEPER))
            ended = await refused()
    else:
        ended = await refused()
    assert "Something has changed since that plan was made, so nothing was done." in ended.err
    assert (ended.code, changed(hs)) == (1, [])


async def test_nobody_to_ask_and_no_word_of_agreement(grove: Grove, hs: FakeHomeserver) -> None:
    rename(grove)
    hs.requests.clear()
    ended = await grove.start("apply")
    assert ended.code == 1
    assert "Nothing was done, because nobody was asked." in ended.err
    assert '"Tuesday circle" -> "Tuesday evening"' in ended.out
    assert changed(hs) == []


async def test_what_exposes_waits_for_its_word_and_the_rest_is_done(grove: Grove, hs: FakeHomeserver) -> None:
    tuesday, lounge = named(hs, "Tuesday circle"), named(hs, "Lounge")
    rename(grove)
    grove.author.edit("room_templates/lounge.yaml", "history: joined", "history: shared")
    hs.requests.clear()
    applied = await grove.start("apply", "--yes")
    assert applied.code == 1
    assert "Not done: lounge/settings.history:" in plain(applied)
    assert "--allow-expose" in applied.out
    assert name_of(tuesday) == "Tuesday evening"
    assert lounge.state("m.room.history_visibility") == {"history_visibility": "joined"}
    assert (await grove.start("apply", "--yes", "--allow-expose")).code == 0
    assert lounge.state("m.room.history_visibility") == {"history_visibility": "shared"}


async def test_what_can_never_be_undone_takes_a_phrase(tmp_path: Path, hs: FakeHomeserver) -> None:
    grove = settle_grove(tmp_path / "open", hs)
    grove.author.edit("room_templates/lounge.yaml", "encryption: required", "encryption: none")
    assert (await grove.start("apply", "--yes")).code == 0
    lounge = named(hs, "Lounge")
    grove.author.edit("room_templates/lounge.yaml", "encryption: none", "encryption: required")
    hs.requests.clear()
    refused = await grove.start("apply", "--yes")
    wrong = await grove.start("apply", "--yes", "--one-way", "encrypt tuesday for ever")
    assert (refused.code, wrong.code) == (1, 1)
    assert 'needs --one-way "encrypt lounge for ever"' in plain(refused)
    assert changed(hs) == []
    assert lounge.state("m.room.encryption") is None
    done = await grove.start("apply", "--yes", "--one-way", "Encrypt lounge for ever")
    assert done.code == 0, done
    assert lounge.state("m.room.encryption") is not None


async def test_two_leads_remain_whatever_the_files_say(grove: Grove, hs: FakeHomeserver) -> None:
    grove.author.edit(
        "config.yaml", 'leads: ["@ana:grove.example", "@bo:grove.example"]', 'leads: ["@ana:grove.example"]'
    )
    hs.requests.clear()
    applied = await grove.start("apply", "--yes", "--force")
    assert applied.code == 1
    assert "Refused:" in applied.out
    assert changed(hs) == []
    assert all(room.level("@bo:grove.example") > 0 for room in community_rooms(hs))


async def test_a_conflict_waits_for_a_choice(grove: Grove, hs: FakeHomeserver) -> None:
    tuesday = named(hs, "Tuesday circle")
    hs.person(ANA).put_state(tuesday, "m.room.name", {"name": "Ana's circle"})
    rename(grove)
    hs.requests.clear()
    undecided = await grove.start("apply", "--yes")
    assert undecided.code == 1
    assert "--take ours" in plain(undecided)
    assert (await grove.start("apply", "--yes", "--take", "theirs")).code == 0
    assert changed(hs) == []
    assert name_of(tuesday) == "Ana's circle"
    assert "nothing to do" in plain(await grove.start("apply", "--yes"))
    rename(grove, "Tuesday morning")
    assert (await grove.start("apply", "--yes")).code == 1
    assert (await grove.start("apply", "--yes", "--take", "ours")).code == 0
    assert name_of(tuesday) == "Tuesday morning"


async def test_an_alias_that_is_somebody_elses_stays_theirs_and_the_rest_is_done(
    grove: Grove, hs: FakeHomeserver
) -> None:
    theirs = hs.person("@eve:grove.example").create_room(room_alias_name="grove-sofa", preset="public_chat")
    tuesday = named(hs, "Tuesday circle")
    rename(grove)
    grove.author.edit("room_templates/lounge.yaml", 'alias: "{community}-{key}"', 'alias: "grove-sofa"')
    applied = await grove.start("apply", "--yes")
    assert applied.code == 1
    assert "leads to another room already, and is left to it" in plain(applied)
    assert hs.room("#grove-sofa:grove.example").room_id == theirs.room_id
    assert name_of(tuesday) == "Tuesday evening"


async def test_a_room_the_bot_was_put_out_of_is_said_and_the_rest_is_done(grove: Grove, hs: FakeHomeserver) -> None:
    tuesday, lounge = named(hs, "Tuesday circle"), named(hs, "Lounge")
    hs.person(KEEPER).leave(lounge)
    rename(grove)
    applied = await grove.start("apply", "--yes")
    assert applied.code == 1
    assert "Not done: lounge/exists: I am not in this room" in plain(applied)
    assert name_of(tuesday) == "Tuesday evening"


async def test_only_the_room_that_was_asked_for(grove: Grove, hs: FakeHomeserver) -> None:
    tuesday, lounge = named(hs, "Tuesday circle"), named(hs, "Lounge")
    rename(grove)
    grove.author.edit("config.yaml", "name: Lounge", "name: Sofa")
    applied = await grove.start("apply", "--yes", "--room", "lounge")
    assert applied.code == 0, applied
    assert (name_of(tuesday), name_of(lounge)) == ("Tuesday circle", "Sofa")
