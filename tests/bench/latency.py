"""From a member's message to what a bot does about it, as the member's own client sees it.

Two rooms with the same members on one homeserver, one with Circlekeeper and one with a bare bot, each bot a process of its
own. One message at a time, in turns (ours, bare, bare, ours, ...), so that whatever else the machine does meets both. The
clock starts when the member's client begins to send, and stops when its own /sync has brought the effect.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from orchestrator import control
from orchestrator.local import LocalHomeserver
from orchestrator.matrix.sync import FILTER
from orchestrator.model.ids import EventId, RoomId, UserId
from tests.bench.figures import Comparison, Figures
from tests.bench.machine import NOTHING, Used, used
from tests.bench.processes import bare_process
from tests.real.bot import PASSWORD, bot_process, come_in, plant
from tests.real.encrypted_person import EncryptedPerson
from tests.real.people import People
from tests.real.person import Person
from tests.real.wire import Content, Query, Seen, eventually

GOAL = 1.25
WARM_UP = 2
COMMANDS_A_MEMBER = 10
"""Circlekeeper answers a person twelve times a minute; so many ask in turns that nobody comes near that."""

LINK = "look: https://spam.example/{n}"
COMMAND = "!norms"

Answered = Callable[[Seen], EventId | None]


class Stopwatch(EncryptedPerson):
    """A member whose client notes when it begins to send an event: encrypting and handing out keys comes before."""

    began_s = 0.0

    async def request(
        self, method: str, path: str, body: Content | None = None, *, query: Query | None = None
    ) -> dict[str, Any]:
        if "/send/" in path:
            self.began_s = time.perf_counter()
        return await super().request(method, path, body, query=query)


@dataclass(slots=True)
class Side:
    """One bot, the room in which it works, and what was measured of it so far."""

    name: str
    bot: UserId
    pid: int
    room: RoomId
    times_ms: list[float] = field(default_factory=list)
    stamped_ms: list[float] = field(default_factory=list)
    before: Used = NOTHING

    def figures(self) -> Figures:
        """Say what came of it."""
        now = used(self.pid)
        return Figures(
            name=self.name,
            times_ms=self.times_ms,
            stamped_ms=self.stamped_ms,
            processor_s=now.processor_s - self.before.processor_s,
            memory_mb=now.memory_mb,
        )


class Observer:
    """Hears for one member, all the time, and notes when each effect came."""

    def __init__(self, member: Person, bots: set[UserId], answered: Answered) -> None:
        self._member = member
        self._bots = bots
        self._answered = answered
        self._came: dict[EventId, tuple[float, Seen]] = {}
        self._news = asyncio.Condition()

    async def run(self) -> None:
        """Hear, for ever."""
        while True:
            new = await self._member.sync(30_000)
            now_s = time.perf_counter()
            async with self._news:
                for seen in new:
                    if seen.sender in self._bots and (event := self._answered(seen)) is not None:
                        assert event not in self._came, f"{seen.sender} answered {event} twice"
                        self._came[event] = now_s, seen
                self._news.notify_all()

    async def effect_of(self, event: EventId, *, timeout_s: float = 30) -> tuple[float, Seen]:
        """Wait for the effect of an event; tells when it came, and what it is."""
        async with asyncio.timeout(timeout_s), self._news:
            await self._news.wait_for(lambda: event in self._came)
        return self._came[event]


async def plain(homeserver: LocalHomeserver, directory: Path, messages: int) -> Comparison:
    """A link in a plain room is removed: Circlekeeper against a bare aiohttp bot."""
    async with AsyncExitStack() as stack:
        people = People(stack)
        ana = await people.plain(homeserver, "ana")
        cy = await people.keep(await Stopwatch.register(homeserver, "cy"))
        ours = await _circlekeeper(stack, homeserver, directory, "plain", ana, [cy])
        account = await people.keep(await _account(homeserver))
        room = await _room(account, [ana, cy], encrypted=False)
        told = {"url": homeserver.url, "token": account.token, "filter": FILTER}
        pid = await stack.enter_async_context(bare_process("tests.bench.bare_bot", told, directory))
        sides = ours, Side("bare aiohttp bot", account.user_id, pid, room)
        await _measure(sides, [cy], LINK, messages, _removed)
        return _compared("A link in a plain room, until it is removed", sides, goal=GOAL)


async def encrypted(homeserver: LocalHomeserver, directory: Path, messages: int) -> Comparison:
    """A command in an encrypted room is answered, encrypted: Circlekeeper against a bare bot on matrix-nio."""
    async with AsyncExitStack() as stack:
        people = People(stack)
        ana = await people.encrypted(homeserver, "ana")
        members = [
            await people.keep(await Stopwatch.register(homeserver, f"member{n}"))
            for n in range(max(2, -(-messages // COMMANDS_A_MEMBER)))
        ]
        ours = await _circlekeeper(stack, homeserver, directory, "sealed", ana, members)
        account = await people.keep(await _account(homeserver))
        room = await _room(account, [ana, *members], encrypted=True)
        store = directory / "nio"
        store.mkdir()
        told = {
            "url": homeserver.url,
            "user": account.user_id,
            "password": PASSWORD,
            "store": str(store),
            "filter": FILTER,
        }
        pid = await stack.enter_async_context(bare_process("tests.bench.bare_nio", told, directory))
        sides = ours, Side("bare matrix-nio bot", account.user_id, pid, room)
        for member in members:
            for side in sides:
                # From here on everybody's client holds everybody's keys.
                await member.say(side.room, "Good evening.")
        await _measure(sides, members, COMMAND, messages, _replied)
        return _compared(
            f"A command in an encrypted room of {len(members) + 2}, until its encrypted answer is read", sides
        )


async def _measure(
    sides: Sequence[Side], members: Sequence[Stopwatch], text: str, messages: int, answered: Answered
) -> None:
    observer = Observer(members[0], {side.bot for side in sides}, answered)
    # The first answer is history, and brings the keys.
    await members[0].sync()
    async with asyncio.TaskGroup() as tasks:
        hearing = tasks.create_task(observer.run())
        for side in sides:
            for n in range(WARM_UP):
                await _once(observer, members[0], side, text.format(n=f"warm-up-{n}"))
            side.times_ms.clear()
            side.stamped_ms.clear()
        for side in sides:
            side.before = used(side.pid)
        for n, side in enumerate(islice(cycle((*sides, *reversed(sides))), 2 * messages)):
            # Both of a pair hear the same member.
            await _once(observer, members[n // 2 % len(members)], side, text.format(n=n))
        hearing.cancel()


async def _once(observer: Observer, member: Stopwatch, side: Side, text: str) -> None:
    said = await member.say(side.room, text)
    began_s = member.began_s
    came_s, effect = await observer.effect_of(said)
    side.times_ms.append((came_s - began_s) * 1000)
    side.stamped_ms.append(effect.ts_ms - (await member.event(side.room, said)).ts_ms)


async def _circlekeeper(
    stack: AsyncExitStack,
    homeserver: LocalHomeserver,
    directory: Path,
    key: str,
    ana: Person,
    members: Sequence[Person],
) -> Side:
    """Start Circlekeeper and let everybody in; gives it when nothing waits to be delivered any more."""
    garden = await plant(directory, homeserver, ana.user_id, f"keeper-{secrets.token_hex(4)}")
    bot = await stack.enter_async_context(bot_process(garden))
    rooms = await garden.until_rooms()
    await come_in(ana, rooms, [ana, *members], key)

    async def idle() -> bool:
        told = await control.ask(garden.data, "status")
        match told:
            case {"accounts": {"keeper": {"waiting": 0, "ready": True}}}:
                return True
        return False

    await eventually(idle, "Circlekeeper furnishing its rooms", timeout_s=120)
    return Side("Circlekeeper", garden.keeper, bot.pid, rooms[key])


async def _account(homeserver: LocalHomeserver) -> Person:
    return await Person.log_in(
        homeserver.url, await homeserver.register(f"bare-{secrets.token_hex(4)}", PASSWORD), PASSWORD
    )


async def _room(bot: Person, members: Sequence[Person], *, encrypted: bool) -> RoomId:
    room = await bot.create_room(invite=[member.user_id for member in members], encrypted=encrypted)
    for member in members:
        await member.join(room)
    return room


def _removed(seen: Seen) -> EventId | None:
    return EventId(seen.content["redacts"]) if seen.type == "m.room.redaction" else None


def _replied(seen: Seen) -> EventId | None:
    if not seen.encrypted or seen.type != "m.room.message":
        return None
    relation = seen.content.get("m.relates_to", {})
    return EventId(relation["m.in_reply_to"]["event_id"]) if "m.in_reply_to" in relation else None


def _compared(title: str, sides: Sequence[Side], *, goal: float | None = None) -> Comparison:
    ours, bare = sides
    return Comparison(title=title, ours=ours.figures(), bare=bare.figures(), goal=goal)
