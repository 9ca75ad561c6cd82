"""How facilitation writes days, times and lists, in the language that is spoken just now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime
from babel.lists import format_list

from orchestrator.i18n import _, current_locale
from orchestrator.model.cadence import Span
from orchestrator.schedule import local_at


def moment(at_ms: int, zone: tzinfo) -> str:
    """Say a moment: weekday, day and time."""
    # Translators: how a day and a time are written (Unicode date format patterns).
    return format_datetime(local_at(at_ms, zone), _("EEEE d MMMM, HH:mm"), locale=_babel())


def day(at_ms: int, zone: tzinfo) -> str:
    """Say a day such that it can be written back as it stands."""
    # Translators: a day as one may write it in a command (Unicode date format patterns).
    return format_datetime(local_at(at_ms, zone), _("d MMM"), locale=_babel())


def stretch(span: Span, zone: tzinfo) -> str:
    """Say from when to when, both in full."""
    return _("{start} to {end}").format(start=moment(span.start_ms, zone), end=moment(span.end_ms, zone))


def from_now(span: Span, zone: tzinfo, now_ms: int) -> str:
    """Say from when to when; of what runs only the end."""
    if span.start_ms > now_ms:
        return stretch(span, zone)
    return _("now, until {end}").format(end=moment(span.end_ms, zone))


def named(people: Sequence[str]) -> str:
    """List people."""
    return format_list(list(people), locale=_babel())


def listed(lines: Sequence[str]) -> str:
    """List things, a line each."""
    return "\n".join(f"- {line}" for line in lines)


def _babel() -> Locale:
    """Find what Babel knows of the language; English where it knows nothing."""
    whole = current_locale().replace("-", "_")
    for name in (whole, whole.partition("_")[0]):
        try:
            return Locale.parse(name)
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en")
