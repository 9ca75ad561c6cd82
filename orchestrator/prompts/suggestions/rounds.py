"""When suggestions are passed on: twice a day, at hours that are a community's and change from day to day. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime, time, timedelta
from typing import Final

from orchestrator.documents.declared import Community
from orchestrator.model.clock import MINUTE_MS
from orchestrator.schedule import instant_ms, local_at

FROM: Final = (time(10), time(16))
"""When each part of the day begins in which a round is; at a time when people can look at it."""

WITHIN_MINUTES: Final = 180


def next_round_ms(community: Community, after_ms: int) -> int:
    """Tell when the first round after an instant is."""
    day = local_at(after_ms, community.zone).date()
    rounds = (
        _round_ms(community, datetime.combine(day + timedelta(days=ahead), begins))
        for ahead in range(3)
        for begins in FROM
    )
    return next(at_ms for at_ms in rounds if at_ms > after_ms)


def _round_ms(community: Community, begins: datetime) -> int:
    drawn = hashlib.sha256(f"{community.key}\n{begins.isoformat()}".encode()).digest()
    return instant_ms(begins, community.zone) + int.from_bytes(drawn[:4]) % WITHIN_MINUTES * MINUTE_MS
