"""What the bot at work does with what it is asked to change, seen from inside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from orchestrator.app import App, open_app
from orchestrator.changing.order import Order
from orchestrator.changing.work import Changing
from orchestrator.errors import SetupError
from orchestrator.model.ids import JsonObject
from orchestrator.rooms import Choices, StalePlan
from tests.fakes import FakeHomeserver, HtmlError
from tests.starting import Grove, settle_grove
from tests.test_plan_command import named


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver(lets_publish=True) as server:
        yield server


@pytest.fixture
async def grove(tmp_path: Path, hs: FakeHomeserver) -> Grove:
    grove = settle_grove(tmp_path / "grove", hs)
    await grove.starts_well(hs)
    return grove


@asynccontextmanager
async def at_work(grove: Grove) -> AsyncIterator[App]:
    async with open_app(grove.author.config) as app:
        work = asyncio.create_task(app.run())
        try:
            yield app
        finally:
            work.cancel()
            await asyncio.wait({work})


async def ended(changing: Changing, begun: JsonObject) -> JsonObject:
    """Ask until it is over."""
    async with asyncio.timeout(60):
        while True:
            now = await changing.progress(str(begun["ticket"]))
            if now["finished"]:
                return now
            await asyncio.sleep(0)


async def reaches(changing: Changing, begun: JsonObject, *, left: int) -> None:
    """Ask until no more than so much is left."""
    async with asyncio.timeout(60):
        while True:
            now = await changing.progress(str(begun["ticket"]))
            if now["left"] == left:
                return
            await asyncio.sleep(0)


async def test_what_the_server_never_takes_is_said_and_goes_on_when_it_does(grove: Grove, hs: FakeHomeserver) -> None:
    tuesday = named(hs, "Tuesday circle")
    grove.author.edit("config.yaml", "name: Tuesday circle", "name: Tuesday circle\n        topic: Come as you are.")
    fault = hs.faults.add(HtmlError(502), "PUT", "/state/m.room.topic", times=None)
    async with at_work(grove) as app:
        changing = Changing(app)
        begun = await changing.apply(Order())
        # All else is let through first, however slow the machine is; then nobody waits any longer.
        await reaches(changing, begun, left=1)
        changing.stall_s = 0.0
        now = await ended(changing, begun)
        assert now["left"] == 1
        assert now["failed"] == [
            {
                "community": "grove",
                "room": "tuesday",
                "path": "topic",
                "why": "This is decided already, and on its way.",
            }
        ]
        hs.faults.remove(fault)
        # Each refusal made it wait twice as long as the one before, so on a slow machine this can take a while.
        await hs.until(
            lambda: "Come as you are." in str((tuesday.state("m.room.topic") or {}).get("topic")), within_s=200
        )


async def test_a_stale_digest_leaves_the_bot_with_the_files_it_had(grove: Grove) -> None:
    async with at_work(grove) as app:
        before = app.loaded
        grove.author.edit("config.yaml", "name: Tuesday circle", "name: Tuesday evening")
        with pytest.raises(StalePlan):
            await app.changing.apply(Order(digest="0" * 16))
        assert app.loaded is before


async def test_nothing_is_known_of_a_ticket_that_was_never_given(grove: Grove) -> None:
    async with at_work(grove) as app:
        with pytest.raises(SetupError, match="Nothing is known of that"):
            await app.changing.progress("17")


def test_an_order_comes_through_the_socket_as_it_was_given() -> None:
    order = Order(
        digest="abc",
        communities=frozenset({"grove"}),
        names={"grove": frozenset({"tuesday/name"})},
        choices=Choices(allow_expose=True, one_way=frozenset({"x/settings.encryption"}), take="theirs", force=True),
    )
    assert Order.of(order.as_json()) == order
    assert Order.of({}) == Order()
    assert Order.of({"names": 7, "take": "all", "allow_expose": "yes", "communities": "grove"}) == Order(
        communities=frozenset()
    )
