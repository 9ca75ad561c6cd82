"""Random rotas, and what befalls them: swaps, people away, temporary schedules, and rosters that change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator.documents.declared import FixedTurn, Rota, RotaLayer, Temporary
from orchestrator.facilitation.rota.assigning import assign
from orchestrator.facilitation.rota.things import Keeper, Ledger, Override, Part, Plan, Served, Shift
from orchestrator.model.cadence import Cadence, Every, Span, Unit, Weekday
from orchestrator.model.ids import RoomKey, UserId
from orchestrator.schedule import local_at, merge
from tests.declared import rota
from tests.schedule.oracle import DAY_MINUTES, MINUTE_MS, transitions

ZONES = (
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Pacific/Apia",
    "Pacific/Chatham",
    "America/St_Johns",
    "America/Asuncion",
    "America/Santiago",
    "America/Havana",
    "Atlantic/Azores",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Tehran",
    "Pacific/Norfolk",
)
PEOPLE = tuple(UserId(f"@{name}:grove.example") for name in ("ana", "bo", "cy", "dee", "eve", "fay"))
ROOM = RoomKey("circle")


@dataclass(frozen=True)
class Story:
    """A rota and what befell it, in a window around a change of the clocks."""

    zone: str
    plan: Plan
    ledger: Ledger
    shifts: tuple[Shift, ...]
    window: Span
    now_ms: int


def story(seed: int, zone: str | None = None, near_minute: int | None = None, minutes: int = 2 * DAY_MINUTES) -> Story:
    """Make one up; the same seed makes the same."""
    random = Random(seed)  # noqa: S311 - the same each time
    zone = zone or random.choice(ZONES)
    near = near_minute if near_minute is not None else random.choice(transitions(zone))
    start = near - random.randrange(DAY_MINUTES // 2)
    window = Span(start * MINUTE_MS, (start + minutes) * MINUTE_MS)
    info = ZoneInfo(zone)
    plan = _plan(random, info, local_at(window.start_ms, info))
    away = {
        user: merge(_span(random, window) for _ in range(random.randrange(1, 4)))
        for user in random.sample(PEOPLE, random.randrange(4))
    }
    ledger = Ledger(away=away)
    if random.random() < 0.5:  # part of it was published when the rota was another
        before = replace(plan, keepers=_keepers(random, window), shadows=plan.shadows[:1])
        ledger = replace(ledger, shifts=assign([before], Ledger(), _span(random, window)), away=away)
    shifts = assign([plan], ledger, window)
    ledger = replace(ledger, overrides=_overrides(random, window, shifts))
    now_ms = window.start_ms
    if random.random() < 0.5:
        now_ms = random.randrange(window.start_ms, window.end_ms, MINUTE_MS)
        ledger = replace(ledger, served=_served(random, window))
    return Story(zone, plan, ledger, shifts, window, now_ms)


def _plan(random: Random, zone: ZoneInfo, near: datetime) -> Plan:
    layers = [_layer(random, near, name) for name in ("", "second", "third")[: random.choice((1, 1, 1, 2, 2, 3))]]
    temporary = []
    if random.random() < 0.3:
        temporary.append(_temporary(random, near + timedelta(minutes=random.randrange(DAY_MINUTES))))
    made = layered(
        layers,
        mode=random.choice(("order", "fair")),
        rest_ms=random.choice((None, None, 3_600_000, 24 * 3_600_000)),
        back_to_back=random.random() < 0.7,
        max_terms=random.choice((None, None, 1, 2, 3)),
        co_facilitator=random.random() < 0.25,
        temporary=temporary,
    )
    window = Span(0, 1)
    return Plan(
        room=ROOM,
        zone=zone,
        rota=made,
        keepers=_keepers(random, window)[: random.choice((0, 1, 2, 5, 6, 6))],
        shadows=tuple(random.sample(PEOPLE, random.choice((0, 0, 0, 1, 2)))),
        fallback=tuple(random.sample(PEOPLE, random.choice((0, 0, 1, 2)))),
    )


def layered(layers: Sequence[RotaLayer], **said: Any) -> Rota:
    """Build a rota of these layers and no other."""
    return replace(rota(**said), layers=tuple(layers))


def _keepers(random: Random, window: Span) -> tuple[Keeper, ...]:
    bounded = window.end_ms - window.start_ms > MINUTE_MS
    return tuple(
        Keeper(
            user,
            random.randrange(window.start_ms, window.end_ms, MINUTE_MS) if bounded and random.random() < 0.2 else None,
        )
        for user in random.sample(PEOPLE, random.randrange(1, 7))
    )


def _layer(random: Random, near: datetime, name: str) -> RotaLayer:
    anchor = near + timedelta(minutes=random.randrange(-20 * DAY_MINUTES, DAY_MINUTES))
    unit = random.choice((Unit.HOUR, Unit.DAY, Unit.DAY, Unit.WEEK))
    count = random.randrange(1, {Unit.HOUR: 30, Unit.DAY: 4, Unit.WEEK: 3}[unit])
    on: Sequence[Weekday] = ()
    if unit is Unit.WEEK and random.random() < 0.7:
        on = random.sample(list(Weekday), random.randrange(1, 6))
    lasts = None
    if name == "" or random.random() < 0.5:
        lasts = random.choice((None, Every(random.randrange(1, 30), Unit.HOUR), Every(1, Unit.DAY)))
    return RotaLayer(
        name=name,
        cadence=Cadence(anchor.replace(second=0, microsecond=0), Every(count, unit), tuple(on)),
        lasts=lasts,
        people=tuple(random.sample(PEOPLE, random.choice((0, 0, 1, 3)))),
        weights={random.choice(list(Weekday)): random.randrange(1, 5)},
    )


def _temporary(random: Random, start: datetime) -> Temporary:
    start = start.replace(second=0, microsecond=0)
    end = start + timedelta(minutes=random.randrange(1, DAY_MINUTES))
    turns = []
    for _ in range(random.randrange(4)):
        begin = start + timedelta(minutes=random.randrange(-60, DAY_MINUTES))
        turns.append(
            FixedTurn(who=random.choice(PEOPLE), start=begin, end=begin + timedelta(minutes=random.randrange(1, 600)))
        )
    return Temporary(start=start, end=end, turns=tuple(turns))


def _overrides(random: Random, window: Span, shifts: Sequence[Shift]) -> tuple[Override, ...]:
    made = []
    for n in range(random.choice((0, 1, 2, 4, 8))):
        giver, taker = random.choice((None, *PEOPLE)), random.choice((None, *PEOPLE))
        span = _span(random, window)
        if shifts and random.random() < 0.6:
            shift = random.choice(shifts)
            giver, span = shift.user, random.choice((shift.slot.span, span))
        part = random.choice((Part.FACILITATOR, Part.FACILITATOR, Part.CO, Part.SHADOW))
        made.append(
            Override(id=f"o{n}", room=ROOM, part=part, span=span, giver=giver, taker=taker, made_ms=random.randrange(3))
        )
    return tuple(made)


def _served(random: Random, window: Span) -> tuple[Served, ...]:
    cuts = sorted(random.randrange(window.start_ms, window.end_ms, MINUTE_MS) for _ in range(6))
    pairs = zip(cuts[::2], cuts[1::2], strict=True)
    return tuple(
        Served(ROOM, random.choice((Part.FACILITATOR, Part.CO)), Span(start, end), random.choice((None, *PEOPLE)))
        for start, end in pairs
    )


def _span(random: Random, window: Span) -> Span:
    start_ms = random.randrange(window.start_ms, window.end_ms, MINUTE_MS)
    minutes = random.choice((1, 1, 30, 60, 90, 600, DAY_MINUTES))
    return Span(start_ms, start_ms + minutes * MINUTE_MS)
