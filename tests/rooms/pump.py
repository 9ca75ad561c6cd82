"""The rooms craft at work on a homeserver: sync, engine, delivery and nothing else, turned by hand.

There is no encryption here: what is said is not delivered (``said`` names it), all else goes over HTTP.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from orchestrator.documents.declared import Community, Documents
from orchestrator.engine import Engine
from orchestrator.engine.filler import Filler
from orchestrator.errors import Final, Retryable
from orchestrator.facilitation.craft import Facilitation
from orchestrator.matrix.carrying import Carrier
from orchestrator.matrix.making import Maker, NotYet
from orchestrator.matrix.ports import DirectRoom
from orchestrator.model.clock import SECOND_MS
from orchestrator.model.ids import AccountKey, EventId, Json, JsonObject, RoomId, UserId
from orchestrator.rooms import DIRECT_VERSION, OLDEST_VERSION, Rooms, composed, direct_room
from orchestrator.store import AccountStore, Store, bindings, claims, ingest, outbox, questions
from orchestrator.store.outbox import Waiting
from tests.declared import ME
from tests.fakes import FakeHomeserver
from tests.matrix.listening import Ears, listening


def described(user: UserId, *, oldest: bool = False) -> DirectRoom:
    """Describe a direct room, as the keeper does."""
    return DirectRoom(*direct_room(ME, user, room_version=OLDEST_VERSION if oldest else DIRECT_VERSION))


class _Killed(BaseException):
    """The bot is dead; what it had not committed is lost."""


class Pump:
    """A bot turned by hand."""

    passing = Retryable

    def __init__(self, hs: FakeHomeserver, rows: AccountStore, ears: Ears, *communities: Community) -> None:
        self.hs, self.rows, self._ears = hs, rows, ears
        self.said: list[str] = []
        self.words: list[str] = []
        self.refuse_making = False
        self.amended: list[tuple[tuple[str, ...], Json]] = []
        self.engine = Engine(rows, hs.clock, ME)
        self.use(*communities)
        self._filler = Filler(self.engine, rows, ears.history, hs.clock)
        maker = Maker(rows, ears.gateway, ears.history, hs.clock, ME, described)
        self._carrier = Carrier(
            store=rows,
            gateway=ears.gateway,
            history=ears.history,
            crypto=None,
            clock=hs.clock,
            me=ME,
            device="KEEPER",
            confirm=self.engine.confirm,
            compose=self._compose,
            maker=maker,
            amend=self._amend,
        )

    def use(self, *communities: Community) -> None:
        """Work with these communities from now on; who is on duty is as they say."""
        documents = Documents(communities=communities)
        self.engine.use(documents, [Rooms(documents, ME)], Facilitation(documents))

    async def run(self) -> None:
        """Take in what happened, settle, and deliver until nothing is left to do."""
        await self.sync()
        await self.engine.settle()
        for _ in range(60):
            rows, marks = await self.rows.run(outbox.waiting), await self.rows.run(claims.unsettled)
            if not rows and not marks:
                return
            for row in rows:
                await self._carry(row)
            for mark in marks:
                try:
                    await self._carrier.settle(mark)
                except NotYet as wait:
                    self.hs.clock.advance(wait.wait_ms)
                except Final as error:
                    await self._carrier.refuse(None, mark, error)
            await self.sync()
        raise AssertionError(f"it never comes to rest: {rows} {marks}")

    async def run_until_killed(self, nth: int, *, answered: bool) -> bool:
        """Run, and die at a request, before it leaves or with its answer on the way; tells whether it came to that."""
        call, count = self._ears.gateway.call, 0

        async def cut(*args: Any, **kwargs: Any) -> JsonObject:
            nonlocal count
            count += 1
            if count == nth and not answered:
                raise _Killed
            try:
                return await call(*args, **kwargs)
            finally:
                if count == nth:
                    raise _Killed

        self._ears.gateway.call = cut  # type: ignore[method-assign]
        try:
            await self.run()
        except _Killed:
            return True
        return False

    async def ring(self) -> None:
        """Run what is due."""
        await self.engine._transact(lambda intake, turn: intake.take_due(turn))

    async def bound(self) -> dict[str, RoomId]:
        return {binding.key: binding.room for binding in await self.rows.run(bindings.bindings)}

    def made(self) -> int:
        """Count the rooms that were asked for."""
        return len(self.writes("createRoom"))

    def writes(self, part: str = "") -> list[str]:
        """List everything that was asked of the homeserver and was no question."""
        return [
            f"{request.method} {request.path}"
            for request in self.hs.requests
            if request.method != "GET" and part in request.path and "/login" not in request.path
        ]

    async def _carry(self, row: Waiting) -> None:
        if row.kind in {"send", "direct"}:
            self.said.append(str(row.room or row.target))
            said: Any = row.payload["content"]
            self.words.append(str(said.get("body", "")))
            event = room = None
            if questions.PAYLOAD in row.payload and row.room is not None:
                content: Any = row.payload["content"]
                room, event = row.room, EventId(self.hs.user(ME).send(row.room, "m.room.message", content))
            await self.engine.confirm(row.cause, "done", event=event, room=room)
            return
        if row.kind == "create" and self.refuse_making:
            await self.engine.confirm(row.cause, "refused", errcode="M_FORBIDDEN")
            return
        await self.try_once(row)

    async def try_once(self, row: Waiting) -> None:
        """Have delivery try a row."""
        try:
            await self._carrier.carry(row)
        except NotYet as wait:
            self.hs.clock.advance(wait.wait_ms)
        except Final as error:
            await self._carrier.refuse(row, None, error)

    async def sync(self) -> None:
        # What is new is here at once; an empty answer ends it.
        for _ in range(20):
            since = await self.rows.run(ingest.cursor)
            batch = await self._ears.syncer.next(since, 0)
            await self.engine.take(batch, catching_up=False)
            for gap in await self.rows.run(ingest.gaps):
                await self._filler.fill(gap)
            if not batch.rooms:
                return
        raise AssertionError(f"sync never comes to rest after {20 * SECOND_MS} ms")

    async def _compose(self, room: RoomId, type_: str, key: str, live: JsonObject | None) -> JsonObject | None:
        return await self.rows.run(composed, room, type_, key, live, ME, self.hs.clock.now_ms())

    async def _amend(self, row: Waiting) -> None:
        path: Any = row.payload["path"]
        self.amended.append((tuple(path), row.payload["value"]))


@asynccontextmanager
async def pumping(hs: FakeHomeserver, directory: Path, *communities: Community) -> AsyncIterator[Pump]:
    """Start a bot on the rows of a directory; what is said is only named."""
    store = Store.open(directory)
    try:
        async with listening(hs) as ears:
            yield Pump(hs, store.of(AccountKey("keeper")), ears, *communities)
    finally:
        await store.close()
