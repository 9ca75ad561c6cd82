"""The wire between a test's person and a homeserver: one call, one login, one event."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import aiohttp
from yarl import URL

from orchestrator.errors import matrix_error
from orchestrator.local import LocalHomeserver
from orchestrator.model.ids import DeviceId, EventId, RoomId, UserId

T = TypeVar("T")
Content = Mapping[str, Any]
"""An event's content as JSON gave it: tests reach into it by hand."""

Query = Mapping[str, str | Sequence[str]]

V3 = "/_matrix/client/v3"


@dataclass(frozen=True, slots=True)
class Seen:
    """One event as a person's client shows it.

    ``encrypted`` tells that it came encrypted and was read; one that could not be read keeps type ``m.room.encrypted``.
    """

    room: RoomId
    id: EventId
    type: str
    sender: UserId
    content: dict[str, Any]
    ts_ms: int
    state_key: str | None = None
    unsigned: dict[str, Any] = field(default_factory=dict)
    encrypted: bool = False

    @property
    def body(self) -> str:
        """The text of a message, "" for anything else (a redacted message has no text either)."""
        return str(self.content.get("body", "")) if self.type == "m.room.message" else ""

    @classmethod
    def of(cls, room: RoomId, raw: Mapping[str, Any]) -> Seen:
        """Read an event of ``/sync``, ``/messages`` or ``/event``."""
        return cls(
            room=room,
            id=EventId(raw.get("event_id", "")),
            type=raw["type"],
            sender=UserId(raw["sender"]),
            content=dict(raw["content"]),
            ts_ms=raw.get("origin_server_ts", 0),
            state_key=raw.get("state_key"),
            unsigned=dict(raw.get("unsigned", {})),
        )


class Account(NamedTuple):
    """One login."""

    url: str
    user_id: UserId
    device_id: DeviceId
    token: str


async def eventually(check: Callable[[], Awaitable[T | None]], what: str, *, timeout_s: float = 60) -> T:
    """Ask again and again until ``check`` gives something; for facts that no ``/sync`` announces.

    Raises AssertionError naming ``what`` was waited for.
    """
    try:
        async with asyncio.timeout(timeout_s):
            while not (found := await check()):  # noqa: ASYNC110 - nothing tells us
                await asyncio.sleep(0.05)
            return found
    except TimeoutError:
        raise AssertionError(f"{what} did not happen within {timeout_s} s") from None


async def new_account(homeserver: LocalHomeserver, name: str, *, exempt: bool = False) -> tuple[UserId, str]:
    """Make a user whose id begins with ``name`` and that no other test has; returns the id and the password."""
    password = secrets.token_urlsafe(12)
    localpart = f"{name.lower()}-{secrets.token_hex(4)}"
    user_id = await homeserver.register(localpart, password, display_name=name.capitalize())
    if exempt:
        await homeserver.override_rate_limit(user_id)
    return user_id, password


async def log_in(url: str, user_id: UserId, password: str) -> Account:
    """Log in with a password, as a new device."""
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user_id},
        "password": password,
        "initial_device_display_name": "a test",
    }
    async with aiohttp.ClientSession() as http:
        said = await call(http, "POST", f"{url}{V3}/login", body)
    return Account(url, UserId(said["user_id"]), DeviceId(said["device_id"]), said["access_token"])


async def call(
    http: aiohttp.ClientSession,
    method: str,
    url: str,
    body: Content | None = None,
    query: Query | None = None,
) -> dict[str, Any]:
    """Send one request and return the JSON object that came back.

    Args:
        http: the session, which carries the token.
        method: HTTP method.
        url: the whole URL, its parts already quoted.
        body: JSON to send.
        query: further parameters, not yet quoted.

    Raises MatrixError by status and errcode, with ``retry_after_ms`` where the server named it.
    """
    # Ids in the path are quoted already, and aiohttp must not undo that.
    target = URL(url, encoded=True)
    async with http.request(method, target.update_query(query) if query else target, json=body) as answer:
        said: dict[str, Any] = await answer.json()
        if answer.status == 200:
            return said
        # The header counts whole seconds; the body's older field is exact where there is one.
        header = answer.headers.get("Retry-After")
        wait_ms = said.get("retry_after_ms", int(header) * 1000 if header else None)
        route = f"{method} {target.path}"
        raise matrix_error(answer.status, str(said.get("errcode", "")), retry_after_ms=wait_ms, call=route)


def quoted(part: str) -> str:
    """Make an id fit for a path."""
    return quote(part, safe="")
