"""A policy once it is checked: norms, which are pinned, and rules, which are looked after. Crafts read only this.

All durations are milliseconds, all texts are the author's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Literal, TypeAlias

from orchestrator.model.cadence import QuietHours
from orchestrator.model.ids import RoomKey

FileKind: TypeAlias = Literal["image", "video", "audio", "file", "sticker"]
Telling: TypeAlias = Literal["direct", "existing", "thread"]


class Action(StrEnum):
    """What a rule does."""

    OBSERVE = "observe"
    NUDGE = "nudge"
    REMOVE = "remove"
    MUTE = "mute"
    RAISE = "raise"


class Mode(StrEnum):
    """Whether a rule acts, or only says what it would have done."""

    OBSERVE = "observe"
    ENFORCE = "enforce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Norms:
    """What we hold to.

    Attributes:
        summary, text: in the community's own language.
        summaries, texts: by language, where the author wrote several; the community's own is among them.
        review_by: when the leads are reminded to look at them together.
        digest: changes when any of the words do.
        version: goes up when the group agreed to something new; a change of words alone leaves it.
        changes: what is new in this version, told to members; "" where nothing is said. ``changed``: by language.
    """

    summary: str
    text: str
    review_by: date | None
    digest: str
    summaries: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    version: int = 1
    changes: str = ""
    changed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Links that lead elsewhere than ``allow`` (None: anywhere may be linked to), or to ``deny``; subdomains included."""

    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Attachments of these kinds or media types (``video/*``); of any where neither is said."""

    kinds: frozenset[FileKind] = frozenset()
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentions:
    """Calling the whole room (``@room``), or at least so many people in one message (None: however many)."""

    room: bool = False
    at_least: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Often:
    """So many times within so long, by one member in one room."""

    times: int
    within_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Display names, when somebody comes and when they change theirs.

    Attributes:
        like_staff: names that look like those of leads, facilitators or the bot.
    """

    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    like_staff: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unless:
    """The rule waits so long, and lets it be where one of these reactions was put meanwhile.

    Attributes:
        by: whose reaction counts; ``author``: of whoever wrote the message.
    """

    keys: tuple[str, ...]
    within_ms: int
    by: Literal["anyone", "staff", "author"] = "staff"


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """When a rule applies: all of what is given must hold, of what it looks for and of the conditions.

    Attributes:
        words: words and phrases, found however they are dressed up (``culture/folding``), at the bounds of words.
        patterns: RE2, matched against what was written and against what it folds to.
        invitations: links and ids that ask people into rooms, spaces or servers elsewhere.
        repeats: the same words again; in memory only.
        rate: messages of any kind; in memory only.
        member_for_less_than_ms: only for those whom we first saw joined less than this long ago; None: for everyone.
        for_members, for_staff: whom it is for. Staff are exempt unless the author says otherwise, and even then a rule does
            no more than nudge them.
        rooms: only in these rooms; empty: wherever the policy holds.
        between: only at these hours, in the community's zone.
        outside_spoiler: what stands inside a spoiler is not looked at.
    """

    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    links: Links | None = None
    files: Files | None = None
    mentions: Mentions | None = None
    repeats: Often | None = None
    rate: Often | None = None
    invitations: bool = False
    names: Names | None = None
    member_for_less_than_ms: int | None = None
    for_members: bool = True
    for_staff: bool = False
    rooms: tuple[RoomKey, ...] = ()
    between: QuietHours | None = None
    outside_spoiler: bool = False
    unless_reacted: Unless | None = None

    @property
    def on_words(self) -> bool:
        """Whether it looks at what people say: such rules misfire on people in distress."""
        return bool(self.words or self.patterns)

    @property
    def goes_by_words(self) -> bool:
        """Whether its author chose words or patterns for it, of messages or of names: those may be met by everything."""
        named = self.names is not None and bool(self.names.words or self.names.patterns)
        return self.on_words or named


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Something that is checked.

    Attributes:
        because: told to the person concerned.
        norm: which of the norms it rests on, told to them as well; "": the norms as a whole.
        mute_ms: how long a mute lasts where ``then`` is a mute.
        mute_everywhere: a mute holds in every room of the community, and not just in the one.
        accept_misfires: a rule on words may remove and mute though it will be wrong at times.
    """

    id: str
    when: When
    then: Action
    because: str
    mode: Mode
    accept_misfires: bool
    norm: str = ""
    mute_ms: int = 3_600_000
    mute_everywhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderStep:
    """One step of a ladder; ``mute_ms`` only for a mute."""

    action: Action
    mute_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BanList:
    """A policy room (MSC2313) that is followed, read only.

    Attributes:
        room: its alias or id.
        via: servers through which it can be reached, for an id.
        acl: its bans of servers are made the rooms' server ACL, too.
    """

    room: str
    via: tuple[str, ...] = ()
    acl: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Where somebody can turn. ``locale`` is "" when it is for everyone."""

    text: str
    locale: str
    verified_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """Where a person in distress can turn, and the group's own choice about emergency services."""

    resources: tuple[Resource, ...]
    contact_emergency_services: Literal["yes", "no", "group_decides"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """How a raised hand is answered.

    Attributes:
        answer_within_ms: after how long without an answer the next is asked.
        hush_ms: how long at most no question is asked in a room after a hand was raised for somebody's safety.
        cover_ms: how long whoever takes it is on duty for it.
        reaction: a reaction that raises a hand, and is taken away at once; "": none. It can be read by the servers.
        words: words that raise a hand by themselves, privately; the group chose them. Empty: none.
    """

    answer_within_ms: int = 900_000
    hush_ms: int = 86_400_000
    cover_ms: int = 7_200_000
    reaction: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Norms (text, pinned) and rules (checked). ``document`` is its path, such as ``policies/gentle-circle.yaml``.

    Attributes:
        ladder: what follows when the same rule is met by the same member again, one step each time; the last one stays.
        telling: how a private word travels: in a direct room (an old one, or a new one), only in one that is there, or as
            a reply in a thread, without a quotation.
    """

    name: str
    document: str
    title: str
    norms: Norms
    rules: tuple[Rule, ...]
    ladder: tuple[LadderStep, ...]
    ladder_forget_ms: int | None
    lists: tuple[BanList, ...]
    care: Care
    hands: Hands = field(default_factory=Hands)
    telling: Telling = "direct"
