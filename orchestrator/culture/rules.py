"""What the rules say of a message or a name. Pure: a policy, a message, what is known of its author, and the scene."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, Literal
from zoneinfo import ZoneInfo

from orchestrator.documents.policy import Action, Links, Mode, Policy, Rule, When
from orchestrator.model.clock import DAY_MS
from orchestrator.model.events import Message
from orchestrator.model.ids import RoomKey
from orchestrator.schedule.quiet import is_quiet

from .matching.files import is_met
from .matching.folding import loose
from .matching.invitations import is_invited
from .matching.links import is_allowed, is_denied
from .matching.names import is_like
from .matching.patterns import Patterns
from .matching.quotes import own_words
from .matching.said import Said
from .matching.views import views
from .matching.wordlist import Wordlist

__all__ = ["Author", "Rulebook", "Scene", "Verdict", "fingerprint", "own_words"]

_LONG_AGO_MS: Final = 365 * DAY_MS
"""Nobody wrote earlier, and earlier still no calendar reaches."""
_HARSH: Final = frozenset({Action.REMOVE, Action.MUTE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """What is known of somebody who wrote.

    Attributes:
        staff: a lead or facilitator, on duty or not; rules are for them only where one says so.
        since_ms: when we saw them join, None when we cannot know.
    """

    staff: bool
    since_ms: int | None


def _nobodys(_name: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where and when something is judged.

    Attributes:
        at_ms: when it is judged.
        zone: the community's, for hours of the day.
        room: the declared room.
        repeated: how often its author said the same in this room within so many milliseconds, this time included.
        written: how many messages its author wrote in this room within so many milliseconds, this one included.
        is_ours: tells of the alias or id of a room whether it is one of the community's, to which nobody is lured.
    """

    at_ms: int
    zone: ZoneInfo
    room: RoomKey
    repeated: Callable[[int], int]
    written: Callable[[int], int]
    is_ours: Callable[[str], bool] = _nobodys


@dataclass(frozen=True, slots=True)
class Verdict:
    """A rule that is met. ``acts`` is False when the rule is only watching."""

    rule: Rule
    acts: bool


class Rulebook:
    """The rules of a policy, made ready once for many messages.

    Raises:
        re2.error: for a pattern that RE2 does not take; documents are checked for that.
    """

    def __init__(self, policy: Policy) -> None:
        self.rules = policy.rules
        self._gentle = tuple(map(_for_staff, policy.rules))
        rules = list(enumerate(policy.rules))
        self._words = Wordlist((word, at) for at, rule in rules for word in rule.when.words)
        self._patterns = _patterns((one, at) for at, rule in rules for one in rule.when.patterns)
        named = [(at, rule.when.names) for at, rule in rules if rule.when.names is not None]
        self._name_words = Wordlist((word, at) for at, names in named for word in names.words)
        self._name_patterns = _patterns((one, at) for at, names in named for one in names.patterns)

    def judge(self, message: Message, author: Author, scene: Scene) -> Sequence[Verdict]:
        """List the rules that a message meets, in the policy's order.

        An edit is judged by its new text, like a message of its own: what it says can be read, whatever it replaced. So
        can what it says to clients that know no edits. A rule that looks for nothing is met by nothing.
        """
        written_ms = min(max(message.at_ms, _LONG_AGO_MS), scene.at_ms)
        look = _Look(self._words, self._patterns, message, scene)
        return [
            self._verdict(at, author)
            for at, rule in enumerate(self.rules)
            if _applies(rule.when, written_ms, author, scene) and look.meets(at, rule.when)
        ]

    def judge_name(self, name: str, author: Author, scene: Scene, staff_names: Collection[str]) -> Sequence[Verdict]:
        """List the rules that a display name meets.

        Args:
            name: what somebody wants to be called.
            author: who they are.
            scene: where.
            staff_names: those it must not pass for: names, localparts or ids of leads, facilitators and the bot.
        """
        if not name:
            return ()
        words: frozenset[int] | None = None
        patterns: frozenset[int] = frozenset()
        verdicts = []
        for at, rule in enumerate(self.rules):
            names = rule.when.names
            if names is None or not _applies(rule.when, scene.at_ms, author, scene):
                continue
            if words is None:
                words = self._name_words.find(name)
                patterns = frozenset() if self._name_patterns is None else self._name_patterns.find(views(name))
            if at in words or at in patterns or (names.like_staff and not author.staff and is_like(name, staff_names)):
                verdicts.append(self._verdict(at, author))
        return verdicts

    def _verdict(self, at: int, author: Author) -> Verdict:
        rule = self._gentle[at] if author.staff else self.rules[at]
        watches = rule.mode is Mode.OBSERVE or rule.then is Action.OBSERVE
        # Rules on words are wrong at times, and wrong about people in distress: what cannot be taken back needs a word.
        misfires = rule.when.on_words and rule.then in _HARSH and not rule.accept_misfires
        return Verdict(rule, acts=not watches and not misfires)


