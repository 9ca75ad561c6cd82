"""The form of a meeting: a time at which people of a room come together."""

from __future__ import annotations

import re
from datetime import date, time
from typing import Annotated, Final, NotRequired

from orchestrator.documents import times, words
from orchestrator.documents.authored import DeckSpec, MeetingSpec
from orchestrator.model.cadence import Weekly
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS

from .base import NameOr, Read, key, words_of
from .deck import InlineDeckForm, deck_of, named
from .recurring import CLOCK_SCHEMA, DATE_SCHEMA, Problem, TimesForm, When, once, when_of

NEVER: Final = "never"
LONGEST_MS: Final = DAY_MS
SHORTEST_MS: Final = 5 * MINUTE_MS
AHEAD_MOST_MS: Final = 28 * DAY_MS

_NAKED_LINK: Final = re.compile(r"([a-z0-9-]+\.)+[a-z]{2,}/\S*\Z", re.IGNORECASE)


def _ahead(value: object) -> int | None:
    if value == NEVER:
        return None
    try:
        found = times.length()(value)
    except ValueError:
        raise ValueError("Write how long before it begins, like 2d or 1h, or never.") from None
    if not MINUTE_MS <= found <= AHEAD_MOST_MS:
        raise ValueError("Write a time from 1m to 4 weeks before it begins, or never.")
    return found


def _lasting(value: object) -> int:
    found = times.length()(value)
    if not SHORTEST_MS <= found <= LONGEST_MS:
        raise ValueError("A meeting lasts from 5m to 24h.")
    return found


def _where(value: object) -> str:
    found = words.line(value, most=300)
    if found.lower().startswith("http:"):
        raise ValueError("Over http everybody on the way can listen in. Write a link that begins with https://")
    if _NAKED_LINK.match(found):
        raise ValueError("If this is a link, write all of it, with https:// before it.")
    return found


_AHEAD_SCHEMA: Final = {"type": "string", "pattern": r"^(\d+ ?[a-zA-Z]+|never)$", "examples": ["2d", "1h", NEVER]}
_LASTS_SCHEMA: Final = {"type": "string", "pattern": r"^\d+ ?[a-zA-Z]+$", "examples": ["90m", "2h"]}
_PLACES: Final = ["call", "https://call.grove.example/tuesday", "the reading room of the library"]

Ahead = Annotated[int | None, Read(_ahead, _AHEAD_SCHEMA, "2d")]
OfDeck = Annotated[str | InlineDeckForm, NameOr(key("gentle-checkin"), InlineDeckForm)]


class MeetingForm(TimesForm):
    """When people of a room come together, where, and what is asked then."""

    at: Annotated[time, Read(times.clock, CLOCK_SCHEMA, '"19:00"')]
    day: NotRequired[Annotated[date, Read(times.day, DATE_SCHEMA, "2026-12-12")]]
    title: NotRequired[Annotated[str, words_of(100, example="Tuesday evening")]]
    lasts: NotRequired[Annotated[int, Read(_lasting, _LASTS_SCHEMA, "90m")]]
    where: NotRequired[Annotated[str, Read(_where, {"type": "string", "maxLength": 300, "examples": _PLACES}, "call")]]
    announce: NotRequired[Ahead]
    remind: NotRequired[Ahead]
    opening: NotRequired[OfDeck]
    closing: NotRequired[OfDeck]


def meeting_spec(form: MeetingForm) -> MeetingSpec:
    """Make plain data of it."""
    when = _when(form)
    announce_ms = form.get("announce", 2 * DAY_MS)
    # Where it is announced only shortly before, nobody needs to be told again.
    soon = announce_ms is not None and announce_ms <= HOUR_MS
    return MeetingSpec(
        title=form.get("title", ""),
        when=Weekly(time()) if isinstance(when, Problem) else when,
        problem=when if isinstance(when, Problem) else None,
        lasts_ms=form.get("lasts", HOUR_MS),
        where=form.get("where", ""),
        announce_ms=announce_ms,
        remind_ms=form.get("remind", None if soon else HOUR_MS),
        opening=_deck(form["opening"]) if "opening" in form else None,
        closing=_deck(form["closing"]) if "closing" in form else None,
    )


def _when(form: MeetingForm) -> When:
    if "day" in form:
        if form.keys() & {"on", "rrule", "from"}:
            return Problem("day", "This is for a meeting on one day only. Leave it out, or what says other days.")
        return once(form["day"], form["at"])
    found = when_of(form, (form["at"],))
    if isinstance(found, Problem) and found.key == "rrule" and "HOURLY" in form["rrule"].upper():
        return Problem("rrule", "A meeting is on some days, at one time of the day. Write FREQ=DAILY, or less often.")
    return found


def _deck(form: str | InlineDeckForm) -> DeckSpec:
    if isinstance(form, str):
        return DeckSpec(form)
    name = named(form["title"])
    return DeckSpec(name, deck_of(form, name))
