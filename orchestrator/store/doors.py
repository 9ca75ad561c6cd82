"""Who knocks at a room and is waiting for an answer, and who may have to leave the control room: ids and times only.

What somebody wrote when they knocked is not here, nor why anybody comes or goes. Rows are gone when what they are about
has settled itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import CommunityKey, EventId, RoomId, UserId

from .rows import number, text


class Asked(StrEnum):
    """How far a question about somebody is.

    ``WAITING``: it is to be asked; ``OPEN``: it was, and can be answered; ``DECIDED``: it was answered, and what follows
    is done or on its way; ``LEFT``: it has settled itself, and is remembered for a while so that whoever comes and goes
    does not make others answer each time; ``RESTED``: nobody answered, and it is not asked any more.
    """

    WAITING = "waiting"
    OPEN = "open"
    DECIDED = "decided"
    LEFT = "left"
    RESTED = "rested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """Somebody at the door of a room.

    Attributes:
        event: their latest knock there.
        since_ms: when they came, or went again.
        times: how often it was asked about them.
        next_ms: it is not asked before then.
    """

    room: RoomId
    user: UserId
    event: EventId
    since_ms: int
    state: Asked = Asked.WAITING
    times: int = 0
    next_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Somebody in a community's control room who is on no roster any more.

    Attributes:
        state: ``DECIDED``: the bot was told to take the control room away from them; ``RESTED``: it was told to leave it,
            or nobody answered.
        times: how often it was asked about them.
    """

    community: CommunityKey
    user: UserId
    state: Asked = Asked.WAITING
    times: int = 0


def knock_of(tx: Tx, room: RoomId, user: UserId) -> Knock | None:
    """Read somebody's knock at a room."""
    row = tx.one(
        'select * from knock where account = :account and room = :room and "user" = :user', room=room, user=user
    )
    return None if row is None else _knock(row)


def knocks(tx: Tx) -> list[Knock]:
    """List everybody at a door, least asked about first, longest waiting first."""
    rows = tx.rows('select * from knock where account = :account order by times, since_ms, "user", room')
    return [_knock(row) for row in rows]


def put_knock(tx: Tx, knock: Knock) -> None:
    """Write a knock down, or how far it is."""
    tx.run(
        'insert into knock (account, room, "user", event, since_ms, state, times, next_ms)'
        " values (:account, :room, :user, :event, :since_ms, :state, :times, :next_ms)"
        ' on conflict (account, room, "user") do update set event = excluded.event, since_ms = excluded.since_ms,'
        " state = excluded.state, times = excluded.times, next_ms = excluded.next_ms",
        room=knock.room,
        user=knock.user,
        event=knock.event,
        since_ms=knock.since_ms,
        state=knock.state.value,
        times=knock.times,
        next_ms=knock.next_ms,
    )


def drop_knock(tx: Tx, room: RoomId, user: UserId) -> None:
    """Forget somebody's knock at a room."""
    tx.run('delete from knock where account = :account and room = :room and "user" = :user', room=room, user=user)


def is_on_its_way(tx: Tx, room: RoomId, user: UserId) -> bool:
    """Tell whether a change of somebody's membership waits to be carried out in a room."""
    row = tx.one(
        "select 1 as waits from outbox where account = :account and kind = :kind and room = :room and target = :user"
        " limit 1",
        kind="member",
        room=room,
        user=user,
    )
    return row is not None


def departure_of(tx: Tx, community: CommunityKey, user: UserId) -> Departure | None:
    """Read how far the question is whether somebody should be in a control room."""
    row = tx.one(
        'select * from departure where account = :account and community = :community and "user" = :user',
        community=community,
        user=user,
    )
    return None if row is None else _departure(row)


def departures_in(tx: Tx, community: CommunityKey) -> list[Departure]:
    """List everybody whose place in a control room was or is a question."""
    rows = tx.rows(
        'select * from departure where account = :account and community = :community order by "user"',
        community=community,
    )
    return [_departure(row) for row in rows]


def put_departure(tx: Tx, departure: Departure) -> None:
    """Write down how far the question is whether somebody should be in a control room."""
    tx.run(
        'insert into departure (account, community, "user", state, times)'
        " values (:account, :community, :user, :state, :times)"
        ' on conflict (account, community, "user") do update set state = excluded.state, times = excluded.times',
        community=departure.community,
        user=departure.user,
        state=departure.state.value,
        times=departure.times,
    )


def drop_departure(tx: Tx, community: CommunityKey, user: UserId) -> None:
    """Forget that somebody's place in a control room was a question."""
    tx.run(
        'delete from departure where account = :account and community = :community and "user" = :user',
        community=community,
        user=user,
    )


def _knock(row: Row) -> Knock:
    return Knock(
        room=RoomId(text(row, "room")),
        user=UserId(text(row, "user")),
        event=EventId(text(row, "event")),
        since_ms=number(row, "since_ms"),
        state=Asked(text(row, "state")),
        times=number(row, "times"),
        next_ms=number(row, "next_ms"),
    )


def _departure(row: Row) -> Departure:
    return Departure(
        community=CommunityKey(text(row, "community")),
        user=UserId(text(row, "user")),
        state=Asked(text(row, "state")),
        times=number(row, "times"),
    )
