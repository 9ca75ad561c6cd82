"""A published turn in what is asked about it: its name, its room, and whether it was changed."""

from __future__ import annotations

from typing import Final

from orchestrator.documents.declared import Community
from orchestrator.facilitation.records.overrides import changes_of
from orchestrator.facilitation.records.shifts import Given, shift_at
from orchestrator.facilitation.rota.things import GaveWay
from orchestrator.model.feature import Tx

OFFER: Final = "offer:"
UNCONFIRMED: Final = "unconfirmed:"
"""The subject of what the leads are told: somebody may take a turn from whoever has not answered."""


def key_of(community: Community, given: Given) -> str:
    """Name a turn among all communities: its timer, and the subject of what is asked about it."""
    return f"{OFFER}{community.key}/{given.name}"


def leads_key(community: Community, given: Given) -> str:
    """Name what the leads are asked about a turn."""
    return f"{UNCONFIRMED}{community.key}/{given.name}"


def is_touched(tx: Tx, community: Community, given: Given) -> bool:
    """Tell whether anything was changed about a turn that holds."""
    slot = given.shift.slot
    return any(
        (one.room, one.part) == (slot.room, slot.part) and one.holds and one.span.shares(slot.span)
        for one in changes_of(tx, community.key, slot.span)
    )


def is_asked_about(community: Community, given: Given) -> bool:
    """Tell whether anybody is ever asked about a turn."""
    room = community.room(given.shift.slot.room)
    rota = room.rota if room is not None else None
    return rota is not None and (rota.accept_within_ms is not None or GaveWay.REST in given.shift.gave_way)


def found_at(tx: Tx, community: Community, subject: str) -> Given | None:
    """Find the turn that a timer or a question is about."""
    return shift_at(tx, community.key, subject.removeprefix(f"{OFFER}{community.key}/"))
