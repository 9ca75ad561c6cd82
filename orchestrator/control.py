"""The socket in the data directory by which writing verbs reach the running bot.

One request a connection: a JSON object ``{"verb": ..., ...}`` on one line, answered by one line
``{"ok": true, ...}`` or ``{"ok": false, "error": "a plain sentence"}``. The socket is 0600: who may write the data
directory may speak to the bot.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from orchestrator.errors import CirclekeeperError, SetupError
from orchestrator.model.ids import Json, JsonObject

SOCKET: Final = "control.sock"
LONGEST_LINE: Final = 1 << 20
PATIENCE_S: Final = 120.0

Verb: TypeAlias = Callable[[JsonObject], Awaitable[JsonObject]]


@contextlib.asynccontextmanager
async def serve(data_dir: Path, verbs: Mapping[str, Verb]) -> AsyncIterator[None]:
    """Answer requests while the context lasts. Only the holder of the store's lock may call this."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            reply = await _reply(await reader.readline(), verbs)
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
        except (ConnectionError, ValueError):
            pass  # who asked is gone, or sent a line without end
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short_path(data_dir) as path:
        # We hold the lock, so a socket that is still there was left by a process that died.
        (data_dir / SOCKET).unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            listener.bind(path)
        finally:
            os.umask(before)
    server = await asyncio.start_unix_server(answer, sock=listener, limit=LONGEST_LINE)
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()
        (data_dir / SOCKET).unlink(missing_ok=True)


async def ask(data_dir: Path, verb: str, **args: Json) -> JsonObject | None:
    """Ask the running bot to do something; None when no bot is running on this data directory.

    Raises:
        SetupError: the bot answered that it cannot; the sentence is its own.
    """
    try:
        with _short_path(data_dir) as path:
            reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_LINE)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    try:
        writer.write(json.dumps({"verb": verb, **args}).encode() + b"\n")
        await writer.drain()
        async with asyncio.timeout(PATIENCE_S):
            line = await reader.readline()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    reply = json.loads(line) if line else {"ok": False, "error": "The bot stopped before it answered. Try again."}
    if not reply.pop("ok", False):
        raise SetupError(str(reply.get("error", "The bot could not do that.")))
    return dict(reply)


async def _reply(line: bytes, verbs: Mapping[str, Verb]) -> dict[str, Json]:
    try:
        request = json.loads(line)
        verb = verbs[request.pop("verb")]
    except (ValueError, KeyError, AttributeError):
        return {"ok": False, "error": f"The running bot knows these verbs: {', '.join(sorted(verbs))}."}
    try:
        return {"ok": True, **await verb(request)}
    except CirclekeeperError as error:
        return {"ok": False, "error": str(error)}


@contextlib.contextmanager
def _short_path(data_dir: Path) -> Iterator[str]:
    """Name the socket within the 108 bytes that a socket's name may have, however deep the directory is."""
    plain = str(data_dir / SOCKET)
    if len(os.fsencode(plain)) < 100 or not Path("/proc/self/fd").exists():
        yield plain
        return
    directory = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{SOCKET}"
    finally:
        os.close(directory)
