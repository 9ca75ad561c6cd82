"""While a server is in trouble it hears from all of us together about once a second; an answer of any kind ends that."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise

import aiohttp
import pytest

from orchestrator.errors import Forbidden, MatrixError, NotFound, RateLimited, ServerTrouble, Unreachable
from orchestrator.matrix.gateway import Gateway, route
from orchestrator.matrix.outage import APART_MS, MOST_APART_MS, TROUBLES_ALLOWED, Outage
from tests.fakes import FakeHomeserver, HtmlError
from tests.fakes.clock import FakeClock
from tests.matrix.listening import KEEPER

ASKERS = 20
STEP_MS = 50


async def sleep_on(clock: FakeClock, seconds: float) -> None:
    await clock.sleep_ms(round(seconds * 1000))


def outage_on(clock: FakeClock) -> Outage:
    return Outage(clock, random.Random(1), partial(sleep_on, clock))  # noqa: S311 - jitter


async def settle() -> None:
    """Let whoever can go on go on."""
    for _ in range(10):
        await asyncio.sleep(0)


def fail(outage: Outage, times: int = TROUBLES_ALLOWED) -> None:
    for _ in range(times):
        outage.note(ServerTrouble("Bad gateway.", status=502))


@asynccontextmanager
async def gateway_on(hs: FakeHomeserver) -> AsyncIterator[Gateway]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http:
        gateway = Gateway(http, hs.base_url, hs.clock, random.Random(1), partial(sleep_on, hs.clock))  # noqa: S311 - jitter
        gateway.token = hs.user(KEEPER).token("KEEPER")
        yield gateway


async def test_a_few_failures_hold_nobody_up() -> None:
    clock = FakeClock()
    outage = outage_on(clock)
    fail(outage, TROUBLES_ALLOWED - 1)
    await asyncio.wait_for(asyncio.gather(*(outage.turn() for _ in range(ASKERS))), 5)
    assert clock.waiting == 0


@pytest.mark.parametrize(
    "trouble", [ServerTrouble("Bad gateway.", status=502), Unreachable("Nobody is there.")], ids=str
)
async def test_after_that_turns_come_one_by_one(trouble: MatrixError) -> None:
    clock = FakeClock()
    outage = outage_on(clock)
    for _ in range(TROUBLES_ALLOWED):
        outage.note(trouble)
    at_ms: list[int] = []

    async def ask() -> None:
        await outage.turn()
        at_ms.append(clock.now_ms())
        outage.note(trouble)

    began_ms = clock.now_ms()
    asking = [asyncio.create_task(ask()) for _ in range(ASKERS)]
    while len(at_ms) < ASKERS:
        await settle()
        clock.advance(STEP_MS)
    await asyncio.gather(*asking)
    assert all(
        APART_MS - STEP_MS <= later - sooner <= MOST_APART_MS + STEP_MS
        for sooner, later in pairwise([began_ms, *at_ms])
    )
    assert at_ms[-1] - began_ms >= ASKERS * APART_MS


@pytest.mark.parametrize(
    "answer",
    [{}, RateLimited("Slow down.", status=429), NotFound("None.", status=404), Forbidden("No.", status=403)],
    ids=str,
)
async def test_any_answer_ends_it_at_once_for_everybody(answer: object) -> None:
    clock = FakeClock()
    outage = outage_on(clock)
    fail(outage)
    waiting = [asyncio.create_task(outage.turn()) for _ in range(ASKERS)]
    await settle()
    assert not any(one.done() for one in waiting)
    outage.note(answer)
    await asyncio.wait_for(asyncio.gather(*waiting), 5)
    await asyncio.wait_for(outage.turn(), 5)
    fail(outage)
    again = asyncio.create_task(outage.turn())
    await settle()
    assert not again.done()
    again.cancel()


async def test_whoever_asks_first_after_a_rest_asks_at_once() -> None:
    clock = FakeClock()
    outage = outage_on(clock)
    fail(outage)
    clock.advance(MOST_APART_MS)
    await asyncio.wait_for(outage.turn(), 5)


async def test_a_clock_that_is_set_back_makes_nobody_wait_for_it() -> None:
    clock = FakeClock()
    outage = outage_on(clock)
    fail(outage)
    clock.jump_to(clock.now_ms() - 3_600_000)
    await asyncio.wait_for(outage.turn(), 5)


async def test_who_stops_waiting_leaves_nothing_behind() -> None:
    clock = FakeClock()
    outage = outage_on(clock)
    fail(outage)
    waiting = asyncio.create_task(outage.turn())
    await settle()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await settle()
    assert clock.waiting == 0


async def test_a_server_in_trouble_hears_less_than_once_a_second_however_many_ask() -> None:
    async with FakeHomeserver() as hs, gateway_on(hs) as gateway:
        trouble = hs.faults.add(HtmlError(502), times=None)
        answered: list[object] = []

        async def ask() -> None:
            while not answered:
                try:
                    answered.append(await gateway.call("GET", route("joined_rooms"), patience_s=10))
                except MatrixError:
                    continue

        asking = [asyncio.create_task(ask()) for _ in range(ASKERS)]
        began_ms, heard = hs.clock.now_ms(), 0
        while (passed_ms := hs.clock.now_ms() - began_ms) < 60_000:
            # Everybody waits for their turn or pauses by themselves: nothing is on its way, and time may pass.
            while hs.clock.waiting < ASKERS:
                await settle()
            heard = heard or len(hs.requests)  # all that left before anybody knew
            assert len(hs.requests) - heard <= passed_ms / 1000
            hs.clock.advance(STEP_MS)
        assert len(hs.requests) - heard >= 40
        hs.faults.remove(trouble)
        hs.clock.advance(10_000)  # whoever pauses by themselves asks now; of those who wait for a turn, some
        await asyncio.wait_for(asyncio.gather(*asking), 30)
