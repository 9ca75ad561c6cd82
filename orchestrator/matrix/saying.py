"""How words, reactions and redactions are sent, to whom the key is given, and how it is proven that they were said."""

from __future__ import annotations

from typing import Final

import structlog

from orchestrator import failpoints
from orchestrator.errors import BadRequest, Forbidden, NotFound, ServerTrouble
from orchestrator.model import tally
from orchestrator.model.effects import NO_DEVICES
from orchestrator.model.feature import Tx
from orchestrator.model.ids import CAUSE_FIELD, TXN_PREFIX, JsonObject, RoomId, UserId
from orchestrator.store import AccountStore, mirror
from orchestrator.store.outbox import Waiting

from .crypto import Crypto
from .gateway import Gateway, route
from .history import History
from .quoting import Quoter
from .reactions import REACTION, in_plain_sight
from .tracks import PATIENCE_S, Tracks

COUNT_TRIES: Final = 2
"""How often it is tried to count something before it is said without."""

log = structlog.get_logger("delivery")


class Sayer:
    """Sends and redacts, each at most once.

    Args:
        store: the account's rows.
        gateway: speaks to the homeserver.
        history: reads back.
        crypto: encrypts; None where the account has no encryption (tests of plain rooms).
        me: the bot's own user id.
        tracks: marks what leaves.
        quoter: fills in what messages quote.
    """

    def __init__(
        self,
        store: AccountStore,
        gateway: Gateway,
        history: History,
        crypto: Crypto | None,
        me: UserId,
        tracks: Tracks,
        quoter: Quoter,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._history = history
        self._crypto = crypto
        self._me = me
        self._tracks = tracks
        self._quoter = quoter

    async def send(self, row: Waiting, room: RoomId) -> bool:
        """Say something in a room; tells whether that took a call that the server counts."""
        if self._tracks.doubtful(row, room) and await self._was_said(row):
            return False
        type_ = str(row.payload.get("type", "m.room.message"))
        quoted = await self._quoter.content(row)
        if quoted is None:
            await self._give_up(row)
            return False
        content = await self._counted(row, room, quoted)
        # Reactions are the one thing that stands in plain sight also in an encrypted room.
        plain = type_ == REACTION and row.kind == "send"
        body: JsonObject = {**(in_plain_sight(content) if plain else content), CAUSE_FIELD: row.cause}
        readers = None if plain else await self._readers(room, row)
        if readers is not None:
            if self._crypto is None:
                raise Forbidden("This room is encrypted and this account has no encryption.")
            body = await self._crypto.encrypt(room, type_, body, readers)
            type_ = "m.room.encrypted"
        if not await self._tracks.leaves(row, room):
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
        await self._tracks.done(row, answer, room)
        return True

    async def _counted(self, row: Waiting, room: RoomId, content: JsonObject) -> JsonObject:
        """Put in what is to be counted just now; where it cannot be counted it is left out."""
        of = tally.asked_in(content)
        if of is None:
            return content
        try:
            return tally.told(content, await self._history.reactions(room, of))
        except (Forbidden, NotFound, BadRequest):  # it is gone, or the server cannot count
            return tally.told(content, ())
        except ServerTrouble:
            if row.tries < COUNT_TRIES:
                raise
            return tally.told(content, ())

    async def redact(self, row: Waiting, room: RoomId) -> bool:
        """Take back or remove what was said; tells whether that took a call that the server counts."""
        if self._tracks.doubtful(row, room):
            found = (await self._tracks.search(row)).get(row.cause)
            if found is not None:
                await self._tracks.confirm(row.cause, "done", event=found, room=room)
                return False
            # Unproven is good enough here: to remove what is removed already harms nobody, to leave it may.
        if not await self._tracks.leaves(row, room):
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
        await self._tracks.done(row, answer, room)
        return True

    async def find_reader(self, row: Waiting) -> bool:
        """Find out whether somebody could read what we encrypt for them."""
        if not await self._tracks.leaves(row, None):
            return False
        if self._crypto is None or await self._crypto.can_read(UserId(row.target)):
            await self._tracks.confirm(row.cause, "done")
        else:
            await self._tracks.confirm(row.cause, "refused", errcode=NO_DEVICES)
        return False

    async def _give_up(self, row: Waiting) -> None:
        """Leave unsaid what cannot be filled in any more, unless it was said before that."""
        event = None if row.tried_ms is None else (await self._tracks.search(row)).get(row.cause)
        if event is not None:
            await self._tracks.confirm(row.cause, "done", event=event, room=row.room)
        else:
            await self._tracks.confirm(row.cause, "refused", errcode="NOTHING_TO_QUOTE")

    async def _was_said(self, row: Waiting) -> bool:
        """Settle a row that may have been said; tells False when it is proven that it was not."""
        traces = await self._tracks.search(row)
        if row.cause in traces:
            await self._tracks.confirm(row.cause, "done", event=traces[row.cause], room=row.room)
            return True
        if not traces.proven:
            # Some of what we said then cannot be read any more. To say it twice would be worse than to leave it.
            log.warning("cannot tell whether this was said before; left unsaid", craft=row.craft, kind=row.kind)
            await self._tracks.confirm(row.cause, "refused", errcode="UNPROVEN")
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


def _room_and_invited(tx: Tx, room: RoomId) -> tuple[mirror.MirroredRoom | None, list[UserId]]:
    history = mirror.state_of(tx, room, "m.room.history_visibility")
    visibility = (history.content or {}).get("history_visibility") if history is not None else "shared"
    invited = [] if visibility == "joined" else [member.user for member in mirror.members(tx, room, "invite")]
    return mirror.room_of(tx, room), invited
