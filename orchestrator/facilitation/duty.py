"""Who is on duty, read from the rows: the rota's answer, with what has begun as fact."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.documents.declared import Community, Room
from orchestrator.model.cadence import Span
from orchestrator.model.feature import Tx
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from orchestrator.store.rows import number, text

from .rota import Shift, shift_at

RECENT = 50
"""How many of the shifts that began are looked at: enough to find the last one of somebody who is still there."""


def begun(tx: Tx, room: Room, at_ms: int) -> Mapping[int, UserId]:
    """Read which shifts of a room have begun, by their start, and who took them.

    Only those of people who are still on the rota: who left it holds nothing, and somebody else steps in.
    """
    rows = tx.rows(
        'select start_ms, "user" from shift_before where account = :account and community = :community and key = :key'
        " and start_ms <= :at_ms order by start_ms desc limit :most",
        community=room.community,
        key=room.key,
        at_ms=at_ms,
        most=RECENT,
    )
    taken = {number(row, "start_ms"): UserId(text(row, "user")) for row in rows}
    return {start_ms: user for start_ms, user in taken.items() if user in room.facilitators}


def note_begun(tx: Tx, room: Room, shift: Shift) -> None:
    """Write down that somebody's shift began, not yet announced; writing it again changes nothing."""
    tx.run(
        'insert into shift_before (account, community, key, start_ms, end_ms, "user", announced)'
        " values (:account, :community, :key, :start_ms, :end_ms, :user, 0)"
        ' on conflict (account, community, key, start_ms) do update set "user" = excluded."user", announced = 0'
        ' where shift_before."user" != excluded."user"',
        community=room.community,
        key=room.key,
        start_ms=shift.span.start_ms,
        end_ms=shift.span.end_ms,
        user=shift.user,
    )


def note_announced(tx: Tx, room: Room, shift: Shift) -> bool:
    """Write down that a shift is announced; tells False when it was before, so that it is said once."""
    return (
        tx.run(
            "update shift_before set announced = 1 where account = :account and community = :community and key = :key"
            " and start_ms = :start_ms and announced = 0",
            community=room.community,
            key=room.key,
            start_ms=shift.span.start_ms,
        )
        > 0
    )


def current_shift(tx: Tx, community: Community, room: Room, at_ms: int) -> Shift | None:
    """Find the shift of a room with a rota at an instant."""
    if room.rota is None:
        return None
    return shift_at(room.rota, community.zone, room.facilitators, at_ms, begun(tx, room, at_ms))


def on_duty(tx: Tx, community: Community, room: Room, at_ms: int) -> tuple[UserId, ...]:
    """List who is on duty in a room: whose shift it is, and who covers for something that came up.

    Without a rota all its facilitators are, always.
    """
    covering = covers(tx, community.key, room.key, at_ms)
    if room.rota is None:
        return tuple(dict.fromkeys((*room.facilitators, *covering)))
    shift = current_shift(tx, community, room, at_ms)
    return tuple(dict.fromkeys((*(() if shift is None else (shift.user,)), *covering)))


def in_turn(tx: Tx, community: Community, room: Room, at_ms: int) -> tuple[UserId, ...]:
    """List everybody who keeps a room, in the order in which they are asked: who is on duty, then who comes next."""
    people, shift = room.facilitators, current_shift(tx, community, room, at_ms)
    place = 0 if shift is None else shift.place
    return tuple(dict.fromkeys((*on_duty(tx, community, room, at_ms), *people[place:], *people[:place])))


def covers(tx: Tx, community: CommunityKey, key: RoomKey, at_ms: int) -> dict[UserId, int]:
    """List who covers in a room at an instant, each with when that ends; under ``SPACE_KEY``: in the community as a whole."""
    rows = tx.rows(
        'select "user", max(end_ms) as end_ms from cover where account = :account and community = :community'
        ' and key = :key and start_ms <= :at_ms and end_ms > :at_ms group by "user" order by min(start_ms), "user"',
        community=community,
        key=key,
        at_ms=at_ms,
    )
    return {UserId(text(row, "user")): number(row, "end_ms") for row in rows}


def note_cover(tx: Tx, community: CommunityKey, key: RoomKey, user: UserId, span: Span) -> None:
    """Write down that somebody is on duty for a while, beside whoever is on the rota; writing it again changes nothing."""
    tx.run(
        'insert into cover (account, community, key, start_ms, end_ms, "user") values (:account, :community, :key,'
        " :start_ms, :end_ms, :user) on conflict do nothing",
        community=community,
        key=key,
        start_ms=span.start_ms,
        end_ms=span.end_ms,
        user=user,
    )
