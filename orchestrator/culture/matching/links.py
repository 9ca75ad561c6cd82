"""Where the links of a message lead. Pure, and linear in the length of the message.

The question is never what a host looks like but where a browser would go: everything before the last ``@`` of an authority
is a user name, a backslash is a slash, other alphabets are what IDNA makes of them (UTS 46), and what cannot be
understood leads to "" (nowhere that anybody allowed). Only plain parsing is used, no backtracking patterns.

Without a scheme, words with dots are mostly not links: people forget the space after a full stop. ``www.`` counts, a name
followed by a path counts, and a bare name only under a few endings that are no words in any language we know. Addresses
of people (e-mail, Matrix ids) and links into Matrix are no links to a server.

Sources: URL Standard (authority, special schemes, forbidden host code points), UTS 46, RFC 3986 section 3.2; client-server
API, "m.room.message msgtypes" (which HTML clients show).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote

import idna

from .folding import skeleton
from .markup import unescaped

MOST_CHARS: Final = 65_536
"""No event is larger, so nothing can hide behind the end."""

MOST_OF_A_TARGET: Final = 1_024
"""The host of an honest link stands well before this; one that does not is taken for ``NOWHERE``."""

NOWHERE: Final = ""
"""The host of a link whose authority makes no sense; never allowed."""

INTO_MATRIX: Final = "matrix.to"

# Seen by nobody, and left out by browsers where they stand in a host.
_UNSEEN: Final = "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff"
_UNSEEN_RUN = re.compile(f"[{_UNSEEN}]+")
_TOKEN = re.compile(r"[^\s<>\"`|\x00-\x1f\x7f“”„«»]+")
_HREF = re.compile(r"href\s*=\s*", re.IGNORECASE | re.ASCII)
_UNQUOTED_END = re.compile(r"[\s>]")
# At most 32 characters back from each colon: linear however long the run before it.
_SCHEME = re.compile(r"([a-z][a-z0-9+.\-]{0,31}):([/\\]+)", re.IGNORECASE | re.ASCII)
_AUTHORITY_END = re.compile(r"[/\\?#]")
_PATH_END = re.compile(r"[()\[\]{}]")
_URL = re.compile(r"([a-z][a-z0-9+.\-]{0,31}):([/\\]*)|[/\\]{2,}", re.IGNORECASE | re.ASCII)
_SPECIAL: Final = frozenset({"http", "https", "ftp", "ws", "wss"})
_NOT_A_SERVER: Final = frozenset({"mxc", "matrix"})
_DOT: Final = ".\u3002\uff0e\uff61"
_DOTS = re.compile(f"[{_DOT}]")
# What no link is without: a dot before a letter, or a colon before a slash.
_HINT = re.compile(rf"[{_DOT}]\w|:[/\\]")
_RUN = re.compile(rf"[\w\-{_DOT}]+")
_HOST = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\Z")
_TLD = re.compile(r"([a-z]{2,24}|xn--[a-z0-9-]{1,59})\Z")
_PORT = re.compile(r":[0-9]{1,5}(?=/)", re.ASCII)
_MATRIX_ID = re.compile(r"[@#!+][^@#!\s]*\Z")
_MATRIX_URI = re.compile(r"\bmatrix:(?:u|r|roomid)/\S*", re.IGNORECASE)
_MAGNET = re.compile(r"\bmagnet:\?", re.IGNORECASE)

_NO_WORDS: Final = frozenset({"com", "net", "org", "info", "biz", "edu", "gov", "xyz", "ru", "cn"})
"""Endings under which a bare name is taken for a link; ``it``, ``me``, ``so``, ``no`` and their like end sentences."""

_WORDS: Final = frozenset(
    {"and", "or", "he", "she", "they", "him", "her", "his", "hers", "them", "their", "xe", "ze", "ey", "sie", "er"}
    | {"yes", "either", "who", "with", "und", "oder", "et", "ou", "el", "ella", "elle", "il", "iel", "ja", "nein"}
)
"""Words that stand before a slash (they/them, and/or, sie/er); some are endings of countries that use a path seldom."""


def hosts(body: str, html: str = "") -> frozenset[str]:
    """List where the links of a message lead, as lower-case ASCII hosts; ``NOWHERE`` for one that makes no sense.

    Args:
        body: the plain text.
        html: the formatted body, "" when there is none.
    """
    found: set[str] = set()
    for text in _texts(body[:MOST_CHARS], html[:MOST_CHARS]):
        if _MAGNET.search(text):
            found.add(NOWHERE)
        if _HINT.search(text):
            for token in _TOKEN.findall(text.replace("](", " ")):
                if _HINT.search(token):
                    found.update(_in_token(token))
    found.update(_in_targets(html[:MOST_CHARS]))
    found.discard(INTO_MATRIX)
    return frozenset(found)


def is_allowed(host: str, allowed: Iterable[str]) -> bool:
    """Tell whether a host is one of the allowed domains, or below one. ``allowed`` may be written in any alphabet."""
    if host == NOWHERE:
        return False
    for domain in allowed:
        wanted = normalise(domain)
        if wanted != NOWHERE and (host == wanted or host.endswith("." + wanted)):
            return True
    return False


def is_denied(host: str, denied: Iterable[str]) -> bool:
    """Tell whether a host is one of the denied domains, below one, or looks like that to a reader."""
    if host == NOWHERE:
        return False
    seen = _seen(host)
    for domain in denied:
        wanted = normalise(domain)
        if wanted != NOWHERE and (host == wanted or host.endswith("." + wanted)):
            return True
        alike = _seen(wanted)
        if wanted != NOWHERE and "xn--" in host and (seen == alike or seen.endswith("." + alike)):
            return True
    return False


def _seen(host: str) -> str:
    """Write a host as it looks to whoever reads it in its own alphabet."""
    try:
        return skeleton(idna.decode(host)) if "xn--" in host else skeleton(host)
    except UnicodeError:
        return host


def normalise(host: str) -> str:
    """Write a host as browsers do before they look it up; ``NOWHERE`` when they would not."""
    if len(host) > 1024:
        return NOWHERE
    try:
        if "%" in host:
            host = unquote(host, errors="strict")
        if not host.isascii():
            host = idna.encode(host, uts46=True, std3_rules=True).decode("ascii")
    except UnicodeError:
        return NOWHERE
    host = host.lower().removesuffix(".")
    return host if len(host) <= 253 and _HOST.match(host) else NOWHERE


def _texts(body: str, html: str) -> Iterator[str]:
    """List what is to be read.

    What cannot be seen is read twice: as a gap (where a client may end a link) and left out (as a browser does).
    """
    for text in (body, unescaped(html)) if html else (body,):
        yield text
        if not text.isascii() and _UNSEEN_RUN.search(text):
            yield _UNSEEN_RUN.sub("", text)
            yield _UNSEEN_RUN.sub(" ", text)


def _in_targets(html: str) -> Iterator[str]:
    """Find where the markup's own links lead.

    Every ``href=`` is read, wherever it stands: whoever tells tags from comments and quoted text differently from the
    reader's client can be led past a link.
    """
    for match in _HREF.finditer(html):
        quote = html[match.end() : match.end() + 1]
        start = match.end() + 1 if quote in ('"', "'") else match.end()
        raw = html[start : start + MOST_OF_A_TARGET]
        raw, ended = _until(quote, raw) if start > match.end() else _until_space(raw)
        # Browsers leave out line ends and tabs anywhere, and spaces around.
        value = re.sub(r"[\t\r\n]", "", unescaped(raw)).strip("".join(map(chr, range(0x21))))
        url = _URL.match(value)
        if url is None:
            if not ended and len(raw) == MOST_OF_A_TARGET:
                yield NOWHERE
            continue
        scheme = (url.group(1) or "https").lower()
        if scheme in _SPECIAL or url.group(2) == "//":
            authority_end = _search(_AUTHORITY_END, value, url.end())
            authority = value[url.end() : authority_end]
            if authority and scheme not in _NOT_A_SERVER:
                yield _host_of(authority)


def _until(quote: str, raw: str) -> tuple[str, bool]:
    value, ended, _rest = raw.partition(quote)
    return value, bool(ended)


def _until_space(raw: str) -> tuple[str, bool]:
    end = _search(_UNQUOTED_END, raw, 0)
    return raw[:end], end < len(raw)


def _in_token(token: str) -> Iterator[str]:
    """Find the links in a run without spaces: those with a scheme, and what looks like one between them."""
    rest = 0
    for match in _SCHEME.finditer(token):
        if match.start() < rest:
            continue  # it stands in the path of a link that was read already
        scheme, slashes = match.group(1).lower(), match.group(2)
        if slashes != "//" and scheme not in _SPECIAL and not scheme.endswith(("http", "https", "ftp")):
            continue  # only these make do with other slashes; "file:///etc" names no server
        yield from _without_scheme(token[rest : match.start()])
        authority_end = _search(_AUTHORITY_END, token, match.end())
        authority = token[match.end() : authority_end]
        if authority_end == len(token):
            authority = _without_tail(authority)
        if authority and scheme not in _NOT_A_SERVER:
            yield _host_of(authority)
        plain = scheme in _SPECIAL and (match.start() == 0 or not token[match.start() - 1].isalnum())
        # After a scheme that clients do not know, they may see the next one as a link of its own.
        rest = _search(_PATH_END, token, authority_end) if plain else authority_end
    yield from _without_scheme(token[rest:])


def _without_scheme(text: str) -> Iterator[str]:
    """Find what clients would show as a link though it names no scheme."""
    text, at = _MATRIX_URI.sub(" ", text), 0
    while (match := _RUN.search(text, at)) is not None:
        at = match.end()
        if not _DOTS.search(match.group()):
            continue
        before = text[max(0, match.start() - 1) : match.start()]
        pieces = re.split(f"[{_DOT}]{{2,}}", match.group())
        for piece in pieces[:-1]:
            yield from _bare(piece, before, "")
            before = ""
        last, after = pieces[-1], text[at : at + 1]
        start = at - len(last)
        if last[:4].lower() == "www." and len(last) > 4:
            end = _search(_AUTHORITY_END, text, start)
            yield _host_of(_without_tail(text[start:end]))
            at = _search(_PATH_END, text, end)
        elif before == ":" and after != "/" and _MATRIX_ID.search(text[max(0, start - 256) : start - 1]):
            continue
        elif after in ("/", "\\") or _PORT.match(text, at):
            host = _named(last)
            if host is not None and host.rpartition(".")[2] not in _WORDS:
                yield host
                at = _search(_PATH_END, text, at)
        else:
            yield from _bare(last, before, after)


def _bare(name: str, before: str, after: str) -> Iterator[str]:
    """Judge a name with dots that stands alone; beside an ``@`` it is part of somebody's address."""
    if "@" in (before, after):
        return
    host = _named(name)
    if host is not None and host.rpartition(".")[2] in _NO_WORDS:
        yield host


def _named(name: str) -> str | None:
    """Read a name with dots as a host; None when its ending could not be one."""
    name = name.strip(_DOT + "-_")
    labels = _DOTS.split(name)
    ending = unicodedata.normalize("NFKC", labels[-1]).lower()
    if len(labels) < 2 or not _TLD.match(ending):
        return None
    return normalise(name) or None


def _host_of(authority: str) -> str:
    host, colon, port = authority.rpartition("@")[2].partition(":")
    if colon and port and not (port.isascii() and port.isdecimal()):
        return NOWHERE
    return normalise(host)


def _without_tail(authority: str) -> str:
    """Leave out what closes a sentence, a bracket or an emphasis after a link without a path."""
    end = len(authority)
    while end and not authority[end - 1].isalnum():
        end -= 1
    return authority[:end]


def _search(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.search(text, start)
    return len(text) if found is None else found.start()
