"""Rooms are looked for before they are made: a crash between the asking and the answer must not leave two.

A room carries its locator from its first moment (``initial_state``), so one that was made for us and never answered for
is found again; an alias that is taken is looked behind before we do without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog

from orchestrator import failpoints
from orchestrator.errors import BadRequest, Forbidden, RoomInUse
from orchestrator.model.clock import DAY_MS, SECOND_MS, Clock
from orchestrator.model.effects import CreateRoom, Priority, SetMembership
from orchestrator.model.feature import Tx
from orchestrator.model.ids import LOCATOR_TYPE, Json, JsonObject, RoomId, UserId
from orchestrator.store import AccountStore, bindings, mirror, outbox
from orchestrator.store.outbox import Waiting

from .gateway import Gateway, route
from .history import History
from .ports import Direct

log = structlog.get_logger("delivery")

CREATION_MS: Final = 15 * SECOND_MS
"""How long a server may still be at work on a room whose making we were cut off from."""

LOOK_AGAIN_MS: Final = 2 * SECOND_MS
MAKE_S: Final = 120.0


class NotYet(Exception):
    """It cannot be done yet for a reason of our own; nothing failed."""

    def __init__(self, wait_ms: int) -> None:
        super().__init__(f"wait {wait_ms} ms")
        self.wait_ms = wait_ms


class Maker:
    """Makes rooms, and finds the ones that were made.

    Args:
        store: the account's rows.
        gateway: speaks to the homeserver.
        history: reads what is live.
        clock: tells the time.
        me: the bot's own user id.
        direct: knows what a direct room looks like.
        device: our device, by which a word that is about to leave is marked.
    """

    def __init__(  # what it works with
        self,
        store: AccountStore,
        gateway: Gateway,
        history: History,
        clock: Clock,
        me: UserId,
        direct: Direct,
        *,
        device: str,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._history = history
        self._clock = clock
        self._me = me
        self._direct = direct
        self._device = device

    async def direct_room(self, row: Waiting) -> RoomId:
        """Find the direct room a row is to be said in, or ask for one to be made and say NotYet."""
        user = UserId(row.target)
        room = await self._store.run(_usable_direct_room, user)
        if room is None:
            if not await self._store.run(self._ask_for_direct_room, user):
                # They declined today, or left: nobody is asked again and again.
                raise Forbidden("This person has no direct room with us, and was asked into one today.")
            raise NotYet(SECOND_MS)
        if not {*await self._history.members(room)} <= {self._me, user}:
            # Somebody came whom we have not seen come: what is for one person is not said there.
            await self._store.run(bindings.drop_direct, room)
            raise NotYet(SECOND_MS)
        if row.room != room and not await self._store.run(_place, row, room, self._device, self._clock.now_ms()):
            raise NotYet(SECOND_MS)  # a newer word took its place meanwhile
        return room

    def _ask_for_direct_room(self, tx: Tx, user: UserId) -> bool:
        """See to it that a direct room is on its way, at most one a day; tells whether one is."""
        wanted = self._direct(user)
        now_ms = self._clock.now_ms()
        if any(row.kind == "create" and row.target == user for row in outbox.waiting(tx)):
            return True
        origin = f"direct:{user}:{now_ms // DAY_MS}"
        effect = CreateRoom(step="direct", priority=Priority.REPLY, locator=wanted.locator, body=wanted.body, user=user)
        return outbox.record(tx, origin, "rooms", effect, now_ms) is not None

    async def make(self, row: Waiting) -> tuple[RoomId, bool]:
        """Find or make the room a row asks for; tells which it is, and whether it was made just now."""
        locator = str(row.payload.get("locator", ""))
        found = await self._find_located(locator, everywhere=row.tried_ms is not None)
        if found is None and row.tried_ms is not None:
            still_at_work_ms = row.tried_ms + CREATION_MS - self._clock.now_ms()
            if still_at_work_ms > 0:
                raise NotYet(min(still_at_work_ms, LOOK_AGAIN_MS))
        return (found, False) if found is not None else (await self._make(row, locator), True)

    async def _make(self, row: Waiting, locator: str) -> RoomId:
        body = dict(_object(row.payload.get("body")))
        failpoints.pass_by("create.before_send")
        try:
            answer = await self._gateway.call("POST", route("createRoom"), body=body, timeout_s=MAKE_S)
        except RoomInUse:
            # Our own room under this alias, or somebody else's: then ours does without.
            found = await self._find_located(locator, everywhere=True)
            if found is not None:
                return found
            log.warning("the alias is taken; the room is made without it", room=row.target)
            body.pop("room_alias_name", None)
            answer = await self._gateway.call("POST", route("createRoom"), body=body, timeout_s=MAKE_S)
        except BadRequest:
            # Synapse refuses a room whole when it may not invite just now: then it is made first and people come after.
            guests = body.pop("invite", None)
            if not isinstance(guests, list) or not guests:
                raise
            answer = await self._gateway.call("POST", route("createRoom"), body=body, timeout_s=MAKE_S)
            room = RoomId(str(answer.get("room_id", "")))
            await self._store.run(_invite_later, room, [UserId(str(guest)) for guest in guests], self._clock.now_ms())
        failpoints.pass_by("create.after_send")
        room = RoomId(str(answer.get("room_id", "")))
        await self._store.run(_note_made, room, body)
        return room

    async def _find_located(self, locator: str, *, everywhere: bool) -> RoomId | None:
        """Look for a room of ours that carries a locator: in the mirror, and if need be in every room we are in."""
        known = await self._store.run(mirror.rooms_with_state, LOCATOR_TYPE)
        for room, state in known:
            said = (state.content or {}).get("locator")
            if state.sender == self._me and said == locator and await self._is_ours(room):
                return room
        if everywhere:
            seen = {room.room for room in await self._store.run(mirror.rooms_joined)}
            for room in await self._history.joined_rooms():
                if room in seen:
                    continue
                live = await self._history.state(room, LOCATOR_TYPE, "")
                said = live.content.get("locator") if live is not None and live.sender == self._me else None
                if said == locator and await self._is_ours(room):
                    return room
        return None

    async def _is_ours(self, room: RoomId) -> bool:
        """Tell whether the bot made a room. In other people's rooms a locator of ours says nothing by itself."""
        seen = await self._store.run(mirror.state_of, room, "m.room.create")
        if seen is not None:
            return seen.sender == self._me
        live = await self._history.state(room, "m.room.create")
        return live is not None and live.sender == self._me


