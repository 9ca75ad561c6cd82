"""The small words of a document, each read by one function: lengths of time, times of day, ids, names.

Every function takes what YAML gave and returns what it means, or raises ValueError with a sentence that says what to write
instead. The sentences never repeat what was written: it may be long, or a secret in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from ipaddress import ip_address
from itertools import pairwise
from typing import Final, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from orchestrator.model.cadence import Every, QuietHours, Unit, Weekday
from orchestrator.model.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from orchestrator.model.ids import UserId, is_user_id

from .braces import NAMES
from .declared import FixedDay

T = TypeVar("T")

_KEY: Final = re.compile(r"[a-z0-9-]{1,64}\Z")
_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?\Z")
_SERVER: Final = r"([A-Za-z0-9.-]{1,230}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?"
_USER_SERVER: Final = re.compile(_SERVER + r"\Z")
_LIST: Final = re.compile(rf"#[^:\s]+:{_SERVER}\Z|![^\s]+\Z")
_DOMAIN: Final = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_PATTERN: Final = re.compile(r"[A-Za-z0-9.:*?\[\]-]{1,255}\Z")
_VARIABLE: Final = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_CLOCK: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])\Z")
_ANCHOR: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}\Z")
_FIXED_DAY: Final = re.compile(r"(?:(20[0-9]{2})-)?([0-9]{2})-([0-9]{2})\Z")
_DAY: Final = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}\Z")
_LENGTH: Final = re.compile(r"([0-9]{1,6}) ?([a-z]+)\Z")
_LISTEN: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15})):([0-9]{1,5})\Z")
_WEB_PATH: Final = re.compile(r"[A-Za-z0-9._~/-]*\Z")
_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_EVENT_TYPE: Final = re.compile(r"[a-z][A-Za-z0-9_.-]*\.[A-Za-z0-9_.-]+\Z")

_MS: Final = {
    **dict.fromkeys(("s", "second", "seconds"), SECOND_MS),
    **dict.fromkeys(("m", "min", "minute", "minutes"), MINUTE_MS),
    **dict.fromkeys(("h", "hour", "hours"), HOUR_MS),
    **dict.fromkeys(("d", "day", "days"), DAY_MS),
    **dict.fromkeys(("w", "week", "weeks"), 7 * DAY_MS),
}
_UNITS: Final = {
    **dict.fromkeys(("h", "hour", "hours"), Unit.HOUR),
    **dict.fromkeys(("d", "day", "days"), Unit.DAY),
    **dict.fromkeys(("w", "week", "weeks"), Unit.WEEK),
    **dict.fromkeys(("month", "months"), Unit.MONTH),
}
LONGEST_MS: Final = 3_660 * DAY_MS

NOTHING: Final = "Nothing is written here. (A text that begins with # needs quotes: YAML takes it for a comment.)"


def text(value: object, *, most: int) -> str:
    """Read a text of at most ``most`` characters, without the space around it."""
    if value is None:
        raise ValueError(NOTHING)
    if not isinstance(value, str):
        raise ValueError("This must be a text. Put quotes around it.")  # noqa: TRY004 - pydantic gathers ValueErrors only
    stripped = value.strip()
    if not stripped:
        raise ValueError("Nothing is written here.")
    if len(stripped) > most:
        raise ValueError(f"This is too long: {len(stripped)} characters, at most {most}.")
    return stripped


def line(value: object, *, most: int = 120) -> str:
    """Read a text of one line."""
    found = text(value, most=most)
    if "\n" in found:
        raise ValueError("This must be on one line.")
    return found


def key(value: object) -> str:
    """Read a key: lower-case letters, digits and hyphens."""
    found = text(value, most=64)
    if not _KEY.match(found):
        raise ValueError("A key is made of small letters, digits and hyphens, like tuesday-circle.")
    return found


def whole(low: int, high: int) -> Callable[[object], int]:
    """Make a reader of whole numbers from ``low`` to ``high``."""

    def read_whole(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            wanted = f"a whole number from {low} to {high}" if low < high else f"the number {low}"
            raise ValueError(f"Write {wanted}, without quotes.")
        return value

    return read_whole


def version(value: object) -> int:
    """Read the version of a document's form: 1."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 1:
        raise ValueError("This file is for a newer Circlekeeper. This one reads version: 1")
    return whole(1, 1)(value)


