"""What was applied to the rooms, kept as claims: remembered where a room is made, recovered where one is found.

From then on only ``apply`` changes what is claimed; the documents alone change no room that exists. What is the bot's own
business and not how a room looks follows them at once: the locator, and what is done about other people's changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import Community, Room
from orchestrator.model.feature import Tx
from orchestrator.model.ids import LOCATOR_TYPE, EventId, Json, RoomId, RoomKey, UserId
from orchestrator.model.things import ALIAS, LISTED, listed
from orchestrator.model.topic import IN_ORDER, OWN_WORDS, TOPIC
from orchestrator.rooms.changes import Slot
from orchestrator.rooms.state.attributes import APPLIED_BY, TEMPLATE, Attribute, attributes
from orchestrator.rooms.state.compose import APPLIED, ON_DRIFT, READ
from orchestrator.rooms.state.create import room_locator, topic_parts
from orchestrator.store import bindings, mirror
from orchestrator.store.claims import (
    Claim,
    claimed_by,
    claims_at,
    claims_on,
    drop_claim,
    forget_claim,
    mark_unsettled,
    put_claim,
    put_ended,
    remember_claim,
)
from orchestrator.store.rows import dump, load

from .recover import recovered
from .standing import POWER

HERE: Final = RoomId("!")
"""Stands for a room that is not made yet."""

_LATER: Final = frozenset({"m.room.avatar", "m.space.child", ALIAS})
"""What a room is not made with, or may turn out not to have been: its picture, its place in the space, its alias."""


def wanted_claims(
    community: Community, rooms: Mapping[RoomKey, RoomId], me: UserId, *, only: RoomKey | None = None
) -> list[Claim]:
    """List every claim that a room has which is as the documents say.

    Args:
        community: as declared.
        rooms: by key, those that exist and that the bot is in.
        me: the bot, whose server is the way into the rooms.
        only: what concerns this room alone.
    """
    declared = attributes(community, rooms, me, only=only)
    claims = [attribute.claim for attribute in declared if attribute.claim is not None]
    located = ((key, where) for key, where in rooms.items() if only in {None, key})
    return [*claims, *stances(declared), *(_locator(community, key, where, me) for key, where in located)]


def remember_as_made(community: Community, room: Room, rooms: Mapping[RoomKey, RoomId], me: UserId) -> str:
    """Write down what a room is made with, to be kept with the effect that makes it: the documents may change meanwhile."""
    wanted = wanted_claims(community, {**rooms, room.key: HERE}, me, only=room.key)
    about = [claim for claim in wanted if HERE in (claim.room, claim.key)]
    # Its topic says from the start what others will claim there; until then nobody may take it for a mistake.
    said = topic_parts(room)
    about += [
        Claim(room=HERE, type=TOPIC, path=part.path, owner=part.owner, value=said[part.name])
        for part in IN_ORDER
        if part is not OWN_WORDS and said.get(part.name)
    ]
    return dump([[claim.room, claim.type, claim.key, list(claim.path), claim.owner, claim.value] for claim in about])


def note_made(tx: Tx, where: RoomId, memory: str, me: UserId, now_ms: int) -> None:
    """Claim what a room was made with: nothing of it has to be written, but for what comes after the making.

    Where the room was found first, what it told of itself stands. That need not have been all: /sync may bring a room while
    the homeserver is still making it.
    """
    found = is_applied(tx, where)
    for claim in _remembered(memory, where):
        if found and _is_claimed(tx, claim, now_ms):
            continue
        (put_claim(tx, claim, now_ms) if claim.type in _LATER else remember_claim(tx, claim))
        if claim.type == LISTED and isinstance(claim.value, bool):
            _note_listing(tx, claim, me, now_ms)


def _is_claimed(tx: Tx, claim: Claim, now_ms: int) -> bool:
    there = claims_on(tx, claim.room, claim.type, claim.key, now_ms)
    return any((one.owner, one.path) == (claim.owner, claim.path) for one in there)


def _note_listing(tx: Tx, claim: Claim, me: UserId, now_ms: int) -> None:
    hidden = listed(shown=False)
    if claim.value is False:
        mirror.see_state(tx, claim.room, LISTED, "", EventId(f"~{mirror.digest_of(hidden)}"), me, hidden)
        return
    # Many servers make a room that they do not list, and say nothing: then it is tried, and what they say is kept.
    mark_unsettled(tx, claim.room, LISTED, "", now_ms)
    word: Json = {"on": f"{READ}{mirror.digest_of(hidden)}", "paths": [list(claim.path)]}
    put_ended(tx, replace(claim, path=APPLIED, value=word), now_ms)


def is_applied(tx: Tx, where: RoomId) -> bool:
    """Tell whether anything was ever applied to a room itself."""
    row = tx.one(
        "select 1 as there from claim where account = :account and room = :room and owner in ('template', 'role')"
        " and type not in (:locator, 'm.space.child') and path not in (:on_drift, :applied) and ended = 0 limit 1",
        room=where,
        locator=LOCATOR_TYPE,
        on_drift=dump(list(ON_DRIFT)),
        applied=dump(list(APPLIED)),
    )
    return row is not None


def settle_claims(tx: Tx, community: Community, rooms: Mapping[RoomKey, RoomId], me: UserId, now_ms: int) -> None:
    """Recover what was applied to rooms that were found, and let what is our own business follow the documents.

    A room that is no longer declared keeps its claims and its place in the space: leaving a line out of a file is no
    reason to shut a room. One that was adopted has none until a person applies them.
    """
    how = bindings.how_bound(tx)
    for key, where in rooms.items():
        if how.get(where) != "adopted" and not is_applied(tx, where):
            for claim, stands in recovered(tx, community, key, rooms, me):
                (remember_claim(tx, claim) if stands else put_claim(tx, claim, now_ms))
        put_claim(tx, _locator(community, key, where, me), now_ms)
    mine = frozenset(rooms.values())
    for claim in claims_at(tx, TEMPLATE, ()):
        if claim.room in mine and claim.type in {"m.space.child", "m.room.name"}:
            forget_claim(tx, claim)  # of an earlier version, which knew a link and a name as a whole
    applied = {Slot(*slot) for owner in APPLIED_BY for slot in claimed_by(tx, owner) if slot[0] in mine}
    declared = [attribute for attribute in attributes(community, rooms, me) if attribute.slot in applied]
    adopted = {where for where in mine if how.get(where) == "adopted"}
    said = {Slot(one.room, one.type, one.key) for owner in APPLIED_BY for one in claims_at(tx, owner, ON_DRIFT)}
    _follow(tx, declared, said, adopted=adopted, now_ms=now_ms)


def stances(declared: list[Attribute]) -> Iterator[Claim]:
    """Say what is done about other people's changes, where that is not to put them right.

    For power it is always said: only where it is, power that nobody declared is taken back.
    """
    seen: set[Slot] = set()
    for attribute in declared:
        if attribute.slot in seen or attribute.cls == "create-only":
            continue
        if attribute.stance != "enforce" or attribute.slot.type == POWER:
            seen.add(attribute.slot)
            yield stance(attribute)


def stance(attribute: Attribute) -> Claim:
    """Say what is done about other people's changes of one state event."""
    room, type_, key = attribute.slot
    return Claim(room=room, type=type_, key=key, path=ON_DRIFT, owner=TEMPLATE, value=attribute.stance)


