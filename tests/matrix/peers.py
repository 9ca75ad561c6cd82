"""Devices that speak to each other over the fake homeserver, each with an encryption engine of ours."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from orchestrator.matrix.crypto import Crypto
from orchestrator.matrix.gateway import Gateway, route
from orchestrator.matrix.own_device import Device
from orchestrator.matrix.seal import Seal
from orchestrator.model.clock import Clock
from orchestrator.model.ids import DeviceId, JsonObject, RoomId, UserId
from tests.fakes import FakeHomeserver, Room

KEEPER = UserId("@keeper:grove.example")
ANA = UserId("@ana:grove.example")
BO = UserId("@bo:grove.example")

ENCRYPTED: dict[str, Any] = {
    "initial_state": [
        {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}},
    ]
}


@dataclass(slots=True)
class Peer:
    """A device with our encryption; ``heard`` holds every encrypted event it saw, raw, oldest first."""

    user: UserId
    device: DeviceId
    gateway: Gateway
    crypto: Crypto
    directory: Path
    seal: Seal
    clock: Clock
    since: str | None = None
    last: JsonObject = field(default_factory=dict)
    heard: list[tuple[RoomId, JsonObject]] = field(default_factory=list)

    async def turn(self, *, upkeep: bool = True) -> frozenset[str]:
        """Take one answer of /sync; gives the sessions that became known."""
        query = {"timeout": "0"} | ({"since": self.since} if self.since else {})
        self.last = await self.gateway.call("GET", route("sync"), query=query)
        known = await self.crypto.receive(self.last)
        self.since = str(self.last["next_batch"])
        rooms: Any = self.last.get("rooms", {})
        for room, section in rooms.get("join", {}).items():
            for event in section["timeline"]["events"]:
                if event["type"] == "m.room.encrypted":
                    self.heard.append((RoomId(room), event))
        if upkeep:
            await self.crypto.upkeep()
        return known

    async def say(
        self, room: Room, text: str, *, members: Iterable[UserId] = (), more: JsonObject | None = None
    ) -> str:
        """Say something in an encrypted room; returns the event id."""
        readers = list(members) or [UserId(user) for user in sorted(room.joined)]
        return await self.say_in(RoomId(room.room_id), text, readers, more or {})

    async def say_in(self, room_id: RoomId, text: str, readers: Sequence[UserId], more: JsonObject) -> str:
        """Say something for some readers; returns the event id."""
        body: JsonObject = {"msgtype": "m.text", "body": text, **more}
        sealed = await self.crypto.encrypt(room_id, "m.room.message", body, readers)
        path = route("rooms", room_id, "send", "m.room.encrypted", secrets.token_hex(8))
        return str((await self.gateway.call("PUT", path, body=sealed))["event_id"])

    async def others(self, user: UserId) -> Sequence[Device]:
        """Somebody's devices, asked for and met."""
        await self.crypto._lists.refresh([user])
        devices = self.crypto._machine.devices(user)
        await self.crypto._lists.meet(devices)
        return devices

    async def tell(self, user: UserId, type_: str, content: JsonObject) -> None:
        """Send somebody's devices a to-device message as no honest client might."""
        assert await self.crypto._sharing.tell(await self.others(user), type_, content)

    def texts(self) -> list[str | None]:
        """What it can read now of all it heard; None stands for what it cannot."""
        return [_body(self.crypto.decrypt(room, event)) for room, event in self.heard]

    async def reads(self) -> list[str | None]:
        """Take one answer of /sync and read everything heard so far."""
        await self.turn()
        return self.texts()

    def restart(self) -> None:
        """Stop and start again with the same directory."""
        self.crypto.close()
        self.crypto = Crypto.open(self.gateway, self.directory, self.user, self.device, self.seal, self.clock)


class Peers:
    """Makes the peers of one test."""

    def __init__(self, stack: AsyncExitStack, hs: FakeHomeserver, directory: Path) -> None:
        self._stack, self._hs, self._directory = stack, hs, directory

    async def log_in(self, user: UserId, *, shown_as: str | None = None, published: bool = True) -> Peer:
        """Log somebody in on a new device."""
        hs = self._hs
        hs.user(user, "secret")
        # A connection for each request: aiohttp repeats some by itself when a kept connection breaks.
        session = await self._stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        )
        gateway = Gateway(session, hs.base_url, hs.clock, random.Random(1))  # noqa: S311 - the same jitter each time
        body: JsonObject = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user},
            "password": "secret",
            **({} if shown_as is None else {"initial_device_display_name": shown_as}),
        }
        answer = await gateway.call("POST", route("login"), body=body)
        gateway.token = str(answer["access_token"])
        device, seal = DeviceId(str(answer["device_id"])), Seal(secrets.token_bytes(32))
        directory = self._directory / device
        crypto = Crypto.open(gateway, directory, user, device, seal, hs.clock)
        peer = Peer(user, device, gateway, crypto, directory, seal, hs.clock)
        self._stack.callback(lambda: peer.crypto.close())  # noqa: PLW0108 - the one it has at the end
        if published:
            await peer.turn()
        return peer

    async def room_of(self, *peers: Peer) -> Room:
        """Put peers into an encrypted room together, and let all of them know."""
        first, *others = peers
        room = self._hs.person(first.user).create_room(preset="private_chat", **ENCRYPTED)
        for user in dict.fromkeys(peer.user for peer in others if peer.user != first.user):
            self._hs.person(first.user).invite(room, user)
            self._hs.person(user).join(room)
        for peer in peers:
            await peer.turn()
        return room


def letters(peer: Peer) -> Sequence[Mapping[str, Any]]:
    """The to-device events of a peer's last answer of /sync."""
    found: Any = peer.last.get("to_device", {})
    events: Sequence[Mapping[str, Any]] = found.get("events", [])
    return events


def _body(event: JsonObject | None) -> str | None:
    content = event["content"] if event is not None else None
    return str(content["body"]) if isinstance(content, Mapping) else None
