"""Rooms taken over, and a community handed over: what the bot at work is asked to do about what is whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from orchestrator import control
from orchestrator.documents.authored import Amendment
from orchestrator.documents.declared import Community, Room
from orchestrator.errors import Refusal, SetupError
from orchestrator.i18n import speaking
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.model.ids import CommunityKey, Json, JsonObject, RoomId, RoomKey, UserId
from orchestrator.model.power import creators_have_power
from orchestrator.rooms import start_upgrade
from orchestrator.rooms.people.greet import AWAITED
from orchestrator.store import bindings, mirror, outbox, timers

if TYPE_CHECKING:
    from orchestrator.app import App
    from orchestrator.keeper import Keeper

AWAITED_MS: Final = HOUR_MS
CRAFT: Final = "rooms"


class Adopting:
    """Takes rooms over, and lets founders stand beside the bot.

    Args:
        app: at work.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    @property
    def verbs(self) -> Mapping[str, control.Verb]:
        """What can be asked for through the socket."""
        return {"adopt": self.adopt, "await": self.expect, "found": self.found, "replace": self.replace}

    async def adopt(self, request: JsonObject) -> JsonObject:
        """Take a room over as a declared one; nothing in it changes until that is applied.

        Raises:
            SetupError: that room, or that line, is another one's already, or the bot is not in it.
        """
        async with self._app.documents_read() as loaded:
            community, room = _declared(loaded.documents.communities, request)
            keeper = self._keeper(community)
            await self._app.store.of(community.account).run(
                take_over, community, room, RoomId(str(request.get("id"))), seen=True
            )
        await keeper.engine.settle()
        keeper.delivery.wake()
        return {}

    async def expect(self, request: JsonObject) -> JsonObject:
        """Accept an invitation of a lead to a room within an hour, so that it can be taken over.

        The files are not read again: a room would be made for a line that is meant for this one.
        """
        community, _room = _declared(self._app.loaded.documents.communities, {"community": request.get("community")})
        keeper = self._keeper(community)
        timer = Timer(
            craft=CRAFT,
            key=f"{AWAITED}{request.get('id')}",
            due_ms=keeper.engine.moment().at_ms + AWAITED_MS,
        )
        await self._app.store.of(community.account).run(timers.set_timer, timer)
        return {}

    async def found(self, request: JsonObject) -> JsonObject:
        """Write somebody into the overlay as a founder: a creator of the rooms made from now on.

        Raises:
            DocumentErrors: the files would be wrong with them.
        """
        community, _room = _declared(self._app.loaded.documents.communities, request)
        moment = self._keeper(community).engine.moment()
        user = UserId(str(request.get("user")))
        name = self._app.config_path.name
        await self._app.write(founding_of(name, community, user, by=moment.me, at_ms=moment.at_ms))
        return {}

    async def replace(self, request: JsonObject) -> JsonObject:
        """Begin to replace rooms by new ones, with all founders as creators; tells what could not be begun."""
        community, _room = _declared(self._app.loaded.documents.communities, request)
        keeper, keys = self._keeper(community), request.get("rooms")
        refused: dict[str, Json] = {}
        for key in keys if isinstance(keys, list) else ():
            room = community.room(RoomKey(str(key)))
            if room is not None:
                said = await self._app.store.of(community.account).run(
                    begin_upgrade, community, room, keeper.engine.moment()
                )
                refused |= {str(key): said} if said else {}
        await keeper.engine.settle()
        keeper.delivery.wake()
        return {"refused": refused}

    def _keeper(self, community: Community) -> Keeper:
        return self._app.keepers[community.account]


def founding_of(document: str, community: Community, user: UserId, *, by: UserId, at_ms: int) -> Amendment:
    """Write down that somebody is a founder of a community."""
    founders: list[Json] = [*dict.fromkeys([*community.founders, user])]
    return Amendment(
        document=document, path=("communities", community.key, "founders"), value=founders, by=by, at_ms=at_ms
    )


def take_over(tx: Tx, community: Community, room: Room, where: RoomId, *, seen: bool) -> None:
    """Say that a declared room is a room that somebody else made; ``seen``: the bot has heard of it.

    Raises:
        SetupError: one of both is something else already, or the bot is not in the room.
    """
    bound, known = bindings.binding_of(tx, where), bindings.bound_room(tx, community.key, room.key)
    name = f"{community.key}/{room.key or 'space'}"
    if bound is not None and (bound.community, bound.key) == (community.key, room.key):
        return
    if bound is not None:
        raise SetupError(f"That room is {bound.community}/{bound.key or 'space'} already.")
    if known is not None:
        raise SetupError(f"{name} is a room already, {known}. Give the room that you take over a line of its own.")
    if outbox.is_waiting(tx, "create", name):
        raise SetupError(f"{name} is just being made. Give the room that you take over a line of its own.")
    mirrored = mirror.room_of(tx, where)
    if seen and (mirrored is None or mirrored.membership != "join"):
        raise SetupError("The bot is not in that room yet. Let a lead invite it.")
    if mirrored is not None and mirrored.version and mirrored.space != (room.kind == "space"):
        is_, not_ = ("a space", "a room") if mirrored.space else ("a room", "a space")
        raise SetupError(f"That is {is_}, and {name} is {not_}. Choose a template of the other kind.")
    bindings.bind(tx, community.key, room.key, where, "adopted")


def begin_upgrade(tx: Tx, community: Community, room: Room, now: Now) -> str:
    """Begin to replace a room by a new one; returns why it cannot be, "" when it was begun or is under way."""
    with speaking(community.locale):
        try:
            with tx.savepoint():
                effects = start_upgrade(tx, community, room, now)
        except Refusal as refusal:
            return refusal.message
        for effect in effects:
            outbox.record(tx, f"upgrade:{community.key}/{room.key}:{now.at_ms}", CRAFT, effect, now.at_ms)
    return ""


def without(tx: Tx, community: Community, user: UserId) -> list[tuple[Room, RoomId, str]]:
    """List the rooms in which somebody could never do what only creators can: with id and version."""
    found = []
    for room in community.every_room():
        where = bindings.bound_room(tx, community.key, room.key)
        known = None if where is None else mirror.room_of(tx, where)
        if where is None or known is None or user in known.creators:
            continue
        if creators_have_power(known.version or "1"):
            found.append((room, where, known.version))
    return found


def _declared(communities: Sequence[Community], request: JsonObject) -> tuple[Community, Room]:
    key = CommunityKey(str(request.get("community")))
    community = next((one for one in communities if one.key == key), None)
    room = None if community is None else community.room(RoomKey(str(request.get("key", ""))))
    if community is None or room is None:
        raise SetupError("The files do not name that room (any more).")
    return community, room