def truth(value: object) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ValueError("Write true or false, without quotes.")  # noqa: TRY004 - as above
    return value


def choice(choices: Mapping[object, T]) -> Callable[[object], T]:
    """Make a reader of one of a few words."""
    known = ", ".join(str(word).lower() if isinstance(word, bool) else str(word) for word in choices)

    def read_choice(value: object) -> T:
        # 1 == True: compare types too, or `1` would pass for `true`.
        for word, meaning in choices.items():
            if type(word) is type(value) and word == value:
                return meaning
        near = nearest(value, [word for word in choices if isinstance(word, str)])
        raise ValueError(f"Write one of: {known}." + (f" Did you mean “{near}”?" if near else ""))

    return read_choice


def nearest(value: object, known: list[str]) -> str | None:
    """Find the known word that comes nearest to what was written, None when none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only on the way to an error message

    lowered = {word.lower(): word for word in reversed(known)}
    found = get_close_matches(str(value)[:80].lower().strip(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def length(*, least_ms: int = 0) -> Callable[[object], int]:
    """Make a reader of lengths of time, such as ``90m`` or ``4 weeks``, into milliseconds."""

    def read_length(value: object) -> int:
        parts = _LENGTH.match(value.strip().lower()) if isinstance(value, str) else None
        if parts is None or parts[2] not in _MS:
            raise ValueError("Write a length of time with its unit, like 90m, 24h, 7d or 4 weeks.")
        found = int(parts[1]) * _MS[parts[2]]
        if not least_ms <= found <= LONGEST_MS:
            raise ValueError(
                "This length of time is too short." if found < least_ms else "This is longer than ten years."
            )
        return found

    return read_length


def every(value: object) -> Every:
    """Read a repetition, such as ``1 week``."""
    parts = _LENGTH.match(value.strip().lower()) if isinstance(value, str) else None
    if parts is None or parts[2] not in _UNITS or not 1 <= int(parts[1]) <= 1_000:
        raise ValueError("Write how often, in hours, days, weeks or months, like 1 week, 3 days or 1 month.")
    return Every(int(parts[1]), _UNITS[parts[2]])


def lasting(value: object) -> Every:
    """Read how long a turn is on the clock on the wall, such as ``2 hours``."""
    try:
        return every(value)
    except ValueError:
        raise ValueError("Write how long, in whole hours, days, weeks or months, like 2 hours or 1 week.") from None


def clock(value: object) -> time:
    """Read a time of day, such as ``19:05``."""
    parts = _CLOCK.match(value.strip()) if isinstance(value, str) else None
    if parts is None:
        raise ValueError('Write a time of day from 00:00 to 23:59, like "19:05".')
    return time(int(parts[1]), int(parts[2]))


def quiet_hours(value: object) -> QuietHours:
    """Read quiet hours, such as ``21:00-08:00``."""
    ends = re.split(" ?[-\u2013] ?", value.strip()) if isinstance(value, str) else []
    if len(ends) != 2 or not all(_CLOCK.match(end) for end in ends):
        raise ValueError('Write two times of day with a hyphen between them, like "21:00-08:00".')
    start, end = map(clock, ends)
    if start == end:
        raise ValueError("These hours begin and end at the same time. Leave them out, or write two different times.")
    return QuietHours(start, end)


def anchor(value: object) -> datetime:
    """Read a wall-clock date and time without a zone, such as ``2026-01-06 19:00``."""
    if isinstance(value, str) and _ANCHOR.match(value.strip()):
        try:
            return datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("There is no such day or time.") from None
    raise ValueError('Write a date and a time, without a zone, like "2026-01-06 19:00".')


def beginning(value: object) -> datetime:
    """Read when something begins: a day (it begins with the day), or a day and a time; on the clock on the wall."""
    return _instant(value, over=timedelta())


def ending(value: object) -> datetime:
    """Read until when something goes on: a day (that day counts), or a day and a time; on the clock on the wall."""
    return _instant(value, over=timedelta(days=1))


def _instant(value: object, *, over: timedelta) -> datetime:
    if not isinstance(value, str) or not (_ANCHOR.match(value.strip()) or _DAY.match(value.strip())):
        raise ValueError('Write a day, like 2026-12-01, or a day and a time, without a zone, like "2026-12-01 19:00".')
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError("There is no such day or time.") from None
    return found if ":" in value else found + over


def day(value: object) -> date:
    """Read a date, such as ``2026-10-01``."""
    if isinstance(value, str) and _DAY.match(value.strip()):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("There is no such day.") from None
    raise ValueError("Write a date as year, month and day, like 2026-10-01.")


def weekday(value: object) -> Weekday:
    """Read a day of the week: its first three letters, or the whole word."""
    if isinstance(value, str):
        for one in Weekday:
            if value.strip().lower() in {one.name.lower(), _DAYS[one]}:
                return one
    raise ValueError("Write a day of the week: mon, tue, wed, thu, fri, sat or sun.")


def fixed_day(value: object) -> FixedDay:
    """Read a day of every year, such as ``12-31``, or of one, such as ``2026-12-31``."""
    match = _FIXED_DAY.match(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("Write a month and a day, like 12-31, or with the year, like 2026-12-31.")
    year, month, number = (int(part) if part else None for part in match.groups())
    try:
        date(year or 2024, month or 0, number or 0)  # 2024 has all the days there are
    except ValueError:
        raise ValueError("There is no such day.") from None
    return FixedDay(month or 0, number or 0, year)


def clocks(value: object) -> tuple[time, ...]:
    """Read one time of day, or several of them at least an hour apart."""
    found = tuple(sorted(map(clock, value))) if isinstance(value, list) and value else (clock(value),)
    minutes = [one.hour * 60 + one.minute for one in found]
    if any(after - before < 60 for before, after in pairwise(minutes)):
        raise ValueError("Nobody is asked more than once an hour: leave an hour between these times.")
    return found


_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def user_id(value: object) -> UserId:
    """Read a Matrix user id (appendix "User identifiers", the historical grammar included)."""
    found = text(value, most=400)
    if found.startswith("@:") or not is_user_id(found) or not _USER_SERVER.match(found.partition(":")[2]):
        raise ValueError('This is no Matrix user id. They look like "@ana:grove.example" (in quotes).')
    return UserId(found)


def list_room(value: object) -> str:
    """Read the alias or id of a policy list's room (MSC2313)."""
    found = text(value, most=255)
    if not _LIST.match(found):
        raise ValueError('Write the alias of a policy list, like "#community-bans:example.org" (in quotes).')
    return found


