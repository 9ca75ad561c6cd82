"""Notes for whoever keeps a room next: where each was said, never what it says."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import CommunityKey, EventId, RoomId, RoomKey, UserId
from orchestrator.store.rows import number, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note.

    Attributes:
        key: the declared room it is about.
        room, event: where it stands.
        passed: whoever it is for was shown it.
    """

    key: RoomKey
    room: RoomId
    event: EventId
    author: UserId
    made_ms: int
    passed: bool = False


def notes_of(tx: Tx, community: CommunityKey, key: RoomKey) -> list[Note]:
    """List the notes about a declared room, the oldest first."""
    rows = tx.rows(
        "select * from note where account = :account and community = :community and key = :key order by made_ms, event",
        community=community,
        key=key,
    )
    return [_note(row) for row in rows]


def put_note(tx: Tx, community: CommunityKey, note: Note) -> None:
    """Write down where a note stands, or that it was shown."""
    tx.run(
        "insert into note (account, community, key, room, event, author, made_ms, passed) values (:account, :community,"
        " :key, :room, :event, :author, :made_ms, :passed) on conflict (account, room, event) do update set"
        " passed = excluded.passed",
        community=community,
        key=note.key,
        room=note.room,
        event=note.event,
        author=note.author,
        made_ms=note.made_ms,
        passed=int(note.passed),
    )


def drop_note(tx: Tx, room: RoomId, event: EventId) -> bool:
    """Forget a note; tells whether there was one."""
    return (
        tx.run("delete from note where account = :account and room = :room and event = :event", room=room, event=event)
        > 0
    )


def _note(row: Row) -> Note:
    return Note(
        key=RoomKey(text(row, "key")),
        room=RoomId(text(row, "room")),
        event=EventId(text(row, "event")),
        author=UserId(text(row, "author")),
        made_ms=number(row, "made_ms"),
        passed=number(row, "passed") == 1,
    )
