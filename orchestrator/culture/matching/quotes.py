"""What a reply quotes is others' words, as long as it is a quotation.

Until version 1.13 of the specification a reply carried what it answers: at the beginning of its body as ``> <@user> …``, and
in its HTML in ``<mx-reply>``; most clients show neither, but the event itself. Some clients still write it and some show it,
and nothing keeps anybody from writing there what nobody said. What was answered is not known here (nobody's words are
kept), so what can be told is whether the quotation is whole:

- It has that form, and the message is a reply or stands in a thread; anything else is the author's own.
- Whoever quotes themselves answers for what they said.
- A link in it is let be only where the HTML quotes it, too, as a client does that quotes: the specification never had a
  quotation without HTML. A link that is quoted in the body alone was put there. Words are let be either way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from orchestrator.model.events import Message
from orchestrator.model.wording import without_quote

_OPENS: Final = "<mx-reply>"
_CLOSES: Final = "</mx-reply>"
_WHO: Final = re.compile(r"> (?:\* )?<(@[^>\s]{1,255})>")


@dataclass(frozen=True, slots=True)
class Own:
    """What is somebody's own of a body and its HTML, and what they quote."""

    body: str
    html: str
    quoted_body: str = ""
    quoted_html: str = ""


def own_words(message: Message) -> tuple[str, str]:
    """Give the body and the HTML of a message without what a reply quotes, so that nobody answers for others' words."""
    own = parted(message)
    return own.body, own.html


def parted(message: Message) -> Own:
    """Part what somebody says from what they quote."""
    if message.reply_to is None and message.thread is None:
        return Own(message.body, message.html)
    return _parted(message.body, message.html, message.sender)


def parted_also(message: Message) -> Own:
    """Part what an edit says to clients that know no edits; of an edit nobody knows whether it is one of a reply."""
    return _parted(*message.also, message.sender)


def _parted(body: str, html: str, sender: str) -> Own:
    who = _WHO.match(body)
    if who is not None and who[1] == sender:
        return Own(body, html)
    rest = without_quote(body)
    quoted_html, own_html = "", html
    if html.startswith(_OPENS):
        quoted, closed, after = html.partition(_CLOSES)
        if closed:
            quoted_html, own_html = quoted[len(_OPENS) :], after
    return Own(rest, own_html, body[: len(body) - len(rest)], quoted_html)
