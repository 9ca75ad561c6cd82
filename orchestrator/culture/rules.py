"""What the rules say of a message or a name. Pure: a policy, a message, what is known of its author, and the scene."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from orchestrator.documents.policy import Action, Mode, Policy, Rule, When
from orchestrator.model.events import Message
from orchestrator.model.ids import RoomKey
from orchestrator.model.wording import without_quote

from .matching.links import hosts, is_allowed

# The same as in the body, which ``without_quote`` reads.
_QUOTE_OPENS: Final = "<mx-reply>"
_QUOTE_CLOSES: Final = "</mx-reply>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """What is known of somebody who wrote.

    Attributes:
        staff: a lead or facilitator, on duty or not; rules are for them only where one says so.
        since_ms: when we saw them join, None when we cannot know.
    """

    staff: bool
    since_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where and when something is judged.

    Attributes:
        at_ms: when it is judged.
        zone: the community's, for hours of the day.
        room: the declared room.
        repeated: how often its author said the same in this room within so many milliseconds, this time included.
        written: how many messages its author wrote in this room within so many milliseconds, this one included.
    """

    at_ms: int
    zone: ZoneInfo
    room: RoomKey
    repeated: Callable[[int], int]
    written: Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule that is met. ``acts`` is False when the rule is only watching."""

    rule: Rule
    acts: bool


class Rulebook:
    """The rules of a policy, made ready once for many messages."""

    def __init__(self, policy: Policy) -> None:
        self.rules = policy.rules

    def judge(self, message: Message, author: Author, scene: Scene) -> Sequence[Verdict]:
        """List the rules that a message meets, in the policy's order.

        An edit is judged by its new text, like a message of its own: what it says can be read, whatever it replaced. So
        can what it says to clients that know no edits.
        """
        if author.staff:
            return ()
        found: frozenset[str] | None = None
        verdicts = []
        for rule in self.rules:
            links = rule.when.links
            if links is None or links.allow is None or not _applies(rule.when, message, author, scene.at_ms):
                continue  # a rule that looks for nothing would be met by everything
            if found is None:
                found = hosts(*own_words(message)) | hosts(*_unquoted(*message.also))
            if any(not is_allowed(host, links.allow) for host in found):
                verdicts.append(Verdict(rule, acts=rule.mode is Mode.ENFORCE and rule.then is not Action.OBSERVE))
        return verdicts

    def judge_name(self, name: str, author: Author, scene: Scene, staff_names: Collection[str]) -> Sequence[Verdict]:
        """List the rules that a display name meets; ``staff_names`` are those it must not pass for."""
        del name, author, scene, staff_names
        return ()


def fingerprint(message: Message) -> str:
    """Say what a message says so that only sameness can be told, whatever it is dressed up as; for memory, not for disk."""
    said = "\0".join((message.kind, *own_words(message)))
    return hashlib.blake2b(said.encode(errors="replace"), digest_size=16).hexdigest()


def own_words(message: Message) -> tuple[str, str]:
    """Give the body and the HTML of a message without what a reply quotes, so that nobody answers for others' words."""
    return (message.body, message.html) if message.reply_to is None else _unquoted(message.body, message.html)


def _unquoted(body: str, html: str) -> tuple[str, str]:
    body = without_quote(body)
    if html.startswith(_QUOTE_OPENS):
        _quoted, closed, rest = html.partition(_QUOTE_CLOSES)
        html = rest if closed else html
    return body, html


def _applies(when: When, message: Message, author: Author, now_ms: int) -> bool:
    if when.member_for_less_than_ms is None:
        return True
    if author.since_ms is None:
        return False  # they may have been here for years; nobody is a newcomer by our not knowing
    # The time of the message, so that a late judgement (after an outage) is the one it would have met. A remote server
    # can claim any time: a claim ahead of our clock counts as now, so nobody grows older by lying; a claim in the past
    # only makes its own people younger.
    written_ms = min(message.at_ms, now_ms)
    return written_ms - author.since_ms < when.member_for_less_than_ms
