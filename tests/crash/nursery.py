"""Starts bots quickly: Python reads its thousand modules once, and each bot is a fork of that.

From then on it is a process as any other: with its own memory, files and death. ``python -m tests.crash.nursery SOCKET``
serves until its standard input closes; each connection asks for one process, is told its id, and at its end its exit code.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Fork:
    """A process that was forked, with as much of ``asyncio.subprocess.Process`` as is needed."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self._writer = writer
        self._ended = asyncio.create_task(self._wait(reader))

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for a signal; None while it lives."""
        return self._ended.result() if self._ended.done() else None

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    async def wait(self) -> int:
        """Wait for its end, and tell its exit code."""
        return await asyncio.shield(self._ended)

    async def _wait(self, reader: asyncio.StreamReader) -> int:
        code = int(await reader.readline())
        self._writer.close()
        return code


class Nursery:
    """A place where bots are forked."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._forks: list[Fork] = []

    async def fork(self, args: Sequence[str], environ: Mapping[str, str], log: Path) -> Fork:
        """Start ``tests.crash.subject`` with these arguments; what it says goes to the end of ``log``."""
        reader, writer = await asyncio.open_unix_connection(self._path)
        asked = {"args": list(args), "environ": dict(environ), "log": str(log)}
        writer.write(json.dumps(asked).encode() + b"\n")
        self._forks.append(Fork(int(await reader.readline()), reader, writer))
        return self._forks[-1]

    async def close(self) -> None:
        """End whoever was forked here and still lives."""
        for fork in self._forks:
            if fork.returncode is None:
                fork.send_signal(signal.SIGKILL)
            await fork.wait()


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """Keep a nursery while the context lasts."""
    # A socket's name may have 108 bytes; test directories are deeper.
    with tempfile.TemporaryDirectory(prefix="nursery-") as directory:
        path = f"{directory}/socket"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.crash.nursery", path),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert await process.stdout.readline() == b"ready\n"
            place = Nursery(path)
            try:
                yield place
            finally:
                await place.close()
        finally:
            process.stdin.close()
            await process.wait()


def serve(path: str) -> None:
    """Fork a process for each who asks, until standard input closes."""
    importlib.import_module("tests.crash.subject")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    # Those who wait for the bots are nobody's business here.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        while sys.stdin not in {key.fileobj for key, _events in selector.select()}:
            connection, _address = listener.accept()
            if not os.fork():
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                _attend(connection)
            connection.close()


def _attend(connection: socket.socket) -> None:
    """Fork the process that was asked for, and wait for its end."""
    with connection.makefile("rwb") as line:
        asked = json.loads(line.readline())
        pid = os.fork()
        if not pid:
            os.close(connection.fileno())
            _become(asked)
        line.write(f"{pid}\n".encode())
        line.flush()
        _pid, status = os.waitpid(pid, 0)
        line.write(f"{os.waitstatus_to_exitcode(status)}\n".encode())
        line.flush()
    os._exit(0)


def _become(asked: Mapping[str, object]) -> None:
    """Be the bot: with its own output and environment, and with failpoints as the environment now says."""
    failpoints = importlib.import_module("orchestrator.failpoints")
    subject = importlib.import_module("tests.crash.subject")
    code = 1
    try:
        log = os.open(str(asked["log"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        silence = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((silence, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        environ, args = asked["environ"], asked["args"]
        assert isinstance(environ, dict)
        assert isinstance(args, list)
        os.environ.clear()
        os.environ.update(environ)
        importlib.reload(failpoints)
        code = subject.main(args)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
