"""Whoever was on a rota until a day that is over is taken out of what was written for a lead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from orchestrator.documents.declared import Documents
from orchestrator.facilitation import NAME
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import Amend, AnyEffect
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.schedule import instant_ms, local_at
from orchestrator.store.timers import clear_timer, set_timer

from . import people
from .written import DOCUMENT, path_of, people_in

GONE: Final = "roster:gone:"
"""The timer of who leaves next."""


class Leaving:
    """Takes those out of the overlay who have left.

    Args:
        documents: what the authors wrote.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def settle(self, tx: Tx, now: Now) -> Iterator[AnyEffect]:
        """Take those out of the overlay who have left: they are of the staff no longer. What the files say stays theirs."""
        clear_timer(tx, NAME, GONE)
        ends_ms = []
        for community in self._documents.communities:
            for room in community.rooms:
                origin = room.origins.get("facilitators")
                if origin is None or origin.layer != "overlay":
                    continue
                before = people_in(tx, community, room)
                after = people.without_gone(before, local_at(now.at_ms, community.zone))
                ends_ms += [instant_ms(one.end, community.zone) for one in after.keepers if one.end is not None]
                if before == after:
                    continue
                gone = max(one.end.isoformat() for one in before.keepers if one not in after.keepers and one.end)
                yield Amend(
                    step=f"{GONE}{community.key}/{room.key}:{gone}",
                    document=DOCUMENT,
                    path=path_of(community, room, "facilitators"),
                    value=people.write_keepers(after),
                    by=now.me,
                    rule="roster",
                )
        if ends_ms:
            # An hour that the clock shows twice ends after it was shown again.
            set_timer(tx, Timer(craft=NAME, key=GONE, due_ms=max(min(ends_ms), now.at_ms + HOUR_MS)))

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Look again who has left; None when it is another timer."""
        return list(self.settle(tx, now)) if timer.key == GONE else None
