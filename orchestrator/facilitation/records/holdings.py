"""What people know to be theirs; kept for a while after it is not, so that calendars can take it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orchestrator.facilitation.rota.things import Part
from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS
from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from orchestrator.store.rows import maybe_number, number, text

KEPT_MS: Final = 30 * DAY_MS
"""For how long it is kept that something was somebody's, and shown as cancelled: it has to go from their calendars, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Something somebody knows to be theirs: a turn, or a piece of one.

    Attributes:
        sequence: how often it was changed.
        gone_ms: since when it is theirs no longer; None: it is.
    """

    room: RoomKey
    part: Part
    span: Span
    user: UserId
    sequence: int = 0
    gone_ms: int | None = None

    @property
    def name(self) -> str:
        """Name it within its community."""
        return f"{self.room}/{self.part}/{self.span.start_ms}/{self.user}"


def held_in(tx: Tx, community: CommunityKey, since_ms: int = 0) -> list[Held]:
    """List what people of a community hold or held that ends after an instant, in order of start."""
    rows = tx.rows(
        "select * from holding where account = :account and community = :community and end_ms > :since_ms"
        ' order by start_ms, key, part, "user"',
        community=community,
        since_ms=since_ms,
    )
    return [_held(row) for row in rows]


def next_start_ms(tx: Tx, community: CommunityKey, room: RoomKey, user: UserId, after_ms: int) -> int | None:
    """Tell when the next turn begins that somebody knows to be theirs in a room; None: they know of none."""
    row = tx.one(
        "select min(start_ms) as start_ms from holding where account = :account and community = :community and key = :key"
        ' and "user" = :user and gone_ms is null and start_ms > :after_ms and part != :watching',
        community=community,
        key=room,
        user=user,
        after_ms=after_ms,
        watching=Part.SHADOW,
    )
    return None if row is None else maybe_number(row, "start_ms")


def put_held(tx: Tx, community: CommunityKey, held: Held) -> None:
    """Write down that something is somebody's, or that it is not any more."""
    tx.run(
        'insert into holding (account, community, key, part, start_ms, end_ms, "user", sequence, gone_ms) values (:account,'
        " :community, :key, :part, :start_ms, :end_ms, :user, :sequence, :gone_ms) on conflict (account, community, key,"
        ' part, start_ms, "user") do update set end_ms = excluded.end_ms, sequence = excluded.sequence,'
        " gone_ms = excluded.gone_ms",
        community=community,
        key=held.room,
        part=held.part,
        start_ms=held.span.start_ms,
        end_ms=held.span.end_ms,
        user=held.user,
        sequence=held.sequence,
        gone_ms=held.gone_ms,
    )


def tidy_held(tx: Tx, before_ms: int) -> None:
    """Forget what was over, or gone, before an instant."""
    tx.run(
        "delete from holding where account = :account and (end_ms < :before_ms or gone_ms < :before_ms)",
        before_ms=before_ms,
    )


def _held(row: Row) -> Held:
    return Held(
        room=RoomKey(text(row, "key")),
        part=Part(text(row, "part")),
        span=Span(number(row, "start_ms"), number(row, "end_ms")),
        user=UserId(text(row, "user")),
        sequence=number(row, "sequence"),
        gone_ms=maybe_number(row, "gone_ms"),
    )
