"""Starts our programs quickly: Python reads its thousand modules once, and each process is a fork of that.

Reading them takes more than a second of work, which a test would pay for with each start. From then on a fork is a process
as any other: with its own memory, files, environment, signals and death; it runs its module as ``python -m`` does, from
the first line to the interpreter's own end. ``tests/test_nursery.py`` makes sure that nothing depends on what was read
beforehand.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypedDict

ROOT: Final = Path(__file__).parents[1]

OURS: Final = (
    *("orchestrator.cli", "orchestrator.app", "orchestrator.adopting", "orchestrator.logs", "orchestrator.tour"),
    *(f"orchestrator.verbs.{verb}" for verb in ("adopt", "apply", "doctor", "explain", "export", "handover", "plan")),
    "orchestrator.verbs.rules",
)
"""What is read beforehand: all that any verb reads, but not ``orchestrator.__main__``, which is run."""


class _Order(TypedDict):
    """What a fork is to be."""

    module: str
    args: list[str]
    environ: dict[str, str]
    cwd: str


class Fork:
    """A process that was forked, with as much of ``asyncio.subprocess.Process`` as is needed."""

    def __init__(self, pid: int, end: asyncio.Task[int], said: Sequence[asyncio.Task[bytes]]) -> None:
        self.pid = pid
        self._end = end
        self._said = said

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for a signal; None while it lives."""
        return self._end.result() if self._end.done() else None

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for its end, and tell its exit code."""
        return await asyncio.shield(self._end)

    async def communicate(self) -> tuple[bytes, ...]:
        """Wait for its end, and tell what it said on standard output and standard error, if that was to be kept."""
        await self.wait()
        return tuple([await asyncio.shield(one) for one in self._said])


class Nursery:
    """A process that has read its modules and forks others.

    Args:
        modules: what it reads beforehand.
    """

    def __init__(self, modules: Sequence[str] = OURS) -> None:
        self._orders, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, "-m", "tests.nursery", str(theirs.fileno()), *modules],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    async def start(
        self,
        module: str,
        args: Sequence[str],
        *,
        environ: Mapping[str, str],
        cwd: Path = ROOT,
        log: Path | None = None,
    ) -> Fork:
        """Start ``python -m module args``. What it says goes to the end of ``log``, or is kept for ``communicate``."""
        outputs = [os.pipe(), os.pipe()] if log is None else []
        if log is not None:
            one = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            writing = [one, one]
        else:
            writing = [output[1] for output in outputs]
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._orders, [b"!"], [theirs.fileno(), *writing])
        for number in {*writing}:
            os.close(number)
        said = [asyncio.create_task(_read(reading)) for reading, _writing in outputs]
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        order = _Order(module=module, args=list(args), environ=dict(environ), cwd=str(cwd))
        writer.write(json.dumps(order).encode() + b"\n")
        pid = await reader.readline()
        assert pid, "the nursery has ended"
        return Fork(int(pid), asyncio.create_task(_end(reader, writer)), said)

    @property
    def running(self) -> bool:
        """Whether it can fork; it cannot when its modules could not be read."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it. Those it forked live on."""
        self._orders.close()
        self._process.wait()


_ours: list[Nursery] = []


def nursery() -> Nursery:
    """Find the nursery of this process, which ends with it."""
    if not _ours or not _ours[-1].running:
        _ours.append(Nursery())
        atexit.register(_ours[-1].close)
    return _ours[-1]


async def _read(number: int) -> bytes:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(number, "rb", buffering=0)
    )
    return await reader.read()


async def _end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    code = int(await reader.readline())
    writer.close()
    return code


# -- within the nursery ------------------------------------------------------------------------------------------------


def serve(orders: socket.socket, modules: Sequence[str]) -> _Order | None:
    """Fork a process for each who asks, until nobody is left to ask. In each fork it returns what that is to be."""
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    # Ctrl-C is for the forks, and those who wait for them are nobody's business here.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        _word, numbers, _flags, _address = socket.recv_fds(orders, 1, 3)
        if not numbers:
            return None
        if not os.fork():
            orders.close()
            return _attend(socket.socket(fileno=numbers[0]), numbers[1:])
        for number in numbers:
            os.close(number)


def _attend(asker: socket.socket, outputs: Sequence[int]) -> _Order:
    """Fork the process that was asked for, and wait for its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with asker, asker.makefile("rwb") as line:
        order: _Order = json.loads(line.readline())
        pid = os.fork()
        if pid:
            for number in outputs:
                os.close(number)
            with suppress(OSError):  # the asker may be gone
                line.write(f"{pid}\n".encode())
                line.flush()
                _pid, status = os.waitpid(pid, 0)
                line.write(f"{os.waitstatus_to_exitcode(status)}\n".encode())
                line.flush()
            os._exit(0)
    for target, number in enumerate(outputs, start=1):
        os.dup2(number, target)
    for number in {*outputs}:
        os.close(number)
    return order


def become(order: _Order) -> None:
    """Be that process, as if it had just been started."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["environ"])
    time.tzset()
    if "orchestrator.failpoints" in sys.modules:
        importlib.reload(sys.modules["orchestrator.failpoints"])  # it has read another environment
    sys.argv[1:] = order["args"]
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    ordered = serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
    if ordered is not None:
        become(ordered)
