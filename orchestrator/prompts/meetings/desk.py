"""Says what is to be said about meetings: each step once, and nothing that comes too late."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from orchestrator.culture import is_hushed
from orchestrator.documents.declared import Documents, Room
from orchestrator.i18n import speaking
from orchestrator.model.clock import DAY_MS, MINUTE_MS
from orchestrator.model.effects import AnyEffect, Priority, Result, Send
from orchestrator.model.feature import Command, Now, Timer, Tx
from orchestrator.model.ids import CommunityKey, Json, RoomId, RoomKey
from orchestrator.prompts.bag import Draw
from orchestrator.prompts.duty import NAME, Duty
from orchestrator.prompts.pauses import paused_until
from orchestrator.prompts.places import room_named
from orchestrator.prompts.slots import bag_of, claim_slot, draw_for, note_outcome, put_back
from orchestrator.store import bindings, locks
from orchestrator.store.timers import clear_timer, timers_of

from . import rows
from .asked import Asked
from .moving import follow, follow_keys
from .places import MEETING, Place, is_off, places, set_next
from .saying import OFFER, content_of, deck_of, name_of, offered, schedule_of, tag_in, tag_of
from .timetable import GRACE_MS, LONGEST_MS, MOST_AHEAD_MS, Due, Session, Step

WAIT_MS: Final = 30 * MINUTE_MS
"""After how long it is looked again whether something can be announced."""

LOOK_BACK_MS: Final = 366 * DAY_MS
"""How far back missed steps are written down one by one."""

KEPT_MS: Final = 60 * DAY_MS
"""How long it is kept what was said about a session."""


class Meetings:
    """Announces meetings, reminds of them, opens and closes them.

    Args:
        documents: what the authors wrote.
        duty: tells whether somebody is there.
    """

    def __init__(self, documents: Documents, duty: Duty) -> None:
        self._documents, self._duty = documents, duty
        self._asked = Asked(documents)
        self._by_key = {place.timer: place for place in places(documents)}

    @property
    def commands(self) -> Sequence[Command]:
        """``!meeting``."""
        return self._asked.commands

    def settle(self, tx: Tx, now: Now) -> Iterator[AnyEffect]:
        """Set a timer for each meeting; say of those that people were told of and that are not planned any more."""
        rows.tidy(tx, now.at_ms - KEPT_MS)
        for community in self._documents.communities:
            for room in community.rooms:
                follow_keys(tx, community, room)
        known = rows.known_rooms(tx, since_ms=now.at_ms + 1)
        for community in self._documents.communities:
            for room in community.rooms:
                told = (community.key, room.key) in known
                bound = bindings.bound_room(tx, community.key, room.key) if told else None
                if bound is not None:
                    with speaking(community.locale):
                        yield from follow(tx, community, room, bound, now)
        waiting = {timer.key: timer for timer in timers_of(tx, NAME, MEETING)}
        for key in waiting.keys() - self._by_key.keys():
            clear_timer(tx, NAME, key)
        for place in self._by_key.values():
            timer = waiting.get(place.timer)
            # One that is due knows what was missed, and sets the next itself.
            overdue = timer is not None and timer.due_ms <= now.at_ms
            if not overdue and bindings.bound_room(tx, place.community.key, place.room.key) is not None:
                set_next(tx, place, now.at_ms, again_ms=now.at_ms)

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Say what is due about a meeting; None: it is another desk's timer."""
        if not timer.key.startswith(MEETING):
            return None
        place = self._by_key.get(timer.key)
        bound = bindings.bound_room(tx, place.community.key, place.room.key) if place is not None else None
        if place is None or bound is None:
            return ()
        with speaking(place.community.locale):
            effects = list(self._run(tx, place, bound, _first_ms(timer, now), now))
        set_next(tx, place, now.at_ms, again_ms=now.at_ms + WAIT_MS)
        return effects

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect] | None:
        """Note what became of a step, and put the signs under an announcement; None: it is another desk's."""
        tag = tag_in(result)
        if tag is None:
            return None
        room = room_named(self._documents, CommunityKey(str(tag["community"])), RoomKey(str(tag["key"])))
        step, start_ms = str(tag["step"]), tag["start_ms"]
        assert isinstance(start_ms, int)  # noqa: S101 - as written by ``saying``
        if room is None or step == OFFER:
            return ()
        event = result.event or None
        rows.note(tx, room, str(tag["meeting"]), start_ms, step, result.outcome, where=result.room, event=event)
        if "deck" in tag:
            _settle_question(tx, room, tag, result)
        if step == Step.ANNOUNCE and event is not None and result.room is not None and start_ms > now.at_ms:
            return offered(tag, result.room, event)
        return ()

    # -- one meeting ---------------------------------------------------------------------------------------------------

    def _run(self, tx: Tx, place: Place, bound: RoomId, first_ms: int, now: Now) -> Iterator[AnyEffect]:
        """Take all that fell due since ``first_ms``."""
        known = rows.steps_in(tx, place.room, since_ms=first_ms - LONGEST_MS)
        for session in place.sessions(first_ms - LONGEST_MS, now.at_ms + MOST_AHEAD_MS):
            if is_off(known, session):
                continue
            for due in place.steps(session):
                if due.at_ms > now.at_ms or (place.meeting.id, session.start_ms, due.step) in known:
                    continue
                if due.stale_ms > now.at_ms:
                    yield from self._take(tx, place, bound, session, due, known, now)
                elif due.at_ms >= first_ms:
                    rows.claim(tx, place.room, place.meeting.id, session.start_ms, due.step, "passed: late")

    def _take(  # one step: which meeting, where, which time, what
        self,
        tx: Tx,
        place: Place,
        bound: RoomId,
        session: Session,
        due: Due,
        known: rows.Steps,
        now: Now,
    ) -> Iterator[AnyEffect]:
        hushed = is_hushed(tx, place.community.key, place.room.key, now)
        if due.step is Step.ANNOUNCE and hushed:
            return  # there is time, and somebody may be in need of quiet: it is looked again
        still = "hushed" if hushed else "paused" if paused_until(tx, place.room, now.at_ms) is not None else ""
        drawn = None if still else self._draw(tx, place, session, due, now)
        why = _not_now(tx, place, bound, due, drawn, now, still=still)
        if not rows.claim(tx, place.room, place.meeting.id, session.start_ms, due.step, why or rows.CLAIMED) or why:
            return
        name = name_of(place.room, place.meeting.id, session.start_ms)
        tag = tag_of(place.room, place.meeting.id, session.start_ms, due.step)
        if drawn is not None:
            schedule = schedule_of(place, due.step)
            claim_slot(tx, place.room, schedule, due.at_ms, "claimed", drawn.prompt.id)
            tag |= {"schedule": schedule.id, "due_ms": due.at_ms, "deck": bag_of(schedule)}
            tag |= {"item": drawn.item, "round": drawn.round}
        yield Send(
            step=f"{name}:{due.step}",
            room=bound,
            priority=Priority.ROUTINE if due.step is Step.ANNOUNCE else Priority.STRUCTURE,
            expires_ms=due.stale_ms,
            merge=name,
            tag=json.dumps(tag),
            content=content_of(place, bound, session, due.step, drawn, known, now),
        )

    def _draw(self, tx: Tx, place: Place, session: Session, due: Due, now: Now) -> Draw | None:
        """Draw the question of a step; with nobody there to catch what a deeper one may stir, a light one."""
        deck = deck_of(place, due.step)
        if deck is None or locks.is_locked(tx, place.community.key, place.room.key):
            return None
        covered = bool(self._duty.on_duty(tx, place.community.key, place.room.key, now))
        schedule = schedule_of(place, due.step)
        return draw_for(tx, place.room, schedule, 3 if covered else 1, session.start_ms, place.community.zone)


