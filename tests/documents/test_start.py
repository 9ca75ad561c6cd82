"""Checking documents is quick because it brings along nothing that it does not need."""

from __future__ import annotations

import subprocess
import sys

from .authors import SHIPPED

PROGRAM = """
import sys
from datetime import date
from pathlib import Path
from orchestrator.documents.load import load
load(Path(sys.argv[1]), overlay={}, today=date(2026, 11, 22))
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""

HEAVY = {
    "aiohttp",
    "asyncio",
    "cryptography",
    "markdown_it",
    "nh3",
    "nio",
    "pydantic",
    "sqlite3",
    "structlog",
    "synapse",
}


def test_checking_imports_neither_the_network_nor_the_store_nor_pydantic_itself() -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", PROGRAM, str(SHIPPED / "config.yaml")],
        cwd=SHIPPED,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "yaml" in done.stdout.split()
    assert HEAVY.isdisjoint(done.stdout.split())
