"""What the tests of sync and history share: the keeper's ears on the fake homeserver, and seals that tests can make."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from orchestrator.matrix.gateway import Gateway
from orchestrator.matrix.history import History
from orchestrator.matrix.sync import Syncer
from orchestrator.model.clock import Clock
from orchestrator.model.ids import JsonObject, RoomId, UserId
from tests.fakes import FakeClock, FakeHomeserver

KEEPER = UserId("@keeper:grove.example")


class Seals:
    """A stand-in for crypto: an event sealed with ``sealed`` opens once its session was received."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.received: list[JsonObject] = []
        self.to_come: set[str] = set()

    async def receive(self, raw_sync: JsonObject) -> frozenset[str]:
        """Learn the sessions that were said to come."""
        self.received.append(raw_sync)
        new, self.to_come = frozenset(self.to_come), set()
        self.known |= new
        return new

    def decrypt(self, room: RoomId, raw_event: JsonObject) -> JsonObject | None:
        """Open what ``sealed`` made."""
        content = raw_event["content"]
        assert isinstance(content, Mapping)
        payload = content.get("ciphertext")
        if content.get("session_id") not in self.known or not isinstance(payload, Mapping):
            return None
        assert payload["room_id"] == room
        return {**raw_event, **payload}


def sealed(room: str, session: str, content: JsonObject, type_: str = "m.room.message") -> dict[str, Any]:
    """Seal a content for ``m.room.encrypted``."""
    payload: JsonObject = {"type": type_, "content": content, "room_id": room}
    return {"algorithm": "m.megolm.v1.aes-sha2", "session_id": session, "ciphertext": payload}


@dataclass(slots=True)
class Pauses:
    """A sleep that takes no time, notes how long it should have been, and lets the fake clock know."""

    clock: FakeClock
    seconds: list[float] = field(default_factory=list)

    async def __call__(self, pause_s: float) -> None:
        self.seconds.append(pause_s)
        self.clock.advance(round(pause_s * 1000))


@dataclass(frozen=True, slots=True)
class Ears:
    """The keeper's way to hear."""

    gateway: Gateway
    syncer: Syncer
    history: History
    seals: Seals


@asynccontextmanager
async def listening_at(url: str, me: UserId, token: str, clock: Clock) -> AsyncIterator[Ears]:
    """Listen to a homeserver, fake or real, as somebody who is logged in."""
    seals = Seals()
    rng = random.Random(1)  # noqa: S311 - the same jitter each time
    # A connection for each request: aiohttp repeats a GET by itself when a kept connection breaks.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        gateway = Gateway(session, url, clock, rng)
        gateway.token = token
        yield Ears(gateway, Syncer(gateway, seals, me, clock, rng), History(gateway, seals, me), seals)


@asynccontextmanager
async def listening(hs: FakeHomeserver) -> AsyncIterator[Ears]:
    """Log the keeper in to the fake homeserver and let it listen."""
    async with listening_at(hs.base_url, KEEPER, hs.user(KEEPER).token(), hs.clock) as ears:
        yield ears
