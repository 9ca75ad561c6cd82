"""What can be kept as claimed: state events, and what is none but is wanted, read and written all the same.

``settle`` brings one thing in line: it reads what is live, lets ``rooms/compose`` merge what is claimed with it, and writes
the difference, if there is one. Whatever is no event, and whatever cannot be written before something else is there, has
its own way here; for all others a thing is a state event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

import structlog

from orchestrator import failpoints
from orchestrator.errors import BadRequest
from orchestrator.model.clock import Clock
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, Json, JsonObject, UserId
from orchestrator.model.things import ALIAS, FILE, LISTED, PSEUDO
from orchestrator.store import AccountStore, claims, mirror, uploads
from orchestrator.store.claims import Unsettled

from .directory import LOOK_AGAIN_MS, Alias, Directory, Listing, note
from .gateway import Gateway, route
from .history import History, LiveState
from .making import NotYet
from .pictures import Files, Pictures, without_picture
from .ports import Compose

log = structlog.get_logger("delivery")

NAMING: Final = "m.room.canonical_alias"
AVATAR: Final = "m.room.avatar"


class Thing(Protocol):
    """One kind of what can be kept as claimed."""

    async def read(self, item: Unsettled) -> LiveState | None:
        """Read what is live; None when there is none."""
        ...

    async def finish(self, item: Unsettled, wanted: JsonObject, live: JsonObject | None) -> JsonObject:
        """Make of what is wanted what can be written.

        Raises NotYet when something else has to be there first, MatrixError when it will never be.
        """
        ...

    async def write(self, item: Unsettled, content: JsonObject) -> EventId:
        """Write it, once, since somebody else may change the same thing at any moment; gives the event, "" for none."""
        ...


class PlainState:
    """A state event like any other."""

    def __init__(self, gateway: Gateway, history: History) -> None:
        self._gateway = gateway
        self._history = history

    async def read(self, item: Unsettled) -> LiveState | None:
        """Read the event."""
        return await self._history.state(item.room, item.type, item.key)

    async def finish(self, item: Unsettled, wanted: JsonObject, live: JsonObject | None) -> JsonObject:
        """Leave it as it is wanted."""
        del item, live
        return wanted

    async def write(self, item: Unsettled, content: JsonObject) -> EventId:
        """Set the event."""
        answer = await self._gateway.call(
            "PUT", route("rooms", item.room, "state", item.type, item.key), body=content, sit_out_limits=False
        )
        return EventId(str(answer.get("event_id", "")))


class Naming(PlainState):
    """``m.room.canonical_alias``: the server takes no name that does not lead to the room (M_BAD_ALIAS)."""

    def __init__(self, gateway: Gateway, history: History, directory: Directory, store: AccountStore) -> None:
        super().__init__(gateway, history)
        self._directory = directory
        self._store = store

    async def finish(self, item: Unsettled, wanted: JsonObject, live: JsonObject | None) -> JsonObject:
        """See that each new name leads here.

        One of the other names that leads elsewhere is left out: it must not keep the room from being called by its own.
        Raises NotYet while an alias is still to be taken, BadRequest when the room's own leads elsewhere or nowhere; then
        the event is looked at again as soon as the alias is here.
        """
        stray: set[Json] = set()
        for alias in sorted(_names(wanted) - _names(live or {})):
            localpart = alias[1:].partition(":")[0]
            if alias != self._directory.name(localpart) or await self._directory.room_of(alias) == item.room:
                continue
            if await self._store.run(claims.is_unsettled, item.room, ALIAS, localpart):
                raise NotYet(LOOK_AGAIN_MS)
            if alias == wanted.get("alias"):
                raise BadRequest("A room cannot be called by an alias that does not lead to it.", errcode="M_BAD_ALIAS")
            stray.add(alias)
        others = wanted.get("alt_aliases")
        if not stray or not isinstance(others, list | tuple):
            return wanted
        return {**wanted, "alt_aliases": [alias for alias in others if alias not in stray]}


class Avatar(PlainState):
    """``m.room.avatar``, in which a claim may name a file instead of a place."""

    def __init__(self, gateway: Gateway, history: History, pictures: Pictures, store: AccountStore) -> None:
        super().__init__(gateway, history)
        self._pictures = pictures
        self._store = store

    async def finish(self, item: Unsettled, wanted: JsonObject, live: JsonObject | None) -> JsonObject:
        """Put the file's place in; a picture of ours that is wanted no longer is taken away."""
        if FILE not in wanted and await self._store.run(_is_over, item, wanted.get("url")):
            return without_picture(wanted)
        return await self._pictures.shown(wanted, live)


