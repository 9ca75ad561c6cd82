"""What would change, found out without changing anything: the rows are only read, and nothing but GETs leaves.

Beside a running bot the rows are as fresh as its /sync, so that a plan of a quiet community asks the homeserver nothing but
for words, which are not kept. Where no bot runs, or ``refresh`` is asked for, a copy of the rows in memory is brought up to
date from the rooms themselves and settled as a starting bot would settle it; so is an empty one where there is no data
(yet, or any more), and rooms that are there are found.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import aiohttp

from orchestrator import control
from orchestrator.crafts import Crafts, build_crafts
from orchestrator.credentials import credentials_of
from orchestrator.documents.authored import Account
from orchestrator.documents.declared import Community
from orchestrator.documents.lists import as_of
from orchestrator.documents.load import Loaded, load
from orchestrator.errors import MatrixError, SetupError, StoreError, UnknownToken, Unreachable
from orchestrator.i18n import use_locale
from orchestrator.matrix.gateway import Gateway
from orchestrator.matrix.history import LiveState
from orchestrator.matrix.reading import Reader, reading
from orchestrator.matrix.seal import Seal
from orchestrator.model.clock import Clock, SystemClock
from orchestrator.model.events import Member
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import LOCATOR_TYPE, JsonObject, RoomId, UserId
from orchestrator.model.things import PSEUDO
from orchestrator.rooms import Change, Plan, Slot, plan_community
from orchestrator.store import AccountStore, Store, bindings, mirror
from orchestrator.store.secrets import anything_sealed

AT_ONCE: Final = 8
"""How many questions are asked of a homeserver at the same time."""

ROUNDS: Final = 5
"""How often a plan may find that it has to know more."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A plan that needs nothing more, and what was read for it.

    Attributes:
        fetched, unreadable: as ``plan_community`` takes them, to plan the same again.
    """

    community: Community
    plan: Plan
    fetched: Mapping[Slot, JsonObject | None] = field(repr=False)
    unreadable: frozenset[Slot]


@dataclass(frozen=True, slots=True)
class Outlook:
    """The plans of all communities that were asked for."""

    plans: tuple[Whole, ...]

    @property
    def digest(self) -> str:
        """Name everything that differs: of one community the digest of its plan."""
        return digest_of(whole.plan for whole in self.plans)

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to do or to look at."""
        return all(whole.plan.is_empty for whole in self.plans)

    def changes(self, only: Collection[str] | None = None) -> list[tuple[Community, Change]]:
        """List what differs; ``only``: in these rooms, each as ``community/key``."""
        return [
            (whole.community, change)
            for whole in self.plans
            for change in whole.plan.differences
            if only is None or f"{whole.community.key}/{change.room}" in only
        ]


def digest_of(plans: Iterable[Plan]) -> str:
    """Name several plans by one digest."""
    named = [(plan.community, plan.digest) for plan in plans]
    if len(named) == 1:
        return named[0][1]
    return sha256("\n".join(" ".join(one) for one in named).encode()).hexdigest()[:16]


async def plan_whole(
    rows: AccountStore, community: Community, me: UserId, reader: Callable[[], Awaitable[Reader]]
) -> Whole:
    """Plan a community, and again with what it turns out to need.

    Args:
        rows: the account's; may be read-only.
        community: as declared.
        me: the bot.
        reader: asked for only when something has to be read.

    Raises:
        MatrixError: the homeserver cannot be asked.
    """
    fetched: dict[Slot, JsonObject | None] = {}
    unreadable: set[Slot] = set()
    for _ in range(ROUNDS):
        plan = await rows.run(plan_community, community, me, fetched, frozenset(unreadable))
        missing = plan.needed - fetched.keys() - unreadable
        if not plan.needed:
            return Whole(community, plan, fetched, frozenset(unreadable))
        if not missing:
            break
        more, blind = await fetch(await reader(), missing)
        fetched |= more
        unreadable |= blind
    raise SetupError("The rooms keep changing while they are looked at. Try again in a moment.")


