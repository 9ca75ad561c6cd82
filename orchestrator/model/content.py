"""Message contents, written one way everywhere: Markdown in, plain body and clean HTML out.

Every content says whom it mentions (MSC4210: ``m.mentions`` is always present), and ``{}`` means nobody.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from html import escape, unescape
from urllib.parse import quote

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from .clock import MINUTE_MS
from .effects import Priority, Send
from .feature import Call, Now
from .ids import EventId, Json, UserId

ANSWER_MS = 2 * MINUTE_MS

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


def text(markdown: str, *, mentions: Collection[UserId] = (), kind: str = "m.text") -> dict[str, Json]:
    """Build an ``m.room.message`` content from Markdown; readable as plain text without its HTML."""
    people: list[Json] = [*sorted(mentions)]
    content: dict[str, Json] = {
        "msgtype": kind,
        "body": plain(markdown),
        "m.mentions": {"user_ids": people} if people else {},
    }
    html = nh3.clean(_MARKDOWN.render(markdown).strip(), tags=_TAGS, attributes={"a": {"href"}}, link_rel=None)
    html = _link_people(html, mentions)
    if html != f"<p>{content['body']}</p>":
        content |= {"format": "org.matrix.custom.html", "formatted_body": html}
    return content


def plain(markdown: str) -> str:
    """Write Markdown as plain text: no marks, lists as dashes, links with their address behind them."""
    lines: list[str] = []
    items: list[str] = []
    for token in _MARKDOWN.parse(markdown):
        match token.type:
            case "list_item_open":
                items.append(f"{token.info}. " if token.info else "- ")
            case "list_item_close":
                items.pop()
            case "paragraph_close" | "heading_close" if not items:
                lines.append("")
            case "bullet_list_close" | "ordered_list_close" if not items:
                lines.append("")
            case "inline":
                lines.append("  " * (len(items) - 1) + (items[-1] if items else "") + _inline(token))
            case "fence" | "code_block":
                lines += [token.content.rstrip(), ""]
    return "\n".join(lines).strip()


def _inline(token: Token) -> str:
    parts: list[str] = []
    links: list[str] = []
    for child in token.children or []:
        match child.type:
            case "text" | "code_inline":
                parts.append(child.content)
            case "softbreak" | "hardbreak":
                parts.append("\n")
            case "link_open":
                links.append(str(child.attrGet("href") or ""))
            case "link_close":
                parts.append(f" ({links.pop()})")
    return "".join(parts)


def _link_people(html: str, people: Collection[UserId]) -> str:
    """Make each mention a link, which clients show as the person's name."""
    if not people:
        return html
    names = "|".join(re.escape(escape(user)) for user in sorted(people, key=len, reverse=True))
    return re.sub(names, lambda m: f'<a href="https://matrix.to/#/{quote(unescape(m[0]), safe="@:")}">{m[0]}</a>', html)


def notice(markdown: str, *, mentions: Collection[UserId] = ()) -> dict[str, Json]:
    """Build an ``m.notice``: what a bot says of its own; bots do not answer notices."""
    return text(markdown, mentions=mentions, kind="m.notice")


def reply(content: dict[str, Json], *, to: EventId, thread: EventId | None = None) -> dict[str, Json]:
    """Make ``content`` an answer to an event, in its thread if it stood in one (MSC3440)."""
    relation: dict[str, Json] = {"m.in_reply_to": {"event_id": to}}
    if thread is not None:
        relation |= {"rel_type": "m.thread", "event_id": thread, "is_falling_back": False}
    return {**content, "m.relates_to": relation}


def answer(call: Call, markdown: str, now: Now) -> Send:
    """Answer a command where it was typed; after two minutes nobody waits for it any more."""
    return Send(
        step="answer",
        room=call.event.room,
        priority=Priority.REPLY,
        person=call.event.sender,
        expires_ms=now.at_ms + ANSWER_MS,
        content=reply(notice(markdown), to=call.event.id, thread=call.event.thread),
    )


def permalink(room: str, event: str) -> str:
    """Link to an event (appendix "matrix.to navigation"); opens in the reader's own client."""
    return f"https://matrix.to/#/{room}/{event}"
