"""What grows old, brought up again: norms that were to be looked at together, help whose address may have changed.

The leads hear of it on the day, and once a month until somebody has written a new date.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from orchestrator.culture.places import NAME, control_room
from orchestrator.documents.advice import STALE_DAYS
from orchestrator.documents.declared import Community, Documents
from orchestrator.documents.policy import Policy
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Priority, Send
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.model.ids import RoomId
from orchestrator.store.rows import text
from orchestrator.store.timers import clear_timer, set_timer, timer_of

TIMER: Final = "reminds:"
AGAIN_MS: Final = 30 * DAY_MS
AT: Final = time(10)
"""When in the day, in the community's zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    key: str
    community: Community
    policy: Policy
    what: str
    on: date


def settle(tx: Tx, documents: Documents, now: Now) -> None:
    """Set a timer for everything that grows old, and forget those for what was seen to."""
    wanted = {due.key: due for due in _all_due(documents)}
    for row in tx.rows(
        "select key from timer where account = :account and craft = :craft and key like :like",
        craft=NAME,
        like=f"{TIMER}%",
    ):
        if text(row, "key") not in wanted:
            clear_timer(tx, NAME, text(row, "key"))
    for key, due in wanted.items():
        timer = timer_of(tx, NAME, key)
        if timer is None or timer.payload.get("on") != due.on.isoformat():
            moment = datetime.combine(due.on, AT, due.community.zone)
            due_ms = max(int(moment.timestamp() * 1000), now.at_ms)
            set_timer(tx, Timer(craft=NAME, key=key, due_ms=due_ms, payload={"on": due.on.isoformat()}))


def due(tx: Tx, documents: Documents, timer: Timer, now: Now) -> Sequence[AnyEffect]:
    """Remind the leads, and again in a month."""
    found = next((due for due in _all_due(documents) if due.key == timer.key), None)
    if found is None or timer.payload.get("on") != found.on.isoformat():
        return ()
    set_timer(tx, Timer(craft=NAME, key=timer.key, due_ms=now.at_ms + AGAIN_MS, payload=timer.payload))
    room = control_room(tx, found.community)
    return () if room is None else (_reminder(found, room),)


def _all_due(documents: Documents) -> Iterator[_Due]:
    for community in documents.communities:
        policies = {room.policy.document: room.policy for room in community.every_room() if room.policy is not None}
        for policy in policies.values():
            review = policy.norms.review_by
            if review is not None:
                yield _of(community, policy, "norms", review)
            oldest = min((resource.verified_on for resource in policy.care.resources), default=None)
            if oldest is not None:
                yield _of(community, policy, "care", oldest + timedelta(days=STALE_DAYS))


def _of(community: Community, policy: Policy, what: str, on: date) -> _Due:
    key = f"{TIMER}{what}/{community.key}/{policy.document}"
    return _Due(key=key, community=community, policy=policy, what=what, on=on)


def _reminder(due: _Due, room: RoomId) -> Send:
    with speaking(due.community.locale):
        if due.what == "norms":
            said = _(
                "You wanted to look at “{title}” together again about now. What still fits, and what doesn't? Write the"
                " next day for it into `{document}` (`review_by`); until then I bring it up once a month."
            )
        else:
            said = _(
                "Nobody has tried the places to turn to in “{title}” for half a year. Please try them, correct what has"
                " changed, and write the day into `{document}` (`verified_on`). Until then I bring it up once a month."
            )
        said = said.format(title=due.policy.title, document=due.policy.document)
        return Send(
            step=f"reminds:{due.what}:{due.policy.document}",
            priority=Priority.ROUTINE,
            room=room,
            content=content.text(said, mentions=due.community.leads),
        )