async def fetch(reader: Reader, slots: Collection[Slot]) -> tuple[dict[Slot, JsonObject | None], set[Slot]]:
    """Read state as it is now, a few at a time: what was found (None: there is none), and what cannot be read.

    Raises:
        Unreachable: nobody answers.
        UnknownToken: we may not ask any more.
    """
    found: dict[Slot, JsonObject | None] = {}
    unreadable: set[Slot] = set()
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(slot: Slot) -> None:
        async with turn:
            try:
                live = await reader.state(*slot)
            except (Unreachable, UnknownToken):
                raise
            except MatrixError:  # one room that cannot be seen hides no other
                unreadable.add(slot)
            else:
                found[slot] = None if live is None else live.content

    await _all(one(slot) for slot in sorted(slots))
    return found, unreadable


class Onlooker:
    """Looks at the communities of one configuration.

    Args:
        loaded: the documents.
        store: read-only, or a copy in memory.
        fresh: the store is a copy that may be brought up to date.
    """

    def __init__(
        self,
        loaded: Loaded,
        store: Store,
        clock: Clock,
        environ: Mapping[str, str],
        stack: AsyncExitStack,
        *,
        fresh: bool,
    ) -> None:
        self.loaded = loaded
        self.fresh = fresh
        self._store = store
        self._clock = clock
        self._environ = environ
        self._stack = stack
        self._readers: dict[str, Reader] = {}
        self._opening = asyncio.Lock()

    def account(self, community: Community) -> Account:
        """Find the account that looks after a community."""
        return self.loaded.config.accounts[community.account]

    def rows(self, community: Community) -> AccountStore:
        """Find the rows of the account that looks after a community."""
        return self._store.of(community.account)

    async def reader(self, community: Community) -> Reader:
        """Read as the account that looks after a community; logs in only where no session is stored."""
        account = self.account(community)
        async with self._opening:
            if account.key not in self._readers:
                self._readers[account.key] = await self._open(account, self.rows(community))
        return self._readers[account.key]

    async def _open(self, account: Account, rows: AccountStore) -> Reader:
        http = await self._stack.enter_async_context(aiohttp.ClientSession())
        rng = random.Random()  # noqa: S311 - jitter, no secret
        gateway = Gateway(http, account.homeserver, self._clock, rng, read_only=True)
        sealed = await rows.run(anything_sealed)
        # Where nothing is sealed there is no session to open, and no key is to be made by who only looks.
        seal = Seal.load(account.secret_key_file, self._environ, in_use=True) if sealed else None
        credentials = credentials_of(account, self._environ)
        return await self._stack.enter_async_context(
            reading(gateway, account.user_id, credentials, store=rows if sealed else None, seal=seal)
        )

    async def plan(self, only: Collection[str] | None = None) -> Outlook:
        """Plan the communities; ``only``: those that these rooms (``community/key``) are of."""
        named = None if only is None else {name.partition("/")[0] for name in only}
        wanted = [c for c in self.loaded.documents.communities if named is None or c.key in named]
        plans = []
        for community in wanted:
            me = self.account(community).user_id

            async def reader(community: Community = community) -> Reader:
                return await self.reader(community)

            plans.append(await plan_whole(self.rows(community), community, me, reader))
        return Outlook(tuple(plans))

    async def refresh(self) -> None:
        """Bring the copy up to date from the rooms, and settle it as a starting bot would."""
        accounts = {community.account: community for community in self.loaded.documents.communities}
        for community in accounts.values():
            await refresh(
                self.rows(community),
                await self.reader(community),
                self.loaded.documents.of(community.account).communities,
            )
            me = self.account(community).user_id
            now = Now(at_ms=self._clock.now_ms(), me=me)
            crafts = build_crafts(as_of(self.loaded.documents.of(community.account), now.at_ms), me)
            await self.rows(community).run(_settle, crafts, now)


