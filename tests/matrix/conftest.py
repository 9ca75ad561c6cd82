"""What the tests of encryption share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.fakes import FakeHomeserver
from tests.matrix.peers import Peers


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    """A fake homeserver without rate limits."""
    async with FakeHomeserver("grove.example") as server:
        yield server


@pytest.fixture
async def peers(hs: FakeHomeserver, tmp_path: Path) -> AsyncIterator[Peers]:
    """Devices with our encryption on that homeserver; their keys lie below ``tmp_path``."""
    async with AsyncExitStack() as stack:
        yield Peers(stack, hs, tmp_path)
