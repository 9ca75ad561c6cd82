"""Reading beside a running bot, or without one: what ``plan`` and its like ask of a homeserver.

Nothing but GETs leaves, and never a /sync: the gateway sees to that. Where a session is stored its token is enough; where
none is (or the server ended it), somebody logs in as a device of its own and out again, so that nothing stays behind.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

import structlog

from orchestrator.errors import MatrixError
from orchestrator.model.events import Member, State
from orchestrator.model.ids import JsonObject, RoomId, UserId
from orchestrator.model.things import PSEUDO
from orchestrator.store import AccountStore

from .decode import decode_event
from .directory import Directory
from .fields import a_content, a_sender, a_text, an_event_id, an_object
from .gateway import Gateway, route
from .history import History, LiveState
from .seal import Seal
from .session import (
    Credentials,
    Session,
    by_password,
    by_token,
    explained,
    kept_session,
    look_for_a_homeserver,
    new_device,
    still_good,
)

log = structlog.get_logger("reading")

SHOWN_AS: Final = "Circlekeeper, reading"


class _Closed:
    """Opens nothing: who only reads has no keys."""

    def decrypt(self, room: RoomId, raw_event: JsonObject) -> JsonObject | None:
        """Leave it closed."""
        del room, raw_event
        return None


class Reader:
    """Reads rooms as they are now.

    Args:
        gateway: logged in; may be one that only reads.
        me: as whom.

    Every method raises ``MatrixError`` by class: ``Forbidden`` where we are not in the room, ``Retryable`` where the
    server cannot be asked just now.
    """

    def __init__(self, gateway: Gateway, me: UserId) -> None:
        self._gateway = gateway
        self._history = History(gateway, _Closed(), me)
        self._directory = Directory(gateway, me)
        self.me: Final = me

    async def state(self, room: RoomId, type_: str, key: str = "") -> LiveState | None:
        """Read a state event, or what is claimed like one (``model/things``); None when there is none."""
        if type_ in PSEUDO:
            return await self._directory.live(room, type_, key)
        return await self._history.state(room, type_, key)

    async def whole_state(self, room: RoomId) -> Mapping[tuple[str, str], LiveState]:
        """Read all of a room's state by type and key; events that make no sense are left out.

        Source: client-server API, GET /_matrix/client/v3/rooms/{roomId}/state.
        """
        found: dict[tuple[str, str], LiveState] = {}
        for raw in await self._gateway.read_list(route("rooms", room, "state")):
            event = an_object(raw)
            type_, key = event.get("type"), event.get("state_key")
            event_id, sender = an_event_id(event.get("event_id")), a_sender(event.get("sender"))
            if event_id is None or sender is None or not isinstance(type_, str) or not isinstance(key, str):
                continue
            if type_ not in PSEUDO:  # by this name nobody else's events are meant
                content = a_content(an_object(event.get("content")))
                found[a_text(type_), a_text(key)] = LiveState(content, event_id, sender)
        return found

    async def all_state(self, room: RoomId) -> Sequence[State]:
        """Read all of a room's state but its memberships, as events; when they were sent is not told."""
        return [
            State(room=room, id=live.event, sender=live.sender, at_ms=0, type=type_, key=key, content=live.content)
            for (type_, key), live in (await self.whole_state(room)).items()
            if type_ != "m.room.member"
        ]

    async def everything(self, room: RoomId) -> Sequence[State | Member]:
        """Read all of a room's state, its memberships too; under which names people come is left out.

        Source: client-server API, GET /_matrix/client/v3/rooms/{roomId}/state.
        """
        found: list[State | Member] = []
        for raw in await self._gateway.read_list(route("rooms", room, "state")):
            event = decode_event(raw, room, _Closed())
            if isinstance(event, Member):
                found.append(replace(event, name=""))
            elif isinstance(event, State):
                found.append(event)
        return found

    async def listed(self, room: RoomId) -> bool:
        """Tell whether the server's directory shows a room."""
        return await self._directory.is_listed(room)

    async def alias(self, alias: str) -> RoomId | None:
        """Tell which room an alias (``#name:server``) leads to; None when it leads nowhere."""
        return await self._directory.room_of(alias)

    async def members(self, room: RoomId) -> list[UserId]:
        """List who is joined."""
        return await self._history.members(room)

    async def joined_rooms(self) -> list[RoomId]:
        """List the rooms we are joined to."""
        return await self._history.joined_rooms()


@asynccontextmanager
async def reading(
    gateway: Gateway,
    user: UserId,
    credentials: Credentials,
    *,
    store: AccountStore | None = None,
    seal: Seal | None = None,
    rng: random.Random | None = None,
) -> AsyncIterator[Reader]:
    """Read as the bot's account while the context lasts.

    Args:
        gateway: to the account's homeserver, one that only reads; its token is set meanwhile.
        user: whom the configuration names.
        credentials: for where no session is stored, or the server ended it.
        store: holds the session; may be open for reading only. None where there is no data yet.
        seal: opens it.
        rng: chooses the id of a device for the while; the system's own if None.

    Raises:
        SetupError: it cannot be logged in to; the sentence says what to do.
    """
    await look_for_a_homeserver(gateway)
    kept = await kept_session(store, seal) if store is not None and seal is not None else None
    passing: Session | None = None
    try:
        try:
            if credentials.token is not None:
                session = await by_token(gateway, user, credentials.token, credentials.device)
            elif kept is not None and kept.user == user and kept.token and await still_good(gateway, kept):
                session = kept
            else:
                # Never the bot's own device: logging out would take its keys with it.
                nobody = Session(user, new_device(rng or random.SystemRandom()), "")
                session = passing = await by_password(gateway, nobody, credentials, shown_as=SHOWN_AS)
        except MatrixError as error:
            raise explained(gateway, user, error) from None
        gateway.token = session.token
        gateway.has_session = passing is None
        yield Reader(gateway, user)
    finally:
        if passing is not None:
            await _log_out(gateway, passing)
        gateway.token = None


async def _log_out(gateway: Gateway, session: Session) -> None:
    gateway.token = session.token
    try:
        await gateway.call("POST", route("logout"), patience_s=5)
    except MatrixError as error:
        log.warning("a login for reading stays open; its device may be removed", device=session.device, why=str(error))
