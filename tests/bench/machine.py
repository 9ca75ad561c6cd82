"""What the figures were measured on, and what a process has used of it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine and its programs. ``load`` is the average of the last minute: what else kept it busy."""

    cores: int
    processor: str
    system: str
    python: str
    sqlite: str
    synapse: str
    load: float


@dataclass(frozen=True, slots=True)
class Used:
    """What a process has used so far. Zero where the system does not tell (it needs ``/proc``)."""

    processor_s: float
    memory_mb: float


NOTHING = Used(0, 0)


def machine() -> Machine:
    """Look at this machine."""
    import sqlite3  # noqa: PLC0415 - only its version is wanted

    try:
        synapse = version("matrix-synapse")
    except PackageNotFoundError:
        synapse = "none"
    return Machine(
        cores=_cores(),
        processor=_model(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        synapse=synapse,
        load=round(os.getloadavg()[0], 2),
    )


def used(pid: int) -> Used:
    """Read what a running process has used, all its threads together. Source: proc(5)."""
    try:
        # The name stands in brackets and may hold spaces; user and system time are the 14th and 15th field.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        status = (_PROC / str(pid) / "status").read_text()
    except FileNotFoundError:
        return NOTHING
    ticks = int(fields[11]) + int(fields[12])
    kilobytes = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0)
    return Used(ticks / os.sysconf("SC_CLK_TCK"), kilobytes / 1024)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _model() -> str:
    try:
        lines = (_PROC / "cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor() or "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
