"""The desk that asks: each due slot is posted once, or passed over with its reason written down."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from orchestrator.culture import is_hushed
from orchestrator.documents.declared import Documents, Room
from orchestrator.i18n import speaking
from orchestrator.model.clock import DAY_MS
from orchestrator.model.effects import AnyEffect, Priority, Result, Send
from orchestrator.model.feature import Now, Timer, Tx
from orchestrator.model.ids import CommunityKey, Json, RoomId, RoomKey
from orchestrator.schedule import next_at, occurrences
from orchestrator.store import bindings, claims, locks
from orchestrator.store.claims import Claim
from orchestrator.store.timers import clear_timer, set_timer, timers_of

from . import ending, form
from .bag import Draw
from .chosen import chosen_for, drop, take
from .duty import NAME, Duty
from .gates import ACTIVE_MS, LOOK_AGAIN_MS, Moment, Opinion, Verdict, look
from .meetings.ahead import is_on
from .mentions import mentioned
from .pauses import paused_until, tidy_pauses
from .places import SLOT, Place, places, room_named, slot_of
from .slots import bag_of, claim_slot, is_claimed, last_asked_ms, note_outcome, posted, put_back

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
        self._by_key = {place.timer: place for place in places(documents)}

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Set a timer for each schedule; one that is due, or waits for a quiet moment, is left alone.

        What belongs to a schedule that is gone goes with it: its timer, and the pin of its last question.
        """
        pins: set[tuple[RoomId, tuple[str, ...]]] = set()
        waiting = {timer.key: timer for timer in timers_of(tx, NAME, SLOT)}
        keys: set[str] = set()
        for place in self._by_key.values():
            bound = place.bound(tx)
            if bound is None:
                continue
            _move(tx, place)
            keys.add(place.timer)
            if place.schedule.pin == "swap":
                pins.add((bound, _pin_path(place.schedule.id)))
            old = waiting.get(place.timer)
            if old is None or (old.due_ms > now.at_ms and old.due_ms == slot_of(old)):
                _set_next(tx, place, now.at_ms)
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
        place = self._by_key.get(timer.key)
        bound = None if place is None else place.bound(tx)
        return () if place is None or bound is None else self._fill(tx, place, bound, timer, now)

    def done(self, tx: Tx, result: Result, now: Now) -> Iterable[AnyEffect] | None:
        """Pin what was posted in place of the one before, and let follow what goes with it; put back what was not."""
        tag = json.loads(result.tag) if result.tag else {}
        # What an older version asked says nothing of what it does, but which slot it was.
        if tag.get("do", DO) != DO or "deck" not in tag:
            return None
        room = room_named(self._documents, CommunityKey(tag["community"]), RoomKey(tag["key"]))
        if room is None:
            return ()
        note_outcome(tx, room, tag["schedule"], tag["due_ms"], result.outcome, result.event or None)
        if not result.event:
            put_back(tx, room, tag["deck"], tag["item"], tag["round"])
            return ()
        follows: list[AnyEffect] = []
        if result.room is not None:
            if tag["pin"]:
                self._pin(tx, room, result.room, tag["schedule"], now)
            follows += form.following(tag, result.step, result.room, result.event, now.at_ms)
        place = next((one for one in self._by_key.values() if one.is_of(room, tag["schedule"])), None)
        return follows if place is None else [*follows, *ending.tell(tx, place, now)]

    def opinion(self, tx: Tx, place: Place, bound: RoomId, now: Now) -> Opinion:
        """Tell what the gates say of a question at this moment."""
        if locks.is_locked(tx, place.community.key, place.room.key):
            return Opinion(Verdict.PASS, "locked")  # nobody there could answer
        spoke = ("spoke", bound)
        moment = Moment(
            at_ms=now.at_ms,
            zone=place.zone,
            quiet=place.room.quiet,
            spoken=now.windows.since(spoke, now.at_ms - ACTIVE_MS),
            spoken_known=now.windows.is_known_since(spoke, now.at_ms - ACTIVE_MS),
            covered=bool(self._duty.on_duty(tx, place.community.key, place.room.key, now)),
            hushed=is_hushed(tx, place.community.key, place.room.key, now),
            paused=paused_until(tx, place.room, now.at_ms) is not None,
            meeting=is_on(tx, place.community, place.room, now.at_ms),
            last_ms=last_asked_ms(tx, place.room),
        )
        return look(place.schedule.gates, moment, cool_off_ms=place.schedule.cool_off_ms)

    def ask_now(
        self, tx: Tx, place: Place, bound: RoomId, now: Now, *, tier_most: int = 3, ahead_of_ms: int | None = None
    ) -> Sequence[AnyEffect]:
        """Ask the next question of a schedule out of turn, whatever the gates say; nothing where the deck holds none.

        It is the one that was chosen for the slot ``ahead_of_ms``, which is asked another one then.
        """
        chosen_ms = now.at_ms if ahead_of_ms is None else ahead_of_ms
        drawn = take(tx, place.room, place.schedule, chosen_ms, tier_most, now.at_ms, place.zone)
        return () if drawn is None else (self._send(tx, place, bound, now.at_ms, drawn, now.at_ms),)

    def _fill(self, tx: Tx, place: Place, bound: RoomId, timer: Timer, now: Now) -> Iterator[AnyEffect]:
        room, schedule = place.room, place.schedule
        tidy_pauses(tx, now.at_ms)
        *missed, due_ms = _fallen_due(place, timer, now.at_ms)
        for missed_ms in missed:
            _pass(tx, place, missed_ms, "late")
        if not is_claimed(tx, room, schedule, due_ms):
            chosen = chosen_for(tx, room, schedule, due_ms)
            if chosen is not None and chosen.draw is None:
                opinion = Opinion(Verdict.PASS, "skipped")
            elif now.at_ms - due_ms > schedule.grace_ms:
                opinion = Opinion(Verdict.PASS, "late")
            else:
                opinion = self.opinion(tx, place, bound, now)
            if opinion.verdict is Verdict.WAIT and now.at_ms + LOOK_AGAIN_MS - due_ms <= schedule.grace_ms:
                _set_timer(tx, place, now.at_ms + LOOK_AGAIN_MS, slot_ms=due_ms)
                return
            if opinion.verdict is Verdict.GO:
                yield from self._ask(tx, place, bound, due_ms, opinion, now)
            else:
                _pass(tx, place, due_ms, opinion.why)
        _set_next(tx, place, now.at_ms)

    def _ask(self, tx: Tx, place: Place, bound: RoomId, due_ms: int, opinion: Opinion, now: Now) -> Iterator[AnyEffect]:
        drawn = take(tx, place.room, place.schedule, due_ms, opinion.tier_most, now.at_ms, place.zone)
        if drawn is None:
            _pass(tx, place, due_ms, opinion.why or "empty")
        else:
            yield self._send(tx, place, bound, due_ms, drawn, now.at_ms)

    def _send(self, tx: Tx, place: Place, bound: RoomId, due_ms: int, drawn: Draw, now_ms: int) -> AnyEffect:
        room, schedule = place.room, place.schedule
        claim_slot(tx, room, schedule, due_ms, "claimed", drawn.prompt.id)
        whom = mentioned(tx, room.community, room.key, bound, now_ms) if schedule.mention else ()
        with speaking(place.community.locale):
            said = form.worded(drawn.prompt, schedule, room, place.community.prefix, whom)
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
            **form.to_follow(drawn.prompt, schedule),
        }
        return Send(
            step=f"prompt:{room.community}/{room.key}:{schedule.id}:{due_ms}",
            room=bound,
            priority=Priority.ROUTINE,
            expires_ms=due_ms + schedule.grace_ms,
            tag=json.dumps(tag),
            content=said,
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


def _move(tx: Tx, place: Place) -> None:
    """Let rows follow a room that goes by other keys now."""
    tables: tuple[bindings.Remembered, ...] = ("slot", "asked", "chosen", "pause", "ending")
    for table in tables:
        communities = (place.community.key, *place.community.previously)
        bindings.move_rows(tx, table, communities, (place.room.key, *place.room.previously))


def _pass(tx: Tx, place: Place, due_ms: int, why: str) -> None:
    """Write down that a slot asks nothing, and why; what was chosen for it goes back."""
    drop(tx, place.room, place.schedule, due_ms)
    claim_slot(tx, place.room, place.schedule, due_ms, f"passed: {why}")


def _set_next(tx: Tx, place: Place, after_ms: int) -> None:
    following = next_at(place.schedule.when, place.zone, after_ms)
    if following is None:  # a rule that is over
        clear_timer(tx, NAME, place.timer)
    else:
        _set_timer(tx, place, following.at_ms, slot_ms=following.at_ms)


def _set_timer(tx: Tx, place: Place, due_ms: int, *, slot_ms: int) -> None:
    # A timer knows which slot it is for: it may have to wait, and be set anew by whoever else.
    set_timer(tx, Timer(craft=NAME, key=place.timer, due_ms=due_ms, payload={"due_ms": slot_ms}))


def _fallen_due(place: Place, timer: Timer, now_ms: int) -> Sequence[int]:
    """List the slots that a timer stands for, oldest first: its own, and those that came while it could not fire.

    After a long absence nobody wants them all at once: only the newest may still be asked.
    """
    first_ms = slot_of(timer)
    since_ms = max(first_ms + 1, now_ms - LOOK_BACK_MS)
    return [first_ms, *(slot.at_ms for slot in occurrences(place.schedule.when, place.zone, since_ms, now_ms + 1))]


def _pin_path(schedule: str) -> tuple[str, ...]:
    return ("pins", f"prompt:{schedule}")
