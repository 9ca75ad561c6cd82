"""A house with one story: the real store, the real engine and the real crafts, and no homeserver.

People speak by ``say``; ``deliver`` plays the homeserver that carries out what waits and lets the engine confirm it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from orchestrator.belonging import Belonging
from orchestrator.culture import Culture
from orchestrator.documents.declared import CONTROL_KEY, Documents
from orchestrator.engine import Engine
from orchestrator.engine.intake import Taken
from orchestrator.facilitation.craft import Facilitation
from orchestrator.model.batch import RoomUpdate, SyncBatch
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import Outcome
from orchestrator.model.events import Event, Member, MembershipName, Message, State
from orchestrator.model.feature import Feature, Tx
from orchestrator.model.ids import AccountKey, CommunityKey, EventId, Json, RoomId, RoomKey, UserId
from orchestrator.store import AccountStore, Store, bindings, outbox, timers
from orchestrator.store.outbox import Waiting

from .declared import ME

BEGUN_MS = 1_767_700_000_000
"""A Tuesday noon in January 2026."""

CIRCLE = RoomId("!tuesday")
CONTROL = RoomId("!control")
SPACE = RoomId("!space")


class Clock:
    def __init__(self) -> None:
        self.at_ms = BEGUN_MS

    def now_ms(self) -> int:
        return self.at_ms


class House:
    """One account at work."""

    def __init__(self, store: Store, documents: Documents) -> None:
        self.store: AccountStore = store.of(AccountKey("keeper"))
        self.clock = Clock()
        self.taken: list[Taken] = []
        self.refused: dict[UserId, str] = {}
        self._n = 0
        self.documents = documents
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget everything that is only in memory, as a process does that is started again."""
        self.engine = Engine(self.store, self.clock, ME)
        self.engine.follow(self.taken.append)
        self.use(self.documents)

    def use(self, documents: Documents) -> None:
        facilitation = Facilitation(documents)
        culture = Culture(documents, facilitation)
        names = {"help", *(command.name for craft in (facilitation, culture) for command in craft.commands)}
        crafts: tuple[Feature, ...] = (culture, facilitation, Belonging(documents, names))
        self.documents = documents
        self.engine.use(documents, crafts, facilitation)

    async def open(
        self,
        *,
        encrypted: bool = False,
        history: str = "joined",
        how: bindings.How = "made",
        pins: Sequence[str] = (),
    ) -> None:
        """Make every declared room, with nobody in it yet, and settle."""
        updates = []
        for community in self.documents.communities:
            for room in community.every_room():
                where = room_id(community.key, room.key)
                await self.store.run(bindings.bind, community.key, room.key, where, how)
                users: Json = dict.fromkeys(community.leads, 100)
                state: list[State | Member] = [
                    self.state(where, "m.room.create", {"room_version": "11"}),
                    self.state(where, "m.room.power_levels", {"users": users}),
                    self.state(where, "m.room.history_visibility", {"history_visibility": history}),
                    self.member(where, ME),
                ]
                if pins:
                    state.append(self.state(where, "m.room.pinned_events", {"pinned": list(pins)}))
                if encrypted:
                    state.append(self.state(where, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}))
                updates.append(RoomUpdate(room=where, membership="join", state=tuple(state)))
        await self.engine.take(SyncBatch(since=None, until="s0", rooms=tuple(updates)), catching_up=True)
        await self.engine.settle()

    async def let_keepers_in(self) -> None:
        """Let leads and facilitators follow the bot's invitations to their control room."""
        for community in self.documents.communities:
            for user in sorted(community.staff()):
                await self.join(user, room_id(community.key, CONTROL_KEY))

    # -- what happens ---------------------------------------------------------------------------------------------------

    def next_id(self, kind: str = "e") -> EventId:
        self._n += 1
        return EventId(f"${kind}{self._n}")

    def state(self, room: RoomId, type_: str, content: dict[str, Json]) -> State:
        return State(
            room=room, id=self.next_id(), sender=ME, at_ms=self.clock.at_ms, type=type_, key="", content=content
        )

    def member(self, room: RoomId, user: UserId, membership: MembershipName = "join") -> Member:
        return Member(
            room=room, id=self.next_id(), sender=user, at_ms=self.clock.at_ms, user=user, membership=membership
        )

    def message(self, room: RoomId, sender: UserId, body: str, **more: object) -> Message:
        message = Message(room=room, id=self.next_id(), sender=sender, at_ms=self.clock.at_ms, kind="m.text", body=body)
        return replace(message, **more)  # type: ignore[arg-type]

    async def hear(self, *events: Event) -> None:
        rooms: dict[RoomId, list[Event]] = {}
        for event in events:
            rooms.setdefault(event.room, []).append(event)
        self._n += 1
        updates = tuple(RoomUpdate(room=room, membership="join", timeline=tuple(line)) for room, line in rooms.items())
        await self.engine.take(SyncBatch(since="s", until=f"s{self._n}", rooms=updates), catching_up=False)

    async def join(self, user: UserId, *rooms: RoomId) -> None:
        await self.hear(*(self.member(room, user) for room in rooms))

    async def say(self, sender: UserId, body: str, room: RoomId = CIRCLE, **more: object) -> EventId:
        message = self.message(room, sender, body, **more)
        await self.hear(message)
        return message.id

    async def whisper(self, sender: UserId, body: str, **more: object) -> EventId:
        """Write to the bot in private."""
        await self.store.run(bindings.set_direct, sender, direct(sender))
        return await self.say(sender, body, direct(sender), **more)

    async def wait(self, ms: int) -> None:
        """Let time pass, and everything that falls due meanwhile fall due, each at its time."""
        end_ms = self.clock.at_ms + ms
        while True:
            due_ms = await self.store.run(timers.next_due_ms)
            if due_ms is None or due_ms > end_ms:
                break
            self.clock.at_ms = max(self.clock.at_ms, due_ms)
            await self.engine._transact(lambda intake, turn: intake.take_due(turn))
        self.clock.at_ms = end_ms

    # -- what follows ---------------------------------------------------------------------------------------------------

    async def waiting(self, kind: str | None = None) -> list[Waiting]:
        return [row for row in await self.store.run(outbox.waiting) if kind in (None, row.kind)]

    async def said(self, room: RoomId | None = None) -> list[str]:
        """List what waits to be said in a room, or in private."""
        kind = "direct" if room is None else "send"
        return [body_of(row) for row in await self.waiting(kind) if room is None or row.room == room]

    async def told(self, user: UserId) -> list[str]:
        """List what waits to be said to somebody in private."""
        return [body_of(row) for row in await self.waiting("direct") if row.target == user]

    async def deliver(self, *kinds: str, outcome: Outcome = "done", most: int = 10_000) -> list[Waiting]:
        """Carry out what waits, until nothing does; tells what it was."""
        carried: list[Waiting] = []
        while ready := [row for row in await self.waiting() if not kinds or row.kind in kinds][: most - len(carried)]:
            for row in ready:
                if not await self.store.run(outbox.note_try, row.cause, "DEVICE", self.clock.at_ms):
                    continue  # a newer one took its place meanwhile
                room = direct(UserId(row.target)) if row.kind == "direct" else row.room
                event = self.next_id("sent") if outcome == "done" else None
                await self.engine.confirm(row.cause, outcome, event=event, room=room, errcode="")
                carried.append(row)
        return carried

    async def try_all(self) -> None:
        """Let the homeserver have everything that waits, and say nothing yet."""
        for row in await self.waiting():
            await self.store.run(outbox.note_try, row.cause, "DEVICE", self.clock.at_ms)

    async def rows(self, sql: str) -> list[dict[str, object]]:
        def read(tx: Tx) -> list[dict[str, object]]:
            return [dict(row) for row in tx.rows(sql)]

        return await self.store.run(read)

    @property
    def troubles(self) -> list[tuple[str, str]]:
        return [trouble for taken in self.taken for trouble in taken.troubles]


