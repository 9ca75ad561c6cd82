"""Synapse's rate limits, on the fake clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .clock import FakeClock
from .problems import MatrixProblem

Advice = Literal["both", "header", "body", "none"]
"""Where a 429 says how long to wait: the ``Retry-After`` header, ``retry_after_ms``, both or neither."""

Kind = Literal[
    "message", "room_creation", "joins", "joins_per_room", "invites_per_room", "invites_per_user",
    "invites_per_issuer", "login",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, then so many a second."""

    per_second: float
    burst: int


STOCK: Mapping[Kind, Rate] = {
    "message": Rate(0.2, 10),
    "room_creation": Rate(0.016, 10),
    "joins": Rate(0.1, 10),
    "joins_per_room": Rate(1, 10),
    "invites_per_room": Rate(0.3, 10),
    "invites_per_user": Rate(0.003, 5),
    "invites_per_issuer": Rate(0.3, 10),
    "login": Rate(0.003, 5),
}
"""What Synapse 1.163 has when its configuration is silent (``synapse/config/ratelimiting.py``)."""


@dataclass(slots=True)
class _Bucket:
    count: float
    since_ms: int


@dataclass(slots=True)
class Limiter:
    """Counts what users do; refuses with 429 M_LIMIT_EXCEEDED what comes too fast.

    Attributes:
        clock: the fake clock.
        rates: the limits by kind; a kind that is absent is not limited.
        exempt: users without limits, as by Synapse's ``override_ratelimit``.
        advice: where a 429 says how long to wait.
    """

    clock: FakeClock
    rates: Mapping[Kind, Rate] = field(default_factory=dict)
    exempt: set[str] = field(default_factory=set)
    advice: Advice = "both"
    _buckets: dict[tuple[Kind, str], _Bucket] = field(default_factory=dict)

    def take(self, kind: Kind, user_id: str, *, key: str | None = None, actions: int = 1) -> None:
        """Count an action, or refuse it uncounted.

        Args:
            kind: which limit.
            user_id: who acts.
            key: what is counted; the user when left out.
            actions: how many at once.
        """
        self._ask(kind, user_id, key, actions, count=True)

    def check(self, kind: Kind, user_id: str, *, key: str | None = None, actions: int = 1) -> None:
        """Refuse an action if it would come too fast, without counting it."""
        self._ask(kind, user_id, key, actions, count=False)

    def _ask(self, kind: Kind, user_id: str, key: str | None, actions: int, *, count: bool) -> None:
        rate = self.rates.get(kind)
        if rate is None or user_id in self.exempt:
            return
        now_ms = self.clock.now_ms()
        bucket = self._buckets.get((kind, key or user_id)) or _Bucket(0, now_ms)
        level = bucket.count - (now_ms - bucket.since_ms) / 1000 * rate.per_second
        if level < 0:
            bucket, level = _Bucket(0, now_ms), 0
        if level > rate.burst - actions:
            ready_ms = bucket.since_ms + (bucket.count - rate.burst + 1) / rate.per_second * 1000
            raise too_many(max(0, int(ready_ms - now_ms)), self.advice)
        if count:
            self._buckets[kind, key or user_id] = _Bucket(bucket.count + actions, bucket.since_ms)


def too_many(retry_after_ms: int | None, advice: Advice = "both") -> MatrixProblem:
    """Say 429 M_LIMIT_EXCEEDED; the header counts whole seconds, rounded up."""
    extra: dict[str, object] = {}
    headers: dict[str, str] = {}
    if retry_after_ms is not None and advice in ("both", "body"):
        extra["retry_after_ms"] = retry_after_ms
    if retry_after_ms is not None and advice in ("both", "header"):
        headers["Retry-After"] = str(math.ceil(retry_after_ms / 1000))
    return MatrixProblem(429, "M_LIMIT_EXCEEDED", "Too Many Requests", extra=extra, headers=headers)
