"""The server's directory: which room an alias leads to, and which rooms are shown to everybody.

Neither is a state event: no power level guards them but the one for ``m.room.canonical_alias``, and /sync never tells of
them. They are read before they are written, and what was found or done is noted in the mirror (``model/things``).

Source: client-server API, "Room aliases" and "Listing rooms".
"""

from __future__ import annotations

from typing import Final

import structlog

from orchestrator.errors import MatrixError, NotFound, RoomInUse, ServerTrouble
from orchestrator.model.clock import SECOND_MS
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, JsonObject, RoomId, UserId, server_of, shorten
from orchestrator.model.things import ALIAS, LISTED, here, is_elsewhere, listed
from orchestrator.store import AccountStore, claims, mirror
from orchestrator.store.claims import Unsettled

from .fields import a_room_id
from .gateway import Gateway, route
from .history import LiveState
from .making import NotYet

log = structlog.get_logger("directory")

LOOK_AGAIN_MS: Final = 2 * SECOND_MS
TAKEN: Final = 409


class Directory:
    """Reads and writes the directory of our own server.

    Args:
        gateway: speaks to the homeserver.
        me: the bot's own user id, which names the server.
    """

    def __init__(self, gateway: Gateway, me: UserId) -> None:
        self._gateway = gateway
        self._server = server_of(me)

    def name(self, localpart: str) -> str:
        """Write the alias of a localpart."""
        return f"#{localpart}:{self._server}"

    async def room_of(self, alias: str) -> RoomId | None:
        """Tell which room an alias leads to; None when it leads nowhere."""
        try:
            answer = await self._gateway.call("GET", route("directory", "room", alias))
        except NotFound:
            return None
        room = a_room_id(answer.get("room_id"))
        if room is None:
            raise ServerTrouble("The homeserver's answer makes no sense.", status=200, call="GET directory/room/{}")
        return room

    async def is_listed(self, room: RoomId) -> bool:
        """Tell whether a room is shown to everybody."""
        answer = await self._gateway.call("GET", route("directory", "list", "room", room))
        return answer.get("visibility") == "public"

    async def live(self, room: RoomId, type_: str, key: str) -> LiveState:
        """Read what there is as the content of a pseudo event; nobody is known to have set it."""
        if type_ == LISTED:
            content: JsonObject = listed(shown=await self.is_listed(room))
        else:
            leads_to = await self.room_of(self.name(key))
            content = here(leads_here=leads_to is not None) if leads_to in {None, room} else {"elsewhere": True}
        return LiveState(content, EventId(""), UserId(""))

    async def show(self, room: RoomId, *, shown: bool) -> None:
        """Show a room to everybody, or no longer."""
        body = {"visibility": "public" if shown else "private"}
        await self._gateway.call(
            "PUT", route("directory", "list", "room", room), body=body, patience_s=10, sit_out_limits=False
        )

    async def take(self, room: RoomId, localpart: str) -> None:
        """Let an alias that leads nowhere lead to a room. Raises NotYet when somebody was quicker: then look again."""
        where = route("directory", "room", self.name(localpart))
        try:
            await self._gateway.call("PUT", where, body={"room_id": room}, sit_out_limits=False)
        except MatrixError as error:
            if error.status == TAKEN:
                raise NotYet(LOOK_AGAIN_MS) from None
            raise

    async def free(self, localpart: str) -> None:
        """Let an alias lead nowhere. Synapse takes it out of its room's ``m.room.canonical_alias`` as well."""
        try:
            await self._gateway.call("DELETE", route("directory", "room", self.name(localpart)), sit_out_limits=False)
        except NotFound:
            return


class Listing:
    """The thing ``circlekeeper.listed``."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def read(self, item: Unsettled) -> LiveState | None:
        """Read whether the room is shown."""
        return await self._directory.live(item.room, LISTED, "")

    async def finish(self, item: Unsettled, wanted: JsonObject, live: JsonObject | None) -> JsonObject:
        """Tell what to write; what says neither yes nor no leaves it as it is."""
        del item
        shown = wanted.get("listed")
        return listed(shown=shown) if isinstance(shown, bool) else live or {}

    async def write(self, item: Unsettled, content: JsonObject) -> EventId:
        """Show the room, or no longer; there is no event."""
        await self._directory.show(item.room, shown=content.get("listed") is True)
        return EventId("")


class Alias:
    """The thing ``circlekeeper.alias``: an alias is taken only where it leads nowhere, and freed only where it leads here.

    One that moves from a room of ours to another is freed there first: while that waits, the other room waits for it.
    """

    def __init__(self, directory: Directory, store: AccountStore) -> None:
        self._directory = directory
        self._store = store

    async def read(self, item: Unsettled) -> LiveState | None:
        """Read where the alias leads."""
        return await self._directory.live(item.room, ALIAS, item.key)

    async def finish(self, item: Unsettled, wanted: JsonObject, live: JsonObject | None) -> JsonObject:
        """Tell what to write.

        Raises:
            NotYet: a room of ours is about to free it.
            RoomInUse: it is somebody else's, and it stays so.
        """
        if wanted.get("here") is not True:
            return live or {} if is_elsewhere(live) else {}
        if not is_elsewhere(live):
            return here(leads_here=True)
        other = await self._directory.room_of(self._directory.name(item.key))
        if other in {None, item.room} or await self._store.run(claims.is_unsettled, other, ALIAS, item.key):
            raise NotYet(LOOK_AGAIN_MS)
        log.warning("an alias leads to another room and is left to it", room=shorten(item.room))
        await self._store.run(note, item, {"elsewhere": True}, UserId(""))
        raise RoomInUse("The alias leads to somebody else's room.")

    async def write(self, item: Unsettled, content: JsonObject) -> EventId:
        """Take it or free it; there is no event."""
        if content.get("here") is True:
            await self._directory.take(item.room, item.key)
        else:
            await self._directory.free(item.key)
        return EventId("")


def note(tx: Tx, item: Unsettled, content: JsonObject, sender: UserId) -> None:
    """Remember in the mirror what was read or written, and who set it ("" is somebody)."""
    # There is no event whose id could tell a new state from an old one, so what it says stands for it.
    event = EventId(f"~{mirror.digest_of({'content': content, 'sender': sender})}")
    mirror.see_state(tx, item.room, item.type, item.key, event, sender, content)
