"""A look ahead: those who keep a room see what it will be asked a day before, and can change it with a tap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import time, tzinfo
from heapq import merge
from itertools import islice, takewhile
from typing import Final

from orchestrator.documents.declared import CONTROL_KEY, Community, Documents, Prompt, Room
from orchestrator.i18n import speaking
from orchestrator.model import content
from orchestrator.model.cadence import QuietHours
from orchestrator.model.clock import DAY_MS, HOUR_MS
from orchestrator.model.effects import AnyEffect, Ask, Choice, Send
from orchestrator.model.feature import Answer, Now, Role, Timer, Tx
from orchestrator.model.ids import CommunityKey, EventId, RoomId, RoomKey, UserId
from orchestrator.schedule import is_quiet, quiet_span
from orchestrator.store import bindings, locks, mirror
from orchestrator.store.rows import dump, load_object
from orchestrator.store.timers import clear_timer, set_timer, timer_of, timers_of

from . import ahead_words as words
from .chosen import choose, choose_another, chosen_for, drop_where_no_slot_is, skip
from .duty import NAME, Duty
from .hand_words import no_other, skipped
from .pauses import paused_until
from .places import Place, places_in, room_named
from .slots import is_claimed

AHEAD: Final = "ahead:"
AHEAD_MS: Final = DAY_MS
APART_MS: Final = 20 * HOUR_MS
"""Keepers are shown what comes about once a day, however often a room is asked."""
LATEST_MS: Final = 2 * HOUR_MS
"""So long before its time a question is shown at the latest."""
APIECE: Final = 2
"""Up to so many questions are shown one by one, to tap on; more are one list."""
NIGHT: Final = QuietHours(time(21), time(8))
"""When nobody is disturbed where a room names no quiet hours."""


@dataclass(frozen=True, slots=True)
class _Slot:
    place: Place
    due_ms: int


class Ahead:
    """Shows keepers what comes.

    Args:
        documents: what the authors wrote.
        duty: tells who is on duty.
    """

    def __init__(self, documents: Documents, duty: Duty) -> None:
        self._documents, self._duty = documents, duty
        self._by_key = {_key(room): (community, room) for community, room in _asked_rooms(documents)}

    def settle(self, tx: Tx, now: Now) -> Iterable[AnyEffect]:
        """Set a timer for each room; forget what was chosen for times that are none any more."""
        for timer in timers_of(tx, NAME, AHEAD):
            if timer.key not in self._by_key:
                clear_timer(tx, NAME, timer.key)
        for key, (community, room) in self._by_key.items():
            if bindings.bound_room(tx, community.key, room.key) is None:
                continue
            by_id = {place.schedule.id: place for place in places_in(community, room)}

            def is_slot(schedule: str, due_ms: int, by_id: Mapping[str, Place] = by_id) -> bool:
                return schedule in by_id and by_id[schedule].is_slot(tx, due_ms, now.at_ms)

            drop_where_no_slot_is(tx, room, is_slot)
            waiting = timer_of(tx, NAME, key)
            shown_ms, looked_ms = _known(waiting)
            if waiting is None or waiting.due_ms > now.at_ms:
                _set_next(tx, community, room, now.at_ms, shown_ms, looked_ms)
        return ()

    def due(self, tx: Tx, timer: Timer, now: Now) -> Iterable[AnyEffect] | None:
        """Show what comes in the next day; None when it is another timer."""
        if not timer.key.startswith(AHEAD):
            return None
        if timer.key not in self._by_key:
            return ()
        community, room = self._by_key[timer.key]
        shown_ms, looked_ms = _known(timer)
        unseen = (one for one in _slots(tx, community, room, now.at_ms) if one.due_ms > max(now.at_ms, shown_ms))
        # The first one is meant, even where nights had it shown more than a day before.
        coming = [
            one
            for one in islice(unseen, 1)
            if look_at_ms(room, community.zone, one.due_ms, now.at_ms, looked_ms) <= now.at_ms
        ]
        if coming:
            coming += takewhile(lambda one: one.due_ms <= now.at_ms + AHEAD_MS, unseen)
        effects: list[AnyEffect] = []
        if not is_night(room, community.zone, now.at_ms):
            with speaking(community.locale):
                effects = list(self._show(tx, community, room, coming, now))
            looked_ms = now.at_ms if effects else looked_ms
        shown_ms = max([shown_ms, *(one.due_ms for one in coming)])
        _set_next(tx, community, room, now.at_ms, shown_ms, looked_ms)
        return effects

    def answered(self, tx: Tx, answer: Answer, now: Now) -> Iterable[AnyEffect] | None:
        """Let it go, swap it or skip it; None when it is about something else."""
        if not answer.subject.startswith(AHEAD):
            return None
        community_key, _slash, room_key = answer.subject.removeprefix(AHEAD).partition("/")
        room = room_named(self._documents, CommunityKey(community_key), RoomKey(room_key))
        community = None if room is None else self._documents.community(room.community)
        tag = load_object(answer.tag)
        due_ms = tag["due_ms"]
        if room is None or community is None or answer.choice is None or not isinstance(due_ms, int):
            return ()
        place = next((one for one in places_in(community, room) if one.schedule.id == tag["schedule"]), None)
        with speaking(community.locale):
            if place is None or due_ms <= now.at_ms or is_claimed(tx, room, place.schedule, due_ms):
                return [content.conclusion(answer, words.too_late(), now)]
            return list(self._change(tx, _Slot(place, due_ms), answer, now))

    def _change(self, tx: Tx, slot: _Slot, answer: Answer, now: Now) -> Iterator[AnyEffect]:
        place, due_ms = slot.place, slot.due_ms
        room, schedule, community = place.room, place.schedule, place.community
        if answer.choice == "skip":
            skip(tx, room, schedule, due_ms)
            later = (one.due_ms for one in _slots(tx, community, room, now.at_ms) if one.due_ms > due_ms)
            following = next(later, None)
            yield content.conclusion(answer, skipped(community, due_ms, following), now)
        elif answer.choice == "swap":
            known = chosen_for(tx, room, schedule, due_ms)
            if known is not None and known.draw is None:
                yield content.conclusion(answer, words.passes_already(community.prefix), now)
                return
            prompt = choose_another(tx, room, schedule, due_ms, place.zone, self._tier_most(tx, slot, now))
            if prompt is None:
                yield content.conclusion(answer, no_other(room), now)
            else:
                yield self._ask(tx, slot, prompt, answer.room, now, instead_of=answer.question)
        else:
            yield content.conclusion(answer, words.goes(community, due_ms), now)

    # -- showing ---------------------------------------------------------------------------------------------------------

    def _show(self, tx: Tx, community: Community, room: Room, coming: Sequence[_Slot], now: Now) -> Iterator[AnyEffect]:
        control = bindings.bound_room(tx, community.key, CONTROL_KEY)
        if control is None or locks.is_locked(tx, community.key, room.key):
            return
        rests_ms = paused_until(tx, room, now.at_ms) or 0
        found = []
        for slot in coming:
            place = slot.place
            # What is known to be passed over is not drawn: it would only come back out of turn.
            if slot.due_ms < rests_ms or _is_in_quiet_hours(place, slot.due_ms):
                continue
            prompt = choose(tx, room, place.schedule, slot.due_ms, place.zone, self._tier_most(tx, slot, now))
            if prompt is not None:
                found.append((slot, prompt))
        if len(found) <= APIECE:
            for slot, prompt in found:
                yield self._ask(tx, slot, prompt, control, now)
            return
        lines = [words.line(community, slot.due_ms, prompt) for slot, prompt in found]
        people = self._keepers(tx, found[0][0], control, now)
        yield Send(
            step=f"ahead:{room.community}/{room.key}:{found[0][0].due_ms}",
            room=control,
            expires_ms=found[-1][0].due_ms,
            content=content.notice(words.several(room, lines, community.prefix), mentions=people[:1]),
        )

    def _ask(
        self,
        tx: Tx,
        slot: _Slot,
        prompt: Prompt,
        control: RoomId,
        now: Now,
        *,
        instead_of: EventId | None = None,
    ) -> Ask:
        place = slot.place
        people = self._keepers(tx, slot, control, now)
        choices = (
            Choice("✅", words.let_it_go(), "keep"),
            Choice("🔄", words.another(), "swap"),
            Choice("⏭️", words.skip_it(), "skip"),
        )
        on_duty = people[0] if people else None
        if instead_of is None:
            said = words.coming(place.community, place.room, slot.due_ms, prompt, on_duty)
        else:
            said = words.then_this(place.community, slot.due_ms, prompt)
        body = content.asking(said, choices, mentions=people[:1] if instead_of is None else ())
        return Ask(
            step=f"ahead:{place.room.community}/{place.room.key}:{place.schedule.id}:{slot.due_ms}",
            room=control,
            expires_ms=slot.due_ms,
            content=body if instead_of is None else content.reply(body, to=instead_of),
            choices=choices,
            needs=Role.FACILITATOR,
            asker=on_duty,
            about=place.community.key,
            about_room=place.room.key,
            subject=f"{AHEAD}{place.room.community}/{place.room.key}",
            tag=dump({"do": AHEAD, "schedule": place.schedule.id, "due_ms": slot.due_ms}),
            open_ms=max(slot.due_ms - now.at_ms, HOUR_MS),
        )

    def _tier_most(self, tx: Tx, slot: _Slot, now: Now) -> int:
        """Tell how deep it may go: with nobody on duty then, as far as that is known, not deep."""
        return 3 if "coverage" not in slot.place.schedule.gates or self._on_duty(tx, slot, now) else 1

    def _on_duty(self, tx: Tx, slot: _Slot, now: Now) -> tuple[UserId, ...]:
        place = slot.place
        return self._duty.on_duty(tx, place.community.key, place.room.key, replace(now, at_ms=slot.due_ms))

    def _keepers(self, tx: Tx, slot: _Slot, control: RoomId, now: Now) -> list[UserId]:
        """List who is on duty then and reads it here."""
        members = ((user, mirror.member(tx, control, user)) for user in self._on_duty(tx, slot, now))
        return [user for user, seen in members if seen is not None and seen.membership == "join"]


# -- when ------------------------------------------------------------------------------------------------------------------


def is_night(room: Room, zone: tzinfo, at_ms: int) -> bool:
    """Tell whether those who keep a room are left alone at an instant."""
    return quiet_span(room.quiet or NIGHT, zone, at_ms) is not None


def look_at_ms(room: Room, zone: tzinfo, due_ms: int, now_ms: int, looked_ms: int) -> int:
    """Tell when to show what is asked at ``due_ms``: a day before, in waking hours, and about once a day at most.

    Where it is night, it is shown the evening before; where that is past, in the morning.
    """
    at_ms = max(due_ms - AHEAD_MS, min(looked_ms + APART_MS, due_ms - LATEST_MS))
    night = quiet_span(room.quiet or NIGHT, zone, at_ms)
    if night is not None:
        at_ms = night.start_ms - HOUR_MS
    if at_ms > now_ms:
        return at_ms
    night = quiet_span(room.quiet or NIGHT, zone, now_ms)
    return now_ms if night is None else night.end_ms


def _is_in_quiet_hours(place: Place, due_ms: int) -> bool:
    quiet = place.room.quiet
    return "quiet_hours" in place.schedule.gates and quiet is not None and is_quiet(quiet, place.zone, due_ms)


def _set_next(tx: Tx, community: Community, room: Room, now_ms: int, shown_ms: int, looked_ms: int) -> None:
    following = next((one for one in _slots(tx, community, room, max(now_ms, shown_ms)) if one.due_ms > shown_ms), None)
    if following is None:
        clear_timer(tx, NAME, _key(room))
        return
    at_ms = look_at_ms(room, community.zone, following.due_ms, now_ms, looked_ms)
    payload = {"shown_ms": shown_ms, "looked_ms": looked_ms}
    timer = Timer(craft=NAME, key=_key(room), due_ms=min(at_ms, following.due_ms), payload=payload)
    if timer_of(tx, NAME, timer.key) != timer:
        set_timer(tx, timer)


def _known(timer: Timer | None) -> tuple[int, int]:
    """Tell up to which time it is shown what comes, and when that was last done."""
    shown_ms, looked_ms = (0, 0) if timer is None else (timer.payload.get("shown_ms"), timer.payload.get("looked_ms"))
    return (shown_ms if isinstance(shown_ms, int) else 0, looked_ms if isinstance(looked_ms, int) else 0)


def _slots(tx: Tx, community: Community, room: Room, after_ms: int) -> Iterator[_Slot]:
    """List the slots to come of all schedules of a room, in order."""
    each = ((_Slot(place, due_ms) for due_ms in place.slots(tx, after_ms)) for place in places_in(community, room))
    return merge(*each, key=lambda one: (one.due_ms, one.place.schedule.id))


def _asked_rooms(documents: Documents) -> Iterator[tuple[Community, Room]]:
    for community in documents.communities:
        for room in community.rooms:
            if room.prompts and not room.archive:
                yield community, room


def _key(room: Room) -> str:
    return f"{AHEAD}{room.community}/{room.key}"
