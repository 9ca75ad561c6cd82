"""A bot's house without a network: the real engine and store, and a homeserver that is a table of state events.

``deliver`` does what delivery does, in its simplest form: it carries out what waits, checks it against the rules of the
rooms, and lets the engine see the echo. What it wrote is counted in ``writes``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from orchestrator.documents.declared import Community, Documents
from orchestrator.engine import Engine
from orchestrator.model.batch import RoomUpdate, SyncBatch
from orchestrator.model.events import Event, Member, MembershipName, Message, State
from orchestrator.model.feature import Now, Role, Tx
from orchestrator.model.ids import (
    LOCATOR_TYPE,
    AccountKey,
    CommunityKey,
    EventId,
    JsonObject,
    RoomId,
    RoomKey,
    UserId,
)
from orchestrator.model.things import ALIAS, LISTED, PSEUDO
from orchestrator.rooms import Rooms, composed
from orchestrator.store import AccountStore, Store, bindings, claims, mirror, outbox
from orchestrator.store.outbox import Waiting
from tests.declared import ME
from tests.fakes.clock import FakeClock

from . import rules


class Nobody:
    """A roster of nobody."""

    def role(self, tx: Tx, user: UserId, community: CommunityKey, room: RoomKey | None, now: Now) -> Role:
        return Role.MEMBER


@dataclass(slots=True)
class HostedRoom:
    """A room as the homeserver has it."""

    id: RoomId
    version: str
    creator: UserId
    state: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    senders: dict[tuple[str, str], UserId] = field(default_factory=dict)

    def membership(self, user: UserId) -> str:
        return str(self.state.get(("m.room.member", user), {}).get("membership", ""))


class House:
    """The bot, its rows, and the rooms on the homeserver; a new database can be given to the same homeserver."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.rooms: dict[RoomId, HostedRoom] = {}
        self.writes: list[tuple[str, str]] = []
        self.said: list[tuple[RoomId | UserId, str]] = []
        self.refuse_making = ""
        self._numbers = count(1)
        self._store: Store | None = None

    async def open(self, directory: Path, *communities: Community) -> None:
        """Start on the rows of a directory, with everything the homeserver would tell at the first /sync."""
        self._store = Store.open(directory)
        self.rows: AccountStore = self._store.of(AccountKey("keeper"))
        self.engine = Engine(self.rows, self.clock, ME)
        self.use(*communities)
        self._batches = 0
        updates = [
            RoomUpdate(room=room.id, membership="join", state=tuple(self._events(room)))
            for room in self.rooms.values()
            if room.membership(ME) == "join"
        ]
        await self.engine.take(SyncBatch(since=None, until="s0", rooms=tuple(updates)), catching_up=True)

    def use(self, *communities: Community) -> None:
        documents = Documents(communities=communities)
        self.craft = Rooms(documents, ME)
        self.engine.use(documents, [self.craft], Nobody())

    async def close(self) -> None:
        """Close the rows; no decision may have stumbled."""
        assert self._store is not None
        stumbled = await self.rows.run(_troubles)
        await self._store.close()
        assert stumbled == []

    async def settle(self) -> None:
        """Settle, and deliver until nothing is left to do."""
        await self.engine.settle()
        await self.deliver()

    async def deliver(self) -> None:
        for _ in range(50):
            rows = await self.rows.run(outbox.waiting)
            marks = await self.rows.run(claims.unsettled)
            if not rows and not marks:
                return
            for row in rows:
                await self._carry(row)
            for mark in marks:
                await self._write(mark)
        raise AssertionError(f"it never comes to rest: {rows} {marks}")

    async def waiting(self) -> list[Waiting]:
        return await self.rows.run(outbox.waiting)

    async def bound(self) -> dict[str, RoomId]:
        """Read which room is bound to which key."""
        return {binding.key: binding.room for binding in await self.rows.run(bindings.bindings)}

    # -- what people do ------------------------------------------------------------------------------------------------

    def host(self, state: Mapping[tuple[str, str], Mapping[str, Any]], creator: UserId) -> HostedRoom:
        """Have a room on the homeserver, made by ``creator``."""
        version = str(state["m.room.create", ""]["room_version"])
        room = HostedRoom(RoomId(f"!room{next(self._numbers)}"), version, creator)
        self.rooms[room.id] = room
        for (type_, key), content in state.items():
            room.state[type_, key] = content
            room.senders[type_, key] = creator
        self._set_member(room, creator, creator, "join")
        return room

    async def show(self, room: HostedRoom) -> None:
        """Let the engine see a whole room as joined."""
        await self._take(room.id, state=tuple(self._events(room)))

    async def put(self, room: HostedRoom, sender: UserId, type_: str, key: str, content: Mapping[str, Any]) -> None:
        """Have somebody set state, and the engine see it."""
        room.state[type_, key] = content
        room.senders[type_, key] = sender
        await self._take(room.id, timeline=(self._event(room, type_, key),))

    async def member(
        self, room: HostedRoom, user: UserId, membership: MembershipName, *, by: UserId | None = None
    ) -> None:
        """Have somebody's membership change, and the engine see it."""
        before = room.membership(user) or None
        event = self._set_member(room, by or user, user, membership, before=before)  # type: ignore[arg-type]
        await self._take(room.id, timeline=(event,), left=user == ME and membership in {"leave", "ban"})

    async def say(self, room: HostedRoom, sender: UserId) -> None:
        message = Message(
            room=room.id, id=self._id(), sender=sender, at_ms=self.clock.now_ms(), kind="m.text", body="hello there"
        )
        await self._take(room.id, timeline=(message,))

    async def invite_bot(self, room: RoomId, inviter: UserId, *, direct: bool) -> None:
        update = RoomUpdate(room=room, membership="invite", invited_by=inviter, direct=direct)
        await self._batch(update)

    def read(self, room: RoomId, type_: str, key: str) -> Mapping[str, Any] | None:
        """Read state as the homeserver has it, and what is none: nobody is told that a room is not listed."""
        nothing: Mapping[str, Any] | None = {LISTED: {"listed": False}, ALIAS: {}}.get(type_)
        return self.rooms[room].state.get((type_, key), nothing)

    # -- delivery ------------------------------------------------------------------------------------------------------

    async def _carry(self, row: Waiting) -> None:
        match row.kind:
            case "create":
                await self._make(row)
            case "member":
                await self._change_member(row)
            case "send" | "direct":
                content: Any = row.payload["content"]
                if "body" in content:
                    self.said.append((row.room or UserId(row.target), content["body"]))
                await self.engine.confirm(row.cause, "done", event=self._id(), room=row.room)
            case other:
                raise AssertionError(other)

    async def _make(self, row: Waiting) -> None:
        if self.refuse_making:
            await self.engine.confirm(row.cause, "refused", errcode=self.refuse_making)
            return
        body: Any = row.payload["body"]
        room = self.host(rules.made(body, ME), ME)
        room.state[LISTED, ""] = {"listed": body["visibility"] == "public"}
        if "room_alias_name" in body:
            room.state[ALIAS, body["room_alias_name"]] = {"here": True}
        self.writes.append(("create", row.target))
        for user in body.get("invite", ()):
            self._set_member(room, ME, user, "invite")
        await self.engine.confirm(row.cause, "done", room=room.id)
        await self.show(room)

    async def _change_member(self, row: Waiting) -> None:
        assert row.room is not None
        user, wanted = UserId(row.target), str(row.payload["membership"])
        room = self.rooms.get(row.room)
        self.writes.append((wanted, user))
        if room is not None:
            before = room.membership(user) or None
            event = self._set_member(room, ME, user, wanted, before=before)  # type: ignore[arg-type]
            await self._take(room.id, timeline=(event,), left=user == ME and wanted == "leave")
        await self.engine.confirm(row.cause, "done", room=row.room)

    async def _write(self, mark: claims.Unsettled) -> None:
        room = self.rooms[mark.room]
        live = self.read(mark.room, mark.type, mark.key)

        content = await self.rows.run(composed, mark.room, mark.type, mark.key, live, ME, self.clock.now_ms())
        if content is not None and content != live:
            if mark.type == "m.room.power_levels":
                creators = frozenset({room.creator, *room.state["m.room.create", ""].get("additional_creators", ())})
                rules.check_power_change(live, content, ME, version=room.version, creators=creators)
            self.writes.append((mark.type, mark.key))
            if mark.type in PSEUDO:
                room.state[mark.type, mark.key] = content
            else:
                await self.put(room, ME, mark.type, mark.key, content)
        if mark.type in PSEUDO:
            await self.rows.run(
                self._note, mark, content or live or {}, ME if content not in (None, live) else UserId("")
            )
        await self.rows.run(claims.settled, mark)

    def _note(self, tx: Tx, mark: claims.Unsettled, content: JsonObject, sender: UserId) -> None:
        event = EventId(f"~{mirror.digest_of(content)}")
        mirror.see_state(tx, mark.room, mark.type, mark.key, event, sender, content)

    # -- events --------------------------------------------------------------------------------------------------------

    async def _take(
        self, room: RoomId, *, state: tuple[Any, ...] = (), timeline: tuple[Event, ...] = (), left: bool = False
    ) -> None:
        await self._batch(RoomUpdate(room=room, membership="leave" if left else "join", state=state, timeline=timeline))

    async def _batch(self, update: RoomUpdate) -> None:
        self._batches += 1
        batch = SyncBatch(since=f"s{self._batches - 1}", until=f"s{self._batches}", rooms=(update,))
        await self.engine.take(batch, catching_up=False)

    def _set_member(
        self,
        room: HostedRoom,
        sender: UserId,
        user: UserId,
        membership: MembershipName,
        *,
        before: MembershipName | None = None,
    ) -> Member:
        room.state["m.room.member", user] = {"membership": membership}
        room.senders["m.room.member", user] = sender
        return Member(
            room=room.id,
            id=self._id(),
            sender=sender,
            at_ms=self.clock.now_ms(),
            user=user,
            membership=membership,
            before=before,
        )

    def _events(self, room: HostedRoom) -> list[State | Member]:
        # A locator is seen last, as it is sent.
        order = sorted(room.state.keys() - self._no_events(room), key=lambda place: (place[0] == LOCATOR_TYPE, place))
        return [self._event(room, type_, key) for type_, key in order]

    def _no_events(self, room: HostedRoom) -> set[tuple[str, str]]:
        return {place for place in room.state if place[0] in PSEUDO}

    def _event(self, room: HostedRoom, type_: str, key: str) -> State | Member:
        content, sender = room.state[type_, key], room.senders[type_, key]
        if type_ == "m.room.member":
            return Member(
                room=room.id,
                id=self._id(),
                sender=sender,
                at_ms=self.clock.now_ms(),
                user=UserId(key),
                membership=content["membership"],
            )
        return State(
            room=room.id, id=self._id(), sender=sender, at_ms=self.clock.now_ms(), type=type_, key=key, content=content
        )

    def _id(self) -> EventId:
        return EventId(f"$event{next(self._numbers)}")


def _troubles(tx: Tx) -> list[tuple[object, object]]:
    found = tx.rows("select craft, rule from journal where account = :account and kind = 'trouble'")
    return [(row["craft"], row["rule"]) for row in found]


async def known_direct(house: House, user: UserId) -> RoomId | None:
    return await house.rows.run(bindings.direct_room, user)
