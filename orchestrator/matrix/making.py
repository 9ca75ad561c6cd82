"""Rooms are looked for before they are made: a crash between the asking and the answer must not leave two.

A room carries its locator from its first moment (``initial_state``), so one that was made for us and never answered for
is found again; an alias that is taken is looked behind before we do without it.

Nobody is invited in the call that makes a room: a server makes it first and invites then, and when another server will not
have its member invited, that one's refusal is all that is answered, of a room that is there. So whom a direct room is for
is asked in by a call of its own, and nothing is said there before: what is older than an invitation they cannot read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog

from orchestrator import failpoints
from orchestrator.errors import BadRequest, Forbidden, RoomInUse, ServerTrouble, Unreachable
from orchestrator.errors import Final as NeverWorks
from orchestrator.model.clock import DAY_MS, SECOND_MS, Clock
from orchestrator.model.effects import CreateRoom, Priority, SetMembership
from orchestrator.model.feature import Tx
from orchestrator.model.ids import LOCATOR_TYPE, Cause, EventId, Json, JsonObject, RoomId, UserId
from orchestrator.store import AccountStore, bindings, mirror, outbox
from orchestrator.store.outbox import Waiting

from .gateway import Gateway, route
from .history import History
from .inheriting import Heirs, predecessor_of
from .ports import Direct, DirectRoom

log = structlog.get_logger("delivery")

WRONG_VERSION: Final = frozenset({"M_UNSUPPORTED_ROOM_VERSION", "M_INCOMPATIBLE_ROOM_VERSION"})
"""How a server says that it, or the server of who is invited, does not know a room's version."""

