"""A house for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.declared import CY, DEE, community, policy, room

from .house import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A bot that looks after a grove with two rooms, before its first settling."""
    built = House()
    tuesday = room("tuesday", facilitators=[CY, DEE], norms=policy(), alias="grove-tuesday")
    await built.open(tmp_path / "data", community(tuesday, room("lounge")))
    yield built
    await built.close()
