"""Questions that wait in a control room which moves: asked again in the new one, and withdrawn in the old one.

Both in the transaction that moves the room, so each of them is open in one place at every instant. What somebody was asked
because of a command that they gave is withdrawn alone: where they are now, they give it again if they still mean it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Room
from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import AnyEffect, Ask
from orchestrator.model.feature import Now, Tx
from orchestrator.model.ids import RoomId
from orchestrator.rooms.report import CRAFT
from orchestrator.store import questions

SHORTEST_MS: Final = HOUR_MS
"""How long whoever keeps a room has at least to find a question where it is asked now."""


def ask_anew(tx: Tx, room: Room, old: RoomId, new: RoomId, now: Now) -> Iterator[AnyEffect]:
    """Ask in the new room what is open in the old one, for as long as it would have been open there."""
    if room.key != CONTROL_KEY:
        return
    open_ = [*questions.questions_in(tx, old), *questions.about_to_be_asked(tx, old, now.at_ms)]
    for question in open_:
        if question.craft != CRAFT:
            continue
        questions.withdraw(tx, CRAFT, question.subject)
        if question.content is not None and question.until_ms > now.at_ms:
            yield Ask(
                step=f"asked-anew:{new}:{question.event}",
                room=new,
                content=question.content,
                choices=question.choices,
                needs=question.needs,
                about=question.about,
                about_room=question.about_room,
                subject=question.subject,
                tag=question.tag,
                open_ms=max(SHORTEST_MS, question.until_ms - now.at_ms),
            )
