"""The words in which people write dates and times: cut into tokens, and put together to sides of a stretch of time.

English is always understood, and so are the names of months and weekdays of one more language. Nothing here knows what day
it is: ``dates`` says what the words come to.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from .date_names import named, names_in

Unit: TypeAlias = Literal["minute", "hour", "day", "week", "month"]

DAY_MINUTES: Final = 24 * 60
NO_TIME: Final = -1
"""A time of day that there is not, such as 25:00."""


@dataclass(frozen=True, slots=True)
class Side:
    """One end of a stretch of time, as far as it was said.

    Attributes:
        day: of the month; 0 stands for none there is.
        month: 1 to 12; more is one that there is not.
        weekday: as ``datetime.weekday()`` counts.
        days_on: 0 for today, 1 for tomorrow.
        weeks_on: 0 for this week, 1 for the next one: of the weekday, or of the whole week where none is said.
        minute: of the day; ``NO_TIME`` for one that there is not.
        swap: day and month are numbers that may also be meant the other way round.
    """

    day: int | None = None
    month: int | None = None
    year: int | None = None
    weekday: int | None = None
    days_on: int | None = None
    weeks_on: int | None = None
    minute: int | None = None
    now: bool = False
    swap: bool = False

    @property
    def dated(self) -> bool:
        """It says a day, and not only a time of day."""
        return self.now or any(one is not None for one in (self.day, self.weekday, self.days_on, self.weeks_on))

    @property
    def bare(self) -> bool:
        """It is no more than the day of a month that the other side says."""
        return self.day is not None and self.month is None

    @property
    def known(self) -> bool:
        """It can be found without the other side."""
        return not self.bare and (self.dated or self.minute is not None)


@dataclass(frozen=True, slots=True)
class Said:
    """A stretch of time as it was said.

    Attributes:
        length: how long, in which unit.
        onward: it has a beginning only ("from 12 Dec").
    """

    start: Side | None
    end: Side | None = None
    length: tuple[int, Unit] | None = None
    onward: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Literal["iso", "clock", "numbers", "number", "word", "dash"]
    text: str = ""
    values: tuple[int, ...] = ()


_TOKEN: Final = re.compile(
    r"(?P<iso>(\d{4})-(\d{1,2})-(\d{1,2})(?!\d))"
    r"|(?P<clock>(\d{1,2}):(\d{2})(am|pm)?(?![\d:])|(\d{1,2})(am|pm)(?![^\W\d_]))"
    r"|(?P<numbers>(\d{1,2})([./])(\d{1,2})(?:\13(\d{4}|\d{2})(?!\d)|\.)?(?!\d))"
    r"|(?P<number>(\d{1,4})(?:st|nd|rd|th|\.)?(?!\d))"
    r"|(?P<word>[^\W\d_]+\.?)"
    r"|(?P<dash>-)"
)
_DASHES: Final = re.compile("[‐‑‒–—−]")  # noqa: RUF001 - of many keyboards
_AROUND: Final = " ,;`'\"()"
_FILLERS: Final = frozenset({"on", "at", "the", "of", "um"})
_TO: Final = frozenset({"to", "until", "till", "til", "through"})
_UNITS: Final[dict[str, Unit]] = {
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "minute"),
    **dict.fromkeys(("h", "hour", "hours"), "hour"),
    **dict.fromkeys(("d", "day", "days"), "day"),
    **dict.fromkeys(("w", "week", "weeks"), "week"),
    **dict.fromkeys(("month", "months"), "month"),
}
_SPECIAL: Final = frozenset(
    {"now", "today", "tomorrow", "yesterday", "this", "next", "from", "for", "am", "pm", "noon"}
)
_COUNTS: Final = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}


def read_said(words: Sequence[str], locale: str) -> tuple[Said, int] | None:
    """Read as many words as make sense together; returns what they say and how many there were, None for none."""
    cut: list[Sequence[_Token]] = []
    for word in words[:16]:
        tokens = tuple(_tokens(word, locale))
        if not tokens:
            break
        cut.append(tokens)
    for many in range(len(cut), 0, -1):
        said = _Reader([token for tokens in cut[:many] for token in tokens], locale).said()
        if said is not None:
            return said, many
    return None


def _tokens(word: str, locale: str) -> Iterator[_Token]:
    """Cut a word into tokens; none when some of it is none."""
    plain = _DASHES.sub("-", unicodedata.normalize("NFKC", word)).casefold().strip(_AROUND)
    if names_in(locale).get(plain.strip(".")) is not None:  # some languages write them with a hyphen
        yield _Token("word", plain.strip("."))
        return
    found: list[_Token] = []
    at = 0
    while at < len(plain):
        match = _TOKEN.match(plain, at)
        if match is None:
            return
        found.append(_token(match))
        at = match.end()
    if not all(token.kind != "word" or _means(token.text, locale) for token in found):
        return
    yield from found


def _token(match: re.Match[str]) -> _Token:
    text = match.group()
    numbers = tuple(map(int, re.findall(r"\d+", text)))
    match match.lastgroup:
        case "clock":
            return _Token("clock", values=(_minute(numbers, text[-2:]),))
        case "iso":
            return _Token("iso", values=numbers)
        case "numbers":
            return _Token("numbers", "/" if "/" in text else ".", numbers)
        case "number":
            return _Token("number", values=numbers)
        case "dash":
            return _Token("dash")
        case _:
            return _Token("word", text.strip("."))


def _minute(numbers: Sequence[int], half: str) -> int:
    hour, minute = (*numbers, 0)[:2]
    if half in {"am", "pm"}:
        if not 1 <= hour <= 12:
            return NO_TIME
        hour = hour % 12 + (12 if half == "pm" else 0)
    whole = hour * 60 + minute
    return whole if minute < 60 and whole <= DAY_MINUTES else NO_TIME


def _means(word: str, locale: str) -> bool:
    known = word in _FILLERS or word in _TO or word in _UNITS or word in _SPECIAL or word in _COUNTS
    return known or any(named(word, locale))


class _Reader:
    """Reads tokens from left to right; each method gives None when it cannot go on."""

    def __init__(self, tokens: Sequence[_Token], locale: str) -> None:
        self._tokens, self._locale, self._at = tokens, locale, 0

    def said(self) -> Said | None:
        """Read all of them, or nothing."""
        found = self._stretch()
        return found if found is not None and self._at == len(self._tokens) else None

    def _stretch(self) -> Said | None:
        length = self._length()
        if length is not None:
            start = self._side() if self._word("from") else None
            return Said(start, length=length)
        if self._word("until", "till", "til", "to", "through"):
            end = self._side()
            return None if end is None or end.now or not end.known else Said(Side(now=True), end)
        onward = self._word("from") is not None
        start = self._side()
        if start is None:
            return None
        length = self._length()
        if length is not None:
            return Said(start, length=length) if start.known else None
        if self._word(*_TO) or self._dash():
            end = self._side()
            return None if end is None else self._both(start, end)
        return Said(start, onward=onward) if start.known else None

    def _both(self, start: Side, end: Side) -> Said | None:
        if start.bare and end.month is not None:
            start = replace(start, month=end.month, year=end.year, swap=end.swap)
        elif end.bare and start.month is not None:
            end = replace(end, month=start.month, year=start.year, swap=start.swap)
        return Said(start, end) if start.known and end.known and not end.now else None

    def _side(self) -> Side | None:
        """Read what belongs to one end: a day, a weekday, a time, in any order."""
        side = Side()
        while self._at < len(self._tokens):
            before = self._at
            more = self._more(side)
            if more is None:
                self._at = before
                break
            side = more
        return side if side.dated or side.minute is not None else None

    def _more(self, side: Side) -> Side | None:
        token = self._next()
        match token.kind:
            case "clock" if side.minute is None:
                return replace(side, minute=token.values[0])
            case "iso" if side.day is None and side.month is None:
                year, month, day = token.values
                return replace(side, year=year, month=month, day=day)
            case "numbers" if side.day is None and side.month is None:
                return self._numbers(side, token)
            case "number":
                return self._number(side, token.values[0])
            case "word":
                return self._said_word(side, token.text)
        return None

    def _numbers(self, side: Side, token: _Token) -> Side:
        day, month, *rest = token.values
        year = None if not rest else rest[0] if rest[0] > 99 else 2000 + rest[0]
        if token.text == "/" and month > 12 >= day:
            day, month = month, day
            return replace(side, day=day, month=month, year=year)
        return replace(side, day=day, month=month, year=year, swap=token.text == "/" and day <= 12)

    def _number(self, side: Side, number: int) -> Side | None:
        half = self._word("am", "pm")
        if half is not None:
            return replace(side, minute=_minute((number,), half)) if side.minute is None else None
        if self._peek_unit() and number < 1_000 and side.known:
            return None  # "tue 3 days": a length
        if number > 99:
            return replace(side, year=number) if side.month and side.year is None and number > 999 else None
        return replace(side, day=number) if side.day is None else None

    def _said_word(self, side: Side, word: str) -> Side | None:  # noqa: PLR0911 - one line a word
        if word in _FILLERS:
            return side if self._at < len(self._tokens) else None
        if word == "now" and side == Side():
            return Side(now=True)
        if word == "noon" and side.minute is None:
            return replace(side, minute=12 * 60)
        on = {"yesterday": -1, "today": 0, "tomorrow": 1}.get(word)
        if on is not None:
            return None if side.dated else replace(side, days_on=on)
        if word in {"this", "next"}:
            return self._week(side, int(word == "next"))
        month, weekday = named(word, self._locale)
        # "mar" is a month or a day of the week in some languages: with a number beside it, it is a month.
        if month is not None and side.month is None and (weekday is None or side.day is not None or self._day_next()):
            return replace(side, month=month)
        if weekday is not None and side.weekday is None and side.days_on is None and not side.now:
            return replace(side, weekday=weekday)
        return None

    def _week(self, side: Side, weeks: int) -> Side | None:
        if side.dated or self._at == len(self._tokens):
            return None
        token = self._next()
        if token.kind == "word" and token.text == "week":
            return replace(side, weeks_on=weeks)
        weekday = named(token.text, self._locale)[1] if token.kind == "word" else None
        if weekday is None:
            return None
        # "this tue" is the one to come, as "tue" is.
        return replace(side, weekday=weekday, weeks_on=weeks or None)

    def _length(self) -> tuple[int, Unit] | None:
        before = self._at
        self._word("for")
        count: int | None = None
        if self._at < len(self._tokens):
            token = self._next()
            count = token.values[0] if token.kind == "number" else _COUNTS.get(token.text)
        if count is not None and self._peek_unit():
            return count, _UNITS[self._next().text]
        self._at = before
        return None

    def _next(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek_unit(self) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at].text in _UNITS

    def _day_next(self) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at].kind == "number"

    def _word(self, *words: str) -> str | None:
        if self._at < len(self._tokens) and self._tokens[self._at].text in words:
            return self._next().text
        return None

    def _dash(self) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at].kind == "dash":
            self._at += 1
            return True
        return False
