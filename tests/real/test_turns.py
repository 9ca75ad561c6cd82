"""Turns on a real homeserver, the bot killed between any two steps: offered, accepted, handed over, passed on, taken.

After each step power is read back from the room, and every word was said once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.local import LocalHomeserver
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.ids import EventId, RoomId, UserId
from tests.real.ahead import BotAhead
from tests.real.bot import Garden, come_in, plant
from tests.real.encrypted_person import EncryptedPerson
from tests.real.people import People
from tests.real.person import Person
from tests.real.wire import Seen, eventually

pytestmark = pytest.mark.real

WEEK = timedelta(weeks=1)


@dataclass(slots=True)
class Circle:
    """Three people who take turns of a week each, in order; dee's began an hour ago."""

    garden: Garden
    bot: BotAhead
    rooms: Mapping[str, RoomId]
    ana: EncryptedPerson
    dee: EncryptedPerson
    cy: EncryptedPerson
    bo: EncryptedPerson
    began: datetime

    def turn(self, weeks: int) -> str:
        """The day on which a turn begins, so many weeks from the present one."""
        return f"{(self.began + weeks * WEEK).date()}"

    async def keeping(self) -> set[UserId]:
        """Who holds the power of a turn, by the room's own state."""
        levels = await self.ana.state(self.rooms["plain"], "m.room.power_levels")
        return {UserId(user) for user, level in levels["users"].items() if level == 50}

    async def until_kept_by(self, *people: Person) -> None:
        wanted = {person.user_id for person in people}

        async def is_so() -> bool:
            return await self.keeping() == wanted

        await eventually(is_so, f"the room to be kept by {wanted}", timeout_s=60)

    async def cut_off(self, *people: Person, ahead_ms: int = 0) -> None:
        """Once these keep the room, kill the bot; while it is gone they still do. Start it again, so much later."""
        await self.until_kept_by(*people)
        await self.bot.kill()
        assert await self.keeping() == {person.user_id for person in people}
        await self.bot.cut_off(ahead_ms)

    async def asked(self, person: Person, part: str) -> Seen:
        """Wait for a word of the bot's in private; joins where it was asked to."""
        return await eventually(lambda: self._in_private(person, part), f"{part!r} in private", timeout_s=60)

    async def _in_private(self, person: Person, part: str) -> Seen | None:
        await person.sync()
        for room, known in list(person.rooms.items()):
            if room in self.rooms.values():
                continue
            if known.membership == "invite":
                await person.join(room)
                await person.sync()
            for seen in await person.history(room):
                if seen.sender == self.garden.keeper and part in seen.body:
                    return seen
        return None

    async def in_control(self, part: str) -> Seen:
        """Wait for a word in the control room."""

        async def said() -> Seen | None:
            await self.ana.sync()
            history = await self.ana.history(self.rooms["control"])
            return next((s for s in history if s.sender == self.garden.keeper and part in s.body), None)

        return await eventually(said, f"{part!r} in the control room", timeout_s=60)

    async def until_listening(self) -> None:
        """Wait until the bot listens: what was said before is days old by its clock, and left alone."""
        async with asyncio.timeout(60):
            while True:
                asked = await self.ana.say(self.rooms["plain"], "!norms")
                with suppress(AssertionError):
                    await eventually(lambda event=asked: self._answer(event), "an answer", timeout_s=2)  # type: ignore[misc]
                    return

    async def _answer(self, asked: EventId) -> Seen | None:
        await self.ana.sync()
        history = await self.ana.history(self.rooms["plain"])
        mine = (s for s in history if s.sender == self.garden.keeper and _answered(s) == asked)
        return next((s for s in mine if "Be kind" in s.body), None)

    async def everything_said(self, *to: Person) -> list[str]:
        """All that the bot said, in private too, by room and words; to everybody where nobody is named."""
        said = []
        for person in to or (self.ana, self.dee, self.cy, self.bo):
            await person.sync()
            for room, known in person.rooms.items():
                if known.membership == "join" and (person is self.ana or room not in self.rooms.values()):
                    heard = [s for s in await person.history(room) if s.sender == self.garden.keeper]
                    said += [f"{room} {s.body}" for s in heard if s.body and _answered(s) is None]
        return said


