"""What a room that takes another one's place has from it, and only the server can tell: words, and who is banned.

Names, topics and pictures are people's words, of which our rows keep nothing; so they are read where they stand, at the
moment the new room is made, and go into its ``initial_state``. Source: client-server API, "Room upgrades".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orchestrator.errors import Forbidden, NotFound
from orchestrator.model.events import Member
from orchestrator.model.feature import Tx
from orchestrator.model.ids import Json, JsonObject, RoomId, UserId
from orchestrator.model.power import creators_have_power
from orchestrator.store import AccountStore, mirror

from .decode import decode_event
from .gateway import Gateway, route
from .history import History

INHERITED: Final = (
    "m.room.name",
    "m.room.topic",
    "m.room.avatar",
    "m.room.server_acl",
    "m.room.retention",
    "m.room.policy",
)
"""What is taken over as it stands, unless the new room says something else."""

WIDGETS: Final = frozenset({"im.vector.modular.widgets", "m.widget"})
"""What people put beside a conversation, such as a pad or a call; source: MSC1236. In the old room they are left alone."""


class _NoKeys:
    """Opens nothing: memberships are never encrypted."""

    def decrypt(self, room: RoomId, raw_event: JsonObject) -> JsonObject | None:
        del room, raw_event
        return None


class Heirs:
    """Reads what a room leaves to the one that takes its place.

    Args:
        store: the account's rows.
        gateway: speaks to the homeserver.
        history: reads what is live.
    """

    def __init__(self, store: AccountStore, gateway: Gateway, history: History) -> None:
        self._store = store
        self._gateway = gateway
        self._history = history

    async def meet_banned(self, room: RoomId) -> None:
        """Take note of who is banned from a room; sync tells only of those who were banned while we listened."""
        try:
            answer = await self._gateway.call("GET", route("rooms", room, "members"), query={"membership": "ban"})
        except (Forbidden, NotFound):
            return  # we are out of it; what we know has to do
        chunk = answer.get("chunk")
        found = [decode_event(raw, room, _NoKeys()) for raw in (chunk if isinstance(chunk, list) else ())]
        banned = [event for event in found if isinstance(event, Member) and event.membership == "ban"]
        await self._store.run(_note_banned, banned)

    async def inherit(self, room: RoomId, body: JsonObject) -> dict[str, Json]:
        """Write what a room leaves into the ``createRoom`` body of the one that takes its place."""
        wanted = body.get("initial_state")
        state: list[Json] = [*wanted] if isinstance(wanted, list) else []
        said = {_object(event).get("type") for event in state}
        left: list[Json] = []
        try:
            for type_ in INHERITED:
                live = None if type_ in said else await self._history.state(room, type_)
                if live is not None and live.content:
                    left.append({"type": type_, "state_key": "", "content": live.content})
            left += await self._widgets(room)
            creation = await self._creation(room, body)
        except (Forbidden, NotFound):
            return dict(body)
        return {**body, "creation_content": creation, "initial_state": [*left, *state]}

    async def _widgets(self, room: RoomId) -> list[Json]:
        found: list[Json] = []
        for raw in await self._gateway.read_list(route("rooms", room, "state")):
            event = _object(raw)
            type_, key, content = event.get("type"), event.get("state_key"), _object(event.get("content"))
            # One that was taken away is empty; what begins with somebody's id only they may put there.
            if type_ in WIDGETS and isinstance(key, str) and not key.startswith("@") and content:
                found.append({"type": type_, "state_key": key, "content": content})
        return found

    async def _creation(self, room: RoomId, body: JsonObject) -> JsonObject:
        creation = _object(body.get("creation_content"))
        if creators_have_power(str(body.get("room_version", ""))):
            return creation  # from version 12 on a room does not name the other's last event (MSC4291)
        page = await self._history.page(room, start="", stop="", limit=1)
        if not page.events:
            return creation
        return {**creation, "predecessor": {"room_id": room, "event_id": page.events[-1].id}}


def predecessor_of(body: JsonObject) -> RoomId | None:
    """Tell whose place a room takes, from its ``createRoom`` body; None where it is a room of its own."""
    room = _object(_object(body.get("creation_content")).get("predecessor")).get("room_id")
    return RoomId(room) if isinstance(room, str) and room else None


def _note_banned(tx: Tx, banned: list[Member]) -> None:
    for event in banned:
        seen = mirror.member(tx, event.room, UserId(event.user))
        if seen is None or seen.event in {"", event.id}:
            mirror.see_member(tx, event, known_join=False)


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, Mapping) else {}
