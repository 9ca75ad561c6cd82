"""How each kind of effect is carried out, and how a crash in the middle is found out about.

Sends and redactions: the server knows our transaction id for a day and returns the event it made; a row that was first
tried longer ago, or by another device, is sent only after the room's history proves it absent. State and memberships:
there is no echo of a transaction id, so what is there now is read first; a membership that was set and then undone by a
person is not set again. Rooms: see ``making``.

(Measured on Synapse 1.163; client-server API, "Transaction identifiers".)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog

from orchestrator import failpoints
from orchestrator.errors import (
    BadRequest,
    DocumentErrors,
    Forbidden,
    MatrixError,
    NotFound,
    ServerTrouble,
    UnknownToken,
)
from orchestrator.errors import Final as NeverWorks
from orchestrator.model.clock import HOUR_MS, Clock
from orchestrator.model.feature import Tx
from orchestrator.model.ids import CAUSE_FIELD, TXN_PREFIX, EventId, Json, JsonObject, RoomId, UserId, shorten
from orchestrator.store import AccountStore, bindings, claims, mirror, outbox
from orchestrator.store.claims import Unsettled
from orchestrator.store.outbox import Waiting

from .crypto import Crypto
from .fields import a_room_id
from .gateway import Gateway, route
from .hearsay import as_heard
from .history import History, Traces
from .making import WRONG_VERSION, Maker
from .pictures import NO_FILES, Files
from .ports import Amender, Compose, Confirm
from .reactions import REACTION, in_plain_sight
from .things import Things

log = structlog.get_logger("delivery")

TXN_REMEMBERED_MS: Final = 23 * HOUR_MS
"""Servers remember a transaction id for a day; an hour is left for clocks that differ."""

PATIENCE_S: Final = 10.0

JOIN_TRIES: Final = 6
"""How often a join that is refused is tried, about half a minute in all, before that is believed."""


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
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._history = history
        self._crypto = crypto
        self._clock = clock
        self._me = me
        self._device = device
        self._confirm = confirm
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

    async def _carry(self, row: Waiting) -> bool:  # noqa: PLR0911 - one way out a kind
        if row.expires_ms is not None and row.expires_ms <= self._clock.now_ms():
            # It may have left before a crash; only its room can tell.
            tried = row.tried_ms is not None and row.room is not None
            event = (await self._search(row)).get(row.cause) if tried else None
            await self._confirm(row.cause, "done" if event else "expired", event=event)
            return False
        match row.kind:
            case "send":
                return await self._send(row, _room(row))
            case "direct":
                return await self._send(row, await self._maker.direct_room(UserId(row.target)))
            case "redact":
                return await self._redact(row, _room(row))
            case "member" if row.target == self._me:
                return await self._own_membership(row, _room(row))
            case "member":
                return await self._member(row, _room(row))
            case "create":
                return await self._make_room(row)
            case "enter":
                return await self._enter(row)
            case "amend":
                return await self._amend_document(row)
            case other:
                raise MatrixError("There is no way to carry out such an effect.", kind=other)

    async def refuse(self, row: Waiting | None, item: Unsettled | None, error: NeverWorks) -> None:
        """Note that something will never be done."""
        if row is not None:
            log.warning("refused by the homeserver", kind=row.kind, why=str(error), craft=row.craft, rule=row.rule)
            await self._confirm(row.cause, "refused", errcode=error.errcode)
        if item is not None:
            # Marked again when the live event, a claim or our power changes; the audit looks at all of them.
            who = "refused by the homeserver" if error.status else "cannot be as it is wanted"
            log.warning(who, kind=item.type, room=shorten(item.room), why=str(error))
            await self._store.run(claims.set_aside, item)

    # -- saying and removing -------------------------------------------------------------------------------------------

    async def _send(self, row: Waiting, room: RoomId) -> bool:
        if self._needs_proof(row, room) and await self._was_said(row):
            return False
        type_ = str(row.payload.get("type", "m.room.message"))
        content = _object(row.payload.get("content"))
        # Reactions are the one thing that stands in plain sight also in an encrypted room.
        plain = type_ == REACTION and row.kind == "send"
        body: JsonObject = {**(in_plain_sight(content) if plain else content), CAUSE_FIELD: row.cause}
        readers = None if plain else await self._readers(room, row)
        if readers is not None:
            if self._crypto is None:
                raise Forbidden("This room is encrypted and this account has no encryption.")
            body = await self._crypto.encrypt(room, type_, body, readers)
            type_ = "m.room.encrypted"
        if not await self._leaves(row, room):
            return False
        failpoints.pass_by("delivery.before_send")
        answer = await self._gateway.call(
            "PUT",
            route("rooms", room, "send", type_, TXN_PREFIX + row.cause),
            body=body,
            patience_s=PATIENCE_S,
            sit_out_limits=False,
        )
        failpoints.pass_by("delivery.after_send")
        await self._done(row, answer, room)
        return True

    async def _redact(self, row: Waiting, room: RoomId) -> bool:
        if self._needs_proof(row, room):
            found = (await self._search(row)).get(row.cause)
            if found is not None:
                await self._confirm(row.cause, "done", event=found, room=room)
                return False
            # Unproven is good enough here: to remove what is removed already harms nobody, to leave it may.
        if not await self._leaves(row, room):
            return False
        failpoints.pass_by("delivery.before_send")
        answer = await self._gateway.call(
            "PUT",
            route("rooms", room, "redact", row.target, TXN_PREFIX + row.cause),
            body={"reason": row.payload.get("reason", ""), CAUSE_FIELD: row.cause},
            patience_s=PATIENCE_S,
            sit_out_limits=False,
        )
        failpoints.pass_by("delivery.after_send")
        await self._done(row, answer, room)
        return True

    async def _done(self, row: Waiting, answer: JsonObject, room: RoomId) -> None:
        failpoints.pass_by("delivery.before_confirm")
        await self._confirm(row.cause, "done", event=EventId(str(answer.get("event_id", ""))), room=room)
        failpoints.pass_by("delivery.after_confirm")

    async def _leaves(self, row: Waiting, room: RoomId | None) -> bool:
        """Mark a row as tried just before it leaves; False when it waits no longer: then it must not leave.

        Its echo may have come meanwhile, or a newer row may have taken its place.
        """
        waits = await self._store.run(outbox.note_try, row.cause, self._device, self._clock.now_ms(), room)
        failpoints.pass_by("delivery.claimed")
        return waits

    def _needs_proof(self, row: Waiting, room: RoomId) -> bool:
        """Tell whether a row may have left in a way that its transaction id says nothing about."""
        if row.tried_ms is None or row.room is None:
            return False
        # A clock that was set back since says nothing either.
        remembered = 0 <= self._clock.now_ms() - row.tried_ms <= TXN_REMEMBERED_MS
        return row.device != self._device or not remembered or row.room != room

    async def _search(self, row: Waiting) -> Traces:
        """Look in the room's history for what a row became, if it ever left."""
        try:
            return await self._history.find_cause(_room(row), {row.cause}, back_to_ms=row.created_ms)
        except (Forbidden, NotFound):  # we are out of that room
            traces = Traces()
            traces.proven = False
            return traces

    async def _was_said(self, row: Waiting) -> bool:
        """Settle a row that may have been said; tells False when it is proven that it was not."""
        traces = await self._search(row)
        if row.cause in traces:
            await self._confirm(row.cause, "done", event=traces[row.cause], room=row.room)
            return True
        if not traces.proven:
            # Some of what we said then cannot be read any more. To say it twice would be worse than to leave it.
            log.warning("cannot tell whether this was said before; left unsaid", craft=row.craft, kind=row.kind)
            await self._confirm(row.cause, "refused", errcode="UNPROVEN")
            return True
        return False

    async def _readers(self, room: RoomId, row: Waiting) -> list[UserId] | None:
        """List whom to give the key: who is joined, and who was invited where they may read from the invitation on.

        None where nothing is encrypted.
        """
        known, invited = await self._store.run(_room_and_invited, room)
        if known is None or not (known.encrypted or known.version):
            # A room that sync has not shown us yet (just made): ask, rather than risk plain text.
            encrypted = await self._history.state(room, "m.room.encryption", "") is not None
        else:
            encrypted = known.encrypted
        if not encrypted:
            return None
        if row.kind == "direct":
            # These two and nobody else, whoever may be coming in just now; and the person may not have come yet.
            return sorted({self._me, UserId(row.target)})
        return sorted({*invited, *await self._history.members(room)})

    # -- memberships ---------------------------------------------------------------------------------------------------

    async def _member(self, row: Waiting, room: RoomId) -> bool:
        wanted = str(row.payload.get("membership"))
        live = await self._history.state(room, "m.room.member", row.target)
        content, event = (live.content, live.event) if live is not None else ({}, None)
        now, only_from = str(content.get("membership", "leave")), row.payload.get("only_from")
        only_from = only_from if isinstance(only_from, list) else []
        if now not in only_from and _is_as_wanted(wanted, now, known=live is not None):
            await self._confirm(row.cause, "done", event=event, room=room)
            return False
        based_on = row.payload.get("based_on")
        answered = wanted == "invite" and live is not None and (based_on is None or event not in {"", based_on})
        if only_from:
            answered = now not in only_from
        if answered or (row.tried_ms is not None and row.cause in await self._search(row)):
            # They left or declined, perhaps long ago and unseen by us: nobody is asked again and again.
            await self._confirm(row.cause, "undone", room=room)
            return False
        body: dict[str, Json] = {"membership": wanted, CAUSE_FIELD: row.cause}
        if row.payload.get("reason"):
            body["reason"] = row.payload["reason"]
        theirs = wanted == "invite" and await self._store.run(bindings.direct_user, room) == row.target
        if theirs:
            body["is_direct"] = True  # so that their client shows it among their conversations
        if not await self._leaves(row, room):
            return False
        failpoints.pass_by("member.before_send")
        # Not repeated before what is there now was read again: a person may undo it at any moment.
        try:
            answer = await self._gateway.call(
                "PUT", route("rooms", room, "state", "m.room.member", row.target), body=body, sit_out_limits=False
            )
        except BadRequest as error:
            if theirs and error.errcode in WRONG_VERSION:
                await self._maker.start_over(room, UserId(row.target))
            raise
        failpoints.pass_by("member.after_send")
        await self._done(row, answer, room)
        return True

    async def _own_membership(self, row: Waiting, room: RoomId) -> bool:
        wanted = row.payload.get("membership")
        action = "join" if wanted == "join" else "leave"
        reason = row.payload.get("reason")
        body: JsonObject = {"reason": reason} if reason else {}
        if not await self._leaves(row, room):
            return False
        via = row.payload.get("via")
        if action == "join" and isinstance(via, str):  # the older name for servers before version 1.12 of the API
            way, query = route("join", room), {"via": via, "server_name": via}
        else:
            way, query = route("rooms", room, action), None
        try:
            await self._gateway.call("POST", way, query=query, body=body, patience_s=PATIENCE_S, sit_out_limits=False)
        except (Forbidden, NotFound) as error:
            if action == "join":
                known = await self._store.run(mirror.room_of, room)
                invited = known is not None and known.membership == "invite"
                raise (_not_yet_let_in(error, row.tries) if invited else error) from None
            # Leaving where we are not is done.
        if action == "join":
            # Sync tells only of those who speak; whether we are alone with somebody hangs on those who do not.
            before = await self._store.run(mirror.roll, room)
            await self._store.run(mirror.see_members, room, await self._history.members(room), before)
        await self._confirm(row.cause, "done", room=room)
        return True

    async def _enter(self, row: Waiting) -> bool:
        """Join a room that is not ours; where we are already, that is done again and changes nothing."""
        listed = row.payload.get("via")
        via = [server for server in listed if isinstance(server, str)] if isinstance(listed, list) else []
        if not await self._leaves(row, None):
            return False
        query = [(name, server) for server in via for name in ("via", "server_name")]
        answer = await self._gateway.call(
            "POST", route("join", row.target), query=query, body={}, patience_s=PATIENCE_S, sit_out_limits=False
        )
        room = a_room_id(answer.get("room_id"))
        if room is None:
            raise ServerTrouble("The homeserver's answer makes no sense.", status=200, call="POST join/{}")
        await self._confirm(row.cause, "done", room=room)
        return True

    async def _make_room(self, row: Waiting) -> bool:
        if not await self._leaves(row, None):
            return False
        room, made = await self._maker.make(row)
        failpoints.pass_by("create.before_confirm")
        await self._confirm(row.cause, "done", room=room)
        return made

    # -- shared state --------------------------------------------------------------------------------------------------

    async def settle(self, item: Unsettled) -> bool:
        """Bring a state event, or what is kept like one, in line with what is claimed; see ``Things.settle``."""
        try:
            return await self._things.settle(item)
        except UnknownToken as error:
            raise await as_heard(self._gateway, self._me, error) from None

    async def _amend_document(self, row: Waiting) -> bool:
        if not await self._leaves(row, None):
            return False
        failpoints.pass_by("overlay.before_write")
        try:
            await self._amend(row)
        except DocumentErrors:
            await self._confirm(row.cause, "refused")
            return False
        failpoints.pass_by("overlay.after_write")
        await self._confirm(row.cause, "done")
        return False


def _room(row: Waiting) -> RoomId:
    if row.room is None:
        raise MatrixError("An effect that needs a room has none.", kind=row.kind)
    return row.room


def _not_yet_let_in(error: NeverWorks, tries: int) -> MatrixError:
    # Another server may send an invitation before it lets in whom it invited: the first refusals may mean "not yet".
    if tries + 1 >= JOIN_TRIES:
        return error
    return ServerTrouble(str(error), status=error.status, errcode=error.errcode, call="POST join/{}")


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, Mapping) else {}


def _is_as_wanted(wanted: str, live: str, *, known: bool) -> bool:
    match wanted:
        case "invite":
            return live in {"invite", "join"}
        case "leave":
            return known and live in {"leave", "ban"}
        case _:
            return live == wanted


def _room_and_invited(tx: Tx, room: RoomId) -> tuple[mirror.MirroredRoom | None, list[UserId]]:
    history = mirror.state_of(tx, room, "m.room.history_visibility")
    visibility = (history.content or {}).get("history_visibility") if history is not None else "shared"
    invited = [] if visibility == "joined" else [member.user for member in mirror.members(tx, room, "invite")]
    return mirror.room_of(tx, room), invited
