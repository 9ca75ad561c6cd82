"""``python -m tests.bench``: latency, processor time, memory and start-up, each as a ratio within one run."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from orchestrator.local import LocalHomeserver
from tests.bench.figures import Comparison
from tests.bench.latency import encrypted, plain
from tests.bench.machine import machine
from tests.bench.report import as_json, as_markdown
from tests.bench.starting import starting

CONFIG = Path(__file__).parents[2] / "config.yaml"
PARTS = ("plain", "encrypted", "starting")


async def measure(directory: Path, parts: list[str], messages: int, starts: int) -> list[Comparison]:
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
    if "starting" in parts:
        found += starting(CONFIG, starts)
    return found


def main() -> None:
    """Read the command line, measure, write the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"what to measure, of {', '.join(PARTS)}; all by default"
    )
    parser.add_argument("--messages", type=int, default=200, help="how many messages to each bot (default: 200)")
    parser.add_argument("--quick", action="store_true", help="only 20 messages and 3 starts: to see that it works")
    parser.add_argument("--json", action="store_true", help="write JSON, with each single time")
    told = parser.parse_args()
    if unknown := set(told.parts) - set(PARTS):
        parser.error(f"there is no {' or '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    began = machine()
    with tempfile.TemporaryDirectory(prefix="circlekeeper-bench-") as directory:
        comparisons = asyncio.run(
            measure(
                Path(directory), told.parts or list(PARTS), 20 if told.quick else told.messages, 3 if told.quick else 15
            )
        )
    print((as_json if told.json else as_markdown)(began, comparisons))  # noqa: T201 - the report


if __name__ == "__main__":
    main()
