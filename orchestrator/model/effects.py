"""What we want done: plain data that a craft returns, the engine records and delivery carries out.

An effect is named by its ``step`` within the decision that made it; the engine turns (origin, craft, step) into the
opaque cause, and an effect whose cause is already known is not recorded again. Effects hold our own words and other
people's ids, never other people's words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Literal, TypeAlias

from .events import MembershipName
from .ids import Cause, CommunityKey, EventId, Json, RoomId, RoomKey, UserId
from .roles import Role


class Priority(IntEnum):
    """Which effects go first when the server makes us wait."""

    SAFETY = 0
    REPLY = 1
    STRUCTURE = 2
    ROUTINE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What all effects share.

    Attributes:
        step: names this effect within its decision; unique there.
        expires_ms: after this time it is no longer wanted; recorded as expired, never sent. None: never stale.
        person: on whose request it is sent; replies have a budget per person, but for those that merge.
        tag: given back to the craft with the result; opaque here.
        merge: while an untried effect with this key waits, a newer one takes its place.
        rule: the rule or reason it rests on, for the journal; an id, never words.
    """

    step: str
    priority: Priority = Priority.ROUTINE
    expires_ms: int | None = None
    person: UserId | None = None
    tag: str = ""
    merge: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Where the words of somebody stand that a message is to hold: they are read again as it is sent, and are on no disk.

    Attributes:
        room, event: their own message.
        after: the name of the command after which they stand there.
        remarks: what is said of them to whoever reads them, by what they may touch on.
    """

    room: RoomId
    event: EventId
    after: str
    remarks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Send(Effect):
    """Say something in a room; encrypted where the room ever was.

    ``quote``: whose words come to stand where ``content`` leaves a place for them (``quoting``). If they cannot be read any
    more it is refused, and nothing is said.
    """

    room: RoomId
    content: Mapping[str, Json]
    type: str = "m.room.message"
    quote: Quote | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendDirect(Effect):
    """Say something to one person in private: in their direct room, or in a new encrypted one."""

    user: UserId
    content: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers to a question.

    Attributes:
        key: the reaction that means it, such as ``✅``; the bot puts one there, so that people only have to tap.
        word: the plain word that means the same, in the language of the question, for whoever cannot react.
        value: what the craft is given back, whatever the language; "" for the word itself.
    """

    key: str
    word: str
    value: str = ""

    @property
    def means(self) -> str:
        """What the craft is given back."""
        return self.value or self.word

    def is_meant_by(self, said: str) -> bool:
        """Tell whether a reaction or a word means this choice, however its client dresses it up."""
        return plainly(said) in {plainly(self.key), plainly(self.word), plainly(self.means)}


_AROUND = " \t\r\n`'\"*_.,;:!…"


def plainly(said: str) -> str:
    """Leave out what makes no difference to an answer: tints, how an emoji is drawn, case, signs around a word."""
    bare = "".join(c for c in unicodedata.normalize("NFKC", said[:256]) if not _is_dressing(c))
    return bare.strip(_AROUND).casefold()


