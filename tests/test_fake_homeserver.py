"""The fake homeserver keeps the contract that a real one keeps, and misbehaves exactly as told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import aiohttp
import pytest

from tests.fakes import FakeHomeserver
from tests.fakes.contract import CONTRACT, PASSWORD, Clause

_NUMBERS = count(1)


class FakeSite:
    """The fake homeserver under the contract."""

    def __init__(self, hs: FakeHomeserver, http: aiohttp.ClientSession) -> None:
        self.hs = hs
        self.http = http

    @property
    def base_url(self) -> str:
        return self.hs.base_url

    @property
    def server_name(self) -> str:
        return self.hs.server_name

    async def register(self, name: str) -> str:
        user_id = f"@{name}{next(_NUMBERS)}:{self.hs.server_name}"
        return self.hs.user(user_id, PASSWORD).user_id


@pytest.fixture
async def site() -> AsyncIterator[FakeSite]:
    async with FakeHomeserver() as hs, aiohttp.ClientSession() as http:
        yield FakeSite(hs, http)


@pytest.mark.parametrize("clause", CONTRACT, ids=lambda clause: clause.__name__)
async def test_the_fake_keeps_the_contract(clause: Clause, site: FakeSite) -> None:
    await clause(site)
