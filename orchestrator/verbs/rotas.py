"""Rotas that cannot keep their own rules, told before somebody has to bear it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from orchestrator.documents.authored import Advice
from orchestrator.documents.declared import Community, Origin, Room
from orchestrator.documents.load import Loaded
from orchestrator.facilitation.plans import plan_of
from orchestrator.facilitation.rota.feasible import Flaw, Problem, problems
from orchestrator.schedule import local_at

_SAID: Final[Mapping[Flaw, str]] = {
    Flaw.HIDDEN: "The layers above it leave it no time at all, so nobody ever has a turn in it.",
    Flaw.ALONE: "There is nobody to be on beside the facilitator. Add facilitators, or leave co_facilitator out.",
    Flaw.GAP: "Nobody is left for some turns: all have had max_terms without a rest. Add facilitators, or allow more.",
    Flaw.REST: "The rest cannot be kept: somebody would have to be asked to go without. Add facilitators, or write less.",
    Flaw.BACK_TO_BACK: "Somebody would have two turns in a row. Add facilitators, or write back_to_back: allow",
    Flaw.WEIGHTS: "A heavy turn cannot be made up for: whoever had it is on again too soon. Add facilitators.",
}
"""What is advised for each flaw; of all others the files are checked for already."""


def strained(loaded: Loaded, now_ms: int) -> list[Advice]:
    """Find the rotas that have to break their own rules though everybody always can.

    Args:
        loaded: everything the authors wrote.
        now_ms: from when on turns are tried out.
    """
    return [
        advice
        for community in loaded.documents.communities
        for room in community.rooms
        for advice in _of_room(community, room, now_ms)
    ]


def _of_room(community: Community, room: Room, now_ms: int) -> Iterator[Advice]:
    plan = plan_of(community, room)
    if plan is None or len(plan.keepers) < 2:
        return  # that a rota needs people is said already
    origin = room.origins.get("rota", Origin("default"))
    for problem in problems(plan, now_ms):
        if problem.flaw in _SAID:
            yield Advice(origin.file, origin.line, origin.col, _words(community, room, problem))


def _words(community: Community, room: Room, problem: Problem) -> str:
    where = f"In {room.key}" + (f", layer {problem.layer}" if problem.layer else "")
    first = ""
    if problem.shift is not None:
        # Only where there is something to say of a day: ``check`` is to start at once.
        from babel.dates import format_date  # noqa: PLC0415

        day = local_at(problem.shift.slot.span.start_ms, community.zone).date()
        first = f" (first on {format_date(day, 'd MMMM y', locale='en')})"
    said = _SAID[problem.flaw]
    return f"{where}{first}: {said[0].lower()}{said[1:]}"
