"""Who takes turns in a layer, and how far apart its turns are."""

from __future__ import annotations

from itertools import pairwise

from orchestrator.documents.declared import RotaLayer
from orchestrator.model.cadence import Span, Unit
from orchestrator.model.clock import DAY_MS
from orchestrator.model.ids import UserId
from orchestrator.schedule import subtract

from .things import Keeper, Part, Plan

WEEK_MS = 7 * DAY_MS
_LEAST_MS = {Unit.HOUR: DAY_MS // 24, Unit.DAY: DAY_MS, Unit.WEEK: WEEK_MS, Unit.MONTH: 28 * DAY_MS}
_MOST_MS = {**_LEAST_MS, Unit.MONTH: 31 * DAY_MS}


def layer_of(plan: Plan, name: str) -> RotaLayer | None:
    """Find a layer by its name; None where it has gone since."""
    return next((layer for layer in plan.rota.layers if layer.name == name), None)


def people_of(plan: Plan, layer: str, part: Part) -> dict[UserId, list[Keeper]]:
    """List who takes turns, in the order in which they are written, each with when they are on the rota."""
    if part is Part.SHADOW:
        return {user: [Keeper(user)] for user in plan.shadows}
    known: dict[UserId, list[Keeper]] = {}
    for keeper in plan.keepers:
        known.setdefault(keeper.user, []).append(keeper)
    found = layer_of(plan, layer)
    if found is None or not found.people:
        return known
    return {user: known[user] for user in found.people if user in known}


def distance_ms(plan: Plan, layer: str) -> tuple[int, int]:
    """Tell how far apart the beginnings of two turns in a row of a layer are at least and at most, but for the clocks."""
    found = layer_of(plan, layer) or plan.rota.layers[0]
    every = found.cadence.every
    if every.unit is Unit.WEEK and found.cadence.on:
        days = sorted(set(found.cadence.on))
        around = [*days, days[0] + 7 * every.count]
        apart = [later - earlier for earlier, later in pairwise(around)]
        return min(apart) * DAY_MS, max(apart) * DAY_MS
    return every.count * _LEAST_MS[every.unit], every.count * _MOST_MS[every.unit]


def unserved(plan: Plan, user: UserId, part: Part, span: Span) -> tuple[Span, ...]:
    """List the parts of a span in which somebody is not on a rota."""
    if part is Part.SHADOW:
        return () if user in plan.shadows else (span,)
    served = [
        overlap
        for keeper in plan.keepers
        if keeper.user == user
        and (
            overlap := span.common(
                Span(
                    span.start_ms if keeper.from_ms is None else keeper.from_ms,
                    span.end_ms if keeper.until_ms is None else keeper.until_ms,
                )
            )
        )
        is not None
    ]
    return subtract([span], served)
