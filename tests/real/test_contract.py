"""A real Synapse keeps the contract that the fake homeserver keeps; where the two part, the fake is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import aiohttp
import pytest

from orchestrator.local import LocalHomeserver
from tests.fakes.contract import CONTRACT, PASSWORD, Clause

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
