"""What happens when a decision goes wrong: it is written down by id, logged by kind, and the keepers are told.

Never by its message: an error's own words may quote what a member wrote.
"""

from __future__ import annotations

from typing import Final

import structlog

from orchestrator.documents.declared import CONTROL_KEY, Documents
from orchestrator.i18n import N_, _, speaking
from orchestrator.model import content
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import Priority, Send
from orchestrator.model.feature import Tx
from orchestrator.model.ids import cause_of, shorten
from orchestrator.store import bindings, outbox

log = structlog.get_logger("engine")

PARTS: Final = {
    "rooms": N_("it was about a room"),
    "culture": N_("it was about the norms or the rules"),
    "facilitation": N_("it was about who is on duty"),
    "prompts": N_("it was about the questions that I ask"),
    "belonging": N_("it was about listening to somebody"),
    "questions": N_("it was about an answer to something that I had asked"),
    "commands": N_("it was about something that I was asked"),
}
OTHER: Final = N_("it was about taking in what happened")
"""What went wrong, in words for people who do not know how the bot is built; the log has the names."""


def note_trouble(tx: Tx, documents: Documents, craft: str, origin: str, error: Exception, now_ms: int) -> None:
    """Write a failed decision down and tell the keepers, at most once an hour for each craft."""
    log.error("a decision failed and was rolled back", craft=craft, origin=shorten(origin), exc_info=error)
    tx.run(
        "insert into journal (account, cause, craft, step, kind, room, target, rule, outcome, event, at_ms)"
        " values (:account, :cause, :craft, 'decide', 'trouble', null, :origin, :what, 'failed', null, :now_ms)"
        " on conflict do nothing",
        cause=cause_of(tx.account, origin, craft, "trouble"),
        craft=craft,
        origin=origin,
        what=type(error).__name__,
        now_ms=now_ms,
    )
    for community in documents.communities:
        control = bindings.bound_room(tx, community.key, CONTROL_KEY)
        if control is None:
            continue
        with speaking(community.locale):
            words = _(
                "Something went wrong on my side ({part}), and one thing was left undone. Everything else goes on."
                " Please tell whoever runs me; my log says more."
            ).format(part=_(PARTS.get(craft, OTHER)))
        notice = Send(
            step=f"trouble:{community.key}:{craft}:{now_ms // HOUR_MS}",
            room=control,
            priority=Priority.ROUTINE,
            content=content.notice(words),
        )
        outbox.record(tx, "trouble", "engine", notice, now_ms)
