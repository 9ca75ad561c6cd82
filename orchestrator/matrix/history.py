"""Reads back: pages of a room's timeline, single events, what the state is now, who is in.

All of it is GETs, which homeservers do not rate limit. Nothing here retries: whoever reads knows how long it can wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from orchestrator.errors import Forbidden, NotFound, ServerTrouble
from orchestrator.model.batch import Page
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.events import Event, Other, Reaction, Unreadable, cause_in
from orchestrator.model.ids import Cause, EventId, JsonObject, RoomId, UserId, server_of

from .decode import Decrypter, decode_event
from .fields import a_content, a_room_id, a_sender, a_text, an_event_id, an_object
from .gateway import Gateway, route

PAGE: Final = 100
PAGES_BACK: Final = 50
"""How far ``find_cause`` reads unless told otherwise: 5,000 events."""

REACTION_PAGES: Final = 10
"""How far reactions are read: 1,000 of them."""

NEWER_API: Final = "/_matrix/client/v1"

SKEW_MS: Final = HOUR_MS
"""How much our clock and the server's may differ."""


class LiveState(NamedTuple):
    """A state event as it is now.

    Attributes:
        content: its content; can hold words, so it is not in ``repr``.
        event: its id, "" from a server that tells the content only.
        sender: who set it, "" from such a server.
    """

    content: JsonObject
    event: EventId
    sender: UserId

    def __repr__(self) -> str:
        return f"LiveState(event={self.event!r}, sender={self.sender!r})"


class Traces(dict[Cause, EventId]):
    """Which causes were found in history, and the events that carry them.

    Attributes:
        proven: what is not in it is not in the room either. False when the search ended before it was through, or met
            events of ours whose cause cannot be read (redacted, or encrypted to a key we have not).
    """

    proven: bool = True


