"""All that readers may see of a message, read once however many rules ask."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import unquote

from orchestrator.model.events import Message

from .files import name_of
from .links import hosts
from .markup import Shown, outside_bars, without, words_of
from .quotes import Own, parted, parted_also

_PERSON: Final = re.compile(
    r"matrix\.to/#/((?:@|%40)[^\s\"'<>?/]{2,255})|matrix:u/([^\s\"'<>?/]{1,255})", re.IGNORECASE
)
_ID: Final = re.compile(
    r"(?<![\w/])@[a-z0-9._=/+-]{1,100}:(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}(?![\w-])", re.IGNORECASE
)


@dataclass(frozen=True)
class Part:
    """A body and its HTML, without what is quoted in them.

    Attributes:
        texts: what is to be read of it.
        links: the body and the markup, to look for links in.
    """

    texts: tuple[str, ...]
    links: tuple[str, str]


class Said:
    """What a message says, whole and without what it hides in spoilers."""

    def __init__(self, message: Message) -> None:
        self._message = message

    @cached_property
    def _own(self) -> tuple[Own, ...]:
        message = self._message
        return (parted(message), parted_also(message)) if any(message.also) else (parted(message),)

    @cached_property
    def _shown(self) -> tuple[tuple[Own, Shown | None], ...]:
        return tuple((own, words_of(own.html) if own.html else None) for own in self._own)

    @cached_property
    def hides(self) -> bool:
        """Whether there are spoilers in it."""
        return any(
            "||" in own.body or (shown is not None and bool(shown.hidden or "||" in shown.all))
            for own, shown in self._shown
        )

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Everything that it says, each text once."""
        found = [text for own, shown in self._shown for text in (own.body, shown.all if shown is not None else "")]
        return _once([*found, self._message.file_name])

    @cached_property
    def outside(self) -> tuple[str, ...]:
        """What it says outside spoilers."""
        if not self.hides:
            return self.texts
        return _once([*(text for texts, _html in self._outer for text in texts), self._message.file_name])

    @cached_property
    def _outer(self) -> tuple[tuple[tuple[str, ...], str], ...]:
        found: list[tuple[tuple[str, ...], str]] = []
        for own, shown in self._shown:
            body = outside_bars(own.body)
            if shown is None:
                found.append(((body,), ""))
            else:
                found.append(((without(body, shown.hidden), outside_bars(shown.outside)), shown.outer_html))
        return tuple(found)

    @cached_property
    def hosts(self) -> frozenset[str]:
        """Where its links lead."""
        found: set[str] = set()
        for own in self._own:
            found |= hosts(own.body, own.html) | _put_into_quotation(own)
        return frozenset(found)

    @cached_property
    def outside_hosts(self) -> frozenset[str]:
        """Where its links outside spoilers lead."""
        if not self.hides:
            return self.hosts
        found: set[str] = set()
        for (texts, html), own in zip(self._outer, self._own, strict=True):
            found |= hosts(texts[0], html) | _put_into_quotation(own)
        return frozenset(found)

    @cached_property
    def people(self) -> int:
        """How many people it calls: those it mentions, and those it links to or names by their id."""
        found = {str(user) for user in self._message.mentions}
        for own in self._own[:1]:
            for text in (own.body, own.html):
                if "@" in text or "matrix" in text:
                    found |= {unquote(one) if one else f"@{unquote(other)}" for one, other in _PERSON.findall(text)}
                    found |= set(_ID.findall(text))
        return len(found)

    @property
    def file_name(self) -> str:
        """What its attachment is called."""
        return name_of(self._message)

    def marked_up(self, *, outside: bool) -> tuple[str, ...]:
        """Give its bodies and its markup, which invitations may stand in."""
        if outside and self.hides:
            return tuple(text for texts, html in self._outer for text in (texts[0], html))
        return tuple(text for own in self._own for text in (own.body, own.html))


def _put_into_quotation(own: Own) -> frozenset[str]:
    if not own.quoted_body:
        return hosts("", own.quoted_html) if own.quoted_html else frozenset()
    return hosts(own.quoted_body) - hosts("", own.quoted_html)


def _once(texts: list[str]) -> tuple[str, ...]:
    """Leave out what is empty, or what another says, too, but for space around it."""
    return tuple({text.strip(): text for text in texts if text and not text.isspace()}.values())
