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

import math
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from orchestrator.model.clock import SECOND_MS
from orchestrator.model.effects import Priority

from .bucket import USUAL_OF_ROOMS, Bucket, Learnt, Outlook

__all__ = ["KEPT_FOR_SAFETY", "Budget", "Learnt", "Limiter", "forecast_ms"]

KEPT_FOR_SAFETY: Final = 3
LONGEST_PAUSE_MS: Final = 10 * SECOND_MS
UNSAID_PAUSE_MS: Final = 2 * SECOND_MS
_HAIR: Final = 1e-6


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
        self._rooms = Bucket(usual=USUAL_OF_ROOMS)
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

    def estimate_ms(self, counts: Mapping[Limiter, int], now_ms: int, *, after_a_room: float = 0) -> int:
        """Estimate how long until so many calls have gone, none of them urgent.

        Before the first refusal nobody knows the server's limits. Then Synapse's are assumed, until more came through
        than they let in: better a time that turns out shorter than "at once" for what may take an hour.

        Args:
            counts: how many calls of each kind wait; each counts as a message, too.
            now_ms: the time now.
            after_a_room: how many messages follow each room that is made.
        """
        rooms = counts.get(Limiter.CREATE, 0)
        return forecast_ms(
            self._messages.outlook(now_ms),
            self._rooms.outlook(now_ms),
            calls=sum(counts.values()) - rooms,
            rooms=rooms,
            after_a_room=after_a_room,
        )

    @property
    def learnt_of_rooms(self) -> Learnt | None:
        """What is worth remembering of the making of rooms, None while none was ever refused."""
        return self._rooms.learnt

    @property
    def free(self) -> frozenset[Limiter]:
        """Of which buckets more came through than the usual ones hold; worth remembering, too."""
        buckets = {Limiter.MESSAGE: self._messages, Limiter.CREATE: self._rooms}
        return frozenset(limiter for limiter, bucket in buckets.items() if bucket.free)

    def recall(self, rooms: Learnt | None, free: Collection[Limiter]) -> None:
        """Take up what an earlier run found out; what this one learnt already is newer."""
        if rooms is not None and self._rooms.learnt is None:
            self._rooms = Bucket(rooms, USUAL_OF_ROOMS)
        if self._messages.learnt is None:
            self._messages.free |= Limiter.MESSAGE in free
        if self._rooms.learnt is None:
            self._rooms.free |= Limiter.CREATE in free


def forecast_ms(messages: Outlook, making: Outlook, *, calls: int, rooms: int, after_a_room: float) -> int:
    """Walk through what is to be sent as delivery will: rooms as soon as they may be made, and meanwhile all else."""
    keep = min(KEPT_FOR_SAFETY, messages.burst - 1)
    tokens, room_tokens, waiting, at_ms = messages.tokens - keep, making.tokens, float(calls), 0.0
    while rooms > 0 or waiting > 0:
        if rooms > 0 and tokens > 1 - _HAIR and room_tokens > 1 - _HAIR:
            rooms, waiting, tokens, room_tokens = rooms - 1, waiting + after_a_room, tokens - 1, room_tokens - 1
            continue
        if waiting > 0 and tokens > 1 - _HAIR:
            step = min(1.0, waiting)
            waiting, tokens = waiting - step, tokens - step
            continue
        wait_ms = max(0.0, (1 - tokens) / messages.per_ms)
        if waiting <= 0:
            wait_ms = max(wait_ms, (1 - room_tokens) / making.per_ms)
        at_ms += wait_ms
        tokens = min(tokens + wait_ms * messages.per_ms, messages.burst - keep)
        room_tokens = min(room_tokens + wait_ms * making.per_ms, making.burst)
    return math.ceil(at_ms)
