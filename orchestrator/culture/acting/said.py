"""What somebody said or is called, as far as it is needed to do something about it: ids, and no words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orchestrator.model.events import Member, Message
from orchestrator.model.feature import Now
from orchestrator.model.ids import EventId, JsonObject, RoomId, UserId

NONE: Final = EventId("")
"""No event."""

_SAID: Final = "said"
REMEMBERED_MS: Final = 3_600_000
"""How long is known, in memory only, who wrote a message (``model/windows``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An event that a rule is about.

    Attributes:
        user: who wrote it, or is called so.
        root: the root of the thread that it stands in; "": none.
        original: the message that it edits, if that is known to be by the same person; "": none.
        staff: a rule does no more than nudge them.
    """

    room: RoomId
    event: EventId
    user: UserId
    root: EventId = NONE
    original: EventId = NONE
    staff: bool = False

    @classmethod
    def of(cls, event: Message | Member, now: Now, *, staff: bool) -> Said:
        """Keep of an event what is needed to do something about it."""
        root = original = EventId("")
        if isinstance(event, Message):
            # No thread can begin at an edit.
            root = event.thread or event.edits or root
            if event.edits is not None and author_of(now, event.room, event.edits) == event.sender:
                original = event.edits
        user = event.user if isinstance(event, Member) else event.sender
        return cls(room=event.room, event=event.id, user=user, root=root, original=original, staff=staff)

    @classmethod
    def read(cls, about: JsonObject) -> Said:
        """Read what ``written`` wrote."""
        return cls(
            room=RoomId(str(about.get("room"))),
            event=EventId(str(about.get("event"))),
            user=UserId(str(about.get("user"))),
            root=EventId(str(about.get("root") or "")),
            original=EventId(str(about.get("original") or "")),
            staff=about.get("staff") is True,
        )

    def written(self) -> JsonObject:
        """Write it as ids, for a timer, a tag or a question."""
        return {
            "room": self.room,
            "event": self.event,
            "user": self.user,
            "root": self.root,
            "original": self.original,
            "staff": self.staff,
        }


def remember(message: Message, now: Now) -> None:
    """Remember for an hour, in memory only, who wrote a message."""
    now.windows.stage((_SAID, message.room), now.at_ms, f"{message.id} {message.sender}")


def author_of(now: Now, room: RoomId, event: EventId) -> UserId | None:
    """Tell who wrote a message lately; None when that is not known any more."""
    for _at_ms, mark in now.windows.since((_SAID, room), now.at_ms - REMEMBERED_MS):
        known, _space, user = mark.partition(" ")
        if known == event:
            return UserId(user)
    return None