def _follow(tx: Tx, declared: list[Attribute], said: set[Slot], *, adopted: set[RoomId], now_ms: int) -> None:
    wanted = {Slot(claim.room, claim.type, claim.key): claim for claim in stances(declared)}
    for slot, claim in wanted.items():
        # In a room that was taken over, power is ours to put right only once all leads have theirs: ``apply`` says when.
        if slot in said or slot.type != POWER or slot.room not in adopted:
            put_claim(tx, claim, now_ms)
    for slot in {attribute.slot for attribute in declared} & said - wanted.keys():
        drop_claim(tx, slot.room, slot.type, TEMPLATE, now_ms, key=slot.key, path=ON_DRIFT)


def _locator(community: Community, key: RoomKey, where: RoomId, me: UserId) -> Claim:
    # A room that was renamed in the file says its new name from then on, and the old one is free for another.
    value: Json = {"locator": room_locator(me, community.key, key)}
    return Claim(room=where, type=LOCATOR_TYPE, owner=TEMPLATE, value=value)


def _remembered(memory: str, where: RoomId) -> Iterator[Claim]:
    rows = load(memory) if memory.startswith("[") else []
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, list) or len(row) != 6:
            continue
        room, type_, key, path, owner, value = row
        yield Claim(
            room=where if room == HERE else RoomId(str(room)),
            type=str(type_),
            key=where if key == HERE else str(key),
            path=tuple(str(part) for part in path) if isinstance(path, list) else (),
            owner=str(owner),
            value=value,
        )
