"""Which of the recorded effects may be tried now, and in which order."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.model.clock import HOUR_MS
from orchestrator.model.effects import Priority
from orchestrator.model.feature import Tx

from .outbox import Waiting, as_waiting
from .rows import maybe_number, number, text

REMOVALS_SHOWN = 16
"""How many of a room's waiting removals ``ready`` lists: more than are ever under way at once."""

LONGEST_RETRY_MS = HOUR_MS
"""No row waits longer for its next try; one that seems to was put off before the clock was set back."""


def ready(tx: Tx, now_ms: int) -> list[Waiting]:
    """List what may be tried now, most urgent first: the first of each lane, however much waits behind it.

    What one room or person has to wait for hides nothing else. Memberships, rooms to make and amendments keep their order
    even when the first one has to wait for its next try: the later one was decided knowing of it. What is said does not:
    each word stands for itself. A private word waits while the room for it is being made, or its person is being asked in;
    these have the priority of the most urgent word that waits for them. What has expired comes in any case, to be written
    down; but what may have left before it did is looked for on the server first, and that may have to wait.
    """
    rows = tx.rows(
        "select * from outbox where account = :account and cause in (select cause from (select cause, kind, retry_ms,"
        "  expires_ms, tried_ms, row_number() over (partition by lane, coalesce(expires_ms <= :now_ms, 0) order by"
        "   case when kind in ('member', 'create', 'amend') then 0 else priority end, seq) as place"
        "  from outbox where account = :account and (kind in ('member', 'create', 'amend')"
        "   or retry_ms <= :now_ms or retry_ms > :latest_ms or expires_ms <= :now_ms)"
        "   and (kind != 'direct' or expires_ms <= :now_ms"
        "    or (target not in (select target from outbox where account = :account and kind = 'create')"
        "     and target not in (select outbox.target from outbox join direct on direct.account = outbox.account"
        '      and direct.room = outbox.room and direct."user" = outbox.target'
        "      where outbox.account = :account and outbox.kind = 'member')))) as lanes"
        "  where (expires_ms <= :now_ms and tried_ms is null) or ((retry_ms <= :now_ms or retry_ms > :latest_ms)"
        "   and place <= case when kind = 'redact' then :shown else 1 end))"
        # A raised hand must not wait behind a raid: what is said goes before what is removed.
        " order by priority, case when kind = 'redact' then 1 else 0 end, seq",
        now_ms=now_ms,
        latest_ms=now_ms + LONGEST_RETRY_MS,
        shown=REMOVALS_SHOWN,
    )
    found, urgency = [as_waiting(row) for row in rows], _urgency(tx, now_ms)
    lifted = [replace(row, priority=min(row.priority, urgency.get(_leads_to(row), row.priority))) for row in found]
    # Sorting is stable: within a priority it stays as it was.
    return sorted(lifted, key=lambda row: row.priority) if urgency else found


def _urgency(tx: Tx, now_ms: int) -> dict[tuple[str, str], Priority]:
    """Tell how urgent it is that somebody's direct room is made, or that they are asked into it: by the words for them."""
    rows = tx.rows(
        "select words.target as target, direct.room as room, min(words.priority) as priority from outbox as words"
        ' left join direct on direct.account = words.account and direct."user" = words.target'
        " where words.account = :account and words.kind = 'direct'"
        " and (words.expires_ms is null or words.expires_ms > :now_ms) group by words.target, direct.room",
        now_ms=now_ms,
    )
    places = {(text(row, "target"), text(row, "room")): Priority(number(row, "priority")) for row in rows}
    return {**places, **{(target, ""): priority for (target, _), priority in places.items()}}


def _leads_to(row: Waiting) -> tuple[str, str]:
    """Tell for whose words a row makes way, and in which room; "" for one that is still to be made."""
    match row.kind:
        case "create":
            return row.target, ""
        case "member" if row.payload.get("membership") == "invite":
            return row.target, row.room or ""
        case _:
            return "", ""


def next_retry_ms(tx: Tx, now_ms: int) -> int | None:
    """Tell when the next row that has to wait may be tried."""
    row = tx.one(
        "select min(retry_ms) as at_ms from outbox where account = :account and retry_ms > :now_ms", now_ms=now_ms
    )
    return None if row is None else maybe_number(row, "at_ms")


def anything_waits(tx: Tx) -> bool:
    """Tell whether there is an effect, or a state event, to deliver."""
    return (
        tx.one(
            "select 1 as waits from outbox where account = :account"
            " union all select 1 from unsettled where account = :account limit 1"
        )
        is not None
    )
