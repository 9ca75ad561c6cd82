"""Message contents, written one way everywhere: Markdown in, plain body and clean HTML out.

Every content says whom it mentions (MSC4210: ``m.mentions`` is always present), and ``{}`` means nobody.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from html import escape
from urllib.parse import quote

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from orchestrator.i18n import _

from .clock import HOUR_MS, MINUTE_MS
from .effects import Ask, Choice, Priority, Send
from .feature import Answer, Call, Now, Role
from .ids import EventId, Json, UserId

ANSWER_MS = 2 * MINUTE_MS
CONFIRM_MS = 10 * MINUTE_MS
"""How long somebody has to say that they meant it."""

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True})
_HELD = re.compile("\ue000([0-9]{1,4})\ue001")
"""The place of a person's id while Markdown is at work, in characters that nobody types."""

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


def text(
    markdown: str, *, mentions: Collection[UserId] = (), people: Collection[UserId] = (), kind: str = "m.text"
) -> dict[str, Json]:
    """Build an ``m.room.message`` content from Markdown; readable as plain text without its HTML.

    Args:
        markdown: what to say.
        mentions: who is named in it and is to be notified.
        people: who else is named in it; clients show their names, too, and nobody is notified.
        kind: the ``msgtype``.
    """
    notified: list[Json] = [*sorted(set(mentions))]
    named = sorted({*mentions, *people}, key=lambda user: (-len(user), user))
    held = _hold(markdown, named)
    body = _release(plain(held), [_shown(user) for user in named])
    content: dict[str, Json] = {
        "msgtype": kind,
        "body": body,
        "m.mentions": {"user_ids": notified} if notified else {},
    }
    html = nh3.clean(_MARKDOWN.render(held).strip(), tags=_TAGS, attributes={"a": {"href"}}, link_rel=None)
    html = _release(html, [_link(user) for user in named])
    if html != f"<p>{body}</p>":
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
                items[-1:] = ["  "] * bool(items)  # what follows in the same item stands below its words
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


def _hold(markdown: str, people: Sequence[UserId]) -> str:
    """Keep people's ids out of Markdown's way, to which an underscore or a star in one is emphasis."""
    if not people:
        return markdown
    # Not where it is only the beginning of a longer id; a full stop after it may end the sentence.
    alone = re.compile("(?:" + "|".join(map(re.escape, people)) + r")(?![\w-]|[.:]\w)")
    return alone.sub(lambda found: f"\ue000{people.index(UserId(found[0]))}\ue001", markdown)


def _release(said: str, people: Sequence[str]) -> str:
    """Put back what ``_hold`` took out, as written in ``people``."""

    def back(place: re.Match[str]) -> str:
        number = int(place[1])
        return people[number] if number < len(people) else place[0]

    return _HELD.sub(back, said)


def _link(user: UserId) -> str:
    """Link to a person; clients show the name instead (appendix "matrix.to navigation")."""
    return f'<a href="https://matrix.to/#/{quote(user, safe="@:")}">{escape(_shown(user))}</a>'


def _shown(user: UserId) -> str:
    """Write an id so that it cannot pass for a sentence of ours: old ones may hold any sign, spaces and line ends too."""
    return "".join(sign if sign.isprintable() and not sign.isspace() else "\ufffd" for sign in user)


def notice(markdown: str, *, mentions: Collection[UserId] = (), people: Collection[UserId] = ()) -> dict[str, Json]:
    """Build an ``m.notice``: what a bot says of its own; bots do not answer notices."""
    return text(markdown, mentions=mentions, people=people, kind="m.notice")


def reply(content: dict[str, Json], *, to: EventId, thread: EventId | None = None) -> dict[str, Json]:
    """Make ``content`` an answer to an event, in its thread if it stood in one (MSC3440)."""
    relation: dict[str, Json] = {"m.in_reply_to": {"event_id": to}}
    if thread is not None:
        relation |= {"rel_type": "m.thread", "event_id": thread, "is_falling_back": False}
    return {**content, "m.relates_to": relation}


