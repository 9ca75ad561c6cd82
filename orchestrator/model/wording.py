"""Is this said to the bot, or to whoever may be listening? Words read as a command, or left alone.

In a direct room the difference matters more than anywhere: somebody in distress writes "help me" or "why" to the one who
is there, and must not be answered with a list of commands. So in a direct room only what is plainly a command is one; all
else is left to ``belonging``, which listens. The engine and ``belonging`` ask the same function, so that every message
has exactly one answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from typing import Final
from urllib.parse import unquote

from .ids import UserId

CRIES: Final = frozenset({"help", "why", "raise", "forget", "leave", "stop", "remove"})
"""Names of commands that people also say to a person; in a direct room they need the prefix."""

FOR_A_PERSON: Final = "raise"
"""The one of them that, all by itself, can hardly mean anything else: we have just told them to write it."""

LONGEST: Final = 4_000
MOST_ARGS: Final = 32
MOST_BARE_WORDS: Final = 4

_NAME = re.compile(r"[^\W\d_][\w-]{0,31}\Z")
_ARGUMENT = re.compile(r"[@#!$][^\s:]{1,200}(:[^\s]{1,200})?\Z|[0-9]{1,4}\Z")
_AROUND: Final = " \t\r\n`'\"“”„‟«»‹›‘’‚*"  # noqa: RUF001 - quotation marks of many keyboards
_AFTER: Final = ".,;:!?…"
_TAGS_BEFORE_NAME = re.compile(r"\A(?:\s|<(?:p|div|span)>)+")
_SIGNS = re.compile(r"\A[^\w\s]+")
_QUOTE_BEGINS = re.compile(r"> (?:\* )?<@[^>\s]{1,255}>")


def read_command(
    body: str,
    *,
    prefix: str,
    names: Collection[str],
    direct: bool,
    mentioned: bool = False,
    me: UserId | None = None,
    keywords: Collection[str] = (),
) -> tuple[str, tuple[str, ...]] | None:
    """Read a message as a command.

    Args:
        body: what was written.
        prefix: what commands begin with, such as ``!``.
        names: the commands there are.
        direct: it stands in a direct room, where nothing is taken for a command that may be a cry.
        mentioned: the message mentions the bot.
        me: the bot's own id, which a mention may be written as.
        keywords: words that can only be arguments: keys of rooms, ids of rules.

    Returns:
        the name and the words after it; None when it is no command. In a room the name may be unknown (a near miss, or
        another bot's command); in a direct room it never is.
    """
    head = _plain(body[:LONGEST]).strip(_AROUND)
    known = {name.casefold(): name for name in names}
    found = _prefixed(head, prefix, known, direct=direct)
    if found is None and direct:
        found = _bare(head.split(), known, keywords, cries=False)
    if found is None and mentioned:
        found = _called(head, prefix, known, me, keywords, direct=direct)
    return found


def clearly_a_command(
    body: str,
    names: Collection[str],
    *,
    prefix: str = "!",
    mentioned: bool = False,
    me: UserId | None = None,
    keywords: Collection[str] = (),
) -> bool:
    """Tell whether what was written in a direct room is plainly a command, and not somebody talking."""
    command = read_command(body, prefix=prefix, names=names, direct=True, mentioned=mentioned, me=me, keywords=keywords)
    return command is not None


def words_after(body: str, name: str) -> str:
    """Give what somebody wrote after a command's name, on one line; what was changed to hold no such name, whole.

    Nothing is left out of it as of a command's arguments, but for marks that cannot be seen.
    """
    words = _plain(body).split()
    for number, word in enumerate(words[:4]):  # a mention of the bot may stand before it
        bare = _SIGNS.sub("", word)
        # Without its sign it is a word of theirs, unless it stands first.
        if bare.strip(_AROUND + _AFTER).casefold() == name.casefold() and (bare != word or number == 0):
            return " ".join(words[number + 1 :])
    return " ".join(words)


def is_addressed(body: str, html: str, me: UserId, *, reply: bool = False) -> bool:
    """Tell whether a message that mentions the bot begins with its name, as one speaks to somebody.

    Clients put a link to who is named there, or the name and a colon; what the name is they alone know. Of a ``reply`` they
    also say that it mentions whoever is replied to: there only what is certain counts, since somebody who answers a
    question with "Rain, today" speaks to the others.
    """
    link, shown = f'<a href="https://matrix.to/#/{me}"', unquote(html[:LONGEST])
    if link in shown:
        return _TAGS_BEFORE_NAME.sub("", shown).startswith(link)
    if reply or body.startswith(me):
        return body.startswith(me)
    words = _plain(body[:LONGEST]).split()[:2]
    return bool(words) and (words[0].startswith("@") or any(word.endswith((":", ",")) for word in words))


def without_quote(body: str) -> str:
    """Leave out what a reply quotes: others' words (rich reply fallback, gone from the specification, still sent)."""
    if not _QUOTE_BEGINS.match(body):
        return body
    lines = body.split("\n")
    first = next((i for i, line in enumerate(lines) if not line.startswith(">")), len(lines))
    return "\n".join(lines[first:])


def _plain(text: str) -> str:
    """Leave out what cannot be seen (marks of direction, joiners): keyboards add it, and no command holds it."""
    return text if text.isascii() else "".join(c for c in text if unicodedata.category(c) != "Cf")


def _prefixed(head: str, prefix: str, known: dict[str, str], *, direct: bool) -> tuple[str, tuple[str, ...]] | None:
    # NFKC, because some keyboards have only the full-width exclamation mark.
    if not prefix or unicodedata.normalize("NFKC", head[: len(prefix)]) != prefix:
        return None
    rest = head[len(prefix) :]
    words = rest.split()
    name = words[0].rstrip(_AFTER + _AROUND).casefold() if words else ""
    apart = rest[:1].isspace() and not (len(words) == 1 and (direct or name == FOR_A_PERSON))
    if not words or apart:
        return None
    args = tuple(words[1 : MOST_ARGS + 1])
    if not direct:
        return (known.get(name, name), args) if _NAME.match(name) else None
    if name not in known:
        return None
    if name == "help" and args and args[0].removeprefix(prefix).casefold() not in known:
        return None  # "!help I can't go on" is not about the commands
    return known[name], args


def _bare(
    words: Sequence[str], known: dict[str, str], keywords: Collection[str], *, cries: bool
) -> tuple[str, tuple[str, ...]] | None:
    """Read words without a prefix: the whole message is one name, with nothing but ids and keywords after it."""
    if not words:
        return None
    name = words[0].casefold()
    name = name.rstrip(_AFTER) if name.rstrip(_AFTER) == FOR_A_PERSON else name
    if name == FOR_A_PERSON and name in known and cries:
        return known[name], tuple(words[1 : MOST_ARGS + 1])  # "raise please": whatever follows, somebody is wanted
    if len(words) > MOST_BARE_WORDS:
        return None
    if name not in known or (name in CRIES and not cries and (name != FOR_A_PERSON or len(words) > 1)):
        return None
    args = words[1:]
    if not all(_ARGUMENT.match(arg) or arg.casefold() in keywords for arg in args):
        return None
    return known[name], tuple(args)


def _called(  # everything that was known of the message
    head: str,
    prefix: str,
    known: dict[str, str],
    me: UserId | None,
    keywords: Collection[str],
    *,
    direct: bool,
) -> tuple[str, tuple[str, ...]] | None:
    """Read what stands after a mention of the bot, whose name there may have one word or two."""
    if me is not None and head.startswith(me):
        head = f"me {head[len(me) :].lstrip(':,')}"
    words = head.split()
    for first in (1, 2):
        rest = words[first:]
        found = _prefixed(" ".join(rest), prefix, known, direct=direct) or _bare(
            rest, known, keywords, cries=not direct
        )
        if found is not None:
            return found
    return None
