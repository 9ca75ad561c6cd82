"""Lockdown: for a while only the leads can write in a room, and nobody new can come in; then all is as it was before.

What is locked is a row, by declared room; what that means of a room's state are claims before all others, brought in line
with the rows at each ``settle``. They remember what stood there (``restoring``), so that lifting puts it back to the letter
while roles, shifts and mutes go on beside them. People can always take back their own words, and whoever is in stays in.
The control room stays open when everything is locked: those who have to talk about it talk there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Room
from orchestrator.i18n import _, speaking
from orchestrator.model.effects import Priority
from orchestrator.model.feature import Tx
from orchestrator.model.ids import Json, RoomId, UserId
from orchestrator.model.power import Power, creators_have_power
from orchestrator.rooms.state.attributes import allowed, join_rule
from orchestrator.rooms.state.levels import lead_level, room_levels
from orchestrator.store import bindings, claims, locks, mirror
from orchestrator.store.claims import Claim, claims_on, drop_claim, mark_unsettled, put_claim

OWNER: Final = "lockdown"
POWER: Final = "m.room.power_levels"
JOIN: Final = "m.room.join_rules"

_NUMBERS: Final = (("events_default", 0), ("invite", 0), ("state_default", 50))
TAKING_BACK: Final = "m.room.redaction"

Path = tuple[str, ...]


def settle_locks(tx: Tx, documents: Documents, me: UserId, now_ms: int) -> None:
    """Bring the claims of lockdowns in line with what is locked: rooms that were replaced, made or opened meanwhile."""
    claimed = {claim.room for claim in claims.claims_of(tx, OWNER)}
    if not claimed and not locks.any_locked(tx):
        return
    locked: set[RoomId] = set()
    known: set[RoomId] = set()
    for community in documents.communities:
        for room, where in bound(tx, community):
            known.add(where)
            if is_locked(tx, community, room):
                locked.add(where)
                hold(tx, room, where, me, now_ms)
    for where in sorted(claimed & known - locked):
        release(tx, where, now_ms)


def bound(tx: Tx, community: Community) -> Iterator[tuple[Room, RoomId]]:
    """List a community's rooms that exist, and which they are."""
    for room in community.every_room():
        where = bindings.bound_room(tx, community.key, room.key)
        if where is not None:
            yield room, where


def is_locked(tx: Tx, community: Community, room: Room) -> bool:
    """Tell whether a room is locked; the control room is only by itself."""
    return locks.is_locked(tx, community.key, room.key, with_all=room.key != CONTROL_KEY)


def can_hold(tx: Tx, where: RoomId, me: UserId) -> bool:
    """Tell whether the bot may change who can do what in a room."""
    known = mirror.room_of(tx, where)
    if known is None or not known.version:
        return True  # made a moment ago, by us
    return known.membership == "join" and mirror.power_of(tx, where).can_send(me, POWER, state=True)


def hold(
    tx: Tx,
    room: Room,
    where: RoomId,
    me: UserId,
    now_ms: int,
    *,
    owner: str = OWNER,
    priority: Priority = Priority.SAFETY,
) -> None:
    """Claim what being locked means of a room's state; what is claimed already stays."""
    standing = {(claim.type, claim.path): claim for type_ in (POWER, JOIN) for claim in _ours(tx, where, type_, owner)}
    wanted = {(POWER, path): value for path, value in _levels(tx, room, where, me, standing, owner).items()}
    wanted[JOIN, ("join_rule",)] = "invite"
    for (type_, path), value in wanted.items():
        before = standing.get((type_, path))
        if before is None or before.ended:
            said = value if before is None else before.value
            claim = Claim(room=where, type=type_, path=path, owner=owner, value=said)
            put_claim(tx, claim, now_ms, priority)


def release(tx: Tx, where: RoomId, now_ms: int, *, owner: str = OWNER, priority: Priority = Priority.SAFETY) -> None:
    """Take back what being locked claims of a room's state, and let what was before be put back at once."""
    for type_ in (POWER, JOIN):
        for claim in _ours(tx, where, type_, owner):
            if drop_claim(tx, where, type_, owner, now_ms, path=claim.path):
                mark_unsettled(tx, where, type_, "", now_ms, priority)


def level_of_leads(tx: Tx, room: Room, where: RoomId, me: UserId) -> int:
    """Tell the level at which only leads are left in a room that we lock."""
    return _level(mirror.power_of(tx, where), room, me)


def open_content(
    tx: Tx, community: Community, room: Room, where: RoomId, me: UserId
) -> Mapping[str, Mapping[str, Json]]:
    """Write what the documents say of what a lockdown touches, power in the words of the version that the room has."""
    known = mirror.room_of(tx, where)
    version = known.version if known is not None and known.version else room.settings.room_version
    at_version = replace(room, settings=replace(room.settings, room_version=version))
    rooms = {other.key: there for other, there in bound(tx, community)}
    return {
        POWER: room_levels(community, at_version, me, own=mirror.power_of(tx, where).of(me)),
        JOIN: {"join_rule": join_rule(room, allowed(room, rooms))},
    }


def _levels(
    tx: Tx, room: Room, where: RoomId, me: UserId, standing: dict[tuple[str, Path], Claim], owner: str
) -> dict[Path, Json]:
    """Work out the levels at which only leads are left, as far as the bot may set them."""
    power = mirror.power_of(tx, where)
    first = standing.get((POWER, ("events_default",)))
    level = first.value if first is not None and isinstance(first.value, int) else _level(power, room, me)
    content = power.content or {}
    wanted: dict[Path, Json] = {(name,): max(level, _number(content.get(name), usual)) for name, usual in _NUMBERS}
    listed = content.get("events")
    events = {type_: _number(at, 0) for type_, at in listed.items()} if isinstance(listed, dict) else {}
    for claim in claims_on(tx, where, POWER, "", 0):
        if len(claim.path) == 2 and claim.path[0] == "events" and claim.owner != owner and not claim.ended:
            events[claim.path[1]] = min(events.get(claim.path[1], level), _number(claim.value, 0))
    wanted |= {("events", type_): level for type_, at in events.items() if at < level and type_ != TAKING_BACK}
    if TAKING_BACK not in events and first is None:
        wanted["events", TAKING_BACK] = min(level, _number(content.get("events_default"), 0))
    return wanted


def _level(power: Power, room: Room, me: UserId) -> int:
    """Tell the level that leads hold, or the bot's own where that is less: it cannot set more."""
    lead, own = lead_level(room), power.of(me)
    if not power.room_version or (me in power.creators and creators_have_power(power.room_version)):
        return lead
    return min(lead, int(own))


def _ours(tx: Tx, where: RoomId, type_: str, owner: str) -> list[Claim]:
    return [claim for claim in claims_on(tx, where, type_, "", 0) if claim.owner == owner]


def _number(value: Json, usual: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else usual


def closing_words(community: Community) -> str:
    """Say in a room that it is locked."""
    with speaking(community.locale):
        return _(
            "This room is quiet for a while: only the leads can write here, and nobody new can come in. "
            "Nobody did anything wrong by being here, and nothing that you wrote is lost. "
            "If you need somebody, write to me in private and I will pass it on, or write to one of the leads: {leads}."
        ).format(leads=", ".join(community.leads))


def opening_words(community: Community) -> str:
    """Say in a room that it is open again."""
    with speaking(community.locale):
        return _("This room is open again, and everything is as it was before. Thank you for your patience.")
