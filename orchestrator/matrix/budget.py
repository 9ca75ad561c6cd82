"""How much may be sent, and when: as fast as the server allows, with a little kept back for what protects people.

Homeservers count what one account does in separate buckets. Synapse's defaults (1.163, ``synapse/config/ratelimiting``):

=====================================  ==============  =====  ====================================================
bucket                                 rate            burst  counts
=====================================  ==============  =====  ====================================================
``rc_message``                         0.2 a second    10     messages, state, reactions, redactions, kicks, bans;
                                                              a room made, an invite and a join count here, too
``rc_room_creation``                   0.016 a second  10     rooms made; what stands in ``initial_state`` is free
``rc_invites.per_issuer``, per_room    0.3 a second    10     invites by us, invites into one room
``rc_invites.per_user``                0.003 a second  5      invites of one person: five and a half minutes each
``rc_joins.local``                     0.1 a second    10     our own joins
=====================================  ==============  =====  ====================================================

Reading is not limited. Other servers have other numbers, an admin may have changed them or exempted us, so none of them
is assumed: all go freely until the first 429, and what it tells is learnt (see ``bucket``).

- **Messages** learn burst and rate. Of the tokens known to be there three are kept: only ``Priority.SAFETY`` may take
  them, so a removal goes out at once, or in the next free slot, however much else waits. Everybody else goes while more
  than three are there; when the bucket is low that means one at a time, as each comes back, so nothing starves.
- **Rooms made** learn in the same way for themselves.
- **Invites and joins** only pause. Their refusal may be about one person or one room, which is not to hold up everybody
  else, so a pause lasts ten seconds at most; the row that was refused has to wait for its own time.

A refused ``createRoom``, invite or join never throttles messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from orchestrator.model.clock import SECOND_MS
from orchestrator.model.effects import Priority

from .bucket import Bucket, Learnt

__all__ = ["KEPT_FOR_SAFETY", "Budget", "Learnt", "Limiter"]

KEPT_FOR_SAFETY: Final = 3
LONGEST_PAUSE_MS: Final = 10 * SECOND_MS
UNSAID_PAUSE_MS: Final = 2 * SECOND_MS


class Limiter(StrEnum):
    """Which of the server's buckets a call spends from, besides the one for messages from which all do."""

    MESSAGE = "message"
    CREATE = "create"
    INVITE = "invite"
    JOIN = "join"


class Budget:
    """What one account may send.

    For each call: ``wait_ms`` until it is 0, then ``spend`` just before it leaves, then one of ``succeeded`` (the server
    took it), ``refused`` (429) or ``unspent`` (it never left, or was turned down for another reason than its number).
    A call whose fate is unknown stays spent.

    Args:
        learnt: what an earlier run learnt of the message bucket.
    """

    def __init__(self, learnt: Learnt | None = None) -> None:
        self._messages = Bucket(learnt)
        self._rooms = Bucket()
        self._pauses: dict[Limiter, int] = {}

    @property
    def learnt(self) -> Learnt | None:
        """What is worth remembering over a restart: of the message bucket, None while nothing was ever refused."""
        return self._messages.learnt

    def wait_ms(self, limiter: Limiter, priority: Priority, now_ms: int) -> int:
        """Tell how long such a call has to wait; 0 means go."""
        keep = 0 if priority is Priority.SAFETY else KEPT_FOR_SAFETY
        own_ms = 0
        if limiter is Limiter.CREATE:
            own_ms = self._rooms.wait_ms(now_ms)
        elif limiter in self._pauses:
            own_ms = self._pauses[limiter] - now_ms
            if not 0 < own_ms <= LONGEST_PAUSE_MS:  # over, or the clock was turned back
                del self._pauses[limiter]
                own_ms = 0
        return max(own_ms, self._messages.wait_ms(now_ms, keep=keep))

    def spend(self, limiter: Limiter, now_ms: int) -> None:
        """Note that a call leaves now."""
        self._messages.spend(now_ms)
        if limiter is Limiter.CREATE:
            self._rooms.spend(now_ms)

    def succeeded(self, limiter: Limiter, now_ms: int) -> None:  # noqa: ARG002 - one shape for all outcomes
        """Note that the server took a call."""
        self._messages.succeeded()
        if limiter is Limiter.CREATE:
            self._rooms.succeeded()

    def refused(self, limiter: Limiter, retry_after_ms: int | None, now_ms: int) -> None:
        """Note that the server answered 429.

        Args:
            limiter: what the call was.
            retry_after_ms: how long the server asks to wait, None when it does not say.
            now_ms: the time now.
        """
        if limiter is Limiter.MESSAGE:
            self._messages.refused(retry_after_ms, now_ms)
            return
        self._messages.unspent(now_ms)
        if limiter is Limiter.CREATE:
            self._rooms.refused(retry_after_ms, now_ms)
        else:
            asked_ms = UNSAID_PAUSE_MS if retry_after_ms is None else retry_after_ms
            self._pauses[limiter] = now_ms + min(max(asked_ms, 1), LONGEST_PAUSE_MS)

    def unspent(self, limiter: Limiter, now_ms: int) -> None:
        """Note that a call noted with ``spend`` did not count: it never left, or was forbidden."""
        self._messages.unspent(now_ms)
        if limiter is Limiter.CREATE:
            self._rooms.unspent(now_ms)

    def estimate_ms(self, counts: Mapping[Limiter, int], now_ms: int) -> int:
        """Estimate how long until so many calls have gone, none of them urgent; 0 while no limit is known.

        Args:
            counts: how many calls of each kind wait; each counts as a message, too.
            now_ms: the time now.
        """
        total, rooms = sum(counts.values()), counts.get(Limiter.CREATE, 0)
        return max(
            self._messages.wait_ms(now_ms, calls=total, keep=KEPT_FOR_SAFETY) if total else 0,
            self._rooms.wait_ms(now_ms, calls=rooms) if rooms else 0,
        )
