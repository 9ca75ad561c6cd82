"""Builds everything and owns its lifetime: the one place that sees the whole house."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import aiohttp
import structlog

from orchestrator import control
from orchestrator.adopting import Adopting
from orchestrator.changing.work import Changing
from orchestrator.config import read_secret
from orchestrator.crafts import Crafts, build_crafts
from orchestrator.credentials import credentials_of
from orchestrator.documents.authored import Account, Amendment
from orchestrator.documents.lists import as_of, over_at
from orchestrator.documents.load import Loaded, load
from orchestrator.documents.load import amend as amend_documents
from orchestrator.errors import AccountLocked, DocumentErrors, SetupError, StoreError, UnknownToken
from orchestrator.feeding import Feeding
from orchestrator.i18n import use_locale
from orchestrator.keeper import Keeper
from orchestrator.matrix.budget import Learnt
from orchestrator.matrix.crypto import Crypto
from orchestrator.matrix.gateway import Gateway
from orchestrator.matrix.identity import ensure_identity
from orchestrator.matrix.seal import Seal
from orchestrator.matrix.session import log_in
from orchestrator.model.clock import Clock, SystemClock
from orchestrator.model.ids import AccountKey, JsonObject, UserId
from orchestrator.store import AccountStore, Store
from orchestrator.store.limits import kept_limits
from orchestrator.store.outbox import Waiting
from orchestrator.store.secrets import anything_sealed

log = structlog.get_logger("app")

CHECKPOINT_S: Final = 300.0
LISTS_S: Final = 30.0
"""How often it is looked whether somebody's time on a list is over."""

Adjust = Callable[[Loaded], Loaded]


