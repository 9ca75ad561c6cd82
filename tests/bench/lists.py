"""Looking up somebody who joins in ban lists: against 50,000 entries, 2,000 of them globs, and against 50."""

from __future__ import annotations

import time

from orchestrator.culture.lists.entries import Entry, Kind, Matcher
from orchestrator.model.ids import UserId
from tests.bench.figures import Comparison, Figures

ROUNDS = 40
AT_ONCE = 200
GOAL = 2.0


def joins() -> Comparison:
    """Measure what a look-up costs, the two kinds of lists in turns."""
    few, many = Matcher(_entries(50, 2)), Matcher(_entries(50_000, 2_000))
    assert many.about(UserId("@spam7x:anywhere.example"))
    assert not many.about(UserId("@ana:grove.example"))
    long, short = [], []
    for start in range(ROUNDS):
        short.append(_timed_ms(few, start))
        long.append(_timed_ms(many, start))
    return Comparison(
        title="Looking up a join in ban lists of 50,000 entries and 2,000 globs, against 50 entries",
        ours=Figures("50,000 entries", long),
        bare=Figures("50 entries", short),
        goal=GOAL,
    )


def _timed_ms(matcher: Matcher, start: int) -> float:
    """Give the milliseconds of one look-up, the mean of many."""
    people = [UserId(f"@member{start}-{n}:home{n % 7}.example") for n in range(AT_ONCE)]
    began = time.perf_counter()
    for user in people:
        matcher.about(user)
    return (time.perf_counter() - began) * 1000 / AT_ONCE


def _entries(count: int, globs: int) -> list[tuple[str, Entry]]:
    plain = [
        (f"p{n}", Entry(kind=Kind.USER, entity=f"@user{n}:server{n % 997}.example"))
        if n % 5
        else (f"p{n}", Entry(kind=Kind.SERVER, entity=f"server{n}.example"))
        for n in range(count - globs)
    ]
    wild = [
        (f"g{n}", Entry(kind=Kind.USER, entity=f"@spam{n}*:*"))
        if n % 2
        else (f"g{n}", Entry(kind=Kind.SERVER, entity=f"*.bad{n}.example"))
        for n in range(globs)
    ]
    return [*plain, *wild]
