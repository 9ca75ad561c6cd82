"""What was said about which meeting, or why not: one row for each step of a session, so that each is taken once.

Who comes is written down nowhere: people say it by reactions, and those are counted where they stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from orchestrator.documents.declared import Room
from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import CommunityKey, EventId, RoomId, RoomKey
from orchestrator.store.rows import number, text

CLAIMED: Final = "claimed"
CANCEL: Final = "cancel"
"""The step of a session that was called off."""

MOVED: Final = "moved"
"""The step of a session that the documents do not hold any more, and that people had been told of."""


@dataclass(frozen=True, slots=True)
class Said:
    """A step of a session.

    Attributes:
        outcome: ``claimed``, what became of it (``effects.Outcome``), or ``passed: `` and why.
        room, event: what was said, if it was.
    """

    meeting: str
    start_ms: int
    step: str
    outcome: str
    room: RoomId | None
    event: EventId | None

    @property
    def told(self) -> bool:
        """It was said, or is about to be."""
        return self.outcome in {CLAIMED, "done"}


Steps = Mapping[tuple[str, int, str], Said]
"""The steps of a room's sessions, by meeting, beginning and step."""


def steps_in(tx: Tx, room: Room, *, since_ms: int) -> Steps:
    """Read what is known of a room's sessions that begin at an instant, or later."""
    rows = tx.rows(
        "select * from meeting where account = :account and community = :community and key = :key"
        " and start_ms >= :since_ms order by start_ms, meeting, step",
        community=room.community,
        key=room.key,
        since_ms=since_ms,
    )
    found = map(_said, rows)
    return {(one.meeting, one.start_ms, one.step): one for one in found}


def known_rooms(tx: Tx, *, since_ms: int) -> set[tuple[CommunityKey, RoomKey]]:
    """List the rooms of which something is known about sessions that begin at an instant, or later."""
    found = tx.rows(
        "select distinct community, key from meeting where account = :account and start_ms >= :since_ms",
        since_ms=since_ms,
    )
    return {(CommunityKey(text(row, "community")), RoomKey(text(row, "key"))) for row in found}


def claim(tx: Tx, room: Room, meeting: str, start_ms: int, step: str, outcome: str = CLAIMED) -> bool:
    """Write down what becomes of a step; tells False when that was written before, so that it happens once."""
    return (
        tx.run(
            "insert into meeting (account, community, key, meeting, start_ms, step, outcome, room, event) values (:account,"
            " :community, :key, :meeting, :start_ms, :step, :outcome, null, null) on conflict do nothing",
            community=room.community,
            key=room.key,
            meeting=meeting,
            start_ms=start_ms,
            step=step,
            outcome=outcome,
        )
        > 0
    )


def note(  # which step, and what became of it
    tx: Tx,
    room: Room,
    meeting: str,
    start_ms: int,
    step: str,
    outcome: str,
    *,
    where: RoomId | None,
    event: EventId | None,
) -> None:
    """Note what became of a step; also where the meeting goes by another title since."""
    tx.run(
        "update meeting set outcome = :outcome, room = :where, event = :event where account = :account"
        " and community = :community and key = :key and start_ms = :start_ms and step = :step and (meeting = :meeting"
        " or (outcome = 'claimed' and not exists (select 1 from meeting as other where other.account = :account"
        " and other.community = :community and other.key = :key and other.start_ms = :start_ms and other.step = :step"
        " and other.meeting = :meeting)))",
        community=room.community,
        key=room.key,
        meeting=meeting,
        start_ms=start_ms,
        step=step,
        outcome=outcome,
        where=where,
        event=event,
    )


def unclaim(tx: Tx, room: Room, meeting: str, start_ms: int, step: str = "") -> None:
    """Forget a step of a session; without one, all that is known of it."""
    tx.run(
        "delete from meeting where account = :account and community = :community and key = :key and meeting = :meeting"
        " and start_ms = :start_ms and (step = :step or :step = '')",
        community=room.community,
        key=room.key,
        meeting=meeting,
        start_ms=start_ms,
        step=step,
    )


def rename(tx: Tx, room: Room, before: str, now: str, start_ms: int) -> None:
    """Let what is known of a session follow a meeting that goes by another title now."""
    tx.run(
        "update meeting set meeting = :now where account = :account and community = :community and key = :key"
        " and meeting = :before and start_ms = :start_ms",
        community=room.community,
        key=room.key,
        before=before,
        now=now,
        start_ms=start_ms,
    )


def tidy(tx: Tx, before_ms: int) -> None:
    """Forget sessions that began before an instant."""
    tx.run("delete from meeting where account = :account and start_ms < :before_ms", before_ms=before_ms)


def _said(row: Row) -> Said:
    return Said(
        meeting=text(row, "meeting"),
        start_ms=number(row, "start_ms"),
        step=text(row, "step"),
        outcome=text(row, "outcome"),
        room=RoomId(text(row, "room")) if row["room"] is not None else None,
        event=EventId(text(row, "event")) if row["event"] is not None else None,
    )
