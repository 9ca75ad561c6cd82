"""Where it is written who is on a rota, and who is by what is written by now."""

from __future__ import annotations

from typing import Final

from orchestrator.documents.declared import Community, Room
from orchestrator.model.feature import Tx
from orchestrator.model.ids import UserId
from orchestrator.store.journal import amendment_waiting

from . import people
from .people import People

DOCUMENT: Final = "config.yaml"


def path_of(community: Community, room: Room, key: str) -> tuple[str, ...]:
    """Tell where in ``DOCUMENT`` a room's own key stands."""
    return ("communities", community.key, "rooms", room.key, key)


def people_in(tx: Tx, community: Community, room: Room) -> People:
    """Tell who is on a rota, with what is written down and not read yet."""
    found = people.of_room(room)
    keepers = people.read_keepers(amendment_waiting(tx, DOCUMENT, path_of(community, room, "facilitators")))
    shadows = amendment_waiting(tx, DOCUMENT, path_of(community, room, "shadows"))
    return People(
        found.keepers if keepers is None else keepers,
        tuple(UserId(str(one)) for one in shadows) if isinstance(shadows, list) else found.shadows,
    )
