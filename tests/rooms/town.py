"""A whole community in memory: the rooms craft, its rows, and a homeserver that is a table. Quick enough for thousands."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import count
from typing import Any

from orchestrator.documents.declared import Community, Documents
from orchestrator.model.batch import RoomUpdate, SyncBatch
from orchestrator.model.events import Member, State
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import EventId, JsonObject, RoomId, UserId
from orchestrator.model.things import ALIAS, LISTED, PSEUDO
from orchestrator.rooms import Applied, Choices, Plan, Rooms, Slot, apply_community, composed, plan_community
from orchestrator.store import bindings, claims, mirror, outbox
from tests.declared import ANA, ME
from tests.workshop import Workshop

from . import rules
from .house import Nobody

EVERYTHING = Choices(allow_expose=True, take="ours", adopt=True, force=True)
NOW_MS = 1_800_000_000_000

Content = Mapping[str, Any]


def stories_wanted(usually: int) -> int:
    """Tell how many stories a property is to live through: ``make stories`` asks for thousands."""
    return int(os.environ.get("STORIES", usually))


class Town:
    """The bot, its rows and the rooms on the homeserver."""

    def __init__(self, community: Community) -> None:
        self._numbers = count(1)
        self.state: dict[RoomId, dict[tuple[str, str], Content]] = {}
        self.senders: dict[tuple[RoomId, str, str], UserId] = {}
        self.writes: list[Slot] = []
        self.use(community, first=True)

    def use(self, community: Community, *, first: bool = False) -> None:
        """Work with this community's documents from now on; nothing is settled yet."""
        self.community = community
        documents = Documents(communities=(community,))
        if first:
            self.shop = Workshop(documents, lambda d: ((Rooms(d, ME),), Nobody()), at_ms=NOW_MS)
        else:
            self.shop.use(documents)

    def lose_database(self) -> None:
        """Start on empty rows, with everything that the homeserver tells at first."""
        self.shop.close()
        self.use(self.community, first=True)
        self._hear({room: list(state) for room, state in self.state.items()}, first=True)

    # -- what the bot does ---------------------------------------------------------------------------------------------

    def settle(self) -> None:
        self.shop.settle()
        self.deliver()

    def deliver(self) -> None:
        """Carry out everything that waits."""
        for _ in range(60):
            rows, marks = self.shop.run(outbox.waiting), self.shop.run(claims.unsettled)
            if not rows and not marks:
                return
            for row in rows:
                if self.shop.run(outbox.get, row.cause) is None:
                    continue  # a newer one took its place meanwhile
                if row.kind == "create":
                    self._make(row)
                else:  # nobody but the bot and Ana is in this
                    self.shop.run(outbox.finish, row.cause, "done", self.shop.at_ms, room=row.room)
            for mark in marks:
                self._write(mark)
        raise AssertionError(f"it never comes to rest: {marks}")

    def plan(self, community: Community | None = None) -> Plan:
        return self.planned(community)[0]

    def planned(self, community: Community | None = None) -> tuple[Plan, dict[Slot, JsonObject | None]]:
        """Plan, and again with what it needs."""
        fetched: dict[Slot, JsonObject | None] = {}
        for _ in range(5):
            made = self.shop.run(plan_community, community or self.community, ME, fetched)
            if not made.needed:
                return made, fetched
            assert made.needed - fetched.keys()
            fetched |= {slot: self.read(slot) for slot in made.needed}
        raise AssertionError("it is never whole")

    def apply(self, choices: Choices = EVERYTHING, *, digest: str | None = None) -> Applied:
        """Apply what is planned now; nothing is delivered yet."""
        _plan, fetched = self.planned()
        now = Now(at_ms=self.shop.at_ms, me=ME)
        applied: Applied = self.shop.run(apply_community, self.community, now, digest, choices, fetched)
        return applied

    # -- what is there -------------------------------------------------------------------------------------------------

    def bound(self) -> dict[str, RoomId]:
        return {row.key: row.room for row in self.shop.run(bindings.bindings)}

    def read(self, slot: Slot) -> Content | None:
        nothing: Content | None = {LISTED: {"listed": False}, ALIAS: {}}.get(slot.type)
        return self.state[slot.room].get((slot.type, slot.key), nothing)

    def put(self, room: RoomId, type_: str, content: Content, key: str = "", *, sender: UserId = ANA) -> None:
        """Have somebody set state, and the bot see it."""
        self.state[room][type_, key] = content
        if type_ not in PSEUDO:
            self.senders[room, type_, key] = sender
            self._hear({room: [(type_, key)]})

    def adopt(self, key: Any, state: Mapping[tuple[str, str], Content], creator: UserId = ANA) -> RoomId:
        """Have a room that somebody else made, which the bot is in, stand for a declared one."""
        room = self._host(state, creator)
        self._hear({room: list(self.state[room])})
        self.shop.run(bindings.bind, self.community.key, key, room, "adopted")
        return room

    def everything(self) -> object:
        """Write down all there is, to see whether anything was written."""
        return {room: dict(state) for room, state in self.state.items()}, self.shop.everything()

    # -- the homeserver ------------------------------------------------------------------------------------------------

    def _host(self, state: Mapping[tuple[str, str], Content], creator: UserId) -> RoomId:
        room = RoomId(f"!room{next(self._numbers)}")
        self.state[room] = dict(state)
        self.senders |= {(room, type_, key): creator for type_, key in state}
        return room

    def _make(self, row: outbox.Waiting) -> None:
        body: Any = row.payload["body"]
        room = self._host(rules.made(body, ME), ME)
        self.state[room][LISTED, ""] = {"listed": body["visibility"] == "public"}
        if "room_alias_name" in body:
            self.state[room][ALIAS, body["room_alias_name"]] = {"here": True}
        self.shop.turn(lambda intake, turn: intake.confirm(turn, row.cause, "done", room=room))
        self._hear({room: list(self.state[room])})
        self.shop.settle()

    def _write(self, mark: claims.Unsettled) -> None:
        slot = Slot(mark.room, mark.type, mark.key)
        live = self.read(slot)
        content = self.shop.run(composed, *slot, live, ME, self.shop.at_ms)
        written = content is not None and content != live
        if content is not None and written:
            if mark.type == "m.room.power_levels":
                create = self.state[mark.room]["m.room.create", ""]
                creators = frozenset(
                    {self.senders[mark.room, "m.room.create", ""], *create.get("additional_creators", ())}
                )
                rules.check_power_change(live, content, ME, version=create["room_version"], creators=creators)
            self.writes.append(slot)
            self.put(mark.room, mark.type, content, mark.key, sender=ME)
        if mark.type in PSEUDO:
            self.shop.run(self._note, mark, content or live or {}, written)
        self.shop.run(claims.settled, mark)

    def _note(self, tx: Tx, mark: claims.Unsettled, content: JsonObject, written: bool) -> None:
        """Note what stands there as ``matrix/things`` does: nobody can be asked who set what was only read."""
        digest = mirror.digest_of(content)
        seen = mirror.state_of(tx, mark.room, mark.type, mark.key)
        wanted = claims.claims_on(tx, mark.room, mark.type, mark.key, 0)
        ours = written or any(claim.path == () and not claim.ended and claim.value == content for claim in wanted)
        ours = ours or (seen is not None and seen.sender == ME and seen.digest == digest)
        sender = ME if ours else UserId("")
        mirror.see_state(tx, mark.room, mark.type, mark.key, EventId(f"~{digest}"), sender, content)

    def _hear(self, rooms: Mapping[RoomId, list[tuple[str, str]]], *, first: bool = False) -> None:
        updates = []
        for room, places in rooms.items():
            events: list[State | Member] = [
                State(
                    room=room,
                    id=EventId(f"$event{next(self._numbers)}"),
                    sender=self.senders[room, type_, key],
                    at_ms=self.shop.at_ms,
                    type=type_,
                    key=key,
                    content=self.state[room][type_, key],
                )
                for type_, key in sorted(places)
                if type_ not in PSEUDO
            ]
            events += [self._joined(room, user) for user in (ANA, ME)]
            updates.append(RoomUpdate(room=room, membership="join", state=tuple(events)))
        batch = SyncBatch(since=None if first else "s", until=f"s{next(self._numbers)}", rooms=tuple(updates))
        self.shop.turn(lambda intake, turn: intake.take(turn, batch, catching_up=first))

    def _joined(self, room: RoomId, user: UserId) -> Member:
        event = EventId(f"$joined{user}{room}")
        return Member(room=room, id=event, sender=user, at_ms=self.shop.at_ms, user=user, membership="join")
