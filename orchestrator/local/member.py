"""A pretend member: a real Matrix client with real encryption, for showing Circlekeeper to somebody.

It sees what any member's client would see, so what it shows is what happened.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiohttp

from orchestrator.errors import MatrixError, Unreachable
from orchestrator.matrix.crypto import Crypto
from orchestrator.matrix.gateway import Gateway, route
from orchestrator.matrix.history import History
from orchestrator.matrix.seal import Seal
from orchestrator.matrix.sync import Syncer
from orchestrator.model.batch import SyncBatch
from orchestrator.model.clock import SystemClock
from orchestrator.model.events import Event, Member, Message
from orchestrator.model.ids import DeviceId, EventId, JsonObject, RoomId, UserId

PATIENCE_S: Final = 30.0

Listener = Callable[[Event], None]


class PretendMember:
    """Somebody who joins in.

    Args:
        homeserver: its address.
        user: who they are.
        password: of their account.
        directory: where their keys live.
        listener: is told every event they see, as they see it.
    """

    def __init__(self, homeserver: str, user: UserId, password: str, directory: Path, listener: Listener) -> None:
        self.user = user
        self.events: list[Event] = []
        self.invited: set[RoomId] = set()
        self.joined: set[RoomId] = set()
        self._homeserver = homeserver
        self._password = password
        self._directory = directory
        self._listener = listener
        self._changed = asyncio.Condition()
        self._listened = False
        self._closing: list[Callable[[], object]] = []

    @property
    def name(self) -> str:
        """The localpart."""
        return self.user[1:].partition(":")[0]

    async def __aenter__(self) -> Self:
        """Log in, publish keys, begin to listen."""
        clock, rng = SystemClock(), random.Random()  # noqa: S311 - jitter, no secret
        self._http = aiohttp.ClientSession()
        self._gateway = Gateway(self._http, self._homeserver, clock, rng)
        answer = await self._gateway.call(
            "POST",
            route("login"),
            body={
                "type": "m.login.password",
                "identifier": {"type": "m.id.user", "user": self.user},
                "password": self._password,
                "initial_device_display_name": "Pretend member",
            },
            patience_s=PATIENCE_S,
        )
        self._gateway.token = str(answer["access_token"])
        seal = Seal(random.Random(self.user).randbytes(32))  # noqa: S311 - keys of a toy that lives for minutes
        device = DeviceId(str(answer["device_id"]))
        self._crypto = Crypto.open(self._gateway, self._directory, self.user, device, seal, clock)
        await self._crypto.publish()
        self._history = History(self._gateway, self._crypto, self.user)
        self._syncer = Syncer(self._gateway, self._crypto, self.user, clock, rng)
        self._listening = asyncio.create_task(self._listen())
        await self.until(lambda: self._listened, "the first look at the world")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and let go of everything."""
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        self._crypto.close()
        await self._http.close()

    # -- doing ---------------------------------------------------------------------------------------------------------

    async def join(self, room: RoomId) -> None:
        """Come into a room."""
        await self._gateway.call("POST", route("join", room), patience_s=PATIENCE_S)
        await self.until(lambda: room in self.joined, "to be in")

    async def invite(self, room: RoomId, user: UserId) -> None:
        """Ask somebody in."""
        await self._gateway.call("POST", route("rooms", room, "invite"), body={"user_id": user})

    async def say(self, room: RoomId, text: str, *, mentions: Collection[UserId] = ()) -> EventId:
        """Say something, encrypted where the room is."""
        people = sorted(mentions)
        content: JsonObject = {
            "msgtype": "m.text",
            "body": text,
            "m.mentions": {"user_ids": people} if people else {},
        }
        type_, body = "m.room.message", content
        if await self._history.state(room, "m.room.encryption", "") is not None:
            readers = await self._readers(room)
            type_, body = "m.room.encrypted", await self._crypto.encrypt(room, type_, content, readers)
        answer = await self._gateway.call(
            "PUT", route("rooms", room, "send", type_, secrets.token_hex(8)), body=body, patience_s=PATIENCE_S
        )
        return EventId(str(answer["event_id"]))

    async def direct(self, user: UserId) -> RoomId:
        """Open an encrypted direct room with somebody and wait until they have come."""
        body: JsonObject = {
            "preset": "trusted_private_chat",
            "is_direct": True,
            "invite": [user],
            "room_version": "11",
            "initial_state": [
                {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
            ],
        }
        room = RoomId(str((await self._gateway.call("POST", route("createRoom"), body=body))["room_id"]))
        await self.until(lambda: self._came(room, user), f"{user} to come")
        return room

    # -- seeing --------------------------------------------------------------------------------------------------------

    async def state(self, room: RoomId, type_: str, key: str = "") -> JsonObject:
        """Read a state event as it is now; {} when there is none."""
        live = await self._history.state(room, type_, key)
        return live.content if live is not None else {}

    async def event(self, room: RoomId, event: EventId) -> Event | None:
        """Read one event as this person can; None when they may not or cannot."""
        return await self._history.event(room, event)

    def said(self, room: RoomId | None, sender: UserId, part: str = "") -> Message | None:
        """Find the first message of somebody that this person saw, with ``part`` in it."""
        for event in self.events:
            if isinstance(event, Message) and event.sender == sender and part in event.body:  # noqa: SIM102 - reads so
                if room is None or event.room == room:
                    return event
        return None

    async def until(self, true: Callable[[], object], what: str, *, seconds: float = PATIENCE_S) -> None:
        """Wait until something is so.

        Raises:
            Unreachable: it did not come to pass in time.
        """
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(true)
        except TimeoutError:
            raise Unreachable(f"{self.name} waited {seconds:.0f} seconds for {what}, and it did not come.") from None

    # -- listening -----------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        await self._syncer.follow(None, self._take)

    async def _take(self, batch: SyncBatch) -> None:
        for update in batch.rooms:
            if update.membership == "invite":
                self.invited.add(update.room)
            elif update.membership == "join":
                self.joined.add(update.room)
                self.invited.discard(update.room)
            else:
                self.joined.discard(update.room)
            for event in (*update.state, *update.timeline):
                if isinstance(event, Member) and event.membership in {"leave", "ban"}:
                    self._crypto.member_left(event.room, event.user)
                self.events.append(event)
                self._listener(event)
        self._listened = True
        async with self._changed:
            self._changed.notify_all()
        try:
            await self._crypto.upkeep()
        except MatrixError:
            return  # the next answer brings the next chance

    def _came(self, room: RoomId, user: UserId) -> bool:
        return any(
            isinstance(event, Member) and event.room == room and event.user == user and event.membership == "join"
            for event in self.events
        )

    async def _readers(self, room: RoomId) -> list[UserId]:
        return await self._history.members(room)
