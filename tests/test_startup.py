"""The quick verbs stay quick: what they load, and what they leave alone. How long that takes is in ``tests/bench``."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.cli.ending import finish

ROOT = Path(__file__).parents[1]

NEVER = frozenset(
    {
        "aiohttp",
        "asyncio",
        "cryptography",
        "markdown_it",
        "nio",
        "sqlite3",
        "sqlite_utils",
        "structlog",
        "synapse",
        "trustme",
        "vodozemac",
    }
)
"""What takes long to load, and has to do with homeservers, people's words and rows, but not with documents."""

PROBE = """
import atexit, json, runpy, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
runpy.run_module("orchestrator", run_name="__main__")
"""


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["check"], ["check", "--json"]])
def test_quick_verbs_load_nothing_that_speaks_to_homeservers_or_keeps_rows(words: list[str]) -> None:
    run = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", PROBE, *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in json.loads(run.stderr)}
    assert "orchestrator" in loaded
    assert run.stdout
    assert not loaded & NEVER


def test_what_the_probe_looks_for_is_found_where_it_is_loaded() -> None:
    code = (
        "import atexit; import orchestrator.tour, orchestrator.app; import synapse, sys, trustme; print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert set(run.stdout.split()) >= NEVER


def test_a_verb_that_stays_collects_its_garbage() -> None:
    async def stay() -> int:
        return 7 if gc.isenabled() else 1

    gc.disable()  # as ``main`` does
    try:
        assert finish(stay()) == 7
    finally:
        gc.enable()
        gc.unfreeze()
