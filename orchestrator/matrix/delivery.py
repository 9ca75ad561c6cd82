"""Takes what waits, most urgent first, within what the server allows, and carries each thing out exactly once.

One loop chooses, a few hands carry. Things that must keep their order share a lane: what is said in one room, what is
written to one room's state, what concerns one person. Removals wait for nothing but a hand. A room that is slow holds half
of the hands at most, and two are kept for safety, so that nothing urgent waits for somebody else's trouble.

Just before anything leaves, the row is marked as tried; afterwards it is confirmed by the answer or by the echo, whichever
is first. Between the two a crash leaves a tried row, and ``carrying`` knows for each kind how to find out what happened.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from orchestrator.errors import Final as NeverWorks
from orchestrator.errors import RateLimited, Retryable, StoreError, UnknownToken
from orchestrator.model.clock import HOUR_MS, MINUTE_MS, SECOND_MS, Clock
from orchestrator.model.effects import Priority
from orchestrator.model.feature import Tx
from orchestrator.model.things import PSEUDO
from orchestrator.store import AccountStore, claims, outbox
from orchestrator.store.claims import Unsettled
from orchestrator.store.limits import Limits, drop_pace, keep_limits, keep_pace, kept_pace
from orchestrator.store.outbox import Waiting
from orchestrator.store.ready import LONGEST_RETRY_MS, next_retry_ms, ready

from .budget import Budget, Learnt, Limiter
from .carrying import Carrier
from .making import NotYet

log = structlog.get_logger("delivery")

HANDS: Final = 8
"""How many things are carried at once."""

KEPT_FOR_SAFETY: Final = 2
"""How many hands only what is for safety may take."""

HANDS_A_PLACE: Final = 4
"""How many hands one room may hold, or the making of rooms: either can take minutes on a server in trouble."""

LOOK_AGAIN_MS: Final = 6 * HOUR_MS
"""How often aliases and listings are looked at, of which /sync says nothing."""

_FREE: Final = "free "
AFTER_A_ROOM: Final = 3
"""How many messages follow a declared room that was made: the link from its space, its norms, and their pin."""

LONGEST_NAP_MS: Final = 30 * SECOND_MS
LEAST_WAIT_MS: Final = 2 * SECOND_MS
LONGEST_BACKOFF_MS: Final = 5 * MINUTE_MS
LONGEST_SAFETY_BACKOFF_MS: Final = MINUTE_MS
"""A removal or a raised hand is not to wait for minutes once a server is back that was away for an hour."""

LONGEST_ITEM_WAIT_MS: Final = 2 * LONGEST_BACKOFF_MS


@dataclass(frozen=True, slots=True)
class Job:
    """Something that can be carried now."""

    name: str
    lane: str
    place: str
    priority: Priority
    limiter: Limiter | None
    carry: Callable[[], Awaitable[bool]]
    row: Waiting | None = None
    item: Unsettled | None = None


class Delivery:
    """Works in the background for one account.

    Args:
        store: the account's rows.
        carrier: knows how each kind of effect is carried out.
        budget: what the server allows.
        clock: tells the time.
        rng: for jitter.
    """

    def __init__(self, store: AccountStore, carrier: Carrier, budget: Budget, clock: Clock, rng: random.Random) -> None:
        self._store = store
        self._carrier = carrier
        self._budget = budget
        self._clock = clock
        self._rng = rng
        self._wake = asyncio.Event()
        self._running: dict[str, Job] = {}
        self._item_retry_ms: dict[str, int] = {}
        self._item_failures: Counter[str] = Counter()
        # What was asked for most often has to be written; what is looked at again most often has not.
        self._looked = self._wrote = 1
        self._recalled = False
        self._heard_ms: int | None = None
        self._free: frozenset[Limiter] = frozenset()

    def wake(self) -> None:
        """Say that something new may wait."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver, for ever."""
        await self._recall()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                jobs, nap_ms = await self._choose()
                for job in jobs:
                    self._running[job.name] = job
                    tasks.create_task(self._work(job))
                # What was passed over waits for a lane or a free hand, which wake us, or for its time.
                await self._nap(nap_ms)

    async def estimate_ms(self, more: Mapping[Limiter, int] | None = None) -> tuple[int, int]:
        """Tell how many things wait and about how long they and what follows from them will take.

        Args:
            more: what is known to follow; if None, each declared room that is still to be made is followed by its link,
                its norms and their pin.

        Looks that turn out to need no writing are free: how many of them do is judged by those before.
        """
        await self._recall()
        rows, items = await self._store.run(_all)
        counts: dict[Limiter, int] = dict(more or {})
        declared = 0
        for row in rows:
            limiter = _limiter(row)
            if limiter is not None:
                counts[limiter] = counts.get(limiter, 0) + 1
                if limiter is Limiter.CREATE:
                    declared += row.target[:1] != "@"
                    # Whom a direct room is for is asked in once it is there.
                    counts[Limiter.INVITE] = counts.get(Limiter.INVITE, 0) + (row.target[:1] == "@")
        counted = sum(_limiter_of(item) is not None for item in items)
        counts[Limiter.MESSAGE] = counts.get(Limiter.MESSAGE, 0) + math.ceil(counted * self._wrote / self._looked)
        # To direct rooms comes nothing but their person, and the words that wait already.
        follow = AFTER_A_ROOM * declared / counts[Limiter.CREATE] if declared and more is None else 0
        return len(rows) + len(items), self._budget.estimate_ms(counts, self._clock.now_ms(), after_a_room=follow)

    @property
    def limited(self) -> bool:
        """Whether the server has ever told us to slow down."""
        return self._budget.learnt is not None

    # -- choosing ------------------------------------------------------------------------------------------------------

    async def _choose(self) -> tuple[list[Job], int]:
        if len(self._running) == HANDS:
            return [], LONGEST_NAP_MS
        now_ms = self._clock.now_ms()
        if self._heard_ms is None or not 0 <= now_ms - self._heard_ms < LOOK_AGAIN_MS:
            self._heard_ms = now_ms
            await self._store.run(claims.mark_unheard, now_ms)
        rows, items, next_ms = await self._store.run(_look, now_ms)
        nap_ms = LONGEST_NAP_MS if next_ms is None else max(0, next_ms - now_ms)
        candidates = [self._job_of_row(row, now_ms) for row in rows]
        for item in items:
            job = self._job_of_item(item)
            wait_ms = self._item_retry_ms.get(job.name, 0) - now_ms
            if 0 < wait_ms <= LONGEST_ITEM_WAIT_MS:  # else the clock was set back
                nap_ms = min(nap_ms, wait_ms)
            else:
                candidates.append(job)
        candidates.sort(key=lambda job: job.priority)
        chosen: list[Job] = []
        for job in candidates:
            if not self._has_hand(job, chosen):
                continue
            if job.limiter is not None:
                wait_ms = self._budget.wait_ms(job.limiter, job.priority, now_ms)
                if wait_ms > 0:
                    nap_ms = min(nap_ms, wait_ms)
                    continue
                self._budget.spend(job.limiter, now_ms)
            chosen.append(job)
        return chosen, nap_ms

    def _has_hand(self, job: Job, chosen: list[Job]) -> bool:
        """Tell whether there is a hand for a job beside what is carried and chosen already."""
        busy = [*self._running.values(), *chosen]
        if len(busy) >= (HANDS if job.priority is Priority.SAFETY else HANDS - KEPT_FOR_SAFETY):
            return False
        if any(other.name == job.name or (job.lane and other.lane == job.lane) for other in busy):
            return False
        return not job.place or sum(other.place == job.place for other in busy) < HANDS_A_PLACE

    def _job_of_row(self, row: Waiting, now_ms: int) -> Job:
        expired = row.expires_ms is not None and row.expires_ms <= now_ms
        return Job(
            name=row.cause,
            # What has expired is only written down, and removals need no order.
            lane="" if expired or row.kind == "redact" else row.lane,
            place=row.room or ("making" if row.kind == "create" else ""),
            priority=row.priority,
            limiter=None if expired else _limiter(row),
            carry=lambda: self._carrier.carry(row),
            row=row,
        )

    def _job_of_item(self, item: Unsettled) -> Job:
        return Job(
            name=f"state {item.room} {item.type} {item.key}",
            lane=f"state {item.room}",
            place=item.room,
            priority=item.priority,
            limiter=_limiter_of(item),
            carry=lambda: self._carrier.settle(item),
            item=item,
        )

    # -- carrying ------------------------------------------------------------------------------------------------------

    async def _work(self, job: Job) -> None:
        try:
            spent = await job.carry()
            self._count(job, spent=spent)
            if job.item is not None and job.limiter is not None:
                self._looked, self._wrote = self._looked + 1, self._wrote + spent
            self._item_retry_ms.pop(job.name, None)
            self._item_failures.pop(job.name, None)
        except UnknownToken:
            raise
        except RateLimited as error:
            await self._slow_down(job, error)
        except NotYet as error:
            self._count(job, spent=False)
            await self._later(job, error.wait_ms, failed=False)
        except Retryable as error:
            # What a room is to be is tried every eight seconds at least; the rest may have to wait for minutes.
            tries = min(self._item_failures[job.name], 3) if job.row is None else job.row.tries
            if job.row is None:
                self._item_failures[job.name] += 1
            longest_ms = LONGEST_SAFETY_BACKOFF_MS if job.priority is Priority.SAFETY else LONGEST_BACKOFF_MS
            backoff_ms = min(longest_ms, SECOND_MS * 2 ** min(tries, 10))
            log.warning("not delivered yet", what=_kind(job), why=str(error), tries=tries + 1)
            await self._later(job, round(backoff_ms * self._rng.uniform(0.75, 1.25)), failed=True)
        except NeverWorks as error:
            self._count(job, spent=False)  # what is forbidden is not counted
            await self._carrier.refuse(job.row, job.item, error)
        except StoreError:
            raise
        except Exception as error:
            # A fault of ours in one thing must not keep all others from going out.
            log.exception("could not be carried out", what=_kind(job), kind=type(error).__name__)
            await self._later(job, LONGEST_BACKOFF_MS, failed=True)
        finally:
            del self._running[job.name]
            self._wake.set()
        await self._keep_free()

    async def _later(self, job: Job, wait_ms: int, *, failed: bool) -> None:
        until_ms = self._clock.now_ms() + wait_ms
        if job.row is not None:
            await self._store.run(outbox.note_failure, job.row.cause, until_ms, failed=failed)
        else:
            self._item_retry_ms[job.name] = min(until_ms, self._clock.now_ms() + LONGEST_ITEM_WAIT_MS)

    def _count(self, job: Job, *, spent: bool) -> None:
        if job.limiter is not None:
            (self._budget.succeeded if spent else self._budget.unspent)(job.limiter, self._clock.now_ms())

    async def _slow_down(self, job: Job, error: RateLimited) -> None:
        if job.limiter is not None:
            self._budget.refused(job.limiter, error.retry_after_ms, self._clock.now_ms())
        if job.limiter in {None, Limiter.INVITE, Limiter.JOIN}:
            # It may be about this person or room alone: this row waits, the others need not.
            asked_ms = LEAST_WAIT_MS if error.retry_after_ms is None else error.retry_after_ms
            await self._later(job, min(asked_ms, LONGEST_RETRY_MS), failed=False)
        learnt = self._budget.learnt
        if learnt is not None:
            await self._store.run(keep_limits, Limits(learnt.burst, learnt.per_hour, learnt.learnt_ms))
        learnt = self._budget.learnt_of_rooms
        if learnt is not None:
            kept = Limits(learnt.burst, learnt.per_hour, learnt.learnt_ms)
            await self._store.run(keep_pace, Limiter.CREATE, kept)

    async def _recall(self) -> None:
        """Take up, once, what an earlier run found out beside the limit on messages."""
        if not self._recalled:
            self._recalled = True
            rooms, self._free = await self._store.run(_kept)
            self._budget.recall(rooms, self._free)

    async def _keep_free(self) -> None:
        """Remember what turned out to have no limit, or to have one after all."""
        free = self._budget.free
        if free != self._free:
            self._free = free
            await self._store.run(_keep_free, free, self._clock.now_ms())

    async def _nap(self, nap_ms: int) -> None:
        try:
            async with asyncio.timeout(min(nap_ms, LONGEST_NAP_MS) / 1000):
                await self._wake.wait()
        except TimeoutError:
            pass


