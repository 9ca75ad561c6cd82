from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.documents import addresses, times, words
from orchestrator.documents.braces import NAMES, fill, filled
from orchestrator.model.cadence import Every, QuietHours, Unit, Weekday

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

READERS: dict[str, Callable[[object], object]] = {
    "text": lambda value: words.text(value, most=50),
    "line": words.line,
    "key": words.key,
    "whole": words.whole(1, 3),
    "truth": words.truth,
    "choice": words.choice({"required": True, "none": False}),
    "length": times.length(),
    "every": times.every,
    "clock": times.clock,
    "quiet_hours": times.quiet_hours,
    "anchor": times.anchor,
    "day": times.day,
    "weekday": times.weekday,
    "user_id": addresses.user_id,
    "list_room": addresses.list_room,
    "domain": addresses.domain,
    "homeserver": addresses.homeserver,
    "listen": addresses.listen,
    "web_address": addresses.web_address,
    "locale": words.locale,
    "zone": times.zone,
    "event_type": words.event_type,
    "prefix": words.prefix,
    "filled": filled(("name",), words.line),
}


@pytest.mark.parametrize(
    ("reader", "written", "meant"),
    [
        ("length", "90m", 90 * MINUTE),
        ("length", "45 min", 45 * MINUTE),
        ("length", "24h", DAY),
        ("length", "7d", 7 * DAY),
        ("length", "30 Days", 30 * DAY),
        ("length", "4 weeks", 28 * DAY),
        ("length", "1 week", 7 * DAY),
        ("length", "30s", 30_000),
        ("length", "0d", 0),
        ("every", "1 week", Every(1, Unit.WEEK)),
        ("every", "2w", Every(2, Unit.WEEK)),
        ("every", "3 days", Every(3, Unit.DAY)),
        ("every", "12h", Every(12, Unit.HOUR)),
        ("every", "1 month", Every(1, Unit.MONTH)),
        ("clock", "19:05", time(19, 5)),
        ("clock", "9:05", time(9, 5)),
        ("quiet_hours", "21:00-08:00", QuietHours(time(21), time(8))),
        ("quiet_hours", "21:00 \u2013 08:00", QuietHours(time(21), time(8))),
        ("anchor", "2026-01-06 19:00", datetime.fromisoformat("2026-01-06T19:00")),
        ("anchor", "2026-01-06T19:00", datetime.fromisoformat("2026-01-06T19:00")),
        ("day", "2026-10-01", date(2026, 10, 1)),
        ("weekday", "tue", Weekday.TUE),
        ("weekday", "Sunday", Weekday.SUN),
        ("user_id", "@ana:grove.example", "@ana:grove.example"),
        ("user_id", "@ana:127.0.0.1:8448", "@ana:127.0.0.1:8448"),
        ("user_id", "@Ana.Old=1:[::1]:80", "@Ana.Old=1:[::1]:80"),
        ("list_room", "#bans:example.org", "#bans:example.org"),
        ("domain", "Grove.Example.", "grove.example"),
        ("homeserver", "https://matrix.grove.example/", "https://matrix.grove.example"),
        ("homeserver", "http://[::1]:8008", "http://[::1]:8008"),
        ("listen", "127.0.0.1:8090", ("127.0.0.1", 8090)),
        ("listen", "[::1]:8090", ("::1", 8090)),
        ("web_address", "https://grove.example/keeper/", "https://grove.example/keeper"),
        ("web_address", "http://127.0.0.1:8090", "http://127.0.0.1:8090"),
        ("locale", "pt-BR", "pt-BR"),
        ("locale", "zh-Hant-TW", "zh-Hant-TW"),
        ("zone", "Australia/Lord_Howe", ZoneInfo("Australia/Lord_Howe")),
        ("event_type", "m.room.topic", "m.room.topic"),
        ("prefix", "!", "!"),
        ("prefix", "::", "::"),
        ("choice", "none", False),
        ("line", "  Ana's circle ", "Ana's circle"),
        ("filled", "Hello {name}, {} and { name }", "Hello {name}, {} and { name }"),
    ],
)
def test_small_words_mean_what_people_mean_by_them(reader: str, written: object, meant: object) -> None:
    assert READERS[reader](written) == meant


