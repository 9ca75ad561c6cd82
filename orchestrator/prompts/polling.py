"""The desk that ends polls whose votes are shown at their end."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from orchestrator.documents.declared import Documents
from orchestrator.i18n import speaking
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Result, Send
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.model.ids import EventId, RoomId
from orchestrator.store import bindings
from orchestrator.store.timers import set_timer

from .duty import NAME
from .form import CLOSED_MS, POLL, POLL_END, poll_end

END: Final = "poll:"


class Polling:
    """Ends polls.

    Args:
        documents: what the authors wrote.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect] | None:
        """Set when a poll ends that stands there now; None when it is about something else."""
        tag = json.loads(result.tag) if result.tag else {}
        if tag.get("do") != POLL:
            return None
        if result.event is not None and result.room is not None and not tag["open"]:
            payload = {"room": result.room, "event": result.event}
            timer = Timer(craft=NAME, key=f"{END}{result.event}", due_ms=now.at_ms + CLOSED_MS, payload=payload)
            set_timer(tx, timer)
        return ()

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """End a poll; None when the timer is another one's."""
        if not timer.key.startswith(END):
            return None
        return [self._end(tx, RoomId(str(timer.payload["room"])), EventId(str(timer.payload["event"])), now)]

    def _end(self, tx: Tx, room: RoomId, event: EventId, now: Now) -> Send:
        where = bindings.binding_of(tx, room)
        community = None if where is None else self._documents.community(where.community)
        with speaking("en" if community is None else community.locale):
            said = poll_end(event)
        return Send(step=f"end:{event}", room=room, type=POLL_END, content=said, expires_ms=now.at_ms + 30 * DAY_MS)
