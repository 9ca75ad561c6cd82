"""A picture of the time to come, as SVG: a row for each week, a column for each day. Pure.

Everything is said in words, so that it can be read in black and white, and by who hears it read out: long turns are bars
with a name in them, short ones and questions are lines. What nobody has is dashed, and says so.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from html import escape
from typing import Final

from babel import Locale
from babel.dates import format_date

from orchestrator.model.cadence import Span
from orchestrator.model.clock import HOUR_MS
from orchestrator.schedule import instant_ms, local_at

LONG_MS: Final = 20 * HOUR_MS
"""A turn of at least this length is a bar."""

GUTTER: Final = 150
DAY: Final = 156
LINE: Final = 16
BAR: Final = 20
HEAD: Final = 22
TOP: Final = 54
SIZE: Final = 11
MOST_LINES: Final = 4

# No variables: what turns pictures into other pictures often knows none.
_STYLE: Final = """
.paper { fill: #ffffff; }
.rule { stroke: #c4c4c4; stroke-width: 1; }
.turn { fill: #e9e9e9; stroke: #1b1b1b; stroke-width: 1; }
.gap { fill: none; stroke: #1b1b1b; stroke-width: 1.5; stroke-dasharray: 4 3; }
text { fill: #1b1b1b; font: 11px system-ui, sans-serif; }
text.soft { fill: #5a5a5a; }
text.open { font-style: italic; }
text.day { font-weight: 600; }
text.title { font-size: 16px; font-weight: 600; }
@media (prefers-color-scheme: dark) {
  .paper { fill: #161616; }
  .rule { stroke: #4d4d4d; }
  .turn { fill: #2e2e2e; stroke: #ededed; }
  .gap { stroke: #ededed; }
  text { fill: #ededed; }
  text.soft { fill: #ababab; }
}
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn to draw: in which lane (a room, and a part), and the words for who has it; ``open``: nobody has."""

    lane: str
    span: Span
    who: str
    open: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A question to draw: in which room, when, and its text."""

    room: str
    at_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class _Item:
    """What stands in a day."""

    at_ms: int
    text: str
    open: bool

    @property
    def lines(self) -> list[str]:
        return _lines(self.text, DAY - 12)


def draw(  # what is on the picture, and where and how it is read
    turns: Sequence[Turn], questions: Sequence[Question], window: Span, zone: tzinfo, *, title: str, locale: Locale
) -> str:
    """Draw the weeks of a window, on the clock of ``zone``."""
    first, last = local_at(window.start_ms, zone).date(), local_at(window.end_ms - 1, zone).date()
    monday = first - timedelta(days=first.weekday())
    weeks = [monday + timedelta(weeks=n) for n in range((last - monday).days // 7 + 1)]
    lanes = list(dict.fromkeys(turn.lane for turn in turns))
    width, y = GUTTER + 7 * DAY + 1, TOP
    drawn: list[str] = []
    for week in weeks:
        lines, height = _week(week, turns, questions, lanes, zone, locale, y, (first, last))
        drawn += lines
        y += height
    size = f'width="{width}" height="{y + 12}"'
    space = 'xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="name"'
    head = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg {space} viewBox="0 0 {width} {y + 12}" {size}>',
        f'<title id="name">{_safe(title)}</title>',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" {size}/>',
        _text(8, 24, title, width - 16, kind="title"),
    ]
    for day in range(7):
        name = format_date(monday + timedelta(days=day), "EEEE", locale=locale)
        head.append(_text(GUTTER + day * DAY + 6, TOP - 8, name, DAY - 10, kind="day"))
    return "\n".join([*head, *drawn, "</svg>", ""])


def _week(  # one row: its day, what there is to draw, and how far down it begins
    monday: date,
    turns: Sequence[Turn],
    questions: Sequence[Question],
    lanes: Sequence[str],
    zone: tzinfo,
    locale: Locale,
    y: int,
    shown: tuple[date, date],
) -> tuple[list[str], int]:
    days = [monday + timedelta(days=n) for n in range(7)]
    week = Span(*(instant_ms(datetime.combine(day, datetime.min.time()), zone) for day in (days[0], days[-1] + _A_DAY)))
    here = [turn for turn in turns if turn.span.shares(week)]
    bars = [turn for turn in here if _is_long(turn)]
    own = [lane for lane in lanes if any(turn.lane == lane for turn in bars)]
    items = [list(_items(day, here, questions, zone)) for day in days]
    bottom = y + HEAD + len(own) * BAR
    drawn = [f'<line class="rule" x1="0" y1="{y}" x2="{GUTTER + 7 * DAY}" y2="{y}"/>']
    height = HEAD + len(own) * BAR + max(sum(len(item.lines) for item in one) for one in items) * LINE + 8
    for n, day in enumerate(days):
        x = GUTTER + n * DAY
        drawn.append(f'<line class="rule" x1="{x}" y1="{y}" x2="{x}" y2="{y + height}"/>')
        kind = "day" if shown[0] <= day <= shown[1] else "soft"
        drawn.append(_text(x + 6, y + 15, format_date(day, "d MMM", locale=locale), DAY - 10, kind=kind))
        row = bottom + 12
        for item in items[n]:
            drawn.append(f"<g><title>{_safe(item.text)}</title>")
            for said in item.lines:
                drawn.append(_text(x + 6, row, said, DAY - 10, kind="open" if item.open else ""))
                row += LINE
            drawn.append("</g>")
    for row, lane in enumerate(own):
        top = y + HEAD + row * BAR
        drawn.append(_text(8, top + 13, lane, GUTTER - 14, kind="soft"))
        drawn += [_bar(turn, top, days, zone) for turn in bars if turn.lane == lane]
    return drawn, height


def _bar(turn: Turn, top: int, days: Sequence[date], zone: tzinfo) -> str:
    start, end = local_at(turn.span.start_ms, zone), local_at(turn.span.end_ms, zone)
    left, right = (GUTTER + DAY * _days_into(one, days[0]) for one in (start, end))
    width = max(right - left - 2, 2)
    before, after = ("… " if start.date() < days[0] else ""), (" …" if end.date() > days[-1] else "")
    said = f"{before}{turn.who}{after}"
    whole = f"{turn.lane}: {turn.who}, {start:%Y-%m-%d %H:%M} - {end:%Y-%m-%d %H:%M}"
    kind = "gap" if turn.open else "turn"
    rect = f'<rect class="{kind}" x="{left + 1:.1f}" y="{top + 1}" width="{width:.1f}" height="{BAR - 4}" rx="3"/>'
    words = _text(left + 6, top + 13, said, width - 8, kind="open" if turn.open else "")
    return f"<g><title>{_safe(whole)}</title>{rect}{words}</g>"


def _items(day: date, turns: Iterable[Turn], questions: Iterable[Question], zone: tzinfo) -> Iterator[_Item]:
    """List the lines of a day, in order."""
    found = [
        _Item(turn.span.start_ms, f"{_hours(turn.span, zone)} {turn.who} · {turn.lane}", turn.open)
        for turn in turns
        if not _is_long(turn) and local_at(turn.span.start_ms, zone).date() == day
    ]
    found += [
        _Item(one.at_ms, f"{local_at(one.at_ms, zone):%H:%M} ? {one.room}: {one.text}", open=False)
        for one in questions
        if local_at(one.at_ms, zone).date() == day
    ]
    yield from sorted(found, key=lambda item: item.at_ms)


_A_DAY: Final = timedelta(days=1)


def _is_long(turn: Turn) -> bool:
    return turn.span.length_ms >= LONG_MS


def _hours(span: Span, zone: tzinfo) -> str:
    return f"{local_at(span.start_ms, zone):%H:%M}-{local_at(span.end_ms, zone):%H:%M}"


def _days_into(wall: datetime, monday: date) -> float:
    """Tell how far into a week a time on the wall lies, in days, and not beyond its ends."""
    days = (wall.date() - monday).days + (wall.hour * 60 + wall.minute) / 1440
    return min(max(days, 0.0), 7.0)


def _text(x: float, y: float, said: str, width: float, *, kind: str = "") -> str:
    """Write a line that is not longer than ``width``; whole, it stands in the title that programs show beside it."""
    short = _fitting(said, width)
    style = f' class="{kind}"' if kind else ""
    more = f"<title>{_safe(said)}</title>" if short != said else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}">{more}{_safe(short)}</text>' if short else ""


def _lines(said: str, width: float) -> list[str]:
    """Break a text into lines, of which the last is cut where it goes on for too long."""
    lines = [""]
    for word in said.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if sum(map(_width, longer)) <= width or not lines[-1]:
            lines[-1] = longer
        elif len(lines) < MOST_LINES:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]}…"
            break
    return [_fitting(line, width) for line in lines]


def _fitting(said: str, width: float) -> str:
    said = " ".join(said.split())
    if sum(map(_width, said)) <= width:
        return said
    kept, used = "", _width("…")
    for sign in said:
        used += _width(sign)
        if used > width:
            break
        kept += sign
    return f"{kept.rstrip()}…" if kept else ""


def _width(sign: str) -> float:
    """Guess how wide a sign is: it differs from font to font, and too wide a guess is better than too narrow a one."""
    if unicodedata.combining(sign):
        return 0.0
    if unicodedata.east_asian_width(sign) in {"W", "F"}:
        return SIZE
    return SIZE * (0.38 if sign in "iljtf.,:;'|! " else 0.82 if sign.isupper() or sign in "mw@" else 0.62)


def _safe(said: str) -> str:
    """Escape a text for XML, without the signs that XML cannot hold (XML 1.0, 2.2)."""
    kept = "".join(sign if sign in "\t\n" or (sign >= " " and not _is_no_sign(sign)) else "\ufffd" for sign in said)
    return escape(kept)


def _is_no_sign(sign: str) -> bool:
    return "\x7f" <= sign <= "\x9f" or "\ud800" <= sign <= "\udfff" or sign in "\ufffe\uffff"
