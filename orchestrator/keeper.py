"""One account at work: listens, decides, delivers, fills gaps, runs timers, until it is stopped.

The order of a start is part of the promise: first everything that happened is taken in, what was already done is confirmed
by its echo, and only then is the rest delivered.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

import structlog

from orchestrator.crafts import Crafts
from orchestrator.documents.asking import touches
from orchestrator.documents.declared import CONTROL_KEY
from orchestrator.engine import Engine
from orchestrator.engine.auditing import Auditing
from orchestrator.engine.filler import Filler
from orchestrator.engine.intake import Taken
from orchestrator.engine.onlooking import Onlooking
from orchestrator.errors import MatrixError, UnknownToken
from orchestrator.matrix.budget import Budget, Learnt
from orchestrator.matrix.carrying import Carrier
from orchestrator.matrix.crypto import Crypto
from orchestrator.matrix.delivery import Delivery
from orchestrator.matrix.gateway import Gateway
from orchestrator.matrix.history import History
from orchestrator.matrix.making import Maker
from orchestrator.matrix.pictures import NO_FILES, Files
from orchestrator.matrix.ports import Amender, DirectRoom
from orchestrator.matrix.reading import Reader
from orchestrator.matrix.session import Session
from orchestrator.matrix.sync import Syncer
from orchestrator.model.batch import SyncBatch
from orchestrator.model.clock import MINUTE_MS, Clock
from orchestrator.model.events import Message, Reaction, Unreadable
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, JsonObject, RoomId, UserId
from orchestrator.rooms import DIRECT_VERSION, OLDEST_VERSION, composed, direct_room, direct_version
from orchestrator.store import AccountStore, bindings, ingest, mirror

log = structlog.get_logger("keeper")

WARM_MS: Final = 30 * MINUTE_MS
"""How far back a room's own history is read at a start, so that nobody's conversation is taken for silence."""

WARM_PAGES: Final = 20
"""Two thousand events are no silence either, whatever times they claim."""

MOST_PINS: Final = 20
"""How many pinned messages are looked at in a room that was found again."""


class Keeper:
    """Runs one account.

    Args:
        store: the account's rows.
        gateway: speaks to its homeserver, logged in.
        session: who we are there.
        crypto: ready, with its identity.
        clock, rng: time and chance.
        amend: writes changes of the documents.
        learnt: what an earlier run learnt of the server's limits.
        files: finds the bytes of rooms' pictures.

    Attributes:
        reader: reads rooms as they are now.
        ready: what happened before the start is known.
        begun: everything is in line with the documents, as far as the rows go; from now on it is delivered.
    """

    def __init__(
        self,
        *,
        store: AccountStore,
        gateway: Gateway,
        session: Session,
        crypto: Crypto,
        clock: Clock,
        rng: random.Random,
        amend: Amender,
        learnt: Learnt | None = None,
        files: Files = NO_FILES,
    ) -> None:
        self.me = session.user
        self._store = store
        self._clock = clock
        self._crypto = crypto
        self._history = History(gateway, crypto, self.me)
        self._syncer = Syncer(gateway, crypto, self.me, clock, rng)
        self.engine = Engine(store, clock, self.me)
        self.reader = Reader(gateway, self.me)
        self._filler = Filler(self.engine, store, self._history, clock)
        self._onlooking = Onlooking(self.engine, self.reader)
        self._auditing = Auditing(self.engine, self.reader, clock)
        self._budget = Budget(learnt)
        self._maker = Maker(store, gateway, self._history, clock, self.me, self._direct)
        carrier = Carrier(
            store=store,
            gateway=gateway,
            history=self._history,
            crypto=crypto,
            clock=clock,
            me=self.me,
            device=session.device,
            confirm=self.engine.confirm,
            compose=self._compose,
            maker=self._maker,
            amend=amend,
            files=files,
            look=touches,
        )
        self.delivery = Delivery(store, carrier, self._budget, clock, rng)
        self._key_work = asyncio.Event()
        self._rooms_changed = asyncio.Event()
        self._direct_version = DIRECT_VERSION
        self._warmed: set[RoomId] = set()
        self.ready = asyncio.Event()
        self.begun = asyncio.Event()
        self.engine.follow(self._heard)

    def use(self, crafts: Crafts) -> None:
        """Work with these crafts from now on."""
        self.engine.use(crafts.documents, crafts.features, crafts.roster)
        self._direct_version = direct_version(crafts.documents.of(self._store.account).communities)

    def settle_soon(self) -> None:
        """Bring everything in line with the crafts, as soon as what is under way is done."""
        self.engine.settle_soon()

    async def run(self) -> None:
        """Work until cancelled.

        Raises:
            UnknownToken: the account's token is no longer good.
            StoreError: the disk is full or failing.
        """
        await self._know_staff()
        async with asyncio.TaskGroup() as tasks:
            since = await self._store.run(ingest.cursor)
            tasks.create_task(self._work_on_keys())
            tasks.create_task(self._syncer.follow(since, self._take))
            tasks.create_task(self._begin(tasks.create_task))

    async def _know_staff(self) -> None:
        """Learn what those who look after others are called, before anybody is judged who would pass for one of them.

        They are together in the rooms where leads and facilitators talk; whoever is not is met with everybody else.
        """
        for binding in await self._store.run(bindings.bindings):
            if binding.key == CONTROL_KEY:
                try:
                    self.engine.know_names(await self._history.names(binding.room))
                except UnknownToken:
                    raise
                except MatrixError:
                    continue  # they are met later, with everybody else

    async def _begin(self, start: Callable[..., object]) -> None:
        """Begin to act once what happened is known."""
        await self.ready.wait()
        await self._warm()
        await self.engine.settle()
        self.begun.set()
        start(self._keep_warm())
        start(self.engine.keep_settled())
        start(self._filler.run())
        start(self._onlooking.run())
        start(self._auditing.run())
        start(self.engine.run_timers())
        start(self.delivery.run())

    async def _take(self, batch: SyncBatch) -> None:
        await self.engine.take(batch, catching_up=not self.ready.is_set())
        if batch.sessions:
            self._filler.wake(batch.sessions)
        self._key_work.set()
        self.ready.set()

    def _heard(self, taken: Taken) -> None:
        # Who comes needs nothing: each send looks who may read. Who leaves must not read on.
        for room, user in taken.left:
            self._crypto.member_left(room, user)
        if taken.gaps:
            self._filler.wake()
        if taken.away:  # what is remembered of who spoke has a hole
            self._warmed.clear()
            self._maker.born.clear()
        self._warmed -= taken.filled
        if taken.away or taken.filled:
            self._rooms_changed.set()
        if taken.settle:
            self._rooms_changed.set()
        if taken.entered:
            self._onlooking.wake()
        if taken.waiting:
            self.delivery.wake()

    async def _work_on_keys(self) -> None:
        """Publish keys and ask for others' whenever sync says so, beside everything else."""
        while True:
            await self._key_work.wait()
            self._key_work.clear()
            try:
                await self._crypto.upkeep()
            except UnknownToken:
                raise
            except MatrixError as error:
                log.warning("keys could not be looked after; again with the next answer", why=str(error))

    async def _keep_warm(self) -> None:
        """A room that was just made or found has a past to read as well."""
        while True:
            await self._rooms_changed.wait()
            self._rooms_changed.clear()
            await self._warm()

    async def _warm(self) -> None:
        """Read who spoke lately in our rooms: times and ids, into memory only."""
        since_ms = self._clock.now_ms() - WARM_MS
        for binding in await self._store.run(bindings.bindings):
            if binding.room in self._warmed:
                continue
            self._warmed.add(binding.room)
            born = binding.room in self._maker.born
            self._maker.born.discard(binding.room)
            if born and await self._store.run(ingest.gap_in, binding.room) is None:
                # Nobody was there before us, and all since then comes by sync.
                await self.engine.warm(binding.room, (), since_ms)
                continue
            await self._meet_members(binding.room)
            await self._recall(binding.room)
            marks: list[tuple[int, str]] = []
            token: str | None = ""
            try:
                for _page in range(WARM_PAGES):
                    if token is None:
                        break
                    page = await self._history.page(binding.room, start=token, stop="")
                    marks += [(e.at_ms, e.sender) for e in page.events if isinstance(e, Message | Reaction)]
                    older = all(e.at_ms >= since_ms for e in page.events)
                    token = page.older if older else None
            except UnknownToken:
                raise
            except MatrixError:
                # What was said before now stays unknown, and nobody takes it for silence; we listen from now on.
                await self.engine.warm(binding.room, (), self._clock.now_ms())
                continue
            theirs = sorted(mark for mark in marks if mark[0] >= since_ms and mark[1] != self.me)
            await self.engine.warm(binding.room, theirs, since_ms)

    async def _recall(self, room: RoomId) -> None:
        """Where our memory of a room was lost, look at what of ours is pinned there."""
        pinned = await self._store.run(_forgotten_pins, room)
        try:
            found = [await self._history.event(room, event) for event in pinned]
        except UnknownToken:
            raise
        except MatrixError:
            return  # they are pinned anew
        ours = [e for e in found if isinstance(e, Message | Unreadable) and e.sender == self.me]
        if ours:
            await self.engine.recall(room, ours)

    async def _meet_members(self, room: RoomId) -> None:
        """Learn who is in a room of ours: sync tells only of those who speak, and whoever just reads belongs as well."""
        before = await self._store.run(mirror.roll, room)
        try:
            joined = await self._history.names(room)
        except UnknownToken:
            raise
        except MatrixError:
            return  # known at the next start; until then they are as sync shows them
        self.engine.know_names(joined)
        await self._store.run(mirror.see_members, room, list(joined), before)

    def _direct(self, user: UserId, *, oldest: bool = False) -> DirectRoom:
        return DirectRoom(*direct_room(self.me, user, room_version=OLDEST_VERSION if oldest else self._direct_version))

    async def _compose(self, room: RoomId, type_: str, key: str, live: JsonObject | None) -> JsonObject | None:
        return await self._store.run(composed, room, type_, key, live, self.me, self._clock.now_ms())


def _forgotten_pins(tx: Tx, room: RoomId) -> list[EventId]:
    pins = mirror.state_of(tx, room, "m.room.pinned_events") if bindings.was_found(tx, room) else None
    pinned = (pins.content or {}).get("pinned") if pins is not None else None
    return (
        [EventId(event) for event in pinned if isinstance(event, str)][:MOST_PINS] if isinstance(pinned, list) else []
    )
