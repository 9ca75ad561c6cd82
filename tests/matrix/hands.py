"""A bot that is asked to do things and does them on the fake homeserver: the real store, engine, carrier and delivery.

Time is the homeserver's: naps and pauses take none, they only move its clock. ``Killed`` at a failpoint stands for a
``kill -9`` there; a new ``Life`` over the same directory is the start after it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path

import aiohttp
import pytest

from orchestrator import failpoints
from orchestrator.documents.declared import Documents
from orchestrator.engine import Engine
from orchestrator.engine.filler import Filler, _rooms_with_work
from orchestrator.errors import DocumentError, DocumentErrors
from orchestrator.matrix.budget import Budget
from orchestrator.matrix.carrying import Carrier
from orchestrator.matrix.crypto import Crypto
from orchestrator.matrix.delivery import Delivery, Job
from orchestrator.matrix.gateway import Gateway
from orchestrator.matrix.history import History
from orchestrator.matrix.making import Maker
from orchestrator.matrix.pictures import NO_FILES, Files
from orchestrator.matrix.ports import DirectRoom
from orchestrator.matrix.sync import Syncer
from orchestrator.model.effects import AnyEffect, Outcome, Result
from orchestrator.model.events import Event
from orchestrator.model.feature import Answer, Command, Now, Role, Timer, Tx
from orchestrator.model.ids import (
    LOCATOR_TYPE,
    AccountKey,
    Cause,
    CommunityKey,
    JsonObject,
    RoomId,
    RoomKey,
    UserId,
    locator_of,
)
from orchestrator.rooms import composed
from orchestrator.store import AccountStore, Store, bindings, ingest, outbox
from orchestrator.store.outbox import Waiting
from orchestrator.store.ready import anything_waits
from tests.fakes import FakeHomeserver, Room
from tests.matrix.listening import KEEPER, Pauses, Seals

MOST_ROUNDS = 200


class Killed(BaseException):
    """The process is gone."""


def kill_at(monkeypatch: pytest.MonkeyPatch, name: str, nth: int = 1) -> None:
    """Die at a failpoint, from the n-th time on that it is passed."""
    assert name in failpoints.NAMES
    passings = count(1)

    def pass_by(passed: str) -> None:
        if passed == name and next(passings) >= nth:
            raise Killed(name)

    monkeypatch.setattr(failpoints, "pass_by", pass_by)


class Asker:
    """A craft that wants what it is told to want, and hears what became of it."""

    name = "asker"

    def __init__(self) -> None:
        self.results: list[Result] = []

    @property
    def commands(self) -> Sequence[Command]:
        return ()

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        return ()

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        return ()

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect]:
        return ()

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect]:
        self.results.append(result)
        return ()

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect]:
        return ()


class Greeting(Asker):
    """Remembers the direct rooms that were made, as the craft of rooms does."""

    name = "rooms"

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect]:
        line = outbox.journal_of(tx, result.cause)
        if line is not None and line["kind"] == "create" and result.outcome == "done" and result.room is not None:
            bindings.set_direct(tx, UserId(str(line["target"])), result.room)
        return super().done(tx, result, now)


class Nobody:
    def role(self, tx: Tx, user: UserId, community: CommunityKey, room: RoomKey | None, now: Now) -> Role:
        return Role.MEMBER


class Overlay:
    """What leads changed; it lies on disk, so it outlives the process."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self.writes = 0
        self.refuses = False

    async def __call__(self, row: Waiting) -> None:
        if self.refuses:
            raise DocumentErrors([DocumentError("No such place.", file=row.target)])
        self.values[row.target] = row.payload.get("value")
        self.writes += 1


