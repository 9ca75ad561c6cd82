"""What is known of the norms as they stand in a room: which post, whether it was seen, what is to be unpinned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orchestrator.model.feature import Tx
from orchestrator.model.ids import EventId, RoomId
from orchestrator.store.rows import dump, load, number, text

FORGOTTEN: Final = "forgotten"
"""In the place of a digest: a message of ours whose words we cannot read any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """The norms as they stand in a room.

    Attributes:
        digest: of the text that was posted; "" when that message was removed since.
        witnessed: somebody besides the bot was there to see it.
        retired: earlier posts of ours, no longer to be pinned.
        version: of the norms that were posted.
        closed: somebody came since who cannot open it.
    """

    event: EventId
    digest: str
    posted_ms: int
    witnessed: bool
    retired: tuple[EventId, ...]
    version: int = 1
    closed: bool = False


def posted_in(tx: Tx, room: RoomId) -> Posted | None:
    """Read how the norms stand in a room; None when they were never posted."""
    row = tx.one(
        "select event, digest, posted_ms, witnessed, retired, version, closed from norms where account = :account and room = :room",
        room=room,
    )
    if row is None:
        return None
    retired = load(text(row, "retired"))
    return Posted(
        event=EventId(text(row, "event")),
        digest=text(row, "digest"),
        posted_ms=number(row, "posted_ms"),
        witnessed=bool(number(row, "witnessed")),
        retired=tuple(EventId(str(e)) for e in retired) if isinstance(retired, list) else (),
        version=number(row, "version"),
        closed=bool(number(row, "closed")),
    )


def keep(tx: Tx, room: RoomId, posted: Posted) -> None:
    """Remember how the norms stand in a room now."""
    tx.run(
        "insert into norms (account, room, digest, event, posted_ms, witnessed, retired, version, closed)"
        " values (:account, :room, :digest, :event, :posted_ms, :witnessed, :retired, :version, :closed)"
        " on conflict (account, room) do update set digest = excluded.digest, event = excluded.event,"
        " posted_ms = excluded.posted_ms, witnessed = excluded.witnessed, retired = excluded.retired,"
        " version = excluded.version, closed = excluded.closed",
        room=room,
        digest=posted.digest,
        event=posted.event,
        posted_ms=posted.posted_ms,
        witnessed=int(posted.witnessed),
        retired=dump(list(posted.retired)),
        version=posted.version,
        closed=int(posted.closed),
    )