class Things:
    """Knows the way of each kind, and settles.

    Args:
        store: the account's rows.
        gateway: speaks to the homeserver.
        history: reads what is live.
        compose: merges what is claimed with what is live.
        clock: tells the time.
        me: the bot's own user id.
        files: finds the bytes of pictures.
    """

    def __init__(
        self,
        store: AccountStore,
        gateway: Gateway,
        history: History,
        compose: Compose,
        clock: Clock,
        me: UserId,
        files: Files,
    ) -> None:
        self._store = store
        self._compose = compose
        self._clock = clock
        self._me = me
        directory = Directory(gateway, me)
        self._plain = PlainState(gateway, history)
        self._others: Mapping[str, Thing] = {
            LISTED: Listing(directory),
            ALIAS: Alias(directory, store),
            NAMING: Naming(gateway, history, directory, store),
            AVATAR: Avatar(gateway, history, Pictures(gateway, store, files), store),
        }

    async def settle(self, item: Unsettled) -> bool:
        """Write what differs from what is claimed, as it is read now and not from memory.

        Returns:
            whether that took a call that the server counts.

        Raises:
            MatrixError: it was not done (retryable or final by class).
            NotYet: something else has to happen first.
        """
        thing = self._others.get(item.type, self._plain)
        live = await thing.read(item)
        content = live.content if live is not None else None
        wanted = await self._compose(item.room, item.type, item.key, content)
        if wanted is not None:
            wanted = await thing.finish(item, wanted, content)
        if wanted is None or wanted == content:
            await self._store.run(_note_read, item, content, self._me, self._clock.now_ms())
            return False
        failpoints.pass_by("state.before_send")
        event = await thing.write(item, wanted)
        failpoints.pass_by("state.after_send")
        failpoints.pass_by("state.before_confirm")
        await self._store.run(_note_written, item, event, self._me, wanted, self._clock.now_ms())
        return item.type not in PSEUDO


def _names(content: JsonObject) -> set[str]:
    others: Json = content.get("alt_aliases")
    named = [content.get("alias"), *(others if isinstance(others, list | tuple) else ())]
    return {alias for alias in named if isinstance(alias, str) and alias.startswith("#")}


def _is_over(tx: Tx, item: Unsettled, url: Json) -> bool:
    """Tell whether a picture is a file of ours of which a claim says that it is wanted no longer."""
    ours = uploads.upload_at(tx, url) if isinstance(url, str) else None
    if ours is None:
        return False
    return any(
        claim.ended and isinstance(claim.value, Mapping) and claim.value.get(FILE) == ours.sha256
        for claim in claims.claims_on(tx, item.room, item.type, item.key, 0)
    )


def _note_read(tx: Tx, item: Unsettled, content: JsonObject | None, me: UserId, now_ms: int) -> None:
    if item.type in PSEUDO and content is not None:  # of events sync tells
        # Nobody can be asked who set it. What is just as we want it may be ours, by a call whose answer was lost.
        wanted = claims.claims_on(tx, item.room, item.type, item.key, now_ms)
        seen = mirror.state_of(tx, item.room, item.type, item.key)
        ours = any(claim.path == () and not claim.ended and claim.value == content for claim in wanted)
        ours = ours or (seen is not None and seen.sender == me and seen.digest == mirror.digest_of(content))
        note(tx, item, content, me if ours else UserId(""))
    claims.settled(tx, item)


def _note_written(tx: Tx, item: Unsettled, event: EventId, me: UserId, content: JsonObject, now_ms: int) -> None:
    if item.type in PSEUDO:
        note(tx, item, content, me)
    else:
        mirror.see_state(tx, item.room, item.type, item.key, event, me, content)
    if item.type == ALIAS and claims.claims_on(tx, item.room, NAMING, "", now_ms):
        # It may have been refused, or about to be, because the alias was not here.
        claims.mark_unsettled(tx, item.room, NAMING, "", now_ms, item.priority)
    claims.settled(tx, item)
