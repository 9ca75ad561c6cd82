"""When people may be written to: outside their quiet hours, on their own clock."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Final

from orchestrator.documents.declared import Room
from orchestrator.model.cadence import NIGHT, QuietHours
from orchestrator.schedule import instant_ms, local_at, quiet_span

BEFORE: Final = timedelta(hours=1)


def quiet_of(room: Room) -> QuietHours:
    """Find when those who keep a room are left alone."""
    return (room.rota.quiet if room.rota is not None else None) or NIGHT


def waking_ms(at_ms: int, quiet: QuietHours, zone: tzinfo) -> int:
    """Move an instant out of quiet hours: to their end, where it lies in them."""
    night = quiet_span(quiet, zone, at_ms)
    return at_ms if night is None else night.end_ms


def evening_before_ms(at_ms: int, quiet: QuietHours, zone: tzinfo) -> int:
    """Move an instant out of quiet hours the other way: an hour before they begin, where it lies in them.

    Where that hour lies in other quiet hours they are one, so the result never does; quiet hours that never end leave the
    instant as it is.
    """
    night = quiet_span(quiet, zone, at_ms)
    if night is None:
        return at_ms
    evening: datetime = local_at(night.start_ms, zone) - BEFORE
    before_ms = instant_ms(evening, zone)
    if quiet_span(quiet, zone, before_ms) is not None:
        return night.start_ms - 1 if quiet_span(quiet, zone, night.start_ms - 1) is None else at_ms
    return before_ms
