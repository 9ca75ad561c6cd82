"""A plain client for the contract: one user on one device, asking one homeserver over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol
from urllib.parse import quote

import aiohttp
from yarl import URL

from tests.fakes.values import Json, JsonObject

PASSWORD = "a long enough password"

_TXNS = count(1)


class Site(Protocol):
    """A homeserver under the contract, the fake one or a real one."""

    @property
    def base_url(self) -> str:
        """Where clients reach it."""
        ...

    @property
    def server_name(self) -> str:
        """What its ids end in."""
        ...

    @property
    def http(self) -> aiohttp.ClientSession:
        """To ask it with."""
        ...

    async def register(self, name: str) -> str:
        """Make a user whose localpart begins with ``name`` and who has PASSWORD; returns the user id."""
        ...


@dataclass(slots=True, eq=False)
class Client:
    """A user on a device."""

    site: Site
    user_id: str
    device_id: str
    token: str

    async def ask(
        self, method: str, path: str, body: object = None, **query: str
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Ask; returns the status, the JSON and the headers of the answer. A query ``from`` is written ``from_``."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = f"{self.site.base_url}/_matrix/client/v3{path}"
        if query:
            url += "?" + "&".join(f"{key.rstrip('_')}={quote(value, safe='')}" for key, value in query.items())
        data = None if body is None else json.dumps(body)
        async with self.site.http.request(method, URL(url, encoded=True), data=data, headers=headers) as answer:
            return answer.status, await answer.json(), answer.headers

    async def call(self, method: str, path: str, body: object = None, **query: str) -> tuple[int, Any]:
        """Ask; returns the status and the JSON of the answer."""
        status, answer, _ = await self.ask(method, path, body, **query)
        return status, answer

    async def ok(self, method: str, path: str, body: object = None, **query: str) -> Any:
        """Ask for what must succeed; returns the JSON of the answer."""
        status, answer = await self.call(method, path, body, **query)
        assert status == 200, f"{method} {path}: {status} {answer}"
        return answer

    async def refused(
        self, status: int, errcode: str, method: str, path: str, body: object = None, **query: str
    ) -> Any:
        """Ask for what must fail so; returns the JSON of the answer."""
        got, answer = await self.call(method, path, body, **query)
        assert (got, answer.get("errcode")) == (status, errcode), f"{method} {path}: {got} {answer}"
        return answer

    # What is asked again and again.

    async def create(self, **body: Json) -> str:
        """Make a room; returns its id."""
        room_id = (await self.ok("POST", "/createRoom", body))["room_id"]
        assert isinstance(room_id, str)
        return room_id

    async def say(self, room: str, text: str, txn: str | None = None) -> str:
        """Send a text; returns the event id."""
        txn = f"txn{next(_TXNS)}" if txn is None else txn
        content: JsonObject = {"msgtype": "m.text", "body": text}
        return _id(await self.ok("PUT", path("rooms", room, "send", "m.room.message", txn), content))

    async def redact(self, room: str, event_id: str, txn: str | None = None) -> str:
        """Redact; returns the redaction's id."""
        txn = f"txn{next(_TXNS)}" if txn is None else txn
        return _id(await self.ok("PUT", path("rooms", room, "redact", event_id, txn), {"reason": "why"}))

    async def put(self, room: str, event_type: str, content: JsonObject, key: str = "") -> str:
        """Set state; returns the event id."""
        return _id(await self.ok("PUT", path("rooms", room, "state", event_type, key), content))

    async def state(self, room: str, event_type: str, key: str = "") -> Any:
        """Read the content of a state event."""
        return await self.ok("GET", path("rooms", room, "state", event_type, key))

    async def join(self, room: str) -> None:
        """Join a room."""
        await self.ok("POST", path("join", room), {})

    async def act(self, room: str, action: str, user_id: str | None = None) -> None:
        """Invite, kick, ban, unban somebody, or leave."""
        await self.ok("POST", path("rooms", room, action), {} if user_id is None else {"user_id": user_id})

    async def sync(self, since: str | None = None, wanted: JsonObject | None = None, **query: str) -> Any:
        """Sync at once; by default without push rules and presence."""
        if since is not None:
            query["since"] = since
        return await self.ok("GET", "/sync", filter=json.dumps(wanted or QUIET), **query)

    async def messages(self, room: str, *, backwards: bool = True, **query: str) -> Any:
        """Read a page of history."""
        return await self.ok("GET", path("rooms", room, "messages"), dir="b" if backwards else "f", **query)

    async def second_device(self) -> Client:
        """Log the same user in once more."""
        return await log_in(self.site, self.user_id)


QUIET: JsonObject = {"account_data": {"types": []}, "presence": {"types": []}}
"""A filter without what Synapse adds on its own."""


def sync_filter(limit: int = 10, types: list[Json] | None = None, *, lazy: bool = True) -> JsonObject:
    """Write a filter: so many events, of these types, with lazy members."""
    timeline: JsonObject = {"limit": limit} if types is None else {"limit": limit, "types": types}
    return {**QUIET, "room": {"timeline": timeline, "state": {"lazy_load_members": lazy}}}


async def log_in(site: Site, user_id: str, device_id: str | None = None) -> Client:
    """Log a user in."""
    nobody = Client(site, user_id, "", "")
    body: JsonObject = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user_id},
        "password": PASSWORD,
    }
    answer = await nobody.ok("POST", "/login", body if device_id is None else {**body, "device_id": device_id})
    return Client(site, answer["user_id"], answer["device_id"], answer["access_token"])


async def people(site: Site, *names: str) -> list[Client]:
    """Make new users and log them in."""
    return [await log_in(site, await site.register(name)) for name in names]


def path(*parts: str) -> str:
    """Write a path, each part of it quoted."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def shown(events: list[Any]) -> list[str]:
    """Say in short what events are: the text of messages, the type (and membership) of others."""
    return [_short(event) for event in events]


def _short(event: Any) -> str:
    content = event["content"]
    if event["type"] == "m.room.message":
        return str(content.get("body", "(redacted)"))
    return f"{event['type']} {content['membership']}" if event["type"] == "m.room.member" else str(event["type"])


def _id(answer: Any) -> str:
    assert isinstance(answer["event_id"], str)
    return answer["event_id"]