def _not_now(  # what there is to consider
    tx: Tx, place: Place, bound: RoomId, due: Due, drawn: Draw | None, now: Now, *, still: str
) -> str:
    """Tell why something is not said, "" where it is."""
    if locks.is_locked(tx, place.community.key, place.room.key):
        return "passed: locked"
    if due.step is Step.CLOSE and drawn is None:
        return f"passed: {still or 'empty'}"
    if due.step is Step.ANNOUNCE and now.at_ms - due.at_ms > GRACE_MS and bindings.was_found(tx, bound):
        return "passed: late"  # it is not remembered whether it was said before the rows were lost; the reminder comes
    return ""


def _settle_question(tx: Tx, room: Room, tag: Mapping[str, Json], result: Result) -> None:
    """Note what became of a question; one that was not asked goes back into its bag."""
    due_ms, round_ = tag["due_ms"], tag["round"]
    assert isinstance(due_ms, int)  # noqa: S101 - as written below
    assert isinstance(round_, int)  # noqa: S101 - as written below
    note_outcome(tx, room, str(tag["schedule"]), due_ms, result.outcome, result.event or None)
    if not result.event:
        put_back(tx, room, str(tag["deck"]), str(tag["item"]), round_)


def _first_ms(timer: Timer, now: Now) -> int:
    due_ms = timer.payload.get("due_ms")
    return max(due_ms if isinstance(due_ms, int) else timer.due_ms, now.at_ms - LOOK_BACK_MS)
