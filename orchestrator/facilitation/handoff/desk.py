"""Handoffs at their time, and at once when somebody comes or goes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from orchestrator.documents.declared import Community, Documents, Room
from orchestrator.facilitation import NAME
from orchestrator.facilitation.duty import on_now
from orchestrator.facilitation.moved import Changed
from orchestrator.facilitation.records.served import announced, cut_off
from orchestrator.facilitation.rota.things import Part
from orchestrator.model.effects import AnyEffect
from orchestrator.model.events import Event, Member
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.store import bindings
from orchestrator.store.timers import clear_timer, timers_of

from . import powers
from .recording import record
from .telling import back
from .turning import HANDOFF, hand_over, timer_key


class Publish(Protocol):
    """Gives the turns that are to be given by now."""

    def __call__(self, tx: Tx, community: Community, now: Now) -> Iterable[AnyEffect]:
        """Publish what a community has to publish."""
        ...


class Handoffs:
    """Hands over.

    Args:
        documents: what the authors wrote.
        publish: gives what is to be given, before somebody is handed it.
        changed: does what follows, the handing over among it.
    """

    def __init__(self, documents: Documents, publish: Publish, changed: Changed) -> None:
        self._documents, self._publish, self._changed = documents, publish, changed

    def before(self, tx: Tx, now: Now) -> None:
        """Write down what was while nobody looked, before anything else is done."""
        for community in self._documents.communities:
            record(tx, community, now)

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Bring all in line: who is on now is given power, whoever is not has none."""
        for community in self._documents.communities:
            yield from self._changed(tx, community, now, None)
        powers.let_go(tx, self._documents, now.at_ms)
        known = {timer_key(room) for community in self._documents.communities for room in community.rooms}
        for timer in timers_of(tx, NAME, HANDOFF):
            if timer.key not in known:
                clear_timer(tx, NAME, timer.key)

    def decide(self, tx: Tx, event: Event, now: Now) -> Iterable[AnyEffect]:
        """Announce who keeps a room to the first who come into it, and act when somebody who keeps it comes or goes."""
        if not isinstance(event, Member) or event.user == now.me:
            return ()
        binding = bindings.binding_of(tx, event.room)
        community = self._documents.community(binding.community) if binding is not None else None
        room = community.room(binding.key) if binding is not None and community is not None else None
        if community is None or room is None:
            return ()
        if event.user not in community.staff() and (
            event.membership != "join" or self._is_known(tx, community, room, now)
        ):
            return ()
        _record(tx, community, room, event, now)
        if event.membership == "join":
            back(tx, room, event.user)
        return hand_over(tx, community, now)

    def _is_known(self, tx: Tx, community: Community, room: Room, now: Now) -> bool:
        """Tell whether a room has heard who keeps it now."""
        said = announced(tx, community.key, room.key)
        one = on_now(tx, community, room, now.at_ms).get(Part.FACILITATOR)
        return one is None or one.user is None or (said is not None and said.user == one.user)

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Hand over."""
        if not timer.key.startswith(HANDOFF):
            return None
        found = [
            community
            for community in self._documents.communities
            if any(timer.key == timer_key(room) for room in community.rooms)
        ]
        return [effect for community in found for effect in self._hand_over(tx, community, now)]

    def _hand_over(self, tx: Tx, community: Community, now: Now) -> Iterable[AnyEffect]:
        record(tx, community, now)
        yield from self._publish(tx, community, now)
        yield from self._changed(tx, community, now, None)


def _record(tx: Tx, community: Community, room: Room, event: Member, now: Now) -> None:
    """Write down who was on until somebody came or went; who went while nobody looked was on until then."""
    went = event.membership not in {"join", "invite"}
    came = not went and event.before not in {None, "join", "invite"}
    if went or came:
        record(tx, community, now, were={(room.key, event.user): went})
    if went:
        cut_off(tx, community.key, room.key, event.user, event.at_ms)
