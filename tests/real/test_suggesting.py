"""Suggestions on a real homeserver, the bot killed between any two steps: words are on no disk, and nothing leads to a person."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.local import LocalHomeserver
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.ids import EventId, RoomId
from tests.crash.traces import traces_in
from tests.real.ahead import BotAhead
from tests.real.bot import Garden, come_in, plant
from tests.real.encrypted_person import EncryptedPerson
from tests.real.people import People
from tests.real.wire import Seen, eventually

pytestmark = pytest.mark.real

WANTED = "Which quokkas1a2b sound do you wake up to?"
UNWANTED = "Which wombats3c4d tea do you drink at night?"
LONG_MS = 48 * HOUR_MS
"""By then every round has come, whatever the lots said."""


@dataclass(slots=True)
class Grove:
    """A lead, and two members who write to the bot in private, encrypted."""

    garden: Garden
    bot: BotAhead
    rooms: Mapping[str, RoomId]
    ana: EncryptedPerson
    private: Mapping[EncryptedPerson, RoomId]

    async def heard(self, person: EncryptedPerson, part: str, room: RoomId | None = None) -> Seen:
        """Wait for the bot to say something, in somebody's direct room if not said otherwise."""
        place = room or self.private[person]

        async def said() -> Seen | None:
            await person.sync()
            history = await person.history(place)
            return next((s for s in history if s.sender == self.garden.keeper and part in s.body), None)

        return await eventually(said, f"{part!r}", timeout_s=60)

    async def shown(self) -> list[str]:
        """Which suggestions stand in the control room."""
        await self.ana.sync()
        history = await self.ana.history(self.rooms["control"])
        return [s.content["org.circlekeeper.quoted"] for s in history if "org.circlekeeper.quoted" in s.content]

    async def suggest(self, person: EncryptedPerson, words: str) -> EventId:
        """Suggest something and say yes; the bot is killed before it can have heard of either."""
        said = await person.say(self.private[person], f"!suggest {words}")
        await self.bot.cut_off()
        asked = await self.heard(person, "Which room is it for?")
        await person.react(asked.room, asked.id, "1️⃣")
        await self.bot.cut_off()
        await self.heard(person, "Thank you. I pass it on for Plain room")
        return said

    def rows(self) -> str:
        """All rows there are, as text."""
        with closing(sqlite3.connect(f"file:{self.garden.data}/circlekeeper.db?mode=ro", uri=True)) as rows:
            return "\n".join(rows.iterdump())


@pytest.mark.timeout(400)
async def test_words_are_on_no_disk_until_they_are_taken_in_and_then_nothing_leads_to_a_person(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    grove = await grow(homeserver, people, tmp_path)
    try:
        await tell_the_story(grove, tmp_path)
    finally:
        await grove.bot.kill()


async def tell_the_story(grove: Grove, place: Path) -> None:
    """Two suggest, one of them is taken in; the bot is killed at every turn."""
    cy, dee = grove.private
    control = grove.rooms["control"]
    events = [await grove.suggest(cy, WANTED), await grove.suggest(dee, UNWANTED)]
    nowhere(place, WANTED, UNWANTED)

    await grove.bot.cut_off(LONG_MS)
    copies = {words: await grove.heard(grove.ana, words, control) for words in (WANTED, UNWANTED)}
    assert sorted(await grove.shown()) == sorted([WANTED, UNWANTED])
    assert all(copy.encrypted for copy in copies.values())
    nowhere(place, WANTED, UNWANTED)

    await grove.bot.cut_off()
    await grove.ana.react(control, copies[WANTED].id, "1️⃣")
    await grove.ana.react(control, copies[UNWANTED].id, "❌")
    await grove.bot.cut_off()
    await grove.heard(grove.ana, "It joins the questions of Plain room", control)
    await eventually(lambda: taken_away(grove, UNWANTED), "the copy to be taken away", timeout_s=60)

    await grove.bot.cut_off(LONG_MS)
    await grove.heard(cy, "was taken in")
    await grove.heard(dee, "This time it is not taken in")
    assert WANTED in await preview(grove)
    assert await grove.bot.stop() == 0

    nowhere(place, UNWANTED)
    assert {found.partition(":")[0].rpartition("/")[2] for found in traces_in(place, WANTED)} == {"circlekeeper.db"}
    linked_to_nobody(grove, events)
    await said_of_nobody(grove)


def nowhere(place: Path, *words: str) -> None:
    """Look through all bytes that the bot left; the telling word of each alone would do."""
    for words_ in words:
        assert traces_in(place, words_.split()[1]) == []


def linked_to_nobody(grove: Grove, events: list[EventId]) -> None:
    """No row tells that somebody suggested something, or was spoken to about it."""
    rows = grove.rows()
    assert rows.count(WANTED) == 1
    assert 'INSERT INTO "suggestion"' not in rows
    told = [line for line in rows.splitlines() if any(event in line for event in events)]
    assert all('INSERT INTO "decided"' in line for line in told)
    for person, room in grove.private.items():
        about = [line for line in rows.splitlines() if room in line or person.user_id in line]
        assert not [line for line in about if "suggest" in line or "'prompts'" in line]


async def said_of_nobody(grove: Grove) -> None:
    """In the rooms that others read, nothing of the bot's names who suggested."""
    await grove.ana.sync()
    for room in grove.rooms.values():
        for seen in await grove.ana.history(room):
            if seen.type in {"m.room.message", "m.reaction", "m.room.redaction"}:
                said = json.dumps(seen.content)
                assert not any(one.user_id in said or private in said for one, private in grove.private.items())


async def taken_away(grove: Grove, words: str) -> bool:
    return words not in await grove.shown()


async def preview(grove: Grove) -> str:
    """Ask beside the running bot what will be asked in the next months."""
    command = (
        sys.executable,
        "-m",
        "orchestrator",
        "preview",
        "-c",
        str(grove.garden.config),
        "--days",
        "60",
        "--json",
    )
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env={**grove.bot.environ(), "PATH": ""}
    )
    out, _err = await process.communicate()
    return json.dumps(json.loads(out), ensure_ascii=False)


async def grow(homeserver: LocalHomeserver, people: People, place: Path) -> Grove:
    ana, cy, dee = [await people.encrypted(homeserver, name, exempt=True) for name in ("ana", "cy", "dee")]
    daily = [{"deck": "small", "at": "19:05", "pin": "none"}]
    garden = await plant(place, homeserver, ana.user_id, f"keeper-{ana.user_id[1:9]}", prompts=daily)
    bot = BotAhead(garden)
    await bot.start()
    rooms = await garden.until_rooms()
    await come_in(ana, rooms, [ana, cy, dee], "plain", "sealed")
    await ana.until(lambda: rooms["control"] in ana.rooms or None, "the control room")
    await ana.join(rooms["control"])
    private = {one: await one.direct_room(garden.keeper) for one in (cy, dee)}
    for one, room in private.items():
        await one.until_joined(room, garden.keeper)
    return Grove(garden, bot, rooms, ana, private)
