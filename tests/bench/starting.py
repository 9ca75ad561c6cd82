"""How long the quick verbs take to start, against what importing matrix-nio alone takes.

Each is a process of its own, run in turns, so that whatever else the machine does meets all of them.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Comparison, Figures

GOAL = 0.5
PROBE = "import nio"


def starting(config: Path, runs: int) -> list[Comparison]:
    """Measure ``--help`` and ``check`` on a configuration that is well."""
    commands: dict[str, Sequence[str]] = {
        "circlekeeper --help": ("-m", "orchestrator", "--help"),
        "circlekeeper check": ("-m", "orchestrator", "check", "--config", str(config)),
        f'python -c "{PROBE}"': ("-c", PROBE),
    }
    times_ms: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            took_ms = _run(command)
            if turn:  # the first of each finds no compiled files and a cold disk
                times_ms[name].append(took_ms)
    *verbs, probe = (Figures(name=name, times_ms=times) for name, times in times_ms.items())
    return [Comparison(title=f"Starting: {verb.name}", ours=verb, bare=probe, goal=GOAL) for verb in verbs]


def _run(command: Sequence[str]) -> float:
    began_s = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    return (time.perf_counter() - began_s) * 1000
