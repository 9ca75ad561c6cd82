"""What was changed about published turns, or is asked to be: swaps, what was taken, and who had to go."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.facilitation.rota.things import Override, Part
from orchestrator.model.cadence import EVER, Span
from orchestrator.model.feature import Row, Tx
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from orchestrator.store.rows import number, text


class Kind(StrEnum):
    """Why there is a change."""

    SWAP = "swap"
    """Somebody would like to hand on; until it is taken it stays theirs."""
    AWAY = "away"
    """Somebody cannot: they are off at once, whether or not it is taken."""
    LEFT = "left"
    """Somebody is not on the rota any more: they are off at once."""
    TAKE = "take"
    """Somebody took what nobody had, or took over at once."""


class State(StrEnum):
    """What became of it."""

    OPEN = "open"
    TAKEN = "taken"
    OVER = "over"
    """It began, and nobody had taken it."""
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change, asked for or agreed.

    Attributes:
        giver: whose it was; None: nobody's.
        taker: whose it is now; None: nobody's, or nobody has taken it yet.
        only: whom alone it is offered to; None: everybody who may.
        made_ms: when it was asked for; of what is taken, when it was agreed: the order in which they hold.
    """

    id: str
    room: RoomKey
    part: Part
    span: Span
    giver: UserId | None
    taker: UserId | None = None
    only: UserId | None = None
    kind: Kind
    state: State = State.OPEN
    made_ms: int
    changed_ms: int

    @property
    def holds(self) -> bool:
        """Tell whether it changes who is on."""
        if self.kind in {Kind.AWAY, Kind.LEFT}:
            return self.state in {State.OPEN, State.TAKEN, State.OVER}
        return self.state is State.TAKEN

    def override(self) -> Override:
        """Give it to the rota."""
        return Override(
            id=self.id,
            room=self.room,
            part=self.part,
            span=self.span,
            giver=self.giver,
            taker=self.taker,
            made_ms=self.made_ms,
        )


def changes_of(tx: Tx, community: CommunityKey, around: Span = EVER) -> list[Change]:
    """List the changes of a community that share time with a span (by default all), in the order in which they hold."""
    rows = tx.rows(
        "select * from override where account = :account and community = :community"
        " and end_ms > :from_ms and start_ms < :until_ms order by made_ms, id",
        community=community,
        from_ms=around.start_ms,
        until_ms=around.end_ms,
    )
    return [_change(row) for row in rows]


def change_at(tx: Tx, community: CommunityKey, id_: str) -> Change | None:
    """Find a change by its id."""
    row = tx.one(
        "select * from override where account = :account and community = :community and id = :id",
        community=community,
        id=id_,
    )
    return None if row is None else _change(row)


def put_change(tx: Tx, community: CommunityKey, change: Change) -> None:
    """Write down a change, whatever was written of it before."""
    tx.run(
        "insert into override (account, id, community, key, part, start_ms, end_ms, giver, taker, only, kind, state,"
        " made_ms, changed_ms) values (:account, :id, :community, :key, :part, :start_ms, :end_ms, :giver, :taker, :only,"
        " :kind, :state, :made_ms, :changed_ms) on conflict (account, id) do update set start_ms = excluded.start_ms,"
        " end_ms = excluded.end_ms, giver = excluded.giver, taker = excluded.taker, only = excluded.only,"
        " kind = excluded.kind, state = excluded.state, made_ms = excluded.made_ms, changed_ms = excluded.changed_ms",
        id=change.id,
        community=community,
        key=change.room,
        part=change.part,
        start_ms=change.span.start_ms,
        end_ms=change.span.end_ms,
        giver=change.giver,
        taker=change.taker,
        only=change.only,
        kind=change.kind,
        state=change.state,
        made_ms=change.made_ms,
        changed_ms=change.changed_ms,
    )


def tidy_changes(tx: Tx, before_ms: int) -> None:
    """Forget changes about what was over before an instant."""
    tx.run("delete from override where account = :account and end_ms < :before_ms", before_ms=before_ms)


def _change(row: Row) -> Change:
    return Change(
        id=text(row, "id"),
        room=RoomKey(text(row, "key")),
        part=Part(text(row, "part")),
        span=Span(number(row, "start_ms"), number(row, "end_ms")),
        giver=_person(row, "giver"),
        taker=_person(row, "taker"),
        only=_person(row, "only"),
        kind=Kind(text(row, "kind")),
        state=State(text(row, "state")),
        made_ms=number(row, "made_ms"),
        changed_ms=number(row, "changed_ms"),
    )


def _person(row: Row, column: str) -> UserId | None:
    value = row[column]
    return None if value is None else UserId(str(value))
