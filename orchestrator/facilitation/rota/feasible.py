"""What a roster cannot satisfy, told before it shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS
from orchestrator.schedule import next_at

from .assigning import assign, slots
from .people import distance_ms, people_of
from .things import GaveWay, Ledger, Part, Plan, Shift

LOOK_MS = 366 * DAY_MS
MOST_TURNS = 3_000


class Flaw(StrEnum):
    """What is wrong with a rota, or has to give way again and again."""

    NOBODY = "nobody"
    """Nobody takes turns."""
    STRANGER = "stranger"
    """Somebody is named in a layer who is not on the rota."""
    HIDDEN = "hidden"
    """Higher layers leave a layer no time at all."""
    ALONE = "alone"
    """There is nobody to be on beside the facilitator."""
    GAP = "gap"
    """Nobody is left for some turns: all have had as many as they may without a rest."""
    REST = "rest"
    """The rest between two turns cannot be kept."""
    BACK_TO_BACK = "back-to-back"
    """Somebody has to have two turns in a row."""
    WEIGHTS = "weights"
    """Somebody's turn comes again before a heavy one counts no more."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One flaw of a layer, and the first turn in which it shows where it shows in one."""

    flaw: Flaw
    layer: str
    shift: Shift | None = None


def problems(plan: Plan, from_ms: int) -> tuple[Problem, ...]:
    """Tell what a rota cannot satisfy though everybody always can: nobody is away, and nobody comes or goes.

    It is tried out, for as many turns as it takes to come round several times, and a year at most, from an instant or, where
    that is later, the first turn on.
    """
    found = dict.fromkeys(_written(plan))
    calm = replace(
        plan,
        keepers=tuple(replace(keeper, from_ms=None, until_ms=None) for keeper in plan.keepers),
        rota=replace(plan.rota, temporary=()),
    )
    window = _window(calm, from_ms)
    seen = {layer.name for layer in plan.rota.layers if not any(_turns_of(calm, layer.name, window))}
    found.update(dict.fromkeys(Problem(Flaw.HIDDEN, name) for name in seen))
    known = {(problem.flaw, problem.layer) for problem in found}
    for shift in assign([calm], Ledger(), window):
        for flaw in _flaws(shift):
            bare = (Flaw.NOBODY, shift.slot.layer) in known
            if (flaw, shift.slot.layer) not in known and not bare:
                known.add((flaw, shift.slot.layer))
                found[Problem(flaw, shift.slot.layer, shift)] = None
    return tuple(found)


def _written(plan: Plan) -> Iterator[Problem]:
    on_rota = {keeper.user for keeper in plan.keepers}
    for layer in plan.rota.layers:
        if set(layer.people) - on_rota:
            yield Problem(Flaw.STRANGER, layer.name)
        people = people_of(plan, layer.name, Part.FACILITATOR)
        if not people:
            yield Problem(Flaw.NOBODY, layer.name)
        elif plan.rota.co_facilitator and len(people) == 1:
            yield Problem(Flaw.ALONE, layer.name)


def _window(plan: Plan, from_ms: int) -> Span:
    """Look long enough for the slowest layer to come round, but not at more turns of the quickest than is reasonable."""
    starts = [next_at(layer.cadence, plan.zone, from_ms - 1).at_ms for layer in plan.rota.layers]
    apart = [distance_ms(plan, layer.name) for layer in plan.rota.layers]
    rounds = 3 * max(len(plan.keepers), 1) + 2
    long_ms = max(rounds * most + (start_ms - min(starts)) for start_ms, (_, most) in zip(starts, apart, strict=True))
    short_ms = min(least for least, _ in apart) * MOST_TURNS
    return Span(min(starts), min(starts) + min(long_ms, short_ms, LOOK_MS))


def _turns_of(plan: Plan, layer: str, window: Span) -> Iterator[bool]:
    yield from (True for slot in slots(plan, window) if slot.layer == layer)


def _flaws(shift: Shift) -> Iterator[Flaw]:
    if shift.slot.part is Part.SHADOW:
        return
    if shift.user is None:
        yield Flaw.ALONE if shift.slot.part is Part.CO else Flaw.GAP
    for rule, flaw in (
        (GaveWay.WEIGHTS, Flaw.WEIGHTS),
        (GaveWay.BACK_TO_BACK, Flaw.BACK_TO_BACK),
        (GaveWay.REST, Flaw.REST),
    ):
        if rule in shift.gave_way:
            yield flaw
