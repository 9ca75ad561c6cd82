"""The bot as somebody starts it who sets it up for the first time: a process of its own (see ``tests.nursery``), and what it says at
its end.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchestrator import control
from tests.documents.authors import SHIPPED, Author, settle
from tests.fakes import FakeHomeserver, Room
from tests.fakes.values import JsonObject
from tests.nursery import Fork, nursery

KEEPER: Final = "@keeper:grove.example"
PASSWORD: Final = "correct horse"
ROOMS: Final = 4
"""How many rooms the shipped config.yaml leads to: the space, the control room, the circle, the lounge."""

_SAYS: Final = "circlekeeper: "
_LOG_LINE: Final = re.compile(r"\d{4}-\d\d-\d\dT\S+ \[(info|warning) *\] ")
_WITHIN_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one clear line on stderr with which it gave up, after nothing but lines of its log; exit code 1."""
        *before, last = self.err.splitlines()
        assert self.code == 1, self.err
        assert last.startswith(_SAYS), self.err
        assert self.out == ""
        for line in before:
            assert _LOG_LINE.match(line), self.err
        return last.removeprefix(_SAYS)


class Running:
    """A process at work."""

    def __init__(self, process: Fork) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    async def ended(self) -> Ended:
        """Wait until it ends by itself."""
        async with asyncio.timeout(_WITHIN_S):
            out, err = await self._process.communicate()
        return Ended(await self._process.wait(), out.decode(), err.decode())

    async def until(self, happens: Awaitable[object]) -> None:
        """Wait until something happens while it is at work; raises AssertionError with what it said if it ends first."""
        awaited, end = asyncio.ensure_future(happens), asyncio.ensure_future(self._process.wait())
        await asyncio.wait({awaited, end}, timeout=_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        end.cancel()
        if awaited.done():
            await awaited
            return
        awaited.cancel()
        raise AssertionError(await self.stopped())

    async def stopped(self) -> Ended:
        """Ask it to stop, as systemd does."""
        if self._process.returncode is None:
            self._process.terminate()
        return await self.ended()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def fill_the_disk(self) -> None:
        """Let no file of this process grow any more, as on a full disk (which needs no power over the machine)."""
        _, most = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (0, most))

    async def end(self) -> None:
        """End it, if it has not ended."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()


@dataclass(frozen=True, slots=True)
class Grove:
    """The shipped documents in a directory of their own, pointed at a homeserver, and the password beside them."""

    author: Author

    @property
    def place(self) -> Path:
        """Where config.yaml lies."""
        return self.author.place

    @property
    def data(self) -> Path:
        """The bot's data directory."""
        return self.place / "data"

    @property
    def key(self) -> Path:
        """The secret key."""
        return self.place / "keeper.key"

    def put_password(self, password: str, *, mode: int = 0o600) -> None:
        """Write the password file."""
        file = self.place / "keeper.password"
        file.write_text(password + "\n")
        file.chmod(mode)

    def point_at(self, address: str) -> None:
        """Write a homeserver's address into config.yaml."""
        text = self.author.config.read_text()
        self.author.write("config.yaml", re.sub(r'homeserver: ".*"', f'homeserver: "{address}"', text))

    @asynccontextmanager
    async def running(self, *words: str, **environ: str) -> AsyncIterator[Running]:
        """Run a verb (``run`` if none is named) while the context lasts, at most."""
        process = await nursery().start(
            "orchestrator",
            [*(words or ("run",)), "-c", str(self.author.config)],
            environ={**os.environ, **environ},
            cwd=SHIPPED,
        )
        running = Running(process)
        try:
            yield running
        finally:
            await running.end()

    async def start(self, *words: str, **environ: str) -> Ended:
        """Run a verb that is expected to end by itself."""
        async with self.running(*words, **environ) as running:
            return await running.ended()

    async def starts_well(self, hs: FakeHomeserver) -> None:
        """Start it, wait until everything is there, stop it, and make sure that nothing is there twice."""
        async with self.at_work(hs) as running:
            await running.until(hs.until(lambda: is_whole(hs), within_s=_WITHIN_S))
            await running.until(self.until_nothing_waits())
            ended = await running.stopped()
        assert ended.code == 0, ended.err
        assert is_whole(hs)

    async def until_nothing_waits(self) -> None:
        """Wait until the running bot has said and written all that it has to: what it still had would come with a later run."""
        async with asyncio.timeout(_WITHIN_S):
            while True:
                status = await control.ask(self.author.place / "data", "status")
                accounts = (status or {}).get("accounts")
                known = accounts.values() if isinstance(accounts, Mapping) else ()
                if known and all(isinstance(one, Mapping) and one.get("waiting") == 0 for one in known):
                    return
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def at_work(self, hs: FakeHomeserver, *words: str) -> AsyncIterator[Running]:
        """Run it as ``running`` does, and wait until it listens."""
        listened = hs.requests.count("GET", "/sync")
        async with self.running(*words) as running:
            await running.until(hs.until(lambda: hs.requests.count("GET", "/sync") > listened, within_s=_WITHIN_S))
            yield running


def settle_grove(place: Path, hs: FakeHomeserver) -> Grove:
    """Set a community up as docs/admins.md says, with its bot's account on a homeserver."""
    hs.user(KEEPER, PASSWORD)
    for name in ("ana", "bo", "cy", "dee"):
        hs.person(f"@{name}:grove.example")
    place.mkdir()
    grove = Grove(settle(place))
    grove.point_at(hs.base_url)
    grove.put_password(PASSWORD)
    return grove


def community_rooms(hs: FakeHomeserver) -> tuple[Room, ...]:
    """List the rooms that are declared: private ones have no name, and come at hours at which people are asked something."""
    return tuple(room for room in hs.rooms if _content(room, "m.room.name"))


def is_whole(hs: FakeHomeserver) -> bool:
    """Tell whether every room is there, linked, with its norms said and pinned, and its people invited.

    Raises AssertionError when something is there twice.
    """
    rooms = community_rooms(hs)
    named = {str(_content(room, "m.room.name").get("name")): room for room in rooms}
    assert len(rooms) == len(named), "a room was made twice"
    assert len(rooms) <= ROOMS, "a room too many was made"
    if len(rooms) < ROOMS:
        return False
    space, tuesday, lounge = named["The Grove"], named["Tuesday circle"], named["Lounge"]
    linked = all(space.state("m.space.child", room.room_id) for room in (tuesday, lounge))
    invited = all("@ana:grove.example" in named[name].members("invite") for name in ("The Grove", "The Grove: keepers"))
    return linked and invited and all(_has_norms(room) for room in (tuesday, lounge))


def norms_pinned(hs: FakeHomeserver) -> list[list[int]]:
    """Tell for each room with norms which of the bot's messages in it are pinned: 1 for its first, and so on."""
    places = []
    for room in community_rooms(hs):
        if _content(room, "m.room.name")["name"] not in {"Tuesday circle", "Lounge"}:  # those that have norms
            continue
        said = [event.event_id for event in room.history("m.room.encrypted", sender=KEEPER)]
        if said:
            pinned = _content(room, "m.room.pinned_events").get("pinned")
            places.append([said.index(str(event)) + 1 for event in pinned] if isinstance(pinned, list) else [])
    return places


def _has_norms(room: Room) -> bool:
    pinned = _content(room, "m.room.pinned_events").get("pinned")
    said = [event.event_id for event in room.history("m.room.encrypted", sender=KEEPER)]
    assert len(said) <= 1, "the norms were said twice"
    return bool(said) and pinned == said


def _content(room: Room, event_type: str) -> JsonObject:
    return room.state(event_type) or {}
