"""When something went wrong the keepers are told what it was about, in words that are theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.engine.trouble import PARTS, note_trouble
from orchestrator.model.feature import Tx
from tests.culture.conftest import a_grove, rule
from tests.house import CONTROL, House, house_of


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(tmp_path, a_grove(rule())) as house:
        await house.open()
        await house.deliver()
        yield house


@pytest.mark.parametrize("part", [*PARTS, "intake", "engine"])
async def test_the_keepers_are_told_what_it_was_about_and_not_what_that_part_is_called(house: House, part: str) -> None:
    def stumble(tx: Tx) -> None:
        note_trouble(tx, house.documents, part, "$origin", ValueError("somebody's words"), house.clock.at_ms)

    await house.store.run(stumble)
    (said,) = await house.said(CONTROL)
    assert "(it was about " in said
    assert "somebody's words" not in said
    for name in ("intake", "engine", "commands", "belonging", "culture", "prompts", "facilitation"):
        assert name not in said
