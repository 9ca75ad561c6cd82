"""The fake homeserver keeps the contract that a real one keeps (``tests/real/test_contract.py``)."""

from __future__ import annotations

import aiohttp
import pytest

from tests.fakes import FakeHomeserver
from tests.fakes.contract import CONTRACT, LIMITS_CONTRACT, Clause
from tests.fakes.site import FakeSite


@pytest.mark.parametrize("clause", CONTRACT, ids=lambda clause: clause.__name__)
async def test_the_fake_keeps_the_contract(clause: Clause) -> None:
    async with FakeHomeserver() as hs, aiohttp.ClientSession() as http:
        await clause(FakeSite(hs, http))


@pytest.mark.parametrize("clause", LIMITS_CONTRACT, ids=lambda clause: clause.__name__)
async def test_the_fake_keeps_the_contract_on_rate_limits(clause: Clause) -> None:
    async with FakeHomeserver(limits="default") as hs, aiohttp.ClientSession() as http:
        await clause(FakeSite(hs, http))