class Life:
    """The bot from one start to its end."""

    def __init__(
        self,
        hs: FakeHomeserver,
        rows: AccountStore,
        http: aiohttp.ClientSession,
        overlay: Overlay,
        device: str,
        craft: type[Asker],
        files: Files = NO_FILES,
        crypto: Crypto | None = None,
    ) -> None:
        self.hs, self.rows, self.device = hs, rows, device
        self.asker, self.greeting = craft(), Greeting()
        self.pauses = Pauses(hs.clock)
        rng = random.Random(1)  # noqa: S311 - the same jitter each time
        self.gateway = gateway = Gateway(http, hs.base_url, hs.clock, rng, self.pauses)
        gateway.token = hs.user(KEEPER).token(device)
        seals = Seals()
        self.history = history = History(gateway, seals, KEEPER)
        self.syncer = Syncer(gateway, seals, KEEPER, hs.clock, rng)
        self.engine = Engine(rows, hs.clock, KEEPER)
        self.engine.use(Documents(communities=()), [self.asker, self.greeting], Nobody())
        self.carrier = Carrier(
            store=rows,
            gateway=gateway,
            history=history,
            crypto=crypto,
            clock=hs.clock,
            me=KEEPER,
            device=device,
            confirm=self.engine.confirm,
            compose=self._compose,
            maker=Maker(rows, gateway, history, hs.clock, KEEPER, direct_room),
            amend=overlay,
            files=files,
        )
        self.budget = Budget()
        self.delivery = Delivery(rows, self.carrier, self.budget, hs.clock, rng)
        self.filler = Filler(self.engine, rows, history, hs.clock, self.pauses)
        self.engine.follow(lambda taken: self.delivery.wake() if taken.waiting else None)

    # -- what it is asked ----------------------------------------------------------------------------------------------

    async def ask(self, *effects: AnyEffect, origin: str = "$asked") -> list[Cause | None]:
        def record(tx: Tx) -> list[Cause | None]:
            return [outbox.record(tx, origin, self.asker.name, effect, self.hs.clock.now_ms()) for effect in effects]

        causes = await self.rows.run(record)
        self.delivery.wake()
        return causes

    async def sync(self) -> None:
        """Take in all that is new."""
        while await self.listen():
            pass

    async def listen(self) -> bool:
        """Take in one answer; tells whether there was anything new in it."""
        since = await self.rows.run(ingest.cursor)
        batch = await self.syncer.next(since, 0)
        await self.engine.take(batch, catching_up=False)
        return bool(batch.rooms)

    async def catch_up(self) -> bool:
        """Do one piece of what is to be read from history; tells whether there was any."""
        rooms = await self.rows.run(_rooms_with_work)
        if rooms:
            await self.filler._catch_up(rooms[0])
        return bool(rooms)

    # -- what it does --------------------------------------------------------------------------------------------------

    async def choose(self) -> list[Job]:
        jobs, self.nap_ms = await self.delivery._choose()
        return jobs

    async def step(self) -> bool:
        """Carry what delivery chooses now; tells whether there was anything."""
        jobs = await self.choose()
        self.delivery._running.update({job.name: job for job in jobs})
        done = await asyncio.gather(*(self.delivery._work(job) for job in jobs), return_exceptions=True)
        for outcome in done:
            if isinstance(outcome, BaseException):
                raise outcome
        return bool(jobs)

    async def rest(self) -> None:
        """Carry until nothing waits, however long that takes on the homeserver's clock."""
        for _ in range(MOST_ROUNDS):
            if not await self.step():
                if not await self.rows.run(anything_waits):
                    return
                self.hs.clock.advance(max(1, self.nap_ms))
        raise AssertionError(f"it never comes to rest: {await self.waiting()}")

    async def waiting(self) -> list[Waiting]:
        return await self.rows.run(outbox.waiting)

    @property
    def outcomes(self) -> list[Outcome]:
        return [result.outcome for result in self.asker.results]

    async def _compose(self, room: RoomId, type_: str, key: str, live: JsonObject | None) -> JsonObject | None:
        return await self.rows.run(composed, room, type_, key, live, KEEPER, self.hs.clock.now_ms())


def direct_room(user: UserId, *, oldest: bool = False) -> DirectRoom:
    """Describe a plain direct room, to be read from the invitation on."""
    locator = locator_of(KEEPER, "direct", user)
    body: JsonObject = {
        "preset": "private_chat",
        "room_version": "10" if oldest else "12",
        "initial_state": [
            {
                "type": "m.room.history_visibility",
                "state_key": "",
                "content": {"history_visibility": "invited"},
            },
            {"type": LOCATOR_TYPE, "state_key": "", "content": {"locator": locator}},
        ],
    }
    return DirectRoom(locator, body)


@asynccontextmanager
async def living(
    hs: FakeHomeserver,
    directory: Path,
    overlay: Overlay | None = None,
    *,
    device: str = "KEEPER",
    craft: type[Asker] = Asker,
    files: Files = NO_FILES,
    crypto: Crypto | None = None,
) -> AsyncIterator[Life]:
    """Start the bot on the rows of a directory and take in what happened; it ends with the context."""
    async with AsyncExitStack() as stack:
        store = Store.open(directory)
        stack.push_async_callback(store.close)
        # A connection for each request: aiohttp repeats a request by itself when a kept connection breaks.
        connector = aiohttp.TCPConnector(force_close=True)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        life = Life(hs, store.of(AccountKey("keeper")), http, overlay or Overlay(), device, craft, files, crypto)
        await life.sync()
        yield life


def circle(hs: FakeHomeserver, *people: str) -> Room:
    """Make a plain room that the keeper keeps, with people in it."""
    room = hs.user(KEEPER).create_room(preset="public_chat", name="Tuesday circle")
    for user in people:
        hs.person(user).join(room)
    return room
