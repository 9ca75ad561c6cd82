"""The benchmark runs, and says everything it promises. What it says is for people to judge: no test goes by the clock."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.local import LocalHomeserver
from tests.bench.figures import Comparison, Figures, percentile
from tests.bench.latency import encrypted, plain
from tests.bench.machine import machine
from tests.bench.prompts import prompts
from tests.bench.report import as_json, as_markdown
from tests.bench.rota import rotas
from tests.bench.rules import judging

ROOT = Path(__file__).parents[2]
MESSAGES = 6


@pytest.mark.real
async def test_both_bots_are_measured_in_plain_and_in_encrypted_rooms(
    homeserver: LocalHomeserver, tmp_path: Path
) -> None:
    for part in ("plain", "encrypted"):
        (tmp_path / part).mkdir()
    both = await asyncio.gather(
        # At once: nobody looks at the clock here.
        plain(homeserver, tmp_path / "plain", MESSAGES),
        encrypted(homeserver, tmp_path / "encrypted", MESSAGES),
    )
    for found in both:
        for side in (found.ours, found.bare):
            assert len(side.times_ms) == len(side.stamped_ms) == MESSAGES
            assert all(took > 0 for took in side.times_ms)
            assert side.memory_mb
            assert side.processor_s is not None
        assert 0 < found.ratio < 100
        report = as_markdown(machine(), [found])
        assert f"**{found.ratio:.2f}**" in report
        assert "Synapse 1." in report


def test_the_command_measures_the_part_it_is_asked_for_and_writes_json() -> None:
    command = [sys.executable, "-m", "tests.bench", "starting", "--quick", "--json"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    helped, checked = json.loads(run.stdout)["comparisons"]
    assert [one["ours"]["name"] for one in (helped, checked)] == ["circlekeeper --help", "circlekeeper check"]
    assert len(checked["ours"]["times_ms"]) == len(checked["bare"]["times_ms"]) == 3
    assert checked["goal"] == 0.5


def test_judging_is_measured_by_many_words_against_few_and_as_messages_grow() -> None:
    short, long = judging(5)
    assert len(short.ours.times_ms) == len(short.bare.times_ms) == 5
    assert (short.goal, long.goal) == (2, 2)
    assert long.ours.median_ms > short.ours.median_ms > 0


def test_rotas_are_measured_by_how_long_ago_they_began_and_how_many_they_are() -> None:
    handoff, *days = rotas(10)
    assert len(handoff.ours.times_ms) == len(handoff.bare.times_ms) == 300
    assert len(days) == 3
    for one in (handoff, *days):
        assert one.goal == 1.25
        assert one.ours.median_ms > 0


def test_questions_are_measured_among_few_rooms_and_many_and_over_years() -> None:
    due, *years = prompts(200)
    assert len(due.ours.times_ms) == len(due.bare.times_ms) == 200
    assert (due.goal, len(years)) == (2, 3)
    for one in (due, *years):
        assert one.ours.median_ms > 0


def test_programs_get_each_single_time() -> None:
    ours = Figures("ours", [3.0, 1.0, 2.0], stamped_ms=[4, 4, 4], processor_s=0.3, memory_mb=50)
    bare = Figures("bare", [1.0, 1.0, 1.0], stamped_ms=[2, 2, 2], processor_s=0.1, memory_mb=20)
    told = json.loads(as_json(machine(), [Comparison("both", ours, bare, goal=1.25)]))
    (both,) = told["comparisons"]
    assert both["ratio"] == both["stamped_ratio"] == 2
    assert both["ours"]["times_ms"] == [3, 1, 2]
    assert both["ours"]["processor_s_per_1000"] == pytest.approx(100)
    assert told["machine"]["cores"] >= 1


@pytest.mark.parametrize(("percent", "value"), [(50, 10), (95, 19), (100, 20)])
def test_a_percentile_is_one_of_the_values(percent: int, value: int) -> None:
    assert percentile([*range(20, 0, -1)], percent) == value