def _usable_direct_room(tx: Tx, user: UserId) -> RoomId | None:
    room = bindings.direct_room(tx, user)
    if room is None:
        return None
    known = mirror.room_of(tx, room)
    them = mirror.member(tx, room, user)
    if known is None or known.membership != "join" or (them is not None and them.membership in {"leave", "ban"}):
        return None
    return room


def _place(tx: Tx, row: Waiting, room: RoomId, device: str, now_ms: int) -> bool:
    """Say where a private word goes, now that it is about to leave; tells whether it still waits."""
    outbox.place(tx, row.cause, room)
    return outbox.note_try(tx, row.cause, device, now_ms)


def _note_made(tx: Tx, room: RoomId, body: JsonObject) -> None:
    """Remember at once what must not wait for sync: that we are in, and that the room is encrypted."""
    mirror.see_own_membership(tx, room, "join")
    initial = body.get("initial_state")
    if isinstance(initial, list) and any(_object(s).get("type") == "m.room.encryption" for s in initial):
        mirror.latch_encryption(tx, room)


def _invite_later(tx: Tx, room: RoomId, guests: list[UserId], now_ms: int) -> None:
    for guest in guests:
        invite = SetMembership(
            step=f"invite:{guest}", priority=Priority.REPLY, room=room, user=guest, membership="invite"
        )
        outbox.record(tx, f"made:{room}", "rooms", invite, now_ms)


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, Mapping) else {}