def _is_dressing(sign: str) -> bool:
    # Variation selectors (U+FE0E, U+FE0F) and the five skin tones; other marks that cannot be seen but by what they join.
    return sign in "\ufe0e\ufe0f" or "\U0001f3fb" <= sign <= "\U0001f3ff" or unicodedata.category(sign) == "Cf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Send):
    """Ask something in a room, to be answered by a reaction or its word; the craft hears of it by ``answered``.

    Attributes:
        choices: the answers there are.
        needs: the least role in ``about`` that may answer besides the asker; None: nobody else may.
        asker: who may answer because it is asked for them, or of them.
        asker_needs: the least role in ``about`` that the asker needs, when they answer, for that.
        open_ms: how long it may be answered after it was sent.
        about: the community whose roles count; None: nobody is more than a member there.
        about_room: the declared room whose roles count; None: those of the community as a whole.
        subject: what it is about, given back to the craft; opaque here, and ids only.

    Raises:
        ValueError: there is nothing to choose, two choices look the same, or it may never be answered.
    """

    choices: tuple[Choice, ...]
    needs: Role | None
    open_ms: int
    subject: str
    asker: UserId | None = None
    asker_needs: Role = Role.MEMBER
    about: CommunityKey | None = None
    about_room: RoomKey | None = None

    def __post_init__(self) -> None:
        """Refuse what nobody could answer."""
        _check_question(self.choices, self.open_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskDirect(SendDirect):
    """Ask one person something in private; they are the one who may answer. The fields are those of ``Ask``."""

    choices: tuple[Choice, ...]
    open_ms: int
    subject: str
    about: CommunityKey | None = None
    about_room: RoomKey | None = None

    def __post_init__(self) -> None:
        """Refuse what nobody could answer."""
        _check_question(self.choices, self.open_ms)


def _check_question(choices: Sequence[Choice], open_ms: int) -> None:
    said = [name for choice in choices for name in {plainly(n) for n in (choice.key, choice.word, choice.means)}]
    if not choices or "" in said or len(set(said)) < len(said) or open_ms <= 0:
        raise ValueError("a question needs choices that can be told apart, and time to answer it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Redact(Effect):
    """Remove an event's content. ``reason`` is public: keep it neutral."""

    room: RoomId
    target: EventId
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMembership(Effect):
    """Invite, kick (leave), ban or unban (leave) somebody, or join or leave ourselves.

    Attributes:
        based_on: the member event that was in force when it was decided; lets delivery tell a fresh effect
            from one that was carried out and then undone by a person.
        via: of our own joining, a server that knows the room, where it is not in its id; "": ours does.
        only_from: it is for somebody whose membership is one of these when it is carried out, and no longer wanted
            otherwise; empty: whatever it is. An answered knock must not put out somebody who was let in meanwhile, and
            only from ``ban`` does ``leave`` lift a ban.
    """

    room: RoomId
    user: UserId
    membership: Literal["invite", "join", "leave", "ban"]
    reason: str = ""
    based_on: EventId | None = None
    only_from: tuple[MembershipName, ...] = ()
    via: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRoom(Effect):
    """Make a declared room, or a direct one, in one call.

    Attributes:
        locator: what the room will say it is; if a room of ours says so already, that one is taken.
        body: the ``POST /createRoom`` body, locator included in its ``initial_state``.
        community, key: which declared room it is; None for a direct room.
        user: whom a direct room is for.
    """

    locator: str
    body: Mapping[str, Json]
    community: CommunityKey | None = None
    key: RoomKey | None = None
    user: UserId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enter(Effect):
    """Join a room that is not ours, to read it; nothing is ever said there.

    Attributes:
        where: its alias or id.
        via: servers through which an id can be reached.
    """

    where: str
    via: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall(Effect):
    """Read again whose words a message of ours holds (``Send.quote``); they come back as ``Result.words``, in memory."""

    room: RoomId
    event: EventId


@dataclass(frozen=True, slots=True, kw_only=True)
class Amend(Effect):
    """Change what a document says, in the overlay beside the data.

    Attributes:
        document: such as ``policies/gentle-circle.yaml``.
        path: such as ``("rules", "links-from-newcomers", "mode")``.
    """

    document: str
    path: tuple[str, ...]
    value: Json
    by: UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class FindDevices(Effect):
    """Find out whether somebody has a device that can read what is encrypted.

    ``done``: there is one; ``refused`` with ``NO_DEVICES``: there is none; ``expired``: nobody could tell in time.
    """

    user: UserId


NO_DEVICES: Final = "NO_DEVICES"
"""Why ``FindDevices`` is refused: somebody has no device that could read what is encrypted."""

AnyEffect: TypeAlias = Send | SendDirect | Redact | SetMembership | CreateRoom | Enter | Recall | Amend | FindDevices

Outcome: TypeAlias = Literal["done", "expired", "refused", "undone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of an effect, handed to the craft that asked.

    Attributes:
        outcome: ``done``; ``expired``: no longer wanted; ``refused``: the server will never do it;
            ``undone``: it was done and somebody undid it since.
        room: where it happened; for CreateRoom and SendDirect the room that was made or used.
        event: the event that it became, if any.
        errcode: the Matrix error code when refused.
        words: what was read, of a Recall; somebody's own.
    """

    cause: Cause
    craft: str
    step: str
    tag: str
    outcome: Outcome
    room: RoomId | None = None
    event: EventId | None = None
    errcode: str = ""
    words: str = field(default="", repr=False)
