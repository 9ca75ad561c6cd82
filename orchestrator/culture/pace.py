"""Say the first of many things at once and the rest together: a storm of events becomes a few words.

The pace is a durable timer. While it runs, what happens is counted in it; when it falls due, what was counted is said in
one word and the timer begins anew; when nothing was counted, it is over. Only ids and counts are in it.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.model.ids import Json
from orchestrator.store.timers import set_timer, timer_of

from .places import NAME

_COUNT = "n"


def say_now(tx: Tx, key: str, now: Now, *, every_ms: int, about: Mapping[str, Json]) -> bool:
    """Tell whether to say something now; otherwise it is counted, and said when the timer falls due.

    ``key`` is what is paced, and the timer's key; after a word there is silence for ``every_ms``; ``about`` is what the
    timer has to give back (ids).
    """
    timer = timer_of(tx, NAME, key)
    if timer is None:
        set_timer(tx, Timer(craft=NAME, key=key, due_ms=now.at_ms + every_ms, payload={**about, _COUNT: 0}))
        return True
    payload = {**timer.payload, _COUNT: counted(timer) + 1}
    set_timer(tx, Timer(craft=NAME, key=key, due_ms=timer.due_ms, payload=payload))
    return False


def say_rest(tx: Tx, timer: Timer, now: Now, *, every_ms: int) -> int:
    """Tell how many things were counted since the last word; if any, the silence begins anew."""
    count = counted(timer)
    if count:
        payload = {**timer.payload, _COUNT: 0}
        set_timer(tx, Timer(craft=NAME, key=timer.key, due_ms=now.at_ms + every_ms, payload=payload))
    return count


def counted(timer: Timer) -> int:
    """Tell how many things were counted in a timer."""
    count = timer.payload.get(_COUNT)
    return count if isinstance(count, int) else 0
