"""Many rooms that are made one after the other do not have everything settled for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.documents.declared import Documents
from orchestrator.engine import Engine
from orchestrator.model.effects import AnyEffect, CreateRoom, Result
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import AccountKey, CommunityKey, RoomId, RoomKey
from orchestrator.store import AccountStore, Store, bindings, outbox

from .crafts import Craft
from .test_intake import ME, Clock, Nobody

GROVE = CommunityKey("grove")
ROOMS = 40


class Builder(Craft):
    """Wants many rooms, and counts how often it is asked to look at all of them."""

    name = "builder"

    def __init__(self) -> None:
        super().__init__()
        self.settled = 0
        self.whole = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        self.settled += 1
        if len(bindings.bindings(tx)) == ROOMS:
            self.loop.call_soon_threadsafe(self.whole.set)
        return [
            CreateRoom(step=f"make:{n}", locator=f"l{n}", body={}, community=GROVE, key=RoomKey(f"room-{n}"))
            for n in range(ROOMS)
        ]

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect]:
        if result.room is not None:
            bindings.bind(tx, GROVE, RoomKey(result.step.replace("make:", "room-")), result.room, "made")
        return ()


@pytest.fixture
async def rows(tmp_path: Path) -> AsyncIterator[AccountStore]:
    store = Store.open(tmp_path)
    yield store.of(AccountKey("keeper"))
    await store.close()


def an_engine(rows: AccountStore, *crafts: Craft) -> Engine:
    engine = Engine(rows, Clock(), ME)
    engine.use(Documents(communities=()), crafts, Nobody())
    return engine


async def make_all(rows: AccountStore, engine: Engine, after_each: Callable[[], None] = lambda: None) -> None:
    for row in await rows.run(outbox.waiting):
        await engine.confirm(row.cause, "done", room=RoomId(f"!{row.step}"))
        after_each()


async def kept(engine: Engine) -> asyncio.Task[None]:
    task = asyncio.create_task(engine.keep_settled())
    await asyncio.to_thread(bool)
    return task


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_while_nobody_keeps_it_settled_each_room_is_followed_by_a_look_at_all(rows: AccountStore) -> None:
    craft = Builder()
    engine = an_engine(rows, craft)
    await engine.settle()
    await make_all(rows, engine)
    assert craft.settled == 1 + ROOMS


async def test_rooms_made_while_it_rests_are_settled_together_and_the_last_one_at_once(
    rows: AccountStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It never wakes from its rest by itself here: only that nothing is left to make ends it.
    monkeypatch.setattr("orchestrator.engine.engine.REST", 1e9)
    monkeypatch.setattr("orchestrator.engine.engine.LONGEST_REST_S", 1e9)
    craft = Builder()
    engine = an_engine(rows, craft)
    await engine.settle()
    task = await kept(engine)
    await make_all(rows, engine)
    await asyncio.wait_for(craft.whole.wait(), 30)
    # At the start, after the first room, and at the end; a look may have begun between the last two.
    assert craft.settled <= 4
    await stop(task)


async def test_what_was_made_and_not_settled_before_a_crash_is_settled_by_the_next_start(rows: AccountStore) -> None:
    engine = an_engine(rows, Builder())
    await engine.settle()
    task = await kept(engine)
    await stop(task)
    craft = Builder()
    engine = an_engine(rows, craft)
    # Nothing of what is to be settled is kept: a start looks at everything.
    engine.settle_soon()
    await make_all(rows, engine)
    assert craft.settled == 0
    await engine.settle()
    assert craft.whole.is_set() or await asyncio.wait_for(craft.whole.wait(), 30)


async def test_when_nobody_keeps_it_settled_any_more_it_does_so_itself_again(rows: AccountStore) -> None:
    craft = Builder()
    engine = an_engine(rows, craft)
    await engine.settle()
    await stop(await kept(engine))
    before = craft.settled
    (row, *_rest) = await rows.run(outbox.waiting)
    await engine.confirm(row.cause, "done", room=RoomId("!one"))
    assert craft.settled == before + 1


async def test_a_clock_that_was_set_back_is_looked_at_as_a_start_is(
    rows: AccountStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.engine.engine.LONGEST_NAP_MS", 1)

    class Watcher(Craft):
        name = "watcher"

        def __init__(self) -> None:
            super().__init__()
            self.settled_ms: list[int] = []

        def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
            self.settled_ms.append(now.at_ms)
            return ()

    class Corrected(Clock):
        asked = 0

        def now_ms(self) -> int:
            self.asked += 1
            return super().now_ms() + (10**11 if self.asked <= 2 else 0)

    clock, craft, looked = Corrected(), Watcher(), asyncio.Event()
    engine = Engine(rows, clock, ME)
    engine.use(Documents(communities=()), [craft], Nobody())
    engine.follow(lambda _taken: looked.set())
    task = asyncio.create_task(engine.run_timers())
    await asyncio.wait_for(looked.wait(), 30)
    await stop(task)
    assert craft.settled_ms == [clock.at_ms]