def room_id(community: CommunityKey, key: RoomKey) -> RoomId:
    name = {"": "space", CONTROL_KEY: "control"}.get(key, key)
    return RoomId(f"!{name}" if community == "grove" else f"!{community}-{name}")


def direct(user: UserId) -> RoomId:
    return RoomId(f"!direct-{user[1:].partition(':')[0]}")


def content_of(row: Waiting) -> Mapping[str, Json]:
    content = row.payload.get("content")
    return content if isinstance(content, Mapping) else {}


def body_of(row: Waiting) -> str:
    return str(content_of(row).get("body"))


def mentions_of(row: Waiting) -> Sequence[str]:
    mentions = content_of(row).get("m.mentions")
    people = mentions.get("user_ids") if isinstance(mentions, Mapping) else None
    return [str(user) for user in people] if isinstance(people, list) else []


@asynccontextmanager
async def house_of(tmp_path: Path, documents: Documents) -> AsyncIterator[House]:
    store = Store.open(tmp_path)
    try:
        house = House(store, documents)
        yield house
        assert house.troubles == []
    finally:
        await store.close()


__all__ = [
    "CIRCLE",
    "CONTROL",
    "HOUR_MS",
    "SPACE",
    "House",
    "body_of",
    "content_of",
    "direct",
    "house_of",
    "mentions_of",
]
