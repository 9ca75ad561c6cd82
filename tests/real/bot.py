"""A real bot on a real homeserver: as a process that can be killed, or in this process where a test looks inside.

``Garden`` is one community on one homeserver: its documents, its rooms, its leads; ``plain`` is a room without
encryption, ``sealed`` one with it. The link rule acts on everybody, so that every link is an effect to be counted.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.app import App, open_app
from orchestrator.documents.load import load
from orchestrator.local import LocalHomeserver
from orchestrator.model.clock import Clock
from orchestrator.model.ids import AccountKey, EventId, RoomId, UserId
from orchestrator.store import Store, bindings
from tests.nursery import Fork, nursery
from tests.real.person import Person
from tests.real.wire import Seen

ACCOUNT = AccountKey("keeper")
PASSWORD = "a password of the tests"
CAUSE = "org.circlekeeper.cause"


@dataclass(slots=True)
class Garden:
    """One community, declared on disk.

    Args:
        directory: where its documents and data lie.
        homeserver: where it lives.
        keeper: the bot's user id.
        lead: answers for it.
    """

    directory: Path
    homeserver: LocalHomeserver
    keeper: UserId
    lead: UserId
    prompts: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {
                "id": "links",
                "when": {"links": {"allow": ["grove.example"]}},
                "then": "remove",
                "because": "No links here, please.",
                "mode": "enforce",
            }
        ]
    )
    room_version: str = "12"
    federate: bool = True

    @property
    def config(self) -> Path:
        """config.yaml."""
        return self.directory / "config.yaml"

    @property
    def data(self) -> Path:
        """The bot's data directory."""
        return self.directory / "data"

    def write(self) -> None:
        """Write the documents. JSON is YAML."""
        documents: Mapping[str, Any] = {
            "config.yaml": {
                "version": 1,
                "accounts": {
                    "keeper": {
                        "homeserver": self.homeserver.url,
                        "user_id": self.keeper,
                        "secret_key_file": "keeper.key",
                    }
                },
                "data_dir": "data",
                "communities": {
                    "grove": {
                        "name": "The Grove",
                        "purpose": "Somewhere to say how it really is.",
                        "template": "space",
                        "leads": [self.lead],
                        "rooms": {
                            "plain": {"template": "plain", "name": "Plain room"},
                            "sealed": {"template": "sealed", "name": "Sealed room"},
                        },
                    }
                },
            },
            "room_templates/space.yaml": self._template("space", encryption="none"),
            "room_templates/plain.yaml": self._template("room", encryption="none"),
            "room_templates/sealed.yaml": self._template("room", encryption="required"),
            "room_templates/decks/small.yaml": {
                "version": 1,
                "title": "Small",
                "prompts": [{"text": f"Small question number {n}?", "tier": 1} for n in range(30)],
            },
            "policies/gentle.yaml": {
                "version": 1,
                "title": "Gentle",
                "norms": {"summary": "Be kind.", "text": "Be kind to each other, and to yourself."},
                "rules": self.rules,
                "ladder": {"steps": ["nudge"]},  # people of the tests break the rule all day, and go on writing
                "care": {
                    "resources": [{"text": "Someone near you.", "verified_on": f"{datetime.now(UTC).date()}"}],
                    "contact_emergency_services": "group_decides",
                },
            },
        }
        for name, content in documents.items():
            file = self.directory / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(content, indent=1))

    def _template(self, kind: str, *, encryption: str) -> dict[str, Any]:
        template: dict[str, Any] = {
            "version": 1,
            "kind": kind,
            "name": "{name}",
            "topic": "{purpose}",
            "settings": {
                "room_version": self.room_version,
                "join": "invite" if kind == "space" else "restricted",
                "history": "shared",
                "guests": "forbidden",
                "encryption": encryption,
                "directory": "hidden",
                "federate": self.federate,
            },
            "power": {"lead": 100, "facilitator": 50, "member": 0},
        }
        if kind == "room":
            template |= {"policy": "gentle", "prompts": self.prompts}
        return template

    async def rooms(self) -> Mapping[str, RoomId]:
        """Read which rooms are there, by key; works beside a running bot."""
        with suppress(FileNotFoundError):
            store = Store.open_readonly(self.data)
            try:
                bound = await store.of(ACCOUNT).run(bindings.bindings)
                return {one.key: one.room for one in bound}
            finally:
                await store.close()
        return {}

    async def until_rooms(self, *, timeout_s: float = 120) -> Mapping[str, RoomId]:
        """Wait until every declared room is there."""
        wanted = {
            room.key for room in load(self.config, today=datetime.now(UTC).date()).documents.communities[0].every_room()
        }
        async with asyncio.timeout(timeout_s):
            while True:
                with suppress(Exception):  # not made yet, or being made this moment
                    rooms = await self.rooms()
                    if rooms.keys() >= wanted:
                        return rooms
                await asyncio.sleep(0.1)

    @property
    def environ(self) -> dict[str, str]:
        """What the bot's process is told beside its documents."""
        return {"CIRCLEKEEPER_PASSWORD": PASSWORD}


