"""A circle that meets on Tuesdays at seven, and what is known of its meetings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from orchestrator.documents.declared import Documents, Meeting
from orchestrator.facilitation.craft import Facilitation
from orchestrator.model.cadence import QuietHours
from orchestrator.model.feature import Feature, Roster
from orchestrator.model.ids import EventId, Json, UserId
from orchestrator.prompts import Prompts
from orchestrator.schedule import instant_ms
from orchestrator.store import mirror
from orchestrator.store.outbox import Waiting
from tests.declared import ANA, BO, CY, EVE, ME, community, deck, documents, meeting, question, room
from tests.house import CIRCLE, content_of, room_id
from tests.workshop import Workshop

BERLIN = ZoneInfo("Europe/Berlin")
FIRST = deck(*(question(f"What did you bring, {n}?") for n in range(4)), name="first")
LAST = deck(*(question(f"What do you take along, {n}?") for n in range(4)), name="last")
WEEKLY = meeting(opening=FIRST, closing=LAST)


def at(wall: str) -> int:
    """Find the instant of a time on the wall in Berlin."""
    return instant_ms(datetime.fromisoformat(wall), BERLIN)


SUNDAY = at("2026-01-04 19:00")
TUESDAY = at("2026-01-06 19:00")
"""The first meeting; it is announced on Sunday."""


def make(documents: Documents) -> tuple[Sequence[Feature], Roster]:
    facilitation = Facilitation(documents)
    return (Prompts(documents, facilitation),), facilitation


def grove(
    *meetings: Meeting,
    facilitators: Sequence[UserId] = (ANA,),
    quiet: QuietHours | None = None,
    key: str = "tuesday",
    previously: Sequence[str] = (),
    archive: bool = False,
    locale: str = "en",
) -> Documents:
    circle = room(
        key, meetings=meetings, facilitators=facilitators, quiet=quiet, previously=previously, archive=archive
    )
    return documents(community(circle, leads=[BO], locale=locale))


def opened(declared: Documents, wall: str = "2026-01-03 12:00") -> Workshop:
    """A Saturday, three days before the first meeting."""
    shop = Workshop(declared, make, at_ms=at(wall))
    shop.open(ANA, BO, EVE, CY)
    empower(shop)
    shop.heard_all_along(CIRCLE)
    shop.settle()
    return shop


def empower(shop: Workshop) -> None:
    """Let leads and facilitators hold the power that their role gives them."""
    for one in shop.documents.communities:
        for room_ in one.every_room():
            where = room_id(one.key, room_.key)
            users: dict[str, Json] = {**dict.fromkeys(room_.facilitators, 50), **dict.fromkeys(one.leads, 100)}
            levels: dict[str, Json] = {"users": users}
            shop.run(mirror.see_state, where, "m.room.power_levels", "", EventId(f"$levels{where}"), ME, levels)


def words(shop: Workshop) -> list[Waiting]:
    """What waits to be said, without the signs to be tapped."""
    return [row for row in shop.waiting() if content_of(row).get("body") is not None]


def live(shop: Workshop, wall: str) -> list[str]:
    """Let time pass, and what is said be sent at once; tells the first line of each."""
    said = []
    while True:
        due = [timer.due_ms for timer in shop.timers("prompts") if timer.due_ms <= at(wall)]
        shop.live(max(min(due), shop.at_ms) if due else at(wall))
        while shop.waiting():
            said += [body.partition("\n")[0] for body, _event in deliver(shop) if body]
        if not due:
            return said


def deliver(shop: Workshop) -> list[tuple[str, EventId | None]]:
    found = []
    for row in shop.waiting():
        body: Json = content_of(row).get("body", "")
        found.append((str(body), shop.confirm(row.cause)))
    return found


def steps(shop: Workshop) -> list[tuple[str, str]]:
    """What is known of all sessions, in order: the step and what became of it."""
    rows = shop.rows("select step, outcome from meeting order by start_ms, rowid")
    return [(str(step), str(outcome)) for step, outcome in rows]
