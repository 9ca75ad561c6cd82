"""Orders carried out by the bot at work, and watched until they are done."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Final

from orchestrator import control
from orchestrator.adopting import begin_upgrade
from orchestrator.documents.declared import Community
from orchestrator.errors import MatrixError, SetupError
from orchestrator.i18n import _
from orchestrator.matrix.budget import Limiter
from orchestrator.matrix.reading import Reader
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import AccountKey, Json, JsonObject, RoomKey
from orchestrator.planning import Whole, digest_of, fetch, plan_whole
from orchestrator.rooms import Applied, Change, Choices, Left, StalePlan, State, apply_community
from orchestrator.rooms import plan_community as plan_rows

from .counting import following, remaining
from .order import Order
from .outcome import missing, told, why_not

if TYPE_CHECKING:
    from orchestrator.app import App
    from orchestrator.keeper import Keeper

KNOCK_S: Final = 10.0
STALL_S: Final = 60.0
"""After how long without any progress it is said what is still missing, instead of waiting on."""


@dataclass(slots=True)
class Ticket:
    """Changes on their way.

    Attributes:
        todo: by community, what was applied.
        total: how many things there were to do at the start.
        least: how few were ever left, and since when (by the loop's clock).
    """

    todo: Sequence[tuple[Community, Applied]]
    total: int = 0
    least: int = 0
    since_s: float = 0.0


class Changing:
    """Applies what is asked for, and tells how far it has come.

    Args:
        app: at work.
        stall_s: after how long without progress it stops waiting; may be changed at any time.
    """

    def __init__(self, app: App, *, stall_s: float = STALL_S) -> None:
        self._app = app
        self.stall_s = stall_s
        self._tickets: dict[str, Ticket] = {}
        self._numbers = count(1)

    @property
    def verbs(self) -> Mapping[str, control.Verb]:
        """What can be asked for through the socket."""
        return {"apply": lambda request: self.apply(Order.of(request)), "progress": self._progress}

    async def _progress(self, request: JsonObject) -> JsonObject:
        return await self.progress(str(request.get("ticket")))

    async def apply(self, order: Order) -> JsonObject:
        """Read the files again, plan, and apply if it is still the plan that was shown.

        Raises:
            DocumentErrors: the files are broken; nothing was done.
            StalePlan: the plan is another one by now; nothing was done.
        """
        for keeper in self._app.keepers.values():
            await keeper.begun.wait()
        async with self._app.documents_read() as loaded:
            chosen = [
                c for c in loaded.documents.communities if order.communities is None or c.key in order.communities
            ]
            plans = [await self._plan(community) for community in chosen]
            digest = digest_of(whole.plan for whole in plans)
            if order.digest is not None and order.digest != digest:
                raise StalePlan(
                    _("Something has changed since this plan was made, so nothing was done. Please look again.")
                )
            todo = [(whole.community, await self._apply(whole, order)) for whole in plans]
        # Only now do the crafts work with what was read: nothing of it was made before it was looked at.
        for keeper in self._app.keepers.values():
            await keeper.engine.settle()
            keeper.delivery.wake()
        ticket, name = Ticket(todo), str(next(self._numbers))
        ticket.total = ticket.least = (await self._left(ticket))[0]
        ticket.since_s = asyncio.get_running_loop().time()
        self._tickets = {**dict(list(self._tickets.items())[-7:]), name: ticket}
        return {
            "ticket": name,
            "digest": digest,
            "total": ticket.total,
            "estimate_ms": await self._estimate_ms(ticket),
            "communities": [
                {"community": community.key, **told(applied, order.choices_for(community.key).only)}
                for community, applied in todo
            ],
        }

    async def differences(self, community: Community) -> Sequence[Change]:
        """List what differs in a community now."""
        return (await self._plan(community)).plan.differences

    async def progress(self, name: str) -> JsonObject:
        """Tell how far it has come with a ticket, and, at its end, what could not be done.

        Raises:
            SetupError: there is no such ticket (any more).
        """
        ticket = self._tickets.get(name)
        if ticket is None:
            raise SetupError(_("Nothing is known of that any more. Look at the plan to see what is left."))
        (left, later), now_s = await self._left(ticket), asyncio.get_running_loop().time()
        if left == later > 0:
            # What follows comes into the rows when the crafts have looked again; what does not by then will not come.
            for keeper in self._keepers(ticket):
                await keeper.engine.settle()
            left, later = await self._left(ticket)
        if left != ticket.least:
            ticket.least, ticket.since_s = left, now_s
            ticket.total = max(ticket.total, left)
        idle_s = now_s - ticket.since_s
        estimate_ms = await self._estimate_ms(ticket)
        # What the server's limits ask us to wait for is no stall.
        stalled = idle_s > self.stall_s + 2 * estimate_ms / 1000
        over = left == later or stalled
        return {
            "total": ticket.total,
            "left": 0 if left == later else left,
            "estimate_ms": estimate_ms,
            "reachable": idle_s < KNOCK_S or over or await self._answers(ticket),
            "finished": over,
            "failed": await self._failed(ticket) if over else [],
        }

    async def _plan(self, community: Community) -> Whole:
        keeper = self._keeper(community)

        async def reader() -> Reader:
            return keeper.reader

        return await plan_whole(self._app.store.of(community.account), community, keeper.me, reader)

    async def _apply(self, whole: Whole, order: Order) -> Applied:
        community, choices = whole.community, order.choices_for(whole.community.key)
        now = self._keeper(community).engine.moment()
        try:
            return await self._app.store.of(community.account).run(_apply, community, now, whole, choices)
        except StalePlan as stale:
            # Between the look and the transaction somebody was quicker; the other communities are not held up by it.
            return Applied(plan=whole.plan, left=tuple(Left(c, stale.message) for c in whole.plan.differences))

    def _keepers(self, ticket: Ticket) -> list[Keeper]:
        return [
            self._app.keepers[key] for key in dict.fromkeys(community.account for community, _applied in ticket.todo)
        ]

    def _keeper(self, community: Community) -> Keeper:
        keeper = self._app.keepers.get(community.account)
        if keeper is None:
            raise SetupError(
                f"The account of {community.name} was added since the bot was started. Start the bot again first."
            )
        return keeper

    async def _left(self, ticket: Ticket) -> tuple[int, int]:
        """Count what is still to be done, and how much of it follows from something that is not done yet."""
        left = later = 0
        for community, applied in ticket.todo:
            rows = self._app.store.of(community.account)
            left += await rows.run(remaining, community, frozenset(slot.room for slot in applied.slots))
            later += sum((await rows.run(following, community)).values())
        return left + later, later

    async def _estimate_ms(self, ticket: Ticket) -> int:
        more: dict[AccountKey, dict[Limiter, int]] = {}
        for community, _applied in ticket.todo:
            counts = more.setdefault(community.account, {})
            for limiter, calls in (await self._app.store.of(community.account).run(following, community)).items():
                counts[limiter] = counts.get(limiter, 0) + calls
        estimates = [(await self._app.keepers[key].delivery.estimate_ms(calls))[1] for key, calls in more.items()]
        return max(estimates, default=0)

    async def _answers(self, ticket: Ticket) -> bool:
        for community, _applied in ticket.todo:
            try:
                await self._keeper(community).reader.joined_rooms()
            except MatrixError:
                return False
        return True

    async def _failed(self, ticket: Ticket) -> list[Json]:
        """Look whether what was done is there now, and say what is not."""
        failed: list[Json] = []
        for community, applied in ticket.todo:
            rows, keeper = self._app.store.of(community.account), self._keeper(community)
            absent = missing(applied, (await rows.run(plan_rows, community, keeper.me)).changes)
            slots = {change.slot for change in absent.values() if change.slot is not None}
            if slots:  # sync may not have told yet what was written a moment ago
                try:
                    fetched, blind = await fetch(keeper.reader, slots)
                except MatrixError:
                    fetched, blind = {}, slots
                again = await rows.run(plan_rows, community, keeper.me, fetched, frozenset(blind))
                for _round in range(3):
                    if not again.needed:
                        break
                    more, dark = await fetch(keeper.reader, again.needed)
                    fetched |= more
                    blind |= dark
                    again = await rows.run(plan_rows, community, keeper.me, fetched, frozenset(blind))
                absent = missing(applied, again.changes)
            failed += [
                {
                    "community": community.key,
                    "room": change.room or "space",
                    "path": change.path,
                    "why": change.reason or why_not(change),
                }
                for change in absent.values()
            ]
        return failed


def _apply(tx: Tx, community: Community, now: Now, whole: Whole, choices: Choices) -> Applied:
    """Apply, and begin to replace the rooms that are to be: all of it, or nothing."""
    applied = apply_community(tx, community, now, whole.plan.digest, choices, whole.fetched, whole.unreadable)
    held: dict[RoomKey, str] = {}
    for key in applied.upgrades:
        room = community.room(key)
        if room is not None:
            held[key] = begin_upgrade(tx, community, room, now)
    missed = [change for change in applied.done if change.state is State.UPGRADE and held.get(change.room)]
    if not missed:
        return applied
    return replace(
        applied,
        done=tuple(change for change in applied.done if change not in missed),
        left=(*applied.left, *(Left(change, held[change.room]) for change in missed)),
    )
