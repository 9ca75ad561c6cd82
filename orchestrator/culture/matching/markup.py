"""What readers see of a message: its plain body, and the words in its HTML, with or without what is hidden in spoilers.

Both are read, since some clients show the one and some the other. Linear: tags are found without looking back.

Sources: client-server API, "m.room.message msgtypes" and "Spoiler messages"; rich reply fallbacks as they were before
version 1.13.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Final

_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]{0,31})([^<>]*)>|<!(?:--)?[^<>]*>")
_SHOWN_ATTRIBUTE = re.compile(r"\b(?:alt|title|data-mx-spoiler)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_VALUE: Final = re.compile(r"=\s*(?:\"[^\"]*\"|'[^']*')")
_SPOILER = re.compile(r"(?:^|\s)data-mx-spoiler(?:\s|=|/|\Z)", re.IGNORECASE)
_ENTITY = re.compile(r"&#(?:([xX])0*([0-9a-fA-F]+)|0*([0-9]+))", re.ASCII)
_BARS = re.compile(r"\|\|([^|]+(?:\|[^|]+)*)\|\|")
_WITHIN_LINES: Final = frozenset(
    [
        "a",
        "abbr",
        "b",
        "big",
        "code",
        "del",
        "em",
        "font",
        "i",
        "ins",
        "kbd",
        "mark",
        "s",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "tt",
        "u",
        "bdi",
        "bdo",
        "wbr",
    ]
)


@dataclass(frozen=True, slots=True)
class Shown:
    """The words of some HTML: all of them, those outside spoilers, and those inside (one for each); and its outer markup."""

    all: str
    outside: str
    hidden: tuple[str, ...]
    outer_html: str


def words_of(html: str) -> Shown:
    """Read the words in HTML. Tags within a line part no word, others do."""
    if "<" not in html:
        text = unescaped(html)
        return Shown(text, text, (), html)
    every: list[str] = []
    outside: list[str] = []
    hidden: list[str] = []
    outer: list[str] = []
    open_tag, depth = "", 0
    for raw, tag in _pieces(html):
        text = unescaped(raw)
        every.append(text)
        (hidden if depth else outside).append(text)
        if not depth:
            outer += [raw, tag[0] if tag is not None else ""]
        if tag is None or not tag[2]:
            continue
        closing, name, rest = bool(tag[1]), tag[2].lower(), tag[3]
        if name not in _WITHIN_LINES:
            every.append("\n")
            (hidden if depth else outside).append("\n")
        said = " ".join(unescaped(one or other) for one, other in _SHOWN_ATTRIBUTE.findall(rest)) if rest else ""
        if said:
            every.append(f" {said} ")
            (hidden if depth else outside).append(f" {said} ")
        if depth:
            depth += 0 if name != open_tag else -1 if closing else 1
            if not depth:
                hidden.append("\0")
        elif not closing and name == "span" and _SPOILER.search(_VALUE.sub("=''", rest)):
            open_tag, depth = name, 1
            outside.append(" ")
    parts = tuple(part for part in "".join(hidden).split("\0") if part.strip())
    return Shown("".join(every), "".join(outside), parts, "".join(outer))


def outside_bars(body: str) -> str:
    """Leave out what stands between two pairs of bars, which is how people write a spoiler."""
    return _BARS.sub(" ", body) if "||" in body else body


def without(body: str, hidden: tuple[str, ...]) -> str:
    """Leave out of a plain body what its HTML hides: some clients write it there as it is."""
    for part in hidden:
        words = part.split()
        if not words:
            continue
        found = body.find(part.strip())
        if found >= 0:
            body = f"{body[:found]} {body[found + len(part.strip()) :]}"
    return body


def unescaped(html: str) -> str:
    """Write entities as the signs that they stand for."""
    if "&" not in html:
        return html
    # A number of thousands of digits is no character, and more than int() takes.
    return unescape(_ENTITY.sub(lambda found: f"&#{found[1] or ''}{(found[2] or found[3])[:9]}", html))


def _pieces(html: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    at = 0
    for tag in _TAG.finditer(html):
        yield html[at : tag.start()], tag
        at = tag.end()
    yield html[at:], None
