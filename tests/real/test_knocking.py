"""Knocks on a real homeserver: asked about in the sealed control room, answered by a tap, and kind to who knocks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator.local import LocalHomeserver
from orchestrator.model.ids import RoomId
from tests.real.bot import Garden, bot_process, come_in, plant
from tests.real.people import People
from tests.real.person import Person
from tests.real.wire import Seen

pytestmark = pytest.mark.real

SECRET = "somebody told me that this is a kind place"


async def test_who_knocks_is_told_what_is_agreed_on_and_let_in_or_turned_away_by_a_leads_tap(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    ana = await people.encrypted(homeserver, "ana")
    eve = await people.encrypted(homeserver, "eve")
    garden = await plant(tmp_path, homeserver, ana.user_id, f"keeper-{ana.user_id[1:9]}")
    let_people_knock(garden)
    async with bot_process(garden) as bot:
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [])
        await ana.until(lambda: rooms["control"] in ana.rooms or None, "the control room")
        await ana.join(rooms["control"])
        await eve.knock(rooms[""], SECRET, via=[homeserver.server_name])
        question = await ana.until_event(rooms["control"], lambda seen: eve.user_id in seen.body, "the question")
        assert question.encrypted
        assert "Be kind to each other" in await what_they_hear(eve, garden, rooms)
        await bot.kill()
        assert eve.rooms[rooms[""]].membership == "knock"
        await ana.react(rooms["control"], question.id, "✅")
        await bot.start()
        await eve.until(lambda: eve.rooms[rooms[""]].membership == "invite" or None, "the invitation")
        await eve.join(rooms[""])
        # A second knock, by somebody else, is turned away, once, and without a word about them.
        zoe = await people.plain(homeserver, "zoe")
        await zoe.knock(rooms[""], via=[homeserver.server_name])
        await zoe.until(lambda: rooms[""] in zoe.rooms or None, "their knock")
        second = await ana.until_event(rooms["control"], lambda seen: zoe.user_id in seen.body, "the second question")
        await ana.react(rooms["control"], second.id, "❌")
        await zoe.until(lambda: zoe.rooms[rooms[""]].membership == "leave" or None, "the kind no")
        assert await bot.stop() == 0
    times = [await invitations_and_removals(ana, rooms[""], person) for person in (eve, zoe)]
    assert times == [["invite"], ["leave"]]
    assert SECRET not in everything_in(garden.data)


async def what_they_hear(person: Person, garden: Garden, rooms: Mapping[str, RoomId]) -> str:
    """Follow the bot's invitation to a private room, and read the first thing that it says there."""

    def invited() -> RoomId | None:
        known = (room for room, state in person.rooms.items() if state.membership == "invite")
        return next((room for room in known if room not in rooms.values()), None)

    home = await person.until(invited, "a private room")
    await person.join(home)
    said = await person.until_event(
        home, lambda seen: seen.sender == garden.keeper and "You knocked" in seen.body, "a kind word"
    )
    return said.body


async def invitations_and_removals(reader: Person, room: RoomId, person: Person) -> list[str]:
    """List what others did to somebody's membership, in the room's own history."""

    def by_others(seen: Seen) -> bool:
        return seen.type == "m.room.member" and seen.state_key == person.user_id and seen.sender != person.user_id

    return [seen.content["membership"] for seen in await reader.history(room) if by_others(seen)]


def let_people_knock(garden: Garden) -> None:
    template = garden.directory / "room_templates/space.yaml"
    space = json.loads(template.read_text())
    space["settings"]["join"] = "knock"
    space["policy"] = "gentle"
    template.write_text(json.dumps(space))


def everything_in(directory: Path) -> str:
    return "".join(file.read_bytes().decode(errors="replace") for file in directory.rglob("*") if file.is_file())
