"""What is known of people is forgotten once it serves nothing any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from orchestrator.documents.declared import Documents
from orchestrator.model.clock import DAY_MS
from orchestrator.model.feature import Now, Tx

from .calendar.feeds import drop_feed, feeds, readable
from .duty import tidy_covers
from .plans import plans_of
from .records.away import tidy_away
from .records.holdings import KEPT_MS as HELD_KEPT_MS
from .records.holdings import tidy_held
from .records.offers import tidy_offers
from .records.overrides import tidy_changes
from .records.preferences import drop_preference, people_with_preferences
from .records.said import said_at_ms, say_once, tidy_said, unsay
from .records.served import tidy_served
from .records.shifts import tidy_shifts

KEPT_MS: Final = 60 * DAY_MS
"""For how long it is kept what was given, asked and changed, once it is over."""
AWAY_KEPT_MS: Final = 7 * DAY_MS
SERVED_KEPT_MS: Final = 400 * DAY_MS
"""For how long it counts who had a turn: long enough that everybody has had several."""
UNUSED_KEPT_MS: Final = 30 * DAY_MS
"""For how long it is kept what somebody wants who looks after nothing any more: they may be back soon."""


def forget(tx: Tx, documents: Documents, now: Now) -> None:
    """Forget what is long over, and what belongs to people who look after nothing any more."""
    plans = [plan for community in documents.communities for plan in plans_of(community)]
    # What was said and answered about a turn was so since it was published at the earliest.
    ahead_ms = max((plan.rota.publish_ms for plan in plans), default=0)
    tidy_shifts(tx, now.at_ms - KEPT_MS)
    tidy_offers(tx, now.at_ms - KEPT_MS)
    tidy_changes(tx, now.at_ms - KEPT_MS)
    tidy_said(tx, now.at_ms - KEPT_MS - ahead_ms)
    tidy_held(tx, now.at_ms - HELD_KEPT_MS)
    tidy_covers(tx, now.at_ms - KEPT_MS)
    tidy_away(tx, now.at_ms - AWAY_KEPT_MS)
    tidy_served(tx, now.at_ms - SERVED_KEPT_MS, {one.key: one.staff() for one in documents.communities})
    staff = frozenset().union(*(one.staff() for one in documents.communities))
    users = ((user, user in staff) for user in people_with_preferences(tx))
    _unused(tx, "preference", users, drop_preference, now)
    ours = ((digest, bool(readable(documents, feed))) for digest, feed in feeds(tx))
    _unused(tx, "feed", ours, drop_feed, now)


def _unused(tx: Tx, what: str, found: Iterable[tuple[str, bool]], drop: Callable[[Tx, str], None], now: Now) -> None:
    """Drop what has been of no use for a while; ``found``: each by its name, with whether it is of use."""
    for name, used in list(found):
        mark = f"unused:{what} {name}"
        if used:
            unsay(tx, mark)
            continue
        say_once(tx, mark, now.at_ms)
        since_ms = said_at_ms(tx, mark)
        if since_ms is not None and since_ms <= now.at_ms - UNUSED_KEPT_MS:
            drop(tx, name)
            unsay(tx, mark)
