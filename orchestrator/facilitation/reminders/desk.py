"""Reminds people of their turns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestrator.documents.declared import Community, Documents
from orchestrator.facilitation import NAME, saying
from orchestrator.facilitation.records.holdings import Held, held_in
from orchestrator.facilitation.records.preferences import language_of, zone_of
from orchestrator.facilitation.records.said import say_once
from orchestrator.facilitation.rota.things import Part
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.effects import AnyEffect, Priority, SendDirect
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.store.timers import clear_timer, set_timer, timers_of

from .planning import REMINDER, mark, next_due_ms, timer_key, unsaid


class Reminders:
    """Reminds, when a timer says so.

    Args:
        documents: what the authors wrote.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Forget what communities that are not ours any more were to be reminded of."""
        del now
        ours = tuple(f"{REMINDER}{community.key}/" for community in self._documents.communities)
        for timer in timers_of(tx, NAME, REMINDER):
            if not timer.key.startswith(ours):
                clear_timer(tx, NAME, timer.key)
        return ()

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Remind somebody of the turn that a timer is about, once, however many reminders have come due since."""
        if not timer.key.startswith(REMINDER):
            return None
        return [
            effect
            for community in self._documents.communities
            for held in held_in(tx, community.key, now.at_ms)
            if held.gone_ms is None and timer_key(community, held) == timer.key
            for effect in _remind(tx, community, held, now)
        ]


def _remind(tx: Tx, community: Community, held: Held, now: Now) -> Iterator[AnyEffect]:
    room = community.room(held.room)
    if room is None or held.span.start_ms <= now.at_ms:
        return
    due = [one for one in unsaid(tx, community, room, held) if one.due_ms <= now.at_ms]
    for one in due:
        say_once(tx, mark(community, held, one), now.at_ms)
    following_ms = next_due_ms(tx, community, room, held, now)
    if following_ms is not None:
        set_timer(tx, Timer(craft=NAME, key=timer_key(community, held), due_ms=following_ms))
    if not any(one.stale_ms > now.at_ms for one in due):
        return
    with speaking(language_of(tx, held.user, community)):
        yield SendDirect(
            step=f"remind:{community.key}/{held.name}",
            priority=Priority.STRUCTURE,
            user=held.user,
            expires_ms=held.span.start_ms,
            content=content.notice(_said(tx, community, room.name, held)),
        )


def _said(tx: Tx, community: Community, room: str, held: Held) -> str:
    zone = zone_of(tx, held.user, community)
    when = saying.stretch(held.span, zone)
    if held.part is Part.CO:
        return _("A little reminder: you are keeping {room} together with somebody from {when}.").format(
            room=room, when=when
        )
    if held.part is Part.SHADOW:
        return _("A little reminder: you are invited to watch how {room} is kept from {when}.").format(
            room=room, when=when
        )
    return _(
        "A little reminder: you are keeping {room} from {when}. If something came up, `{prefix}swap` finds somebody else."
    ).format(room=room, when=when, prefix=community.prefix)
