"""Published turns: who has which, and how sure that is. A turn is named by its room, part and start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.facilitation.rota.things import GaveWay, Part, Shift, Slot
from orchestrator.model.cadence import EVER, Span
from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from orchestrator.store.rows import number, text


class State(StrEnum):
    """How sure it is that somebody takes a turn."""

    PUBLISHED = "published"
    """It is theirs, and nobody has asked them yet; or it had begun before anybody could be asked."""
    OFFERED = "offered"
    """Somebody is being asked."""
    ACCEPTED = "accepted"
    UNCONFIRMED = "unconfirmed"
    """Nobody answered: it stays theirs, and the leads know."""
    OPEN = "open"
    """Nobody has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A published turn.

    Attributes:
        shift: the turn and who has it, also where that waits for their yes.
    """

    shift: Shift
    state: State

    @property
    def name(self) -> str:
        """Name it within its community."""
        return name_of(self.shift.slot)

    @property
    def promised(self) -> bool:
        """Tell whether it is theirs by now: where rest gave way it is not before they said yes."""
        return GaveWay.REST not in self.shift.gave_way or self.state is State.ACCEPTED


def name_of(slot: Slot) -> str:
    """Name a turn within its community."""
    return f"{slot.room}/{slot.part}/{slot.span.start_ms}"


def shifts_of(tx: Tx, community: CommunityKey, around: Span = EVER) -> list[Given]:
    """List the published turns of a community that share time with a span (by default all), in order of start."""
    rows = tx.rows(
        "select * from shift where account = :account and community = :community"
        " and start_ms < :until_ms and end_ms > :from_ms order by start_ms, key, part",
        community=community,
        from_ms=around.start_ms,
        until_ms=around.end_ms,
    )
    return [_given(row) for row in rows]


def shift_at(tx: Tx, community: CommunityKey, name: str) -> Given | None:
    """Find a published turn by its name."""
    key, part, start = name.rsplit("/", 2)
    row = tx.one(
        "select * from shift where account = :account and community = :community and key = :key and part = :part"
        " and start_ms = :start_ms",
        community=community,
        key=key,
        part=part,
        start_ms=int(start),
    )
    return None if row is None else _given(row)


def put_shift(tx: Tx, community: CommunityKey, given: Given) -> None:
    """Write down who has a turn, whatever was written before."""
    shift, slot = given.shift, given.shift.slot
    tx.run(
        'insert into shift (account, community, key, part, start_ms, end_ms, layer, weight, "user", state, gave_way)'
        " values (:account, :community, :key, :part, :start_ms, :end_ms, :layer, :weight, :user, :state, :gave_way)"
        " on conflict (account, community, key, part, start_ms) do update set end_ms = excluded.end_ms,"
        ' layer = excluded.layer, weight = excluded.weight, "user" = excluded."user", state = excluded.state,'
        " gave_way = excluded.gave_way",
        community=community,
        key=slot.room,
        part=slot.part,
        start_ms=slot.span.start_ms,
        end_ms=slot.span.end_ms,
        layer=slot.layer,
        weight=slot.weight,
        user=shift.user,
        state=given.state,
        gave_way=" ".join(rule for rule in GaveWay if rule in shift.gave_way),
    )


def drop_shift(tx: Tx, community: CommunityKey, slot: Slot) -> None:
    """Withdraw a published turn."""
    tx.run(
        "delete from shift where account = :account and community = :community and key = :key and part = :part"
        " and start_ms = :start_ms",
        community=community,
        key=slot.room,
        part=slot.part,
        start_ms=slot.span.start_ms,
    )


def tidy_shifts(tx: Tx, before_ms: int) -> None:
    """Forget turns that were over before an instant; but not the last of each kind: the next one goes on from there."""
    tx.run(
        "delete from shift where account = :account and end_ms < :before_ms and exists (select 1 from shift as later"
        " where later.account = shift.account and later.community = shift.community and later.key = shift.key"
        " and later.part = shift.part and later.layer = shift.layer and later.start_ms > shift.start_ms"
        ' and later."user" is not null)',
        before_ms=before_ms,
    )


def promised(all_of: Iterable[Given]) -> tuple[Shift, ...]:
    """List turns as they count for who is on: what waits for a yes is nobody's yet."""
    return tuple(
        one.shift if one.promised else Shift(slot=one.shift.slot, user=None, gave_way=one.shift.gave_way)
        for one in all_of
    )


def _given(row: Row) -> Given:
    user = row["user"]
    slot = Slot(
        Span(number(row, "start_ms"), number(row, "end_ms")),
        RoomKey(text(row, "key")),
        Part(text(row, "part")),
        text(row, "layer"),
        number(row, "weight"),
    )
    return Given(
        shift=Shift(
            slot=slot,
            user=None if user is None else UserId(str(user)),
            gave_way=frozenset(GaveWay(rule) for rule in text(row, "gave_way").split()),
        ),
        state=State(text(row, "state")),
    )
