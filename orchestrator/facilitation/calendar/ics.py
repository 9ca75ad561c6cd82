"""Calendars as calendar programs read them: iCalendar (RFC 5545), all times in UTC.

Whoever subscribes sees it on a lock screen, and so does who looks over their shoulder: a turn is "duty" and nothing else.
Only where a calendar is about others, too, the first part of an id stands behind it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from icalendar import Alarm, Calendar, Event

from orchestrator.i18n import _
from orchestrator.model.clock import DAY_MS, SECOND_MS

from .entries import Entry, Status
from .words import title

TYPE = "text/calendar; charset=utf-8"
PRODUCT = "-//Circlekeeper//Circlekeeper//EN"
REFRESH = timedelta(hours=4)


def write(entries: Iterable[Entry], now_ms: int, *, named: bool = False, reminders_ms: Iterable[int] = ()) -> bytes:
    """Write a calendar; the same entries on the same day give the same bytes.

    Args:
        entries: what it holds.
        now_ms: when it is written; of it only the day counts (UTC).
        named: say who has each turn.
        reminders_ms: how long before each turn the program reminds whoever has it; none: never.
    """
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    # RFC 7986, and what programs knew before it. The name is as neutral as the rest.
    calendar.add("name", _("duty"))
    calendar.add("x-wr-calname", _("duty"))
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT4H")
    stamp = _moment(now_ms // DAY_MS * DAY_MS)
    leads = sorted({lead_ms for lead_ms in reminders_ms if lead_ms > 0}, reverse=True)
    for entry in entries:
        if entry.span.end_ms // SECOND_MS <= entry.span.start_ms // SECOND_MS:
            continue  # somebody took over within the second: what has no length in whole seconds is no event
        calendar.add_component(_event(entry, stamp, leads, named=named))
    written: bytes = calendar.to_ical()
    return written


def _event(entry: Entry, stamp: datetime, leads_ms: Iterable[int], *, named: bool) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    event.add("dtstamp", stamp)
    event.add("dtstart", _moment(entry.span.start_ms))
    event.add("dtend", _moment(entry.span.end_ms))
    event.add("sequence", entry.sequence)
    event.add("status", entry.status)
    event.add("class", "PRIVATE")
    # Looking on, and what may still change, keeps nobody from other plans.
    event.add("transp", "OPAQUE" if entry.status is Status.CONFIRMED else "TRANSPARENT")
    summary = title(entry.part, entry.user, named=named)
    event.add("summary", summary)
    if entry.status is Status.CONFIRMED:
        for lead_ms in leads_ms:
            event.add_component(_alarm(summary, lead_ms))
    return event


def _alarm(summary: str, lead_ms: int) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", summary)
    alarm.add("trigger", timedelta(milliseconds=-lead_ms))
    return alarm


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // SECOND_MS, UTC)
