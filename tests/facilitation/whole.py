"""The whole craft of facilitation at work, with people who answer it."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.documents.declared import Documents, Rota
from orchestrator.facilitation.craft import Facilitation
from orchestrator.facilitation.duty import on_duty
from orchestrator.model.feature import Feature, Roster
from orchestrator.model.ids import RoomId, UserId
from orchestrator.store import bindings
from tests.declared import rota
from tests.facilitation.consent import EVE, START_MS, Circle, circle, grove
from tests.house import CIRCLE, direct
from tests.workshop import Workshop

POWER = "m.room.power_levels"


def make_whole(documents: Documents) -> tuple[Sequence[Feature], Roster]:
    craft = Facilitation(documents)
    return (craft,), craft


class Whole(Circle):
    """A circle in which all desks are at work."""

    def __init__(self, declared: Documents, *, at_ms: int = START_MS) -> None:
        Workshop.__init__(self, declared, make_whole, at_ms=at_ms)
        self.heard: dict[UserId | str, list[str]] = {}

    def know(self, *people: UserId) -> None:
        for user in people:
            self.run(bindings.set_direct, user, direct(user))

    def powers(self, room: RoomId = CIRCLE) -> dict[str, int | None]:
        """Who holds power by duty, and until when."""
        return {claim.path[1]: claim.until_ms for claim in self.claims(room, POWER) if claim.owner == "duty"}

    def duty(self) -> tuple[UserId, ...]:
        community = self.documents.communities[0]
        return self.run(on_duty, community, community.rooms[0], self.at_ms)

    def asked_of(self, user: UserId) -> bool:
        """Tell whether somebody is asked something in private."""
        return bool(self.asked(direct(user)))


def whole(*people: UserId, kept: Rota | None = None, shadows: tuple[UserId, ...] = ()) -> Whole:
    """Let a circle of people begin, with a rota that asks nobody, and forget what was said so far."""
    shop = Whole(grove(circle(*people, kept=kept if kept is not None else rota(), shadows=shadows)))
    shop.begin(EVE)
    shop.carry_out()
    shop.heard.clear()
    return shop