@asynccontextmanager
async def circle(homeserver: LocalHomeserver, people: People, place: Path) -> AsyncIterator[Circle]:
    ana, dee, cy, bo = [await people.encrypted(homeserver, name, exempt=True) for name in ("ana", "dee", "cy", "bo")]
    garden = await plant(place, homeserver, ana.user_id, f"keeper-{ana.user_id[1:9]}")
    began = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=1)
    awake = began + timedelta(hours=13)
    declared = json.loads(garden.config.read_text())
    declared["time_zone"] = "UTC"
    grove = declared["communities"]["grove"]
    grove["rooms"]["plain"] |= {
        "facilitators": [dee.user_id, cy.user_id, bo.user_id],
        "rota": {
            "anchor": f"{began - 9 * WEEK:%Y-%m-%d %H:%M}",
            "every": "1 week",
            "mode": "order",
            "publish": "4 weeks",
            "offer": "14d",
            "accept_within": "24h",
            "reminders": ["1d"],
            "quiet": f"{awake:%H:%M}-{awake + timedelta(minutes=1):%H:%M}",
        },
    }
    garden.config.write_text(json.dumps(declared))
    bot = BotAhead(garden)
    await bot.start()
    try:
        rooms = await garden.until_rooms()
        await come_in(ana, rooms, [ana, dee, cy, bo], "plain")
        control = rooms["control"]
        for keeper in (ana, dee, cy, bo):
            await keeper.until(lambda k=keeper: control in k.rooms or None, "the control room")  # type: ignore[misc]
            await keeper.join(control)
        yield Circle(garden, bot, rooms, ana, dee, cy, bo, began)
    finally:
        await bot.kill()


@pytest.mark.timeout(400)
async def test_turns_are_offered_accepted_handed_over_declined_swapped_and_taken_whenever_the_bot_is_killed(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    async with circle(homeserver, people, tmp_path) as c:
        await c.cut_off(c.dee)
        # Offered, and accepted: the bot is killed before it can have heard of it.
        offer = await c.asked(c.cy, "Can you keep Plain room")
        await c.cut_off(c.dee)
        await c.cy.react(offer.room, offer.id, "✅")
        await c.cut_off(c.dee)
        await c.asked(c.cy, "You are on for Plain room")
        # Declined: the next one is asked, and says yes.
        offer = await c.asked(c.bo, "Can you keep Plain room")
        await c.cut_off(c.dee)
        await c.bo.react(offer.room, offer.id, "❌")
        await c.cut_off(c.dee)
        await c.asked(c.bo, "I am looking for somebody else")
        backup = await c.asked(c.dee, "Can you keep Plain room")
        await c.cut_off(c.dee)
        await c.dee.react(backup.room, backup.id, "✅")
        await c.asked(c.dee, "You are on for Plain room")
        # A swap, which bo takes in the control room.
        await c.cut_off(c.dee)
        await c.until_listening()
        await c.dee.say(backup.room, f"!swap {c.turn(2)}")
        await _yes(c, c.dee, "Shall I look for somebody", c.dee)
        looking = await c.in_control("is looking for somebody to take Plain room")
        await c.cut_off(c.dee)
        await c.bo.react(c.rooms["control"], looking.id, "🙋")
        await c.in_control(f"{c.bo.user_id} takes Plain room")
        # Handed over, a week later.
        await c.cut_off(c.dee, ahead_ms=7 * DAY_MS)
        await c.cut_off(c.cy)
        # Taken over in the middle of a turn.
        await c.until_listening()
        await c.bo.say(c.rooms["control"], "!take now")
        await c.cut_off(c.bo, ahead_ms=HOUR_MS)
        # Away from now on: nobody is on, and the leads hear of it.
        await c.until_listening()
        await c.until_kept_by(c.bo)
        away = c.began + WEEK
        await c.bo.say(offer.room, f"!away {away.date()} to {(away + timedelta(days=1)).date()}")
        await _yes(c, c.bo, "Shall I write that down", c.bo)
        await c.cut_off()
        await c.in_control("Nobody is on for Plain room")
        # And a week later it is the one to whom that turn was passed on.
        await c.cut_off(ahead_ms=7 * DAY_MS)
        await c.cut_off(c.bo)
        # Bo leaves Matrix altogether: nobody is on, and the leads are told, and how to let others have the turns.
        said = await c.everything_said()
        assert sorted(said) == sorted(set(said))
        await homeserver.admin_request("POST", f"/_synapse/admin/v1/deactivate/{c.bo.user_id}", {"erase": True})
        await c.cut_off()
        await c.in_control(f"{c.bo.user_id} would be keeping Plain room")
        await c.until_listening()
        await c.ana.say(c.rooms["control"], f"!rota remove plain {c.bo.user_id}")
        asked = await c.in_control(f"take {c.bo.user_id} off the list of Plain room")
        await c.cut_off()
        await c.ana.react(asked.room, asked.id, "✅")
        await c.in_control(f"{c.bo.user_id} is no longer on the list of Plain room")
        await c.until_listening()
        await c.dee.say(c.rooms["control"], "!take now")
        await c.cut_off(c.dee)
        await c.until_kept_by(c.dee)
        said = await c.everything_said(c.ana, c.dee, c.cy)
        assert sorted(said) == sorted(set(said))


def _answered(seen: Seen) -> EventId | None:
    """What a message replies to."""
    relation = seen.content.get("m.relates_to", {})
    replied: EventId | None = relation.get("m.in_reply_to", {}).get("event_id")
    return replied


async def _yes(c: Circle, person: Person, part: str, *on: Person) -> None:
    """Say yes to a question in private, after the bot that asked was killed."""
    question = await c.asked(person, part)
    await c.cut_off(*on)
    await person.react(question.room, question.id, "✅")
