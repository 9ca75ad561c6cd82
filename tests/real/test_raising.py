"""A hand raised on another server, sealed: asked how urgent, passed on, left unanswered, taken by the next, heard of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.ids import RoomId
from tests.real.ahead import Ahead
from tests.real.bot import Garden, bot_inside, come_in, plant
from tests.real.homeservers import FederatingPair
from tests.real.people import People
from tests.real.person import Person
from tests.real.wire import Seen, eventually

pytestmark = pytest.mark.real

CALLED = "would like someone to get in touch"
SECRET = "nobody here knows how dark it has become"


async def test_a_hand_goes_from_one_to_the_next_across_a_kill_and_whoever_raised_it_hears_who_comes(
    pair: FederatingPair, people: People, tmp_path: Path
) -> None:
    ana, dee = await people.encrypted(pair.a, "ana"), await people.encrypted(pair.a, "dee")
    cy = await people.encrypted(pair.b, "cy")
    garden = await plant(tmp_path, pair.a, ana.user_id, f"keeper-{ana.user_id[1:9]}")
    let_keep(garden, dee)
    clock = Ahead()
    async with bot_inside(garden, clock=clock):
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [cy], "sealed")
        control = rooms["control"]
        for keeper in (ana, dee):
            await keeper.until(lambda k=keeper: control in k.rooms or None, "the control room")  # type: ignore[misc]
            await keeper.join(control)
        raised = await cy.say(rooms["sealed"], f"!raise {SECRET}")
        question = await asked_in_private(cy, garden, rooms, "How soon would you like it?")
        home = question.room
        await cy.react(home, question.id, "2️⃣")
        told = await cy.until_event(home, says(garden, "Thank you for asking"), "what became of it")
        first = await dee.until_event(control, says(garden, cy.user_id), "the call in the control room")
        in_private = await asked_in_private(dee, garden, rooms, CALLED)
        assert f"https://matrix.to/#/{rooms['sealed']}/{raised}" in in_private.body
        sealed = [question, told, first, in_private]
    # Nobody answers; meanwhile the bot is stopped in its tracks and started again.
    clock.ahead_ms += 16 * MINUTE_MS
    async with bot_inside(garden, clock=clock):
        still = await dee.until_event(control, says(garden, "nobody has answered"), "that it goes to the next")
        call = await asked_in_private(ana, garden, rooms, CALLED)
        await ana.react(call.room, call.id, "✋")
        seen = await cy.until_event(home, says(garden, "has seen it, and will"), "that it was seen")
        assert ana.user_id in seen.body
        thanks = await ana.until_event(call.room, says(garden, "You count as on duty"), "what follows")
        await dee.until_event(control, says(garden, "looks after"), "that it is taken")
        sealed += [still, call, seen, thanks]
    # Started once more, nothing is said again, and nobody else is asked however long it takes.
    clock.ahead_ms += 60 * MINUTE_MS
    async with bot_inside(garden, clock=clock):
        await cy.say(home, "!norms")
        await cy.until_event(home, says(garden, "Be kind to each other"), "an answer")
    assert all(event.encrypted for event in sealed)
    heard = [event.body for event in await cy.history(home) if event.sender == garden.keeper]
    for once in ("How soon would you like it?", "Thank you for asking", "has seen it, and will"):
        assert len([body for body in heard if once in body]) == 1, once
    assert not [body for body in heard if "nobody has answered" in body]
    asked = [event.body for event in await dee.history(control) if event.sender == garden.keeper]
    assert len([body for body in asked if CALLED in body]) == 1
    assert len([body for body in asked if "nobody has answered" in body]) == 1
    assert SECRET not in everything_in(garden.data)


def let_keep(garden: Garden, person: Person) -> None:
    """Put somebody on duty in the sealed room, always."""
    declared = json.loads(garden.config.read_text())
    declared["communities"]["grove"]["rooms"]["sealed"]["facilitators"] = [person.user_id]
    garden.config.write_text(json.dumps(declared))


def says(garden: Garden, part: str) -> Callable[[Seen], bool]:
    return lambda seen: seen.sender == garden.keeper and part in seen.body


async def asked_in_private(person: Person, garden: Garden, rooms: Mapping[str, RoomId], part: str) -> Seen:
    """Follow the bot's invitation to a private room, and wait there for what it says."""

    def invited() -> RoomId | None:
        known = (room for room, state in person.rooms.items() if state.membership == "invite")
        return next((room for room in known if room not in rooms.values()), None)

    home = await person.until(invited, "a private room")
    await person.join(home, via=[garden.keeper.partition(":")[2]])

    async def said() -> Seen | None:
        # It may have been said before they came; what is older than their joining their server does not show by itself.
        await person.sync()
        return next(filter(says(garden, part), await person.history(home)), None)

    return await eventually(said, "a word in private")


def everything_in(directory: Path) -> str:
    return "".join(file.read_bytes().decode(errors="replace") for file in directory.rglob("*") if file.is_file())