def _kind(job: Job) -> str:
    return job.row.kind if job.row is not None else "state"


def _limiter(row: Waiting) -> Limiter | None:
    match row.kind:
        case "amend" | "devices" | "recall":
            return None
        case "create":
            return Limiter.CREATE
        case "member" if row.payload.get("membership") == "invite":
            return Limiter.INVITE
        case "enter":
            return Limiter.JOIN
        case "member" if row.payload.get("membership") == "join":
            return Limiter.JOIN
        case _:
            return Limiter.MESSAGE


def _limiter_of(item: Unsettled) -> Limiter | None:
    return None if item.type in PSEUDO else Limiter.MESSAGE  # servers count neither aliases nor listings


def _look(tx: Tx, now_ms: int) -> tuple[list[Waiting], list[Unsettled], int | None]:
    return ready(tx, now_ms), claims.unsettled(tx), next_retry_ms(tx, now_ms)


def _kept(tx: Tx) -> tuple[Learnt | None, frozenset[Limiter]]:
    rooms = kept_pace(tx, Limiter.CREATE)
    free = frozenset(limiter for limiter in Limiter if kept_pace(tx, _FREE + limiter) is not None)
    return None if rooms is None else Learnt(rooms.burst, rooms.per_hour, rooms.learnt_ms), free


def _keep_free(tx: Tx, free: frozenset[Limiter], now_ms: int) -> None:
    for limiter in Limiter:
        drop_pace(tx, _FREE + limiter)
        if limiter in free:
            keep_pace(tx, _FREE + limiter, Limits(0, 0, now_ms))


def _all(tx: Tx) -> tuple[list[Waiting], list[Unsettled]]:
    return outbox.waiting(tx), claims.unsettled(tx)