class _Look:
    """What the rules look for in one message, each thing looked at once and only when a rule asks."""

    __slots__ = ("_found", "_message", "_patterns", "_said", "_scene", "_words")

    def __init__(self, words: Wordlist, patterns: Patterns | None, message: Message, scene: Scene) -> None:
        self._words, self._patterns, self._message, self._scene = words, patterns, message, scene
        self._said = Said(message)
        self._found: dict[tuple[str, bool], frozenset[int]] = {}

    def meets(self, at: int, when: When) -> bool:
        """Tell whether the message is what a rule looks for, all of it."""
        asked = False
        for holds in chain(self._counted(when), self._carried(when), self._worded(at, when), self._linked(when)):
            if not holds:
                return False
            asked = True
        return asked

    # Each gives an answer to one thing that the rule asks, and is asked for the next only if that was yes.

    def _counted(self, when: When) -> Iterator[bool]:
        if when.rate is not None:
            yield self._scene.written(when.rate.within_ms) >= when.rate.times
        if when.repeats is not None:
            yield self._scene.repeated(when.repeats.within_ms) >= when.repeats.times

    def _carried(self, when: When) -> Iterator[bool]:
        if when.files is not None:
            yield is_met(when.files, self._message)
        if when.mentions is not None:
            least = when.mentions.at_least
            everybody = when.mentions.room and self._message.mentions_room
            yield everybody or (least is not None and self._said.people >= least)

    def _worded(self, at: int, when: When) -> Iterator[bool]:
        if when.words:
            yield at in self._find("words", outside=when.outside_spoiler)
        if when.patterns:
            yield at in self._find("patterns", outside=when.outside_spoiler)

    def _linked(self, when: When) -> Iterator[bool]:
        if when.links is not None:
            yield _leads_astray(when.links, self._said.outside_hosts if when.outside_spoiler else self._said.hosts)
        if when.invitations:
            texts = self._said.marked_up(outside=when.outside_spoiler)
            yield any(is_invited(text, self._is_here) for text in texts if text)

    def _find(self, what: Literal["words", "patterns"], *, outside: bool) -> frozenset[int]:
        outside = outside and self._said.hides
        known = self._found.get((what, outside))
        if known is None:
            texts = self._said.outside if outside else self._said.texts
            found: set[int] = set()
            for text in texts:
                if what == "words":
                    found |= self._words.find(text)
                elif self._patterns is not None:
                    found |= self._patterns.find(views(text))
            known = self._found[what, outside] = frozenset(found)
        return known

    def _is_here(self, name: str) -> bool:
        return name == self._message.room or self._scene.is_ours(name)


def fingerprint(message: Message) -> str:
    """Say what a message says so that only sameness can be told, whatever it is dressed up as; for memory, not for disk."""
    body, html = own_words(message)
    words = loose(body or html).split()
    said = "\0".join((message.kind, " ".join(words) if words else body.strip(), message.media_type))
    return hashlib.blake2b(said.encode(errors="replace"), digest_size=16).hexdigest()


def _patterns(entries: Iterable[tuple[str, int]]) -> Patterns | None:
    found = list(entries)
    return Patterns(found) if found else None


def _for_staff(rule: Rule) -> Rule:
    """Whoever looks after others is told, and no more; where rules are for staff at all."""
    return rule if rule.then is Action.OBSERVE else replace(rule, then=Action.NUDGE)


def _leads_astray(links: Links, found: frozenset[str]) -> bool:
    return any(
        (links.allow is not None and not is_allowed(host, links.allow)) or is_denied(host, links.deny) for host in found
    )


def _applies(when: When, written_ms: int, author: Author, scene: Scene) -> bool:
    """Tell whether a rule is for this person, here and now.

    ``written_ms`` is the time of the message, so that a late judgement (after an outage) is the one it would have met. A
    remote server can claim any time: a claim ahead of our clock counts as now, so nobody grows older by lying; a claim in
    the past only makes its own people younger.
    """
    if not (when.for_staff if author.staff else when.for_members):
        return False
    if when.rooms and scene.room not in when.rooms:
        return False
    if when.between is not None and not is_quiet(when.between, scene.zone, written_ms):
        return False
    if when.member_for_less_than_ms is None:
        return True
    if author.since_ms is None:
        return False  # they may have been here for years; nobody is a newcomer by our not knowing
    return written_ms - author.since_ms < when.member_for_less_than_ms