@dataclass(slots=True)
class App:
    """Circlekeeper at work: the store, and a keeper for each account.

    Args:
        config_path: config.yaml.
        loaded: what was read from it and beside it.
        store: held open for writing.
        clock: tells the time.
        adjust: a last word on what is read, each time (the tour brings a question forward).
    """

    config_path: Path
    loaded: Loaded
    store: Store
    clock: Clock
    adjust: Adjust
    keepers: dict[AccountKey, Keeper] = field(default_factory=dict)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    changing: Changing = field(init=False, repr=False)
    adopting: Adopting = field(init=False, repr=False)
    feeding: Feeding = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Be ready to change what is asked for, and to serve what may be read."""
        self.changing, self.adopting, self.feeding = Changing(self), Adopting(self), Feeding(self)

    async def run(self) -> None:
        """Work until cancelled, or until something ends it (see errors)."""
        verbs = {"status": self._status, "reload": self._reload, **self.changing.verbs, **self.adopting.verbs}
        served = control.serve(self.loaded.config.data_dir, verbs)
        async with served, self.feeding.serving(), asyncio.TaskGroup() as tasks:
            tasks.create_task(self._checkpoint())
            tasks.create_task(self._follow_lists())
            for keeper in self.keepers.values():
                tasks.create_task(keeper.run())

    def crafts_for(self, account: AccountKey, me: UserId) -> Crafts:
        """Build the crafts of an account from the documents as they are now."""
        documents = as_of(self.loaded.documents.of(account), self.clock.now_ms())
        return build_crafts(documents, me, self.feeding.addresses(account))

    def picture(self, sha256: str) -> bytes | None:
        """Read a room's picture by the SHA-256 of its file; None when no document names it (any more)."""
        for community in self.loaded.documents.communities:
            for room in community.every_room():
                if room.avatar is not None and room.avatar_sha256 == sha256:
                    with contextlib.suppress(OSError):
                        return room.avatar.read_bytes()
        return None

    async def amend(self, row: Waiting) -> None:
        """Write a change of the documents into the overlay, and work with it from now on."""
        path = row.payload.get("path")
        amendment = Amendment(
            document=row.target,
            path=tuple(str(part) for part in path) if isinstance(path, list) else (),
            value=row.payload.get("value"),
            by=UserId(str(row.payload.get("by"))),
            at_ms=row.created_ms,
        )
        await self.write(amendment)

    async def write(self, amendment: Amendment) -> None:
        """Write an amendment into the overlay, and work with it from now on.

        Raises:
            DocumentErrors: the files would be wrong with it; nothing was written.
            StoreError: it cannot be written.
        """
        async with self._reading:  # one at a time, whichever account they come from, or one would undo the other
            try:
                loaded = await asyncio.to_thread(amend_documents, self.config_path, [amendment], today=self._today())
            except OSError as error:
                said = f"A change could not be written: {error.strerror}. Make room and start again."
                raise StoreError(said) from None
            self._use(loaded)

    async def reload(self) -> None:
        """Read the documents again and work with them; broken ones leave the old in force.

        Raises:
            DocumentErrors: what is broken.
        """
        async with self.documents_read():
            pass

    @asynccontextmanager
    async def documents_read(self) -> AsyncIterator[Loaded]:
        """Read the documents again, look at them, and work with them from then on; not if what is done inside raises.

        Raises:
            DocumentErrors: what is broken.
        """
        async with self._reading:
            loaded = await asyncio.to_thread(load, self.config_path, today=self._today())
            yield self.adjust(loaded)
            self._use(loaded)

    def _use(self, loaded: Loaded) -> None:
        self.loaded = self.adjust(loaded)
        _log_faults(loaded)
        self._work_with()

    def _work_with(self) -> None:
        """Let all accounts work with the documents as they are now."""
        for key, keeper in self.keepers.items():
            keeper.use(self.crafts_for(key, keeper.me))
            keeper.settle_soon()

    async def _follow_lists(self) -> None:
        """Work without those whose time on a list is over, as soon as it is."""
        over = over_at(self.loaded.documents, self.clock.now_ms())
        while True:
            await asyncio.sleep(LISTS_S)
            by_now = over_at(self.loaded.documents, self.clock.now_ms())
            if by_now != over:
                over = by_now
                self._work_with()

    async def _checkpoint(self) -> None:
        """Empty the write-ahead log now and then, so that what was deleted is gone from it, too."""
        while True:
            await asyncio.sleep(CHECKPOINT_S)
            await self.store.checkpoint()

    async def _status(self, request: JsonObject) -> JsonObject:
        del request
        report: dict[str, JsonObject] = {}
        for key, keeper in self.keepers.items():
            waiting, estimate_ms = await keeper.delivery.estimate_ms()
            report[key] = {"waiting": waiting, "estimate_ms": estimate_ms, "ready": keeper.ready.is_set()}
        return {"accounts": report}

    async def _reload(self, request: JsonObject) -> JsonObject:
        del request
        await self.reload()
        return {
            "communities": len(self.loaded.documents.communities),
            "to_mend": [str(fault) for fault in self.loaded.faults],
        }

    def _today(self) -> date:
        return datetime.fromtimestamp(self.clock.now_ms() / 1000, UTC).date()


@asynccontextmanager
async def open_app(
    config_path: Path,
    *,
    clock: Clock | None = None,
    environ: Mapping[str, str] | None = None,
    reset_identity: bool = False,
    adjust: Adjust = lambda loaded: loaded,
) -> AsyncIterator[App]:
    """Read the documents, open the store, log every account in.

    Raises:
        DocumentErrors: the documents have to be mended first.
        SetupError: it cannot start; the sentence says what to do.
    """
    clock = clock or SystemClock()
    environ = os.environ if environ is None else environ
    today = datetime.fromtimestamp(clock.now_ms() / 1000, UTC).date()
    loaded = adjust(load(config_path, today=today))
    use_locale(loaded.config.locale)
    async with AsyncExitStack() as stack:
        store = Store.open(loaded.config.data_dir)
        stack.push_async_callback(store.close)
        app = App(config_path, loaded, store, clock, adjust)
        for key, account in loaded.config.accounts.items():
            keeper = await _open_keeper(app, account, environ, stack, reset_identity=reset_identity)
            keeper.use(app.crafts_for(key, keeper.me))
            app.keepers[key] = keeper
        yield app


