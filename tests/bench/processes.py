"""The bare bots as processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

READY_WITHIN_S = 60.0


@asynccontextmanager
async def bare_process(module: str, told: Mapping[str, str], directory: Path) -> AsyncIterator[int]:
    """Run a bare bot while the context lasts; gives its process id when it listens.

    Args:
        module: which one.
        told: what it reads from its standard input, secrets among it.
        directory: where its log goes.
    """
    environ = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    with (directory / f"{module}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module,
            env=environ, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
        )  # fmt: skip
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(told).encode())
        process.stdin.write_eof()
        async with asyncio.timeout(READY_WITHIN_S):
            assert await process.stdout.readline() == b"ready\n", f"{module} did not start, see {log.name}"
        yield process.pid
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
