"""A community is closed for a while on a real homeserver, the bot dies meanwhile, and all is as it was afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import Forbidden
from orchestrator.local import LocalHomeserver
from orchestrator.model.ids import RoomId
from tests.real.bot import bot_process, come_in, plant
from tests.real.people import People
from tests.real.person import Person
from tests.real.wire import eventually

pytestmark = pytest.mark.real

TYPES = ("m.room.power_levels", "m.room.join_rules")


async def doors(person: Person, rooms: dict[str, RoomId]) -> dict[str, Any]:
    """Read all that a lockdown touches."""
    return {f"{key} {type_}": await person.state(room, type_) for key, room in rooms.items() for type_ in TYPES}


@pytest.mark.parametrize("version", ["11", "12"])
async def test_closed_by_a_lead_and_opened_after_the_bot_was_killed_it_is_to_the_letter_as_before(
    version: str, homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    ana = await people.encrypted(homeserver, "ana")
    cy = await people.encrypted(homeserver, "cy")
    garden = await plant(
        tmp_path, homeserver, ana.user_id, f"keeper-{ana.user_id[1:13]}l{version}", room_version=version
    )
    async with bot_process(garden):
        made = await garden.until_rooms()
        await come_in(ana, made, [ana, cy], "plain", "sealed")
        await ana.join(made["control"])
        rooms = {key: made[key] for key in ("", "plain", "sealed")}
        levels = await ana.state(rooms["plain"], TYPES[0])
        await ana.put_state(rooms["plain"], TYPES[0], {**levels, "events": {**levels["events"], "m.reaction": 7}})
        before = await doors(ana, rooms)
        await ana.say(made["control"], "!lockdown all")

        async def closed() -> bool | None:
            now = await doors(ana, rooms)
            shut = [now[f"{key} {TYPES[0]}"]["events_default"] == 100 for key in rooms]
            return (all(shut) and all(now[f"{key} {TYPES[1]}"]["join_rule"] == "invite" for key in rooms)) or None

        await eventually(closed, "every door to be closed", timeout_s=60)
        for key in ("plain", "sealed"):
            with pytest.raises(Forbidden):
                await cy.say(rooms[key], "hello?")
        assert (await doors(ana, rooms))[f"plain {TYPES[0]}"]["events"]["m.reaction"] == 100
    async with bot_process(garden):
        await ana.say(made["control"], "!unlock all")

        async def opened() -> bool | None:
            return await doors(ana, rooms) == before or None

        await eventually(opened, "everything to be as it was", timeout_s=90)
        await cy.say(rooms["sealed"], "there you are")