def live_room(value: object) -> str:
    """Read the id of a room, or an alias that leads to it."""
    found = text(value, most=255)
    if not _LIST.match(found):
        raise ValueError(
            'Write the id of the room, like "!Abc:grove.example", or an address that leads to it, like '
            '"#lounge:grove.example" (in quotes).'
        )
    return found


def server(value: object) -> str:
    """Read the name of a homeserver, such as ``grove.example``, with a port where it has one."""
    found = text(value, most=255)
    if not _USER_SERVER.match(found):
        raise ValueError("Write the name of a server, like grove.example.")
    return found


def domain(value: object) -> str:
    """Read a domain, such as ``grove.example``; it stands for its subdomains too."""
    found = text(value, most=253).lower().rstrip(".")
    if not _DOMAIN.match(found):
        raise ValueError(
            "Write only the domain, like grove.example: no https://, no path. Its subdomains are included."
        )
    return found


def server_pattern(value: object) -> str:
    """Read a pattern of server names, such as ``*.example``; the port is no part of it (``m.room.server_acl``)."""
    found = text(value, most=255).lower()
    if not _PATTERN.match(found):
        raise ValueError('Write a server name like bad.example, or a pattern like "*.bad.example" (in quotes).')
    return found


def variable(value: object) -> str:
    """Read the name of a variable of a template, such as ``day``."""
    found = text(value, most=32)
    if not _VARIABLE.match(found):
        raise ValueError("The name of a variable is made of small letters, digits and _, like day or meeting_place.")
    if found in NAMES:
        raise ValueError(f"{{{found}}} has a meaning already. Choose another name.")
    return found


