"""What was missed of who spoke is read again, from the rooms themselves."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import CoroutineType
from typing import cast

import pytest

from orchestrator.crafts import Crafts
from orchestrator.culture import Culture
from orchestrator.documents.declared import CONTROL_KEY
from orchestrator.engine.intake import Taken
from orchestrator.facilitation.craft import Facilitation
from orchestrator.keeper import Keeper
from orchestrator.matrix.crypto import Crypto
from orchestrator.matrix.gateway import Gateway, Route
from orchestrator.matrix.ports import Amender
from orchestrator.matrix.session import Session
from orchestrator.model.batch import RoomUpdate, SyncBatch
from orchestrator.model.clock import MINUTE_MS
from orchestrator.model.ids import AccountKey, CommunityKey, DeviceId, JsonObject, RoomId, RoomKey
from orchestrator.store import Store, bindings, ingest
from tests.culture.conftest import a_grove, rule
from tests.declared import ANA, BO, CY, ME
from tests.house import CIRCLE, Clock

SPOKE = ("spoke", CIRCLE)


class Shelf:
    """A homeserver in whose rooms nothing was said; it counts how often their past is read."""

    def __init__(self) -> None:
        self.reads: Counter[str] = Counter()
        self.read = asyncio.Event()

    async def call(self, method: str, route: Route, **more: object) -> JsonObject:
        del more
        kind = route.path.rpartition("/")[2]
        self.reads[f"{method} {kind}"] += 1
        if kind == "messages":
            self.read.set()
            return {"chunk": [], "start": "t1"}
        return {"joined": {ANA: {"display_name": "Willow"}, CY: {"display_name": "Plum"}, BO: {}, "?": {"a": [1]}}}


@pytest.fixture
async def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def clock() -> Clock:
    return Clock()


@pytest.fixture
async def keeper(tmp_path: Path, shelf: Shelf, clock: Clock) -> AsyncIterator[Keeper]:
    """At work since a minute, and warm."""
    store = Store.open(tmp_path)
    rows = store.of(AccountKey("keeper"))
    keeper = Keeper(
        store=rows,
        gateway=cast("Gateway", shelf),
        session=Session(ME, DeviceId("D"), "token"),
        crypto=cast("Crypto", None),
        clock=clock,
        rng=random.Random(1),  # noqa: S311 - jitter, no secret
        amend=cast("Amender", None),
    )
    documents = a_grove(rule())
    roster = Facilitation(documents)
    keeper.use(Crafts(documents, (Culture(documents, roster),), roster))
    await rows.run(bindings.bind, CommunityKey("grove"), RoomKey("tuesday"), CIRCLE, "made")
    await hear(keeper)
    await keeper._warm()
    warming = asyncio.create_task(keeper._keep_warm())
    await asyncio.to_thread(bool)
    shelf.read.clear()
    yield keeper
    warming.cancel()
    with suppress(asyncio.CancelledError):
        await warming
    await store.close()


async def hear(keeper: Keeper, *, limited: bool = False) -> None:
    rooms = (RoomUpdate(room=CIRCLE, membership="join", limited=limited),)
    await keeper.engine.take(SyncBatch(since="s0", until="s1", rooms=rooms), catching_up=False)


def is_known(keeper: Keeper, clock: Clock) -> bool:
    return keeper.engine.moment().windows.is_known_since(SPOKE, clock.at_ms - 10 * MINUTE_MS)


async def test_after_an_outage_every_room_is_read_again(keeper: Keeper, shelf: Shelf, clock: Clock) -> None:
    assert is_known(keeper, clock)
    before = shelf.reads["GET messages"]
    clock.at_ms += 60 * MINUTE_MS
    await hear(keeper)
    await asyncio.wait_for(shelf.read.wait(), 60)
    assert shelf.reads["GET messages"] == before + 1


async def test_when_a_hole_was_filled_its_room_is_read_again(keeper: Keeper, shelf: Shelf, clock: Clock) -> None:
    await hear(keeper, limited=True)
    assert not is_known(keeper, clock)
    assert not shelf.read.is_set()
    await keeper._filler.fill(ingest.Gap(CIRCLE, "s0", "s1"))
    shelf.read.clear()
    await asyncio.wait_for(shelf.read.wait(), 60)


async def test_while_all_is_heard_nothing_is_read_again(keeper: Keeper, shelf: Shelf, clock: Clock) -> None:
    before = shelf.reads["GET messages"]
    clock.at_ms += MINUTE_MS
    await hear(keeper)
    assert is_known(keeper, clock)
    assert shelf.reads["GET messages"] == before


async def test_a_room_of_our_own_making_has_no_past_to_read(keeper: Keeper, shelf: Shelf, clock: Clock) -> None:
    before = shelf.reads.copy()
    born, silent = RoomId("!thursday"), ("spoke", RoomId("!thursday"))
    keeper._maker.born.add(born)
    await keeper._store.run(bindings.bind, CommunityKey("grove"), RoomKey("thursday"), born, "made")
    await keeper._warm()
    assert shelf.reads == before
    assert keeper.engine.moment().windows.is_known_since(silent, clock.at_ms - 10 * MINUTE_MS)


async def test_after_an_outage_a_room_of_our_own_making_is_read_as_well(keeper: Keeper, shelf: Shelf) -> None:
    born = RoomId("!thursday")
    keeper._maker.born.add(born)
    await keeper._store.run(bindings.bind, CommunityKey("grove"), RoomKey("thursday"), born, "made")
    before = shelf.reads["GET messages"]
    keeper._heard(Taken(away=True))
    await keeper._warm()
    assert shelf.reads["GET messages"] >= before + 1
    assert not keeper._maker.born


async def test_everything_that_works_beside_the_rest_is_begun(keeper: Keeper) -> None:
    begun: list[str] = []

    def start(work: CoroutineType[None, None, None]) -> None:
        begun.append(work.__qualname__)
        work.close()

    keeper.ready.set()
    await keeper._begin(start)
    assert {"Filler.run", "Onlooking.run", "Auditing.run", "Engine.run_timers", "Delivery.run"} <= set(begun)


async def test_what_staff_are_called_is_read_before_anybody_is_judged_and_that_of_nobody_else(
    keeper: Keeper, shelf: Shelf
) -> None:
    keeper.engine._windows.called.clear()
    await keeper._store.run(bindings.bind, CommunityKey("grove"), RoomKey(CONTROL_KEY), RoomId("!control"), "made")
    await keeper._know_staff()
    assert keeper.engine._windows.called == {ANA: "Willow", BO: ""}


async def test_a_bot_that_starts_reads_what_staff_are_called_before_it_asks_what_happened(
    keeper: Keeper, shelf: Shelf
) -> None:
    await keeper._store.run(bindings.bind, CommunityKey("grove"), RoomKey(CONTROL_KEY), RoomId("!control"), "made")
    order: list[str] = []
    seen = shelf.call

    async def call(method: str, route: Route, **more: object) -> JsonObject:
        order.append(route.path.rpartition("/")[2])
        if order[-1] == "sync":
            shelf.read.set()
            await asyncio.Event().wait()
        return await seen(method, route, **more)

    shelf.call = call  # type: ignore[method-assign]
    shelf.read.clear()
    running = asyncio.create_task(keeper.run())
    await shelf.read.wait()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert order[:2] == ["joined_members", "sync"]
