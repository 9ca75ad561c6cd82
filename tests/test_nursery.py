"""What is started from the nursery is what an operator starts: nothing leans on what was read beforehand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nursery import Nursery

FOREIGN = (
    *("aiohttp", "babel", "confusable_homoglyphs", "cryptography", "cyclopts", "idna", "markdown_it", "nh3", "nio"),
    *("pydantic", "re2", "rich", "sqlite_utils", "structlog", "trustme", "yaml"),
)
"""What is not ours, and takes the most of the time to read."""

VERBS = (
    *("run", "status", "reload", "check", "plan", "apply", "adopt", "handover", "doctor", "try"),
    *("explain tuesday name", "export tuesday"),
)


@pytest.fixture(scope="module")
def bare() -> Iterator[Nursery]:
    """A nursery that has read nothing of ours."""
    place = Nursery(FOREIGN)
    yield place
    place.close()


@pytest.mark.parametrize("verb", VERBS)
async def test_each_verb_reads_all_that_it_needs_by_itself(bare: Nursery, verb: str, tmp_path: Path) -> None:
    words = [*verb.split(), "-c", str(tmp_path / "config.yaml")]
    process = await bare.start("orchestrator", words, environ=os.environ)
    out, err = await process.communicate()
    assert await process.wait() == 1
    assert b"Traceback" not in err
    assert str(tmp_path / "config.yaml").encode() in out + err
