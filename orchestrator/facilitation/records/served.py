"""What was: who was on until when it is written down, and which handoff the room heard of last."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from orchestrator.facilitation.rota.things import Part, Stretch
from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from orchestrator.store.rows import dump, load, number, text


@dataclass(frozen=True, slots=True)
class Announced:
    """A handoff that a room heard of, or that was none worth telling.

    Attributes:
        at_ms: when.
        turn_ms: when the turn began that is about.
        user, beside: who has kept it since, and who beside them; None: nobody.
        there: they are there; False: nobody has been there since.
    """

    at_ms: int
    turn_ms: int
    user: UserId | None
    beside: UserId | None
    there: bool = True


def recorded_ms(tx: Tx, community: CommunityKey, room: RoomKey) -> int | None:
    """Tell until when it is written down who was on in a room; None: nothing is."""
    row = tx.one(
        "select recorded_ms from handoff where account = :account and community = :community and key = :key",
        community=community,
        key=room,
    )
    return None if row is None else number(row, "recorded_ms")


def note_recorded(tx: Tx, community: CommunityKey, room: RoomKey, until_ms: int) -> None:
    """Write down that all is written down until then."""
    tx.run(
        "insert into handoff (account, community, key, recorded_ms, announced) values (:account, :community, :key,"
        " :until_ms, '') on conflict (account, community, key) do update set recorded_ms = excluded.recorded_ms",
        community=community,
        key=room,
        until_ms=until_ms,
    )


def announced(tx: Tx, community: CommunityKey, room: RoomKey) -> Announced | None:
    """Read which handoff a room heard of last."""
    row = tx.one(
        "select announced from handoff where account = :account and community = :community and key = :key",
        community=community,
        key=room,
    )
    if row is None or not text(row, "announced"):
        return None
    said = load(text(row, "announced"))
    if not isinstance(said, list):
        return None
    at_ms, turn_ms, user, beside, there = said
    return Announced(int(str(at_ms)), int(str(turn_ms)), _person(user), _person(beside), there is True)


def note_announced(tx: Tx, community: CommunityKey, room: RoomKey, said: Announced) -> None:
    """Write down which handoff a room heard of; ``note_recorded`` comes first."""
    tx.run(
        "update handoff set announced = :said where account = :account and community = :community and key = :key",
        community=community,
        key=room,
        said=dump([said.at_ms, said.turn_ms, said.user, said.beside, said.there]),
    )


def add_served(tx: Tx, community: CommunityKey, stretches: Iterable[Stretch]) -> None:
    """Write down who was on; what goes on from what is written down of the same turn becomes one with it."""
    for one in stretches:
        turn_ms = one.span.start_ms if one.shift is None else one.shift.slot.span.start_ms
        goes_on = tx.run(
            "update served set end_ms = :end_ms where account = :account and community = :community and key = :key"
            " and part = :part and end_ms = :start_ms and start_ms >= :turn_ms"
            " and coalesce(\"user\", '') = coalesce(:user, '')",
            community=community,
            key=one.room,
            part=one.part,
            start_ms=one.span.start_ms,
            end_ms=one.span.end_ms,
            turn_ms=turn_ms,
            user=one.user,
        )
        if goes_on:
            continue
        tx.run(
            'insert into served (account, community, key, part, start_ms, end_ms, "user", weight) values (:account,'
            " :community, :key, :part, :start_ms, :end_ms, :user, :weight) on conflict do nothing",
            community=community,
            key=one.room,
            part=one.part,
            start_ms=one.span.start_ms,
            end_ms=one.span.end_ms,
            user=one.user,
            weight=1 if one.shift is None else one.shift.slot.weight,
        )


def cut_off(tx: Tx, community: CommunityKey, room: RoomKey, user: UserId, since_ms: int) -> None:
    """Write down that somebody was not on from an instant on, whatever was written before: nobody was."""
    theirs: dict[str, str | int] = {"community": community, "key": room, "user": user, "since_ms": since_ms}
    tx.run(
        'insert into served (account, community, key, part, start_ms, end_ms, "user", weight) select account, community,'
        " key, part, :since_ms, end_ms, null, weight from served where account = :account and community = :community"
        ' and key = :key and "user" = :user and start_ms < :since_ms and end_ms > :since_ms on conflict do nothing',
        **theirs,
    )
    tx.run(
        "update served set end_ms = :since_ms where account = :account and community = :community and key = :key"
        ' and "user" = :user and start_ms < :since_ms and end_ms > :since_ms',
        **theirs,
    )
    tx.run(
        'update served set "user" = null where account = :account and community = :community and key = :key'
        ' and "user" = :user and start_ms >= :since_ms',
        **theirs,
    )


def set_back(tx: Tx, community: CommunityKey, room: RoomKey, at_ms: int) -> None:
    """Forget what was written down of the time after an instant: a clock that ran ahead took it for past."""
    tx.run(
        "delete from served where account = :account and community = :community and key = :key and start_ms >= :at_ms",
        community=community,
        key=room,
        at_ms=at_ms,
    )
    tx.run(
        "update served set end_ms = :at_ms where account = :account and community = :community and key = :key"
        " and end_ms > :at_ms",
        community=community,
        key=room,
        at_ms=at_ms,
    )
    note_recorded(tx, community, room, at_ms)
    heard = announced(tx, community, room)
    if heard is not None and heard.at_ms > at_ms:
        note_announced(tx, community, room, replace(heard, at_ms=at_ms))


def has_served(tx: Tx, community: CommunityKey, user: UserId) -> bool:
    """Tell whether somebody kept a room of a community before; watching is no keeping."""
    row = tx.one(
        'select 1 as found from served where account = :account and community = :community and "user" = :user'
        " and part != :watching limit 1",
        community=community,
        user=user,
        watching=Part.SHADOW,
    )
    return row is not None


def last_keeper(tx: Tx, community: CommunityKey, room: RoomKey) -> UserId | None:
    """Find who kept a room last, as far as it is written down."""
    row = tx.one(
        'select "user" from served where account = :account and community = :community and key = :key'
        ' and part = :part and "user" is not null order by end_ms desc limit 1',
        community=community,
        key=room,
        part=Part.FACILITATOR,
    )
    return None if row is None else UserId(text(row, "user"))


def tidy_served(tx: Tx, before_ms: int, staff: Mapping[CommunityKey, Collection[UserId]]) -> None:
    """Forget what was before an instant; but of those who look after a community not when they were on last."""
    kept = {
        (community, *_turn(row))
        for community, users in staff.items()
        for user in users
        if (row := _last_turn(tx, community, user)) is not None
    }
    for row in tx.rows(
        "select community, key, part, start_ms from served where account = :account and end_ms < :before_ms",
        before_ms=before_ms,
    ):
        key, part, start_ms = _turn(row)
        if (CommunityKey(text(row, "community")), key, part, start_ms) not in kept:
            tx.run(
                "delete from served where account = :account and community = :community and key = :key and part = :part"
                " and start_ms = :start_ms",
                community=text(row, "community"),
                key=key,
                part=part,
                start_ms=start_ms,
            )


def _last_turn(tx: Tx, community: CommunityKey, user: UserId) -> Row | None:
    return tx.one(
        'select key, part, start_ms from served where account = :account and community = :community and "user" = :user'
        " and part != :watching order by end_ms desc, key desc, part desc limit 1",
        community=community,
        user=user,
        watching=Part.SHADOW,
    )


def _turn(row: Row) -> tuple[str, str, int]:
    return text(row, "key"), text(row, "part"), number(row, "start_ms")


def _person(value: object) -> UserId | None:
    return None if value is None else UserId(str(value))
