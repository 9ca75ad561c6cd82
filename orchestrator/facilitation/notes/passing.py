"""A note is shown to whoever takes over, and taken away after a week with all that points to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from orchestrator.documents.declared import Community, Room
from orchestrator.facilitation import NAME
from orchestrator.facilitation.records.notes import Note, notes_of, put_note
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS
from orchestrator.model.content import permalink
from orchestrator.model.effects import AnyEffect, Priority, Send
from orchestrator.model.feature import Timer, Tx
from orchestrator.model.ids import EventId, RoomId, UserId
from orchestrator.store.timers import set_timer

NOTE: Final = "note:"
KEPT_MS: Final = 7 * DAY_MS


def pass_on(tx: Tx, community: Community, room: Room, user: UserId | None) -> Iterator[AnyEffect]:
    """Show whoever keeps a room now the notes that others left for them, once each."""
    if user is None:
        return
    for note in notes_of(tx, community.key, room.key):
        if note.passed or note.author == user:
            continue
        put_note(tx, community.key, replace(note, passed=True))
        with speaking(community.locale):
            said = _("{person}, {author} left you a note about {room}: {link}").format(
                person=user, author=note.author, room=room.name, link=permalink(note.room, note.event)
            )
        yield Send(
            step=f"note:{note.event}",
            room=note.room,
            priority=Priority.STRUCTURE,
            expires_ms=note.made_ms + KEPT_MS,
            content=content.text(said, mentions=[user], people=[note.author]),
            tag=NOTE,
        )


def set_end(tx: Tx, room: RoomId, event: EventId, at_ms: int) -> None:
    """Have an event taken away later: a note, or a line of ours that points to one."""
    timer = Timer(craft=NAME, key=f"{NOTE}{room}/{event}", due_ms=at_ms, payload={"room": room, "event": event})
    set_timer(tx, timer)


def keep(tx: Tx, community: Community, note: Note) -> None:
    """Write down a new note, and when it goes."""
    put_note(tx, community.key, note)
    set_end(tx, note.room, note.event, note.made_ms + KEPT_MS)
