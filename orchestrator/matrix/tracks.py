"""What is marked before it leaves and what proves that it did, so that a crash in between neither doubles nor loses it."""

from __future__ import annotations

from typing import Final

from orchestrator import failpoints
from orchestrator.errors import Forbidden, MatrixError, NotFound
from orchestrator.model.clock import HOUR_MS, Clock
from orchestrator.model.ids import EventId, JsonObject, RoomId
from orchestrator.store import AccountStore, outbox
from orchestrator.store.outbox import Waiting

from .history import History, Traces
from .ports import Confirm

TXN_REMEMBERED_MS: Final = 23 * HOUR_MS
"""Servers remember a transaction id for a day; an hour is left for clocks that differ."""

PATIENCE_S: Final = 10.0
"""For how long one call is tried; afterwards its row waits its turn again."""


class Tracks:
    """Marks rows as tried, looks for what they left behind, and confirms them.

    Args:
        store: the account's rows.
        history: reads back.
        clock: tells the time.
        device: our device; another one's transaction ids say nothing to us.
        confirm: notes what became of an effect; see ``ports``.
    """

    def __init__(self, store: AccountStore, history: History, clock: Clock, device: str, confirm: Confirm) -> None:
        self._store = store
        self._history = history
        self._clock = clock
        self._device = device
        self.confirm: Final = confirm

    async def leaves(self, row: Waiting, room: RoomId | None) -> bool:
        """Mark a row as tried just before it leaves; False when it waits no longer: then it must not leave.

        Its echo may have come meanwhile, or a newer row may have taken its place.
        """
        waits = await self._store.run(outbox.note_try, row.cause, self._device, self._clock.now_ms(), room)
        failpoints.pass_by("delivery.claimed")
        return waits

    async def done(self, row: Waiting, answer: JsonObject, room: RoomId) -> None:
        """Confirm a row with the event that the server's answer names."""
        failpoints.pass_by("delivery.before_confirm")
        await self.confirm(row.cause, "done", event=EventId(str(answer.get("event_id", ""))), room=room)
        failpoints.pass_by("delivery.after_confirm")

    async def expire(self, row: Waiting) -> None:
        """Write down what is no longer wanted; it may have left before a crash, and only its room can tell."""
        tried = row.tried_ms is not None and row.room is not None
        event = (await self.search(row)).get(row.cause) if tried else None
        await self.confirm(row.cause, "done" if event else "expired", event=event)

    def doubtful(self, row: Waiting, room: RoomId) -> bool:
        """Tell whether a row may have left in a way that its transaction id says nothing about."""
        if row.tried_ms is None or row.room is None:
            return False
        # A clock that was set back since says nothing either.
        remembered = 0 <= self._clock.now_ms() - row.tried_ms <= TXN_REMEMBERED_MS
        return row.device != self._device or not remembered or row.room != room

    async def search(self, row: Waiting) -> Traces:
        """Look in the room's history for what a row became, if it ever left."""
        try:
            return await self._history.find_cause(room_of(row), {row.cause}, back_to_ms=row.created_ms)
        except (Forbidden, NotFound):  # we are out of that room
            traces = Traces()
            traces.proven = False
            return traces


def room_of(row: Waiting) -> RoomId:
    """Tell the room of an effect that needs one."""
    if row.room is None:
        raise MatrixError("An effect that needs a room has none.", kind=row.kind)
    return row.room
