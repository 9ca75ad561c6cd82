"""Message contents, written one way everywhere: Markdown in, plain body and clean HTML out.

Every content says whom it mentions (MSC4210: ``m.mentions`` is always present), and ``{}`` means nobody.
"""

from __future__ import annotations

from collections.abc import Iterable

import nh3
from markdown_it import MarkdownIt

from .ids import EventId, Json, UserId

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True})
_TAGS = {
    "p",
    "br",
    "strong",
    "em",
    "a",
    "ul",
    "ol",
    "li",
    "code",
    "pre",
    "blockquote",
    "h1",
    "h2",
    "h3",
    "h4",
    "hr",
    "del",
}


def text(markdown: str, *, mentions: Iterable[UserId] = (), kind: str = "m.text") -> dict[str, Json]:
    """Build an ``m.room.message`` content from Markdown; readable as plain text without its HTML."""
    people: list[Json] = [*sorted(mentions)]
    content: dict[str, Json] = {
        "msgtype": kind,
        "body": markdown.strip(),
        "m.mentions": {"user_ids": people} if people else {},
    }
    html = nh3.clean(_MARKDOWN.render(markdown).strip(), tags=_TAGS, attributes={"a": {"href"}}, link_rel=None)
    if html != f"<p>{markdown.strip()}</p>":
        content |= {"format": "org.matrix.custom.html", "formatted_body": html}
    return content


def notice(markdown: str, *, mentions: Iterable[UserId] = ()) -> dict[str, Json]:
    """Build an ``m.notice``: what a bot says of its own; bots do not answer notices."""
    return text(markdown, mentions=mentions, kind="m.notice")


def reply(content: dict[str, Json], *, to: EventId, thread: EventId | None = None) -> dict[str, Json]:
    """Make ``content`` an answer to an event, in its thread if it stood in one (MSC3440)."""
    relation: dict[str, Json] = {"m.in_reply_to": {"event_id": to}}
    if thread is not None:
        relation |= {"rel_type": "m.thread", "event_id": thread, "is_falling_back": False}
    return {**content, "m.relates_to": relation}


def permalink(room: str, event: str) -> str:
    """Link to an event (appendix "matrix.to navigation"); opens in the reader's own client."""
    return f"https://matrix.to/#/{room}/{event}"
