"""The desk that asks: each due slot is posted once, or passed over with its reason written down."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from orchestrator.culture import is_hushed
from orchestrator.documents.declared import Community, Documents, PromptSchedule, Room
from orchestrator.i18n import _, speaking
from orchestrator.model import content
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Priority, Result, Send
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.model.ids import CommunityKey, Json, RoomId, RoomKey
from orchestrator.schedule import next_at, occurrences
from orchestrator.store import bindings, claims, locks
from orchestrator.store.claims import Claim
from orchestrator.store.timers import clear_timer, set_timer, timers_of

from .duty import NAME, Duty
from .gates import ACTIVE_MS, LOOK_AGAIN_MS, Moment, Opinion, Verdict, look
from .slots import bag_of, claim_slot, draw_for, is_claimed, last_asked_ms, note_outcome, posted, put_back

SLOT: Final = "slot:"
DO: Final = "slot"
PIN_OWNER: Final = "prompt"
LOOK_BACK_MS = 366 * DAY_MS
"""How far back missed slots are written down one by one; a clock that was wrong by decades is not worth more."""


class Asking:
    """Asks each room its questions.

    Args:
        documents: what the authors wrote.
        duty: tells whether somebody is there.
    """

    def __init__(self, documents: Documents, duty: Duty) -> None:
        self._documents = documents
        self._duty = duty
        self._by_key = {
            _timer_key(room, schedule): (community, room, schedule)
            for community in documents.communities
            for room in community.rooms
            for schedule in room.prompts
        }

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Set a timer for each schedule; one that is due, or waits for a quiet moment, is left alone.

        What belongs to a schedule that is gone goes with it: its timer, and the pin of its last question.
        """
        keys: set[str] = set()
        pins: set[tuple[RoomId, tuple[str, ...]]] = set()
        waiting = {timer.key: timer for timer in timers_of(tx, NAME, SLOT)}
        for community, room, bound, schedule in self._schedules(tx):
            bindings.move_rows(tx, "slot", (community.key, *community.previously), (room.key, *room.previously))
            bindings.move_rows(tx, "asked", (community.key, *community.previously), (room.key, *room.previously))
            key = _timer_key(room, schedule)
            keys.add(key)
            if schedule.pin == "swap":
                pins.add((bound, _pin_path(schedule.id)))
            old = waiting.get(key)
            if old is None or (old.due_ms > now.at_ms and old.due_ms == _slot_of(old)):
                self._set_next(tx, community, room, schedule, now.at_ms)
        for key in waiting.keys() - keys:
            clear_timer(tx, NAME, key)
        for claim in claims.claims_of(tx, PIN_OWNER):
            if (claim.room, claim.path) not in pins:
                claims.drop_claim(tx, claim.room, claim.type, PIN_OWNER, now.at_ms, path=claim.path)
        return ()

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Fill a slot, wait for a better moment within its grace, or pass it over with the reason."""
        if not timer.key.startswith(SLOT):
            return None
        # However many rooms there are, only the one that is meant is looked at.
        found = self._by_key.get(timer.key)
        if found is None:
            return ()
        community, room, schedule = found
        bound = bindings.bound_room(tx, community.key, room.key)
        return () if bound is None else self._fill(tx, community, room, bound, schedule, timer, now)

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect] | None:
        """Pin what was posted in place of the one before; put back what was not."""
        tag = json.loads(result.tag)
        if tag.get("do", DO) != DO:
            return None
        room = self._room(CommunityKey(tag["community"]), RoomKey(tag["key"]))
        if room is None:
            return ()
        note_outcome(tx, room, tag["schedule"], tag["due_ms"], result.outcome, result.event or None)
        if not result.event:
            put_back(tx, room, tag["deck"], tag["item"], tag["round"])
        elif tag["pin"] and result.room is not None:
            self._pin(tx, room, result.room, tag["schedule"], now)
        return ()

    def _room(self, community: CommunityKey, key: RoomKey) -> Room | None:
        """Find a declared room by the keys it had when it was asked, which may have changed since."""
        for declared in self._documents.communities:
            if community in {declared.key, *declared.previously}:
                for room in declared.rooms:
                    if key in {room.key, *room.previously}:
                        return room
        return None

    # -- slots ---------------------------------------------------------------------------------------------------------

    def _schedules(self, tx: Tx) -> Iterator[tuple[Community, Room, RoomId, PromptSchedule]]:
        for community in self._documents.communities:
            for room in community.rooms:
                bound = bindings.bound_room(tx, community.key, room.key)
                if bound is not None:
                    for schedule in room.prompts:
                        yield community, room, bound, schedule

    def _set_next(self, tx: Tx, community: Community, room: Room, schedule: PromptSchedule, after_ms: int) -> None:
        following = next_at(schedule.when, community.zone, after_ms)
        if following is None:  # a rule that is over
            clear_timer(tx, NAME, _timer_key(room, schedule))
        else:
            self._set_timer(tx, _timer_key(room, schedule), following.at_ms, slot_ms=following.at_ms)

    def _set_timer(self, tx: Tx, key: str, due_ms: int, *, slot_ms: int) -> None:
        # A timer knows which slot it is for: it may have to wait, and be set anew by whoever else.
        set_timer(tx, Timer(craft=NAME, key=key, due_ms=due_ms, payload={"due_ms": slot_ms}))

    def _fill(  # one slot: where, what, when
        self, tx: Tx, community: Community, room: Room, bound: RoomId, schedule: PromptSchedule, timer: Timer, now: Now
    ) -> Iterator[AnyEffect]:
        *missed, due_ms = _fallen_due(community, schedule, timer, now.at_ms)
        for missed_ms in missed:
            claim_slot(tx, room, schedule, missed_ms, "passed: late")
        if not is_claimed(tx, room, schedule, due_ms):
            late = now.at_ms - due_ms > schedule.grace_ms
            opinion = Opinion(Verdict.PASS, "late") if late else self._look(tx, community, room, bound, schedule, now)
            if locks.is_locked(tx, community.key, room.key):
                opinion = Opinion(Verdict.PASS, "locked")  # nobody there could answer
            if opinion.verdict is Verdict.WAIT and now.at_ms + LOOK_AGAIN_MS - due_ms <= schedule.grace_ms:
                self._set_timer(tx, timer.key, now.at_ms + LOOK_AGAIN_MS, slot_ms=due_ms)
                return
            if opinion.verdict is Verdict.GO:
                yield from self._ask(tx, community, room, bound, schedule, due_ms, opinion, now)
            else:
                claim_slot(tx, room, schedule, due_ms, f"passed: {opinion.why}")
        self._set_next(tx, community, room, schedule, now.at_ms)

    def _look(  # the moment, as the gates see it
        self, tx: Tx, community: Community, room: Room, bound: RoomId, schedule: PromptSchedule, now: Now
    ) -> Opinion:
        spoke = ("spoke", bound)
        moment = Moment(
            at_ms=now.at_ms,
            zone=community.zone,
            quiet=room.quiet,
            spoken=now.windows.since(spoke, now.at_ms - ACTIVE_MS),
            spoken_known=now.windows.is_known_since(spoke, now.at_ms - ACTIVE_MS),
            covered=bool(self._duty.on_duty(tx, community.key, room.key, now)),
            hushed=is_hushed(tx, community.key, room.key, now),
            last_ms=last_asked_ms(tx, room),
        )
        return look(schedule.gates, moment, cool_off_ms=schedule.cool_off_ms)

    def _ask(  # as _fill, with what the gates said
        self,
        tx: Tx,
        community: Community,
        room: Room,
        bound: RoomId,
        schedule: PromptSchedule,
        due_ms: int,
        opinion: Opinion,
        now: Now,
    ) -> Iterator[AnyEffect]:
        drawn = draw_for(tx, room, schedule, opinion.tier_most, now.at_ms, community.zone)
        if drawn is None:
            claim_slot(tx, room, schedule, due_ms, f"passed: {opinion.why or 'empty'}")
            return
        claim_slot(tx, room, schedule, due_ms, "claimed", drawn.prompt.id)
        with speaking(community.locale):
            words = _worded(drawn.prompt.text, drawn.prompt.note, thread=schedule.thread)
        tag: dict[str, Json] = {
            "do": DO,
            "community": room.community,
            "key": room.key,
            "schedule": schedule.id,
            "due_ms": due_ms,
            "deck": bag_of(schedule),
            "item": drawn.item,
            "round": drawn.round,
            "pin": schedule.pin == "swap",
        }
        yield Send(
            step=f"prompt:{room.community}/{room.key}:{schedule.id}:{due_ms}",
            room=bound,
            priority=Priority.ROUTINE,
            expires_ms=due_ms + schedule.grace_ms,
            tag=json.dumps(tag),
            content=content.text(words),
        )

    def _pin(self, tx: Tx, room: Room, bound: RoomId, schedule: str, now: Now) -> None:
        newest, *older = posted(tx, room, schedule)
        claim = Claim(
            room=bound,
            type="m.room.pinned_events",
            path=_pin_path(schedule),
            owner=PIN_OWNER,
            value={"pin": newest, "unpin": older},
        )
        claims.put_claim(tx, claim, now.at_ms)


def _slot_of(timer: Timer) -> int:
    """Tell which slot a timer is for: its own time, unless it waits."""
    slot_ms = timer.payload.get("due_ms")
    return slot_ms if isinstance(slot_ms, int) else timer.due_ms


def _fallen_due(community: Community, schedule: PromptSchedule, timer: Timer, now_ms: int) -> Sequence[int]:
    """List the slots that a timer stands for, oldest first: its own, and those that came while it could not fire.

    After a long absence nobody wants them all at once: only the newest may still be asked.
    """
    first_ms = _slot_of(timer)
    since_ms = max(first_ms + 1, now_ms - LOOK_BACK_MS)
    return [first_ms, *(slot.at_ms for slot in occurrences(schedule.when, community.zone, since_ms, now_ms + 1))]


def _worded(question: str, note: str, *, thread: bool) -> str:
    question = question.strip()
    # Stars around more than one line would be read as stars.
    parts = [question if "\n" in question else f"**{question}**"]
    if note:
        parts.insert(0, _("_A word before: this one {note}._").format(note=note))
    if thread:
        parts.append(_("_If you like, answer in a thread. Reading along, or passing, is just as welcome._"))
    else:
        parts.append(_("_Answer if you like. Reading along, or passing, is just as welcome._"))
    return "\n\n".join(parts)


def _pin_path(schedule: str) -> tuple[str, ...]:
    return ("pins", f"prompt:{schedule}")


def _timer_key(room: Room, schedule: PromptSchedule) -> str:
    return f"{SLOT}{room.community}/{room.key}/{schedule.id}"