def beside(value: object) -> str:
    """Read the name of a file that lies beside the one that names it, or below."""
    found = line(value, most=200)
    if found.startswith(("/", "~")) or ".." in found.split("/") or "\\" in found:
        raise ValueError("Name a file that lies beside this one, like circle.png.")
    return found


def homeserver(value: object) -> str:
    """Read the address of a homeserver, without a slash at its end."""
    found = text(value, most=400).rstrip("/")
    try:
        parts = urlsplit(found)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good, parts = False, urlsplit("")
    if not good or parts.path or parts.query or parts.fragment or "@" in parts.netloc or re.search(r"\s", found):
        raise ValueError(
            'Write the homeserver\'s address, like "https://matrix.grove.example" or "http://127.0.0.1:8008".'
        )
    return found


def listen(value: object) -> tuple[str, int]:
    """Read where to listen: an address of this machine and a port, such as ``127.0.0.1:8090`` or ``[::1]:8090``."""
    found = _LISTEN.match(text(value, most=80))
    try:
        host, port = str(ip_address((found[1] or found[2]) if found else "")), int(found[3] if found else 0)
    except ValueError:
        host, port = "", 0
    if not host or not 1 <= port <= 65_535:
        raise ValueError('Write an address of this machine and a port, like "127.0.0.1:8090".')
    return host, port


def web_address(value: object) -> str:
    """Read the address under which people reach what the bot serves, without a slash at its end."""
    found = text(value, most=400).rstrip("/")
    try:
        parts = urlsplit(found)
        good = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good, parts = False, urlsplit("")
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
    if not good or not safe or not _WEB_PATH.match(parts.path) or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(
            'Write the address under which people reach it, like "https://grove.example/keeper". It must be https.'
        )
    return found


def locale(value: object) -> str:
    """Read a language tag (BCP 47), such as ``en`` or ``pt-BR``."""
    found = text(value, most=40)
    if not _LOCALE.match(found):
        raise ValueError("Write a language tag, like en, de or pt-BR.")
    return found


def zone(value: object) -> ZoneInfo:
    """Read an IANA time zone, such as ``Europe/Berlin``."""
    found = text(value, most=80)
    try:
        return ZoneInfo(found)
    except (OSError, ValueError, KeyError):
        from zoneinfo import available_timezones  # noqa: PLC0415 - slow, and only for an error message

        near = nearest(found, sorted(available_timezones()))
        message = "There is no such time zone. They look like Europe/Berlin."
        raise ValueError(message + (f" Did you mean {near}?" if near else "")) from None


def event_type(value: object) -> str:
    """Read a Matrix event type, such as ``m.room.topic``."""
    found = text(value, most=255)
    if not _EVENT_TYPE.match(found):
        raise ValueError("Write a Matrix event type, like m.room.topic.")
    return found


def prefix(value: object) -> str:
    """Read what begins a command."""
    found = text(value, most=3)
    if found.startswith("/") or re.search(r"[\w\s]", found):
        raise ValueError(
            'Write one to three signs that no word begins with, like "!" (not /, which clients keep for themselves).'
        )
    return found
