"""The fake homeserver: everything put together, and what tests say to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Literal, Self

from aiohttp import web

from . import oddities, routes_accounts, routes_keys, routes_media, routes_rooms
from .accounts import Accounts
from .clock import FakeClock
from .events import ROOM_VERSIONS
from .far import FarServer
from .faults import Faults
from .http import Front
from .inbox import Inbox
from .keys import Keys
from .limits import STOCK, Advice, Kind, Limiter, Rate
from .people import Person, find_room
from .recorder import Recorder
from .room import Room
from .sync import Sync
from .values import JsonObject
from .world import Media, World

WAIT_S = 60.0
"""How long ``until`` waits at most, in real seconds."""


class FakeHomeserver:
    """A homeserver in this process, on loopback, on a fake clock; an async context manager.

    It speaks the client-server API as far as Circlekeeper uses it, as Synapse 1.163 does (``contract.py`` holds both
    to the same answers), and misbehaves on demand (``faults``).

    Args:
        server_name: what the ids of its users end in.
        clock: shared with whoever is tested; a new one if None.
        limits: None for no rate limits, "default" for Synapse's, or limits by kind.
        advice: where a 429 says how long to wait.
        flows: the login types it offers; without ``m.login.password`` a password does not work, and with none at all
            there is no /login.
        default_room_version: for rooms made without one.
        lets_publish: whether rooms may be listed in the directory; a stock Synapse lets nobody.
    """

    def __init__(
        self,
        server_name: str = "grove.example",
        *,
        clock: FakeClock | None = None,
        limits: Literal["default"] | Mapping[Kind, Rate] | None = None,
        advice: Advice = "both",
        flows: Iterable[str] = ("m.login.password",),
        default_room_version: str = "12",
        lets_publish: bool = False,
    ) -> None:
        self.server_name = server_name
        self.clock = FakeClock() if clock is None else clock
        if default_room_version not in ROOM_VERSIONS:
            raise ValueError(f"room version {default_room_version} is none of {sorted(ROOM_VERSIONS)}")
        rates = STOCK if limits == "default" else limits or {}
        self.limiter = Limiter(self.clock, rates, advice=advice)
        accounts = Accounts(server_name, self.limiter, tuple(flows))
        inbox, keys = Inbox(accounts), Keys(accounts, lambda: self._world.next_stream())  # noqa: PLW0108 - the world comes after them
        self._world = World(
            server_name,
            self.clock,
            accounts,
            self.limiter,
            inbox,
            keys,
            default_room_version=default_room_version,
            lets_publish=lets_publish,
        )
        self._sync = Sync(self._world)
        routes = (*routes_accounts.ROUTES, *routes_rooms.ROUTES, *routes_keys.ROUTES, *routes_media.ROUTES)
        self._front = Front(self._world, self._sync, routes)
        self._runner: web.AppRunner | None = None
        self._port = 0

    # Its life.

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen on loopback: on a free port, after a stop on the same one again."""
        # Not 0: that means to wait for long polls for ever.
        self._runner = web.AppRunner(self._front.application(), access_log=None, shutdown_timeout=0.01)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and cut all connections; what the server knows stays."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """Be unreachable for a while: connections are refused."""
        await self.stop()
        try:
            yield
        finally:
            await self.start()

    @property
    def base_url(self) -> str:
        """Where clients reach it, such as ``http://127.0.0.1:43210``."""
        return f"http://127.0.0.1:{self._port}"

    # People and rooms.

    def user(self, user_id: str, password: str = "pw") -> Person:  # noqa: S107 - of a fake account
        """Make an account (or find it) that can log in with a password."""
        self._world.accounts.make(user_id, password)
        return Person(self._world, user_id)

    def person(self, user_id: str) -> Person:
        """Make somebody (or find them) who acts through the test only; any server name will do."""
        self._world.accounts.make(user_id)
        return Person(self._world, user_id)

    def far(self, server_name: str) -> FarServer:
        """Give another server a say in whether its users can be invited."""
        return self._world.far.setdefault(server_name, FarServer(server_name))

    @property
    def versions(self) -> set[str]:
        """The room versions that rooms can be made in."""
        return self._world.versions

    def room(self, named: Room | str) -> Room:
        """Find a room by its id or alias; raises MatrixProblem 404."""
        return find_room(self._world, named)

    @property
    def rooms(self) -> tuple[Room, ...]:
        """All rooms, in the order in which they were made."""
        return tuple(self._world.rooms.values())

    def aliases_of(self, room: Room | str) -> tuple[str, ...]:
        """List a room's aliases."""
        room_id = self.room(room).room_id
        return tuple(name for name, alias in self._world.aliases.items() if alias.room_id == room_id)

    @property
    def media(self) -> dict[str, Media]:
        """What was uploaded, by its place (``mxc://``); whatever only keeps a place free has no data."""
        return {f"mxc://{self.server_name}/{media}": one for media, one in self._world.media.items()}

    def inject(self, room: Room | str, event: JsonObject) -> str:
        """Put an event into a room unasked and hand it out exactly so; see ``oddities.inject``."""
        return oddities.inject(self._world, self.room(room), event)

    def late_events(
        self,
        room: Room | str,
        events: Sequence[JsonObject],
        *,
        after: str | None = None,
        how: oddities.Arrival = "gap",
    ) -> list[str]:
        """Bring in what another server held back; see ``oddities.late_events``."""
        return oddities.late_events(self._world, self.room(room), events, after=after, how=how)

    # Keys and letters.

    @property
    def keys(self) -> Keys:
        """Everybody's public keys."""
        return self._world.keys

    @property
    def inbox(self) -> Inbox:
        """Everybody's to-device messages."""
        return self._world.inbox

    # Misbehaviour and observation.

    @property
    def faults(self) -> Faults:
        """The faults in force; ``faults.add(...)``."""
        return self._front.faults

    @property
    def requests(self) -> Recorder:
        """Every request that came."""
        return self._front.recorder

    def polling(self, user_id: str) -> int:
        """Count the long polls in which a user waits now."""
        return self._sync.polls.waiting.get(user_id, 0)

    async def until(self, condition: Callable[[], object], *, within_s: float = WAIT_S) -> None:
        """Wait until a condition holds, looking again whenever anything happens at the server.

        Raises TimeoutError after ``within_s`` real seconds.
        """
        pulses = (self._world.pulse, self._front.activity, self._sync.polls.changed)
        async with asyncio.timeout(within_s):
            while not condition():
                beats = [pulse.next() for pulse in pulses]
                try:
                    await asyncio.wait(beats, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for beat in beats:
                        beat.cancel()

    async def until_polling(self, user_id: str) -> None:
        """Wait until a user has got all news and waits in a long poll for more."""
        await self.until(lambda: self.polling(user_id) > 0)
