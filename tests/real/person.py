"""A member with a plain Matrix client of their own: what tests use to live in a room beside the bot."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp

from orchestrator.errors import NotFound
from orchestrator.local import LocalHomeserver
from orchestrator.model.ids import EventId, RoomId, UserId
from tests.real.wire import V3, Account, Content, Query, Seen, call, log_in, new_account, quoted

T = TypeVar("T")

_LONG_POLL_MS = 10_000
# Where /sync keeps the state of a room that one is in, invited to, knocking at, or out of.
_PARTS = (("join", "state"), ("leave", "state"), ("invite", "invite_state"), ("knock", "knock_state"))


@dataclass(slots=True)
class Room:
    """What a person's client knows of a room: how they are in it, its events since the first sync, its current state."""

    membership: str = "join"
    timeline: list[Seen] = field(default_factory=list)
    state: dict[tuple[str, str], Seen] = field(default_factory=dict)


class Person:
    """A member: one login with a plain, unencrypted client.

    Make one with ``register`` or ``log_in`` (or the fixture ``people``) and ``close`` it, or use ``async with``. Every
    call raises the errors of ``orchestrator.errors`` (``Forbidden``, ``RateLimited`` with ``retry_after_ms``, ...) and
    never tries twice. What ``/sync`` brings is collected in ``rooms``; the ``until`` helpers sync until they see what
    they wait for. One ``/sync`` runs at a time, so several tasks may wait with the same person.

    ``page`` is how many events of a room one ``/sync`` or one page of ``/messages`` brings.
    """

    page = 100

    def __init__(self, account: Account) -> None:
        self.url, self.user_id, self.device_id, self.token = account
        self.rooms: dict[RoomId, Room] = {}
        self.since: str | None = None
        self._known: set[EventId] = set()
        self._syncing = asyncio.Lock()
        self._http = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self.token}"}, connector=aiohttp.TCPConnector(limit=0)
        )

    @classmethod
    async def register(cls, homeserver: LocalHomeserver, name: str, *, exempt: bool = False) -> Self:
        """Make a new user and log in; ``exempt`` lifts the homeserver's rate limits for them."""
        user_id, password = await new_account(homeserver, name, exempt=exempt)
        return await cls.log_in(homeserver.url, user_id, password)

    @classmethod
    async def log_in(cls, url: str, user_id: UserId, password: str) -> Self:
        """Log in to an account that exists, as a new device."""
        return cls(await log_in(url, user_id, password))

    async def close(self) -> None:
        """Close the connections; the login stays."""
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def request(
        self, method: str, path: str, body: Content | None = None, *, query: Query | None = None
    ) -> dict[str, Any]:
        """Call the client-server API; ``path`` begins after ``/_matrix/client/v3`` or is whole, with its ids quoted."""
        whole = path if path.startswith("/_") else V3 + path
        return await call(self._http, method, self.url + whole, body, query)

    # Rooms

    async def create_room(
        self,
        *,
        name: str | None = None,
        invite: Sequence[UserId] = (),
        version: str = "12",
        preset: str = "private_chat",
        encrypted: bool = False,
        **more: Any,
    ) -> RoomId:
        """Make a room; ``more`` goes into the body of ``createRoom`` as it is."""
        body: dict[str, Any] = {"preset": preset, "room_version": version, "invite": list(invite), **more}
        if name is not None:
            body["name"] = name
        if encrypted:
            encryption = {"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
            body["initial_state"] = [*more.get("initial_state", ()), encryption]
        return RoomId((await self.request("POST", "/createRoom", body))["room_id"])

    async def direct_room(self, user_id: UserId, *, encrypted: bool = False) -> RoomId:
        """Open a direct room as Element does: both in equal power, and marked in the account's ``m.direct``."""
        room = await self.create_room(
            invite=[user_id], preset="trusted_private_chat", is_direct=True, encrypted=encrypted
        )
        path = f"/user/{quoted(self.user_id)}/account_data/m.direct"
        try:
            direct = await self.request("GET", path)
        except NotFound:
            direct = {}
        direct.setdefault(user_id, []).append(room)
        await self.request("PUT", path, direct)
        return room

    async def join(self, room: str, *, via: Sequence[str] = ()) -> RoomId:
        """Join by id or alias; ``via`` names servers that are in the room already."""
        return RoomId((await self.request("POST", f"/join/{quoted(room)}", {}, query={"via": via}))["room_id"])

    async def invite(self, room: RoomId, user_id: UserId) -> None:
        """Invite somebody."""
        await self.request("POST", f"/rooms/{quoted(room)}/invite", {"user_id": user_id})

    async def knock(self, room: RoomId, reason: str = "", *, via: Sequence[str] = ()) -> None:
        """Ask to be let in."""
        await self.request("POST", f"/knock/{quoted(room)}", {"reason": reason}, query={"via": via})

    async def leave(self, room: RoomId, reason: str = "") -> None:
        """Leave, or decline an invitation."""
        await self.request("POST", f"/rooms/{quoted(room)}/leave", {"reason": reason} if reason else {})

    async def kick(self, room: RoomId, user_id: UserId, reason: str = "") -> None:
        """Remove somebody, who may come back."""
        await self.request("POST", f"/rooms/{quoted(room)}/kick", {"user_id": user_id, "reason": reason})

    async def ban(self, room: RoomId, user_id: UserId, reason: str = "") -> None:
        """Remove somebody, who may not come back."""
        await self.request("POST", f"/rooms/{quoted(room)}/ban", {"user_id": user_id, "reason": reason})

    async def unban(self, room: RoomId, user_id: UserId) -> None:
        """Take a ban back."""
        await self.request("POST", f"/rooms/{quoted(room)}/unban", {"user_id": user_id})

    async def set_display_name(self, name: str) -> None:
        """Change the name that all rooms show."""
        await self.request("PUT", f"/profile/{quoted(self.user_id)}/displayname", {"displayname": name})

    # Events

    async def send(self, room: RoomId, type_: str, content: Content, *, txn: str | None = None) -> EventId:
        """Send an event; the same ``txn`` twice sends once."""
        path = f"/rooms/{quoted(room)}/send/{quoted(type_)}/{quoted(txn or secrets.token_hex(8))}"
        return EventId((await self.request("PUT", path, content))["event_id"])

    async def say(self, room: RoomId, text: str, *, mentions: Sequence[UserId] = (), **more: Any) -> EventId:
        """Send a text; ``more`` (such as ``msgtype``) goes into the content."""
        named = {"user_ids": list(mentions)} if mentions else {}
        return await self.send(room, "m.room.message", {"msgtype": "m.text", "body": text, "m.mentions": named, **more})

    async def react(self, room: RoomId, event_id: EventId, key: str) -> EventId:
        """Put a reaction to an event; clients never encrypt these."""
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
        return await Person.send(self, room, "m.reaction", {"m.relates_to": relation})

    async def redact(self, room: RoomId, event_id: EventId, reason: str = "") -> EventId:
        """Remove an event's content."""
        path = f"/rooms/{quoted(room)}/redact/{quoted(event_id)}/{secrets.token_hex(8)}"
        return EventId((await self.request("PUT", path, {"reason": reason} if reason else {}))["event_id"])

    async def put_state(self, room: RoomId, type_: str, content: Content, state_key: str = "") -> EventId:
        """Set a state event."""
        path = f"/rooms/{quoted(room)}/state/{quoted(type_)}/{quoted(state_key)}"
        return EventId((await self.request("PUT", path, content))["event_id"])

    async def state(self, room: RoomId, type_: str, state_key: str = "") -> dict[str, Any]:
        """Read the content of a current state event; raises NotFound where there is none."""
        return await self.request("GET", f"/rooms/{quoted(room)}/state/{quoted(type_)}/{quoted(state_key)}")

    async def event(self, room: RoomId, event_id: EventId) -> Seen:
        """Read one event; raises NotFound where this person may not see it."""
        return await self._read(room, await self.request("GET", f"/rooms/{quoted(room)}/event/{quoted(event_id)}"))

    async def members(self, room: RoomId, membership: str = "join") -> set[UserId]:
        """Name everybody with this membership, as the person's own server sees it now."""
        said = await self.request("GET", f"/rooms/{quoted(room)}/members", query={"membership": membership})
        return {UserId(event["state_key"]) for event in said["chunk"]}

    async def history(self, room: RoomId) -> list[Seen]:
        """Read everything this person may see of a room, oldest first, however many pages that is."""
        return [await self._read(room, raw) for raw in reversed(await self._backwards(room, None, None))]

    # Waiting

    def timeline(self, room: RoomId) -> list[Seen]:
        """What ``/sync`` has brought of a room so far, oldest first."""
        return self.rooms[room].timeline if room in self.rooms else []

    async def sync(self, timeout_ms: int = 0) -> list[Seen]:
        """Take one turn of ``/sync`` and return the new timeline events of all rooms.

        A gap (``limited``) is filled from ``/messages``, so that nothing is missed. The first turn brings at most a
        page a room and fills nothing.
        """
        async with self._syncing:
            limit = json.dumps({"room": {"timeline": {"limit": self.page}}})
            query = {"timeout": str(timeout_ms), "filter": limit}
            if self.since is not None:
                query["since"] = self.since
            said = await self.request("GET", "/sync", query=query)
            await self._take_side_channels(said)
            new: list[Seen] = []
            rooms = said.get("rooms", {})
            for membership, part in _PARTS:
                for room, body in rooms.get(membership, {}).items():
                    new += await self._take_room(RoomId(room), membership, body, part)
            self.since = said["next_batch"]
            return new

    async def until(self, predicate: Callable[[], T | None], what: str = "it", *, timeout_s: float = 60) -> T:
        """Sync until ``predicate`` gives something, and return that; it may look at ``rooms`` and ``timeline``.

        Raises AssertionError naming ``what`` was waited for.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not (found := predicate()):
                    await self.sync(_LONG_POLL_MS)
                return found
        except TimeoutError:
            raise AssertionError(f"{self.user_id} waited {timeout_s} s in vain for {what}") from None

    async def until_event(
        self, room: RoomId, match: Callable[[Seen], object], what: str = "an event", *, timeout_s: float = 60
    ) -> Seen:
        """Sync until the room's timeline holds an event that matches, and return the first such."""

        def first() -> Seen | None:
            return next((seen for seen in self.timeline(room) if match(seen)), None)

        return await self.until(first, what, timeout_s=timeout_s)

    async def until_body(self, room: RoomId, body: str, *, timeout_s: float = 60) -> Seen:
        """Sync until somebody says exactly this."""
        return await self.until_event(room, lambda seen: seen.body == body, repr(body), timeout_s=timeout_s)

    async def until_invited(self, *, timeout_s: float = 60) -> RoomId:
        """Sync until there is an invitation that is still open, and return its room."""

        def invited() -> RoomId | None:
            return next((room for room, known in self.rooms.items() if known.membership == "invite"), None)

        return await self.until(invited, "an invitation", timeout_s=timeout_s)

    async def until_joined(self, room: RoomId, user_id: UserId, *, timeout_s: float = 60) -> None:
        """Sync until this person's client shows somebody as joined."""

        def joined() -> bool:
            known = self.rooms[room].state.get(("m.room.member", user_id)) if room in self.rooms else None
            return known is not None and known.content["membership"] == "join"

        await self.until(joined, f"{user_id} joining", timeout_s=timeout_s)

    # Inside

    async def _take_side_channels(self, said: Mapping[str, Any]) -> None:
        """Take what is not of a room; a plain client needs none of it."""

    async def _read(self, room: RoomId, raw: Mapping[str, Any]) -> Seen:
        """Turn a raw event into what the client shows; an encrypted client decrypts here."""
        return Seen.of(room, raw)

    async def _take_room(self, room: RoomId, membership: str, body: Mapping[str, Any], state_part: str) -> list[Seen]:
        known = self.rooms.setdefault(room, Room())
        known.membership = membership
        for raw in body.get(state_part, {}).get("events", ()):
            known.state[raw["type"], raw["state_key"]] = Seen.of(room, raw)
        line = body.get("timeline", {})
        events = list(line.get("events", ()))
        if line.get("limited") and self.since is not None and line.get("prev_batch"):
            events = [*reversed(await self._backwards(room, line["prev_batch"], self.since)), *events]
        new = []
        for raw in events:
            if raw["event_id"] in self._known:
                continue
            self._known.add(raw["event_id"])
            seen = await self._read(room, raw)
            new.append(seen)
            if seen.state_key is not None:
                known.state[seen.type, seen.state_key] = seen
        known.timeline += new
        return new

    async def _backwards(self, room: RoomId, start: str | None, stop: str | None) -> list[Mapping[str, Any]]:
        """Page ``/messages`` from ``start`` (the end of the room) back to ``stop`` (its beginning), newest first."""
        found: list[Mapping[str, Any]] = []
        query = {"dir": "b", "limit": str(self.page)} | ({"to": stop} if stop else {})
        while True:
            page = await self.request(
                "GET", f"/rooms/{quoted(room)}/messages", query=query | ({"from": start} if start else {})
            )
            found += page["chunk"]
            if not (start := page.get("end")):
                return found
