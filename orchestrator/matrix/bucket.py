"""Works out a server's token bucket from nothing but what was sent and when it said no.

A server's bucket has a size (the *burst*) and a *rate* at which used-up room comes back. Synapse counts it as a level
that drains: a call is let in while the level is at most ``burst - 1``, and refused calls do not count. So "wait R" means
that the level reaches ``burst - 1`` at the moment A = now + R. From that:

1. Until the first refusal nothing is held back.
2. R is never longer than one turn (1/rate), so 1/R is at least the rate: the first guess. Walking through what was sent
   with this rate gives the level at the refusal, and with it the burst. After a quick burst, the usual case, both are
   exact at once; otherwise the rate is too high and the burst too low, and the next refusal comes soon.
3. Between two refusals without a rest in between, in which the bucket might drain, exactly as much came back as was
   sent: the rate is (sent between) / (A2 - A1), exactly. The burst follows from the walk again.
4. From then on we keep just below that rate (two in a hundred), so refusals are rare. Each one still sets our level
   right, since the server knows best, and can only lower the rate.
5. An hour after the last refusal we stop holding back until the next one: that is the upward probe. It costs one or two
   refusals an hour, and only while there is more to send than was thought possible. A limit that was lifted is noticed
   then, and one that was raised is measured anew.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from orchestrator.model.clock import HOUR_MS, SECOND_MS

KEEP_BELOW: Final = 0.98
"""What is used of a measured rate: the clock's and the network's jitter must not add up to a refusal."""

REMEMBERED: Final = 512
"""How many sends the walk can look back on; far more than any burst worth knowing."""

SLOWEST_GUESS_PER_MS: Final = 1 / (10 * SECOND_MS)
"""One long wait is no measurement (a proxy's penalty, say); until a second refusal measures, assume no slower."""

CLOSE_TO: Final = 0.97
STEP_ASIDE: Final = 0.99
"""A measurement that differs by so little may only be our own pace; then it says no more than: a little slower."""

LONGEST_REST_TURNS: Final = 4
LONGEST_REST_MS: Final = 2 * SECOND_MS
"""A rate is measured only while sends follow each other: the three turns of the reserve, and a slow answer."""

SURELY_MORE: Final = 10
"""How many calls beyond the usual burst have to come through before we believe that there is no such limit: those that
are on their way may still be refused."""

NO_END: Final = 1e15

SHORTEST_WAIT_MS: Final = 100
LONGEST_WAIT_MS: Final = HOUR_MS
UNSAID_WAIT_MS: Final = 2 * SECOND_MS
LONGEST_EXTRA_MS: Final = 60 * SECOND_MS


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is worth remembering over a restart.

    Attributes:
        burst: how many calls the server takes at once after a long rest.
        per_hour: how many an hour it takes in the long run.
        learnt_ms: when it last refused one.
    """

    burst: int
    per_hour: int
    learnt_ms: int


USUAL_OF_MESSAGES: Final = Learnt(burst=10, per_hour=720, learnt_ms=0)
USUAL_OF_ROOMS: Final = Learnt(burst=10, per_hour=58, learnt_ms=0)
"""What a stock Synapse lets in (see ``budget``)."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What may be sent from now on: ``tokens`` at once, no more than ``burst`` after a rest, ``per_ms`` coming back."""

    tokens: float
    burst: float
    per_ms: float


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A refusal at ``judged_ms``, when ``sent`` calls had been let in."""

    sent: int
    judged_ms: float
    asked_ms: float

    @property
    def open_ms(self) -> float:
        """When there was room for exactly one call again."""
        return self.judged_ms + self.asked_ms


@dataclass(frozen=True, slots=True)
class _Belief:
    """What was thought of the server before a refusal."""

    rate: float | None
    burst: int
    measured: bool
    probing: bool
    refusal: _Refusal | None


class Bucket:
    """One of the server's buckets, as far as it is known.

    Args:
        learnt: from an earlier run.
        usual: what to expect before anything was learnt.

    Attributes:
        free: more came through than the usual limits let in, so there are none of that kind; until the first refusal.

    Times are passed in; a clock that is turned back costs nothing but the time it was turned back over.
    """

    def __init__(self, learnt: Learnt | None = None, usual: Learnt = USUAL_OF_MESSAGES) -> None:
        self.free = False
        self._usual = usual
        self._usual_level = 0.0
        self._usual_ms = 0
        self._rate: float | None = None
        self._burst = 1
        self._measured = False
        self._learnt_ms = 0
        self._tokens = 0.0
        self._at_ms = 0
        self._sent = 0
        self._times: deque[int] = deque(maxlen=REMEMBERED)
        self._whole = learnt is None
        self._refusal: _Refusal | None = None
        self._before: _Belief | None = None
        self._new = False
        self._in_vain = 0
        if learnt is not None:
            self._burst = max(1, learnt.burst)
            self._rate = max(1, learnt.per_hour) / HOUR_MS
            self._measured = True
            self._learnt_ms = learnt.learnt_ms
            # How full it is nobody remembers. If we are wrong, the first refusal puts it right.
            self._tokens = float(self._burst)

    @property
    def learnt(self) -> Learnt | None:
        """What to remember; None while nothing was ever refused."""
        if self._rate is None:
            return None
        return Learnt(self._burst, max(1, round(self._rate * HOUR_MS)), self._learnt_ms)

    @property
    def _pace(self) -> float:
        return (self._rate or 0) * KEEP_BELOW

    def wait_ms(self, now_ms: int, *, calls: int = 1, keep: int = 0) -> int:
        """Tell how long until ``calls`` more may go and still leave ``keep`` for others; 0 is now.

        No more is kept than leaves a turn for everybody: of a burst of three, two.
        """
        if self._rate is None or not 0 <= now_ms - self._learnt_ms < HOUR_MS:
            return 0
        self._settle(now_ms)
        missing = calls + min(keep, self._burst - 1) - self._tokens
        return math.ceil(missing / self._pace) if missing > 1e-6 else 0

    def outlook(self, now_ms: int) -> Outlook:
        """Tell what is to be expected of the server: what was learnt, and before that the usual limits."""
        self._settle(now_ms)
        if self._rate is not None:
            rested = not 0 <= now_ms - self._learnt_ms < HOUR_MS
            return Outlook(float(self._burst) if rested else self._tokens, self._burst, self._pace)
        if self.free:
            return Outlook(NO_END, NO_END, 1.0)
        self._usually(now_ms)
        return Outlook(self._usual.burst - self._usual_level, self._usual.burst, self._usual.per_hour / HOUR_MS)

    def spend(self, now_ms: int) -> None:
        """Note that a call is made."""
        self._settle(now_ms)
        self._tokens -= 1
        self._sent += 1
        self._new = True
        self._whole = self._whole and len(self._times) < REMEMBERED
        self._times.append(now_ms)
        self._usually(now_ms)
        self._usual_level += 1
        self.free = self.free or (self._rate is None and self._usual_level > self._usual.burst + SURELY_MORE)

    def unspent(self, now_ms: int) -> None:
        """Note that a call noted with ``spend`` was not counted by the server."""
        self._settle(now_ms)
        self._tokens = min(self._tokens + 1, self._burst)
        self._usual_level = max(0.0, self._usual_level - 1)
        self._sent -= 1
        if self._times:
            self._times.pop()

    def succeeded(self) -> None:
        """Note that the server took a call."""
        self._in_vain = 0

    def refused(self, retry_after_ms: int | None, now_ms: int) -> None:
        """Note that the server said no and asked to wait; learn from it."""
        # Judged by the server soon after it left; Synapse then sits on a refusal for half a second before it says so.
        judged_ms = min(self._times[-1], now_ms) if self._times else now_ms
        self.unspent(now_ms)
        before = self._before
        # If nothing left since the last refusal, this call was on its way already: the same news, told better.
        if before is None or self._new:
            probing = not 0 <= now_ms - self._learnt_ms < HOUR_MS
            before = _Belief(self._rate, self._burst, self._measured, probing, self._refusal)
            self._before = before
            self._in_vain += 1
        said_ms = UNSAID_WAIT_MS if retry_after_ms is None else min(max(1, retry_after_ms), LONGEST_WAIT_MS)
        refusal = _Refusal(self._sent, judged_ms, said_ms)
        self._learn(before, refusal)
        # One that refuses again and again however long we wait is given more time than it asks for.
        extra_ms = 0 if self._in_vain <= 2 else min(100 * 2 ** min(self._in_vain, 10), LONGEST_EXTRA_MS)
        # One millisecond more, because servers cut off what comes after the point.
        self._tokens = 1 - self._pace * (max(said_ms + 1, SHORTEST_WAIT_MS) + extra_ms)
        self._refusal, self._learnt_ms, self._new, self.free = refusal, now_ms, False, False

    def _learn(self, before: _Belief, refusal: _Refusal) -> None:
        guess = max(1 / refusal.asked_ms, SLOWEST_GUESS_PER_MS)
        if before.rate is None or before.probing:
            seen, _ = self._burst_seen(guess, before.burst, refusal)
            self._rate, self._measured = guess, False
            self._burst = seen if before.rate is None else max(seen, before.burst)
            return
        found = self._between(before, before.rate, refusal)
        rate = min(guess, found or before.rate)
        if before.measured and rate > CLOSE_TO * before.rate:
            rate = before.rate * STEP_ASIDE
        seen, sure = self._burst_seen(rate, before.burst, refusal)
        self._rate, self._measured = rate, before.measured or found is not None
        # Once measured, we never send enough to see more than we know: more would be an error of the walk.
        self._burst = min(seen, before.burst if before.measured else seen) if sure else before.burst

    def _burst_seen(self, rate: float, known: int, refusal: _Refusal) -> tuple[int, bool]:
        """Tell what burst a refusal shows, if the rate is right; and whether what we forgot could make it larger."""
        level, sure = self._level(rate, known, refusal.judged_ms, self._times)
        return max(1, round(level + 1 - rate * refusal.asked_ms)), sure

    def _between(self, before: _Belief, believed: float, refusal: _Refusal) -> float | None:
        """Measure the rate between two refusals.

        None when there was a rest in between: then the bucket may have drained, or somebody else spent from it.
        """
        first = before.refusal
        if first is None or not 0 < refusal.sent - first.sent <= len(self._times) or refusal.open_ms <= first.open_ms:
            return None
        sent = refusal.sent - first.sent
        times = list(self._times)
        since = [first.open_ms, *times[-sent:], refusal.judged_ms]
        rest_ms = max(later - sooner for sooner, later in pairwise(since))
        if rest_ms > LONGEST_REST_TURNS / believed + LONGEST_REST_MS:
            return None
        # Had it drained all the same, the rate would come out too low, and the walk with it would go under the floor.
        rate = sent / (refusal.open_ms - first.open_ms)
        level, _ = self._level(rate, before.burst, first.judged_ms, times[:-sent])
        burst = max(level + 1 - rate * first.asked_ms, 1)
        _, lowest = _walk(times[-sent:], rate, refusal.judged_ms, level=burst - 1, at_ms=first.open_ms)
        return rate if lowest >= min(0.5, (burst - 1) / 2) else None

    def _level(self, rate: float, burst: int, at_ms: float, times: Sequence[int]) -> tuple[float, bool]:
        """Tell the server's level at a time, and whether that is sure whatever it was before the first send we remember."""
        if not times:
            return 0, self._whole
        level, _ = _walk(times, rate, at_ms, level=0, at_ms=times[0])
        highest, _ = _walk(times, rate, at_ms, level=burst, at_ms=times[0])
        return level, self._whole or highest - level < 1e-6

    def _usually(self, now_ms: int) -> None:
        """Bring the level that a server with the usual limits would have up to now."""
        drained = max(0, now_ms - self._usual_ms) * self._usual.per_hour / HOUR_MS
        self._usual_level, self._usual_ms = max(0.0, self._usual_level - drained), now_ms

    def _settle(self, now_ms: int) -> None:
        """Bring the count of tokens up to now; a clock that was turned back starts a new count."""
        came_back = max(0, now_ms - self._at_ms) * self._pace
        self._tokens = min(self._tokens + came_back, self._burst)
        self._at_ms = now_ms


def _walk(times: Iterable[int], rate: float, until_ms: float, *, level: float, at_ms: float) -> tuple[float, float]:
    """Follow a level that drains at ``rate`` and rises by one at each of ``times``.

    Returns:
        The level at the end, never below 0; and the lowest it would have come to without that floor.
    """
    lowest = level
    for at in (*times, until_ms):
        level -= rate * max(0.0, at - at_ms)
        lowest = min(lowest, level)
        level = max(0.0, level) + 1
        at_ms = max(at_ms, at)
    return level - 1, lowest
