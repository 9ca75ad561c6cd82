"""A room, or a community, that goes by another key now: all that is known under its former key goes with it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

from orchestrator.documents.declared import Community, Documents
from orchestrator.model.feature import Tx
from orchestrator.model.ids import CommunityKey, RoomKey
from orchestrator.store import bindings, questions

from . import NAME
from .gaps.looking import GAP
from .offers.turns import OFFER, UNCONFIRMED
from .records import away, said
from .records.overrides import State, changes_of
from .records.shifts import shifts_of
from .rota.things import Part
from .swaps.asking import SWAP

_TABLES: Final[tuple[bindings.Remembered, ...]] = (
    "shift",
    "offer",
    "override",
    "served",
    "handoff",
    "holding",
    "cover",
    "note",
)


def follow(tx: Tx, documents: Documents) -> None:
    """Let rows, marks and questions follow; it comes before anything else that reads them.

    Timers need not: those of former keys are cleared, and what is to come is planned anew.
    """
    for community in documents.communities:
        for former in community.previously:
            away.follow(tx, former, community.key)
            said.follow(tx, (former, None), (community.key, None))
        for room in community.every_room():
            for table in _TABLES:
                bindings.move_rows(tx, table, (community.key, *community.previously), (room.key, *room.previously))
            for former_key in room.previously:
                said.follow(tx, (community.key, former_key), (community.key, room.key))
        for former, former_key, key in _formerly(community):
            for before, now in _subjects(tx, community, former, former_key, key):
                questions.follow(tx, NAME, before, now, about=(former, community.key), about_room=(former_key, key))


def _formerly(community: Community) -> Iterator[tuple[CommunityKey, RoomKey, RoomKey]]:
    """List each pair of keys under which a room was known, with its present one."""
    for room in community.every_room():
        for former, former_key in product((community.key, *community.previously), (room.key, *room.previously)):
            if (former, former_key) != (community.key, room.key):
                yield former, former_key, room.key


def _subjects(
    tx: Tx, community: Community, former: CommunityKey, former_key: RoomKey, key: RoomKey
) -> Iterator[tuple[str, str]]:
    """List what may be asked about a room, as it was and as it is named."""
    for part in Part:
        yield f"{GAP}{former}/{former_key}/{part}", f"{GAP}{community.key}/{key}/{part}"
    for given in shifts_of(tx, community.key):
        slot = given.shift.slot
        if slot.room == key:
            turn = f"{slot.part}/{slot.span.start_ms}"
            for kind in (OFFER, UNCONFIRMED):
                yield f"{kind}{former}/{former_key}/{turn}", f"{kind}{community.key}/{key}/{turn}"
    if former != community.key:
        for change in changes_of(tx, community.key):
            if change.room == key and change.state is State.OPEN:
                yield f"{SWAP}{former}/{change.id}", f"{SWAP}{community.key}/{change.id}"
