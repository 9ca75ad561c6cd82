"""Everything that a plan is made of, read from the rows at one moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community
from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, Json, JsonObject, RoomId, RoomKey, UserId
from orchestrator.rooms.changes import Slot
from orchestrator.rooms.state.compose import APPLIED
from orchestrator.rooms.state.find import former_names
from orchestrator.rooms.state.restoring import as_before
from orchestrator.store import bindings, claims, mirror
from orchestrator.store.claims import Claim
from orchestrator.store.rows import text

from .live import LiveRoom, live_room, with_read

LOCKED: Final = frozenset({"m.room.power_levels", "m.room.join_rules"})
"""What a lockdown touches."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What was applied and not written yet: over which live event, and at which paths."""

    on: str
    paths: frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A community's rooms as they stand, and what was ever decided about them.

    Attributes:
        rooms: by key, those that are bound.
        adopted: keys of rooms that somebody else made.
        claims: on the state of these rooms, those of all owners that were not ended.
        decided: what was applied and not written yet, by slot.
        marked: state that may need writing.
        closed: keys of rooms that are closed for good.
        gone: rooms that are bound and not declared any more.
        pictures: which file of ours is at a place.
        keepers: who is in the control room or asked in, each with the event that says so.
    """

    rooms: Mapping[RoomKey, LiveRoom]
    adopted: frozenset[RoomKey] = frozenset()
    claims: Mapping[Slot, tuple[Claim, ...]] = field(default_factory=dict)
    decided: Mapping[Slot, Decided] = field(default_factory=dict)
    marked: frozenset[Slot] = frozenset()
    closed: frozenset[RoomKey] = frozenset()
    gone: Mapping[RoomKey, RoomId] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    keepers: Mapping[UserId, EventId] = field(default_factory=dict)

    def keys(self) -> dict[RoomId, RoomKey]:
        """Tell how rooms are called, by id."""
        return {room.id: key for key, room in self.rooms.items()}


def look(
    tx: Tx,
    community: Community,
    fetched: Mapping[Slot, JsonObject | None] | None = None,
    unreadable: Collection[Slot] = (),
) -> Sight:
    """Read it all. Nothing is written; a room that was renamed is found under its former keys, too."""
    unread = frozenset(unreadable)
    rooms: dict[RoomKey, LiveRoom] = {}
    adopted: set[RoomKey] = set()
    bound = {(row.community, row.key): row.room for row in bindings.bindings(tx)}
    how = bindings.how_bound(tx)
    used: set[RoomId] = set()
    former = former_names(community)
    for room in community.every_room():
        names = ((community.key, room.key), *former[room.key])
        where = next((bound[name] for name in names if name in bound and bound[name] not in used), None)
        if where is None:
            continue
        used.add(where)
        live = live_room(tx, where, with_servers=room.settings.acl is not None)
        rooms[room.key] = with_read(_as_before(tx, live), fetched or {}, unread)
        if how.get(where) == "adopted":
            adopted.add(room.key)
    on: dict[Slot, list[Claim]] = {}
    for live in rooms.values():
        for claim in claims.claims_in(tx, live.id):
            on.setdefault(Slot(claim.room, claim.type, claim.key), []).append(claim)
    return Sight(
        rooms=rooms,
        adopted=frozenset(adopted),
        claims={slot: tuple(found) for slot, found in on.items()},
        decided={Slot(c.room, c.type, c.key): _decided(c.value) for c in claims.ended_at(tx, APPLIED)},
        marked=frozenset(Slot(mark.room, mark.type, mark.key) for mark in claims.unsettled(tx)),
        closed=_closed(tx, community),
        gone={key: where for (name, key), where in bound.items() if name == community.key and where not in used},
        pictures=_pictures(tx),
        keepers=_keepers(tx, rooms.get(CONTROL_KEY)),
    )


def _decided(value: Json) -> Decided:
    said = value if isinstance(value, Mapping) else {}
    paths = said.get("paths")
    named = paths if isinstance(paths, list) else []
    return Decided(
        str(said.get("on", "")),
        frozenset(tuple(str(part) for part in path) for path in named if isinstance(path, list)),
    )


def _as_before(tx: Tx, live: LiveRoom) -> LiveRoom:
    """See a room that is locked for a while as it will be afterwards: a lockdown is nobody's change."""
    state = dict(live.state)
    for (type_, key), seen in live.state.items():
        if type_ in LOCKED and seen.content is not None:
            wanted = claims.claims_on(tx, live.id, type_, key, 0)
            state[type_, key] = replace(seen, content=as_before(seen.content, wanted))
    return replace(live, state=state)


def _closed(tx: Tx, community: Community) -> frozenset[RoomKey]:
    rows = tx.rows(
        "select key from archived where account = :account and community = :community", community=community.key
    )
    return frozenset(RoomKey(text(row, "key")) for row in rows)


def _keepers(tx: Tx, control: LiveRoom | None) -> dict[UserId, EventId]:
    if control is None or not control.seen:
        return {}
    present = (*mirror.members(tx, control.id, "join"), *mirror.members(tx, control.id, "invite"))
    return {member.user: member.event for member in present}


def _pictures(tx: Tx) -> dict[str, str]:
    rows = tx.rows("select sha256, mxc from uploaded where account = :account and whole = 1")
    return {text(row, "mxc"): text(row, "sha256") for row in rows}
