"""Takes what waits, most urgent first, within what the server allows, and carries each thing out exactly once.

One loop chooses, a few tasks carry. Things that must keep their order share a lane: what is said in one room, what is
written to one room's state, what concerns one person. A removal has no lane: it waits for nothing.

Before anything leaves, the row is marked as tried; afterwards it is confirmed by the answer or by the echo, whichever is
first. Between the two a crash leaves a tried row, and ``carrying`` knows for each kind how to find out what happened.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from orchestrator import failpoints
from orchestrator.errors import Final as NeverWorks
from orchestrator.errors import RateLimited, Retryable, StoreError, UnknownToken
from orchestrator.model.clock import MINUTE_MS, SECOND_MS, Clock
from orchestrator.model.effects import Priority
from orchestrator.model.feature import Tx
from orchestrator.model.ids import shorten
from orchestrator.store import AccountStore, claims, outbox
from orchestrator.store.claims import Unsettled
from orchestrator.store.limits import Limits, keep_limits
from orchestrator.store.outbox import Waiting

from .budget import Budget, Limiter
from .carrying import Carrier
from .making import NotYet

log = structlog.get_logger("delivery")

AT_ONCE: Final = 8
LOOK_AT: Final = 64
LONGEST_NAP_MS: Final = 30 * SECOND_MS
LEAST_WAIT_MS: Final = 2 * SECOND_MS
LONGEST_BACKOFF_MS: Final = 5 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Job:
    """Something that can be carried now."""

    name: str
    lane: str
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
        device: our device; a row tried by another needs proof before it is tried again.
    """

    def __init__(  # what it works with
        self, store: AccountStore, carrier: Carrier, budget: Budget, clock: Clock, rng: random.Random, device: str
    ) -> None:
        self._store = store
        self._carrier = carrier
        self._budget = budget
        self._clock = clock
        self._rng = rng
        self._device = device
        self._wake = asyncio.Event()
        self._running: dict[str, str] = {}
        self._item_retry_ms: dict[str, int] = {}

    def wake(self) -> None:
        """Say that something new may wait."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver, for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                jobs, nap_ms = await self._choose()
                for job in jobs:
                    self._running[job.name] = job.lane
                    tasks.create_task(self._work(job))
                # What was passed over waits for a lane or a free hand, which wake us, or for its time.
                await self._nap(nap_ms)

    async def estimate_ms(self) -> tuple[int, int]:
        """Tell how many things wait and about how long they will take."""
        rows, items = await self._store.run(_all)
        counts: dict[Limiter, int] = {}
        for row in rows:
            limiter = _limiter(row)
            if limiter is not None:
                counts[limiter] = counts.get(limiter, 0) + 1
        counts[Limiter.MESSAGE] = counts.get(Limiter.MESSAGE, 0) + len(items)
        return len(rows) + len(items), self._budget.estimate_ms(counts, self._clock.now_ms())

    @property
    def limited(self) -> bool:
        """Whether the server has ever told us to slow down."""
        return self._budget.learnt is not None

    # -- choosing ------------------------------------------------------------------------------------------------------

    async def _choose(self) -> tuple[list[Job], int]:
        free = AT_ONCE - len(self._running)
        if free <= 0:
            return [], LONGEST_NAP_MS
        now_ms = self._clock.now_ms()
        rows, items, next_ms = await self._store.run(_look, now_ms)
        nap_ms = LONGEST_NAP_MS if next_ms is None else max(0, next_ms - now_ms)
        candidates = [self._job_of_row(row) for row in rows]
        for item in items:
            job = self._job_of_item(item)
            retry_ms = self._item_retry_ms.get(job.name, 0)
            if retry_ms > now_ms:
                nap_ms = min(nap_ms, retry_ms - now_ms)
            else:
                candidates.append(job)
        candidates.sort(key=lambda job: job.priority)
        chosen: list[Job] = []
        lanes = set(self._running.values())
        for job in candidates:
            if len(chosen) == free:
                break
            if job.name in self._running or (job.lane and job.lane in lanes):
                continue
            if job.limiter is not None:
                wait_ms = self._budget.wait_ms(job.limiter, job.priority, now_ms)
                if wait_ms > 0:
                    nap_ms = min(nap_ms, wait_ms)
                    continue
                self._budget.spend(job.limiter, now_ms)
            chosen.append(job)
            lanes.add(job.lane)
        gone = await self._store.run(_note_tries, [job.row for job in chosen if job.row], self._device, now_ms)
        failpoints.pass_by("delivery.claimed")
        for job in (job for job in chosen if job.name in gone):
            self._count(job, spent=False)
        return [job for job in chosen if job.name not in gone], nap_ms

    def _job_of_row(self, row: Waiting) -> Job:
        return Job(row.cause, _lane(row), row.priority, _limiter(row), lambda: self._carrier.carry(row), row=row)

    def _job_of_item(self, item: Unsettled) -> Job:
        name = f"state {item.room} {item.type} {item.key}"
        return Job(
            name, f"state {item.room}", item.priority, Limiter.MESSAGE, lambda: self._carrier.settle(item), item=item
        )

    # -- carrying ------------------------------------------------------------------------------------------------------

    async def _work(self, job: Job) -> None:
        try:
            spent = await job.carry()
            self._count(job, spent=spent)
            self._item_retry_ms.pop(job.name, None)
        except UnknownToken:
            raise
        except RateLimited as error:
            await self._slow_down(job, error)
        except NotYet as error:
            self._count(job, spent=False)
            await self._later(job, error.wait_ms, failed=False)
        except Retryable as error:
            tries = job.row.tries if job.row is not None else 3
            backoff_ms = min(LONGEST_BACKOFF_MS, SECOND_MS * 2 ** min(tries, 10))
            log.warning("not delivered yet", what=job.lane.partition(" ")[0], why=str(error), tries=tries + 1)
            await self._later(job, round(backoff_ms * self._rng.uniform(0.75, 1.25)), failed=True)
        except NeverWorks as error:
            self._count(job, spent=False)  # what is forbidden is not counted
            await self._carrier.refuse(job.row, job.item, error)
        except StoreError:
            raise
        except Exception as error:
            # A fault of ours in one thing must not keep all others from going out.
            log.exception("could not be carried out", what=job.lane.partition(" ")[0], kind=type(error).__name__)
            await self._later(job, LONGEST_BACKOFF_MS, failed=True)
        finally:
            del self._running[job.name]
            self._wake.set()

    async def _later(self, job: Job, wait_ms: int, *, failed: bool) -> None:
        until_ms = self._clock.now_ms() + wait_ms
        if job.row is not None:
            await self._store.run(outbox.note_failure, job.row.cause, until_ms, failed=failed)
        else:
            self._item_retry_ms[job.name] = until_ms

    def _count(self, job: Job, *, spent: bool) -> None:
        if job.limiter is not None:
            (self._budget.succeeded if spent else self._budget.unspent)(job.limiter, self._clock.now_ms())

    async def _slow_down(self, job: Job, error: RateLimited) -> None:
        if job.limiter is not None:
            self._budget.refused(job.limiter, error.retry_after_ms, self._clock.now_ms())
        if job.limiter in {Limiter.INVITE, Limiter.JOIN}:
            # It may be about this person or room alone: this row waits, the others need not.
            await self._later(job, error.retry_after_ms or LEAST_WAIT_MS, failed=False)
        learnt = self._budget.learnt
        if learnt is not None:
            await self._store.run(keep_limits, Limits(learnt.burst, learnt.per_hour, learnt.learnt_ms))

    async def _nap(self, nap_ms: int) -> None:
        try:
            async with asyncio.timeout(min(nap_ms, LONGEST_NAP_MS) / 1000):
                await self._wake.wait()
        except TimeoutError:
            pass


def _lane(row: Waiting) -> str:
    match row.kind:
        case "redact":
            return ""
        case "create":
            return "create"
        case "amend":
            return "amend"
        case "member":
            return f"member {row.room} {shorten(row.target)}"
        case _:
            return f"say {row.room or row.target}"


def _limiter(row: Waiting) -> Limiter | None:
    match row.kind:
        case "amend":
            return None
        case "create":
            return Limiter.CREATE
        case "member" if row.payload.get("membership") == "invite":
            return Limiter.INVITE
        case "member" if row.payload.get("membership") == "join":
            return Limiter.JOIN
        case _:
            return Limiter.MESSAGE


def _look(tx: Tx, now_ms: int) -> tuple[list[Waiting], list[Unsettled], int | None]:
    return outbox.ready(tx, now_ms, LOOK_AT), claims.unsettled(tx), outbox.next_retry_ms(tx, now_ms)


def _all(tx: Tx) -> tuple[list[Waiting], list[Unsettled]]:
    return outbox.waiting(tx), claims.unsettled(tx)


def _note_tries(tx: Tx, rows: list[Waiting], device: str, now_ms: int) -> set[str]:
    """Mark rows as tried; tells which are gone, because a newer one took their place since we looked.

    A private word without a room does not leave yet, and may still be merged; it is marked when it has one.
    """
    leaving = [row for row in rows if row.kind != "direct" or row.room is not None]
    return {row.cause for row in leaving if not outbox.note_try(tx, row.cause, device, now_ms)}
