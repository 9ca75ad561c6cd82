"""How evenly a rota spreads what it asks of people, and how much of the time somebody is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from orchestrator.model.ids import UserId

from .things import Part, Stretch

EVEN = 95
"""From here on a rota counts as even (as Grafana OnCall has it): no two people's months are quite alike."""

TOO_MUCH = 1.25
"""How many times what people carry on average is more than one's share."""


@dataclass(frozen=True, slots=True)
class Score:
    """What ``score`` found.

    Attributes:
        even: 0 to 100: how alike people's loads are, pair by pair on average; 100 where there is only one person.
        covered: 0 to 100: for how much of the time that somebody should be there, somebody is; 100 where there is none.
        load_ms: what each person carries: time on duty, that of heavy turns counted as often as they weigh.
        overloaded: who carries much more than their share, those with most first.
    """

    even: int
    covered: int
    load_ms: Mapping[UserId, int]
    overloaded: tuple[UserId, ...]


def score(people: Iterable[UserId], stretches: Iterable[Stretch]) -> Score:
    """Judge stretches of any rooms (``resolve``'s) for the people who share them.

    Whoever carries something counts, also if they are not among ``people``. Who only watches carries nothing, and what
    nobody carries beside a facilitator is no gap.
    """
    load_ms = dict.fromkeys(people, 0)
    due_ms = there_ms = 0
    for stretch in stretches:
        took_ms = stretch.span.length_ms
        if stretch.part is Part.FACILITATOR:
            due_ms += took_ms
            there_ms += took_ms if stretch.user is not None else 0
        if stretch.user is not None and stretch.part is not Part.SHADOW:
            weight = 1 if stretch.shift is None else stretch.shift.slot.weight
            load_ms[stretch.user] = load_ms.get(stretch.user, 0) + took_ms * weight
    mean_ms = sum(load_ms.values()) / max(len(load_ms), 1)
    most = sorted(load_ms, key=lambda user: -load_ms[user])
    return Score(
        even=_even(load_ms.values()),
        covered=100 if due_ms == there_ms else there_ms * 100 // due_ms,
        load_ms=load_ms,
        overloaded=tuple(user for user in most if load_ms[user] > mean_ms * TOO_MUCH),
    )


def _even(loads: Iterable[int]) -> int:
    pairs = [
        100.0 if one == other else 100 * min(one, other) / max(one, other) for one, other in combinations(loads, 2)
    ]
    mean = sum(pairs) / len(pairs) if pairs else 100.0
    return 100 if mean >= EVEN else int(mean)
