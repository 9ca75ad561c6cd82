"""A day after a hand nothing that is kept tells whose it was, whom it was about, or who was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.documents.declared import Community
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.model.ids import UserId
from tests.declared import ANA, CY, DEE
from tests.house import CIRCLE, House, direct

from .circle import LOUNGE, a_circle, a_kept_community, take

KNOWS_PEOPLE = frozenset({"member", "direct", "state", "cover", "decided", "room"})
"""Who is in which room, who has a private room with the bot, what stands in rooms, and who was on duty."""


async def traces(house: House, who: UserId = CY) -> list[str]:
    """List every row in which somebody, or their private room, is found beside something of hands."""
    tables = [str(row["name"]) for row in await house.rows("select name from sqlite_master where type = 'table'")]
    found = []
    for table in tables:
        if table not in KNOWS_PEOPLE:
            for row in await house.rows(f"select * from {table}"):
                said = " ".join(str(value) for value in row.values())
                if (who in said or direct(who) in said) and not said_by_the_engine(row):
                    found.append(f"{table}: {said}")
    return found


def said_by_the_engine(row: Mapping[str, object]) -> bool:
    """Tell whether it is what is put under a question to be tapped: that something was asked, and not what."""
    return row.get("craft") == "engine" and str(row.get("step")).startswith("choice:")


def alone() -> Community:
    """A community that Ana looks after, and nobody else."""
    made = a_kept_community()
    rooms = tuple(replace(room, facilitators=(), rota=None) for room in made.rooms)
    return replace(made, leads=(ANA,), rooms=rooms, control=replace(made.control, facilitators=()))


async def in_a_day(house: House, ms: int = DAY_MS) -> None:
    for _hour in range(ms // HOUR_MS):
        await house.wait(HOUR_MS)
        await house.deliver()


@pytest.mark.parametrize("words", ["!raise 1", "!raise 2", "!raise 3", "!raise 3 anonymous", "!raise 2 about @dee"])
@pytest.mark.parametrize("taken", [True, False])
async def test_nothing_tells_a_day_later_whose_hand_it_was(tmp_path: Path, words: str, taken: bool) -> None:
    async with a_circle(tmp_path) as house:
        await house.join(CY, CIRCLE, LOUNGE)
        await house.deliver()
        before = set(await traces(house))
        await house.whisper(CY, words)
        await house.deliver()
        if taken:
            await house.wait(MINUTE_MS)
            await take(house, ANA if "about" in words else DEE)
            await house.deliver()
        await in_a_day(house)
        if not taken:
            await in_a_day(house)  # that nobody came was said after a day
        await house.wait(MINUTE_MS)
        assert [one for one in await traces(house) if one not in before] == []


async def test_that_a_hand_found_nobody_is_forgotten_too(tmp_path: Path) -> None:
    async with a_circle(tmp_path, alone()) as house:
        await house.join(ANA, CIRCLE)
        before = set(await traces(house, ANA))
        await house.whisper(ANA, "!raise 2")
        assert any("nobody whom I could ask" in said for said in await house.said(direct(ANA)))
        await house.deliver()
        await in_a_day(house, 2 * DAY_MS)
        assert [one for one in await traces(house, ANA) if one not in before] == []