@pytest.mark.parametrize(
    ("reader", "written", "says"),
    [
        ("length", 90, "with its unit"),
        ("length", "90", "with its unit"),
        ("length", "1 month", "with its unit"),
        ("length", "9999999d", "with its unit"),
        ("length", "4000d", "ten years"),
        ("length", "-1d", "with its unit"),
        ("every", "30m", "hours, days, weeks or months"),
        ("every", "0 weeks", "hours, days, weeks or months"),
        ("every", "weekly", "like 1 week"),
        ("clock", "24:00", "19:05"),
        ("clock", "19:5", "19:05"),
        ("clock", 1145, "19:05"),
        ("quiet_hours", "21:00", "hyphen"),
        ("quiet_hours", "08:00-08:00", "the same time"),
        ("anchor", "2026-02-30 19:00", "no such day"),
        ("anchor", "2026-01-06 19:00+01:00", "without a zone"),
        ("anchor", "06.01.2026 19:00", "2026-01-06"),
        ("day", "2026-13-01", "no such day"),
        ("day", "1.10.2026", "2026-10-01"),
        ("weekday", "tu", "mon, tue"),
        ("user_id", "ana@grove.example", "@ana:grove.example"),
        ("user_id", "ana", "@ana:grove.example"),
        ("user_id", "@ana", "@ana:grove.example"),
        ("user_id", "@:grove.example", "@ana:grove.example"),
        ("user_id", "@ana:grove.example ; drop", "@ana:grove.example"),
        ("user_id", "@" + "a" * 300 + ":grove.example", "@ana:grove.example"),
        ("user_id", "https://matrix.to/#/@ana:grove.example", "@ana:grove.example"),
        ("list_room", "bans", "alias of a policy list"),
        ("domain", "https://grove.example/x", "only the domain"),
        ("domain", "*.grove.example", "only the domain"),
        ("homeserver", "grove.example", "https://matrix.grove.example"),
        ("homeserver", "ftp://grove.example", "https://matrix.grove.example"),
        ("homeserver", "https://ana:secret@grove.example", "https://matrix.grove.example"),
        ("homeserver", "https://grove.example/_matrix", "https://matrix.grove.example"),
        ("homeserver", "https://grove.example:99999", "https://matrix.grove.example"),
        ("listen", "8090", "127.0.0.1:8090"),
        ("listen", "localhost:8090", "127.0.0.1:8090"),
        ("listen", "127.0.0.1:0", "127.0.0.1:8090"),
        ("listen", "127.0.0.1:70000", "127.0.0.1:8090"),
        ("listen", "300.0.0.1:80", "127.0.0.1:8090"),
        ("listen", 8090, "quotes around it"),
        ("web_address", "http://grove.example/keeper", "must be https"),
        ("web_address", "grove.example/keeper", "must be https"),
        ("web_address", "https://ana:secret@grove.example", "must be https"),
        ("web_address", "https://grove.example/a?b", "must be https"),
        ("web_address", "https://grove.example/a b", "must be https"),
        ("web_address", "https://grove.example:99999", "must be https"),
        ("locale", "english", "language tag"),
        ("locale", "de_DE", "language tag"),
        ("zone", "Europe/Berln", "Did you mean Europe/Berlin?"),
        ("zone", "../../etc/passwd", "no such time zone"),
        ("zone", "Europe", "no such time zone"),
        ("event_type", "topic", "m.room.topic"),
        ("prefix", "/", "clients keep"),
        ("prefix", "bot", "no word begins with"),
        ("choice", "requird", "Did you mean “required”?"),
        ("choice", True, "Write one of: required, none."),
        ("whole", 4, "from 1 to 3"),
        ("whole", True, "from 1 to 3"),
        ("whole", "2", "without quotes"),
        ("truth", "yes", "true or false"),
        ("key", "Tuesday Circle", "small letters"),
        ("line", "two\nlines", "one line"),
        ("line", "x" * 121, "121 characters, at most 120"),
        ("line", "  ", "Nothing is written"),
        ("line", None, "Nothing is written"),
        ("line", 12, "quotes around it"),
        ("filled", "Hello {nmae}", "You can use {name}"),
    ],
)
def test_what_is_not_meant_is_answered_with_what_to_write(reader: str, written: object, says: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        READERS[reader](written)
    assert says in str(caught.value)


def complaint(reader: Callable[[object], object], value: object) -> str | None:
    """What a reader has to say against a value; None when it takes it."""
    try:
        reader(value)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("written", [1, "true", "True", None])
def test_what_only_looks_like_true_is_not_true(written: object) -> None:
    assert (
        complaint(words.choice({True: "yes", "group_decides": "open"}), written) == "Write one of: true, group_decides."
    )


patient = settings(deadline=None)  # the list of all time zones is slow to come by
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@patient
@given(st.sampled_from(sorted(READERS)), anything)
def test_no_value_makes_a_reader_fail_in_any_other_way(reader: str, value: object) -> None:
    assert complaint(READERS[reader], value) != ""


@patient
@given(st.sampled_from(sorted(READERS)), st.text(alphabet="qzjxvw#%&*", min_size=12, max_size=60))
def test_what_was_written_is_not_repeated(reader: str, secret: str) -> None:
    assert secret not in (complaint(READERS[reader], secret) or "")


@patient
@given(st.text(), st.dictionaries(st.sampled_from(NAMES), st.text()))
def test_names_are_put_in_once_and_never_read_again(text: str, names: dict[str, str]) -> None:
    assert fill("{name}" + text.replace("{", ""), {**names, "name": "{key}"}).startswith("{key}")