def edit(content: dict[str, Json], *, of: EventId) -> dict[str, Json]:
    """Put ``content`` in the place of a message of ours; clients that know no edits show it with a star.

    Source: client-server API, "Event replacements".
    """
    shown = {key: f"* {value}" if key in ("body", "formatted_body") else value for key, value in content.items()}
    relation: dict[str, Json] = {"rel_type": "m.replace", "event_id": of}
    return {**shown, "m.mentions": {}, "m.new_content": content, "m.relates_to": relation}


def answer(call: Call, markdown: str, now: Now, *, people: Collection[UserId] = ()) -> Send:
    """Answer a command where it was typed; after two minutes nobody waits for it any more.

    ``people`` are those who are named in it; nobody is notified.
    """
    return Send(
        step="answer",
        room=call.event.room,
        priority=Priority.REPLY,
        person=call.event.sender,
        expires_ms=now.at_ms + ANSWER_MS,
        content=reply(notice(markdown, people=people), to=call.event.id, thread=call.event.thread),
    )


def reaction(key: str, *, to: EventId) -> dict[str, Json]:
    """Build an ``m.reaction`` content: a sign under an event."""
    return {"m.relates_to": {"rel_type": "m.annotation", "event_id": to, "key": key}}


def asking(
    markdown: str, choices: Sequence[Choice], *, mentions: Collection[UserId] = (), people: Collection[UserId] = ()
) -> dict[str, Json]:
    """Build a notice that asks something: every choice stands there by its sign and in words, a line each."""
    listed = "\n".join(f"- {choice.key} {choice.word}" for choice in choices)
    how = _("To answer, react with one of these, or reply with its word.")
    return notice(f"{markdown.strip()}\n\n{listed}\n\n{how}", mentions=mentions, people=people)


def yes_or_no(yes: str = "", no: str = "") -> tuple[Choice, Choice]:
    """Offer to do something or to leave it; the craft is given back ``yes`` or ``no``, whatever the words for it."""
    return Choice("✅", yes or _("yes"), "yes"), Choice("❌", no or _("no"), "no")


def question(
    call: Call,
    markdown: str,
    now: Now,
    *,
    subject: str,
    needs: Role | None,
    asker_needs: Role,
    choices: Sequence[Choice] = (),
    open_ms: int = CONFIRM_MS,
    tag: str = "",
    people: Collection[UserId] = (),
) -> Ask:
    """Ask whoever gave a command whether they mean it, where they gave it; ``choices`` are yes and no if left out.

    Besides the asker, who then still has to be ``asker_needs``, only who is at least ``needs`` there may answer (None:
    nobody else). Unless it can be asked within two minutes it is not asked at all.
    """
    offered = tuple(choices) or yes_or_no()
    return Ask(
        step="ask",
        room=call.event.room,
        priority=Priority.REPLY,
        person=call.event.sender,
        expires_ms=now.at_ms + ANSWER_MS,
        content=reply(asking(markdown, offered, people=people), to=call.event.id, thread=call.event.thread),
        choices=offered,
        needs=needs,
        asker=call.event.sender,
        asker_needs=asker_needs,
        about=call.community,
        about_room=call.room_key,
        subject=subject,
        open_ms=open_ms,
        tag=tag,
    )


def conclusion(answer: Answer, markdown: str, now: Now, *, people: Collection[UserId] = ()) -> Send:
    """Say under a question what came of it; nobody is notified."""
    return Send(
        step="conclusion",
        room=answer.room,
        priority=Priority.REPLY,
        person=answer.by,
        expires_ms=now.at_ms + HOUR_MS,
        content=reply(notice(markdown, people=people), to=answer.question, thread=answer.thread),
    )


def permalink(room: str, event: str = "") -> str:
    """Link to a room or an event in it (appendix "matrix.to navigation"); opens in the reader's own client."""
    return f"https://matrix.to/#/{room}/{event}" if event else f"https://matrix.to/#/{room}"