async def plant(directory: Path, homeserver: LocalHomeserver, lead: UserId, name: str, **declared: Any) -> Garden:
    """Declare a community of its own on a homeserver, with a bot account ``name``."""
    keeper = await homeserver.register(name, PASSWORD)
    garden = Garden(directory, homeserver, keeper, lead, **declared)
    garden.write()
    return garden


class BotProcess:
    """The bot as a process of its own, as an operator runs it.

    Args:
        garden: what it looks after.
        failpoint: where it is to die, see ``orchestrator.failpoints``.

    Attributes:
        module: what is run, with ``args``.
    """

    module = "orchestrator"

    def __init__(self, garden: Garden, *, failpoint: str = "") -> None:
        self._garden = garden
        self._failpoint = failpoint
        self._process: Fork | None = None
        self.args: Sequence[str] = ("run", "-c", str(garden.config))
        self.log = garden.directory / "bot.log"

    async def start(self) -> None:
        """Start it; does not wait until it is at work."""
        self._process = await nursery().start(self.module, self.args, environ=self.environ(), log=self.log)

    def environ(self) -> dict[str, str]:
        """What it is told beside its documents."""
        return {**os.environ, **self._garden.environ, "CIRCLEKEEPER_FAILPOINT": self._failpoint}

    @property
    def running(self) -> bool:
        """Whether it is alive."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """End it without a warning, as a power cut does."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    async def stop(self) -> int:
        """Ask it to end, and tell its exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            return await self._process.wait()

    async def ended(self, *, timeout_s: float = 120) -> int:
        """Wait until it ends by itself, and tell its exit code."""
        assert self._process is not None
        async with asyncio.timeout(timeout_s):
            return await self._process.wait()


@asynccontextmanager
async def bot_process(garden: Garden, *, failpoint: str = "") -> AsyncIterator[BotProcess]:
    """Run the bot as a process while the context lasts."""
    bot = BotProcess(garden, failpoint=failpoint)
    await bot.start()
    try:
        yield bot
    finally:
        await bot.kill()


@asynccontextmanager
async def bot_inside(garden: Garden, *, clock: Clock | None = None) -> AsyncIterator[App]:
    """Run the bot in this process while the context lasts."""
    async with open_app(garden.config, environ=garden.environ, clock=clock) as app:
        work = asyncio.create_task(app.run())
        try:
            yield app
        finally:
            work.cancel()
            await asyncio.wait({work})
            if not work.cancelled():
                work.result()


async def come_in(lead: Person, rooms: Mapping[str, RoomId], people: Iterable[Person], *keys: str) -> None:
    """Let the lead into the community, and the people after them; ``via`` is the bot's server where they are remote."""
    space = rooms[""]
    if "" not in keys and space not in {room for room, state in lead.rooms.items() if state.membership == "join"}:
        await lead.until(lambda: (lead.rooms.get(space) and lead.rooms[space].membership in {"invite", "join"}) or None)
        await lead.join(space, via=[_server(lead.user_id)])
    for person in people:
        if person is not lead:
            await lead.invite(space, person.user_id)
            await person.until(lambda p=person: space in p.rooms or None)  # type: ignore[misc]
            await person.join(space, via=[_server(lead.user_id)])
        for key in keys:
            if key:
                await person.join(rooms[key], via=[_server(lead.user_id)])


def removals(history: Iterable[Seen], keeper: UserId) -> dict[EventId, int]:
    """Count how often the bot removed each event, in rooms of version 11 and later."""
    counts: dict[EventId, int] = {}
    for event in history:
        if event.sender == keeper and event.type == "m.room.redaction":
            target = EventId(event.content["redacts"])
            counts[target] = counts.get(target, 0) + 1
    return counts


def _server(user: UserId) -> str:
    return user.partition(":")[2]
