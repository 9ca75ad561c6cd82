"""Questions: the next that is due among many rooms, and a year of a schedule; all in processor time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from datetime import time as wall_time
from itertools import pairwise
from zoneinfo import ZoneInfo

from orchestrator.documents.declared import Documents
from orchestrator.model.cadence import Rule, Weekday, Weekly
from orchestrator.model.clock import DAY_MS, MINUTE_MS
from orchestrator.model.feature import Feature, Now, Roster, Timer, Tx
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from orchestrator.model.rrule import read_rule
from orchestrator.prompts import Prompts
from orchestrator.schedule import occurrences
from orchestrator.store import bindings
from orchestrator.store.timers import due_timers, next_due_ms, set_timer
from tests.bench.figures import Comparison, Figures
from tests.declared import ME, community, documents, room, schedule
from tests.house import room_id
from tests.workshop import Workshop

NOW_MS = 1_767_722_400_000
MANY = 10_000
ROUNDS = 200
YEARS = 8
BERLIN = ZoneInfo("Europe/Berlin")
EVENING = wall_time(19, 5)
KINDS: tuple[tuple[str, Weekly | Rule], ...] = (
    ("each Tuesday", Weekly(EVENING, (Weekday.TUE,))),
    ("the first Tuesday of each month", read_rule("FREQ=MONTHLY;BYDAY=1TU", (EVENING,))),
    ("every third day", read_rule("FREQ=DAILY;INTERVAL=3", (EVENING,), date(2020, 1, 1))),
)


class _Nobody:
    """Nobody is on duty: what a rota costs is measured elsewhere."""

    def on_duty(self, tx: Tx, community: CommunityKey, room: RoomKey | None, now: Now) -> tuple[UserId, ...]:
        return ()


def prompts(many: int = MANY) -> list[Comparison]:
    """Measure both; ``many`` rooms against a hundredth of them."""
    return [_next_due(max(1, many // 100), many), *(_year(name, when) for name, when in KINDS)]


def _next_due(few: int, many: int) -> Comparison:
    """Find which question is due next, and ask it, in turns among few rooms and among many."""
    small, large = _Village(few), _Village(many)
    took_small, took_large = [], []
    for n in range(ROUNDS + 20):
        took = small.ask_next(), large.ask_next()
        if n >= 20:  # the first fill caches
            took_small.append(took[0])
            took_large.append(took[1])
    small.close()
    large.close()
    return Comparison(
        f"Finding the next question that is due, and asking it, among {many} rooms against {few}",
        ours=Figures(f"{many} rooms", took_large),
        bare=Figures(f"{few} rooms", took_small),
        goal=2,
    )


def _year(name: str, when: Weekly | Rule) -> Comparison:
    """Go through years of a schedule: what one of them costs among several, against one alone."""
    one, several = [], []
    for _ in range(30):
        one.append(_walk_ms(when, 1))
        several.append(_walk_ms(when, YEARS) / YEARS)
    return Comparison(
        f"A year of a schedule ({name}): one of {YEARS} against one alone",
        ours=Figures(f"of {YEARS} years", several),
        bare=Figures("one year", one),
        goal=1.25,
    )


def _walk_ms(when: Weekly | Rule, years: int) -> float:
    began_s = time.thread_time()
    found = [one.at_ms for one in occurrences(when, BERLIN, NOW_MS, NOW_MS + years * 365 * DAY_MS)]
    took_ms = (time.thread_time() - began_s) * 1000
    assert all(before < after for before, after in pairwise(found))
    return took_ms


class _Village:
    """Rooms that are asked a question each, at every minute another one."""

    def __init__(self, size: int) -> None:
        asked = schedule(on=(), grace_ms=DAY_MS)
        rooms = [room(f"room{n}", prompts=[asked]) for n in range(size)]
        self._craft: Prompts
        self._shop = Workshop(documents(community(*rooms)), self._make, at_ms=NOW_MS)
        self._shop.run(self._settle, size)

    def _make(self, made: Documents) -> tuple[Sequence[Feature], Roster]:
        from orchestrator.facilitation.craft import Facilitation  # noqa: PLC0415 - only to stand there as the roster

        self._craft = Prompts(made, _Nobody())
        return (self._craft,), Facilitation(made)

    def _settle(self, tx: Tx, size: int) -> None:
        for n in range(size):
            key = RoomKey(f"room{n}")
            bindings.bind(tx, CommunityKey("grove"), key, room_id(CommunityKey("grove"), key), "made")
            at_ms = NOW_MS + n * MINUTE_MS
            name = f"slot:grove/{key}/gentle-checkin.daily.1905"
            set_timer(tx, Timer(craft="prompts", key=name, due_ms=at_ms, payload={"due_ms": at_ms}))

    def ask_next(self) -> float:
        """Ask whichever is next; tells how long that took."""
        began_s = time.thread_time()
        self._shop.run(self._ask)
        return (time.thread_time() - began_s) * 1000

    def _ask(self, tx: Tx) -> None:
        at_ms = next_due_ms(tx)
        assert at_ms is not None
        (timer, *_) = due_timers(tx, at_ms, limit=1)
        assert len(list(self._craft.due(tx, timer, Now(at_ms=at_ms, me=ME)))) == 1

    def close(self) -> None:
        self._shop.close()