async def _open_keeper(
    app: App, account: Account, environ: Mapping[str, str], stack: AsyncExitStack, *, reset_identity: bool
) -> Keeper:
    rows = app.store.of(account.key)
    rng = random.Random()  # noqa: S311 - jitter, no secret
    http = await stack.enter_async_context(aiohttp.ClientSession())
    gateway = Gateway(http, account.homeserver, app.clock, rng)
    seal = Seal.load(account.secret_key_file, environ, in_use=await rows.run(anything_sealed))
    app.feeding.learn(account.key, seal)
    credentials = credentials_of(account, environ)
    session = await log_in(gateway, rows, seal, account.user_id, credentials)
    directory = app.loaded.config.data_dir / "crypto"
    crypto = Crypto.open(gateway, directory, session.user, session.device, seal, app.clock)
    stack.callback(crypto.close)
    await ensure_identity(
        gateway,
        rows,
        seal,
        crypto,
        recovery_key=read_secret(account.recovery_key_file) if account.recovery_key_file else None,
        reset=reset_identity,
        password=credentials.password,
    )
    return Keeper(
        store=rows,
        gateway=gateway,
        session=session,
        crypto=crypto,
        clock=app.clock,
        rng=rng,
        amend=app.amend,
        learnt=await _learnt(rows),
        files=app.picture,
    )


async def _learnt(rows: AccountStore) -> Learnt | None:
    kept = await rows.run(kept_limits)
    return None if kept is None else Learnt(kept.burst, kept.per_hour, kept.learnt_ms)


async def run_until_stopped(
    config_path: Path, *, reset_identity: bool = False, adjust: Adjust = lambda loaded: loaded
) -> int:
    """Run the bot until SIGTERM or SIGINT; returns the exit code."""
    work = asyncio.create_task(_run(config_path, reset_identity=reset_identity, adjust=adjust))
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        # From the first moment on: a start can take a while, and must not end half way without a word.
        loop.add_signal_handler(name, work.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await work
    except* AccountLocked as locked:
        raise SetupError(
            "The homeserver has locked or suspended the bot's account, or is full. Ask whoever runs it, then start again."
            " What waits is kept."
        ) from locked
    except* UnknownToken as ended:
        raise SetupError(
            "The homeserver ended the bot's session. If that was not you, change the account's password; then start"
            " again. What waits is kept."
        ) from ended
    log.info("stopped")
    return 0


async def _run(config_path: Path, *, reset_identity: bool, adjust: Adjust) -> None:
    async with open_app(config_path, reset_identity=reset_identity, adjust=adjust) as app:
        _log_faults(app.loaded)
        log.info("at work", accounts=len(app.keepers), communities=len(app.loaded.documents.communities))
        await app.run()


def _log_faults(loaded: Loaded) -> None:
    """Say what is wrong with single rooms, which are left as they are in that; everything else goes on."""
    for fault in loaded.faults:
        log.warning("one room's lines have to be mended", where=str(fault))


async def ask_running(config_path: Path, verb: str, *, as_json: bool) -> int:
    """Ask the bot that runs on this configuration's data directory; returns the exit code."""
    loaded = load(config_path, today=datetime.now(UTC).date())
    answer = await control.ask(loaded.config.data_dir, verb)
    if answer is None:
        raise SetupError("No bot is running on this data directory. Start one with 'circlekeeper run'.")
    if as_json:
        print(json.dumps(answer, indent=2))
    else:
        for line in _in_words(answer):
            print(line)
    sys.stdout.flush()
    return 0


def _in_words(answer: JsonObject) -> list[str]:
    accounts = answer.get("accounts")
    if not isinstance(accounts, Mapping):
        to_mend = answer.get("to_mend")
        faults = [str(fault) for fault in to_mend] if isinstance(to_mend, list) else []
        return [*faults, "Done, but for what has to be mended here." if faults else "Done."]
    lines = []
    for name, state in accounts.items():
        if isinstance(state, Mapping):
            waiting, estimate_ms = state.get("waiting"), state.get("estimate_ms")
            seconds = math.ceil(estimate_ms / 1000) if isinstance(estimate_ms, int) else 0
            soon = "a moment" if seconds < 2 else f"about {seconds} seconds"
            soon = soon if seconds < 120 else f"about {seconds // 60} minutes"
            things = "1 thing waits" if waiting == 1 else f"{waiting} things wait"
            lines.append(f"{name}: {things}, for {soon}." if waiting else f"{name}: nothing waits.")
    return lines


__all__ = ["App", "DocumentErrors", "ask_running", "build_crafts", "open_app", "run_until_stopped"]
