"""What a calendar holds: turns as somebody outside sees them, each with a name that stays. Pure.

What is given to people is confirmed, what would come next is tentative, and what is somebody's no longer stays for a
while as cancelled, since a program that never hears of it again would go on showing it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from orchestrator.facilitation.records.holdings import KEPT_MS, Held
from orchestrator.facilitation.rota.things import Part, Stretch
from orchestrator.model.cadence import Span
from orchestrator.model.clock import DAY_MS
from orchestrator.model.ids import CommunityKey, RoomKey, UserId

AHEAD_MS: Final = 90 * DAY_MS
"""How far ahead turns are shown that are not given to anybody yet."""

REMINDED_MS: Final = (DAY_MS,)
"""How long before their turn a calendar reminds somebody who did not say it otherwise."""

_UID_DOMAIN: Final = "circlekeeper.invalid"
"""Names of entries look like addresses (RFC 7986, 5.3); this one can be nobody's."""


class Status(StrEnum):
    """What an entry is, in the words of RFC 5545, 3.8.1.11."""

    CONFIRMED = "CONFIRMED"
    TENTATIVE = "TENTATIVE"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One turn in a calendar, or one time that people meet.

    Attributes:
        uid: its name, which stays whoever has it and however long it is; tells nothing.
        part: None: it is no turn, people meet.
        user: who has it; None: nobody.
    """

    uid: str
    span: Span
    part: Part | None
    user: UserId | None
    status: Status
    sequence: int = 0


def uid_of(community: CommunityKey, room: RoomKey, what: str, start_ms: int) -> str:
    """Name a turn, or a meeting: by its place, what it is and its start, and not by its end, which may move."""
    named = json.dumps([community, room, what, start_ms])
    return f"{hashlib.sha256(named.encode()).hexdigest()[:40]}@{_UID_DOMAIN}"


def entries_of(
    community: CommunityKey,
    holdings: Iterable[Held],
    coming: Iterable[Stretch],
    now_ms: int,
    *,
    user: UserId | None = None,
) -> tuple[Entry, ...]:
    """List the turns of some rooms of a community, in order, each once.

    Args:
        community: which.
        holdings: what is kept of what people of these rooms hold.
        coming: what the resolver tells of the time to come, published or not.
        now_ms: what ended, or went, longer than ``KEPT_MS`` before is left out.
        user: only theirs; None: everybody's, and those that nobody has.
    """
    found: dict[str, Entry] = {}
    since_ms = now_ms - KEPT_MS
    rows = [row for row in holdings if user in (None, row.user)]
    for row in sorted((row for row in rows if _is_shown(row, since_ms)), key=_standing):
        uid = uid_of(community, row.room, row.part, row.span.start_ms)
        status = Status.CANCELLED if row.gone_ms is not None else Status.CONFIRMED
        before = found.get(uid)
        # One turn may have gone from hand to hand: whoever has it now stands for it, and each change counts.
        sequence = row.sequence + (before.sequence + 1 if before is not None else 0)
        found[uid] = Entry(uid=uid, span=row.span, part=row.part, user=row.user, status=status, sequence=sequence)
    for stretch in coming:
        if stretch.span.end_ms <= now_ms or user not in (None, stretch.user) or _is_held(stretch, rows):
            continue
        uid = uid_of(community, stretch.room, stretch.part, stretch.span.start_ms)
        known = found.get(uid)
        if known is None or (known.status is Status.CANCELLED and user is None):
            found[uid] = Entry(
                uid=uid,
                span=stretch.span,
                part=stretch.part,
                user=stretch.user,
                status=Status.TENTATIVE,
                sequence=known.sequence + 1 if known is not None else 0,
            )
    return tuple(sorted(found.values(), key=lambda entry: (entry.span, entry.part or "", entry.uid)))


def _standing(row: Held) -> tuple[bool, int, UserId]:
    """Put what went before what stands, and the last of what went last."""
    return row.gone_ms is None, row.gone_ms or 0, row.user


def _is_held(stretch: Stretch, rows: Iterable[Held]) -> bool:
    """Tell whether somebody knows already that this time is theirs."""
    return any(
        (row.room, row.part, row.user, row.gone_ms) == (stretch.room, stretch.part, stretch.user, None)
        and row.span.shares(stretch.span)
        for row in rows
    )


def _is_shown(row: Held, since_ms: int) -> bool:
    return row.span.end_ms > since_ms if row.gone_ms is None else row.gone_ms > since_ms
