"""The one way out to the homeserver: every call is checked, and what goes wrong has a class.

A call succeeds only when the answer is 2xx *and* a JSON object; everything else raises from the tree in
``orchestrator.errors``:

- nothing came back (refused, reset, name not found, certificate, too slow): ``Unreachable``;
- 5xx, a redirect, a body that is cut, too large or no JSON object: ``ServerTrouble``;
- 4xx with a Matrix ``errcode``: the class of that code, which says whether trying again can work;
- 4xx without one: something before the homeserver answered, not the homeserver, so nothing was decided: ``ServerTrouble``
  (but 413, which no repetition makes smaller: ``TooLarge``);
- 401 with ``flows``: ``Challenge``, the server asks who is there before it does this (user-interactive authentication).

A gateway that only reads (``plan`` and its like) sends nothing but GETs, and of those no /sync; what a login needs where no
session is stored, and ``keys/query``, are the three exceptions. Anything else raises before it leaves.

Errors carry method and route template, never a body, a token or an id, and no other library's exception hangs on them:
those can quote what was sent.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlencode

import aiohttp
import structlog
from yarl import URL

from orchestrator.errors import BadRequest, CirclekeeperError, MatrixError, RateLimited, ServerTrouble, SetupError
from orchestrator.model.clock import SECOND_MS, Clock
from orchestrator.model.ids import Json, JsonObject

from .answers import Challenge, judge, unreachable
from .lenient import parse
from .outage import Outage
from .routes import CLIENT_API, Route, route

__all__ = ["CLIENT_API", "MOST_BYTES", "Challenge", "Gateway", "OnlyReading", "Route", "route"]

log = structlog.get_logger("gateway")

MOST_BYTES: Final = 64 * 1024 * 1024
"""The largest answer that is read. The members of a room of 50,000 take a tenth of it."""

FIRST_PAUSE_MS: Final = 500
LONGEST_PAUSE_MS: Final = 30 * SECOND_MS

KEY_QUERY: Final = ("POST", f"{CLIENT_API}/keys/query")
LOGINS: Final = frozenset({("POST", f"{CLIENT_API}/login"), ("POST", f"{CLIENT_API}/logout")})
"""What is no GET and may be called by who only reads (DESIGN, section 6)."""


_LIST: Final = "list"


class OnlyReading(CirclekeeperError):
    """Something would have been written while only reading was asked for; nothing left."""


@dataclass(frozen=True, slots=True)
class _Sending:
    """What a request carries."""

    data: bytes = field(repr=False)
    kind: str = "application/json"


class Gateway:
    """Speaks to one homeserver as one account.

    Args:
        session: whose connections are used; the caller closes it.
        homeserver: its base address, such as ``https://grove.example``; nothing else is ever called, and redirects are
            not followed.
        clock, rng, sleep: for Retry-After dates, patience and jitter.
        most_bytes: the largest answer that is read.
        read_only: refuse whatever would change anything, and /sync.

    Attributes:
        token: the access token, sent when it is set.
        has_session: a session is stored, so that who only reads may not log in or out either.
        address: the homeserver's address as it is called.

    Raises:
        SetupError: ``homeserver`` is no http(s) address.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        homeserver: str,
        clock: Clock,
        rng: random.Random,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        *,
        most_bytes: int = MOST_BYTES,
        read_only: bool = False,
    ) -> None:
        self.address: Final = _address(homeserver)
        self.read_only: Final = read_only
        self.token: str | None = None
        self.has_session = False
        self._session = session
        self._clock = clock
        self._rng = rng
        self._sleep = sleep
        self._outage = Outage(clock, rng, sleep)
        self._most_bytes = most_bytes

    def __repr__(self) -> str:
        return f"Gateway({self.address!r})"

    async def call(
        self,
        method: str,
        route: Route,
        *,
        body: JsonObject | None = None,
        query: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        patience_s: float = 0,
        timeout_s: float = 30,
        sit_out_limits: bool = True,
    ) -> JsonObject:
        """Make a call and return the JSON object it is answered with.

        Args:
            method: the HTTP method.
            route: where to.
            body: sent as JSON; POST and PUT without one send ``{}``.
            query: parameters, encoded here.
            patience_s: for how long to try again what may work later; 0 tries once. Pauses grow from half a second to
                thirty, jittered; a server that says how long to wait is heeded, and when that is longer than the
                patience left, the error is raised at once. A call that is not idempotent must not be patient.
            timeout_s: for one try, connecting and reading included.
            sit_out_limits: be patient with 429, too. A caller with a ``Budget`` says no: it must hear of each refusal.

        Raises:
            MatrixError: by class, see the module's docstring.
            OnlyReading: it would write, and this gateway only reads.
        """
        data = _encode(body if body is not None or method not in {"POST", "PUT"} else {})
        if isinstance(data, MatrixError):
            raise data
        sending = None if data is None else _Sending(data)
        patience_ms = patience_s * 1000
        began_ms, waited_ms, tries = self._clock.now_ms(), 0.0, 0
        while True:
            answer = await self._try(method, route, sending, query, timeout_s)
            if not isinstance(answer, MatrixError):
                return answer
            # The wall clock may be turned back; our own pauses count in any case.
            left_ms = patience_ms - max(waited_ms, self._clock.now_ms() - began_ms)
            limited = isinstance(answer, RateLimited)
            if not answer.retryable or left_ms <= 0 or (limited and not sit_out_limits):
                raise answer
            asked_ms = answer.retry_after_ms
            if asked_ms is None:
                most_ms = min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** min(tries, 10))
                pause_ms = min(left_ms, most_ms * self._rng.uniform(0.5, 1))
            else:
                # Never early; a little late, each caller by another little, so that they do not come back as one.
                pause_ms = asked_ms + self._rng.uniform(1, 100)
                if pause_ms > left_ms:
                    raise answer
            log.info("trying again", call=answer.context.get("call"), status=answer.status, pause_ms=round(pause_ms))
            await self._sleep(pause_ms / 1000)
            waited_ms += pause_ms
            tries += 1

    async def read_list(self, route: Route, *, timeout_s: float = 60) -> Sequence[Json]:
        """Make a GET that is answered with a JSON list, once; raises as ``call``."""
        answer = await self._try("GET", route, None, None, timeout_s, lists=True)
        if isinstance(answer, MatrixError):
            raise answer
        found = answer[_LIST]
        return found if isinstance(found, list) else []

    async def upload(
        self, route: Route, data: bytes, kind: str, *, method: str = "PUT", timeout_s: float = 120
    ) -> JsonObject:
        """Send bytes as they are, once; raises as ``call``.

        Args:
            route: where to.
            data: what to send.
            kind: its media type.
            method: POST where the route does not name the media.
            timeout_s: for all of it.
        """
        answer = await self._try(method, route, _Sending(data, kind), None, timeout_s)
        if isinstance(answer, MatrixError):
            raise answer
        return answer

    def _refuse_writing(self, method: str, route: Route) -> None:
        allowed = {KEY_QUERY} if self.has_session else {KEY_QUERY, *LOGINS}
        reads = method == "GET" and route.path != f"{CLIENT_API}/sync"
        if self.read_only and not reads and (method, route.path) not in allowed:
            raise OnlyReading(f"{method} {route.label} was not sent: only reading was asked for.")

    async def _try(
        self,
        method: str,
        route: Route,
        sending: _Sending | None,
        query: Mapping[str, str] | Sequence[tuple[str, str]] | None,
        timeout_s: float,
        *,
        lists: bool = False,
    ) -> JsonObject | MatrixError:
        """Ask once, when it is our turn."""
        self._refuse_writing(method, route)
        await self._outage.turn()
        answer = await self._ask(method, route, sending, query, timeout_s, lists=lists)
        self._outage.note(answer)
        return answer

    async def _ask(
        self,
        method: str,
        route: Route,
        sending: _Sending | None,
        query: Mapping[str, str] | Sequence[tuple[str, str]] | None,
        timeout_s: float,
        *,
        lists: bool,
    ) -> JsonObject | MatrixError:
        # Errors are returned, not raised, so that no foreign exception becomes their context.
        call = f"{method} {route.label}"
        headers = {"Accept": "application/json"}
        if sending is not None:
            headers["Content-Type"] = sending.kind
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        text = self.address + route.path + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        try:
            async with self._session.request(
                method,
                URL(text, encoded=True),
                data=None if sending is None else sending.data,
                headers=headers,
                allow_redirects=False,
                raise_for_status=False,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
            ) as response:
                raw = await self._read(response)
                status, reply = response.status, response.headers
        except (aiohttp.ClientPayloadError, aiohttp.ClientResponseError):
            return ServerTrouble(f"The homeserver's answer to {call} was cut or no HTTP.", call=call)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return unreachable(self.address, call, error, timeout_s)
        if raw is None:
            return ServerTrouble(f"The homeserver's answer to {call} is too large.", status=status, call=call)
        said = parse(raw)
        if lists and status == HTTPStatus.OK:
            said = {_LIST: said} if isinstance(said, list) else None
        return judge(call, status, reply, said, self._clock.now_ms())

    async def _read(self, response: aiohttp.ClientResponse) -> bytes | None:
        """Read a body; None when it is too large, and then the connection is given up with the rest unread."""
        if (response.content_length or 0) > self._most_bytes:
            response.close()
            return None
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._most_bytes:
                response.close()
                return None
        return bytes(body)


def _address(homeserver: str) -> str:
    try:
        url = URL(homeserver.strip())
        odd = url.scheme not in {"http", "https"} or not url.host or url.user or url.query_string or url.fragment
    except ValueError:
        odd = True
    if odd:
        raise SetupError(
            "The homeserver's address must be a web address such as https://grove.example, without a name, a password or"
            " anything after a question mark."
        )
    return str(url).rstrip("/")


def _encode(body: JsonObject | None) -> bytes | BadRequest | None:
    if body is None:
        return None
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode()
    except ValueError:  # not a number; half a surrogate pair
        return BadRequest("What was to be sent cannot be written as JSON.")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
