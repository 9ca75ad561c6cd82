"""The protocol between the engine and the five crafts, and what both see of the store.

A craft is synchronous and does no I/O: it is given a transaction, an event and the time, and returns effects. It reads
and writes rows through ``tx``; everything it returns or writes commits together with the sync token, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from .effects import AnyEffect, Result
from .events import Event, Message
from .ids import AccountKey, CommunityKey, EventId, Json, RoomId, RoomKey, UserId
from .roles import Role
from .windows import Windows

__all__ = [
    "Answer",
    "Call",
    "Command",
    "Example",
    "Feature",
    "Now",
    "Role",
    "Roster",
    "Row",
    "SqlValue",
    "Timer",
    "Tx",
]

SqlValue: TypeAlias = str | int | float | bytes | None
Row: TypeAlias = Mapping[str, SqlValue]


class Tx(Protocol):
    """A transaction of one account's rows. Every statement may use ``:account``; it is filled in."""

    @property
    def account(self) -> AccountKey:
        """Whose rows these are."""
        ...

    def rows(self, sql: str, **params: SqlValue) -> list[Row]:
        """Run a query and return its rows."""
        ...

    def one(self, sql: str, **params: SqlValue) -> Row | None:
        """Run a query and return its first row, None when it has none."""
        ...

    def run(self, sql: str, **params: SqlValue) -> int:
        """Run a statement and return how many rows it changed."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what runs inside if it raises, and only that."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The moment of a decision.

    Attributes:
        at_ms: the time, UTC milliseconds.
        me: the bot's own user id.
        windows: what happened in the last minutes, in memory only.
    """

    at_ms: int
    me: UserId
    windows: Windows = field(default_factory=Windows, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Something that falls due. ``key`` is unique within its craft; ``payload`` is opaque and holds no one's words."""

    craft: str
    key: str
    due_ms: int
    payload: Mapping[str, Json] = field(default_factory=dict)


def _nobody(_room: RoomKey) -> Role:
    return Role.MEMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A command somebody typed, checked and ready to run.

    Attributes:
        name: the command's name.
        args: the words after it; not in ``repr``, they are a person's words.
        event: the message it stood in.
        direct: it was typed in a direct room.
        role: what the caller may act as in the target room, now.
        community, room_key, room: the target. ``room_key`` is None when the target is the community (its space).
        role_at: tells what the caller may act as in another declared room of that community, now.
    """

    name: str
    args: tuple[str, ...] = field(repr=False)
    event: Message
    direct: bool
    role: Role
    community: CommunityKey | None
    room_key: RoomKey | None
    room: RoomId | None
    role_at: Callable[[RoomKey], Role] = field(default=_nobody, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Example:
    """One way to use a command, for ``!help NAME``.

    Attributes:
        words: what stands behind the command's name; "" where that stands alone.
        does: what comes of it, in a few words.
        needs: the least role that it is shown to.
    """

    words: str
    does: str
    needs: Role = Role.MEMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of a craft.

    Attributes:
        name: the word after the prefix.
        usage: arguments as shown in help, "" when there are none; short enough for a phone.
        summary: one line: what it does for you.
        needs: the least role.
        run: decides the effects; raises ``Refusal`` with a kind sentence when it may or can not be.
        usage_for: the least role that help shows ``usage`` to; whoever may do less with it sees the name alone.
        examples: ways to use it.
        for_staff: it does nothing for others than those who look after a room, on duty or not.
        urgent: somebody may need a person: it counts however late it is heard, and whatever else was asked before.
        elsewhere: its words may name another room; then ``run`` itself checks the role there (``Call.role_at``).
        in_reply: it is meant where the name stands alone in a reply to a message; another command may have the name
            where it does not.
        listed: help shows it; another name for the same thing is not listed.
    """

    name: str
    usage: str
    summary: str
    needs: Role
    run: Callable[[Tx, Call, Now], Iterable[AnyEffect]]
    usage_for: Role = Role.MEMBER
    examples: Sequence[Example] = ()
    for_staff: bool = False
    urgent: bool = False
    elsewhere: bool = False
    in_reply: bool = False
    listed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a question (``effects.Ask``) that a craft asked; every one that was sent is answered once.

    Attributes:
        question: the event that asked.
        subject, tag: given back as the craft gave them.
        choice: the chosen ``Choice.means``; None when nobody answered in time, or when the question is gone: redacted, or
            the bot is not in its room any more.
        by: who answered.
        role: what they may act as where the question was about, now; MEMBER when nobody answered.
        room: where it was asked.
        thread: the root of the thread it was asked in.
    """

    question: EventId
    subject: str
    tag: str
    choice: str | None
    by: UserId | None
    role: Role
    room: RoomId
    thread: EventId | None = None


class Feature(Protocol):
    """One of the five crafts."""

    name: str

    @property
    def commands(self) -> Sequence[Command]:
        """The commands this craft answers."""
        ...

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Bring timers, claims and posts in line with the documents; running it again changes nothing.

        Run at start, when documents change and when a declared room comes to exist.
        """
        ...

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        """Decide about an event that is not the bot's own. Commands and direct messages come here too.

        One that cannot be read comes as ``Unreadable``, and again as what it is if its key comes.
        """
        ...

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect]:
        """Decide about a timer of this craft that fell due; its row is already gone, set the next one."""
        ...

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect]:
        """Take note of what became of an effect that this craft asked for."""
        ...

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect]:
        """Act on what became of a question that this craft asked; its row is already gone.

        Whoever answered was the asker, or might act as the role that the question needs; in the same transaction.
        """
        ...


class Roster(Protocol):
    """Tells who answers for what, now. Facilitation is the only one who knows who is on duty."""

    def role(self, tx: Tx, user: UserId, community: CommunityKey, room: RoomKey | None, now: Now) -> Role:
        """Tell what a user is in a room (None: in the community as a whole), now."""
        ...
