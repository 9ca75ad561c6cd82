"""Suggestions nobody has decided about: whose, and which message, never what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import CommunityKey, EventId, RoomId, RoomKey, UserId
from orchestrator.prompts.duty import NAME
from orchestrator.store import journal
from orchestrator.store.rows import number, text

COMMAND: Final = "suggest"
STEP: Final = "suggest"
"""How every step begins under which something is said in a suggester's direct room."""

NOWHERE: Final = CommunityKey("")
NO_ROOM: Final = RoomKey("")

State: TypeAlias = Literal["asked", "waiting", "shown", "seconded", "taken", "back"]
UNDECIDED: Final = ("asked", "waiting", "shown", "seconded", "taken")
SHOWN: Final = ("shown", "seconded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A suggestion.

    Attributes:
        id: drawn by lot, so that nothing that carries it can be traced to ``event``.
        community, key: the room it is for; "" until its author said so.
        user, room, event: who wrote it and where; "" for somebody who has left since.
        says: the message, or its last change.
        state: ``asked``: whether it is to be passed on; ``waiting``: to be shown in a round; ``shown``: reviewers read it;
            ``seconded``: one of them would take it, and a second one has to agree; ``taken``: its text is being read to be
            kept; ``back``: its author took it back, and the copy still stands there.
        due_ms: not before this time is it shown.
        shown: how often it was.
        copy: where reviewers read it.
        approver, tier: who would take it, and as how heavy.
    """

    id: str
    user: UserId
    room: RoomId
    event: EventId
    says: EventId
    community: CommunityKey = NOWHERE
    key: RoomKey = NO_ROOM
    state: State = "asked"
    due_ms: int = 0
    shown: int = 0
    copy: EventId | None = None
    approver: UserId | None = None
    tier: int = 0


def put(tx: Tx, one: Suggestion) -> None:
    """Write a suggestion down as it is now."""
    tx.run(
        'insert into suggestion (account, id, community, key, "user", room, event, says, state, due_ms, shown, copy, approver,'
        " tier) values (:account, :id, :community, :key, :user, :room, :event, :says, :state, :due_ms, :shown, :copy,"
        " :approver, :tier) on conflict (account, id) do update set community = excluded.community, key = excluded.key,"
        ' "user" = excluded."user", room = excluded.room, event = excluded.event, says = excluded.says,'
        " state = excluded.state, due_ms = excluded.due_ms, shown = excluded.shown, copy = excluded.copy,"
        " approver = excluded.approver, tier = excluded.tier",
        id=one.id,
        community=one.community,
        key=one.key,
        user=one.user,
        room=one.room,
        event=one.event,
        says=one.says,
        state=one.state,
        due_ms=one.due_ms,
        shown=one.shown,
        copy=one.copy,
        approver=one.approver,
        tier=one.tier,
    )


def drop(tx: Tx, one: Suggestion) -> None:
    """Forget a suggestion, and that its author was spoken to about it."""
    tx.run("delete from suggestion where account = :account and id = :id", id=one.id)
    if one.room:
        journal.blur_in(tx, NAME, STEP, one.room)


def get(tx: Tx, id_: str) -> Suggestion | None:
    """Find one by its id."""
    row = tx.one("select * from suggestion where account = :account and id = :id", id=id_)
    return None if row is None else _suggestion(row)


def of(tx: Tx, user: UserId) -> list[Suggestion]:
    """List somebody's, in an order that stays."""
    rows = tx.rows('select * from suggestion where account = :account and "user" = :user order by room, id', user=user)
    return [_suggestion(row) for row in rows]


def said_in(tx: Tx, room: RoomId) -> list[Suggestion]:
    """List those that were written in a room."""
    rows = tx.rows("select * from suggestion where account = :account and room = :room order by id", room=room)
    return [_suggestion(row) for row in rows]


def in_community(tx: Tx, community: CommunityKey) -> list[Suggestion]:
    """List a community's, in no order that tells anything."""
    rows = tx.rows(
        "select * from suggestion where account = :account and community = :community order by id", community=community
    )
    return [_suggestion(row) for row in rows]


def every(tx: Tx) -> list[Suggestion]:
    """List them all."""
    return [_suggestion(row) for row in tx.rows("select * from suggestion where account = :account order by id")]


def _suggestion(row: Row) -> Suggestion:
    states: dict[str, State] = {
        "asked": "asked",
        "waiting": "waiting",
        "shown": "shown",
        "seconded": "seconded",
        "taken": "taken",
        "back": "back",
    }
    return Suggestion(
        id=text(row, "id"),
        community=CommunityKey(text(row, "community")),
        key=RoomKey(text(row, "key")),
        user=UserId(text(row, "user")),
        room=RoomId(text(row, "room")),
        event=EventId(text(row, "event")),
        says=EventId(text(row, "says")),
        state=states[text(row, "state")],
        due_ms=number(row, "due_ms"),
        shown=number(row, "shown"),
        copy=EventId(text(row, "copy")) if row["copy"] is not None else None,
        approver=UserId(text(row, "approver")) if row["approver"] is not None else None,
        tier=number(row, "tier"),
    )
