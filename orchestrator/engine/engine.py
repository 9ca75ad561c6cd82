"""The engine's asynchronous face: it runs the transactions, and tells the others after each commit.

Nothing here decides anything; that is ``intake`` and the crafts. Nothing here sends anything; that is ``matrix/delivery``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

import structlog

from orchestrator import failpoints
from orchestrator.documents.declared import Documents
from orchestrator.model.batch import SyncBatch
from orchestrator.model.clock import MINUTE_MS, Clock
from orchestrator.model.effects import Outcome
from orchestrator.model.events import Event, Member, Message, State, Unreadable
from orchestrator.model.feature import Feature, Now, Roster, Tx
from orchestrator.model.ids import Cause, EventId, RoomId, UserId
from orchestrator.model.windows import Windows
from orchestrator.store import AccountStore, audits, bindings, claims, ingest, outbox, questions, timers
from orchestrator.store.ready import anything_waits

from .audit import Differences
from .commands import Commands, by_craft
from .intake import Intake, Taken, Turn

log = structlog.get_logger("engine")

LONGEST_NAP_MS = 60_000
"""Timers are looked at least this often, so that a clock that was set forward is noticed."""

SET_BACK_MS: Final = 5 * MINUTE_MS
"""A clock that was set back by more than this is looked at as a start is: everything is settled anew."""

REST: Final = 4
"""Settling again and again takes at most one part in so many, and one, of the time, as long as rooms are made."""

LONGEST_REST_S: Final = 5.0


class Engine:
    """Takes in what happened and records what follows, for one account.

    Args:
        store: the account's rows.
        clock: tells the time.
        me: the bot's own user id.
    """

    def __init__(self, store: AccountStore, clock: Clock, me: UserId) -> None:
        self._store = store
        self._clock = clock
        self._me = me
        self._windows = Windows()
        self._intake: Intake | None = None
        self._commit = asyncio.Lock()
        self._followers: list[Callable[[Taken], None]] = []
        self._due_ms: int | None = None
        self._due_changed = asyncio.Event()
        self._staff: frozenset[UserId] = frozenset()
        self.settled_once = False
        self._kept_settled = False
        self._stale = asyncio.Event()
        self._all_made = asyncio.Event()

    def use(self, documents: Documents, crafts: Sequence[Feature], roster: Roster) -> None:
        """Work with these documents and crafts from now on; call ``settle`` afterwards."""
        commands = Commands(documents, roster, by_craft({craft.name: craft.commands for craft in crafts}))
        self._staff = frozenset({self._me}).union(*(community.staff() for community in documents.communities))
        self._intake = Intake(documents, crafts, commands, self._me)

    def follow(self, follower: Callable[[Taken], None]) -> None:
        """Be told after every commit what it led to."""
        self._followers.append(follower)

    async def take(self, batch: SyncBatch, *, catching_up: bool) -> None:
        """Take in one answer of /sync."""

        def work(intake: Intake, turn: Turn) -> None:
            intake.take(turn, batch, catching_up=catching_up)
            failpoints.pass_by("engine.before_commit")

        taken = await self._transact(work)
        failpoints.pass_by("engine.after_commit")
        await self._follow_up(taken)

    async def take_page(
        self, events: Sequence[Event], finish: Callable[[Tx], None], *, closes: RoomId | None = None
    ) -> None:
        """Take in a page of a gap, oldest first; ``finish`` notes in the same transaction how far it was read.

        ``closes``: the room whose gap that may close.
        """

        def work(intake: Intake, turn: Turn) -> None:
            for event in events:
                intake.take_page_event(turn, event)
            finish(turn.tx)
            if closes is not None and ingest.gap_in(turn.tx, closes) is None:
                turn.taken.filled.add(closes)
            failpoints.pass_by("gap.before_page_commit")

        taken = await self._transact(work)
        failpoints.pass_by("gap.after_page_commit")
        await self._follow_up(taken)

    async def take_past(self, events: Sequence[Event]) -> None:
        """Take in what came late and stands further back."""

        def work(intake: Intake, turn: Turn) -> None:
            for event in events:
                intake.take_past_event(turn, event)

        await self._transact(work)

    async def take_late(self, event: Event) -> None:
        """Take in an event that can be read at last."""
        await self._transact(lambda intake, turn: intake.take_late_event(turn, event))

    async def recall(self, room: RoomId, ours: Sequence[Message | Unreadable]) -> None:
        """Take in what the bot itself said and is pinned in a room that was found again after its memory was lost."""
        await self._transact(lambda intake, turn: intake.recall(turn, room, ours))

    async def rooms_to_read(self) -> list[RoomId]:
        """List the rooms that are not ours and that a craft wants to read."""
        wanted: list[RoomId] = []
        await self._transact(lambda intake, turn: wanted.extend(intake.to_read(turn)))
        return wanted

    async def read_whole(self, room: RoomId, state: Sequence[State]) -> None:
        """Take in all that a room which is not ours says."""
        await self._transact(lambda intake, turn: intake.read_whole(turn, room, state))

    async def rooms_to_audit(self) -> tuple[int, list[RoomId]]:
        """Tell how many rooms are ours, and which of them are to be read whole, longest waiting first."""
        return await self._store.run(_to_audit, self._clock.now_ms())

    async def audit(
        self, room: RoomId, events: Sequence[State | Member], known: Differences | None, since_ms: int
    ) -> Differences:
        """Take in what differs in a room of ours as it did at a first look; returns what is to be looked at again."""
        found: Differences = {}

        def work(intake: Intake, turn: Turn) -> None:
            nonlocal found
            found = intake.audit.take(turn, room, events, known, since_ms)

        await self._follow_up(await self._transact(work))
        return found

    async def settle(self) -> None:
        """Bring everything in line with the documents, until nothing more follows from it."""
        self.settled_once = True
        while (await self._transact(lambda intake, turn: intake.settle(turn))).settle:
            pass

    def settle_soon(self) -> None:
        """Have everything brought in line by whoever keeps it so."""
        self._stale.set()

    async def keep_settled(self) -> None:
        """Bring everything in line whenever something came to exist, for ever; meanwhile nobody else waits for it.

        Settling looks at every room. So that many rooms that are made one after the other do not have all of them looked at
        for each, it rests after each time for a few times as long as it took, or until nothing is left to be made. What is
        cut short by a crash is made up for by the start that follows, which settles first.
        """
        self._kept_settled = True
        try:
            while True:
                await self._stale.wait()
                self._stale.clear()
                began_s = asyncio.get_running_loop().time()
                await self.settle()
                rest_s = min(LONGEST_REST_S, REST * (asyncio.get_running_loop().time() - began_s))
                with suppress(TimeoutError):
                    async with asyncio.timeout(rest_s):
                        await self._all_made.wait()
        finally:
            self._kept_settled = False

    async def _follow_up(self, taken: Taken) -> None:
        if not taken.settle or not self.settled_once:
            return
        if self._kept_settled:
            self._stale.set()
        else:
            await self.settle()

    async def confirm(
        self,
        cause: Cause,
        outcome: Outcome,
        *,
        event: EventId | None = None,
        room: RoomId | None = None,
        errcode: str = "",
        words: str = "",
    ) -> None:
        """Note what became of an effect; its craft hears of it in the same transaction."""
        taken = await self._transact(
            lambda intake, turn: intake.confirm(
                turn, cause, outcome, event=event, room=room, errcode=errcode, words=words
            )
        )
        await self._follow_up(taken)

    async def warm(self, room: RoomId, marks: Sequence[tuple[int, str]], since_ms: int) -> None:
        """Tell what was said lately in a room before we started; only times and ids, only in memory."""
        key, now_ms = ("spoke", room), self._clock.now_ms()
        async with self._commit:  # so that nothing is published of what a transaction has only staged
            heard = set(self._windows.since(key, since_ms))
            for at_ms, who in marks:
                # As for what is heard live: a server whose clock is ahead must not make a room look talkative for days.
                mark = (min(at_ms, now_ms), who)
                if mark not in heard:  # sync may have brought it, too
                    self._windows.stage(key, *mark)
            self._windows.publish()
            self._windows.known_since_ms[key] = since_ms

    def know_names(self, names: Mapping[UserId, str]) -> None:
        """Tell under which names people were in a room when we started; those of staff are kept, only in memory.

        What was heard since is newer, and stays.
        """
        for user in self._staff & names.keys():
            self._windows.called.setdefault(user, names[user])

    async def run_timers(self) -> None:
        """Run timers when they fall due, for ever."""
        # Later on each of our transactions tells; nobody else sets a timer or an end.
        self._due_ms = await self._store.run(_next_ms)
        latest_ms = self._clock.now_ms()
        while True:
            self._due_changed.clear()
            now_ms = self._clock.now_ms()
            if now_ms < latest_ms - SET_BACK_MS:
                await self.settle()  # what a clock that ran ahead has set is not to wait for that time
            latest_ms = now_ms
            if self._due_ms is not None and self._due_ms <= now_ms:
                await self._transact(_take_due)
                failpoints.pass_by("timers.after_commit")
                continue
            nap_ms = LONGEST_NAP_MS if self._due_ms is None else min(LONGEST_NAP_MS, self._due_ms - now_ms)
            try:
                async with asyncio.timeout(nap_ms / 1000):
                    await self._due_changed.wait()
            except TimeoutError:
                self._windows.sweep(self._clock.now_ms())

    def moment(self) -> Now:
        """Tell this moment, as a decision sees it."""
        return Now(at_ms=self._clock.now_ms(), me=self._me, windows=self._windows)

    async def _transact(self, fn: Callable[[Intake, Turn], None]) -> Taken:
        if self._intake is None:
            raise RuntimeError("use() comes first")
        intake = self._intake
        # One at a time: what a transaction stages in the windows is published with it, not with its neighbour.
        async with self._commit:
            now = self.moment()

            def work(tx: Tx) -> tuple[Taken, int | None]:
                turn = Turn(tx, now)
                fn(intake, turn)
                turn.taken.waiting = anything_waits(tx)
                turn.taken.making = turn.taken.waiting and outbox.is_making(tx)
                return turn.taken, _next_ms(tx)

            try:
                taken, due_ms = await self._store.run(work)
            except BaseException:
                self._windows.discard()
                raise
            self._windows.publish()
        (self._all_made.clear if taken.making else self._all_made.set)()
        for follower in self._followers:
            follower(taken)
        if due_ms != self._due_ms:
            self._due_ms = due_ms
            self._due_changed.set()
        return taken


def _next_ms(tx: Tx) -> int | None:
    ends = (timers.next_due_ms(tx), claims.next_claim_end_ms(tx), questions.next_due_ms(tx))
    return min((at for at in ends if at is not None), default=None)


def _to_audit(tx: Tx, now_ms: int) -> tuple[int, list[RoomId]]:
    return len(bindings.bindings(tx)), audits.due(tx, now_ms)


def _take_due(intake: Intake, turn: Turn) -> None:
    intake.take_due(turn)
    failpoints.pass_by("timers.before_commit")
