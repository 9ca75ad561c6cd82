"""What Matrix tells us, decoded once at the edge.

Fields that can hold a person's words are left out of ``repr``: an event may land in a traceback or a log, its words may
not. Reasons of memberships are people's words and are not decoded at all; names are, and are kept nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .ids import TXN_PREFIX, Cause, EventId, Json, RoomId, UserId

MembershipName: TypeAlias = Literal["invite", "join", "knock", "leave", "ban"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomEvent:
    """One event of a room's timeline.

    Attributes:
        at_ms: the origin server's time; a remote server can lie about it.
        cause: set when the event carries one of our causes (whoever sent it: compare ``sender``).
        txn: the transaction id, only on the echo of our own device's send.
        encrypted: it came end-to-end encrypted.
    """

    room: RoomId
    id: EventId
    sender: UserId
    at_ms: int
    cause: Cause | None = None
    txn: str | None = None
    encrypted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(RoomEvent):
    """Something somebody said.

    Attributes:
        kind: the ``msgtype``: ``m.text``, ``m.notice``, ``m.image`` ...; of a sticker or a poll, its type.
        body: plain text; of an edit, the new text.
        html: the formatted body, "" when there is none.
        also: body and formatted body that clients may show instead: those that know no edits, of an edit.
        edits: the event this one replaces.
        reply_to: the event it answers.
        thread: the root of the thread it stands in.
        mentions: users named in ``m.mentions``.
        mentions_room: ``@room`` was asked for.
        has_file: it carries an attachment.
        media_type: what it says the attachment is, such as ``image/png``; "": nothing.
        file_name: what it is called, where that is said beside a caption.
        quoted: whose words a message of ours passes on; "": nobody's.
    """

    kind: str
    body: str = field(repr=False)
    html: str = field(default="", repr=False)
    also: tuple[str, str] = field(default=("", ""), repr=False)
    edits: EventId | None = None
    reply_to: EventId | None = None
    thread: EventId | None = None
    mentions: frozenset[UserId] = frozenset()
    mentions_room: bool = False
    has_file: bool = False
    media_type: str = ""
    file_name: str = field(default="", repr=False)
    quoted: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction(RoomEvent):
    """An annotation (``m.reaction``) of another event."""

    target: EventId
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction(RoomEvent):
    """The removal of another event's content."""

    target: EventId


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(RoomEvent):
    """A change of somebody's membership (``m.room.member``).

    Attributes:
        user: whose membership it is; ``sender`` is who changed it.
        before: the membership it replaces, None when unknown.
        direct: an invite that says ``is_direct``.
        name: the display name they come under, in this event only; "": none.
    """

    user: UserId
    membership: MembershipName
    before: MembershipName | None = None
    direct: bool = False
    name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class State(RoomEvent):
    """Any other state event.

    Attributes:
        content: the JSON as it came; can hold words (a topic), so it is not in ``repr``.
    """

    type: str
    key: str
    content: Mapping[str, Json] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable(RoomEvent):
    """An encrypted event whose key we do not have (yet)."""

    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Other(RoomEvent):
    """An event of a type nobody here reads; kept so that it is counted as seen."""

    type: str


Event: TypeAlias = Message | Reaction | Redaction | Member | State | Unreadable | Other


def cause_in(event: Event) -> Cause | None:
    """Tell of which effect an event of ours says that it is: by the cause it carries, or by its transaction id.

    The latter is told to the device that sent it alone, and where the content is gone or sealed it is all there is.
    """
    if event.cause is None and event.txn is not None and event.txn.startswith(TXN_PREFIX):
        return Cause(event.txn.removeprefix(TXN_PREFIX))
    return event.cause
