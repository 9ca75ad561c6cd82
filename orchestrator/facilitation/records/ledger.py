"""All that was settled for a community's rooms, as the rota reads it."""

from __future__ import annotations

from orchestrator.facilitation.rota.things import Ledger, Part, Served
from orchestrator.model.cadence import EVER, Span
from orchestrator.model.feature import Tx
from orchestrator.model.ids import CommunityKey, RoomKey, UserId
from orchestrator.store.rows import number, text

from .away import everybody_away
from .overrides import changes_of
from .shifts import promised, shifts_of


def ledger_of(tx: Tx, community: CommunityKey, around: Span = EVER, *, reserved: bool = False) -> Ledger:
    """Read what was given, changed and done, and when people are away.

    Args:
        tx: the transaction.
        community: whose rooms.
        around: only what shares time with it: enough to tell who is on then. By default everything, as giving turns needs it.
        reserved: count turns that wait for somebody's yes as theirs, so that they are not given another one meanwhile.
    """
    given = shifts_of(tx, community, around)
    return Ledger(
        shifts=tuple(one.shift for one in given) if reserved else promised(given),
        overrides=tuple(one.override() for one in changes_of(tx, community, around) if one.holds),
        served=_served(tx, community, around),
        away=everybody_away(tx, community, around),
    )


def _served(tx: Tx, community: CommunityKey, around: Span) -> tuple[Served, ...]:
    rows = tx.rows(
        "select * from served where account = :account and community = :community"
        " and end_ms > :from_ms and start_ms < :until_ms order by start_ms, key, part",
        community=community,
        from_ms=around.start_ms,
        until_ms=around.end_ms,
    )
    return tuple(
        Served(
            RoomKey(text(row, "key")),
            Part(text(row, "part")),
            Span(number(row, "start_ms"), number(row, "end_ms")),
            None if row["user"] is None else UserId(text(row, "user")),
            number(row, "weight"),
        )
        for row in rows
    )
