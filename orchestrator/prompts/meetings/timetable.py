"""When a meeting is, and when what about it is said. Pure, and exact where clocks change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from orchestrator.documents.declared import Meeting
from orchestrator.model.cadence import QuietHours
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS
from orchestrator.schedule import instant_ms, occurrences, quiet_span

GRACE_MS: Final = 15 * MINUTE_MS
"""For how long after its time a beginning may still be said, and an end."""

LAST_MINUTES_MS: Final = 10 * MINUTE_MS
"""How long before the end a last question is asked; of a short meeting, when a third is left."""

MOST_AHEAD_MS: Final = 30 * DAY_MS
"""Nothing about a meeting is said earlier than this before it begins: four weeks, and what clocks may do."""

LONGEST_MS: Final = DAY_MS + GRACE_MS
"""Nothing about a meeting is said later than this after it began."""


class Step(StrEnum):
    """What is said about a meeting, in this order."""

    ANNOUNCE = "announce"
    REMIND = "remind"
    OPEN = "open"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Session:
    """One time that people meet.

    Attributes:
        slot: the time on the wall at which it begins.
        start_ms: the instant.
    """

    meeting: Meeting
    start_ms: int
    slot: datetime

    @property
    def end_ms(self) -> int:
        """When it is over."""
        return self.start_ms + self.meeting.lasts_ms


@dataclass(frozen=True, slots=True)
class Due:
    """When something about a session is said: from ``at_ms`` on, and from ``stale_ms`` on not any more."""

    step: Step
    at_ms: int
    stale_ms: int


def sessions(meeting: Meeting, zone: tzinfo, from_ms: int, until_ms: int) -> Iterator[Session]:
    """List the sessions that begin in the half-open window, in order."""
    for one in occurrences(meeting.when, zone, from_ms, until_ms):
        yield Session(meeting, one.at_ms, one.slot)


def is_session(meeting: Meeting, zone: tzinfo, start_ms: int) -> bool:
    """Tell whether a meeting begins at an instant."""
    return any(True for _one in sessions(meeting, zone, start_ms, start_ms + 1))


def steps_of(session: Session, zone: tzinfo, quiet: QuietHours | None) -> tuple[Due, ...]:
    """Tell what is said about a session and when, in order.

    People are told outside of their quiet hours: an announcement waits for their end; a reminder, too, or else comes the
    evening before. What would come too late for that is left out. An announcement that is late is of use until the reminder
    comes, and a reminder until it begins.
    """
    start_ms, meeting = session.start_ms, session.meeting
    remind_ms = _reminded_ms(session, zone, quiet)
    announce_ms = None
    if meeting.announce_ms is not None:
        announce_ms = _awake_ms(_before_ms(session, meeting.announce_ms, zone), quiet, zone)
    if announce_ms is not None and remind_ms is not None and remind_ms <= announce_ms:
        remind_ms = None
    found = []
    if announce_ms is not None and announce_ms < start_ms:
        found.append(Due(Step.ANNOUNCE, announce_ms, start_ms if remind_ms is None else remind_ms))
    if remind_ms is not None:
        found.append(Due(Step.REMIND, remind_ms, start_ms))
    found.append(Due(Step.OPEN, start_ms, start_ms + min(GRACE_MS, meeting.lasts_ms // 2)))
    if meeting.closing is not None:
        last_ms = min(LAST_MINUTES_MS, meeting.lasts_ms // 3)
        found.append(Due(Step.CLOSE, session.end_ms - last_ms, session.end_ms + GRACE_MS))
    return tuple(found)


def _reminded_ms(session: Session, zone: tzinfo, quiet: QuietHours | None) -> int | None:
    lead_ms = session.meeting.remind_ms
    if lead_ms is None:
        return None
    due_ms = _before_ms(session, lead_ms, zone)
    night = None if quiet is None else quiet_span(quiet, zone, due_ms)
    if night is None or quiet is None:
        return due_ms
    if night.end_ms < session.start_ms:
        return night.end_ms
    evening_ms = night.start_ms - HOUR_MS
    return evening_ms if quiet_span(quiet, zone, evening_ms) is None else None


def _before_ms(session: Session, lead_ms: int, zone: tzinfo) -> int:
    """Go back from the beginning: whole days on the clock on the wall, the rest in time that passes."""
    days, rest_ms = divmod(lead_ms, DAY_MS)
    from_ms = instant_ms(session.slot - timedelta(days=days), zone) if days else session.start_ms
    return min(from_ms, session.start_ms) - rest_ms


def _awake_ms(at_ms: int, quiet: QuietHours | None, zone: tzinfo) -> int:
    night = None if quiet is None else quiet_span(quiet, zone, at_ms)
    return at_ms if night is None else night.end_ms
