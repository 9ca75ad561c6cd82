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

import structlog

from orchestrator.errors import CirclekeeperError, SetupError
from orchestrator.model.ids import Json, JsonObject

log = structlog.get_logger("control")

SOCKET: Final = "control.sock"
LONGEST_LINE: Final = 1 << 20
PATIENCE_S: Final = 120.0

Verb: TypeAlias = Callable[[JsonObject], Awaitable[JsonObject]]


@contextlib.asynccontextmanager
async def serve(data_dir: Path, verbs: Mapping[str, Verb]) -> AsyncIterator[None]:
    """Answer requests while the context lasts. Only the holder of the store's lock may call this.

    Raises:
        SetupError: the socket cannot be made there.
    """
    answering: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_answer(reader, writer, verbs))
        answering.add(task)
        task.add_done_callback(answering.discard)

    server = await asyncio.start_unix_server(begin, sock=_listen(data_dir), limit=LONGEST_LINE)
    try:
        yield
    finally:
        server.close()
        # Who connected and says nothing, or waits for something long, does not keep us from stopping.
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)
        await server.wait_closed()
        (data_dir / SOCKET).unlink(missing_ok=True)


async def ask(data_dir: Path, verb: str, *, patience_s: float = PATIENCE_S, **args: Json) -> JsonObject | None:
    """Ask the running bot to do something; None when no bot is running on this data directory.

    Raises:
        SetupError: the bot answered that it cannot (the sentence is its own), or it did not answer.
    """
    try:
        with _short_path(data_dir) as path:
            reader, writer = await asyncio.open_unix_connection(path, limit=LONGEST_LINE)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except OSError as error:
        raise SetupError(f"The running bot cannot be reached through {data_dir / SOCKET}: {error.strerror}.") from None
    try:
        writer.write(json.dumps({"verb": verb, **args}).encode() + b"\n")
        await writer.drain()
        async with asyncio.timeout(patience_s):
            line = await reader.readline()
    except TimeoutError:
        raise SetupError(
            "The bot is still at it and has not answered yet. Its log shows how it goes; there is no need to ask again."
        ) from None
    except ConnectionError:
        line = b""
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    reply = json.loads(line) if line else {"ok": False, "error": "The bot stopped before it answered. Try again."}
    if not reply.pop("ok", False):
        raise SetupError(str(reply.get("error", "The bot could not do that.")))
    return dict(reply)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, verbs: Mapping[str, Verb]) -> None:
    try:
        try:
            reply = await _reply(await reader.readline(), verbs)
        except ValueError:  # a line without end
            reply = {"ok": False, "error": "That is too long to ask."}
        writer.write(json.dumps(reply).encode() + b"\n")
        await writer.drain()
    except ConnectionError:
        log.info("who asked is gone")
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _reply(line: bytes, verbs: Mapping[str, Verb]) -> dict[str, Json]:
    request = _request(line)
    name = request.pop("verb", None)
    verb = verbs.get(name) if isinstance(name, str) else None
    if verb is None:
        known = ", ".join(sorted(verbs))
        return {"ok": False, "error": f"The running bot cannot do that; it may be another version. It knows: {known}."}
    try:
        return {"ok": True, **await verb(request)}
    except CirclekeeperError as error:
        return {"ok": False, "error": str(error)}
    except Exception:
        log.exception("a verb failed", verb=name)
        return {"ok": False, "error": "Something went wrong inside the bot; its log says what."}


def _request(line: bytes) -> dict[str, Json]:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return request if isinstance(request, dict) else {}


def _listen(data_dir: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short_path(data_dir) as path:
            # We hold the lock, so a socket that is still there was left by a process that died.
            (data_dir / SOCKET).unlink(missing_ok=True)
            before = os.umask(0o177)
            try:
                listener.bind(path)
            finally:
                os.umask(before)
    except OSError as error:
        listener.close()
        raise SetupError(
            f"{data_dir / SOCKET} cannot be made: {error.strerror or error}. Try a shorter path."
        ) from None
    return listener


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
