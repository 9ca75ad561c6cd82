"""How each kind of effect is carried out, and how a crash in the middle is found out about.

Sends and redactions: the server knows our transaction id for a day and returns the event it made; a row that was first
tried longer ago, or by another device, is sent only after the room's history proves it absent. State and memberships:
there is no echo of a transaction id, so what is there now is read first; a membership that was set and then undone by a
person is not set again. The ways there: ``saying``, ``memberships``, ``making``, ``things``.

(Measured on Synapse 1.163; client-server API, "Transaction identifiers".)
"""

from __future__ import annotations

import structlog

from orchestrator import failpoints
from orchestrator.errors import DocumentErrors, MatrixError, UnknownToken
from orchestrator.errors import Final as NeverWorks
from orchestrator.model.clock import Clock
from orchestrator.model.effects import Outcome
from orchestrator.model.ids import EventId, UserId, shorten
from orchestrator.store import AccountStore, claims
from orchestrator.store.claims import Unsettled
from orchestrator.store.outbox import Waiting

from .crypto import Crypto
from .gateway import Gateway
from .hearsay import as_heard
from .history import History
from .making import Maker
from .memberships import Doorman
from .pictures import NO_FILES, Files
from .ports import Amender, Compose, Confirm
from .quoting import Look, Quoter, look_for_nothing
from .saying import Sayer
from .things import Things
from .tracks import Tracks, room_of

log = structlog.get_logger("delivery")


class Carrier:
    """Carries out one effect at a time; every method may be repeated after a crash at any point.

    Args:
        store: the account's rows.
        gateway: speaks to the homeserver.
        history: reads back.
        crypto: encrypts; None where the account has no encryption (tests of plain rooms).
        clock: tells the time.
        me: the bot's own user id.
        device: our device.
        maker: finds and makes rooms.
        confirm, compose, amend: what the rest of the house does; see ``ports``.
        files: finds the bytes of pictures by their SHA-256.
        look: looks at words that are passed on.
    """

    def __init__(
        self,
        *,
        store: AccountStore,
        gateway: Gateway,
        history: History,
        crypto: Crypto | None,
        clock: Clock,
        me: UserId,
        device: str,
        confirm: Confirm,
        compose: Compose,
        maker: Maker,
        amend: Amender,
        files: Files = NO_FILES,
        look: Look = look_for_nothing,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._clock = clock
        self._me = me
        self._tracks = Tracks(store, history, clock, device, confirm)
        self._quoter = Quoter(store, history, me, look)
        self._sayer = Sayer(store, gateway, history, crypto, me, self._tracks, self._quoter)
        self._doorman = Doorman(store, gateway, history, maker, self._tracks)
        self._things = Things(store, gateway, history, compose, clock, me, files)
        self._maker = maker
        self._amend = amend

    async def carry(self, row: Waiting) -> bool:
        """Carry out a row of the outbox and confirm it.

        Returns:
            whether that took a call that the server counts.

        Raises:
            MatrixError: it was not done (retryable or final by class).
            UnknownToken: our own server says that we may not act any more; the run ends.
            NotYet: something else has to happen first.
        """
        try:
            return await self._carry(row)
        except UnknownToken as error:
            raise await as_heard(self._gateway, self._me, error) from None

    async def _carry(self, row: Waiting) -> bool:  # noqa: C901, PLR0911 - one way out a kind
        if row.expires_ms is not None and row.expires_ms <= self._clock.now_ms():
            await self._tracks.expire(row)
            return False
        match row.kind:
            case "send":
                return await self._sayer.send(row, room_of(row))
            case "direct":
                return await self._sayer.send(row, await self._maker.direct_room(UserId(row.target)))
            case "redact":
                return await self._sayer.redact(row, room_of(row))
            case "member" if row.target == self._me:
                return await self._doorman.go(row, room_of(row))
            case "member":
                return await self._doorman.move(row, room_of(row))
            case "create":
                return await self._make_room(row)
            case "enter":
                return await self._doorman.enter(row)
            case "devices":
                return await self._sayer.find_reader(row)
            case "recall":
                return await self._recall(row)
            case "amend":
                return await self._amend_document(row)
            case other:
                raise MatrixError("There is no way to carry out such an effect.", kind=other)

    async def refuse(self, row: Waiting | None, item: Unsettled | None, error: NeverWorks) -> None:
        """Note that something will never be done."""
        if row is not None:
            log.warning("refused by the homeserver", kind=row.kind, why=str(error), craft=row.craft, rule=row.rule)
            await self._tracks.confirm(row.cause, "refused", errcode=error.errcode)
        if item is not None:
            # Marked again when the live event, a claim or our power changes; the audit looks at all of them.
            who = "refused by the homeserver" if error.status else "cannot be as it is wanted"
            log.warning(who, kind=item.type, room=shorten(item.room), why=str(error))
            await self._store.run(claims.set_aside, item)

    async def _make_room(self, row: Waiting) -> bool:
        if not await self._tracks.leaves(row, None):
            return False
        room, made = await self._maker.make(row)
        failpoints.pass_by("create.before_confirm")
        await self._tracks.confirm(row.cause, "done", room=room)
        return made

    async def _recall(self, row: Waiting) -> bool:
        words = await self._quoter.recall(room_of(row), EventId(row.target))
        outcome: Outcome = "refused" if words is None else "done"
        await self._tracks.confirm(row.cause, outcome, room=row.room, words=words or "")
        return False

    async def settle(self, item: Unsettled) -> bool:
        """Bring a state event, or what is kept like one, in line with what is claimed; see ``Things.settle``."""
        try:
            return await self._things.settle(item)
        except UnknownToken as error:
            raise await as_heard(self._gateway, self._me, error) from None

    async def _amend_document(self, row: Waiting) -> bool:
        if not await self._tracks.leaves(row, None):
            return False
        failpoints.pass_by("overlay.before_write")
        try:
            await self._amend(row)
        except DocumentErrors:
            await self._tracks.confirm(row.cause, "refused")
            return False
        failpoints.pass_by("overlay.after_write")
        await self._tracks.confirm(row.cause, "done")
        return False
