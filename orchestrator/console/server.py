"""A small HTTP server for calendars. It listens on this machine, and a web server with https stands before it.

An address is all it takes to read a calendar, so nothing here tells one that is wrong from one that was taken away, nothing
is listed, and no address is logged. Whatever goes wrong with one request is over with it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web

from .limits import Limits

log = structlog.get_logger("console")

Feeds = Callable[[str], Awaitable[bytes | None]]
"""Reads the calendar that the secret of an address leads to; None when it leads nowhere."""

_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~/-]*)?/calendar/([0-9a-f]{64})\.ics\Z")
_ALWAYS: Final[Mapping[str, str]] = {
    "Cache-Control": "private, max-age=300",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": "default-src 'none'",
    "Server": "circlekeeper",
}
_NOTHING: Final = b"Nothing is here.\n"
_LATER: Final = b"Please ask again in a minute.\n"
_BROKEN: Final = b"This could not be made just now. Please ask again later.\n"
_ONLY_READ: Final = b"This can only be read.\n"
_AT_ONCE: Final = 4
"""How many calendars are made at the same time."""

_SILENT: Final = logging.Logger("console.http")  # noqa: LOG001 - in no tree: whatever aiohttp says may hold an address
_SILENT.disabled = True


class Console:
    """Answers requests.

    Args:
        feeds: reads calendars.
        limits: how often they may be asked for.
    """

    def __init__(self, feeds: Feeds, limits: Limits) -> None:
        self._feeds = feeds
        self._limits = limits
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer one request, whatever it is."""
        try:
            return await self._answer(request)
        except Exception as error:  # noqa: BLE001 - one bad request harms nothing
            # Neither its path nor what the error says, nor where it came from: all of them may hold an address.
            log.warning("a request could not be answered", kind=type(error).__name__)
            return _response(HTTPStatus.INTERNAL_SERVER_ERROR, _BROKEN)

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.method not in {"GET", "HEAD"}:
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, _ONLY_READ, {"Allow": "GET, HEAD"})
        asked = _PATH.match(request.path)
        token = asked[1] if asked is not None else ""
        if not self._limits.lets(token):
            return _response(HTTPStatus.TOO_MANY_REQUESTS, _LATER, {"Retry-After": "60"})
        body = None
        if token:
            async with self._room:
                body = await self._feeds(token)
        if body is None:
            return _response(HTTPStatus.NOT_FOUND, _NOTHING)
        self._limits.knows(token)
        etag = hashlib.sha256(body).hexdigest()[:32]
        headers = {"ETag": f'"{etag}"', "Content-Disposition": 'inline; filename="calendar.ics"'}
        if _is_known(request, etag):
            return _response(HTTPStatus.NOT_MODIFIED, b"", headers)
        return _response(HTTPStatus.OK, body, headers, kind="text/calendar")


def _is_known(request: web.BaseRequest, etag: str) -> bool:
    """Tell whether whoever asks has it already (RFC 9110, 13.1.2)."""
    tags = request.if_none_match or ()
    return any(tag.value in {etag, "*"} for tag in tags)


def _response(
    status: HTTPStatus, body: bytes, headers: Mapping[str, str] | None = None, *, kind: str = "text/plain"
) -> web.Response:
    return web.Response(
        status=status, body=body, content_type=kind, charset="utf-8", headers={**_ALWAYS, **(headers or {})}
    )


@asynccontextmanager
async def serving(console: Console, host: str, port: int) -> AsyncIterator[int]:
    """Serve while inside; gives the port (0 asks for any that is free).

    Raises:
        OSError: nobody can listen there.
    """
    server = web.Server(
        console.answer,
        logger=_SILENT,
        access_log=None,
        keepalive_timeout=15.0,
        lingering_time=1.0,
        max_line_size=4096,
        max_field_size=8190,
    )
    runner = web.ServerRunner(server, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
