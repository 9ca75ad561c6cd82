"""A fake homeserver for a test of the fake homeserver."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.fakes.server import FakeHomeserver
from tests.fakes.site import FakeSite


@pytest.fixture
async def site() -> AsyncIterator[FakeSite]:
    async with FakeHomeserver() as hs, aiohttp.ClientSession() as http:
        yield FakeSite(hs, http)
