"""A circle that is asked questions, with those who keep it."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.documents.declared import CONTROL_KEY, Documents
from orchestrator.facilitation.craft import Facilitation
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.feature import Feature, Roster
from orchestrator.model.ids import CommunityKey, EventId, RoomId, UserId
from orchestrator.prompts import Prompts
from orchestrator.store import mirror
from tests.declared import ANA, BO, CY, EVE, ME
from tests.facilitation.consent import Circle
from tests.house import CIRCLE, room_id
from tests.workshop import Workshop

CONTROL = room_id(CommunityKey("grove"), CONTROL_KEY)
POWERS = {ANA: 50, CY: 50, BO: 100}


def make(documents: Documents) -> tuple[Sequence[Feature], Roster]:
    facilitation = Facilitation(documents)
    return (Prompts(documents, facilitation),), facilitation


class Kept(Circle):
    """What is said to whom is told apart; the keepers hold power in their rooms."""

    def __init__(self, declared: Documents, *, at_ms: int) -> None:
        Workshop.__init__(self, declared, make, at_ms=at_ms)
        self.heard: dict[UserId | str, list[str]] = {}
        self.begin(ANA, BO, CY, EVE)
        for room in (CIRCLE, CONTROL):
            self.empower(room, POWERS)
        self.heard_all_along(CIRCLE)
        self.carry_out()
        self.heard.clear()

    def empower(self, room: RoomId, users: dict[UserId, int]) -> None:
        """Let these people hold power in a room."""
        levels = {"users": {ME: 100, **users}}
        self.run(mirror.see_state, room, "m.room.power_levels", "", EventId(f"$levels{self._next()}"), ME, levels)


def kept(declared: Documents, first_ms: int) -> Kept:
    """An hour before the first slot."""
    return Kept(declared, at_ms=first_ms - HOUR_MS)
