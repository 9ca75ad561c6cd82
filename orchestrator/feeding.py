"""Calendars over HTTP: makes their addresses, and reads them for the server beside everything else the bot does."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

import structlog

from orchestrator.documents.declared import Community, Room
from orchestrator.documents.lists import as_of
from orchestrator.facilitation.calendar.entries import AHEAD_MS, Entry, Status, uid_of
from orchestrator.facilitation.calendar.feeds import NO_ADDRESSES, Addresses, SecretAddresses, digest_of
from orchestrator.facilitation.records.holdings import KEPT_MS
from orchestrator.matrix.seal import Seal
from orchestrator.model.cadence import Span
from orchestrator.model.feature import Tx
from orchestrator.model.ids import AccountKey
from orchestrator.prompts.meetings.ahead import planned
from orchestrator.store import Store

if TYPE_CHECKING:
    from orchestrator.app import App

log = structlog.get_logger("feeding")

PURPOSE: Final = "calendars"
"""What the key is derived for; another word would change every address."""


def meetings_in(tx: Tx, community: Community, rooms: Collection[Room], now_ms: int) -> Sequence[Entry]:
    """List the meetings of some rooms as a calendar shows them: the last 30 days, the next 90, those called off as such."""
    window = Span(now_ms - KEPT_MS, now_ms + AHEAD_MS)
    return [
        Entry(
            uid=uid_of(community.key, one.room.key, f"meeting {one.session.meeting.id}", one.session.start_ms),
            span=Span(one.session.start_ms, one.session.end_ms),
            part=None,
            user=None,
            status=Status.CANCELLED if one.off else Status.CONFIRMED,
            sequence=int(one.off),
        )
        for one in planned(tx, community, rooms, window, off=True)
    ]


class Feeding:
    """Serves the calendars of all accounts, if config.yaml says where.

    Args:
        app: whose documents and data they are.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._web = app.loaded.config.web
        self._keys: dict[AccountKey, bytes] = {}

    def learn(self, account: AccountKey, seal: Seal) -> None:
        """Take the key by which an account's addresses are made."""
        self._keys[account] = seal.derive(PURPOSE)

    def addresses(self, account: AccountKey) -> Addresses:
        """Tell how an account's addresses are made. What config.yaml says of it counts from the next start."""
        web, key = self._web, self._keys.get(account)
        return NO_ADDRESSES if web is None or key is None else SecretAddresses(web.address, key, account)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int | None]:
        """Serve while inside; gives the port. None: nothing is served, or nobody can listen there, which is logged."""
        web = self._web
        if web is None:
            yield None
            return
        from orchestrator.console import Console, serving  # noqa: PLC0415 - only where calendars are served
        from orchestrator.console.limits import Limits  # noqa: PLC0415 - the same
        from orchestrator.facilitation.calendar.reading import served  # noqa: PLC0415 - the same

        store = Store.open_readonly(self._app.loaded.config.data_dir)

        async def read(token: str) -> bytes | None:
            digest, now_ms = digest_of(token), self._app.clock.now_ms()
            for account in self._app.keepers:
                documents = as_of(self._app.loaded.documents.of(account), now_ms)
                found = await store.of(account).run(served, documents, digest, now_ms, others=meetings_in)
                if found is not None:
                    return found
            return None

        async with AsyncExitStack() as stack:
            stack.push_async_callback(store.close)
            port = None
            try:
                console = Console(read, Limits(time.monotonic))
                port = await stack.enter_async_context(serving(console, web.host, web.port))
            except OSError as error:
                # The rooms need the bot more than anybody needs a calendar.
                reason = error.strerror or "the system gives no reason"
                log.warning("calendars are not served", host=web.host, port=web.port, reason=reason)
            yield port
