"""Who can open what was written in a room: a link to it leads nowhere for those who came later (measured: 404)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from orchestrator.i18n import _
from orchestrator.model.feature import Tx
from orchestrator.model.ids import UserId
from orchestrator.store import mirror

from .places import Place


def is_open_to_latecomers(tx: Tx, place: Place) -> bool:
    """Tell whether somebody who joins now can read what was said before: the history shows it, and it is not sealed."""
    known = mirror.room_of(tx, place.id)
    encrypted = place.room.settings.encryption if known is None else known.encrypted
    live = mirror.state_of(tx, place.id, "m.room.history_visibility")
    history = (live.content or {}).get("history_visibility") if live is not None else place.room.settings.history
    return history in ("shared", "world_readable") and not encrypted


def who_cannot_open(tx: Tx, place: Place, people: Collection[UserId], written_ms: int) -> Sequence[UserId]:
    """List those of some people who were not in a room when something was written there, and so cannot open it."""
    found = []
    for user in people:
        member = mirror.member(tx, place.id, user)
        here = member is not None and member.membership == "join"
        came_later = member is not None and member.since_ms is not None and member.since_ms > written_ms
        if not here or (came_later and not is_open_to_latecomers(tx, place)):
            found.append(user)
    return found


def cannot_open(place: Place, people: Sequence[UserId]) -> str:
    """Say for whom a link leads nowhere, and why; "" where it is for nobody."""
    if not people:
        return ""
    return _(
        "For {people} the link leads nowhere: whoever was not in {room} when it was written cannot open it there, and"
        " somebody else has to look."
    ).format(people=", ".join(people), room=place.room.name)
