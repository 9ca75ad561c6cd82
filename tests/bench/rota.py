"""The rota: the next handoff of one that began long ago, and ninety days of many of them; all in processor time."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import islice
from typing import Literal
from zoneinfo import ZoneInfo

from orchestrator.facilitation.rota.assigning import assign, slots
from orchestrator.facilitation.rota.resolving import next_change_ms, resolve
from orchestrator.facilitation.rota.things import Keeper, Ledger, Plan
from orchestrator.model.cadence import Span, Unit
from orchestrator.model.clock import DAY_MS
from orchestrator.model.ids import RoomKey, UserId
from tests.bench.figures import Comparison, Figures
from tests.declared import rota

NOW_MS = 1_767_722_400_000
FEW, MANY = 100, 1_000
PEOPLE = 20
WINDOW = Span(NOW_MS, NOW_MS + 90 * DAY_MS)
ROUNDS = 300
AIM_MS = 2_000


def rotas(many: int = MANY) -> list[Comparison]:
    """Measure both; ``many`` rotas against a tenth of them."""
    few = max(1, many // 10)
    return [_handoff(), *(_ninety_days(few, many, unit, mode) for unit, mode in KINDS)]


KINDS: tuple[tuple[Unit, Literal["order", "fair"]], ...] = (
    (Unit.WEEK, "order"),
    (Unit.WEEK, "fair"),
    (Unit.DAY, "fair"),
)


def _handoff() -> Comparison:
    """Ask who is next, of a rota that began a hundred years ago and of one that began last year."""
    old, new = _plan(0, Unit.WEEK, "order", "1926-01-05 19:00"), _plan(0, Unit.WEEK, "order", "2025-01-07 19:00")
    took_old, took_new = [], []
    for n in range(ROUNDS + 20):
        took = _next_ms(old, NOW_MS + n * DAY_MS), _next_ms(new, NOW_MS + n * DAY_MS)
        if n >= 20:  # the first fill tables of the zone
            took_old.append(took[0])
            took_new.append(took[1])
    return Comparison(
        "The next handoff of a weekly rota that began 100 years ago, against one that began last year (aim: under 1 ms)",
        ours=Figures("100 years ago", took_old),
        bare=Figures("1 year ago", took_new),
        goal=1.25,
    )


def _ninety_days(few: int, many: int, unit: Unit, mode: Literal["order", "fair"]) -> Comparison:
    """Give and resolve ninety days; what one rota costs among many, against what it costs among few."""
    plans = [_plan(n, unit, mode) for n in range(many)]
    by_many: list[float] = []
    by_few: list[float] = []
    total_ms = 0.0
    for _ in range(3):
        by_few.append(_resolve_ms(plans[:few]) / few)
        took_ms = _resolve_ms(plans)
        total_ms = took_ms if not by_many else min(total_ms, took_ms)
        by_many.append(took_ms / many)
    return Comparison(
        f"Ninety days of {many} rotas of {PEOPLE} people, a turn each {unit}, {mode}: what one of them costs, against among"
        f" {few} (all of them at best {total_ms:.0f} ms; aim: {AIM_MS} ms)",
        ours=Figures(f"of {many} rotas", by_many),
        bare=Figures(f"of {few} rotas", by_few),
        goal=1.25,
    )


def _next_ms(plan: Plan, now_ms: int) -> float:
    began_s = time.thread_time()
    first = next(islice(slots(plan, Span(now_ms, now_ms + 1)), 1))
    shifts = assign([plan], Ledger(), first.span)
    found = next_change_ms(plan, shifts, Ledger(), now_ms)
    took_ms = (time.thread_time() - began_s) * 1000
    assert found == first.span.end_ms
    return took_ms


def _resolve_ms(plans: list[Plan]) -> float:
    began_s = time.thread_time()
    for plan in plans:
        shifts = assign([plan], Ledger(), WINDOW)
        assert sum(1 for _ in resolve(plan, shifts, Ledger(), WINDOW, NOW_MS)) == len(shifts)
    return (time.thread_time() - began_s) * 1000


def _plan(number: int, unit: Unit, mode: Literal["order", "fair"], anchor: str = "2025-01-07 19:00") -> Plan:
    made = replace(rota(anchor, unit=unit), mode=mode, rest_ms=7 * DAY_MS, back_to_back=False, max_terms=2)
    people = tuple(Keeper(UserId(f"@person{n}:grove.example")) for n in range(PEOPLE))
    return Plan(room=RoomKey(f"room{number}"), zone=ZoneInfo("Europe/Berlin"), rota=made, keepers=people)
