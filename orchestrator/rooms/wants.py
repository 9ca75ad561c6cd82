"""What the documents want of the shared state of rooms that exist, as claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from orchestrator.documents.declared import Community
from orchestrator.model.feature import Tx
from orchestrator.model.ids import LOCATOR_TYPE, Json, RoomId, RoomKey, UserId, server_of
from orchestrator.store.bindings import SPACE_KEY
from orchestrator.store.claims import Claim, claims_of, drop_claim, put_claim

from .compose import ON_DRIFT
from .create import room_locator
from .levels import lead_level

TEMPLATE: Final = "template"
ROLE: Final = "role"
_PARTS: Final = (("m.room.power_levels", "power"), ("m.room.topic", "topic"), ("m.room.name", "name"))


def wanted_claims(community: Community, rooms: Mapping[RoomKey, RoomId], me: UserId) -> list[Claim]:
    """List every claim that the documents make on a community's rooms.

    Args:
        community: as declared.
        rooms: by key, those that exist and that the bot is in.
        me: the bot, whose server is the way into the rooms.
    """
    wanted: list[Claim] = []
    for room in community.every_room():
        where = rooms.get(room.key)
        if where is None:
            continue
        wanted += [_claim(where, type_, ON_DRIFT, room.on_drift[part]) for type_, part in _PARTS]
        # A room that was renamed in the file says its new name from then on, and the old one is free for another.
        wanted.append(_claim(where, LOCATOR_TYPE, (), {"locator": room_locator(me, community.key, room.key)}))
        wanted.append(_claim(where, "m.room.name", (), {"name": room.name}))
        wanted.append(_claim(where, "m.room.topic", ("parts", "topic"), room.topic))
        wanted += [
            _claim(where, "m.room.power_levels", ("users", lead), lead_level(room), owner=ROLE)
            for lead in community.leads
        ]
    wanted += _links(community, rooms, me)
    return wanted


def settle_claims(tx: Tx, community: Community, rooms: Mapping[RoomKey, RoomId], me: UserId, now_ms: int) -> None:
    """Make the claims of the documents what they should be, and take back those that they no longer make.

    A room that is no longer declared keeps its claims and its place in the space: leaving a line out of a file is no
    reason to shut a room.
    """
    wanted = wanted_claims(community, rooms, me)
    places = {_place(claim) for claim in wanted}
    mine = frozenset(rooms.values())
    for claim in (*claims_of(tx, TEMPLATE), *claims_of(tx, ROLE)):
        if claim.room in mine and claim.type != "m.space.child" and _place(claim) not in places:
            drop_claim(tx, claim.room, claim.type, claim.owner, now_ms, key=claim.key, path=claim.path)
    for claim in wanted:
        put_claim(tx, claim, now_ms)


def _links(community: Community, rooms: Mapping[RoomKey, RoomId], me: UserId) -> Iterator[Claim]:
    """Link every room from the space, in the order of the file; the control room is not shown there."""
    space = rooms.get(SPACE_KEY)
    if space is None:
        return
    for place, room in enumerate(community.rooms, start=1):
        child = rooms.get(room.key)
        if child is None:
            continue
        link: Json = {"via": [server_of(me)], "order": f"{place * 10:05d}"}
        yield Claim(room=space, type="m.space.child", key=child, owner=TEMPLATE, value=link)
        if community.space.on_drift["links"] != "enforce":
            stance = community.space.on_drift["links"]
            yield Claim(room=space, type="m.space.child", key=child, path=ON_DRIFT, owner=TEMPLATE, value=stance)


def _claim(room: RoomId, type_: str, path: tuple[str, ...], value: Json, *, owner: str = TEMPLATE) -> Claim:
    return Claim(room=room, type=type_, path=path, owner=owner, value=value)


def _place(claim: Claim) -> tuple[str, ...]:
    return (claim.room, claim.type, claim.key, claim.owner, *claim.path)
