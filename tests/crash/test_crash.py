"""Killed anywhere, at any instant, the bot loses nothing and does nothing twice. Counted in the rooms' own histories."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path

import pytest

from orchestrator import failpoints
from orchestrator.local import LocalHomeserver
from tests.crash.failing import LIVING, MAKING, die_everywhere
from tests.crash.instants import kill_at_random
from tests.crash.report import Report
from tests.real.bot import Garden, bot_process, plant
from tests.real.people import People

# Dozens of starts take minutes on a slow machine.
pytestmark = [pytest.mark.real, pytest.mark.crash, pytest.mark.timeout(900)]


def tell(line: str) -> None:
    """Say it where a failing test shows it."""
    print(line)  # noqa: T201


def nothing_is_wrong_in(report: Report) -> None:
    """Fail with the whole table."""
    assert not report.lost, report.table()
    assert not report.doubled, report.table()


def test_there_is_a_death_for_every_failpoint() -> None:
    assert {*MAKING, *(failpoint for failpoint, _said in LIVING)} == set(failpoints.NAMES)


async def test_a_death_at_any_failpoint_loses_nothing_and_doubles_nothing(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    for report in (await die_everywhere(homeserver, tmp_path, people, tell=tell)).values():
        nothing_is_wrong_in(report)


async def test_deaths_at_random_instants_lose_nothing_and_double_nothing(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    seed = random.SystemRandom().randrange(10**6)
    tell(f"seed {seed}")
    rng = random.Random(seed)  # noqa: S311 - choices of a test
    nothing_is_wrong_in(await kill_at_random(homeserver, tmp_path, people, instants=10, rng=rng, tell=tell))


async def test_a_second_bot_on_the_same_data_is_refused_in_one_line_and_the_first_stops_when_asked(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    ana = await people.plain(homeserver, "ana")
    garden = await plant(tmp_path, homeserver, ana.user_id, f"keeper-{ana.user_id[5:13]}")
    async with bot_process(garden) as first:
        await garden.until_rooms()
        code, said = await run_to_its_end(garden)
        assert code == 1
        (line,) = said.splitlines()
        assert line.startswith("circlekeeper: ")
        assert "already" in line
        assert str(garden.data) in line
        assert first.running
        async with asyncio.timeout(60):
            assert await first.stop() == 0
    assert "stopped" in first.log.read_text().splitlines()[-1]


async def test_asked_to_stop_while_it_starts_it_stops_cleanly(
    homeserver: LocalHomeserver, people: People, tmp_path: Path
) -> None:
    ana = await people.plain(homeserver, "ana")
    garden = await plant(tmp_path, homeserver, ana.user_id, f"keeper-{ana.user_id[5:13]}")
    async with bot_process(garden) as bot:
        while not garden.data.exists():  # noqa: ASYNC110 - it has only just begun
            await asyncio.sleep(0.01)
        assert await bot.stop() == 0
    async with bot_process(garden):
        await garden.until_rooms()


async def run_to_its_end(garden: Garden) -> tuple[int | None, str]:
    """Run the real command until it ends by itself; returns its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "orchestrator", "run", "-c", str(garden.config)),
        env={**os.environ, **garden.environ},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _none = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, said.decode()