CREATION_MS: Final = 15 * SECOND_MS
"""For how long a room is looked for whose making we were cut off from: the server may still be at work on it."""

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

    Attributes:
        born: rooms made by this process, which have no past that sync does not tell; whoever acted on that takes them out.
    """

    def __init__(
        self, store: AccountStore, gateway: Gateway, history: History, clock: Clock, me: UserId, direct: Direct
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._history = history
        self._clock = clock
        self._me = me
        self._direct = direct
        self.born: set[RoomId] = set()
        self._heirs = Heirs(store, gateway, history)
        # Since when rooms that were asked for are looked for; None where it is known that none was begun.
        self._unanswered: dict[Cause, int | None] = {}

    async def direct_room(self, user: UserId) -> RoomId:
        """Find the room in which somebody is written to in private, or ask for one to be made and say NotYet."""
        room = await self._store.run(_usable_direct_room, user)
        if room is None:
            if not await self._store.run(self._ask_for_direct_room, user):
                # They declined today, or left: nobody is asked again and again.
                raise Forbidden("This person has no direct room with us, and was asked into one today.")
            raise NotYet(0)
        there = {*await self._history.members(room)}
        if not there <= {self._me, user}:
            # Somebody came whom we have not seen come: what is for one person is not said there.
            await self._store.run(bindings.drop_direct, room)
            raise NotYet(0)
        if user not in there:
            await self._ask_in(room, user)
        return room

    async def _ask_in(self, room: RoomId, user: UserId) -> None:
        """Return when somebody is asked into their direct room; else see to it, and say NotYet.

        Raises:
            Forbidden: they declined, or they or a server will not have it.
        """
        membership = await self._membership(room, user)
        if membership in {"join", "invite"}:
            return
        if membership in {"leave", "ban"} or not await self._store.run(_invite, room, user, self._clock.now_ms()):
            raise Forbidden("This person does not want to be asked into their direct room, or their server does not.")
        raise NotYet(0)

    async def _membership(self, room: RoomId, user: UserId) -> str | None:
        """Tell what somebody is in a room, as last seen or else as it is now; None when they were never anything."""
        seen = await self._store.run(mirror.member, room, user)
        if seen is not None:
            return seen.membership
        live = await self._history.state(room, "m.room.member", user)
        return None if live is None else str(live.content.get("membership", ""))

    async def start_over(self, room: RoomId, user: UserId) -> None:
        """Ask for another direct room, in a version that every server knows: somebody's server does not know this one's."""
        wanted = self._direct(user, oldest=True)
        if await self._version(room) != _version_of(wanted.body):
            await self._store.run(_start_over, room, self._me, user, wanted, self._clock.now_ms())

    async def _version(self, room: RoomId) -> str:
        known = await self._store.run(mirror.room_of, room)
        if known is not None and known.version:
            return known.version
        live = await self._history.state(room, "m.room.create")
        return str(live.content.get("room_version", "1")) if live is not None else ""

    def _ask_for_direct_room(self, tx: Tx, user: UserId) -> bool:
        """See to it that a direct room is on its way, at most one a day; tells whether one is."""
        wanted = self._direct(user)
        now_ms = self._clock.now_ms()
        if outbox.is_waiting(tx, "create", user):
            return True
        origin = f"direct:{user}:{now_ms // DAY_MS}"
        effect = CreateRoom(step="direct", priority=Priority.REPLY, locator=wanted.locator, body=wanted.body, user=user)
        return outbox.record(tx, origin, "rooms", effect, now_ms) is not None

    async def make(self, row: Waiting) -> tuple[RoomId, bool]:
        """Find or make the room a row asks for; tells which it is, and whether it was made just now."""
        locator, now_ms = str(row.payload.get("locator", "")), self._clock.now_ms()
        if row.tried_ms is None:
            self._unanswered[row.cause] = None
        since_ms = self._unanswered.setdefault(row.cause, now_ms)  # an earlier run may have been cut off just now
        leaving = predecessor_of(_object(row.payload.get("body")))
        if leaving is not None:
            await self._heirs.meet_banned(leaving)
        room = await self._find_located(row, everywhere=row.tried_ms is not None)
        made = room is None
        if room is None:
            if since_ms is not None and 0 <= now_ms - since_ms < CREATION_MS:
                raise NotYet(LOOK_AGAIN_MS)
            try:
                room = await self._make(row, locator)
            except NeverWorks:
                del self._unanswered[row.cause]
                raise
        del self._unanswered[row.cause]
        return room, made

    async def _make(self, row: Waiting, locator: str) -> RoomId:
        body = dict(_object(row.payload.get("body")))
        leaving = predecessor_of(body)
        if leaving is not None:
            body = await self._heirs.inherit(leaving, body)
        failpoints.pass_by("create.before_send")
        try:
            room = await self._create(row.cause, body)
        except RoomInUse:
            # Our own room under this alias, or somebody else's: then ours does without.
            found = await self._find_located(row, everywhere=True)
            if found is not None:
                return found
            log.warning("the alias is taken; the room is made without it", room=row.target)
            body.pop("room_alias_name", None)
            room = await self._create(row.cause, body)
        except BadRequest as error:
            user = row.payload.get("user")
            oldest = self._direct(UserId(user), oldest=True).body if isinstance(user, str) and user else body
            if error.errcode not in WRONG_VERSION or _version_of(oldest) == _version_of(body):
                raise
            body = dict(oldest)
            room = await self._create(row.cause, body)
        failpoints.pass_by("create.after_send")
        self.born.add(room)
        await self._store.run(_note_ours, room, locator, self._me, encrypted=_is_encrypted(body))
        return room

    async def _create(self, cause: Cause, body: JsonObject) -> RoomId:
        self._unanswered[cause] = None
        try:
            answer = await self._gateway.call("POST", route("createRoom"), body=body, timeout_s=MAKE_S)
        except (ServerTrouble, Unreachable):
            self._unanswered[cause] = self._clock.now_ms()
            raise
        return RoomId(str(answer.get("room_id", "")))

    async def _find_located(self, row: Waiting, *, everywhere: bool) -> RoomId | None:
        """Look for the room of ours that a row asks for: in the mirror, and if need be in every room we are in."""
        locator = str(row.payload.get("locator", ""))
        known = await self._store.run(mirror.rooms_with_state, LOCATOR_TYPE)
        for room, state in known:
            said = (state.content or {}).get("locator")
            if state.sender == self._me and said == locator and await self._will_do(room, row):
                return room
        if everywhere:
            seen = {room.room for room in await self._store.run(mirror.rooms_joined)}
            for room in await self._history.joined_rooms():
                if room in seen:
                    continue
                live = await self._history.state(room, LOCATOR_TYPE, "")
                said = live.content.get("locator") if live is not None and live.sender == self._me else None
                if said == locator and await self._will_do(room, row):
                    await self._store.run(_note_ours, room, locator, self._me, encrypted=False)
                    return room
        return None

    async def _will_do(self, room: RoomId, row: Waiting) -> bool:
        """Tell whether a room that carries the locator of a row can be what it asks for."""
        if not await self._is_ours(room):
            return False
        user = row.payload.get("user")
        if not isinstance(user, str) or not user:
            return True
        membership = await self._membership(room, UserId(user))
        if membership in {"leave", "ban"}:
            # Who declined is not asked through another door; who was here and left is: this one we are leaving as well.
            return await self._store.run(bindings.direct_user, room) == user
        if membership in {"join", "invite"}:
            return True
        # Nobody was asked into it yet: it is the one we made if it is in a version that we would have made it in.
        wanted = _version_of(_object(row.payload.get("body")))
        known_everywhere = _version_of(self._direct(UserId(user), oldest=True).body)
        return not wanted or await self._version(room) in {wanted, known_everywhere}

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


def _note_ours(tx: Tx, room: RoomId, locator: str, me: UserId, *, encrypted: bool) -> None:
    """Remember at once what must not wait for sync: that we are in, which room it is, and that it is encrypted if so."""
    mirror.see_own_membership(tx, room, "join")
    mirror.see_state(tx, room, LOCATOR_TYPE, "", EventId(""), me, {"locator": locator})
    if encrypted:
        mirror.latch_encryption(tx, room)


def _is_encrypted(body: JsonObject) -> bool:
    initial = body.get("initial_state")
    return isinstance(initial, list) and any(_object(state).get("type") == "m.room.encryption" for state in initial)


def _version_of(body: JsonObject) -> str:
    return str(body.get("room_version", ""))


def _invite(tx: Tx, room: RoomId, user: UserId, now_ms: int) -> bool:
    """See to it that somebody is asked in, at most once a day; tells whether they are going to be."""
    if outbox.is_waiting(tx, "member", user, room):
        return True
    invite = SetMembership(step=f"invite:{user}", priority=Priority.REPLY, room=room, user=user, membership="invite")
    return outbox.record(tx, f"made:{room}:{now_ms // DAY_MS}", "rooms", invite, now_ms) is not None


def _start_over(tx: Tx, room: RoomId, me: UserId, user: UserId, wanted: DirectRoom, now_ms: int) -> None:
    if bindings.direct_user(tx, room) != user:
        return
    bindings.drop_direct(tx, room)
    leave = SetMembership(step=f"close:{room}", room=room, user=me, membership="leave", rule="room-version")
    outbox.record(tx, f"older:{room}", "rooms", leave, now_ms)
    make = CreateRoom(step="direct", priority=Priority.REPLY, locator=wanted.locator, body=wanted.body, user=user)
    outbox.record(tx, f"older:{room}", "rooms", make, now_ms)


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, Mapping) else {}
