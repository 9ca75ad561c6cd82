"""Rooms of version 11 move to version 12 on a real homeserver, and their members come along."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import Forbidden, NotFound
from orchestrator.local import LocalHomeserver
from orchestrator.model.ids import EventId, RoomId
from tests.real.bot import Garden, bot_process, come_in, plant, removals
from tests.real.people import People
from tests.real.person import Person
from tests.real.wire import eventually

pytestmark = pytest.mark.real

MOVING_S = 120


async def apply(garden: Garden, *words: str) -> str:
    """Type ``circlekeeper apply`` beside the running bot, and read what it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestrator", "apply", "--yes", *words, "-c", str(garden.config),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(MOVING_S):
        out, _err = await process.communicate()
    return out.decode()


async def moved(garden: Garden, before: dict[str, RoomId], lead: Person) -> dict[str, RoomId]:
    """Wait until every room has moved, and the old ones say where to."""

    async def everything() -> dict[str, RoomId] | None:
        rooms = dict(await garden.rooms())
        if any(rooms[key] == before[key] for key in before):
            return None
        for key, old in before.items():
            tombstone = await there(lead, old, "m.room.tombstone")
            if tombstone is None or tombstone["replacement_room"] != rooms[key]:
                return None
        return rooms

    return await eventually(everything, "the rooms to have moved", timeout_s=MOVING_S)


async def test_a_community_moves_from_11_to_12_and_its_members_follow(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    ana = await people.encrypted(homeserver, "ana")
    cy = await people.encrypted(homeserver, "cy")
    eve = await people.plain(homeserver, "eve")
    garden = await plant(tmp_path, homeserver, ana.user_id, f"keeper-{ana.user_id[1:13]}up", room_version="11")
    async with bot_process(garden):
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [ana, cy], "plain", "sealed")
        before = {key: rooms[key] for key in ("", "plain", "sealed")}
        await ana.ban(before["sealed"], eve.user_id)
        await ana.put_state(before["sealed"], "m.room.topic", {"topic": "What we say about it ourselves"})
        pins = await eventually(lambda: pinned(ana, before["sealed"]), "the norms to be pinned", timeout_s=60)

        garden.room_version = "12"
        garden.write()
        said = await apply(garden, "--allow-upgrade", "--force")
        after = await moved(garden, before, ana)

        for key, new in after.items():
            if key not in before:
                continue
            for person in (ana, cy):
                if key == "":
                    await eventually(lambda p=person, r=new: joined(p, r), "an invitation to the space")  # type: ignore[misc]
                else:
                    await person.join(new)
        create = await ana.state(after["sealed"], "m.room.create")
        assert create["room_version"] == "12", said
        assert create["predecessor"]["room_id"] == before["sealed"]
        assert (await ana.state(after["sealed"], "m.room.topic"))["topic"] == "What we say about it ourselves"
        assert await ana.state(after["sealed"], "m.room.encryption") == await ana.state(
            before["sealed"], "m.room.encryption"
        )
        levels = await ana.state(after["sealed"], "m.room.power_levels")
        assert levels["users"] == {ana.user_id: 100}
        assert await ana.members(after["sealed"], "ban") == {eve.user_id}
        assert (await ana.state(before["sealed"], "m.room.power_levels"))["events_default"] == 100
        allow = (await ana.state(after["plain"], "m.room.join_rules"))["allow"]
        assert [one["room_id"] for one in allow] == [after[""]]
        for key in ("plain", "sealed"):
            assert (await ana.state(after[""], "m.space.child", after[key]))["via"]
            assert not await there(ana, after[""], "m.space.child", before[key])
            # The bot is at work there: the rule acts, and the norms are pinned anew.
            link = await cy.say(after[key], "look: https://spam.example/x")

            async def removed(key: str = key, link: EventId = link) -> bool | None:
                return link in removals(await cy.history(after[key]), garden.keeper) or None

            await eventually(removed, "the link to be removed", timeout_s=60)
            anew = await eventually(lambda r=after[key]: pinned(ana, r), "the norms in the new room", timeout_s=60)  # type: ignore[misc]
            assert not set(anew) & set(pins)
        assert len(dict(await garden.rooms())) == len(rooms)


async def pinned(person: Person, room: RoomId) -> list[str] | None:
    """Read what is pinned; None while nothing is."""
    content = await there(person, room, "m.room.pinned_events")
    return None if content is None else list(content["pinned"]) or None


async def joined(person: Person, room: RoomId) -> bool | None:
    """Come in, as soon as that is possible."""
    try:
        await person.join(room)
    except Forbidden:
        return None
    return True


async def there(person: Person, room: RoomId, type_: str, key: str = "") -> dict[str, Any] | None:
    """Read a state event; None where there is none."""
    try:
        return await person.state(room, type_, key)
    except NotFound:
        return None
