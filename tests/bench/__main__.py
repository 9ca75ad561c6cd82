"""``python -m tests.bench``: latency, processor time, memory and start-up, each as a ratio within one run."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from orchestrator.local import Limits, LocalHomeserver
from tests.bench.figures import Comparison
from tests.bench.latency import encrypted, plain
from tests.bench.lists import joins
from tests.bench.machine import machine
from tests.bench.making import limited, unlimited
from tests.bench.planning import planning
from tests.bench.prompts import MANY as MANY_ASKED
from tests.bench.prompts import prompts
from tests.bench.report import as_json, as_markdown
from tests.bench.rota import MANY, rotas
from tests.bench.rules import judging
from tests.bench.starting import starting
from tests.real.people import People

CONFIG = Path(__file__).parents[2] / "config.yaml"
PARTS = ("plain", "encrypted", "starting", "making", "limits", "planning", "rules", "lists", "rota", "prompts")
ROOMS = 40
MANY_ROOMS = 1_000


async def measure(
    directory: Path, parts: list[str], messages: int, starts: int, rooms: int, *, quick: bool
) -> list[Comparison]:
    """Measure what was asked for, each on rooms of its own."""
    found: list[Comparison] = []
    if {"plain", "encrypted"} & set(parts):
        async with LocalHomeserver(directory / "homeserver", "grove.example") as homeserver:
            for name, part in (("plain", plain), ("encrypted", encrypted)):
                if name in parts:
                    own = directory / name
                    own.mkdir()
                    found.append(await part(homeserver, own, messages))
                    print(f"{name}: {found[-1].ratio:.2f}", file=sys.stderr)  # noqa: T201 - it takes minutes
    if "making" in parts:
        async with AsyncExitStack() as stack:
            homeserver = await stack.enter_async_context(LocalHomeserver(directory / "free", "grove.example"))
            rounds = 1 if quick else 3
            found.append(await unlimited(homeserver, People(stack), directory / "making", rooms=rooms, rounds=rounds))
    if "limits" in parts:
        async with AsyncExitStack() as stack:
            busy = LocalHomeserver(directory / "busy", "busy.example", limits=Limits.scaled(20))
            homeserver = await stack.enter_async_context(busy)
            found.append(await limited(homeserver, People(stack), directory / "limits", rooms=rooms))
    if "planning" in parts:
        found.append(await asyncio.to_thread(planning, directory / "planning", 20 if quick else MANY_ROOMS))
    found += await asyncio.to_thread(_reckoned, parts, quick=quick)
    if "starting" in parts:
        found += starting(CONFIG, starts)
    return found


def _reckoned(parts: list[str], *, quick: bool) -> list[Comparison]:
    """Measure what needs nothing but a processor."""
    found: list[Comparison] = []
    if "lists" in parts:
        found.append(joins())
    if "rules" in parts:
        found += judging(50 if quick else 2_000)
    if "rota" in parts:
        found += rotas(20 if quick else MANY)
    if "prompts" in parts:
        found += prompts(200 if quick else MANY_ASKED)
    return found


def main() -> None:
    """Read the command line, measure, write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"what to measure, of {', '.join(PARTS)}; all by default"
    )
    parser.add_argument("--messages", type=int, default=200, help="how many messages to each bot (default: 200)")
    parser.add_argument("--rooms", type=int, default=ROOMS, help=f"how many rooms to make (default: {ROOMS})")
    parser.add_argument(
        "--quick", action="store_true", help="only 20 messages, 3 starts, 6 rooms: to see that it works"
    )
    parser.add_argument("--json", action="store_true", help="write JSON, with each single time")
    told = parser.parse_args()
    if unknown := set(told.parts) - set(PARTS):
        parser.error(f"there is no {' or '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    began = machine()
    with tempfile.TemporaryDirectory(prefix="circlekeeper-bench-") as directory:
        comparisons = asyncio.run(
            measure(
                Path(directory),
                told.parts or list(PARTS),
                20 if told.quick else told.messages,
                3 if told.quick else 15,
                6 if told.quick else told.rooms,
                quick=told.quick,
            )
        )
    print((as_json if told.json else as_markdown)(began, comparisons))  # noqa: T201 - the report


if __name__ == "__main__":
    main()
