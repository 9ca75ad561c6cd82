"""Power in a room is held by exactly those who are on duty there, until they are not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orchestrator.documents.declared import Community, Documents, Room
from orchestrator.facilitation.duty import KEEPING, covers, is_gone, without_gone
from orchestrator.facilitation.plans import plan_of
from orchestrator.facilitation.rota.things import Part, Stretch
from orchestrator.model.feature import Tx
from orchestrator.model.ids import RoomId, UserId
from orchestrator.model.topic import DUTY, TOPIC
from orchestrator.store import bindings
from orchestrator.store.claims import Claim, claims_in, claims_of, drop_claim, put_claim

OWNER: Final = DUTY.owner
POWER: Final = "m.room.power_levels"


def present(
    tx: Tx, community: Community, room: Room, bound: RoomId, on: Mapping[Part, Stretch], now_ms: int
) -> dict[Part, Stretch]:
    """Leave out of who is on those who are not there any more."""
    return {part: without_gone(tx, community, room, bound, one, now_ms) for part, one in on.items()}


def holders(
    tx: Tx, community: Community, room: Room, bound: RoomId, on: Mapping[Part, Stretch], now_ms: int
) -> dict[UserId, int | None]:
    """Tell who is to hold power in a room now, and until when (None: for good); ``on`` is as ``present`` leaves it."""
    if room.archive:
        return {}
    if room.rota is None:
        held: dict[UserId, int | None] = {user: None for user in room.facilitators if not is_gone(tx, bound, user)}
    else:
        held = {}
        for part in KEEPING:
            one = on.get(part)
            if one is not None and one.user is not None:
                held[one.user] = max(_until_ms(community, room, one), held.get(one.user) or 0)
    for user, until_ms in covers(tx, community, room.key, now_ms).items():
        own_ms = held.get(user, 0)
        held[user] = None if own_ms is None else max(own_ms, until_ms)
    return held


def _until_ms(community: Community, room: Room, one: Stretch) -> int:
    """Find the end of a stretch, or of somebody's time on the rota, where that comes first."""
    plan = plan_of(community, room)
    if plan is None or one.user in community.leads:
        return one.span.end_ms
    ends = [keeper.until_ms for keeper in plan.keepers if keeper.user == one.user and keeper.until_ms is not None]
    return min([one.span.end_ms, *(end_ms for end_ms in ends if end_ms > one.span.start_ms)])


def give(tx: Tx, room: Room, bound: RoomId, held: Mapping[UserId, int | None], now_ms: int) -> None:
    """Give these people power in a room, and take it from everybody else who had it for being on duty."""
    for user, until_ms in held.items():
        put_claim(
            tx,
            Claim(
                room=bound,
                type=POWER,
                path=("users", user),
                owner=OWNER,
                value=room.power.facilitator,
                until_ms=until_ms,
            ),
            now_ms,
        )
    for claim in claims_in(tx, bound):
        if claim.owner == OWNER and claim.type == POWER and claim.path[-1] not in held:
            drop_claim(tx, bound, POWER, OWNER, now_ms, path=claim.path)


def show(tx: Tx, bound: RoomId, words: str, until_ms: int | None, now_ms: int) -> None:
    """Say in a room's topic who is on duty; "" says nothing."""
    if words:
        claim = Claim(room=bound, type=TOPIC, path=DUTY.path, owner=DUTY.owner, value=words, until_ms=until_ms)
        put_claim(tx, claim, now_ms)
    else:
        drop_claim(tx, bound, TOPIC, DUTY.owner, now_ms, path=DUTY.path)


def let_go(tx: Tx, documents: Documents, now_ms: int) -> None:
    """Take back what is held in rooms that are not ours to keep any more."""
    kept = {
        bindings.bound_room(tx, community.key, room.key)
        for community in documents.communities
        for room in community.rooms
    }
    for claim in claims_of(tx, OWNER):
        if claim.room not in kept:
            drop_claim(tx, claim.room, claim.type, OWNER, now_ms, key=claim.key, path=claim.path)
