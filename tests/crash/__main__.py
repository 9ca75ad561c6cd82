"""``python -m tests.crash``: a real bot is killed at every failpoint and at random instants, and the rooms are counted."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from orchestrator.local import LocalHomeserver
from tests.crash.failing import die_everywhere
from tests.crash.instants import kill_at_random
from tests.crash.report import Report
from tests.real.people import People


def main() -> int:
    """Run it; exits 1 when anything was lost or doubled."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--instants", type=int, default=100, help="how many random instants (100)")
    parser.add_argument("--seed", type=int, default=None, help="repeats the choices of an earlier run; not its timing")
    parser.add_argument("--only", choices=("failpoints", "instants"), default=None, help="one part only")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--keep", type=Path, default=None, help="keep everything, logs and databases, in this directory"
    )
    told = parser.parse_args()
    seed = told.seed if told.seed is not None else random.SystemRandom().randrange(10**6)
    with tempfile.TemporaryDirectory(prefix="crash-") as scratch:
        reports = asyncio.run(_run(told.keep or Path(scratch), told.instants, seed, told.only))
    good = not any(report.lost or report.doubled for report in reports.values())
    print(_as_json(reports, seed, good=good) if told.json else _as_text(reports, seed, good=good))  # noqa: T201 - the report
    return 0 if good else 1


async def _run(directory: Path, instants: int, seed: int, only: str | None) -> dict[str, Report]:
    began_s = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - began_s:7.1f} s  {line}", file=sys.stderr, flush=True)  # noqa: T201 - it takes minutes

    async with AsyncExitStack() as stack:
        homeserver = await stack.enter_async_context(LocalHomeserver(directory / "homeserver", "grove.example"))
        people = People(stack)
        reports: dict[str, Report] = {}
        if only != "instants":
            reports |= await die_everywhere(homeserver, directory / "failpoints", people, tell=tell)
        if only != "failpoints":
            rng = random.Random(seed)  # noqa: S311 - choices of a test
            reports[f"{instants} random instants"] = await kill_at_random(
                homeserver, directory / "instants", people, instants=instants, rng=rng, tell=tell
            )
        return reports


def _as_text(reports: Mapping[str, Report], seed: int, *, good: bool) -> str:
    parts = [f"{name}\n{'=' * len(name)}\n{report.table()}\n" for name, report in reports.items()]
    return "\n".join([*parts, f"seed {seed}: {'nothing lost, nothing doubled' if good else 'something is wrong'}"])


def _as_json(reports: Mapping[str, Report], seed: int, *, good: bool) -> str:
    return json.dumps({"ok": good, "seed": seed, **{name: report.json() for name, report in reports.items()}}, indent=2)


if __name__ == "__main__":
    sys.exit(main())
