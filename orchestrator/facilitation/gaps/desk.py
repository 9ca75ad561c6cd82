"""Gaps: leads hear of each once, and whoever may can take it where they read of it."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.documents.declared import Community, Documents
from orchestrator.errors import Refusal, StillOpen
from orchestrator.facilitation import NAME, saying
from orchestrator.facilitation.moved import Changed
from orchestrator.facilitation.rota.things import Part
from orchestrator.facilitation.swaps import changing
from orchestrator.facilitation.swaps import words as swap_words
from orchestrator.facilitation.view import View
from orchestrator.i18n import speaking
from orchestrator.model import content
from orchestrator.model.cadence import Span
from orchestrator.model.effects import AnyEffect
from orchestrator.model.feature import Answer, Now, Timer, Tx
from orchestrator.model.ids import RoomKey
from orchestrator.store.rows import load_object
from orchestrator.store.timers import clear_timer, timer_of, timers_of

from . import looking
from .looking import AGAIN, GAP


class Gaps:
    """Looks ahead for times at which nobody is there.

    Args:
        documents: what the authors wrote.
        changed: who else has to know that something changed.
    """

    def __init__(self, documents: Documents, changed: Changed) -> None:
        self._documents, self._changed = documents, changed

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Look as soon as everything is settled."""
        known = {f"{GAP}{community.key}" for community in self._documents.communities}
        for timer in timers_of(tx, NAME, GAP):
            if timer.key not in known:
                clear_timer(tx, NAME, timer.key)
        for community in self._documents.communities:
            next_look = timer_of(tx, NAME, f"{GAP}{community.key}")
            if next_look is None or next_look.due_ms > now.at_ms + AGAIN:  # set by a clock that ran ahead
                looking.plan(tx, community, now)
        return ()

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Look for gaps; None when it is another timer."""
        if not timer.key.startswith(GAP):
            return None
        found = [one for one in self._documents.communities if timer.key == f"{GAP}{one.key}"]
        return [effect for community in found for effect in looking.look(tx, community, now)]

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect] | None:
        """Let somebody fill a gap; None when it is about something else."""
        if not answer.subject.startswith(GAP):
            return None
        community = next(
            (one for one in self._documents.communities if answer.subject.startswith(f"{GAP}{one.key}/")), None
        )
        if community is None or answer.by is None or answer.choice is None:
            return ()
        with speaking(community.locale):
            return self._fill(tx, community, answer, now)

    def _fill(self, tx: Tx, community: Community, answer: Answer, now: Now) -> list[AnyEffect]:
        assert answer.by is not None  # noqa: S101 - looked at before
        room, part = answer.subject.removeprefix(f"{GAP}{community.key}/").rsplit("/", 1)
        tag = load_object(answer.tag)
        start_ms, end_ms = tag["start"], tag["end"]
        assert isinstance(start_ms, int)  # noqa: S101 - as written by ``looking``
        assert isinstance(end_ms, int)  # noqa: S101 - as written by ``looking``
        wish = changing.Wish(room=RoomKey(room), part=Part(part), span=Span(start_ms, end_ms))
        try:
            span, effects = changing.take(tx, community, answer.by, wish, now)
        except Refusal as refusal:
            gaps = View.of(tx, community, now.at_ms).gaps()
            if any((gap.room, gap.part) == (wish.room, wish.part) and gap.span.shares(wish.span) for gap in gaps):
                raise StillOpen(refusal.message) from None
            raise
        name = community.name_of(wish.room)
        when = saying.stretch(span, community.zone)
        said = content.conclusion(answer, swap_words.somebody_took(answer.by, name, when), now, people=[answer.by])
        looking.plan(tx, community, now)
        return [said, *effects, *self._changed(tx, community, now, answer.by)]