async def refresh(rows: AccountStore, reader: Reader, communities: Iterable[Community]) -> None:
    """Write the state of our rooms, as it is now, into a copy of the rows."""
    joined = await reader.joined_rooms()
    bound = {binding.room for binding in await rows.run(bindings.bindings)}
    declared = {(community.key, room.key) for community in communities for room in community.every_room()}
    known = {(binding.community, binding.key) for binding in await rows.run(bindings.bindings)}
    # Where everything is found already, other rooms are nobody's business.
    looked_at = sorted(bound & set(joined) if declared <= known else set(joined))
    turn = asyncio.Semaphore(AT_ONCE)
    found: dict[RoomId, Mapping[tuple[str, str], LiveState]] = {}

    async def one(room: RoomId) -> None:
        async with turn:
            try:
                found[room] = await reader.whole_state(room)
            except (Unreachable, UnknownToken):
                raise
            except MatrixError:
                return  # what cannot be seen stays as it was last known

    await _all(one(room) for room in looked_at)
    await rows.run(_see, found, frozenset(bound) - frozenset(joined))


def _see(tx: Tx, found: Mapping[RoomId, Mapping[tuple[str, str], LiveState]], lost: Collection[RoomId]) -> None:
    for room in lost:
        mirror.see_own_membership(tx, room, "leave")
        mirror.forget_room(tx, room)
    for room, state in found.items():
        see_room(tx, room, state)


def see_room(tx: Tx, room: RoomId, state: Mapping[tuple[str, str], LiveState]) -> None:
    """Write a room's whole state into a copy of the rows, as /sync would tell it."""
    mirror.see_own_membership(tx, room, "join")
    for type_ in PSEUDO:  # of these we only know what we wrote or read ourselves; somebody may have been there since
        tx.run("delete from state where account = :account and room = :room and type = :type", room=room, type=type_)
    # The event of the room's making says what its creators are, and a locator counts when all else is known.
    order = sorted(state, key=lambda place: (place[0] == LOCATOR_TYPE, place[0] != "m.room.create", place))
    for type_, key in order:
        live = state[type_, key]
        if type_ != "m.room.member":
            mirror.see_state(tx, room, type_, key, live.event, live.sender, live.content)
            continue
        membership = live.content.get("membership")
        if membership in {"invite", "join", "knock", "leave", "ban"}:
            seen = Member(
                room=room,
                id=live.event,
                sender=live.sender,
                at_ms=0,
                user=UserId(key),
                membership=membership,
            )
            mirror.see_member(tx, seen, known_join=False)


def _settle(tx: Tx, crafts: Crafts, now: Now) -> None:
    bound = None
    while bound != (bound := bindings.bindings(tx)):
        for craft in crafts.features:
            with tx.savepoint():
                for _effect in craft.settle(tx, now):
                    pass  # what would be said or made is not: this is a copy


async def _all(work: Iterable[Awaitable[None]]) -> None:
    """Do all of it; of several errors the first is raised, plainly."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for one in work:
                tasks.create_task(_awaited(one))
    except* MatrixError as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


async def _awaited(work: Awaitable[None]) -> None:
    await work


async def bot_runs(data_dir: Path) -> bool:
    """Tell whether a bot is running on a data directory."""
    try:
        return await control.ask(data_dir, "status", patience_s=10) is not None
    except SetupError:
        return True  # somebody is there, and busy


@asynccontextmanager
async def looking(
    config_path: Path, *, refresh: bool = False, clock: Clock | None = None, environ: Mapping[str, str] | None = None
) -> AsyncIterator[Onlooker]:
    """Look at everything while the context lasts, and change nothing.

    Raises:
        DocumentErrors: the documents have to be mended first.
        SetupError: it cannot be looked at; the sentence says what to do.
    """
    clock = clock or SystemClock()
    today = datetime.fromtimestamp(clock.now_ms() / 1000, UTC).date()
    loaded = load(config_path, today=today)
    use_locale(loaded.config.locale)
    data_dir = loaded.config.data_dir
    copy = refresh or not await bot_runs(data_dir)
    try:
        store = Store.scratch(data_dir) if copy else Store.open_readonly(data_dir)
    except StoreError:
        if copy:
            raise
        store, copy = Store.scratch(data_dir), True  # it is just being made
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        onlooker = Onlooker(loaded, store, clock, os.environ if environ is None else environ, stack, fresh=copy)
        try:
            if copy:
                await onlooker.refresh()
            yield onlooker
        except UnknownToken as error:
            raise SetupError(
                "The homeserver does not let the bot's account in any more. Start the bot to see what it needs."
            ) from error
