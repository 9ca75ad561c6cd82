"""A real Synapse keeps the contract that the fake homeserver keeps; where the two part, the fake is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import aiohttp
import pytest

from orchestrator.local import LocalHomeserver
from orchestrator.model.ids import server_of
from tests.fakes.contract import CONTRACT, LIMITS_CONTRACT, PASSWORD, Clause, Client
from tests.fakes.contract.client import shown
from tests.real.homeservers import FederatingPair
from tests.real.people import People
from tests.real.wire import eventually

pytestmark = pytest.mark.real

_NUMBERS = count(1)


class RealSite:
    """A real homeserver under the contract."""

    def __init__(self, server: LocalHomeserver, http: aiohttp.ClientSession) -> None:
        self._server = server
        self.http = http

    @property
    def base_url(self) -> str:
        return self._server.url

    @property
    def server_name(self) -> str:
        return self._server.server_name

    async def register(self, name: str) -> str:
        return await self._server.register(f"contract-{name}-{next(_NUMBERS)}", PASSWORD)


@pytest.fixture
async def site(homeserver: LocalHomeserver) -> AsyncIterator[RealSite]:
    async with aiohttp.ClientSession() as http:
        yield RealSite(homeserver, http)


@pytest.mark.parametrize("clause", CONTRACT, ids=lambda clause: clause.__name__)
async def test_synapse_keeps_the_contract(clause: Clause, site: RealSite) -> None:
    await clause(site)


@pytest.mark.parametrize("clause", LIMITS_CONTRACT, ids=lambda clause: clause.__name__)
async def test_synapse_keeps_the_contract_on_rate_limits(
    clause: Clause, default_limits_homeserver: LocalHomeserver
) -> None:
    async with aiohttp.ClientSession() as http:
        await clause(RealSite(default_limits_homeserver, http))


async def test_what_a_healed_split_brings_keeps_its_old_place_and_may_lie_between_no_two_sync_tokens(
    pair: FederatingPair, people: People
) -> None:
    """The ground that ``FakeHomeserver.late_events`` stands on.

    A server that was started anew, or gave up for a while, sends only its newest event of the room; ours asks for ten
    before it, and fills in what is still missing as if from before the beginning.
    """
    ana, bo = await people.plain(pair.a, "ana"), await people.plain(pair.b, "bo")
    room = await ana.create_room(invite=[bo.user_id])
    await bo.until_invited()
    await bo.join(room, via=[server_of(ana.user_id)])
    await ana.until_joined(room, bo.user_id)
    async with aiohttp.ClientSession() as http:
        reader = Client(RealSite(pair.a, http), ana.user_id, ana.device_id, ana.token)
        since = (await reader.sync())["next_batch"]
        # A place in the room's graph, as pages of history have them, and not in the order of arrival.
        place = (await reader.messages(room, from_=since, limit="1"))["end"]
        await pair.cut()
        here, there = [f"here {n}" for n in range(5)], [f"there {n}" for n in range(30)]
        for text in here:
            await ana.say(room, text)
        for text in there:
            await bo.say(room, text)
        await pair.restart(pair.b)
        await pair.heal()
        # Left to itself it waits a minute before it remembers whom it owes something.
        await bo.say(room, "newest")
        timelines: list[str] = []
        token = since

        async def all_came() -> bool:
            nonlocal token
            news = await reader.sync(token)
            token = news["next_batch"]
            section = news.get("rooms", {}).get("join", {}).get(room)
            timelines.extend(shown(section["timeline"]["events"]) if section else ())
            return {*here, *there} <= set(shown((await reader.messages(room, limit="200"))["chunk"]))

        await eventually(all_came, "what was said over there", timeout_s=60)
        between = shown((await reader.messages(room, from_=token, to=since, limit="200"))["chunk"])
        everything = shown((await reader.messages(room, from_=token, limit="200"))["chunk"])
        assert {*here, *there} <= set(everything), "who reads on without a bound finds all"
        assert everything.index("here 4") < everything.index("there 0"), "who stops at what is known does not"
        assert {*here, "newest"} <= set(between)
        assert "newest" in timelines
        assert not {"there 0", "there 5"} & {*between, *timelines}
        below = shown((await reader.messages(room, from_=token, to=place, limit="200"))["chunk"])
        assert {*here, *there, "newest"} <= set(below), "bounded by a place before the split, nothing is missed"
        assert len(below) <= len(here) + len(there) + 2
