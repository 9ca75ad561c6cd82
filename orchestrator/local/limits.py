"""Synapse's rate limits as a choice: none, its defaults, or its defaults made faster in the same ratios."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.model.ids import JsonObject

# (events a second, burst), as Synapse 1.163 has them when its configuration is silent (synapse/config/ratelimiting.py).
# Only what a client of one loopback server meets. `rc_login.address` is left out of the scaled limits on purpose: on
# loopback all people share one address, so it would count the neighbours and not the one who logs in.
_STOCK: Mapping[str, tuple[float, int]] = {
    "rc_message": (0.2, 10),
    "rc_room_creation": (0.016, 10),
    "rc_joins.local": (0.1, 10),
    "rc_joins.remote": (0.01, 10),
    "rc_joins_per_room": (1, 10),
    "rc_invites.per_room": (0.3, 10),
    "rc_invites.per_user": (0.003, 5),
    "rc_invites.per_issuer": (0.3, 10),
    "rc_login.account": (0.003, 5),
    "rc_login.failed_attempts": (0.17, 3),
    "rc_registration": (0.17, 3),
    "rc_key_requests": (20, 100),
    "rc_media_create": (10, 50),
    "rc_reports": (1, 5),
    "rc_profile": (1, 500),
    "rc_user_directory": (0.016, 200),
}
_PER_ADDRESS = ("rc_login.address",)
_PLENTY = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How much faster than a stock Synapse a homeserver lets people go.

    ``Limits.none()`` lifts every limit, ``Limits.stock()`` leaves Synapse's own defaults, and ``Limits.scaled(20)``
    makes every rate 20 times faster with the same bursts: the same shape in a twentieth of the time.
    """

    times: float

    @classmethod
    def none(cls) -> Limits:
        """No limit that anybody could meet."""
        return cls(math.inf)

    @classmethod
    def stock(cls) -> Limits:
        """Exactly what a homeserver has whose admin never touched the limits."""
        return cls(1)

    @classmethod
    def scaled(cls, times: float) -> Limits:
        """The default rates ``times`` faster, with the default bursts."""
        if not 0 < times < math.inf:
            raise ValueError(f"a scale must be above 0 and finite, not {times}")
        return cls(times)

    def settings(self) -> JsonObject:
        """Write the limits as keys of Synapse's configuration."""
        if self.times == 1:
            return {}
        free = math.isinf(self.times)
        tree: dict[str, dict[str, object]] = {}
        for path, (per_second, burst) in _STOCK.items():
            _put(tree, path, _PLENTY if free else per_second * self.times, _PLENTY if free else burst)
        for path in _PER_ADDRESS:
            _put(tree, path, _PLENTY, _PLENTY)
        if free:
            # Between servers too; the default delays a peer that sends more than 10 requests a second.
            tree["rc_federation"] = {"sleep_limit": _PLENTY, "reject_limit": _PLENTY, "concurrent": 100}
        return tree  # type: ignore[return-value]  # plain numbers in plain dicts


def _put(tree: dict[str, dict[str, object]], path: str, per_second: float, burst: int) -> None:
    head, _, leaf = path.partition(".")
    bucket: dict[str, object] = {"per_second": per_second, "burst_count": burst}
    if leaf:
        tree.setdefault(head, {})[leaf] = bucket
    else:
        tree[head] = bucket
