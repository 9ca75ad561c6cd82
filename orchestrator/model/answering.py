"""Answers that are nobody else's business."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestrator.i18n import _

from . import content
from .clock import HOUR_MS
from .effects import AnyEffect, Priority, SendDirect
from .feature import Call, Now
from .ids import UserId


def privately(call: Call, said: str, now: Now, people: Iterable[UserId] = ()) -> Iterator[AnyEffect]:
    """Answer where nobody else reads it: there, or in the direct room, and say so."""
    if call.direct:
        yield content.answer(call, said, now, people=frozenset(people))
        return
    yield SendDirect(
        step="privately",
        priority=Priority.REPLY,
        person=call.event.sender,
        expires_ms=now.at_ms + HOUR_MS,
        user=call.event.sender,
        content=content.notice(said, people=frozenset(people)),
    )
    yield content.answer(call, in_private(), now)


def in_private() -> str:
    """Say in a room that the answer is elsewhere."""
    return _("I have written to you in private.")