class History:
    """Reads back for one account.

    Args:
        gateway: speaks to the homeserver.
        crypto: opens encrypted events.
        me: the bot's own user id.
    """

    def __init__(self, gateway: Gateway, crypto: Decrypter, me: UserId) -> None:
        self._gateway = gateway
        self._crypto = crypto
        self._me = me
        self._whole_states: bool | None = None

    async def page(self, room: RoomId, *, start: str, stop: str, limit: int = PAGE) -> Page:
        """Read a page of a room's timeline backwards, and give it oldest first.

        Args:
            room: the room.
            start: where to begin, a position of /sync or a page's ``older``; "" for the newest event.
            stop: where to end, the same; "" for the beginning of what we may see.
            limit: how many events at most. There may be fewer, even none, before the end: servers leave out what we
                may not see after they have counted.

        Raises Forbidden when we may not read the room, ServerTrouble when the answer is none.

        Source: client-server API, GET /_matrix/client/v3/rooms/{roomId}/messages. Lazy members are not asked for: they
        would come beside the events, where nobody looks.
        """
        query = {"dir": "b", "limit": str(limit)}
        query |= {name: token for name, token in (("from", start), ("to", stop)) if token}
        answer = await self._gateway.call("GET", route("rooms", room, "messages"), query=query)
        chunk, end = answer.get("chunk"), answer.get("end")
        if not isinstance(chunk, list) or not isinstance(end, str | None):
            raise _no_answer("messages")
        events = [event for raw in reversed(chunk) if (event := decode_event(raw, room, self._crypto)) is not None]
        # A server that leads back to where we came from would lead us there for ever.
        return Page(room=room, events=tuple(events), older=None if not end or end in (start, stop) else end)

    async def event(self, room: RoomId, event_id: EventId) -> Event | None:
        """Read one event; None when there is none or we may not see it."""
        try:
            answer = await self._gateway.call("GET", route("rooms", room, "event", event_id))
        except (NotFound, Forbidden):
            return None
        event = decode_event(answer, room, self._crypto)
        return event if event is not None and event.id == event_id else None

    async def state(self, room: RoomId, type_: str, key: str = "") -> LiveState | None:
        """Read a state event as it is now; None when there is none.

        Raises Forbidden when we are not in the room.

        Source: client-server API, GET /_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}, ``format``.
        """
        if self._whole_states is None:
            # A server that does not know ``format`` gives the content, and whoever wrote that may have made it look like
            # an event of ours. A membership shows which it is: no server takes one without ``membership`` in it.
            known = await self._state(room, "m.room.member", self._me)
            if known is None:
                raise Forbidden("The bot is not in this room.", status=403, errcode="M_FORBIDDEN")
            self._whole_states = "membership" not in known
        answer = await self._state(room, type_, key)
        if answer is None:
            return None
        if not self._whole_states:
            return LiveState(a_content(answer), EventId(""), UserId(""))
        content, event, sender = (
            answer.get("content"),
            an_event_id(answer.get("event_id")),
            a_sender(answer.get("sender")),
        )
        if not isinstance(content, dict) or event is None or sender is None:
            raise _no_answer("state")
        return LiveState(a_content(content), event, sender)

    async def members(self, room: RoomId) -> list[UserId]:
        """List who is joined. Raises Forbidden when we are not."""
        return list(await self.names(room))

    async def names(self, room: RoomId) -> Mapping[UserId, str]:
        """Tell who is joined, and under which name, "" for none; for memory only. Raises Forbidden when we are not.

        Source: client-server API, GET /_matrix/client/v3/rooms/{roomId}/joined_members.
        """
        answer = await self._gateway.call("GET", route("rooms", room, "joined_members"))
        joined = answer.get("joined")
        if not isinstance(joined, dict):
            raise _no_answer("joined_members")
        people = ((a_sender(key), profile) for key, profile in joined.items())
        return {user: a_text(an_object(profile).get("display_name")) for user, profile in people if user is not None}

    async def reactions(self, room: RoomId, event: EventId) -> list[tuple[UserId, str]]:
        """Tell who reacted to an event with which key, the newest first; for memory only. What was taken back is not there.

        Source: client-server API, GET /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}/{eventType}.
        """
        found: list[tuple[UserId, str]] = []
        query = {"dir": "b", "limit": str(PAGE)}
        for _page in range(REACTION_PAGES):
            where = route("rooms", room, "relations", event, "m.annotation", "m.reaction", prefix=NEWER_API)
            answer = await self._gateway.call("GET", where, query=query)
            chunk, older = answer.get("chunk"), answer.get("next_batch")
            if not isinstance(chunk, list):
                raise _no_answer("relations")
            for raw in chunk:
                one = decode_event(raw, room, self._crypto)
                if isinstance(one, Reaction) and one.target == event:
                    found.append((one.sender, one.key))
            if not isinstance(older, str) or older == query.get("from"):
                break
            query["from"] = older
        return found

    async def joined_rooms(self) -> list[RoomId]:
        """List the rooms we are joined to."""
        answer = await self._gateway.call("GET", route("joined_rooms"))
        rooms = answer.get("joined_rooms")
        if not isinstance(rooms, list):
            raise _no_answer("joined_rooms")
        return [room for key in rooms if (room := a_room_id(key)) is not None]

    async def find_cause(
        self, room: RoomId, causes: AbstractSet[Cause], *, back_to_ms: int, most: int = PAGES_BACK
    ) -> Traces:
        """Look through a room's history, newest first, for events of ours that carry these causes.

        Args:
            room: the room.
            causes: what to look for; events of others that carry one do not count.
            back_to_ms: when the first of them can have been sent. The search goes an hour further.
            most: how many pages to read.

        Look at ``proven`` before taking an absence for one.
        """
        found = Traces()
        token = ""
        for _page in range(most):
            page = await self.page(room, start=token, stop="")
            for event in page.events:
                if event.sender != self._me:
                    continue
                cause = cause_in(event)
                if cause is None and isinstance(event, Other | Unreadable):
                    found.proven = False
                elif cause is not None and cause in causes:
                    found[cause] = event.id
            if found.keys() >= causes:
                found.proven = True
                return found
            if page.older is None or self._is_before(page, back_to_ms - SKEW_MS):
                return found
            token = page.older
        found.proven = False
        return found

    def _is_before(self, page: Page, time_ms: int) -> bool:
        """Tell whether a page is from before a time, by what came over our own server: others may set any time."""
        ours = [event.at_ms for event in page.events if server_of(event.sender) == server_of(self._me)]
        return bool(ours) and max(ours) < time_ms

    async def _state(self, room: RoomId, type_: str, key: str) -> JsonObject | None:
        parts = (type_, key) if key else (type_,)
        try:
            return await self._gateway.call("GET", route("rooms", room, "state", *parts), query={"format": "event"})
        except NotFound:
            return None


def _no_answer(what: str) -> ServerTrouble:
    return ServerTrouble("The homeserver's answer makes no sense.", status=200, call=f"GET {what}")
