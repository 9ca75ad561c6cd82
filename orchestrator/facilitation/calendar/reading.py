"""What stands in a calendar now, read from the rows; and a calendar as it is served."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TypeAlias

from orchestrator.documents.declared import Community, Documents, Room
from orchestrator.facilitation.outlook import outlook
from orchestrator.facilitation.plans import plans_of
from orchestrator.facilitation.records.holdings import held_in
from orchestrator.facilitation.records.ledger import ledger_of
from orchestrator.facilitation.records.preferences import reminders_of
from orchestrator.facilitation.rota.things import Stretch
from orchestrator.i18n import speaking
from orchestrator.model.cadence import Span
from orchestrator.model.feature import Tx
from orchestrator.model.ids import UserId

from .entries import AHEAD_MS, REMINDED_MS, Entry, entries_of
from .feeds import Scope, feed_of, readable
from .ics import write

Others: TypeAlias = Callable[[Tx, Community, Collection[Room], int], Iterable[Entry]]
"""Tells what else stands in the calendar of some rooms of a community, now."""


def nothing_else(_tx: Tx, _community: Community, _rooms: Collection[Room], _now_ms: int) -> Iterable[Entry]:
    """Tell that nothing else does."""
    return ()


def served(tx: Tx, documents: Documents, digest: str, now_ms: int, *, others: Others = nothing_else) -> bytes | None:
    """Write the calendar that an address leads to now; None when it leads nowhere, or no longer."""
    feed = feed_of(tx, digest)
    places = readable(documents, feed) if feed is not None else ()
    if feed is None or not places:
        return None
    own = feed.user if feed.scope is Scope.PERSON else None
    return written(tx, places, now_ms, user=own, others=others)


def written(
    tx: Tx,
    places: Iterable[tuple[Community, Collection[Room]]],
    now_ms: int,
    *,
    user: UserId | None = None,
    others: Others = nothing_else,
) -> bytes:
    """Write the calendar of somebody, or of some rooms, in the language of (the first of) their communities.

    In somebody's own stand their turns alone; ``others`` in those of rooms.
    """
    found, locale = list[Entry](), ""
    for community, rooms in places:
        locale = locale or community.locale
        found += entries_in(tx, community, rooms, now_ms, user=user)
        if user is None:
            found += others(tx, community, rooms, now_ms)
    found.sort(key=lambda entry: (entry.span, entry.uid))
    reminders_ms = () if user is None else reminders_of(tx, user, REMINDED_MS)
    with speaking(locale or "en"):
        return write(found, now_ms, named=user is None, reminders_ms=reminders_ms)


def entries_in(
    tx: Tx, community: Community, rooms: Collection[Room], now_ms: int, *, user: UserId | None = None
) -> tuple[Entry, ...]:
    """List the turns of some rooms of a community, or somebody's among them."""
    keys = {room.key for room in rooms}
    rows = [row for row in held_in(tx, community.key) if row.room in keys]
    following = [stretch for stretch in coming(tx, community, now_ms) if stretch.room in keys]
    return entries_of(community.key, rows, following, now_ms, user=user)


def coming(tx: Tx, community: Community, now_ms: int) -> tuple[Stretch, ...]:
    """List who is on in the rooms of a community in the next 90 days."""
    return ahead(tx, community, Span(now_ms, now_ms + AHEAD_MS), now_ms)


def ahead(tx: Tx, community: Community, window: Span, now_ms: int) -> tuple[Stretch, ...]:
    """List who is on in the rooms of a community in a window; see ``outlook``."""
    # A turn that waits for somebody's yes is shown as theirs: it is what comes if they give it.
    return outlook(plans_of(community), ledger_of(tx, community.key, reserved=True), window, now_ms)
