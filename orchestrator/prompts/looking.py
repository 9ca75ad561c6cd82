"""When it is looked ahead at what a room will be asked, and which questions are drawn for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from heapq import merge
from itertools import islice, takewhile
from typing import Final

from orchestrator.documents.declared import Community, Prompt, Room
from orchestrator.model.cadence import NIGHT
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.feature import Timer, Tx
from orchestrator.schedule import is_quiet, quiet_span

from .chosen import choose
from .pauses import paused_until
from .places import Place, places_in

AHEAD: Final = "ahead:"
AHEAD_MS: Final = DAY_MS
APART_MS: Final = 20 * HOUR_MS
"""Keepers are shown what comes about once a day, however often a room is asked."""
FARTHEST_MS: Final = 3 * DAY_MS
"""Nothing is shown longer before its time, not even where nights are long."""
LATEST_MS: Final = 2 * HOUR_MS
"""So long before its time a question is shown at the latest."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A time to come at which something is asked."""

    place: Place
    due_ms: int

    @property
    def is_in_quiet_hours(self) -> bool:
        """Tell whether it is known to be passed over for the hour that it lies in."""
        room, schedule = self.place.room, self.place.schedule
        known = "quiet_hours" in schedule.gates and room.quiet is not None
        return known and room.quiet is not None and is_quiet(room.quiet, self.place.zone, self.due_ms)


@dataclass(frozen=True, slots=True)
class Seen:
    """Up to which time keepers know what comes, and when they were last shown something."""

    shown_ms: int = 0
    looked_ms: int = 0


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was found for the next day, and what keepers have seen with it."""

    questions: tuple[tuple[Slot, Prompt], ...]
    seen: Seen


Covered = Callable[[Room, int], bool]
"""Tells whether somebody is on duty in a room at an instant."""


def key_of(room: Room) -> str:
    """Name the timer of a room's next look."""
    return f"{AHEAD}{room.community}/{room.key}"


def seen_of(timer: Timer | None) -> Seen:
    """Read what keepers have seen."""
    if timer is None:
        return Seen()
    shown_ms, looked_ms = timer.payload.get("shown_ms"), timer.payload.get("looked_ms")
    return Seen(shown_ms if isinstance(shown_ms, int) else 0, looked_ms if isinstance(looked_ms, int) else 0)


def next_look_ms(tx: Tx, community: Community, room: Room, now_ms: int, seen: Seen) -> int | None:
    """Tell when to look ahead next; None: nothing comes."""
    following = next(_unseen(tx, community, room, now_ms, seen), None)
    if following is None:
        return None
    return min(look_at_ms(room, community.zone, following.due_ms, now_ms, seen.looked_ms), following.due_ms)


def draw_ahead(  # what there is to consider
    tx: Tx, community: Community, room: Room, now_ms: int, seen: Seen, covered: Covered, early_ms: int = 0
) -> Drawn:
    """Draw the questions of the next day, as far as it can be known that they will be asked.

    What would be shown ``early_ms`` later is drawn already.
    """
    unseen = _unseen(tx, community, room, now_ms, seen)
    # The first one is meant, even where a night has it shown more than a day before.
    coming = [
        one
        for one in islice(unseen, 1)
        if look_at_ms(room, community.zone, one.due_ms, now_ms, seen.looked_ms) <= now_ms + early_ms
    ]
    if coming:
        coming += takewhile(lambda one: one.due_ms <= now_ms + AHEAD_MS, unseen)
    rests_ms = paused_until(tx, room, now_ms) or 0
    found = []
    for slot in coming:
        # What is known to be passed over is not drawn: it would only come back out of turn.
        if slot.due_ms >= rests_ms and not slot.is_in_quiet_hours:
            prompt = choose(
                tx, room, slot.place.schedule, slot.due_ms, community.zone, deepest(slot, covered(room, slot.due_ms))
            )
            if prompt is not None:
                found.append((slot, prompt))
    shown_ms = max([min(seen.shown_ms, now_ms + FARTHEST_MS), *(one.due_ms for one in coming)])
    return Drawn(tuple(found), Seen(shown_ms, now_ms if found else seen.looked_ms))


def deepest(slot: Slot, covered: bool) -> int:
    """Tell how deep a question may go: with nobody on duty then, as far as that is known, not deep."""
    return 1 if "coverage" in slot.place.schedule.gates and not covered else 3


def look_at_ms(room: Room, zone: tzinfo, due_ms: int, now_ms: int, looked_ms: int) -> int:
    """Tell when to show what is asked at ``due_ms``: a day before, in waking hours, and about once a day at most.

    Where it is night, it is shown the evening before; where that is past, in the morning.
    """
    looked_ms = min(looked_ms, now_ms)
    at_ms = max(due_ms - AHEAD_MS, min(looked_ms + APART_MS, due_ms - LATEST_MS))
    night = quiet_span(room.quiet or NIGHT, zone, at_ms)
    if night is not None:
        at_ms = night.start_ms - HOUR_MS
    if at_ms > now_ms:
        return at_ms
    night = quiet_span(room.quiet or NIGHT, zone, now_ms)
    return now_ms if night is None else night.end_ms


def slots(tx: Tx, community: Community, room: Room, after_ms: int) -> Iterator[Slot]:
    """List the slots to come of all schedules of a room, in order."""
    each = (_slots_of(tx, place, after_ms) for place in places_in(community, room))
    return merge(*each, key=lambda one: (one.due_ms, one.place.schedule.id))


def _slots_of(tx: Tx, place: Place, after_ms: int) -> Iterator[Slot]:
    return (Slot(place, due_ms) for due_ms in place.slots(tx, after_ms))


def _unseen(tx: Tx, community: Community, room: Room, now_ms: int, seen: Seen) -> Iterator[Slot]:
    # A clock that was far ahead has seen what is years away.
    since_ms = max(now_ms, seen.shown_ms if seen.shown_ms - now_ms <= FARTHEST_MS else 0)
    return (one for one in slots(tx, community, room, since_ms) if one.due_ms > since_ms)
