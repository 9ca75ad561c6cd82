"""Quiet hours: a stretch of the day, often over midnight, in which nobody is disturbed."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from orchestrator.model.cadence import QuietHours, Span

from .spans import merge
from .wallclock import instant_ms, local_at


def quiet_span(quiet: QuietHours, zone: tzinfo, at_ms: int) -> Span | None:
    """Find the quiet stretch an instant lies in; None when it is not quiet then.

    Where the clocks go back, quiet begins the first time its start is shown and ends the last time its end is:
    a doubled hour is never half loud.
    """
    today = local_at(at_ms, zone).date()
    over_midnight = timedelta(days=quiet.end <= quiet.start)
    nights = (
        Span(
            instant_ms(datetime.combine(day, quiet.start), zone),
            instant_ms(datetime.combine(day + over_midnight, quiet.end), zone, last=True),
        )
        for day in (today + timedelta(days=offset) for offset in range(-3, 4))
    )
    return next((span for span in merge(nights) if at_ms in span), None)


def is_quiet(quiet: QuietHours, zone: tzinfo, at_ms: int) -> bool:
    """Tell whether an instant lies in quiet hours."""
    return quiet_span(quiet, zone, at_ms) is not None
