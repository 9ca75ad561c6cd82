"""What follows from a rule on a real homeserver: a reason in private, a mute that outlives a kill, edits that launder nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from orchestrator.local import LocalHomeserver
from orchestrator.model.ids import RoomId
from tests.real.bot import bot_process, come_in, plant, removals
from tests.real.people import People
from tests.real.wire import eventually

pytestmark = pytest.mark.real

WORDS = "quokkas-in-the-rain"


@pytest.mark.timeout(600)  # a mute lasts a minute at least, and some machines are slow
async def test_removed_with_a_reason_and_muted_across_a_kill_and_a_restart(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    both = {key: tmp_path / key for key in ("plain", "sealed")}
    for place in both.values():
        place.mkdir()
    # Side by side, so that they wait for the same minute.
    await asyncio.gather(*(_removed_and_muted(homeserver, people, place, key) for key, place in both.items()))


async def _removed_and_muted(homeserver: LocalHomeserver, people: People, place: Path, key: str) -> None:
    ana, cy = await people.encrypted(homeserver, "ana"), await people.encrypted(homeserver, "cy")
    garden = await plant(place, homeserver, ana.user_id, f"keeper-{ana.user_id[1:9]}")
    async with bot_process(garden) as bot:
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [ana, cy], key)
        room = rooms[key]

        async def levels() -> dict[str, int]:
            users: dict[str, int] = (await ana.state(room, "m.room.power_levels")).get("users", {})
            return users

        first = await cy.say(room, f"hello {WORDS}")
        new = {"msgtype": "m.text", "body": f"https://spam.example/{WORDS}"}
        relation = {"rel_type": "m.replace", "event_id": first}
        edit = await cy.send(
            room, "m.room.message", {**new, "body": f"* {new['body']}", "m.new_content": new, "m.relates_to": relation}
        )

        async def both_gone() -> bool:
            return {first, edit} <= removals(await ana.history(room), garden.keeper).keys()

        await eventually(both_gone, "the edit and what it was made from to be gone", timeout_s=60)

        def asked_in() -> RoomId | None:
            asked = (where for where, known in cy.rooms.items() if known.membership == "invite")
            return next((where for where in asked if where not in rooms.values()), None)

        private = await cy.until(asked_in, "the private room", timeout_s=60)
        await cy.join(private)
        word = await cy.until_event(private, lambda seen: "took down" in seen.body, "the reason", timeout_s=60)
        assert "not in trouble" in word.body
        assert "No links here, please." in word.body
        assert WORDS not in word.body

        before = await levels()
        await ana.say(room, f"!mute {cy.user_id} 1m")

        async def muted() -> bool:
            return (await levels()).get(cy.user_id, 0) < 0

        await eventually(muted, "cy to be only reading", timeout_s=30)
        await bot.kill()
        await bot.start()
        await cy.until_event(
            private, lambda seen: "but not write until" in seen.body, "the word about it", timeout_s=90
        )
        assert await muted()
        assert await bot.stop() == 0
        await bot.start()

        async def as_before() -> bool:
            return await levels() == before

        await eventually(as_before, "the level to be the one before", timeout_s=150)
        told = [seen.body for seen in cy.timeline(private) if seen.sender == garden.keeper and seen.body]
        assert len(told) == len(set(told)) == 2  # nothing was said twice
        assert WORDS.encode() not in b"".join(file.read_bytes() for file in garden.data.rglob("*") if file.is_file())
